"""Microsoft Entra ID provisions: probes, filters, PATCH with and without aadOptscim062020, to the letter of what it sends."""

import json
import urllib.parse
import uuid

import pytest

import scim_clients
from scim_clients import ENTERPRISE, LIST, fill

VECTORS = scim_clients.vectors("entra")
FLAGS = ["", "aadOptscim062020&", "aadOptscim062020=&"]


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim_clients.start(make_daemon)


@pytest.fixture
def http(team):
    return team.client(Content_Type="application/scim+json; charset=utf-8", User_Agent="Entra")


@pytest.fixture
def pia(team, http):
    return http.post("/Users", fill(VECTORS["user"], DOMAIN=team.domain)).body


def sent(team, vector, **values):
    return fill(VECTORS[vector], DOMAIN=team.domain, **values)


def ask(http, path, filter_text, flag="", more=""):
    reply = http.get(f"{path}?{flag}{more}filter=" + urllib.parse.quote(filter_text))
    assert reply["schemas"] == [LIST]
    return reply.resources


@pytest.mark.parametrize("flag", FLAGS)
def test_connection(http, flag):
    """Test Connection: a user and a group that cannot be there; no match is 200 with an empty list."""
    nobody = uuid.uuid4()
    assert ask(http, "/Users", f'userName eq "{nobody}"', flag) == []
    assert ask(http, "/Groups", f'displayName eq "{nobody}"', flag, "excludedAttributes=members&") == []
    http.get(f"/Schemas?{flag}")
    http.get("/Users?" + flag + "startIndex=1&count=1")


@pytest.mark.parametrize("flag", FLAGS)
def test_matching(team, http, pia, flag):
    """By the attributes that a mapping may match on; also one that is not active."""
    for body in (None, VECTORS["disable"]):
        if body:
            http.patch(f"/Users/{pia['id']}?{flag}", body)
        for filter_text in (f'userName eq "{team.at("pia")}"', f'userName eq "PIA@{team.domain.upper()}"', 'externalId eq "pia.lund"',
                            f'emails[type eq "work"].value eq "{team.at("pia")}"', f'emails[type eq "work"].value eq "{team.at("Pia")}"',
                            f'userName eq "{team.at("pia")}" and externalId eq "pia.lund"',
                            f'{ENTERPRISE}:employeeNumber eq "12"'):
            assert [user["id"] for user in ask(http, "/Users", filter_text, flag)] == [pia["id"]], filter_text
        for filter_text in (f'emails[type eq "home"].value eq "{team.at("pia")}"', 'externalId eq "PIA.LUND"'):
            assert ask(http, "/Users", filter_text, flag) == [], filter_text


def test_create_is_echoed(team, http):
    body = sent(team, "user")
    made = http.post("/Users", body).body
    assert {name: made[name] for name in body if name != "meta"} == {name: value for name, value in body.items() if name != "meta"}
    assert made["id"] and made["meta"]["resourceType"] == "User"
    assert http.get(f"/Users/{made['id']}").body == made
    http.post("/Users", body, 409).refused(409, "uniqueness", "userName")


@pytest.mark.parametrize("flag,vector", [("", "disable"), ("aadOptscim062020&", "disable_flag"), ("", "disable_flag"), ("aadOptscim062020&", "disable")])
def test_disable(team, http, pia, flag, vector):
    assert team.token_login(team.at("pia")).ok
    assert http.patch(f"/Users/{pia['id']}?{flag}", VECTORS[vector])["active"] is False
    assert team.token_login(team.at("pia")).refused
    assert http.get(f"/Users/{pia['id']}")["active"] is False
    assert len(ask(http, "/Users", f'userName eq "{team.at("pia")}"')) == 1
    assert len(ask(http, "/Users", "active eq false")) == 1
    scim_clients.stays(http, f"/Users/{pia['id']}", lambda: http.patch(f"/Users/{pia['id']}?{flag}", VECTORS[vector]))
    assert http.patch(f"/Users/{pia['id']}", VECTORS["enable"])["active"] is True
    assert team.token_login(team.at("pia")).ok


