"""The rules of RFC 7643 and 7644 about resources (N13 to N27): schemas, ids, characteristics of attributes, users, groups, the
enterprise extension, dates; made, read, replaced, deleted."""

import base64

import pytest

import scim_clients
from scim_clients import ENTERPRISE, GROUP, MAIL_GROUP, MAIL_USER, PATCH, SEARCH, USER, Team

NOBODY = "01993b5e-0000-7000-8000-00000000dead"


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim_clients.start(make_daemon, connections_per_address=1000)


@pytest.fixture
def user(team, client):
    """A user with something of everything."""
    return client.post("/Users", full(team)).body


def full(team):
    return team.user("mira", externalId="E-1", active=True, name={"givenName": "Mira", "familyName": "Voss"}, displayName="Mira Voss", nickName="Mi",
                     title="Dr.", userType="Staff", locale="de-DE", timezone="Europe/Berlin", preferredLanguage="de", profileUrl="https://example.com/m",
                     phoneNumbers=[{"value": "+49 30 1", "type": "work", "primary": True}, {"value": "+49 30 2", "type": "home"}],
                     addresses=[{"type": "work", "streetAddress": "Am Tor 1", "locality": "Berlin", "country": "DE"}],
                     roles=[{"value": "admin"}], entitlements=[{"value": "x"}], ims=[{"value": "m", "type": "xmpp"}],
                     photos=[{"value": "https://example.com/m.png", "type": "photo"}],
                     x509Certificates=[{"value": base64.b64encode(b"certificate").decode()}],
                     schemas=[USER, ENTERPRISE, MAIL_USER], **{ENTERPRISE: {"employeeNumber": "7", "costCenter": "c", "organization": "o", "division": "d",
                                                                           "department": "p", "manager": {"value": "boss"}},
                                                              MAIL_USER: {"aliases": [team.at("mv")], "quotaBytes": 5 << 30, "services": ["imap", "smtp"]}})


def group(name="sales", **more):
    return {"schemas": [GROUP], "displayName": name, **more}


# ---- N13: schemas ----


def test_n13_ok_schemas(team, client, user):
    assert user["schemas"] == [USER, ENTERPRISE, MAIL_USER]
    plain = client.post("/Users", dict(team.user("a"), schemas=["urn:scim:schemas:core:1.0", USER, "urn:x", USER, "http://example.com/y"]))
    assert plain["schemas"] == [USER]
    unknown = client.post("/Users", dict(team.user("b"), **{"urn:acme:2.0:User": {"badge": 7}}))
    assert unknown["schemas"] == [USER] and unknown["urn:acme:2.0:User"] == {"badge": 7}
    assert client.post("/Groups", group())["schemas"] == [GROUP]
    with_mail = client.post("/Groups", group("m", **{MAIL_GROUP: {"kind": "alias", "address": team.at("m")}}))
    assert with_mail["schemas"] == [GROUP, MAIL_GROUP]


@pytest.mark.parametrize("schemas", [5, [5], {"a": 1}, [None], True])
def test_n13_no_schemas_of_other_kinds(team, client, schemas):
    client.post("/Users", dict(team.user("a"), schemas=schemas), 400).refused(400, "invalidSyntax", "schemas")
    client.post("/Groups", dict(group(), schemas=schemas), 400).refused(400, "invalidSyntax", "schemas")


# ---- N14: id ----


def test_n14_ok_id(team, client):
    """Ours, unique over all, the same through every change, another one after deletion."""
    made = client.post("/Users", team.user("a", id="chosen", ID2="x"))
    assert made.id != "chosen" and made["ID2"] == "x"
    where = f"/Users/{made.id}"
    assert client.put(where, dict(team.user("b"), id="chosen")).id == made.id
    assert client.patch(where, [{"op": "replace", "path": "userName", "value": team.at("c")}]).id == made.id
    other = client.post("/Groups", group(id=made.id))
    assert other.id != made.id
    assert client.found(f'id eq "{made.id}"', "Users") == [team.at("c")] and client.found(f'id eq "{made.id}"', "Groups") == []
    client.delete(where)
    assert client.post("/Users", team.user("c")).id != made.id


def test_n14_no_other_id(client, user):
    """caseExact; PATCH may repeat it, and not change it."""
    client.get(f"/Users/{user['id'].upper()}", 404)
    where = f"/Users/{user['id']}"
    scim_clients.stays(client, where, lambda: client.patch(where, [{"op": "replace", "value": {"id": user["id"]}}]))
    for operation in ({"op": "replace", "value": {"id": NOBODY}}, {"op": "replace", "path": "id", "value": NOBODY}, {"op": "remove", "path": "id"}):
        scim_clients.stays(client, where, lambda operation=operation: client.patch(where, [operation], 400).refused(400, "mutability", "id"))


