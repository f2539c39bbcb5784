"""The rules of RFC 7644 about PATCH (N38 to N44): what each operation does, all or nothing, and twice the same."""

import pytest

import scim_clients
from scim_clients import ENTERPRISE, GROUP, MAIL_USER, PATCH

NOBODY = "01993b5e-0000-7000-8000-00000000dead"


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim_clients.start(make_daemon, connections_per_address=1000)


@pytest.fixture
def mira(team, client):
    return client.post("/Users", dict(team.user("mira"), emails=[{"value": team.at("mira"), "type": "work", "primary": True}, {"value": "m@home.example", "type": "home"}],
                                      name={"givenName": "Mira", "familyName": "Voss"}, nickName="Mi", displayName="Mira", roles=[{"value": "a"}, {"value": "b"}],
                                      **{ENTERPRISE: {"department": "ops", "manager": {"value": "boss"}}})).body


def at(mira):
    return f"/Users/{mira['id']}"


def op(name, path=None, *value):
    return {"op": name, **({"path": path} if path is not None else {}), **({"value": value[0]} if value else {})}


WORK = 'emails[type eq "work"]'
HOME = {"value": "m@home.example", "type": "home"}

# rule, operations, {attribute: what it is afterwards (None: absent)}; "WORK" stands for the work address as it was
CASES = {
    "n39": [
        ([op("add", None, {"title": "T", "name": {"middleName": "M"}})], {"title": "T", "name": {"givenName": "Mira", "familyName": "Voss", "middleName": "M"}}),
        ([op("add", "title", "T")], {"title": "T"}), ([op("add", "nickName", "Other")], {"nickName": "Other"}),
        ([op("add", "roles", [{"value": "c"}])], {"roles": [{"value": "a"}, {"value": "b"}, {"value": "c"}]}), ([op("add", "roles", {"value": "c"})], {"roles": [{"value": "a"}, {"value": "b"}, {"value": "c"}]}),
        ([op("add", None, {"roles": [{"value": "c"}]})], {"roles": [{"value": "a"}, {"value": "b"}, {"value": "c"}]}), ([op("add", "name", {"givenName": "M"})], {"name": {"givenName": "M", "familyName": "Voss"}}),
        ([op("add", "name.honorificPrefix", "Dr.")], {"name": {"givenName": "Mira", "familyName": "Voss", "honorificPrefix": "Dr."}}),
        ([op("add", f"{ENTERPRISE}:division", "d")], {ENTERPRISE: {"department": "ops", "manager": {"value": "boss"}, "division": "d"}}),
        ([op("Add", "NICKNAME", "X"), op("ADD", "nickname", "Y")], {"nickName": "Y"}), ([op("add", "badge", "7")], "invalidPath")],
    "n40": [
        ([op("replace", None, {"title": "T", "nickName": None})], {"title": "T", "nickName": None}), ([op("replace", "title", "T")], {"title": "T"}),
        ([op("replace", "roles", [{"value": "z"}])], {"roles": [{"value": "z"}]}), ([op("replace", "roles", [])], {"roles": None}),
        ([op("replace", "name", {"givenName": "M"})], {"name": {"givenName": "M", "familyName": "Voss"}}),
        ([op("replace", 'roles[value eq "a"]', {"value": "z", "type": "t"})], {"roles": [{"value": "z", "type": "t"}, {"value": "b"}]}),
        ([op("replace", 'roles[value eq "a" or value eq "b"].type', "t")], {"roles": [{"value": "a", "type": "t"}, {"value": "b", "type": "t"}]}),
        ([op("replace", 'emails[type eq "home"].value', "n@home.example")], {"emails": ["WORK", {"value": "n@home.example", "type": "home"}]}),
        ([op("replace", ENTERPRISE, {"department": "d"})], {ENTERPRISE: {"department": "d", "manager": {"value": "boss"}}}),
        ([op("replace", 'roles[value eq "zz"]', {"value": "z"})], "noTarget"), ([op("replace", 'roles[value sw "zz"].type', "z")], "noTarget"), ([op("replace", "title")], "invalidValue")],
    "n41": [
        ([op("remove", "nickName")], {"nickName": None}), ([op("remove", "title")], {}), ([op("remove", "roles")], {"roles": None}), ([op("remove", 'roles[value eq "a"]')], {"roles": [{"value": "b"}]}),
        ([op("remove", 'roles[value eq "zz"]')], {}), ([op("remove", "name.givenName")], {"name": {"familyName": "Voss"}}), ([op("remove", "name")], {"name": None}),
        ([op("remove", 'emails[type eq "home"]')], {"emails": ["WORK"]}), ([op("remove", f"{ENTERPRISE}:department")], {ENTERPRISE: {"manager": {"value": "boss"}}}),
        ([op("remove", "active")], {}), ([op("remove")], "noTarget"), ([op("remove", "")], "noTarget"), ([op("remove", "userName")], "mutability"), ([op("remove", "id")], "mutability"),
        ([op("remove", "meta")], "mutability"), ([op("remove", "groups")], "mutability"), ([op("remove", "meta.created")], "mutability")],
    "n43": [
        ([op("replace", "groups", [])], "mutability"), ([op("add", "meta.version", "x")], "mutability"), ([op("replace", "id", NOBODY)], "mutability"),
        ([op("add", f"{ENTERPRISE}:manager.displayName", "x")], "mutability"), ([op("replace", f"{MAIL_USER}:usedBytes", 5)], "mutability"), ([op("add", "badge", 7)], "invalidPath"),
        ([op("add", "name.badge", 7)], "invalidPath"), ([op("add", "userName.x", "y")], "invalidPath"), ([op("add", f"{ENTERPRISE}:badge", 7)], "invalidPath"), ([op("add", "urn:x:badge", 7)], "invalidPath"),
        ([op("add", "emails[", "x")], "invalidPath"), ([op("add", 'emails[type eq "a"', "x")], None), ([op("add", "a b", "x")], "invalidPath"), ([op("add", 5, "x")], "invalidPath"),
        ([op("replace", "active", "perhaps")], "invalidValue"), ([op("replace", "userName", 5)], "invalidValue"), ([op("replace", "userName", "")], "invalidValue"), ([op("replace", "name", "x")], "invalidValue"),
        ([op("add", "emails", [{"value": "no address"}])], "invalidValue"), ([op("replace", None, "x")], "invalidValue"), ([op("add", None, [])], "invalidValue")],
    "n44": [
        ([op("Replace", 'phoneNumbers[type eq "work"].value', "+1")], {"phoneNumbers": [{"type": "work", "value": "+1"}]}),
        ([op("Add", 'addresses[type eq "home" and primary eq true].country', "DE")], {"addresses": [{"type": "home", "primary": True, "country": "DE"}]}),
        ([op("remove", "roles", [{"value": "a"}])], {"roles": [{"value": "b"}]}),
        ([op("replace", None, {"name.givenName": "M", f"{ENTERPRISE}:employeeNumber": "7", 'phoneNumbers[type eq "work"].value': "+2"})],
         {"name": {"givenName": "M", "familyName": "Voss"}, ENTERPRISE: {"department": "ops", "manager": {"value": "boss"}, "employeeNumber": "7"}, "phoneNumbers": [{"type": "work", "value": "+2"}]}),
        ([op("replace", None, {"schemas": ["urn:x"], "meta": {"version": "x"}, "groups": [], "title": "T"})], {"title": "T"}),
        ([op("add", f"{ENTERPRISE}:manager", "u-9")], {ENTERPRISE: {"department": "ops", "manager": {"value": "u-9"}}}), ([dict(op("add", "title", "T"), name="x", extra={"y": 1})], {"title": "T"}),
        ([op("remove", "nickName", None)], {"nickName": None}), ([op("add", "roles", ["c"])], {"roles": [{"value": "a"}, {"value": "b"}, {"value": "c"}]}), ([op("replace", "active", "False")], {"active": False}),
        ([op("replace", "active", ["true"])], {}), ([op("replace", "nickName", ["One"])], {"nickName": "One"}), ([op("replace", None, {"id": NOBODY})], "mutability"),
        ([op("replace", None, {'roles[value sw "q"].type': "x"})], "noTarget")],
}


