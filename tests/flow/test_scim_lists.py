"""Lists over SCIM: pages, filters by an index and without, sorting, .search, both types at once, many at a time."""

import concurrent.futures
import random
import urllib.parse

import pytest

import daemon as daemons
import scim_clients as scim
from scim_clients import GROUP, MAIL_USER, USER

COUNT = 620  # more than two batches


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim.start(make_daemon)


@pytest.fixture(scope="module")
def team(daemon):
    return scim.Team(daemon)


def titled(number):
    return f"t{number % 7}"


@pytest.fixture(scope="module")
def users(team):
    """The ids in order of their making; every third is not active, one in five has no title."""
    client, made = team.client(), []
    for number in range(COUNT):
        body = {"schemas": [USER], "userName": team.at(f"u{number}"), "externalId": f"e{number}", "displayName": f"Übung {number % 10}",
                "name": {"familyName": f"F{(number * 37) % COUNT:04d}"}, "active": number % 3 != 0,
                "emails": [{"value": team.at(f"u{number}"), "type": "work"}, {"value": f"x{number}@example.net", "type": "home"}]}
        if number % 5:
            body["title"] = titled(number)
        made.append(client.post("/Users", body).id)
    client.close()
    return made


@pytest.fixture(scope="module")
def groups(team, users):
    client = team.client()
    made = [client.post("/Groups", {"schemas": [GROUP], "displayName": f"g{number}",
                                    "members": [{"value": one} for one in users[number * 3:number * 3 + 3]]}).id for number in range(30)]
    client.close()
    return made


def ids(reply):
    return [resource["id"] for resource in reply.resources]


def test_pages(client, users):
    first = client.get("/Users")
    assert ids(first) == users[:100] and first["totalResults"] == COUNT and first["startIndex"] == 1
    seen = []
    while len(seen) < COUNT:  # as authentik walks
        page = client.get(f"/Users?startIndex={len(seen) + 1}")
        assert page["totalResults"] == COUNT and page["startIndex"] == len(seen) + 1
        seen += ids(page)
    assert seen == users
    assert ids(client.get("/Users?startIndex=615&count=3")) == users[614:617]
    assert ids(client.get("/Users?count=1000")) == users
    assert ids(client.get("/Users?count=5000")) == users


@pytest.mark.parametrize("query, start, count", [
    ("startIndex=0&count=2", 1, 2), ("startIndex=-5&count=1", 1, 1), ("count=0", 1, 0), ("count=-1", 1, 0), ("startIndex=620", 620, 1),
    ("startIndex=621", 621, 0), ("startIndex=2147483647", 2147483647, 0)])
def test_ends_of_pages(client, users, query, start, count):
    page = client.get(f"/Users?{query}")
    assert (page["startIndex"], page["itemsPerPage"], page["totalResults"]) == (start, count, COUNT)


@pytest.mark.parametrize("query", ["count=x", "startIndex=1.5", "count=99999999999999999999", "startIndex="])
def test_numbers_that_are_none(client, query):
    client.get(f"/Users?{query}", 400).refused(400, "invalidValue", query.partition("=")[0])


def test_unknown_parameters(client, users):
    assert client.get("/Users?aadOptscim062020&count=1&x=y")["itemsPerPage"] == 1


def quoted(text):
    return urllib.parse.quote(text, safe="")