# ---- N15: externalId ----


def test_n15_ok_external_id(team, client):
    """Not unique; scoped to the token."""
    for name in ("a", "b"):
        assert client.post("/Users", team.user(name, externalId="Same"))["externalId"] == "Same"
    other = Team(team.daemon)
    other.client().post("/Users", other.user("a", externalId="Same"))
    assert client.found('externalId eq "Same"') == [team.at("a"), team.at("b")]
    client.post("/Groups", group(externalId="Same"))


@pytest.mark.parametrize("value", [5, True, {"x": 1}, "\u0007", "x" * 70000])
def test_n15_no_external_id_of_another_kind(team, client, value):
    client.post("/Users", team.user("a", externalId=value), 400).refused(400, "invalidValue", "externalId")
    client.post("/Groups", group(externalId=value), 400).refused(400, "invalidValue", "externalId")


def test_n15_no_match_in_another_case(client, user):
    assert client.found('externalId eq "e-1"') == [] and client.found('externalId eq "E-1"') == [user["userName"]]


# ---- N16: meta ----


def test_n16_ok_meta(client, user):
    meta = user["meta"]
    assert set(meta) == {"resourceType", "created", "lastModified", "location", "version"}
    assert meta["resourceType"] == "User" and meta["created"] == meta["lastModified"] and meta["location"].endswith(f"/scim/v2/Users/{user['id']}")
    where = f"/Users/{user['id']}"
    scim_clients.stays(client, where, lambda: client.patch(where, [{"op": "add", "value": {"nickName": "Mi"}}]))
    scim_clients.stays(client, where, lambda: client.put(where, user))
    after = client.patch(where, [{"op": "add", "value": {"nickName": "Other"}}])["meta"]
    assert after["version"] != meta["version"] and after["lastModified"] >= meta["lastModified"] and after["created"] == meta["created"]


def test_n16_no_meta_of_the_client(team, client):
    own = {"resourceType": "Device", "created": "2001-01-01T00:00:00Z", "lastModified": "2001-01-01T00:00:00Z", "location": "https://example.net/", "version": "x"}
    made = client.post("/Users", team.user("a", meta=own))
    assert not set(made["meta"].values()) & set(own.values())
    where = f"/Users/{made.id}"
    assert client.put(where, team.user("a", meta=own))["meta"] == made["meta"]
    client.patch(where, [{"op": "replace", "path": "meta.created", "value": own["created"]}], 400).refused(400, "mutability", "meta")
    scim_clients.stays(client, where, lambda: client.patch(where, [{"op": "replace", "value": {"meta": own}}]))


# ---- N17: names ----


def test_n17_ok_names_have_no_case(team, client):
    made = client.post("/Users", {"SCHEMAS": [USER.upper()], "USERNAME": team.at("a"), "Emails": [{"VALUE": team.at("a"), "Type": "work", "pRIMARY": True}],
                                  "NAME": {"givenname": "A"}, ENTERPRISE.upper(): {"employeenumber": "1"}, "nickName": None, "roles": []})
    assert made["userName"] == team.at("a") and made["emails"] == [{"value": team.at("a"), "type": "work", "primary": True}]
    assert made["name"] == {"givenName": "A"} and made[ENTERPRISE] == {"employeeNumber": "1"} and "nickName" not in made.body and not made["roles"]
    after = client.patch(f"/Users/{made.id}", {"schemas": [scim_clients.PATCH], "operations": [{"OP": "Add", "Path": "NICKNAME", "VALUE": "N"}]})
    assert after["nickName"] == "N"
    assert client.found('USERNAME sw "a" and EMAILS.VALUE pr and roles pr or NickName eq "n"') == [team.at("a")]
    assert set(client.get(f"/Users/{made.id}?ATTRIBUTES=nickname").body) == {"schemas", "id", "nickName"}


@pytest.mark.parametrize("more", [{"USERNAME": "x"}, {"Emails": []}, {ENTERPRISE: {}, ENTERPRISE.lower(): {}}, {"name": {"givenName": "a", "GIVENNAME": "b"}}])
def test_n17_no_name_twice(team, client, more):
    word = next(iter(more))
    client.post("/Users", dict(team.user("a"), **more), 400).refused(400, "invalidSyntax", word.rsplit(":", 1)[-1])


# ---- N18: characteristics ----

WRONG = [("active", "yes"), ("active", 2), ("active", {"x": 1}), ("active", [True, False]), ("userName", 5), ("userName", ["a", "b"]), ("displayName", True),
         ("name", 5), ("name", [{"givenName": "a"}, {"givenName": "b"}]), ("name.givenName", 5), ("emails", 5), ("emails.value", 5), ("emails.value", "no address"),
         ("emails.primary", "perhaps"), ("emails.type", 5), ("phoneNumbers.value", {}), ("addresses", "Am Tor 1"), ("addresses.country", 5), ("x509Certificates.value", "!"),
         ("title", {"x": "y"}), ("roles", [[["x"]]]), ("password", 5)]
