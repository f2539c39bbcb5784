"""The rules of RFC 7643, 7644 and 9865 about lists (N28 to N37): pages, order, sorting, filters."""

import pytest

import scim_clients
from scim_clients import ENTERPRISE, GROUP, LIST, MAIL_USER, SEARCH, Team

# name: what it has beside its address, which is name@domain
PEOPLE = {
    "ada": {"externalId": "E-1", "displayName": "Ada L", "title": "Dr.", "active": True, "nickName": "a", ENTERPRISE: {"employeeNumber": "10", "department": "ops"},
            "name": {"givenName": "Ada", "familyName": "Lund"}, "phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2", "type": "home"}],
            MAIL_USER: {"quotaBytes": 1 << 30}},
    "bob": {"externalId": "e-1", "displayName": "bob", "active": False, "name": {"givenName": "Bob", "familyName": "Aas"}, MAIL_USER: {"quotaBytes": 5 << 30}},
    "cy": {"title": "Dr.", "active": True, "roles": [{"value": "admin", "type": "x"}], "phoneNumbers": [{"value": "1", "type": "home"}, {"value": "9", "type": "work"}]},
    "dan": {"displayName": "Öle \"the\" D\\", "active": True, "userType": "True", "nickName": "b", ENTERPRISE: {"employeeNumber": "9", "manager": {"value": "m-1"}}},
    "eve": {"displayName": "öle", "active": True, "title": "(not)", "nickName": "A"},
}


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim_clients.start(make_daemon, connections_per_address=1000)


@pytest.fixture(scope="module")
def team(daemon):
    team = Team(daemon)
    client = team.client()
    ids = {name: client.post("/Users", team.user(name, **more)).id for name, more in PEOPLE.items()}
    second = [{"value": team.at("ada"), "type": "work", "primary": True}, {"value": "ada@home.example", "type": "home"}]
    client.patch(f"/Users/{ids['ada']}", [{"op": "replace", "path": "emails", "value": second}])
    team.group = client.post("/Groups", {"schemas": [GROUP], "displayName": "Ops", "members": [ids["ada"], ids["bob"]]}).id
    client.post("/Groups", {"schemas": [GROUP], "displayName": "none"})
    team.ids = ids
    return team


@pytest.fixture(scope="module")
def client(team):
    return team.client()


def names(reply):
    return [user["userName"].partition("@")[0] for user in reply.resources]


def matching(client, filter_text):
    """Whom it finds, by GET and by .search, for the two must agree."""
    found = names(client.find(filter_text))
    assert found == names(client.post("/Users/.search", {"schemas": [SEARCH], "filter": filter_text}, 200)), filter_text
    return set(found)


# ---- N28, N29: pages ----


def test_n28_ok_list(client):
    everything = client.get("/Users")
    assert everything["schemas"] == [LIST] and (everything["totalResults"], everything["startIndex"], everything["itemsPerPage"]) == (5, 1, 5)
    nobody = client.find('userName eq "nobody"')
    assert (nobody["totalResults"], nobody["startIndex"], nobody["itemsPerPage"], nobody.resources) == (0, 1, 0, [])


def test_n28_no_list_of_others(daemon, client):
    """What is not this token's is in no list and in no count."""
    assert Team(daemon).client().get("/Users")["totalResults"] == 0
    other = Team(daemon)
    other.client().post("/Users", other.user("ada"))
    assert client.get("/Users")["totalResults"] == 5


@pytest.mark.parametrize("query,start,count", [
    ("", 1, 5), ("startIndex=0", 1, 5), ("startIndex=-7", 1, 5), ("startIndex=2", 2, 4), ("count=0", 1, 0), ("count=-1", 1, 0), ("count=2", 1, 2), ("count=2&startIndex=5", 5, 1),
    ("startIndex=6", 6, 0), ("startIndex=99999999&count=10", 99999999, 0), ("count=2147483647", 1, 5), ("startIndex=01&count=03", 1, 3)])
def test_n29_ok_pages(client, query, start, count):
    everyone = names(client.get("/Users"))
    for more in ("", "&filter=userName+pr", "&sortBy=meta.created"):
        page = client.get(f"/Users?{query}{more}")
        assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (5, start, count)
        assert names(page) == everyone[start - 1:start - 1 + count]
    body = {"schemas": [SEARCH], **{name: int(value) for name, value in (pair.split("=") for pair in query.split("&") if pair)}}
    assert names(client.post("/Users/.search", body, 200)) == everyone[start - 1:start - 1 + count]


def test_n29_ok_order_is_stable(client, team):
    """Also when one changes and another goes."""
    before = names(client.get("/Users"))
    assert before == list(PEOPLE)
    extra = client.post("/Users", team.user("zoe")).id
    client.patch(f"/Users/{team.ids['ada']}", [{"op": "replace", "path": "timezone", "value": "UTC"}])
    assert names(client.get("/Users")) == [*before, "zoe"]
    client.delete(f"/Users/{extra}")
    assert names(client.get("/Users")) == before