def test_update(team, http, pia):
    """The four operations of one PATCH: an address moves, a name, a nickname, the manager as a bare string."""
    manager = http.post("/Users", dict(sent(team, "user"), userName=team.at("boss"), externalId="boss", emails=[])).id
    rows, home = team.audit(), team.home(team.at("pia"))
    after = http.patch(f"/Users/{pia['id']}", sent(team, "update", MANAGER=manager)).body
    assert team.audit() == rows + 1
    assert after["emails"] == [{"primary": True, "type": "work", "value": team.at("pia.neu")}]
    assert after["name"]["familyName"] == "Lund" and after["nickName"] == "Pi"
    assert after[ENTERPRISE]["manager"]["value"] == manager
    assert team.reaches(team.at("pia")) == team.reaches(team.at("pia.neu")) == {team.at("pia.neu")}
    assert team.home(team.at("pia.neu")) == home
    assert after["userName"] == team.at("pia")
    scim_clients.stays(http, f"/Users/{pia['id']}", lambda: http.patch(f"/Users/{pia['id']}", sent(team, "update", MANAGER=manager)))


def test_update_with_flag(http, pia):
    """Path-less, with dotted and URN-qualified names."""
    after = http.patch(f"/Users/{pia['id']}?aadOptscim062020", VECTORS["update_flag"]).body
    assert (after["displayName"], after["name"]["givenName"], after[ENTERPRISE]["employeeNumber"]) == ("Pia", "Pia", "77")
    assert after["name"]["familyName"] == "Lund" and after[ENTERPRISE]["department"] == "Ops"
    assert not [name for name in after if "." in name and not name.startswith("urn:")]
    scim_clients.stays(http, f"/Users/{pia['id']}", lambda: http.patch(f"/Users/{pia['id']}", VECTORS["update_flag"]))


def test_element_that_is_not_there(team, http, pia):
    """Add and Replace on emails[type eq "other"].value make the element; proxyAddresses with their prefix."""
    after = http.patch(f"/Users/{pia['id']}", sent(team, "proxy_address")).body
    assert {"type": "other", "value": f"smtp:{team.at('p.lund')}"} in after["emails"]
    assert team.reaches(team.at("p.lund")) == {team.at("pia")}
    after = http.patch(f"/Users/{pia['id']}", [{"op": "Replace", "path": 'phoneNumbers[type eq "work"].value', "value": "+49 30 1"},
                                               {"op": "Replace", "path": 'addresses[type eq "work"].country', "value": "DE"}]).body
    assert after["phoneNumbers"] == [{"type": "work", "value": "+49 30 1"}] and after["addresses"] == [{"type": "work", "country": "DE"}]
    after = http.patch(f"/Users/{pia['id']}", [{"op": "Remove", "path": 'phoneNumbers[type eq "work"].value'}]).body
    assert not [one for one in after.get("phoneNumbers", []) if "value" in one]


def test_role_in_a_string(http, pia):
    after = http.patch(f"/Users/{pia['id']}", VECTORS["role"]).body
    assert [json.loads(role["value"]) for role in after["roles"]] == [{"id": "1", "value": "Admin"}]
    scim_clients.stays(http, f"/Users/{pia['id']}", lambda: http.patch(f"/Users/{pia['id']}", VECTORS["role"]))
    assert ask(http, "/Users", 'roles[value eq "{\\"id\\":\\"1\\",\\"value\\":\\"Admin\\"}"]')[0]["id"] == pia["id"]