WRONG_MAIL = [("quotaBytes", -1), ("quotaBytes", "5X"), ("quotaBytes", 1.5), ("quotaBytes", 2 ** 53 + 1), ("quotaBytes", True), ("quotaMessages", "many"), ("mailboxEnabled", "x"),
              ("keepCopy", 3), ("services", ["ftp"]), ("services", "imap ftp"), ("services", 5), ("onDisable", "burn"), ("onDisable", "forward"), ("aliases", [5]),
              ("aliases", ["no address"]), ("primaryAddress", "x@elsewhere.example"), ("primaryAddress", "x"), ("sendAs", ["x@elsewhere.example"]),
              ("forwardTo", ["x@example.net"]), ("retentionDays", "x")]


def put_in(body, path, value):
    first, _, part = path.partition(".")
    many = first in ("emails", "phoneNumbers", "addresses", "x509Certificates")
    body[first] = value if not part else [{part: value}] if many else {part: value}
    return body


@pytest.mark.parametrize("path,value", WRONG)
def test_n18_no_value_of_another_kind(team, client, path, value):
    client.post("/Users", put_in(team.user("a"), path, value), 400).refused(400, "invalidValue", path.partition(".")[0])
    made = client.post("/Users", team.user("b"))
    where = f"/Users/{made.id}"
    before = client.get(where).body
    client.put(where, put_in(team.user("b"), path, value), 400).refused(400, "invalidValue", path.partition(".")[0])
    if "." not in path:
        client.patch(where, [{"op": "replace", "path": path, "value": value}], 400).refused(400, "invalidValue", path)
        client.patch(where, [{"op": "replace", "value": {path: value}}], 400).refused(400, "invalidValue", path)
    assert client.get(where).body == before


@pytest.mark.parametrize("name,value", WRONG_MAIL)
def test_n18_no_mail_value_of_another_kind(team, client, name, value):
    client.post("/Users", team.user("a", **{MAIL_USER: {name: value}}), 400).refused(400, "invalidValue", name)
    made = client.post("/Users", team.user("b"))
    where = f"/Users/{made.id}"
    client.patch(where, [{"op": "replace", "path": f"{MAIL_USER}:{name}", "value": value}], 400).refused(400, "invalidValue", name)
    assert client.get(where).body == made.body


def test_n18_ok_what_clients_need(team, client):
    """Lenient where one value can only mean one thing."""
    made = client.post("/Users", dict(team.user("a"), active="True", roles="admin", title=["T"], name={"givenName": ["A"]},
                                      **{MAIL_USER: {"quotaBytes": "5G", "aliases": f"{team.at('b')}, {team.at('c')}", "mailboxEnabled": "true"}}))
    assert made["active"] is True and made["roles"] == [{"value": "admin"}] and made["title"] == "T" and made["name"] == {"givenName": "A"}
    assert made[MAIL_USER] == {"quotaBytes": 5 << 30, "aliases": [team.at("b"), team.at("c")], "mailboxEnabled": True}


def test_n18_ok_returned(team, client, user):
    """never, request, default, always."""
    where = f"/Users/{user['id']}"
    client.patch(where, [{"op": "replace", "path": "password", "value": "never"}])
    assert "password" not in client.get(where + "?attributes=password,userName").body
    assert "effectiveAddresses" not in client.get(where)[MAIL_USER]
    asked = client.get(f"{where}?attributes={MAIL_USER}:effectiveAddresses").body
    assert set(asked[MAIL_USER]["effectiveAddresses"]) == {team.at("mira"), team.at("mv")}
    client.find('password eq "never"', expect=400).refused(400, "invalidFilter", "password")


# ---- N19: primary, duplicates ----


def test_n19_ok_primary(team, client, user):
    where = f"/Users/{user['id']}"
    after = client.patch(where, [{"op": "add", "path": "phoneNumbers", "value": [{"value": "+49 30 3", "type": "fax", "primary": True}]}])
    assert [phone["value"] for phone in after["phoneNumbers"] if phone.get("primary")] == ["+49 30 3"] and len(after["phoneNumbers"]) == 3
    after = client.patch(where, [{"op": "replace", "path": 'phoneNumbers[type eq "home"].primary', "value": True}])
    assert [phone["value"] for phone in after["phoneNumbers"] if phone.get("primary")] == ["+49 30 2"]
    twice = [{"value": "r", "type": "t"}, {"value": "R", "type": "T"}, {"value": "r", "type": "u"}]
    assert len(client.post("/Users", team.user("a", roles=twice))["roles"]) == 2


