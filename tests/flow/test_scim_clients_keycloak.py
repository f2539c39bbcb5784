"""Keycloak's plugins provision: mitodl/keycloak-scim (POST, PUT, or PATCH with strings for booleans, whole member lists), and
clients on SCIM-SDK (arrays around scalars, upper-case operators, what they expect of our replies)."""

import pytest

import scim_clients
from scim_clients import GROUP, LIST, USER, fill

VECTORS = scim_clients.vectors("keycloak")


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim_clients.start(make_daemon)


@pytest.fixture
def team(daemon):
    return scim_clients.Team(daemon, ("--default-domain", "{domain}"))


@pytest.fixture
def http(team):
    return team.client(Accept="application/scim+json, application/json;q=0.9")


@pytest.fixture
def tor(team, http):
    return http.post("/Users", sent(team, "user")).body


def sent(team, vector, **values):
    return fill(VECTORS[vector], DOMAIN=team.domain, **values)


def values(http, group):
    return {member["value"] for member in http.get(f"/Groups/{group}").body.get("members", [])}


def test_emails_without_type_and_primary(team, http, tor):
    """The only one is the primary address; nothing is added to what came."""
    assert tor["emails"] == [{"value": team.at("tor")}]
    assert team.reaches(team.at("tor")) == {team.at("tor")}
    body = dict(sent(team, "user"), id=tor["id"], displayName="Tor")
    after = http.put(f"/Users/{tor['id']}", body)
    assert after["displayName"] == "Tor" and after["emails"] == [{"value": team.at("tor")}]


def test_patch(team, http, tor):
    assert team.token_login(team.at("tor")).ok
    rows = team.audit()
    assert http.patch(f"/Users/{tor['id']}", VECTORS["patch"])["active"] is False
    assert team.audit() == rows + 1
    assert team.token_login(team.at("tor")).refused
    scim_clients.stays(http, f"/Users/{tor['id']}", lambda: http.patch(f"/Users/{tor['id']}", VECTORS["patch"]))
    assert http.patch(f"/Users/{tor['id']}", VECTORS["patch_arrays"])["active"] is True
    assert team.token_login(team.at("tor")).ok
    without = dict(VECTORS["patch"])
    del without["schemas"]
    assert http.patch(f"/Users/{tor['id']}", without)["active"] is False


def test_patch_of_everything(team, http, tor):
    after = http.patch(f"/Users/{tor['id']}", sent(team, "patch_all"))
    assert after["displayName"] == "Tor B." and after["emails"] == [{"value": team.at("tor.b")}] and after["active"] is True
    assert team.reaches(team.at("tor")) == team.reaches(team.at("tor.b")) == {team.at("tor.b")}
    scim_clients.stays(http, f"/Users/{tor['id']}", lambda: http.patch(f"/Users/{tor['id']}", sent(team, "patch_all")))


def test_group(team, http, tor):
    """The whole list and the names each time; an emptied group is `remove members`."""
    other = http.post("/Users", dict(sent(team, "user"), userName="ulf", externalId="ulf", emails=[{"value": team.at("ulf")}])).id
    made = http.post("/Groups", sent(team, "group", ONE=tor["id"])).body
    assert [member["value"] for member in made["members"]] == [tor["id"]]
    patch = sent(team, "group_patch", ONE=tor["id"], TWO=other)
    after = http.patch(f"/Groups/{made['id']}", patch)
    assert after["displayName"] == "Ops team" and values(http, made["id"]) == {tor["id"], other}
    scim_clients.stays(http, f"/Groups/{made['id']}", lambda: http.patch(f"/Groups/{made['id']}", patch))
    http.patch(f"/Groups/{made['id']}", VECTORS["group_empty"])
    assert values(http, made["id"]) == set()
    scim_clients.stays(http, f"/Groups/{made['id']}", lambda: http.patch(f"/Groups/{made['id']}", VECTORS["group_empty"]))


@pytest.mark.parametrize("filter_text", ['displayName EQ "ops"', 'DISPLAYNAME Eq "OPS"', 'displayName EQ "Ops" AND displayName PR'])
def test_upper_case(team, http, tor, filter_text):
    http.post("/Groups", sent(team, "group", ONE=tor["id"]))
    assert http.found(filter_text, "Groups") == ["Ops"]


def test_replies_as_scim_sdk_reads_them(team, http, tor):
    """The content type begins with application/scim+json whatever they accept, and `schemas` are those of what it is."""
    for accept in ("application/scim+json", "application/json", "*/*", "application/scim+json;charset=UTF-8"):
        for path, schema in (("/Users", LIST), (f"/Users/{tor['id']}", USER), ("/Groups", LIST)):
            reply = http.get(path, headers={"Accept": accept})
            assert reply.headers["Content-Type"].startswith("application/scim+json") and schema in reply["schemas"]
    assert GROUP in http.post("/Groups", sent(team, "group", ONE=tor["id"]))["schemas"]


def test_an_id_that_it_chose(team, http):
    """SCIM-SDK before 2.4.1 posted Keycloak's id: it is ignored."""
    own = "3f0c2b52-0b6e-4a53-8a3c-0d5d8f2f6c11"
    made = http.post("/Users", dict(sent(team, "user"), id=own)).body
    assert made["id"] != own
    group = http.post("/Groups", dict(sent(team, "group", ONE=made["id"]), id=own)).body
    assert group["id"] not in (own, made["id"])
    http.get(f"/Users/{own}", 404)


def test_retries_find_what_was_made(team, http):
    """It tries again after a lost answer: 409, and nothing twice."""
    http.post("/Users", sent(team, "user"))
    http.post("/Users", sent(team, "user"), 409).refused(409, "uniqueness", "userName")
    assert http.get("/Users")["totalResults"] == 1