@pytest.mark.parametrize("text, want", [
    ('userName eq "u7@{d}"', [7]), ('USERNAME EQ "U7@{d}"', [7]), ('externalId eq "e9"', [9]), ('externalId eq "E9"', []),
    ('emails.value eq "x12@EXAMPLE.net"', [12]), ('emails[type eq "work"].value eq "u13@{d}"', [13]),
    ('emails[type eq "home" and value eq "u13@{d}"]', []), ('id eq "{id}"', [5]), ('id eq "nothing"', []),
    ('userName eq "u7@{d}" and active eq false', []), ('userName eq "u6@{d}" and active eq false', [6]),
    ('userName eq "u6@{d}" or userName eq "u8@{d}"', [6, 8]), ('userName sw "u61"', [61, *range(610, 620)]),
    ('not (userName co "u")', []), ('name.familyName gt "F0616"', None), ('title pr and displayName eq "übung 3" and userName sw "u1"', None),
    ('meta.created gt "2001-01-01T00:00:00Z" and externalId eq "e3"', [3]), ('nothing eq "x"', []), ('unknown pr', []),
])
def test_filters(team, client, users, text, want):
    text = text.replace("{d}", team.domain).replace("{id}", users[5])
    reply = client.find(text)
    if want is None:
        assert 0 < reply["totalResults"] < COUNT
    else:
        assert ids(reply) == [users[number] for number in want]
        assert reply["totalResults"] == len(want)


def test_plus_is_a_blank(team, client, users):
    assert ids(client.get(f"/Users?filter=userName+eq+%22u7%40{team.domain}%22")) == [users[7]]


def test_pages_of_a_filter(client, users):
    inactive = [one for number, one in enumerate(users) if number % 3 == 0]
    target = "/Users?filter=" + quoted("active eq false")
    everything = client.get(f"{target}&count=1000")
    assert ids(everything) == inactive and everything["totalResults"] == len(inactive)
    page = client.get(f"{target}&startIndex=151&count=20")
    assert ids(page) == inactive[150:170] and page["totalResults"] == len(inactive) and page["startIndex"] == 151
    assert client.get(f"{target}&count=0")["totalResults"] == len(inactive)


@pytest.mark.parametrize("text", ["userName", "userName zz 1", 'userName eq "a', "(userName pr", "", "userName eq", "active gt true",
                                  'password eq "x"', "a" * 5000, "(" * 100 + "userName pr" + ")" * 100])
def test_filters_that_are_none(client, text):
    client.find(text, expect=400).refused(400, "invalidFilter")


def test_sorted(team, client, users):
    by_family = sorted(range(COUNT), key=lambda number: (number * 37) % COUNT)
    reply = client.get("/Users?sortBy=name.familyName&count=1000")
    assert ids(reply) == [users[number] for number in by_family] and reply["totalResults"] == COUNT
    assert ids(client.get("/Users?sortBy=name.familyName&startIndex=301&count=5")) == [users[number] for number in by_family[300:305]]
    reply = client.get("/Users?sortBy=name.familyName&sortOrder=descending&count=3")
    assert ids(reply) == [users[number] for number in by_family[:-4:-1]]
    # What has none comes last ascending, first descending; ties keep their order.
    numbers = sorted(range(COUNT), key=lambda number: (number % 5 == 0, titled(number) if number % 5 else "", number))
    assert ids(client.get("/Users?sortBy=title&count=1000")) == [users[number] for number in numbers]
    assert users.index(ids(client.get("/Users?sortBy=title&sortOrder=descending&count=1"))[0]) % 5 == 0
    inactive = [number for number in by_family if number % 3 == 0]
    target = "/Users?sortBy=name.familyName&filter=" + quoted("active eq false")
    assert ids(client.get(f"{target}&count=7")) == [users[number] for number in inactive[:7]]
    by_mail = sorted((number for number in range(COUNT) if str(number).startswith("2")), key=lambda number: f"u{number}@")
    reply = client.get("/Users?sortBy=emails&count=200&filter=" + quoted('userName sw "u2"'))
    assert ids(reply) == [users[number] for number in by_mail]
    client.get("/Users?sortBy=emails%5Btype", 400).refused(400, "invalidPath")


def test_what_is_returned(client, users):
    reply = client.get("/Users?attributes=userName&count=3")
    assert all(set(user) == {"schemas", "id", "userName"} for user in reply.resources)
    reply = client.get(f"/Users?attributes=externalId&count=3&filter={quoted('active eq true')}")
    assert all(set(user) == {"schemas", "id", "externalId"} for user in reply.resources)


