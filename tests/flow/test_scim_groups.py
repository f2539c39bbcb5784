"""/scim/v2/Groups over the public listener: members added and removed one by one, in thousands, and by filters."""

import uuid

import pytest

import scim_clients as scim
from scim_clients import GROUP, MAIL_GROUP


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim.start(make_daemon)


def group(name="g", members=None, **more):
    body = {"schemas": [GROUP], "displayName": name, **more}
    if members is not None:
        body["members"] = [{"value": member} for member in members]
    return body


@pytest.fixture
def users(team, client):
    return [client.post("/Users", team.user(f"u{number}")).id for number in range(4)]


def members(client, target):
    return {member["value"] for member in client.get(target)["members"]}


def add(*ids):
    return {"op": "add", "path": "members", "value": [{"value": one} for one in ids]}


def test_made(team, client, users):
    made = client.post("/Groups", group("Sales", users[:2], externalId="g-1"))
    assert made.headers["Location"] == made["meta"]["location"] and made["externalId"] == "g-1"
    assert {member["value"]: (member["type"], member["display"], member["$ref"].rpartition("/scim/v2")[2]) for member in made["members"]} == {
        one: ("User", team.at(f"u{number}"), f"/Users/{one}") for number, one in enumerate(users[:2])}
    assert client.get(f"/Groups/{made.id}").body == made.body


def test_names_are_unique(client):
    client.post("/Groups", group("Sales"))
    client.post("/Groups", group("sales"), 409).refused(409, "uniqueness", "displayName")


def test_users_show_their_groups(client, users):
    inner = client.post("/Groups", group("inner", users[:1]))
    outer = client.post("/Groups", group("outer", [inner.id]))
    shown = client.get(f"/Users/{users[0]}")["groups"]
    assert {(entry["value"], entry["display"], entry["type"]) for entry in shown} == {
        (inner.id, "inner", "direct"), (outer.id, "outer", "indirect")}
    assert [entry["type"] for entry in client.get(f"/Groups/{outer.id}")["members"]] == ["Group"]
    listed = {user["id"]: user.get("groups", []) for user in client.get("/Users").resources}
    assert len(listed[users[0]]) == 2 and not listed[users[1]]