def test_n19_no_two_primaries(team, client, user):
    two = [{"value": team.at("a"), "primary": True}, {"value": team.at("b"), "primary": True}]
    client.post("/Users", dict(team.user("a"), emails=two), 400).refused(400, "invalidValue", "emails", "primary")
    client.put(f"/Users/{user['id']}", dict(full(team), emails=two), 400).refused(400, "invalidValue", "emails", "primary")
    client.patch(f"/Users/{user['id']}", [{"op": "replace", "path": "emails", "value": two}], 400).refused(400, "invalidValue", "emails", "primary")


# ---- N20: users ----


def test_n20_ok_user_name(team, client):
    made = client.post("/Users", dict(team.user("a"), userName=team.at("A").replace("example", "Example")))
    assert made["userName"] == team.at("A").replace("example", "Example")
    assert client.found(f'userName eq "{team.at("a")}"') == [made["userName"]]
    assert client.put(f"/Users/{made.id}", dict(team.user("a"), groups=[{"value": NOBODY}]))["userName"] == team.at("a")
    assert not client.get(f"/Users/{made.id}").body.get("groups")


@pytest.mark.parametrize("value", [None, "", " ", [], "absent"])
def test_n20_no_user_without_a_name(team, client, value):
    body = dict(team.user("a"), userName=value)
    if value == "absent":
        del body["userName"]
    client.post("/Users", body, 400).refused(400, "invalidValue", "userName")
    made = client.post("/Users", team.user("b"))
    client.put(f"/Users/{made.id}", body, 400).refused(400, "invalidValue", "userName")
    client.patch(f"/Users/{made.id}", [{"op": "remove", "path": "userName"}], 400).refused(400, "mutability", "userName")


def test_n20_no_name_of_another(team, client, user):
    again = dict(team.user("new"), userName=team.at("MIRA"))
    client.post("/Users", again, 409).refused(409, "uniqueness", "userName")
    made = client.post("/Users", team.user("b"))
    where = f"/Users/{made.id}"
    client.put(where, dict(team.user("b"), userName=team.at("Mira")), 409).refused(409, "uniqueness", "userName")
    client.patch(where, [{"op": "replace", "path": "userName", "value": team.at("mira")}], 409).refused(409, "uniqueness", "userName")
    client.patch(where, [{"op": "replace", "path": "groups", "value": []}], 400).refused(400, "mutability", "groups")
    assert client.get(where).body == made.body


def test_n20_no_address_of_another(team, client, user):
    """The detail names the address, and not whose it is."""
    for address in (team.at("mira"), team.at("MV")):
        reply = client.post("/Users", dict(team.user("new"), emails=[{"value": address}]), 409).refused(409, "uniqueness", "emails", address.lower())
        assert user["id"] not in reply.detail and "Voss" not in reply.detail
    foreign = [{"value": "same@elsewhere.example", "type": "home"}]
    for name in ("c", "d"):
        made = client.post("/Users", dict(team.user(name), emails=team.user(name)["emails"] + foreign))
        assert made["emails"][1:] == foreign
    assert team.reaches("same@elsewhere.example") == {"same@elsewhere.example"}


@pytest.mark.parametrize("local", ["postmaster", "abuse", "hostmaster", "webmaster", "admin", "Administrator", "root", "security", "admin+x"])
def test_n20_no_reserved_address(team, client, local):
    """Whatever attribute asks; a token with the right may."""
    for body in (team.user(local), dict(team.user("x"), emails=[{"value": team.at(local)}]), team.user("x", **{MAIL_USER: {"aliases": [team.at(local)]}}),
                 team.user("x", **{MAIL_USER: {"primaryAddress": team.at(local)}})):
        reply = client.post("/Users", body, 403)
        assert local.lower() in reply.refused(403).detail.lower()
    client.post("/Groups", group(**{MAIL_GROUP: {"kind": "alias", "address": team.at(local)}}), 403).refused(403)
    if local in ("webmaster", "security"):
        allowed = Team(team.daemon, rights="users,groups,reserved")
        assert allowed.client().post("/Users", allowed.user(local))["userName"] == allowed.at(local)


# ---- N21: groups ----