def test_search(team, client, users, groups):
    reply = client.post("/Users/.search", {"schemas": [scim.SEARCH], "filter": "active eq false", "attributes": ["externalId"],
                                           "startIndex": 2, "count": 3, "sortBy": "externalId", "sortOrder": "ascending"}, 200)
    inactive = sorted(f"e{number}" for number in range(0, COUNT, 3))
    assert [user["externalId"] for user in reply.resources] == inactive[1:4]
    assert set(reply.resources[0]) == {"schemas", "id", "externalId"}
    reply = client.post("/Groups/.search", {"schemas": [scim.SEARCH], "filter": 'displayName eq "G7"', "excludedAttributes": ["members"]}, 200)
    assert ids(reply) == [groups[7]] and "members" not in reply.resources[0]
    client.post("/Users/.search", {"schemas": [scim.SEARCH], "count": "x"}, 400).refused(400, "invalidValue", "count")
    client.post("/Users/.search", {"schemas": [scim.SEARCH], "filter": "x"}, 400).refused(400, "invalidFilter")


def test_both_types(client, users, groups):
    reply = client.get("/?startIndex=611&count=20")
    assert ids(reply) == users[610:] + groups[:10] and reply["totalResults"] == COUNT + len(groups)
    reply = client.post("/.search", {"schemas": [scim.SEARCH], "filter": 'displayName eq "g3" or userName sw "u61"', "count": 50}, 200)
    assert ids(reply) == [users[61], *users[610:], groups[3]]
    reply = client.post("/.search", {"schemas": [scim.SEARCH], "sortBy": "displayName", "count": 35, "startIndex": 1}, 200)
    assert ids(reply)[:30] == sorted(groups, key=lambda one: f"g{groups.index(one)}")
    assert set(ids(reply)[30:]) <= set(users)


def test_groups_by_their_members(client, users, groups):
    assert ids(client.find(f'members eq "{users[10]}"', "Groups")) == [groups[3]]
    assert ids(client.find(f'id eq "{groups[3]}" and members eq "{users[10]}"', "Groups")) == [groups[3]]
    assert ids(client.find(f'id eq "{groups[4]}" and members eq "{users[10]}"', "Groups")) == []
    assert ids(client.find(f'members.value eq "{users[10]}" or displayName eq "g9"', "Groups")) == [groups[3], groups[9]]
    assert ids(client.find(f'not (members eq "{users[10]}") and displayName sw "g3"', "Groups")) == []
    assert ids(client.find(f'not (members eq "{users[10]}") and displayName sw "g4"', "Groups")) == [groups[4]]
    assert ids(client.find(f'members eq "{users[10]}" and members eq "{users[11]}"', "Groups")) == [groups[3]]
    assert ids(client.find(f'members eq "{users[10]}" and members eq "{users[12]}"', "Groups")) == []
    assert ids(client.find(f'members[value eq "{users[10]}" and type eq "User"]', "Groups")) == [groups[3]]
    assert ids(client.find(f'members.display co "{users[10]}" or members.value eq "{users[13]}"', "Groups")) == [groups[4]]
    assert len(client.find(f'id eq "{groups[3]}" and members eq "{users[10]}"', "Groups").resources[0]["members"]) == 3
    assert ids(client.find('not (members pr)', "Groups")) == [] and client.find('members pr', "Groups")["totalResults"] == 30
    assert ids(client.find(f'groups.value eq "{groups[5]}"')) == users[15:18]


