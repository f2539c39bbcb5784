"""Okta provisions: its SPEC test, the flow of an application of the integration network (PATCH), that of an AIW one (PUT with all
that it read), group push, import."""

import urllib.parse

import pytest

import scim_clients
from scim_clients import LIST, MAIL_USER, USER, fill, whole_number

VECTORS = scim_clients.vectors("okta")
CHARSET = "application/scim+json; charset=utf-8"


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim_clients.start(make_daemon)


@pytest.fixture
def team(daemon):
    return scim_clients.Team(daemon, rights="users,groups,set_password")


@pytest.fixture
def http(team):
    return team.client(User_Agent="Okta SCIM Client 1.0.0", Accept=CHARSET, Content_Type=CHARSET)


def sent(team, vector, **values):
    return fill(VECTORS[vector], DOMAIN=team.domain, **values)


def look(http, name):
    return http.get(f"/Users?filter={urllib.parse.quote(f'userName eq {chr(34)}{name}{chr(34)}', safe='')}&startIndex=1&count=100")


def test_spec(team, http):
    """The assertions of Okta's SPEC test file."""
    http.post("/Users", sent(team, "user"))
    first = http.get("/Users?count=1&startIndex=1")
    assert first.headers["Content-Type"].startswith("application/scim+json") and first["schemas"] == [LIST]
    assert all(whole_number(first[name]) for name in ("itemsPerPage", "startIndex", "totalResults"))
    user = first.resources[0]
    assert user["id"] and user["name"]["familyName"] and user["name"]["givenName"] and user["userName"] and user["active"] is True
    assert user["emails"][0]["value"] == team.at("isaac")
    again = http.get(f"/Users/{user['id']}")
    assert {name: again[name] for name in ("id", "name", "userName", "active", "emails")} == \
        {name: user[name] for name in ("id", "name", "userName", "active", "emails")}
    assert look(http, team.at("abcdefgh"))["totalResults"] == 0
    missing = http.get("/Users/010101001010101011001010101011", 404)
    assert missing.detail and missing["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    made = http.post("/Users", {"schemas": [USER], "userName": team.at("runscope"), "name": {"givenName": "Run", "familyName": "Scope"},
                                "emails": [{"primary": True, "value": team.at("runscope"), "type": "work"}], "displayName": "Run Scope",
                                "active": True})
    assert made["active"] is True and made["id"] and made["schemas"][0] == USER and made["userName"] == team.at("runscope")
    assert http.get(f"/Users/{made.id}")["userName"] == team.at("runscope")
    http.post("/Users", {"schemas": [USER], "userName": team.at("runscope"), "name": {"givenName": "Run", "familyName": "Scope"},
                         "emails": [{"primary": True, "value": team.at("runscope"), "type": "work"}], "displayName": "Run Scope",
                         "active": True}, 409).refused(409, "uniqueness", "userName")
    http.get("/Users?filter=userName%20eq%20%22" + urllib.parse.quote(team.at("runscope").upper()) + "%22")
    groups = http.get("/Groups")
    assert groups["schemas"] == [LIST] and groups["totalResults"] == 0


def test_create(team, http):
    """With a password and groups that nobody asked for; the password is set, and never shown."""
    assert look(http, team.at("isaac"))["totalResults"] == 0
    body = sent(team, "user")
    made = http.post("/Users", body)
    echoed = {name: value for name, value in body.items() if name not in ("password", "groups")}
    assert {name: made[name] for name in echoed} == echoed and "password" not in made.body
    assert team.password_login(team.at("isaac"), "1mz050nq").ok
    assert "1mz050nq" not in team.daemon.log()
    assert look(http, team.at("isaac"))["totalResults"] == 1
    http.post("/Users", body, 409).refused(409, "uniqueness", "userName")


def test_password_without_the_right(daemon):
    """It is taken, and ignored."""
    team = scim_clients.Team(daemon)
    made = team.client().post("/Users", sent(team, "user"))
    assert "password" not in made.body and not team.password_login(team.at("isaac"), "1mz050nq").ok
    assert team.client().get("/ServiceProviderConfig")["changePassword"]["supported"] is False
    team.client().patch(f"/Users/{made.id}", VECTORS["password"])
    assert not team.password_login(team.at("isaac"), "t1meMa$heen").ok


def test_patch_flow(team, http):
    """An application of the integration network: PUT for the profile, path-less PATCH for active and password; never DELETE."""
    made = http.post("/Users", sent(team, "user")).body
    where = f"/Users/{made['id']}"
    assert http.patch(where, VECTORS["disable"])["active"] is False
    assert not team.password_login(team.at("isaac"), "1mz050nq").ok and not team.may_send(team.at("isaac"), team.at("isaac"))
    assert look(http, team.at("isaac")).resources[0]["active"] is False
    assert http.patch(where, VECTORS["enable"])["active"] is True
    assert team.password_login(team.at("isaac"), "1mz050nq").ok
    http.patch(where, VECTORS["password"])
    assert not team.password_login(team.at("isaac"), "1mz050nq").ok and team.password_login(team.at("isaac"), "t1meMa$heen").ok
    body = dict(sent(team, "user"), displayName="I. Brock", id=made["id"])
    del body["password"]
    assert http.put(where, body)["displayName"] == "I. Brock"
    assert team.password_login(team.at("isaac"), "t1meMa$heen").ok


