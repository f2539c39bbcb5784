"""/scim/v2/Bulk: many operations in one request, references between them, errors of some of them."""

import uuid

import pytest

import scim_clients as scim
from scim_clients import BULK, ENTERPRISE, ERROR, GROUP, USER

RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim.start(make_daemon)


def bulk(client, *operations, expect=200, **more):
    reply = client.post("/Bulk", {"schemas": [BULK], "Operations": list(operations), **more}, expect)
    if expect == 200:
        assert reply["schemas"] == [RESPONSE]
        return reply["Operations"]
    return reply


def post(path, bulk_id, data):
    return {"method": "POST", "path": path, "bulkId": bulk_id, "data": data}


def group(name, *members, **more):
    return {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members], **more}


def statuses(results):
    return [result["status"] for result in results]


def identity(result):
    return result["location"].rpartition("/")[2]


def test_each_kind(team, client):
    old = client.post("/Users", team.user("old"))
    gone = client.post("/Users", team.user("gone"))
    results = bulk(client,
                   post("/Users", "a", team.user("a")),
                   {"method": "PUT", "path": f"/Users/{old.id}", "data": team.user("old", title="x")},
                   {"method": "patch", "path": f"/Users/{old.id}", "data": {"schemas": [scim.PATCH], "Operations": [
                       {"op": "add", "path": "nickName", "value": "o"}]}},
                   {"method": "DELETE", "path": f"/Users/{gone.id}", "version": gone["meta"]["version"]})
    assert statuses(results) == ["201", "200", "200", "204"]
    made = client.get(f"/Users/{identity(results[0])}")
    assert results[0] == {"method": "POST", "bulkId": "a", "location": made["meta"]["location"], "version": made["meta"]["version"], "status": "201"}
    assert results[1]["location"] == results[2]["location"] == old["meta"]["location"]
    shown = client.get(f"/Users/{old.id}")
    assert shown["title"] == "x" and shown["nickName"] == "o" and shown["meta"]["version"] == results[2]["version"]
    client.get(f"/Users/{gone.id}", 404)


def test_references(team, client):
    boss = dict(team.user("b"), schemas=[USER, ENTERPRISE])
    boss[ENTERPRISE] = {"manager": {"value": "bulkId:a"}}
    results = bulk(client,
                   {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"Operations": [
                       {"op": "remove", "path": 'members[value eq "bulkId:b"]'}, {"op": "add", "path": "members", "value": [{"value": "bulkId:c"}]}]}},
                   post("/Groups", "g", group("sales", "bulkId:a", "bulkId:b")),
                   post("/Users", "b", boss),
                   post("/Users", "a", team.user("a")),
                   post("/Users", "c", team.user("c", title="bulkId:none at all")))
    assert statuses(results) == ["204", "201", "201", "201", "201"]
    ids = {result.get("bulkId"): identity(result) for result in results}
    assert {member["value"] for member in client.get(f"/Groups/{ids['g']}")["members"]} == {ids["a"], ids["c"]}
    assert client.get(f"/Users/{ids['b']}")[ENTERPRISE]["manager"]["value"] == ids["a"]
    assert results[0]["location"].endswith(f"/Groups/{ids['g']}")


def test_what_cannot_be_resolved(team, client):
    results = bulk(client,
                   post("/Groups", "x", group("x", "bulkId:y")), post("/Groups", "y", group("y", "bulkId:x")),
                   post("/Groups", "z", group("z", "bulkId:nobody")), post("/Groups", "s", group("s", "bulkId:s")),
                   post("/Users", "bad", {"schemas": [USER]}), post("/Groups", "on-bad", group("w", "bulkId:bad")),
                   post("/Users", "a", team.user("a")))
    assert statuses(results) == ["409", "409", "409", "409", "400", "409", "201"]
    for result in results[:-1]:
        assert result["response"]["schemas"] == [ERROR] and result["response"]["status"] == result["status"] and "location" not in result
    assert client.get("/Groups")["totalResults"] == 0


def test_errors_stop_nothing_or_all(team, client):
    bad = {"method": "DELETE", "path": f"/Users/{uuid.uuid4()}"}
    assert statuses(bulk(client, bad, bad, post("/Users", "a", team.user("a")))) == ["404", "404", "201"]
    results = bulk(client, bad, post("/Users", "b", team.user("b")), bad, post("/Users", "c", team.user("c")), failOnErrors=2)
    assert statuses(results) == ["404", "201", "404"]
    assert client.find(f'userName eq "{team.at("c")}"')["totalResults"] == 0