def test_n21_ok_group(team, client, user):
    inner = client.post("/Groups", group("inner")).id
    made = client.post("/Groups", group(members=[{"value": user["id"], "type": "User", "display": "M", "$ref": "x"}, inner]))
    members = {member["value"]: member for member in made["members"]}
    assert members[user["id"]] == members[user["id"]] | {"type": "User"} and members[inner]["type"] == "Group"
    assert members[user["id"]]["$ref"].endswith(f"/scim/v2/Users/{user['id']}") and members[inner]["$ref"].endswith(f"/scim/v2/Groups/{inner}")
    assert members[user["id"]]["display"]
    assert client.get(f"/Users/{user['id']}")["groups"][0]["value"] == made.id
    client.patch(f"/Groups/{inner}", [{"op": "add", "path": "members", "value": [{"value": client.post('/Users', team.user('deep')).id}]}])
    (deep,) = [one for one in client.get("/Users?filter=groups.type+eq+%22indirect%22").resources]
    assert {(one["value"], one["type"]) for one in deep["groups"]} == {(inner, "direct"), (made.id, "indirect")}


@pytest.mark.parametrize("value", [None, "", " ", 5, "absent"])
def test_n21_no_group_without_a_name(client, value):
    body = group(value)
    if value == "absent":
        del body["displayName"]
    client.post("/Groups", body, 400).refused(400, "invalidValue", "displayName")
    made = client.post("/Groups", group())
    client.put(f"/Groups/{made.id}", body, 400).refused(400, "invalidValue", "displayName")
    client.patch(f"/Groups/{made.id}", [{"op": "remove", "path": "displayName"}], 400).refused(400, "mutability", "displayName")


def test_n21_no_name_of_another(client):
    client.post("/Groups", group())
    client.post("/Groups", group("SALES"), 409).refused(409, "uniqueness", "displayName")
    made = client.post("/Groups", group("other"))
    client.put(f"/Groups/{made.id}", group("Sales"), 409).refused(409, "uniqueness", "displayName")
    client.patch(f"/Groups/{made.id}", [{"op": "replace", "path": "displayName", "value": "sales"}], 409).refused(409, "uniqueness", "displayName")


def test_n21_no_unknown_members(team, client, user):
    """All of them are told; the group is as it was. Another token's is as unknown."""
    other = Team(team.daemon)
    stranger = other.client().post("/Users", other.user("x")).id
    for wrong in (NOBODY, stranger, "not-an-id", user["userName"]):
        client.post("/Groups", group(members=[{"value": user["id"]}, {"value": wrong}]), 400).refused(400, "invalidValue", "members", wrong)
    assert client.get("/Groups")["totalResults"] == 0
    made = client.post("/Groups", group(members=[user["id"]]))
    where = f"/Groups/{made.id}"
    both = [{"value": NOBODY}, {"value": stranger}]
    for refused in (client.put(where, group(members=both), 400), client.patch(where, [{"op": "add", "path": "members", "value": both}], 400),
                    client.patch(where, [{"op": "replace", "path": "members", "value": both}], 400)):
        refused.refused(400, "invalidValue", "members", NOBODY, stranger)
    assert client.get(where).body == made.body
    client.patch(where, [{"op": "remove", "path": "members", "value": both}])
    for member in ({}, {"display": "x"}, {"value": 5}, {"value": ""}):
        client.ask("PATCH", where, {"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": [member]}]}).refused(400, "invalidValue", "members")
        assert [one["value"] for one in client.get(where)["members"]] == [user["id"]]


def test_n21_no_part_of_a_member_changes(client, user):
    made = client.post("/Groups", group(members=[user["id"]]))
    for part in ("display", "type", "value", "$ref"):
        client.patch(f"/Groups/{made.id}", [{"op": "replace", "path": f'members[value eq "{user["id"]}"].{part}', "value": "x"}], 400).refused(400, "mutability")


def test_n21_no_group_in_itself(client):
    one, two = client.post("/Groups", group("one")).id, client.post("/Groups", group("two")).id
    client.patch(f"/Groups/{one}", [{"op": "add", "path": "members", "value": [one]}], 400).refused(400, "invalidValue", "members")
    client.patch(f"/Groups/{one}", [{"op": "add", "path": "members", "value": [two]}])
    client.patch(f"/Groups/{two}", [{"op": "add", "path": "members", "value": [one]}], 400).refused(400, "invalidValue", "members")
    assert client.get(f"/Groups/{two}")["members"] == []


@pytest.mark.parametrize("more,word", [({"kind": "club"}, "kind"), ({"address": "x"}, "address"), ({"address": "x@elsewhere.example"}, "address"),
                                       ({"whoCanSend": "me"}, "whoCanSend"), ({"memberRights": "all"}, "memberRights"), ({"owners": [NOBODY]}, "owners"),
                                       ({"externalMembers": ["x@example.net"]}, "externalMembers"), ({"quotaBytes": "x"}, "quotaBytes"), ({"hideFromDirectory": 5}, "hideFromDirectory")])
def test_n21_no_mail_group_of_another_kind(team, client, more, word):
    client.post("/Groups", group(**{MAIL_GROUP: {"kind": "alias", "address": team.at("g"), **more}}), 400).refused(400, "invalidValue", word)


