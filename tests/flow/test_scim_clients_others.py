"""JumpCloud, OneLogin, Google Workspace and PingFederate provision."""

import urllib.parse

import pytest

import scim_clients
from scim_clients import USER, fill

VECTORS = scim_clients.vectors("others")


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim_clients.start(make_daemon)


@pytest.fixture
def http(team):
    return team.client()


def sent(team, vector, **values):
    return fill(VECTORS[vector], DOMAIN=team.domain, **values)


# ---- JumpCloud ----


def test_jumpcloud_activation(team, http):
    """A test user and a test group come, change and go; afterwards there is no trace, and it can begin again."""
    for _ in range(2):
        http.get("/Users?" + urllib.parse.urlencode({"filter": f'userName eq "{team.at("jumpcloud-test-user")}"'}))
        user = http.post("/Users", sent(team, "jumpcloud_user")).id
        read = http.get(f"/Users/{user}").body
        assert http.put(f"/Users/{user}", dict(read, name={"givenName": "Test", "familyName": "Changed"}))["name"]["familyName"] == "Changed"
        assert team.reaches(team.at("jumpcloud-test-user")) == {team.at("jumpcloud-test-user")}
        group = http.post("/Groups", sent(team, "jumpcloud_group", ONE=user)).body
        assert [member["value"] for member in group["members"]] == [user]
        http.patch(f"/Groups/{group['id']}", fill(VECTORS["jumpcloud_member_remove"], ONE=user))
        assert not http.get(f"/Groups/{group['id']}").body.get("members")
        http.delete(f"/Groups/{group['id']}")
        http.delete(f"/Users/{user}")
        http.get(f"/Users/{user}", 404)
        assert http.get("/Users")["totalResults"] == http.get("/Groups")["totalResults"] == 0
        assert team.reaches(team.at("jumpcloud-test-user")) == set()


def test_jumpcloud_other_members_stay(team, http):
    """Removal with a list of values removes those, and nobody else."""
    users = [http.post("/Users", team.user(name)).id for name in ("a", "b")]
    group = http.post("/Groups", dict(VECTORS["jumpcloud_group"], members=[{"value": user} for user in users])).id
    http.patch(f"/Groups/{group}", fill(VECTORS["jumpcloud_member_remove"], ONE=users[0]))
    assert [member["value"] for member in http.get(f"/Groups/{group}")["members"]] == users[1:]


# ---- OneLogin ----


def test_onelogin(team, http):
    """An object where a list belongs, and the URN of SCIM 1.0: taken; what comes back is a list, and 2.0."""
    body = sent(team, "onelogin_user")
    made = http.post("/Users", body).body
    assert made["emails"] == [body["emails"]] and made["schemas"] == [USER]
    assert team.reaches(team.at("olga")) == {team.at("olga")}
    body["emails"]["value"] = team.at("olga.i")
    after = http.put(f"/Users/{made['id']}", body).body
    assert after["emails"] == [body["emails"]]
    assert team.reaches(team.at("olga")) == {team.at("olga.i")}
    scim_clients.stays(http, f"/Users/{made['id']}", lambda: http.put(f"/Users/{made['id']}", body))


def test_onelogin_without_schemas(team, http):
    """An admin's template may leave them out."""
    body = sent(team, "onelogin_user")
    del body["schemas"]
    assert http.post("/Users", body)["schemas"] == [USER]


# ---- Google Workspace ----


def test_google(team, http):
    assert http.get("/Users")["totalResults"] == 0
    body = sent(team, "google_user")
    made = http.post("/Users", body).body
    assert made["schemas"] == [USER]
    assert {name: made[name] for name in body if name != "schemas"} == {name: value for name, value in body.items() if name != "schemas"}
    assert http.get("/Users")["totalResults"] == 1
    assert http.patch(f"/Users/{made['id']}", [{"op": "replace", "path": "active", "value": False}])["active"] is False


# ---- PingFederate ----


def test_pingfederate(team, http):
    """Users by PUT only, matched by a filter; groups found by listing them all; disabled ones may be made."""
    found = http.get("/Users?" + urllib.parse.urlencode({"filter": f'userName eq "{team.at("petra")}"'}))
    assert found["totalResults"] == 0
    user = http.post("/Users", sent(team, "ping_user")).id
    changed = dict(sent(team, "ping_user"), id=user, name={"givenName": "Petra", "familyName": "Neu"})
    assert http.put(f"/Users/{user}", changed)["name"]["familyName"] == "Neu"
    assert http.put(f"/Users/{user}", dict(changed, active=False))["active"] is False
    assert not team.may_send(team.at("petra"), team.at("petra"))
    assert http.put(f"/Users/{user}", dict(changed, active=True))["active"] is True
    assert team.may_send(team.at("petra"), team.at("petra"))
    disabled = http.post("/Users", sent(team, "ping_user_disabled"))
    assert disabled["active"] is False and not team.may_send(team.at("dora"), team.at("dora"))
    assert team.reaches(team.at("dora")) == {team.at("dora")}
    for number in range(120):
        http.post("/Groups", {"schemas": [scim_clients.GROUP], "displayName": f"group {number}"})
    made = http.post("/Groups", sent(team, "ping_group", ONE=user)).id
    seen, start = [], 1
    while True:
        page = http.get(f"/Groups?startIndex={start}")
        seen += page.resources
        if len(seen) >= page["totalResults"]:
            break
        start += page["itemsPerPage"]
    assert [group["id"] for group in seen if group["displayName"] == "Accounting"] == [made] and len(seen) == 121
    after = http.put(f"/Groups/{made}", dict(sent(team, "ping_group", ONE=disabled.id), id=made))
    assert [member["value"] for member in after["members"]] == [disabled.id]
    assert not http.put(f"/Groups/{made}", {"schemas": [scim_clients.GROUP], "displayName": "Accounting", "members": []}).body.get("members")