def run(client, team, mira, rule, index):
    """The case, once more (no change), and within a PATCH whose last operation fails (none either)."""
    operations, expected = CASES[rule][index]
    last = operations[-1]
    if expected is None or isinstance(expected, str):
        before, rows = client.get(at(mira)).body, team.audit()
        reply = client.patch(at(mira), [op("add", "title", "first"), op("remove", "nickName"), *operations], 400)
        assert reply["scimType"] == expected or (expected is None and reply["scimType"] in ("invalidPath", "invalidFilter")), reply
        if isinstance(last.get("path"), str) and last["path"] and "[" not in last["path"] and expected in ("mutability", "invalidValue") and ("value" in last or last["op"] == "remove"):
            name = last["path"].rsplit(":", 1)[-1].partition(".")[0]
            assert name in reply.detail or last["path"].rpartition(".")[2] in reply.detail, reply
        assert client.get(at(mira)).body == before and team.audit() == rows
        return
    work = mira["emails"][0]
    wanted = {name: value for name, value in mira.items() if name not in ("meta", "schemas")}
    for name, value in expected.items():
        wanted[name] = [work if one == "WORK" else one for one in value] if isinstance(value, list) else value
    wanted = {name: value for name, value in wanted.items() if value is not None}
    before, rows = client.get(at(mira)).body, team.audit()
    client.patch(at(mira), [*operations, op("replace", "meta", {})], 400).refused(400, "mutability", "meta")
    assert client.get(at(mira)).body == before and team.audit() == rows
    after = client.patch(at(mira), operations)
    shown = {name: value for name, value in after.body.items() if name not in ("meta", "schemas") and value != []}
    assert shown == wanted, after
    assert team.audit() == rows + (after["meta"]["version"] != mira["meta"]["version"])
    assert (after["meta"] == mira["meta"]) == (not expected)
    if "[value" not in last.get("path", ""):  # else it no longer finds what it looks for
        scim_clients.stays(client, at(mira), lambda: client.patch(at(mira), operations))