@pytest.mark.parametrize("query,word", [("count=x", "count"), ("startIndex=x", "startIndex"), ("count=1.5", "count"), ("startIndex=", "startIndex"), ("count=99999999999999999999", "count"),
                                        ("count=1%200", "count"), ("startIndex=-", "startIndex")])
def test_n29_no_number(client, query, word):
    client.get(f"/Users?{query}", 400).refused(400, "invalidValue", word)


# ---- N30: sorting ----


@pytest.mark.parametrize("by,ascending", [
    ("userName", ["ada", "bob", "cy", "dan", "eve"]), ("USERNAME", ["ada", "bob", "cy", "dan", "eve"]), ("name.familyName", ["bob", "ada", "cy", "dan", "eve"]),
    ("externalId", ["ada", "bob", "cy", "dan", "eve"]), ("nickName", ["ada", "eve", "dan", "bob", "cy"]), (f"{ENTERPRISE}:employeeNumber", ["ada", "dan", "bob", "cy", "eve"]),
    (f"{MAIL_USER}:quotaBytes", ["ada", "bob", "cy", "dan", "eve"]), ("emails", ["ada", "bob", "cy", "dan", "eve"]), ("emails.value", ["ada", "bob", "cy", "dan", "eve"]),
    ("active", ["bob", "ada", "cy", "dan", "eve"]), ("nothing", ["ada", "bob", "cy", "dan", "eve"]), ("phoneNumbers.value", ["ada", "cy", "bob", "dan", "eve"])])
def test_n30_ok_sorted(client, by, ascending):
    """Missing values last, first when it is turned; within equals the order of always."""
    assert names(client.get(f"/Users?sortBy={by}")) == names(client.get(f"/Users?sortBy={by}&sortOrder=ascending")) == ascending
    turned = names(client.get(f"/Users?sortBy={by}&sortOrder=descending"))
    assert set(turned) == set(ascending)
    if by in ("userName", "emails", "emails.value"):
        assert turned == ascending[::-1]
    if by == "nickName":
        assert turned[:2] == ["bob", "cy"] and turned[2] == "dan"
    if "quotaBytes" in by:
        assert turned[-2:] == ["bob", "ada"]
    pages = [names(client.get(f"/Users?sortBy={by}&startIndex={index}&count=1"))[0] for index in range(1, 6)]
    assert pages == ascending


@pytest.mark.parametrize("by", ["emails%5B", "emails%5Btype+eq+%22work%22%5D", "a+b", "%22"])
def test_n30_no_such_path(client, by):
    reply = client.get(f"/Users?sortBy={by}", 400)
    assert reply["scimType"] in ("invalidPath", "invalidValue")


# ---- N31: cursors are off ----


def test_n31_ok_no_pagination_is_told(client):
    """Strict clients reject what they do not know."""
    assert "pagination" not in client.get("/ServiceProviderConfig").body
    assert not {"nextCursor", "previousCursor"} & set(client.get("/Users?count=2").body)


def test_n31_no_cursor(client):
    """A parameter that nobody knows here."""
    for query in ("cursor", "cursor=", "cursor=abc&count=2"):
        page = client.get(f"/Users?{query}")
        assert page["totalResults"] == 5 and page["startIndex"] == 1 and "nextCursor" not in page.body


# ---- N32 to N36: filters ----