# ---- N22: the enterprise extension ----


def test_n22_ok_enterprise(client, user):
    assert user[ENTERPRISE] == {"employeeNumber": "7", "costCenter": "c", "organization": "o", "division": "d", "department": "p", "manager": {"value": "boss"}}
    where = f"/Users/{user['id']}"
    after = client.patch(where, [{"op": "replace", "path": f"{ENTERPRISE}:manager", "value": "u-9"}, {"op": "replace", "path": f"{ENTERPRISE}:manager.$ref", "value": "../Users/u-9"}])
    assert after[ENTERPRISE]["manager"] == {"value": "u-9", "$ref": "../Users/u-9"}
    body = dict(user)
    body[ENTERPRISE] = {"manager": {"value": "boss", "displayName": "ours to say"}}
    assert client.put(where, body)[ENTERPRISE] == {"manager": {"value": "boss"}}


@pytest.mark.parametrize("value,word", [({"employeeNumber": 5}, "employeeNumber"), ({"manager": {"value": 5}}, "manager"), ({"manager": [{"value": "a"}, {"value": "b"}]}, "manager"),
                                        (5, "enterprise"), ([1, 2], "enterprise")])
def test_n22_no_enterprise_of_another_kind(team, client, value, word):
    client.post("/Users", team.user("a", **{ENTERPRISE: value}), 400).refused(400, "invalidValue", word)


# ---- N23: dates ----


@pytest.mark.parametrize("text,matches", [
    ("2011-05-13T04:42:34Z", True), ("2011-05-13T04:42:34.8617979-07:00", True), ("2999-01-01T00:00:00+14:00", False), ("2011-05-13T04:42:34", True),
    ("2999-01-01T00:00:00.123Z", False)])
def test_n23_ok_dates(client, user, text, matches):
    expected = [user["userName"]] if matches else []
    assert client.found(f'meta.lastModified gt "{text}"') == client.found(f'meta.created ge "{text}"') == expected
    assert client.found(f'meta.created eq "{user["meta"]["created"]}"') == client.found(f'meta.created le "{user["meta"]["created"]}"') == [user["userName"]]
    assert client.found(f'meta.created eq "{user["meta"]["created"].replace("Z", ".000+00:00")}"') == [user["userName"]]


@pytest.mark.parametrize("text", ["yesterday", "2011-05-13", "2011-13-13T04:42:34Z", "04:42:34Z", "2011-05-13T04:42Z", ""])
def test_n23_no_such_date(client, text):
    client.find(f'meta.created gt "{text}"', expect=400).refused(400, "invalidFilter", "created")


# ---- N24, N25: made, read ----


def test_n24_ok_post(team, client):
    sent = full(team)
    made = client.post("/Users", sent)
    assert made.headers["Location"] == made["meta"]["location"] and {name: made[name] for name in sent} == sent
    assert client.get(f"/Users/{made.id}").body == made.body


def test_n24_no_conflict_leaves_anything(team, client, user):
    before, rows = client.get("/Users").body, team.audit()
    for body in (full(team), dict(team.user("new"), userName=team.at("mira")), dict(team.user("new"), emails=[{"value": team.at("mv")}])):
        client.post("/Users", body, 409).refused(409, "uniqueness")
    assert client.get("/Users").body == before and team.audit() == rows
    assert team.reaches(team.at("new")) == set()


CORE = {"schemas", "id"}


@pytest.mark.parametrize("query,present,absent", [
    ("attributes=userName", CORE | {"userName"}, None), ("attributes=userName,nickName", CORE | {"userName", "nickName"}, None), ("attributes=nothing", CORE, None),
    ("attributes=id", CORE, None), ("attributes=meta", CORE | {"meta"}, None), (f"attributes={ENTERPRISE}", CORE | {ENTERPRISE}, None),
    (f"attributes={ENTERPRISE}:department", CORE | {ENTERPRISE}, None), (f"attributes={USER}:title,%20nickName", CORE | {"title", "nickName"}, None),
    ("attributes=groups", CORE, None), ("attributes=name.givenName", CORE | {"name"}, None), ("excludedAttributes=emails,name", None, {"emails", "name"}),
    ("excludedAttributes=id,schemas,meta", None, {"meta"}), (f"excludedAttributes={ENTERPRISE}", None, {ENTERPRISE}), ("excludedAttributes=nothing", None, set()),
    ("excludedAttributes=phoneNumbers.type", None, set())])
