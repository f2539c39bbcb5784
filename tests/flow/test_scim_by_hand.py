"""An admin's hand beside a provisioning client: neither undoes the other's work unasked."""

import pytest

import scim_clients as scim
from scim_clients import MAIL_USER


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim.start(make_daemon)


def test_a_quota_by_hand_outlives_other_changes(team, client):
    made = client.post("/Users", team.user("mira"))
    team.daemon.postern("account", "set", team.at("mira"), "--quota", "7M")
    client.patch(f"/Users/{made.id}", [{"op": "replace", "path": "displayName", "value": "Mira V"}])
    assert team.shown(team.at("mira"))["quota_bytes"] == 7 * 1024 * 1024
    assert team.shown(team.at("mira"))["name"] == "Mira V"
    client.patch(f"/Users/{made.id}", [{"op": "add", "path": f"{MAIL_USER}:quotaBytes", "value": 4096}])
    assert team.shown(team.at("mira"))["quota_bytes"] == 4096
    client.patch(f"/Users/{made.id}", [{"op": "remove", "path": f"{MAIL_USER}:quotaBytes"}])
    assert team.shown(team.at("mira"))["quota_bytes"] == 0  # the default of this house: unlimited


def test_an_alias_by_hand_outlives_put(team, client):
    made = client.post("/Users", team.user("tor", emails=[{"value": team.at("tor"), "primary": True}, {"value": team.at("t2")}]))
    team.daemon.postern("alias", "add", team.at("byhand"), team.at("tor"))
    client.put(f"/Users/{made.id}", dict(team.user("tor"), emails=[{"value": team.at("tor"), "primary": True}]))
    assert team.reaches(team.at("byhand")) == {team.at("tor")}
    assert team.reaches(team.at("t2")) == set()
    assert "byhand" not in str(client.get(f"/Users/{made.id}").body)


def test_a_rename_by_hand_outlives_put(team, client):
    made = client.post("/Users", team.user("pia"))
    team.daemon.postern("account", "rename", team.at("pia"), team.at("pia.lund"))
    client.put(f"/Users/{made.id}", dict(team.user("pia"), title="Boss"))
    assert team.shown(team.at("pia"))["address"] == team.at("pia.lund")
    assert team.reaches(team.at("pia")) == {team.at("pia.lund")}


def test_what_the_client_wants_it_gets_all_the_same(team, client):
    """A change of the client's own addresses applies, whatever was done by hand before."""
    made = client.post("/Users", team.user("ola"))
    team.daemon.postern("account", "rename", team.at("ola"), team.at("ola.x"))
    client.put(f"/Users/{made.id}", dict(team.user("ola"), emails=[{"value": team.at("ola.new"), "primary": True}]))
    assert team.shown(team.at("ola"))["address"] == team.at("ola.new")


def test_disabled_by_hand_is_seen_and_is_not_undone(team, client):
    made = client.post("/Users", team.user("kim"))
    team.daemon.postern("account", "disable", team.at("kim"))
    seen = client.get(f"/Users/{made.id}")
    assert seen.body["active"] is False and seen.body["meta"]["version"] != made.body["meta"]["version"]
    sent = {name: value for name, value in team.user("kim").items() if name != "active"}
    client.put(f"/Users/{made.id}", dict(sent, title="Boss"))
    assert team.shown(team.at("kim"))["state"] == "disabled"


def test_deleted_by_hand_is_gone(team, client):
    made = client.post("/Users", team.user("lea"))
    group = client.post("/Groups", {"displayName": "g", "members": [{"value": made.id}]})
    assert client.get("/Users").body["totalResults"] == 1
    team.daemon.postern("account", "delete", team.at("lea"), "--yes")
    client.get(f"/Users/{made.id}", expect=404)
    assert client.get("/Users").body["totalResults"] == 0
    assert not client.get(f"/Groups/{group.id}").body.get("members")


def test_a_user_name_alone_moves_the_name_to_sign_in_with(team, client):
    made = client.post("/Users", dict(team.user("nils"), userName=team.at("n1"), emails=[{"value": team.at("nils"), "primary": True}]))
    assert team.reaches(team.at("n1")) == set()
    kinds = {row["address"]: row["kind"] for row in team.shown(team.at("nils"))["addresses"]}
    assert kinds == {team.at("nils"): "primary", team.at("n1"): "login"}
    client.patch(f"/Users/{made.id}", [{"op": "replace", "path": "userName", "value": team.at("n2")}])
    kinds = {row["address"]: row["kind"] for row in team.shown(team.at("nils"))["addresses"]}
    assert kinds == {team.at("nils"): "primary", team.at("n2"): "login"}