def test_each_is_judged_as_alone(daemon, team, client):
    made = client.post("/Users", team.user("a"))
    stranger = scim.Team(daemon)
    other = stranger.client()
    (result,) = bulk(other, {"method": "DELETE", "path": f"/Users/{made.id}"})
    assert result["status"] == "404"
    (result,) = bulk(client, {"method": "PUT", "path": f"/Users/{made.id}", "version": 'W/"999"', "data": team.user("a")})
    assert result["status"] == "412"
    (result,) = bulk(client, post("/Users", "a", team.user("a")))
    assert result["status"] == "409" and result["response"]["scimType"] == "uniqueness"
    users = scim.Team(daemon, rights="users").client()
    assert statuses(bulk(users, post("/Groups", "g", group("g")))) == ["403"]
    scim.Team(daemon, rights="users,read_only").client().post("/Bulk", {"Operations": []}, 403).refused(403)


@pytest.mark.parametrize("operation, word", [
    ({"method": "GET", "path": "/Users"}, "method"), ({"method": "POST", "path": "/Users", "data": {}}, "bulkId"),
    ({"method": "PUT", "path": "Users", "data": {}}, "path"), ({}, "method"), ("x", "method")])
def test_operations_that_are_none(client, operation, word):
    bulk(client, operation, expect=400).refused(400, "invalidSyntax", word)


@pytest.mark.parametrize("path, method, status", [
    ("/Bulk", "POST", "400"), ("/Users/.search", "POST", "400"), ("/Schemas", "PUT", "405"), ("/Nothing", "DELETE", "404"), ("/Me", "PUT", "400"),
    ("/Users", "PUT", "405")])
def test_paths_that_change_nothing(client, path, method, status):
    assert statuses(bulk(client, {"method": method, "path": path, "bulkId": "x", "data": {}})) == [status]


def test_bodies_that_are_none(client):
    bulk(client, expect=400).refused(400, "invalidSyntax", "Operations")
    client.post("/Bulk", {"Operations": "x"}, 400).refused(400, "invalidSyntax", "Operations")
    assert statuses(bulk(client, {"method": "POST", "path": "/Users", "bulkId": "x"})) == ["400"]
    bulk(client, post("/Users", "x", {}), post("/Users", "x", {}), expect=400).refused(400, "invalidValue", "bulkId")


def test_limits(team, client):
    bulk(client, *[{"method": "DELETE", "path": "/Users/x"}] * 1001, expect=413).refused(413, "tooMany", "maxOperations", "1000")
    results = bulk(client, *[post("/Users", f"u{number}", team.user(f"u{number}")) for number in range(999)],
                   post("/Groups", "g", group("g", *[f"bulkId:u{number}" for number in range(999)])))
    assert set(statuses(results)) == {"201"}
    assert len(client.get(f"/Groups/{identity(results[-1])}")["members"]) == 999
    # The longest chain, each waiting for the next: the last goes first.
    chain = [post("/Groups", f"c{number}", group(f"c{number}", *[f"bulkId:c{number + 1}"] * (number < 9))) for number in range(10)]
    assert set(statuses(bulk(client, *chain))) == {"201"}


def test_no_password_is_left(daemon):
    team = scim.Team(daemon, rights="users,set_password")
    client = team.client()
    (result,) = bulk(client, post("/Users", "a", team.user("a", password="staple battery horse")))
    assert result["status"] == "201" and team.password_login(team.at("a"), "staple battery horse").ok
    assert not daemon.lines("staple battery")


def test_who_leaves_meanwhile(daemon, team, client):
    """What was begun is done; what was not is not; nothing breaks."""
    import json
    body = json.dumps({"Operations": [post("/Users", f"u{number}", team.user(f"u{number}")) for number in range(50)]})
    for _ in range(5):
        gone = team.client()
        gone.connection.request("POST", "/scim/v2/Bulk", body, gone.headers)
        gone.close()
    shown = client.get("/Users")
    assert shown["totalResults"] <= 50 and len(daemon.workers) == 1