def test_groups_of_those_on_the_page(client, users, groups):
    page = client.get("/Users?startIndex=4&count=20")
    assert [[entry["value"] for entry in user["groups"]] for user in page.resources] == [[groups[number // 3]] for number in range(3, 23)]


def test_what_comes_and_goes(daemon):
    team = scim.Team(daemon)
    client = team.client()
    made = [client.post("/Users", team.user(f"u{number}")).id for number in range(30)]
    assert ids(client.get("/Users")) == made
    for one in made[5:15]:
        client.delete(f"/Users/{one}")
    made = made[:5] + made[15:] + [client.post("/Users", team.user(f"n{number}")).id for number in range(5)]
    reply = client.get("/Users?startIndex=4&count=10")
    assert ids(reply) == made[3:13] and reply["totalResults"] == 25
    team.daemon.postern("account", "delete", team.at("u0"))
    assert ids(client.get("/Users")) == made[1:]


def test_many_at_once(team, users):
    """Lists that read all wait for their turn; single requests go on meanwhile."""
    def scan(_):
        client = team.client()
        reply = client.ask("GET", "/Users?count=1&filter=" + quoted('displayName co "bung"'))
        client.close()
        return reply.status

    def look(number):
        client = team.client()
        client.get(f"/Users/{users[number]}")
        client.close()

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        scans = [pool.submit(scan, number) for number in range(8)]
        looks = [pool.submit(look, random.randrange(COUNT)) for number in range(20)]
        assert [one.result() for one in scans] == [200] * 8
        for one in looks:
            one.result()


def test_who_leaves_while_all_is_read(daemon, team, client, users):
    for _ in range(30):
        gone = team.client()
        gone.connection.request("GET", "/scim/v2/Users?sortBy=title&filter=" + quoted('displayName co "bung"'), headers=gone.headers)
        gone.close()
    reply = daemons.wait_for(lambda: (found := client.find('displayName co "bung"', expect=None)).status == 200 and found, "a turn")
    assert reply["totalResults"] == COUNT and len(daemon.workers) == 1


def test_a_small_page_setting(make_daemon):
    daemon = scim.start(make_daemon)
    daemon.extra += "\nscim {\n  page = 3\n  page_max = 5\n  requests_per_minute = 30\n  public_discovery = yes\n}"
    daemon.write_conf()
    daemon.stop()
    daemon.start()
    team = scim.Team(daemon)
    client = team.client()
    for number in range(7):
        client.post("/Users", team.user(f"u{number}"))
    assert client.get("/Users")["itemsPerPage"] == 3 and client.get("/Users?count=100")["itemsPerPage"] == 5
    nobody = scim.Client(daemon.public_port, None)
    assert nobody.get("/ServiceProviderConfig")["filter"]["maxResults"] == 5
    nobody.get("/Users", 401)
    assert [client.ask("GET", "/Users?count=0").status for _ in range(30)][-1] == 429
    reply = client.get("/Users", 429).refused(429)
    assert 1 <= int(reply.headers["Retry-After"]) <= 61


def test_wrong_tokens_are_counted(make_daemon):
    daemon = scim.start(make_daemon)
    team = scim.Team(daemon)
    wrong = scim.Client(daemon.public_port, "psc_" + "B" * 43)
    assert {wrong.get("/Users", None).status for _ in range(30)} == {401}
    mark = daemon.mark()
    reply = wrong.get("/Users", 429).refused(429)
    for _ in range(10):
        wrong.get("/Users", 429)
    daemon.wait_line("reason=too_many_wrong_tokens", mark)
    assert len(daemon.lines("scim_request", mark)) == 1  # a flood fills no log
    assert int(reply.headers["Retry-After"]) >= 1
    assert team.client().get("/Users")["totalResults"] == 0  # the right one is taken from there all the same


def test_the_mail_extension_in_a_filter(daemon):
    team = scim.Team(daemon)
    client = team.client()
    body = team.user("a", **{MAIL_USER: {"quotaBytes": 5368709120}})
    client.post("/Users", body)
    client.post("/Users", team.user("b"))
    assert client.find(f"{MAIL_USER}:quotaBytes gt 1000")["totalResults"] == 1