def test_n25_ok_projection(team, client, user, query, present, absent):
    """On everything that returns a resource."""
    where, whole = f"/Users/{user['id']}", set(user)
    names = query.partition("=")[2].replace("%20", " ").split(",")
    search = {"schemas": [SEARCH], query.partition("=")[0]: [name.strip() for name in names]}
    made = dict(team.user("other"), name={"givenName": "A", "familyName": "B"}, title="T", nickName="N", **{ENTERPRISE: {"department": "x", "division": "y"}})
    replies = [client.get(f"{where}?{query}").body, client.get(f"/Users?{query}").resources[0], client.post("/Users/.search", search, 200).resources[0],
               client.put(f"{where}?{query}", full(team)).body,
               client.ask("PATCH", f"{where}?{query}", {"schemas": [scim_clients.PATCH], "Operations": [{"op": "add", "path": "nickName", "value": "N"}]}, 200).body]
    for shown in replies:
        assert set(shown) == (present if present is not None else whole - absent), shown
    if ":department" in query:
        assert replies[0][ENTERPRISE] == {"department": "p"}
    if "givenName" in query:
        assert replies[0]["name"] == {"givenName": "Mira"}
    if "phoneNumbers.type" in query:
        assert not any("type" in phone for phone in replies[0]["phoneNumbers"]) and all(phone["value"] for phone in replies[0]["phoneNumbers"])
    posted = client.post(f"/Users?{query}", made).body
    assert CORE <= set(posted) and (present is None or set(posted) <= present)


@pytest.mark.parametrize("query", ["attributes=emails%5Btype+eq+%22work%22%5D", "excludedAttributes=a%20b", "attributes=" + ",".join("x" * 3 for _ in range(200))])
def test_n25_no_bad_projection(team, client, user, query):
    """Refused before anything is changed."""
    reply = client.get(f"/Users/{user['id']}?{query}", 400)
    assert reply["scimType"] in ("invalidPath", "invalidValue")
    client.post(f"/Users?{query}", team.user("other"), 400)
    client.patch(f"/Users/{user['id']}?{query}", [{"op": "add", "path": "nickName", "value": "N"}], 400)
    client.get(f"/Users?{query}", 400)
    assert client.get("/Users").resources == [user]


# ---- N26: replaced ----


def test_n26_ok_put(team, client, user):
    """Omitted is cleared, but for what would be a surprise: active and the addresses stay (5.2, 5.3)."""
    where = f"/Users/{user['id']}"
    client.patch(where, [{"op": "replace", "path": "active", "value": False}])
    after = client.put(where, {"schemas": [USER], "userName": team.at("mira")}).body
    assert after["active"] is False and after["emails"] == user["emails"] and "nickName" not in after and ENTERPRISE not in after and "externalId" not in after
    assert team.reaches(team.at("mira")) == team.reaches(team.at("mv")) == {team.at("mira")}
    assert not team.may_send(team.at("mira"), team.at("mira"))
    after = client.put(where, {"schemas": [USER], "userName": team.at("mira"), "emails": [], "active": True}).body
    assert not after["emails"] and team.reaches(team.at("mira")) == {team.at("mira")} and team.reaches(team.at("mv")) == set()
    assert team.may_send(team.at("mira"), team.at("mira"))


def test_n26_no_put(team, client, user):
    where = f"/Users/{user['id']}"
    client.put(f"/Users/{NOBODY}", full(team), 404).refused(404)
    client.put(where, dict(full(team), **{MAIL_USER: {"mailHost": "a"}}))
    client.put(where, dict(full(team), **{MAIL_USER: {"mailHost": "b"}}), 400).refused(400, "mutability", "mailHost")
    assert client.put(where, full(team))[MAIL_USER]["mailHost"] == "a"  # what is not said stays
    before = client.get(where).body
    client.patch(where, [{"op": "replace", "path": f"{MAIL_USER}:mailHost", "value": "b"}], 400).refused(400, "mutability", "mailHost")
    client.patch(where, [{"op": "remove", "path": f"{MAIL_USER}:mailHost"}], 400).refused(400, "mutability", "mailHost")
    client.put(where, {"schemas": [USER], "displayName": "x"}, 400).refused(400, "invalidValue", "userName")
    assert client.get(where).body == before
    mover = Team(team.daemon, rights="users,move")
    made = mover.client().post("/Users", mover.user("a", **{MAIL_USER: {"mailHost": "a"}}))
    assert mover.client().put(f"/Users/{made.id}", mover.user("a", **{MAIL_USER: {"mailHost": "b"}}))[MAIL_USER] == {"mailHost": "b"}


# ---- N27: deleted ----