@pytest.mark.parametrize("index", [index for index, case in enumerate(CASES["n39"]) if isinstance(case[1], dict)])
def test_n39_ok_add(client, team, mira, index):
    run(client, team, mira, "n39", index)


@pytest.mark.parametrize("index", [index for index, case in enumerate(CASES["n39"]) if not isinstance(case[1], dict)])
def test_n39_no_add(client, team, mira, index):
    run(client, team, mira, "n39", index)


@pytest.mark.parametrize("index", [index for index, case in enumerate(CASES["n40"]) if isinstance(case[1], dict)])
def test_n40_ok_replace(client, team, mira, index):
    run(client, team, mira, "n40", index)


@pytest.mark.parametrize("index", [index for index, case in enumerate(CASES["n40"]) if not isinstance(case[1], dict)])
def test_n40_no_replace(client, team, mira, index):
    run(client, team, mira, "n40", index)


@pytest.mark.parametrize("index", [index for index, case in enumerate(CASES["n41"]) if isinstance(case[1], dict)])
def test_n41_ok_remove(client, team, mira, index):
    run(client, team, mira, "n41", index)


@pytest.mark.parametrize("index", [index for index, case in enumerate(CASES["n41"]) if not isinstance(case[1], dict)])
def test_n41_no_remove(client, team, mira, index):
    run(client, team, mira, "n41", index)


@pytest.mark.parametrize("index", range(len(CASES["n43"])))
def test_n43_no_such_change(client, team, mira, index):
    run(client, team, mira, "n43", index)