ALL = set(PEOPLE)
FILTERS = {
    "n32": [
        ('title eq "Dr." or nickName eq "b" and active eq false', {"ada", "cy"}), ('(title eq "Dr." or nickName eq "b") and active eq false', set()),
        ('active eq false and nickName eq "b" or title eq "Dr."', {"ada", "cy"}), ('not (title eq "Dr.") and active eq true', {"dan", "eve"}),
        ('not (title eq "Dr." or active eq false)', {"dan", "eve"}), ('not(title pr)', {"bob", "dan"}), ('not (not (title pr))', {"ada", "cy", "eve"}),
        ('TITLE EQ "Dr." AND ACTIVE EQ TRUE', {"ada", "cy"}), ('NOT (title PR) OR nickName SW "a"', {"ada", "bob", "dan", "eve"}),
        ('((title eq "Dr."))', {"ada", "cy"}), ('title eq "Dr." and not (nickName pr)', {"cy"}), ('title  eq   "Dr."', {"ada", "cy"}),
        ('title eq "(not)"', {"eve"}), ('title eq "Dr." and active eq true and nickName eq "a" or externalId eq "e-1"', {"ada", "bob"})],
    "n33": [
        ('emails.value eq "ada@home.example"', {"ada"}), ('emails co "home.example"', {"ada"}), ('emails[type eq "home"]', {"ada"}),
        ('emails[type eq "home" and value co "home"]', {"ada"}), ('emails[type eq "work" and value co "@home"]', set()),
        ('emails.type eq "work" and emails.value co "@home"', {"ada"}), ('phoneNumbers[type eq "work" and value eq "1"]', {"ada"}),
        ('phoneNumbers.type eq "work" and phoneNumbers.value eq "1"', {"ada", "cy"}), ('phoneNumbers eq "9"', {"cy"}), ('emails[not (type eq "work")]', {"ada"}),
        ('emails[primary eq true]', ALL), ('roles[value eq "admin" or value eq "x"]', {"cy"}), ('roles ne "admin"', ALL - {"cy"}),
        ('phoneNumbers[type eq "home"] and active eq true', {"ada", "cy"}), ('groups pr', {"ada", "bob"}), ('groups.display eq "ops"', {"ada", "bob"})],
    "n34": [
        ('externalId eq "E-1"', {"ada"}), ('externalId eq "e-1"', {"bob"}), ('displayName eq "BOB"', {"bob"}), ('displayName eq "ÖLE"', {"eve"}), ('displayName sw "öl"', {"dan", "eve"}),
        ('displayName ew "d\\\\"', {"dan"}), ('displayName co "\\"the\\""', {"dan"}), ('externalId sw "E"', {"ada"}), ('externalId co "-1"', {"ada", "bob"}),
        ('title pr', {"ada", "cy", "eve"}), ('name pr', {"ada", "bob"}), ('roles pr', {"cy"}), ('active eq false', {"bob"}), ('active ne false', ALL - {"bob"}),
        (f'{MAIL_USER}:quotaBytes gt 1073741824', {"bob"}), (f'{MAIL_USER}:quotaBytes ge 1073741824', {"ada", "bob"}), (f'{MAIL_USER}:quotaBytes lt 2e9', {"ada"}),
        (f'{MAIL_USER}:quotaBytes le 1', set()), ('nickName gt "a"', {"dan"}), ('nickName le "A"', {"ada", "eve"}), (f'{ENTERPRISE}:employeeNumber lt "9"', {"ada"}),
        ('meta.created gt "2001-01-01T00:00:00Z"', ALL), ('title eq null', {"bob", "dan"}), ('title ne null', {"ada", "cy", "eve"}), ('meta.resourceType eq "User"', ALL)],
    "n35": [
        ('badge eq "7"', set()), ('badge pr', set()), ('not (badge pr)', ALL), ('badge eq "7" or title eq "Dr."', {"ada", "cy"}), ('name.nothing eq "x"', set()),
        ('urn:acme:2.0:User:badge eq 7', set()), ('members eq "x"', set()), ('displayName2 sw "a"', set())],
    "n36": [
        ('emails[type eq "home"].value eq "ada@home.example"', {"ada"}), ('emails[type eq "work"].value eq "ada@home.example"', set()),
        ('phoneNumbers[type eq "work"].value eq "1"', {"ada"}), ('emails[type eq "home"].value sw "ada" and active eq true', {"ada"}), ('title eq"Dr."', {"ada", "cy"}),
        ('phoneNumbers[value eq"9"]', {"cy"}), ('displayName sw b', {"bob"}), ('active eq "False"', {"bob"}), ('active eq False', {"bob"}), ('active eq "true"', ALL - {"bob"}),
        ('userType eq "True"', {"dan"}), ('externalId eq E-1', {"ada"}), (f'{ENTERPRISE}:manager eq "m-1"', {"dan"}), (f'{ENTERPRISE}:manager.value eq "m-1"', {"dan"}),
        (f'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "ada"', {"ada"}), (f'{ENTERPRISE.upper()}:department eq "OPS"', {"ada"})],
}


def check(client, rule, index):
    filter_text, expected = FILTERS[rule][index]
    assert matching(client, filter_text) == expected, filter_text


@pytest.mark.parametrize("index", range(len(FILTERS["n32"])))
def test_n32_ok_precedence(client, index):
    check(client, "n32", index)


@pytest.mark.parametrize("index", range(len(FILTERS["n33"])))
def test_n33_ok_many_values(client, index):
    check(client, "n33", index)


@pytest.mark.parametrize("index", range(len(FILTERS["n34"])))
def test_n34_ok_comparisons(client, index):
    check(client, "n34", index)


@pytest.mark.parametrize("index", range(len(FILTERS["n35"])))
def test_n35_ok_unknown_attributes(client, index):
    check(client, "n35", index)


@pytest.mark.parametrize("index", range(len(FILTERS["n36"])))
def test_n36_ok_lenient(client, index):
    check(client, "n36", index)