def test_n27_ok_delete(team, client, user):
    where = f"/Users/{user['id']}"
    in_it = client.post("/Groups", group(members=[user["id"]])).id
    home = team.home(team.at("mira"))
    assert client.delete(where).text == b""
    assert client.get("/Users")["totalResults"] == client.find(f'userName eq "{team.at("mira")}"')["totalResults"] == client.find('externalId eq "E-1"')["totalResults"] == 0
    assert client.get(f"/Groups/{in_it}")["members"] == []
    assert team.reaches(team.at("mira")) == team.reaches(team.at("mv")) == set()
    again = client.post("/Users", full(team))
    assert again.id != user["id"] and team.home(team.at("mira")) == home  # the same externalId: its mail is there again
    client.delete(f"/Groups/{in_it}")
    assert client.post("/Groups", group()).id != in_it


def test_n27_ok_another_identity_has_a_new_mailbox(team, client, user):
    home = team.home(team.at("mira"))
    client.delete(f"/Users/{user['id']}")
    client.post("/Users", dict(full(team), externalId="E-2"))
    assert team.home(team.at("mira")) not in (None, home)


def test_n27_no_operation_on_what_is_gone(team, client, user):
    where = f"/Users/{user['id']}"
    client.delete(where)
    client.delete(where, 404).refused(404)
    client.get(where, 404).refused(404)
    client.put(where, full(team), 404).refused(404)
    client.patch(where, [{"op": "replace", "path": "active", "value": True}], 404).refused(404)
    client.post("/Groups", group(members=[user["id"]]), 400).refused(400, "invalidValue", "members", user["id"])
    assert team.reaches(team.at("mira")) == set()


# ---- N20 and mail: names and addresses change (5.2) ----


def rename(client, made, name, how):
    where = f"/Users/{made['id']}"
    if how == "put":
        return client.put(where, dict(client.get(where).body, userName=name))
    return client.patch(where, [{"op": "replace", "path": "userName", "value": name}] if how == "path" else [{"op": "replace", "value": {"userName": name}}])


@pytest.mark.parametrize("how", ["put", "path", "pathless"])
def test_n20_ok_name_without_the_address(team, client, how):
    """Another userName beside the same e-mails: another name to sign in with, and nothing else."""
    made = client.post("/Users", team.user("mira")).body
    assert team.token_login(team.at("mira")).ok
    for now, before in (("voss", None), ("berg", "voss")):
        assert rename(client, made, team.at(now), how)["userName"] == team.at(now)
        assert team.token_login(team.at(now), mail=team.at("mira"))["user"] == team.at("mira")
        assert team.reaches(team.at(now)) == set() and team.reaches(team.at("mira")) == {team.at("mira")}
        assert before is None or not team.token_login(team.at(before), mail=team.at("mira")).ok
    assert client.found(f'userName eq "{team.at("mira")}"') == [] and client.found(f'userName eq "{team.at("berg")}"') == [team.at("berg")]
    assert rename(client, made, team.at("mira"), how)["userName"] == team.at("mira")
    assert team.token_login(team.at("mira")).ok and team.reaches(team.at("mira")) == {team.at("mira")}


@pytest.mark.parametrize("how", ["put", "path", "pathless"])
def test_n20_ok_name_that_is_the_address(team, client, how):
    """Without e-mails the userName is the address: it moves, and the old one still receives and signs in."""
    made = client.post("/Users", {"schemas": [USER], "userName": team.at("mira")}).body
    home = team.home(team.at("mira"))
    assert team.token_login(team.at("mira")).ok
    rename(client, made, team.at("voss"), how)
    assert team.reaches(team.at("mira")) == team.reaches(team.at("voss")) == {team.at("voss")} and team.home(team.at("voss")) == home
    for name in ("mira", "voss"):
        assert team.token_login(team.at(name), mail=team.at("mira"))["user"] == team.at("voss")
    other = client.post("/Users", dict(team.user("other")))
    client.patch(f"/Users/{other.id}", [{"op": "add", "path": "emails", "value": [{"value": team.at("mira")}]}], 409).refused(409, "uniqueness", "emails", team.at("mira"))


def test_n20_ok_names_are_swapped(team, client):
    """By way of a free one, in one Bulk."""
    ids = {name: client.post("/Users", team.user(name)).id for name in ("a", "b")}
    homes = {name: team.home(team.at(name)) for name in ids}

    def move(who, to):
        return {"method": "PATCH", "path": f"/Users/{ids[who]}", "data": {"schemas": [PATCH], "Operations": [
            {"op": "replace", "value": {"userName": team.at(to), "emails": team.user(to)["emails"]}}]}}

    reply = client.post("/Bulk", {"schemas": [scim_clients.BULK], "Operations": [move("a", "free"), move("b", "a")]}, 200)
    assert [one["status"] for one in reply["Operations"]] == ["200", "409"], reply  # a predecessor's mail is nobody else's
    assert team.home(team.at("free")) == homes["a"] and team.reaches(team.at("a")) == {team.at("free")}
    assert team.reaches(team.at("b")) == {team.at("b")}