@pytest.mark.parametrize("index", [index for index, case in enumerate(CASES["n44"]) if isinstance(case[1], dict)])
def test_n44_ok_deviation(client, team, mira, index):
    run(client, team, mira, "n44", index)


@pytest.mark.parametrize("index", [index for index, case in enumerate(CASES["n44"]) if not isinstance(case[1], dict)])
def test_n44_no_deviation(client, team, mira, index):
    run(client, team, mira, "n44", index)


# ---- N38: the body, all or nothing ----


def test_n38_ok_sequence_in_one_commit(client, team, mira):
    """Later operations see what earlier ones did; it is one change."""
    rows = team.audit()
    after = client.patch(at(mira), [op("add", "roles", [{"value": "c"}]), op("remove", 'roles[value eq "a"]'), op("replace", 'roles[value eq "c"].type', "t"), op("add", "nickName", "1"),
                                    op("replace", "nickName", "2"), op("add", "emails", [{"value": team.at("alias"), "type": "other"}])])
    assert after["roles"] == [{"value": "b"}, {"value": "c", "type": "t"}] and after["nickName"] == "2" and team.audit() == rows + 1
    assert team.reaches(team.at("alias")) == {team.at("mira")}
    assert client.ask("PATCH", f"{at(mira)}?attributes=nickName", {"schemas": [PATCH], "Operations": [op("add", "nickName", "3")]}, 200).body.keys() == {"schemas", "id", "nickName"}
    group = client.post("/Groups", {"schemas": [GROUP], "displayName": "g"}).id
    rows = team.audit()
    client.patch(f"/Groups/{group}", [op("add", "members", [mira["id"]]), op("replace", "displayName", "h"), op("add", "externalId", "e")])
    assert team.audit() == rows + 1


@pytest.mark.parametrize("body,word", [
    ({}, "Operations"), ({"Operations": []}, "Operations"), ({"Operations": {}}, "Operations"), ({"Operations": ["x"]}, "op"), ({"Operations": [{}]}, "op"), ({"Operations": [{"op": "move", "path": "a"}]}, "op"),
    ({"Operations": [{"op": ["add"], "path": "title", "value": "x"}]}, "op"), ({"Operations": 5}, "Operations"),
    ({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "Operations": [{"op": "add", "path": "title", "value": "x"}]}, "schemas")])
def test_n38_no_such_body(client, mira, body, word):
    scim_clients.stays(client, at(mira), lambda: client.patch(at(mira), {"schemas": [PATCH], **body}, 400).refused(400, "invalidSyntax", word))


def test_n38_no_half_of_it(client, team, mira):
    """Whatever fails last, also by a rule of the house: nothing of it is there, nowhere."""
    other = client.post("/Users", team.user("other")).body
    group = client.post("/Groups", {"schemas": [GROUP], "displayName": "g", "members": [mira["id"]]})
    before, rows = client.get("/").body, team.audit()
    first = [op("replace", "active", False), op("add", "emails", [{"value": team.at("new")}]), op("add", f"{MAIL_USER}:quotaBytes", 5)]
    for last, status in ((op("replace", "userName", other["userName"]), 409), (op("add", "emails", [{"value": team.at("other")}]), 409), (op("add", "emails", [{"value": team.at("root")}]), 403),
                         (op("add", f"{MAIL_USER}:forwardTo", "x@example.net"), 400), (op("remove"), 400)):
        client.patch(at(mira), [*first, last], status)
    for last in (op("add", "members", [NOBODY]), op("replace", "displayName", ""), op("add", "members", [group.id])):
        client.patch(f"/Groups/{group.id}", [op("remove", "members"), op("replace", "externalId", "e"), op("add", "members", [other["id"]]), last], 400)
    assert client.get("/").body == before and team.audit() == rows
    assert team.reaches(team.at("new")) == set() and team.may_send(team.at("mira"), team.at("mira"))