def refused(client, filter_text, *words):
    """By GET and by .search, on users, groups and both."""
    for path in ("Users", "Groups"):
        client.find(filter_text, path, 400).refused(400, "invalidFilter", "filter", *words)
    for path in ("/Users/.search", "/Groups/.search", "/.search"):
        client.post(path, {"schemas": [SEARCH], "filter": filter_text}, 400).refused(400, "invalidFilter", "filter", *words)


@pytest.mark.parametrize("filter_text", ['title eq "a" and', 'and title eq "a"', '(title eq "a"', 'title eq "a")', 'not title eq "a"', 'title eq "a" xor title eq "b"', 'not ()', '()',
                                         'title eq "a" or or title eq "b"', 'title eq "a" title eq "b"'])
def test_n32_no_such_logic(client, filter_text):
    refused(client, filter_text)


@pytest.mark.parametrize("filter_text", ["emails[", "emails[]", 'emails[type eq "work"', 'emails type eq "work"]', 'emails[type eq "work"]]', 'emails[type eq "work"].', 'emails[emails[type eq "a"]]',
                                         '[type eq "a"]', 'emails[type]'])
def test_n33_no_such_value_path(client, filter_text):
    refused(client, filter_text)


@pytest.mark.parametrize("filter_text", ["active gt true", "active ge false", "active lt true", "active le true", "active co true", 'x509Certificates.value gt "a"', 'x509Certificates.value le "a"',
                                         'emails[primary gt true]', f'{MAIL_USER}:quotaBytes eq "much"', 'active eq "perhaps"'])
def test_n34_no_such_comparison(client, filter_text):
    client.find(filter_text, expect=400).refused(400, "invalidFilter", "filter")


@pytest.mark.parametrize("filter_text", ["", " ", "title", "title eq", 'title "a"', 'title is "a"', 'title == "a"', 'eq "a"', 'title eq "a', 'title eq "\\x"', "title eq 'a b'", '"title" eq "a"',
                                         'title eq "a";', 'title pr "a"', "pr", 'title eq "a" -- x', 'ti tle eq "a"', "title eq [", "title eq (a)"])
def test_n35_no_such_syntax(client, filter_text):
    """Never ignored: everything would be found, and adopted."""
    refused(client, filter_text)


@pytest.mark.parametrize("filter_text", ['userName sw O K', "userName eq a b c", "userName eqada", 'emails[type eq "work"]value eq "x"', "active eq True True"])
def test_n36_no_more_lenient(client, filter_text):
    client.find(filter_text, expect=400).refused(400, "invalidFilter", "filter")


# ---- N37: limits, passwords, indexes ----


def test_n37_ok_within_the_limits(client, team):
    assert matching(client, " or ".join(f'title eq "{number}"' for number in range(49)) + ' or title eq "Dr."') == {"ada", "cy"}
    assert matching(client, "(" * 30 + 'title eq "Dr."' + ")" * 30) == {"ada", "cy"}
    assert matching(client, f'title eq "{"x" * 4000}" or nickName eq "b"') == {"dan"}
    for name in PEOPLE:
        for filter_text in (f'id eq "{team.ids[name]}"', f'userName eq "{team.at(name)}"', f'emails.value eq "{team.at(name).upper()}"', f'emails eq "{team.at(name)}"'):
            assert matching(client, filter_text) == {name}
            assert matching(client, f'{filter_text} and active ne true') == ({name} if name == "bob" else set())
            assert matching(client, f'not ({filter_text})') == ALL - {name}
    for name in ("ada", "bob"):
        for filter_text in (f'members eq "{team.ids[name]}"', f'members.value eq "{team.ids[name]}"', f'members[value eq "{team.ids[name]}"]', f'id eq "{team.group}" and members eq "{team.ids[name]}"'):
            assert client.found(filter_text, "Groups") == ["Ops"]
    assert client.found(f'members eq "{team.ids["cy"]}"', "Groups") == client.found(f'members eq "{team.ids["ada"].upper()}"', "Groups") == []
    assert client.found("not (members pr)", "Groups") == ["none"] and client.found("members pr", "Groups") == ["Ops"]


@pytest.mark.parametrize("filter_text", ['password eq "x"', "password pr", 'userName pr and not (PASSWORD sw "a")', f"{scim_clients.USER}:password pr"])
def test_n37_no_password(client, filter_text):
    client.find(filter_text, expect=400).refused(400, "invalidFilter", "password")


@pytest.mark.parametrize("filter_text", [" or ".join(['title eq "x"'] * 60), "(" * 40 + "title pr" + ")" * 40, "not (" * 40 + "title pr" + ")" * 40, f'title eq "{"x" * 4096}"',
                                         "(" * 2000])
def test_n37_no_more_than_the_limits(client, filter_text):
    client.find(filter_text, expect=400).refused(400, "invalidFilter", "filter")