def test_put_flow(team, http):
    """An AIW application: all that was read comes back with what changed; nothing derived may stick."""
    group = http.post("/Groups", VECTORS["group"]).id
    made = http.post("/Users", dict(sent(team, "user"), **{MAIL_USER: {"aliases": [team.at("ib")]}}))
    http.patch(f"/Groups/{group}", [{"op": "add", "path": "members", "value": [{"value": made.id}]}])
    team.daemon.postern("alias", "add", team.at("by-hand"), team.at("isaac"))
    where = f"/Users/{made.id}"
    read = http.get(where).body
    scim_clients.stays(http, where, lambda: http.put(where, read))
    assert http.put(where, dict(read, name={"givenName": "Isaac", "familyName": "Brook"}))["name"]["familyName"] == "Brook"
    read = http.get(where).body
    assert http.put(where, dict(read, active=False))["active"] is False
    assert not team.password_login(team.at("isaac"), "1mz050nq").ok
    assert http.put(where, dict(http.get(where).body, active=True))["active"] is True
    assert team.password_login(team.at("isaac"), "1mz050nq").ok
    for local in ("isaac", "ib", "by-hand"):
        assert team.reaches(team.at(local)) == {team.at("isaac")}, local
    assert team.at("by-hand") not in str(http.get(where).body)
    read = http.get(where).body
    after = http.put(where, dict(read, userName=team.at("isaak"), emails=[{"primary": True, "value": team.at("isaak"), "type": "work"}]))
    assert after["userName"] == team.at("isaak") and [one["value"] for one in after["groups"]] == [group]
    assert team.reaches(team.at("isaac")) == {team.at("isaak")}
    assert team.password_login(team.at("isaac"), "1mz050nq").ok and team.password_login(team.at("isaak"), "1mz050nq").ok
    scim_clients.stays(http, where, lambda: http.put(where, http.get(where).body))


@pytest.fixture
def members(team, http):
    return {name: http.post("/Users", team.user(name)).id for name in ("one", "two")}


def values(http, group):
    return {member["value"] for member in http.get(f"/Groups/{group}").body.get("members", [])}


def test_group(team, http, members):
    """Every change of members comes with {id, displayName}, as one request each; removal and addition together."""
    group = http.post("/Groups", VECTORS["group"]).id
    one, two = members["one"], members["two"]
    rename = fill(VECTORS["group_rename"], ID=group)
    scim_clients.stays(http, f"/Groups/{group}", lambda: http.patch(f"/Groups/{group}", rename))
    http.patch(f"/Groups/{group}", [{"op": "add", "path": "members", "value": [{"value": one, "display": team.at("one")}]}])
    http.patch(f"/Groups/{group}", rename)
    assert values(http, group) == {one}
    rows = team.audit()
    http.patch(f"/Groups/{group}", sent(team, "group_change", ONE=one, TWO=two))
    assert values(http, group) == {two} and team.audit() == rows + 1
    scim_clients.stays(http, f"/Groups/{group}", lambda: http.patch(f"/Groups/{group}", sent(team, "group_change", ONE=one, TWO=two)))
    http.delete(f"/Groups/{group}")
    http.get(f"/Groups/{group}", 404)


def test_group_push(team, http, members):
    """The whole list, twice, and the empty one; an id that nobody knows changes nothing."""
    group = http.post("/Groups", VECTORS["group"]).id
    one, two = members["one"], members["two"]
    push = sent(team, "group_push", ONE=one, TWO=two)
    http.patch(f"/Groups/{group}", push)
    assert values(http, group) == {one, two}
    scim_clients.stays(http, f"/Groups/{group}", lambda: http.patch(f"/Groups/{group}", push))
    unknown = "01993b5e-0000-7000-8000-00000000dead"
    refused = http.patch(f"/Groups/{group}", sent(team, "group_push", ONE=one, TWO=unknown), 400)
    refused.refused(400, "invalidValue", "members", unknown)
    assert values(http, group) == {one, two}
    http.patch(f"/Groups/{group}", VECTORS["group_push_empty"])
    assert values(http, group) == set()
    scim_clients.stays(http, f"/Groups/{group}", lambda: http.patch(f"/Groups/{group}", VECTORS["group_push_empty"]))
    whole = dict(http.get(f"/Groups/{group}").body, members=[{"value": one}])
    assert {member["value"] for member in http.put(f"/Groups/{group}", whole)["members"]} == {one}


def test_unknown_members_are_skipped_where_the_token_says_so(daemon):
    team = scim_clients.Team(daemon, ("--unknown-members", "skip"))
    http = team.client()
    one = http.post("/Users", team.user("one")).id
    group = http.post("/Groups", VECTORS["group"]).id
    http.patch(f"/Groups/{group}", sent(team, "group_push", ONE=one, TWO="01993b5e-0000-7000-8000-00000000dead"))
    assert values(http, group) == {one}


def test_import(team, http):
    """Pages of 100: whole numbers, every one once, in the same order each time."""
    names = [f"import{number}" for number in range(230)]
    for name in names:
        http.post("/Users", team.user(name))

    def pages():
        found, start = [], 1
        while True:
            page = http.get(f"/Users?startIndex={start}&count=100")
            assert page["startIndex"] == start and page["totalResults"] == len(names), page
            found += [user["userName"] for user in page.resources]
            if not page.resources or len(found) >= page["totalResults"]:
                return found
            start += page["itemsPerPage"]

    first = pages()
    assert sorted(first) == sorted(team.at(name) for name in names) and pages() == first
    http.patch(f"/Users/{look(http, team.at('import7')).resources[0]['id']}", VECTORS["disable"])
    assert pages() == first