def test_one_by_one(client, users):
    target = f"/Groups/{client.post('/Groups', group('g', users[:1])).id}"
    assert client.patch(target, [add(users[1])], 204).text == b""
    assert members(client, target) == set(users[:2])
    client.patch(target, [{"op": "remove", "path": f'members[value eq "{users[0]}"]'}], 204)
    client.patch(target, [{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": users[1]}]}, add(users[2], users[3])], 204)
    assert members(client, target) == set(users[2:])


def test_what_is_so_already(client, users):
    target = f"/Groups/{client.post('/Groups', group('g', users[:1])).id}"
    scim.stays(client, target, lambda: client.patch(target, [add(users[0])], 204))
    scim.stays(client, target, lambda: client.patch(target, [{"op": "remove", "path": f'members[value eq "{users[1]}"]'}], 204))
    scim.stays(client, target, lambda: client.patch(target, [{"op": "remove", "path": "members", "value": [{"value": str(uuid.uuid4())}]}], 204))
    scim.stays(client, target, lambda: client.patch(target, [{"op": "replace", "path": "members", "value": [{"value": users[0]}]}], 204))
    scim.stays(client, target, lambda: client.put(target, group("g", users[:1])))


def test_replaced_and_cleared(client, users):
    target = f"/Groups/{client.post('/Groups', group('g', users[:2])).id}"
    client.patch(target, [{"op": "replace", "path": "members", "value": [{"value": one} for one in users[1:3]]}], 204)
    assert members(client, target) == set(users[1:3])
    client.patch(target, [{"op": "replace", "path": "members", "value": []}], 204)
    assert "members" not in client.get(target).body or not client.get(target)["members"]
    client.put(target, group("g", users))
    assert members(client, target) == set(users)
    client.put(target, group("renamed"))
    assert members(client, target) == set(users)
    client.put(target, group("renamed", []))
    client.patch(target, [add(users[0])], 204)
    client.patch(target, [{"op": "remove", "path": "members"}], 204)
    assert not client.get(target).body.get("members")


def test_by_a_filter_on_what_is_there(team, client, users):
    target = f"/Groups/{client.post('/Groups', group('g', users[:3])).id}"
    client.patch(target, [{"op": "remove", "path": f'members[display eq "{team.at("u1")}"]'}], 204)
    assert members(client, target) == {users[0], users[2]}


def test_unknown_members(daemon, client, users):
    target = f"/Groups/{client.post('/Groups', group('g', users[:1])).id}"
    nobody = [str(uuid.uuid4()) for _ in range(12)]
    reply = client.patch(target, [add(users[1], *nobody)], 400).refused(400, "invalidValue", "members", "12")
    assert sum(one in reply.detail for one in nobody) == 10
    client.put(target, group("g", nobody[:1]), 400).refused(400, "invalidValue", nobody[0])
    client.post("/Groups", group("h", ["nonsense"]), 400).refused(400, "invalidValue", "nonsense")
    assert members(client, target) == {users[0]}
    stranger = scim.Team(daemon)
    foreign = stranger.client().post("/Users", stranger.user("a")).id
    client.patch(target, [add(foreign)], 400).refused(400, "invalidValue", foreign)
    lenient = scim.Team(daemon, options=("--unknown-members", "skip"))
    other = lenient.client()
    known = other.post("/Users", lenient.user("a")).id
    made = other.post("/Groups", group("g", [known, *nobody]))
    assert [member["value"] for member in made["members"]] == [known]


def test_cycles(client):
    one = client.post("/Groups", group("one")).id
    two = client.post("/Groups", group("two", [one])).id
    client.patch(f"/Groups/{one}", [add(two)], 400).refused(400, "invalidValue", "members")
    client.patch(f"/Groups/{one}", [add(one)], 400).refused(400, "invalidValue", "members")


def test_answers_of_patch(client, users):
    made = client.post("/Groups", group("g", users[:1]))
    target = f"/Groups/{made.id}"
    renamed = client.patch(f"{target}?attributes=displayName", [{"op": "replace", "value": {"id": made.id, "displayName": "h"}}], 200)
    assert set(renamed.body) == {"schemas", "id", "displayName"} and renamed["displayName"] == "h"
    assert client.patch(target, [{"op": "replace", "path": "displayName", "value": "i"}], 204).headers["ETag"] != made.headers["ETag"]
    assert client.get(target)["displayName"] == "i"


def test_without_its_members(client, users):
    made = client.post("/Groups", group("g", users))
    assert "members" not in client.get(f"/Groups/{made.id}?excludedAttributes=members").body
    assert "members" not in client.get(f"/Groups/{made.id}?attributes=displayName").body
    assert len(client.get(f"/Groups/{made.id}?attributes=members.value")["members"]) == 4
    (listed,) = client.get("/Groups?excludedAttributes=members").resources
    assert "members" not in listed
    assert len(client.get("/Groups").resources[0]["members"]) == 4


def test_a_user_that_goes_leaves(client, users):
    target = f"/Groups/{client.post('/Groups', group('g', users[:2])).id}"
    client.delete(f"/Users/{users[0]}")
    assert members(client, target) == {users[1]}


def test_deleted(client, users):
    made = client.post("/Groups", group("g", users))
    client.delete(f"/Groups/{made.id}")
    client.get(f"/Groups/{made.id}", 404).refused(404)
    assert not client.get(f"/Users/{users[0]}").body.get("groups")
    assert client.get("/Groups")["totalResults"] == 0
    client.post("/Groups", group("g"))


def test_entity_tags(client, users):
    made = client.post("/Groups", group("g"))
    target, tag = f"/Groups/{made.id}", made.headers["ETag"]
    client.patch(target, [add(users[0])], 412, headers={"If-Match": 'W/"9999"'}).refused(412)
    client.patch(target, [add(users[0])], 204, headers={"If-Match": tag})
    client.get(target, 200, headers={"If-None-Match": tag})
    client.delete(target, 412, headers={"If-Match": tag}).refused(412)


def test_mail_to_a_group(team, client, users):
    body = group("list", users[:2], **{MAIL_GROUP: {"kind": "list", "address": team.at("all")}})
    body["schemas"].append(MAIL_GROUP)
    made = client.post("/Groups", body)
    assert made[MAIL_GROUP]["address"] == team.at("all")
    assert team.reaches(team.at("all")) >= {team.at("u0"), team.at("u1")}


def test_thousands_of_members(daemon, team, client):
    ids = [client.post("/Users", {"schemas": [scim.USER], "userName": team.at(f"m{number}")}).id for number in range(1500)]
    made = client.post("/Groups?excludedAttributes=members", group("big", ids))
    target = f"/Groups/{made.id}"
    assert members(client, target) == set(ids)
    client.patch(target, [{"op": "replace", "path": "members", "value": [{"value": one} for one in ids[100:]]}], 204)
    assert members(client, target) == set(ids[100:])
    client.patch(target, [{"op": "remove", "path": f'members[value eq "{ids[200]}"]'}, add(ids[0])], 204)
    assert members(client, target) == set(ids[100:]) - {ids[200]} | {ids[0]}
    assert client.find(f'id eq "{made.id}" and members eq "{ids[300]}"', "Groups")["totalResults"] == 1
    assert client.find(f'id eq "{made.id}" and members eq "{ids[200]}"', "Groups")["totalResults"] == 0
    (listed,) = client.find(f'members.value eq "{ids[300]}"', "Groups").resources
    assert listed["id"] == made.id and len(listed["members"]) == 1400


def test_a_large_body_is_read_aside(team, client):
    """Above 64 KiB: what holds for a small one holds for it."""
    nobody = [str(uuid.uuid4()) for _ in range(2000)]
    client.post("/Groups", group("g", nobody), 400).refused(400, "invalidValue", "members", "2000")
    made = client.post("/Groups", group("g", description="x" * 100))
    target = f"/Groups/{made.id}"
    client.put(target, "{" + " " * 70000, 400).refused(400, "invalidSyntax", "JSON")
    client.put(target, {"schemas": [GROUP], "members": [{"value": one} for one in nobody]}, 400).refused(400, "invalidValue", "displayName")
    scim.stays(client, target, lambda: client.patch(target, [{"op": "remove", "path": "members", "value": [{"value": one} for one in nobody]}], 204))
    renamed = client.put(target, group("h", description="y", ignored="z" * 8000, **{f"more{number}": "z" * 7000 for number in range(7)},
                                       members=[]))
    assert renamed["displayName"] == "h"
    for _ in range(5):
        gone = team.client()
        gone.connection.request("PUT", f"/scim/v2{target}", "[" + " " * 100000, gone.headers)
        gone.close()
    assert client.get(target)["displayName"] == "h"