def test_accounts_by_hand_are_not_the_clients(team, client):
    team.daemon.postern("account", "add", team.at("hand"))
    assert client.found(f'userName eq "{team.at("hand")}"') == []
    client.post("/Users", team.user("hand"), expect=409).refused(409, "uniqueness", "emails")
    assert team.shown(team.at("hand"))["state"] == "active"


def test_owners_must_be_there(team, client):
    reply = client.post("/Groups", {"displayName": "own", "urn:ietf:params:scim:schemas:extension:mail:2.0:Group": {
        "kind": "list", "address": team.at("own"), "owners": ["no-such-id"]}}, expect=400)
    reply.refused(400, "invalidValue", "owners")


def test_an_address_from_the_template_outlives_a_new_name(daemon):
    """5.5: a rename changes the display name only."""
    team = scim.Team(daemon, options=["--group-template", "%s@{domain}"])
    client = team.client()
    user = client.post("/Users", team.user("una"))
    group = client.post("/Groups", {"displayName": "Night Shift", "members": [{"value": user.id}]})
    assert team.reaches(team.at("night-shift")) == {team.at("una")}
    client.patch(f"/Groups/{group.id}", [{"op": "replace", "path": "displayName", "value": "Day Shift"}])
    assert team.reaches(team.at("night-shift")) == {team.at("una")}
    assert team.reaches(team.at("day-shift")) == set()
    client.close()


def test_nobody_speaks_for_whom_the_token_has_not_provisioned(team, client):
    team.daemon.postern("account", "add", team.at("ceo"))
    refused = client.post("/Users", dict(team.user("a"), **{MAIL_USER: {"sendAs": [team.at("ceo")]}}), expect=400)
    refused.refused(400, "invalidValue", "sendAs")
    client.post("/Users", team.user("boss"))
    client.post("/Users", dict(team.user("a"), **{MAIL_USER: {"sendAs": [team.at("boss"), team.at("nobody")]}}))
    assert team.senders(team.at("boss")) == {team.at("boss"), team.at("a")}
    assert team.senders(team.at("ceo")) == {team.at("ceo")}


def test_a_sub_address_belongs_to_whom_the_address_does(team, client):
    team.daemon.postern("account", "add", team.at("ceo"))
    body = dict(team.user("a"), emails=[{"value": team.at("a"), "primary": True}, {"value": team.at("ceo+bank")}])
    client.post("/Users", body, expect=409).refused(409, "uniqueness", "emails")
    body["emails"][1]["value"] = team.at("a+shop")
    client.post("/Users", body)
    assert team.reaches(team.at("ceo+bank")) == {team.at("ceo+bank")} or team.reaches(team.at("ceo+bank")) == {team.at("ceo")}


def test_many_ways_through_groups_are_refused_at_once(team, client):
    """Layers of groups that all hold all of the layer below: each way would be a copy to be weeded out."""
    layer = [client.post("/Groups", {"displayName": f"l0-{n}"}).id for n in range(13)]
    refused = False
    for depth in range(1, 6):
        above = []
        for number in range(13):
            body = {"displayName": f"l{depth}-{number}", "members": [{"value": one, "type": "Group"} for one in layer]}
            reply = client.ask("POST", "/Groups", body)
            if reply.status == 400:
                reply.refused(400, "invalidValue", "members", "ways")
                refused = True
                break
            above.append(reply.id)
        if refused:
            break
        layer = above
    assert refused and depth > 2


def test_groups_nest_sixteen_deep_and_no_deeper(team, client):
    """Refused for good, not "try again": a provider would."""
    inner = client.post("/Groups", {"displayName": "g1"}).id
    for depth in range(2, 17):
        inner = client.post("/Groups", {"displayName": f"g{depth}", "members": [{"value": inner, "type": "Group"}]}).id
    client.post("/Groups", {"displayName": "g17", "members": [{"value": inner, "type": "Group"}]}, expect=400).refused(400, "invalidValue", "members", "16")
    top = client.post("/Groups", {"displayName": "top"}).id
    reply = client.patch(f"/Groups/{top}", [{"op": "add", "path": "members", "value": [{"value": inner}]}], expect=400)
    reply.refused(400, "invalidValue", "members", "16")