def test_n38_no_more_operations_than_so_many(client, mira):
    client.patch(at(mira), [op("add", "nickName", "x")] * 10001, 413).refused(413, None, "Operations")


# ---- N42: extensions come and go ----


def test_n42_ok_extension(client, team, mira):
    after = client.patch(at(mira), [op("add", f"{MAIL_USER}:quotaBytes", 5 << 30)])
    assert after["schemas"] == [scim_clients.USER, ENTERPRISE, MAIL_USER]
    after = client.patch(at(mira), [op("remove", f"{MAIL_USER}:quotaBytes"), op("remove", f"{ENTERPRISE}:department"), op("remove", f"{ENTERPRISE}:manager")])
    assert after["schemas"] == [scim_clients.USER] and ENTERPRISE not in after.body
    assert client.patch(at(mira), [op("add", ENTERPRISE, {"division": "d"})])["schemas"] == [scim_clients.USER, ENTERPRISE]
    assert client.patch(at(mira), [op("remove", ENTERPRISE)])["schemas"] == [scim_clients.USER]
    assert client.patch(at(mira), [op("add", None, {ENTERPRISE: {"division": "d"}})])[ENTERPRISE] == {"division": "d"}


def test_n42_no_extension_of_another_type(client, mira):
    """A group's on a user; the schema of the resource itself."""
    urn = scim_clients.MAIL_GROUP
    client.patch(at(mira), [op("add", f"{urn}:kind", "alias")], 400).refused(400, "invalidPath")
    client.patch(at(mira), [op("remove", scim_clients.USER)], 400)
    assert urn not in client.get(at(mira))["schemas"]


def test_n43_ok_uniqueness(client, team, mira):
    """409, and what is not another's is taken."""
    other = client.post("/Users", team.user("other"))
    client.patch(at(mira), [op("replace", "userName", team.at("Other"))], 409).refused(409, "uniqueness", "userName")
    client.patch(at(mira), [op("add", "emails", [{"value": team.at("other")}])], 409).refused(409, "uniqueness", "emails", team.at("other"))
    client.delete(f"/Users/{other.id}")
    assert client.patch(at(mira), [op("replace", "userName", team.at("Other"))])["userName"] == team.at("Other")


# ---- members ----


def test_n44_ok_members(client, team):
    """Bare strings, value lists, `$ref: null`, filters: each removes those, and nobody else."""
    ids = [client.post("/Users", team.user(f"u{number}")).id for number in range(6)]
    group = client.post("/Groups", {"schemas": [GROUP], "displayName": "g", "members": ids}).id
    where = f"/Groups/{group}"
    for number, operation in enumerate((op("remove", "members", [{"value": ids[0]}]), op("Remove", "members", [{"$ref": None, "value": ids[1]}]), op("remove", f'members[value eq "{ids[2]}"]'),
                                        op("remove", "members", ids[3]), op("remove", "members", {"value": ids[4]}))):
        client.patch(where, [operation])
        assert {member["value"] for member in client.get(where)["members"]} == set(ids[number + 1:])
        scim_clients.stays(client, where, lambda operation=operation: client.patch(where, [operation]))
    client.patch(where, [op("add", "members", ids[0]), op("add", "members", [ids[1], {"value": ids[2]}]), op("add", "members", {"value": ids[3]})])
    assert {member["value"] for member in client.get(where)["members"]} == {*ids[:4], ids[5]}
    scim_clients.stays(client, where, lambda: client.patch(where, [op("add", "members", ids[:4])]))
    client.patch(where, [op("remove", f'members[value eq "{ids[0]}" or value eq "{ids[1]}"]')])
    assert {member["value"] for member in client.get(where)["members"]} == {ids[2], ids[3], ids[5]}
    scim_clients.stays(client, where, lambda: client.patch(where, [op("remove", "members", [NOBODY])]))
    scim_clients.stays(client, where, lambda: client.patch(where, [op("remove", "members", [])]))
    client.patch(where, [op("remove", "members")])
    assert client.get(where)["members"] == []