@pytest.mark.parametrize("flag,remove", [("", "member_remove"), ("aadOptscim062020&", "member_remove_flag")])
def test_group(team, http, pia, flag, remove):
    """From its creation with a schema that nobody knows to its end; every answer without members."""
    made = http.post("/Groups", VECTORS["group"]).body
    assert made["displayName"] == "ops" and made["externalId"] == VECTORS["group"]["externalId"]
    where, without = f"/Groups/{made['id']}", f"/Groups/{made['id']}?{flag}excludedAttributes=members"
    assert "members" not in http.get(without).body
    (found,) = ask(http, "/Groups", 'displayName eq "ops"', flag, "excludedAttributes=members&")
    assert found["id"] == made["id"] and "members" not in found

    def probe():
        """Whether it is a member, as Entra asks."""
        return len(ask(http, "/Groups", f'id eq "{made["id"]}" and members eq "{pia["id"]}"', flag, "excludedAttributes=members&"))

    assert probe() == 0
    http.patch(where, fill(VECTORS["member_add"], ONE=pia["id"]))
    assert probe() == 1
    assert [group["value"] for group in http.get(f"/Users/{pia['id']}")["groups"]] == [made["id"]]
    scim_clients.stays(http, where, lambda: http.patch(where, fill(VECTORS["member_add"], ONE=pia["id"])))
    other = http.post("/Users", dict(sent(team, "user"), userName=team.at("other"), externalId="other", emails=[])).id
    http.patch(where, fill(VECTORS["member_add"], ONE=other))
    http.patch(where, fill(VECTORS[remove], ONE=pia["id"]))
    assert probe() == 0
    assert [member["value"] for member in http.get(where)["members"]] == [other]  # pitfall 2: the others stay
    scim_clients.stays(http, where, lambda: http.patch(where, fill(VECTORS[remove], ONE=pia["id"])))
    assert http.patch(where, [{"op": "Replace", "path": "displayName", "value": "Ops 2"}])["displayName"] == "Ops 2"
    http.delete(where)
    assert ask(http, "/Groups", 'displayName eq "Ops 2"') == []


def test_group_patch_answers_204_or_whole(http, pia):
    """204 is preferred for groups; without `attributes` both are right, and `excludedAttributes` is honoured in what is returned."""
    made = http.post("/Groups", VECTORS["group"]).id
    body = fill(VECTORS["member_add"], ONE=pia["id"])
    reply = http.ask("PATCH", f"/Groups/{made}", body)
    assert reply.status == 204 and not reply.text
    reply = http.ask("PATCH", f"/Groups/{made}?attributes=displayName", body, 200)
    assert set(reply.body) == {"schemas", "id", "displayName"}
    reply = http.ask("PATCH", f"/Groups/{made}?excludedAttributes=members", body)
    assert reply.status in (200, 204) and "members" not in (reply.body or {})


def test_schema_urn_that_nobody_knows(http):
    """It is taken, and not among what we emit (N13)."""
    made = http.post("/Groups", VECTORS["group"]).body
    assert made["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:Group"]


def test_custom_attribute(team, http, pia):
    """Mail attributes as Entra can set them: simple values by their URN-qualified path."""
    urn = "urn:ietf:params:scim:schemas:extension:mail:2.0:User"
    after = http.patch(f"/Users/{pia['id']}", [{"op": "Add", "path": f"{urn}:quotaBytes", "value": "5368709120"},
                                               {"op": "Add", "path": f"{urn}:aliases", "value": f"{team.at('x')} {team.at('y')}"}]).body
    assert after[urn] == {"quotaBytes": 5368709120, "aliases": [team.at("x"), team.at("y")]}
    assert urn in after["schemas"]
    assert team.reaches(team.at("y")) == {team.at("pia")} and team.shown(team.at("pia"))["quota_bytes"] == 5368709120


def test_delete(team, http, pia):
    http.delete(f"/Users/{pia['id']}")
    http.get(f"/Users/{pia['id']}", 404)
    assert ask(http, "/Users", f'userName eq "{team.at("pia")}"') == []
    assert team.reaches(team.at("pia")) == set()
