"""The rules of RFC 7643 and 7644, one after another (N1 to N12, N45 to N48): methods, media types, tokens, paths, discovery, entity
tags, bulk, errors. Each has what holds (`ok`) and what is refused (`no`); test_scim_rules.py looks that none is missing."""

import http.client
import json
import sqlite3
import urllib.parse

import pytest

import daemon as daemons
import scim_clients
from scim_clients import BULK, ENTERPRISE, GROUP, LIST, MAIL_GROUP, MAIL_USER, PATCH, SEARCH, USER, Client, Team

NOBODY = "01993b5e-0000-7000-8000-00000000dead"
BODY_MAX = 1024 * 1024


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim_clients.start(make_daemon, body="1M", connections_per_address=1000, scim={"wrong_tokens_per_minute": 100000})


@pytest.fixture
def http_(team):
    return team.client()


def bare(daemon, headers=None, secret=None):
    return Client(daemon.public_port, secret, headers)


# ---- N1: methods ----


def test_n01_ok_methods(team, http_):
    for path, body in (("/Users", team.user("a")), ("/Groups", {"schemas": [GROUP], "displayName": "a"})):
        made = http_.post(path, body)
        where = f"{path}/{made.id}"
        assert http_.get(where).id == made.id
        assert http_.put(where, dict(body, externalId="e"))["externalId"] == "e"
        assert http_.patch(where, [{"op": "add", "path": "externalId", "value": "f"}])["externalId"] == "f"
        http_.delete(where)
        http_.get(where, 404)


def test_n01_ok_head(http_, team):
    """HEAD is GET without its body."""
    made = http_.post("/Users", team.user("a"))
    http_.connection.request("HEAD", f"/scim/v2/Users/{made.id}", None, {"Authorization": f"Bearer {team.secret}"})
    with http_.connection.getresponse() as response:
        assert (response.status, response.read(), response.headers["ETag"]) == (200, b"", made["meta"]["version"])


@pytest.mark.parametrize("path,schema", [("/Users", USER), ("/Groups", GROUP)])
def test_n01_no_put_that_creates(team, http_, path, schema):
    http_.put(f"{path}/{NOBODY}", dict(team.user("a"), schemas=[schema], displayName="x"), 404).refused(404)
    assert http_.get(path)["totalResults"] == 0


@pytest.mark.parametrize("method,path,allowed", [
    ("DELETE", "/Users", "GET, POST"), ("PUT", "/Groups", "GET, POST"), ("PATCH", "/Users", "GET, POST"), ("POST", f"/Users/{NOBODY}", "GET, PUT, PATCH, DELETE"),
    ("POST", "/ServiceProviderConfig", "GET"), ("PUT", "/Schemas", "GET"), ("DELETE", "/ResourceTypes", "GET"), ("GET", "/Bulk", "POST"),
    ("OPTIONS", "/Users", "GET, POST"), ("BREW", "/Users", "GET, POST")])
def test_n01_no_other_methods(http_, method, path, allowed):
    reply = http_.ask(method, path, {}).refused(405)
    assert {word.strip() for word in reply.headers["Allow"].split(",")} - {"HEAD"} == {word.strip() for word in allowed.split(",")}


# ---- N2: media types ----


@pytest.mark.parametrize("kind", ["application/scim+json", "application/json", "application/scim+json; charset=utf-8", "APPLICATION/SCIM+JSON",
                                  "application/json;charset=UTF-8", 'application/scim+json; charset="utf-8"', None])
def test_n02_ok_content_types(team, http_, kind):
    name = "Zo\u00eb \U0001f98a"
    made = http_.post("/Users", json.dumps(team.user("a", displayName=name), ensure_ascii=False), headers={"Content-Type": kind})
    assert made["displayName"] == name and made.headers["Content-Type"].startswith("application/scim+json")
    assert name.encode() in made.text


@pytest.mark.parametrize("accept", ["application/scim+json", "application/json", "*/*", "application/*", "application/scim+json, application/json;q=0.5", None])
def test_n02_ok_accept(http_, accept):
    assert http_.get("/Users", headers={"Accept": accept}).headers["Content-Type"].startswith("application/scim+json")


@pytest.mark.parametrize("kind", ["text/xml", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "image/png"])
def test_n02_no_other_content_types(team, http_, kind):
    http_.post("/Users", team.user("a"), 415, headers={"Content-Type": kind}).refused(415, None, "Content-Type")
    assert http_.get("/Users")["totalResults"] == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"5", b'"x"', b'{"userName":"a"', b'{"userName":"\xff"}', b'{"userName":"a"} {}',
                                  b'{"userName":"a","userName":"b"}', b'{"userName":"\\u0000"}', b'{"a":' * 10000 + b"1" + b"}" * 10000])
def test_n02_no_body_that_is_no_json_object(http_, body):
    for method, path in (("POST", "/Users"), ("POST", "/Groups"), ("POST", "/Users/.search")):
        http_.ask(method, path, body).refused(400, "invalidSyntax")


# ---- N3: the base ----


def test_n03_ok_base(http_):
    for path in ("/Users", "/Users/", "/Users?count=1", "/Users/?count=1"):
        assert http_.get(path)["schemas"] == [LIST]
    for name in ("location",):
        assert http_.get("/ServiceProviderConfig")["meta"][name].endswith("/scim/v2/ServiceProviderConfig")


@pytest.mark.parametrize("base", ["/scim/v1", "/scim", "/scim/v20", "/scim/v2.0", "", "/SCIM/V2"])
def test_n03_no_other_base(team, base):
    """Another version is refused, not taken for this one."""
    connection = http.client.HTTPConnection("127.0.0.1", team.daemon.public_port, timeout=daemons.PATIENCE)
    connection.request("GET", base + "/Users", None, {"Authorization": f"Bearer {team.secret}"})
    with connection.getresponse() as response:
        assert response.status == 404 and team.domain.encode() not in response.read()


# ---- N4: who asks ----


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER ", "Bearer  "])
def test_n04_ok_token(daemon, team, scheme):
    assert bare(daemon, {"Authorization": scheme + team.secret}).get("/Users")["totalResults"] == 0


WRONG = ["", "Bearer", "Bearer ", "Basic dGVhbTpzZWNyZXQ=", "Bearer psc_" + "A" * 43, "Bearer psc_", "Bearer " + "x" * 3000, "Bearer {half}", "Bearer {upper}",
         "{secret}", "Bearer {secret} x", "Bearer,{secret}", "Token {secret}"]


@pytest.mark.parametrize("header", WRONG)
def test_n04_no_wrong_token(daemon, team, header):
    header = header.format(secret=team.secret, half=team.secret[:-1], upper=team.secret.upper())
    for method, path in (("GET", "/Users"), ("POST", "/Users"), ("GET", "/ServiceProviderConfig"), ("GET", "/nowhere"), ("BREW", "/Users")):
        reply = bare(daemon, {"Authorization": header or None}).ask(method, path).refused(401)
        assert reply.headers["WWW-Authenticate"].startswith("Bearer")


def test_n04_no_rights(daemon):
    """403 where the token is known, and may not."""
    groups, reader = Team(daemon, rights="groups").client(), Team(daemon, rights="users,groups,read_only").client()
    for method, path in (("GET", "/Users"), ("POST", "/Users"), ("GET", f"/Users/{NOBODY}"), ("DELETE", f"/Users/{NOBODY}"), ("POST", "/Users/.search")):
        groups.ask(method, path, {} if method == "POST" else None).refused(403)
    groups.get("/Groups")
    for method, path in (("POST", "/Users"), ("PUT", f"/Users/{NOBODY}"), ("PATCH", f"/Groups/{NOBODY}"), ("DELETE", f"/Groups/{NOBODY}")):
        reader.ask(method, path, {}).refused(403)
    assert reader.get("/Users")["totalResults"] == reader.post("/Users/.search", {"schemas": [SEARCH]}, 200)["totalResults"] == 0


def test_n04_no_other_network(daemon):
    team = Team(daemon, ("--networks", "192.0.2.0/24"))
    team.client().get("/Users", 403).refused(403)
    daemon.postern("scim-token", "set", team.name, "--networks", "127.0.0.0/8")
    team.client().get("/Users")


# ---- N5: parameters ----


@pytest.mark.parametrize("query", ["aadOptscim062020", "aadOptscim062020=", "foo=bar&foo=baz", "Filter2=x", "", "&&", "=", "x=%F0%9F%A6%8A"])
def test_n05_ok_unknown_parameters(team, http_, query):
    http_.post("/Users", team.user("a"))
    assert http_.get(f"/Users?{query}")["totalResults"] == 1
    assert http_.get(f"/Users?{query}&filter=userName+eq+%22{team.at('b')}%22")["totalResults"] == 0
    assert http_.post(f"/Users?{query}", team.user("c"))["userName"] == team.at("c")


def test_n05_ok_decoding(team, http_):
    """`+` is a blank, %2B is a plus, in both forms of hexadecimal digits; names of parameters as of attributes."""
    http_.post("/Users", team.user("a", displayName="one+two three"))
    for query in ("filter=displayName+eq+%22one%2Btwo+three%22", "filter=displayName%20eq%20%22one%2btwo%20three%22", "FILTER=displayName+eq+%22one%2Btwo+three%22"):
        assert http_.get(f"/Users?{query}")["totalResults"] == 1
    assert http_.get("/Users?filter=displayName+eq+%22one+two+three%22")["totalResults"] == 0


@pytest.mark.parametrize("query", ["filter=%zz", "filter=%", "filter=%4", "count=%FF", "filter=userName+eq+%22%00%22", "filter=%FF"])
def test_n05_no_bad_decoding(http_, query):
    reply = http_.get(f"/Users?{query}", 400)  # by the listener already, or by the service
    assert reply.body.get("scimType") in (None, "invalidSyntax", "invalidValue", "invalidFilter"), reply


# ---- N6: tokens ----


def test_n06_ok_rotation(daemon, team):
    new = daemon.postern("scim-token", "rotate", team.name, "--keep-old", "1h").stdout.strip()
    for secret in (team.secret, new):
        bare(daemon, secret=secret).get("/Users")


def test_n06_no_old_secret(daemon, team):
    new = daemon.postern("scim-token", "rotate", team.name, "--now").stdout.strip()
    bare(daemon, secret=team.secret).get("/Users", 401).refused(401)
    bare(daemon, secret=new).get("/Users")
    daemon.postern("scim-token", "delete", team.name, "--yes")
    bare(daemon, secret=new).get("/Users", 401).refused(401)


def test_n06_no_expired_secret(daemon):
    team = Team(daemon, ("--expires", "2s"))
    daemons.wait_for(lambda: team.client().get("/Users", None).status == 401, "expired")


def test_n06_no_token_in_the_url_or_the_log(daemon, team):
    """Hashed at rest, logged nowhere, taken from the header alone."""
    for name in ("access_token", "token", "bearer"):
        bare(daemon).get(f"/Users?{name}={team.secret}", 401).refused(401)
    team.client().get(f"/Users?x={team.secret}")
    assert team.secret not in daemon.log()
    assert daemon.lines(f"scim_request.*{team.name}")
    with open(f"{daemon.directory}/lib/accounts.db", "rb") as store:
        kept = store.read()
    for path in ("-wal", "-shm"):
        with open(f"{daemon.directory}/lib/accounts.db{path}", "rb") as store:
            kept += store.read()
    assert team.secret.encode() not in kept and team.secret[4:].encode() not in kept


# ---- N7: paths ----


def test_n07_ok_location_leads_there(team, http_):
    for path, body in (("/Users", team.user("a")), ("/Groups", {"schemas": [GROUP], "displayName": "a"})):
        made = http_.post(path, body)
        there = urllib.parse.urlsplit(made.headers["Location"]).path
        assert http_.get(there, base="").body == made.body


@pytest.mark.parametrize("path", [f"/Users/{NOBODY}", "/Users/x", "/Users/..x", "/Users/%00", "/Users/" + "x" * 2000, "/Users/1/2", f"/Users/{NOBODY}/emails",
                                  "/users", "/Nothing", "/Users;x=1", "/Groups/*", "/Users/%7b%7d", "/Users/' or 1=1"])
def test_n07_no_such_path(http_, path):
    reply = http_.get(urllib.parse.quote(path, safe="/%;"), None)
    assert reply.status in (404, 400), reply
    assert reply.status == 404 or "%00" in path


def test_n07_no_type_for_the_other(team, http_):
    """A group is no user, nor a user a group; nor is what is another token's."""
    user, group = http_.post("/Users", team.user("a")).id, http_.post("/Groups", {"schemas": [GROUP], "displayName": "a"}).id
    other = Team(team.daemon).client()
    for client, path in ((http_, f"/Groups/{user}"), (http_, f"/Users/{group}"), (other, f"/Users/{user}"), (other, f"/Groups/{group}")):
        client.get(path, 404).refused(404)
        client.put(path, dict(team.user("b"), displayName="b"), 404).refused(404)
        client.patch(path, [{"op": "replace", "path": "displayName", "value": "b"}], 404).refused(404)
        client.delete(path, 404).refused(404)
    assert http_.get(f"/Users/{user}").id == user and http_.get(f"/Groups/{group}").id == group


# ---- N8: discovery ----


def test_n08_ok_config(daemon, http_):
    config = http_.get("/ServiceProviderConfig").body
    assert config["schemas"] == ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]
    assert config["meta"]["resourceType"] == "ServiceProviderConfig"
    assert config["patch"] == {"supported": True} and config["sort"] == {"supported": True} and config["etag"] == {"supported": True}
    assert config["filter"]["supported"] is True and config["filter"]["maxResults"] >= 100
    assert config["bulk"]["supported"] is True and config["bulk"]["maxOperations"] > 0 and config["bulk"]["maxPayloadSize"] > 0
    assert config["changePassword"] == {"supported": False}
    assert Team(daemon, rights="users,set_password").client().get("/ServiceProviderConfig")["changePassword"] == {"supported": True}
    assert [scheme["type"] for scheme in config["authenticationSchemes"]] == ["oauthbearertoken"]


def test_n08_ok_lists(http_):
    types = http_.get("/ResourceTypes?startIndex=9&count=1&sortBy=name&attributes=name")
    assert types["schemas"] == [LIST] and [one["name"] for one in types.resources] == ["User", "Group"]
    for one in types.resources:
        assert http_.get(f"/ResourceTypes/{one['name']}").body == one
        assert http_.get(one["endpoint"])["schemas"] == [LIST]
    user, group = types.resources
    assert (user["schema"], group["schema"]) == (USER, GROUP)
    assert {extension["schema"]: extension["required"] for extension in user["schemaExtensions"]} == {ENTERPRISE: False, MAIL_USER: False}
    assert {extension["schema"]: extension["required"] for extension in group["schemaExtensions"]} == {MAIL_GROUP: False}
    schemas = http_.get("/Schemas")
    assert {schema["id"] for schema in schemas.resources} == {USER, GROUP, ENTERPRISE, MAIL_USER, MAIL_GROUP}  # and no message
    for schema in schemas.resources:
        assert http_.get(f"/Schemas/{schema['id']}").body == schema and schema["attributes"] and schema["name"]


def test_n08_ok_schema_of_user(http_):
    attributes = {one["name"]: one for one in http_.get(f"/Schemas/{USER}")["attributes"]}
    assert attributes["userName"] == attributes["userName"] | {"type": "string", "multiValued": False, "required": True, "caseExact": False,
                                                               "mutability": "readWrite", "returned": "default", "uniqueness": "server"}
    assert attributes["password"] == attributes["password"] | {"mutability": "writeOnly", "returned": "never"}
    assert attributes["groups"]["mutability"] == "readOnly" and attributes["emails"]["multiValued"] is True
    assert not {"id", "externalId", "meta", "schemas"} & set(attributes)
    parts = {one["name"]: one for one in attributes["emails"]["subAttributes"]}
    assert set(parts) >= {"value", "display", "type", "primary"} and parts["type"]["canonicalValues"] == ["work", "home", "other"]


@pytest.mark.parametrize("path", ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"])
def test_n08_no_filter(daemon, http_, path):
    http_.get(path + "?filter=name+eq+%22User%22", 403).refused(403, None, "filter")
    bare(daemon).get(path, 401).refused(401)
    http_.ask("POST", path, {}).refused(405)


@pytest.mark.parametrize("path", ["/ResourceTypes/Device", "/Schemas/urn:x", "/Schemas/urn:ietf:params:scim:api:messages:2.0:PatchOp", "/ServiceProviderConfig/x"])
def test_n08_no_such_document(http_, path):
    http_.get(path, 404).refused(404)


def test_n08_ok_public_only_by_configuration(make_daemon):
    daemon = scim_clients.start(make_daemon, scim={"public_discovery": "yes"})
    assert bare(daemon).get("/ServiceProviderConfig")["patch"]["supported"] is True
    bare(daemon).get("/Schemas")
    bare(daemon).get("/Users", 401).refused(401)


# ---- N9: .search ----


def test_n09_ok_search(team, http_):
    for name in ("a", "b", "c"):
        http_.post("/Users", team.user(name, displayName=name))
        http_.post("/Groups", {"schemas": [GROUP], "displayName": name})
    body = {"schemas": [SEARCH], "attributes": ["displayName"], "filter": 'displayName ne "a"', "sortBy": "displayName", "sortOrder": "descending",
            "startIndex": 1, "count": 1}
    for path, total in (("/Users/.search", 2), ("/Groups/.search", 2), ("/.search", 4)):
        found = http_.post(path, body, 200)
        assert found["totalResults"] == total and found["itemsPerPage"] == 1 and found["startIndex"] == 1
        assert found.resources[0]["displayName"] == "c" and set(found.resources[0]) == {"schemas", "id", "displayName"}
    for path, total in (("/Users/.search", 3), ("/Groups/.search", 3), ("/.search", 6)):
        found = http_.post(path, {"schemas": [SEARCH], "excludedAttributes": ["displayName"]}, 200)
        assert found["totalResults"] == total and not any("displayName" in one for one in found.resources)


@pytest.mark.parametrize("body,scim_type,word", [
    ({"filter": "userName eq"}, "invalidFilter", "filter"), ({"filter": 5}, "invalidValue", "filter"), ({"count": "x"}, "invalidValue", "count"),
    ({"startIndex": {}}, "invalidValue", "startIndex"), ({"attributes": [5]}, "invalidValue", "attributes"), ({"excludedAttributes": {}}, "invalidValue", "excludedAttributes"),
    ({"sortBy": []}, "invalidValue", "sortBy")])
def test_n09_no_bad_search(http_, body, scim_type, word):
    for path in ("/Users/.search", "/Groups/.search", "/.search"):
        http_.post(path, {"schemas": [SEARCH], **body}, 400).refused(400, scim_type, word)


# ---- N10, N46: bulk ----


def bulk(http_, *operations, expect=200, **more):
    return http_.post("/Bulk", {"schemas": [BULK], **more, "Operations": list(operations)}, expect)


def statuses(reply):
    assert reply["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]
    return [operation["status"] for operation in reply["Operations"]]


def test_n10_ok_bulk(team, http_):
    user = http_.post("/Users", team.user("b")).id
    reply = bulk(http_, {"method": "POST", "path": "/Users", "bulkId": "one", "data": team.user("a")},
                 {"method": "PATCH", "path": f"/Users/{user}", "data": {"schemas": [PATCH], "Operations": [{"op": "add", "path": "nickName", "value": "B"}]}},
                 {"method": "PUT", "path": f"/Users/{user}", "data": team.user("b", nickName="C")},
                 {"method": "DELETE", "path": f"/Users/{user}"})
    assert statuses(reply) == ["201", "200", "200", "204"], reply
    made = reply["Operations"][0]
    assert made["bulkId"] == "one" and made["method"] == "POST" and made["version"]
    assert http_.get(urllib.parse.urlsplit(made["location"]).path, base="")["userName"] == team.at("a")
    http_.get(f"/Users/{user}", 404)


def test_n10_no_bulk_of_other_things(team, http_):
    for operation in ({"method": "GET", "path": "/Users"}, {"method": "POST", "path": "/Bulk", "bulkId": "x", "data": {}},
                      {"method": "POST", "path": "/Users/.search", "bulkId": "x", "data": {}}, {"method": "POST", "path": "/Nothing", "bulkId": "x", "data": {}}):
        reply = http_.ask("POST", "/Bulk", {"schemas": [BULK], "Operations": [operation, {"method": "POST", "path": "/Users", "bulkId": "y", "data": team.user("a")}]})
        if reply.status == 200:
            assert statuses(reply)[0][0] == "4" and reply["Operations"][0]["response"]["detail"]
        else:
            reply.refused(400, reply["scimType"])
    assert http_.get("/Users")["totalResults"] <= 1


def test_n46_ok_references(team, http_):
    """bulkId wherever it stands: in members, also before its making, in the enterprise extension, in paths."""
    reply = bulk(http_, {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"schemas": [GROUP], "displayName": "g", "members": [{"value": "bulkId:u"}]}},
                 {"method": "POST", "path": "/Users", "bulkId": "u", "data": team.user("u", **{ENTERPRISE: {"manager": {"value": "bulkId:boss"}}})},
                 {"method": "POST", "path": "/Users", "bulkId": "boss", "data": team.user("boss")},
                 {"method": "PATCH", "path": "/Users/bulkId:u", "data": {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "T"}]}})
    assert statuses(reply) == ["201", "201", "201", "200"], reply
    ids = {one["bulkId"]: one["location"].rsplit("/", 1)[1] for one in reply["Operations"][:3]}
    assert [member["value"] for member in http_.get(f"/Groups/{ids['g']}")["members"]] == [ids["u"]]
    user = http_.get(f"/Users/{ids['u']}").body
    assert user[ENTERPRISE]["manager"]["value"] == ids["boss"] and user["title"] == "T"


def test_n46_ok_goes_on_unless_told(team, http_):
    http_.post("/Users", team.user("a"))
    operations = [{"method": "POST", "path": "/Users", "bulkId": str(number), "data": team.user(name)} for number, name in enumerate(("a", "b", "a", "c"))]
    reply = bulk(http_, *operations, failOnErrors=1)
    assert statuses(reply) == ["409"]
    reply = bulk(http_, *operations)
    assert statuses(reply) == ["409", "201", "409", "201"]
    refusal = reply["Operations"][0]["response"]
    assert refusal["status"] == "409" and refusal["scimType"] == "uniqueness" and "userName" in refusal["detail"]
    assert "response" not in reply["Operations"][1]


def test_n46_ok_version(team, http_):
    made = http_.post("/Users", team.user("a")).body
    patch = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "T"}]}
    where = f"/Users/{made['id']}"
    reply = bulk(http_, {"method": "PATCH", "path": where, "version": 'W/"999"', "data": patch},
                 {"method": "PATCH", "path": where, "version": made["meta"]["version"], "data": patch})
    assert statuses(reply) == ["412", "200"]


@pytest.mark.parametrize("operations,scim_type,word", [
    ([{"method": "POST", "path": "/Users", "data": {}}], "invalidSyntax", "bulkId"), ([], "invalidSyntax", "Operations"), ({}, "invalidSyntax", "Operations"),
    ([5], "invalidSyntax", "Operations"), ([{"method": "FETCH", "path": "/Users"}], "invalidSyntax", "method"), ([{"method": "DELETE"}], "invalidSyntax", "path")])
def test_n46_no_malformed(http_, operations, scim_type, word):
    """Refused as a whole, or the operation is."""
    reply = http_.ask("POST", "/Bulk", {"schemas": [BULK], "Operations": operations})
    if reply.status == 200 and operations:
        assert statuses(reply) == ["400"] and word in reply["Operations"][0]["response"]["detail"]
        assert reply["Operations"][0]["response"]["scimType"] in (scim_type, "invalidValue", "invalidPath")
    else:
        assert reply.refused(400, reply.body.get("scimType"), word)["scimType"] in (scim_type, "invalidValue")


def test_n46_no_unknown_or_circular_reference(team, http_):
    reply = bulk(http_, {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"schemas": [GROUP], "displayName": "g", "members": [{"value": "bulkId:none"}]}})
    assert statuses(reply) in (["409"], ["400"])
    reply = bulk(http_, {"method": "POST", "path": "/Groups", "bulkId": "a", "data": {"schemas": [GROUP], "displayName": "a", "members": [{"value": "bulkId:b"}]}},
                 {"method": "POST", "path": "/Groups", "bulkId": "b", "data": {"schemas": [GROUP], "displayName": "b", "members": [{"value": "bulkId:a"}]}})
    assert set(statuses(reply)) & {"409", "400"}, reply


def test_n46_no_more_than_the_limit(http_):
    most = http_.get("/ServiceProviderConfig")["bulk"]["maxOperations"]
    operations = [{"method": "DELETE", "path": "/Users/x"}] * (most + 1)
    reply = bulk(http_, *operations, expect=413)
    assert str(most) in reply.detail


# ---- N11, N12: /Me and the base ----


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_n11_ok_me(http_, method):
    http_.ask(method, "/Me", {} if method in ("POST", "PUT", "PATCH") else None).refused(501)


def test_n11_no_me_without_token(daemon, http_):
    bare(daemon).get("/Me", 401).refused(401)
    http_.get("/Me/x", 404).refused(404)


def test_n12_ok_base_lists_both(team, http_):
    http_.post("/Users", team.user("a"))
    http_.post("/Groups", {"schemas": [GROUP], "displayName": "g"})
    for path in ("", "/"):
        found = http_.get(path)
        assert [one["meta"]["resourceType"] for one in found.resources] == ["User", "Group"] and found["totalResults"] == 2
    assert http_.get('/?filter=meta.resourceType+eq+"Group"'.replace('"', "%22"))["totalResults"] == 1
    assert http_.get("/?count=1&startIndex=2").resources[0]["meta"]["resourceType"] == "Group"


def test_n12_no_more_than_the_rights(daemon):
    team = Team(daemon)
    client = team.client()
    client.post("/Users", team.user("a"))
    client.post("/Groups", {"schemas": [GROUP], "displayName": "g"})
    daemon.postern("scim-token", "set", team.name, "--rights", "groups")
    assert [one["meta"]["resourceType"] for one in client.get("/").resources] == ["Group"]
    client.ask("POST", "/", {}).refused(405)


# ---- N45: entity tags ----


def test_n45_ok_tags(team, http_):
    made = http_.post("/Users", team.user("a"))
    tag, where = made.headers["ETag"], f"/Users/{made.id}"
    assert tag == made["meta"]["version"] == http_.get(where).headers["ETag"] and tag.startswith('W/"')
    strong = tag.removeprefix("W/")
    for known in (tag, strong, "*", f'"x", {tag}', f'W/"x",{tag}'):
        reply = http_.get(where, 304, headers={"If-None-Match": known})
        assert reply.headers["ETag"] == tag
    http_.get(where, 200, headers={"If-None-Match": 'W/"x"'})
    for form in ("{0}", "{1}", "*", '"x", {0}'):
        known = form.format(tag, tag.removeprefix("W/"))
        after = http_.patch(where, [{"op": "replace", "path": "title", "value": known}], headers={"If-Match": known})
        assert after.headers["ETag"] != tag
        tag = after.headers["ETag"]
    http_.get(where, 200, headers={"If-None-Match": made.headers["ETag"]})
    after = http_.put(where, team.user("a"), headers={"If-Match": tag})
    http_.delete(where, headers={"If-Match": after.headers["ETag"]})


def test_n45_no_stale_tag(team, http_):
    made = http_.post("/Users", team.user("a"))
    where = f"/Users/{made.id}"
    http_.patch(where, [{"op": "replace", "path": "title", "value": "T"}])
    before = http_.get(where).body
    for tag in (made.headers["ETag"], 'W/"x"', '"999"', "x"):
        http_.patch(where, [{"op": "replace", "path": "title", "value": "U"}], 412, headers={"If-Match": tag}).refused(412)
        http_.put(where, team.user("a"), 412, headers={"If-Match": tag}).refused(412)
        http_.delete(where, 412, headers={"If-Match": tag}).refused(412)
    assert http_.get(where).body == before
    http_.patch(f"/Users/{NOBODY}", [{"op": "replace", "path": "title", "value": "U"}], 404, headers={"If-Match": "*"}).refused(404)
    group = http_.post("/Groups", {"schemas": [GROUP], "displayName": "g"}).id
    http_.patch(f"/Groups/{group}", [{"op": "add", "path": "members", "value": [{"value": made.id}]}], 412, headers={"If-Match": 'W/"99"'}).refused(412)
    assert http_.get(f"/Groups/{group}")["members"] == []


# ---- N47, N48: errors ----


def test_n47_ok_form(team, http_):
    """check_form() looks at every refusal of all of these tests; here the bytes of one."""
    http_.post("/Users", team.user("a"))
    reply = http_.post("/Users", team.user("a"), 409)
    assert set(reply.body) == {"schemas", "status", "scimType", "detail"}
    assert reply["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"] and reply["status"] == "409" and isinstance(reply["status"], str)


def test_n47_ok_body_on_every_error(daemon, team, http_):
    """Whoever says no, the listener or the service: status by status."""
    big = json.dumps(team.user("a", displayName="x" * (BODY_MAX + 1)))
    seen = {bare(daemon).get("/Users", None).status,
            http_.get(f"/Users/{NOBODY}", None).status, http_.ask("DELETE", "/Users").status, http_.post("/Users", {}, None).status,
            http_.post("/Users", team.user("a"), None, headers={"Content-Type": "text/html"}).status, http_.get("/Me", None).status,
            Team(daemon, rights="users,read_only").client().post("/Users", {}, None).status,
            team.client().post("/Users", big, None).status, team.client().get("/Users?x=" + "a" * 70000, None).status}
    assert seen >= {400, 401, 403, 404, 405, 413, 415, 501} and seen & {414, 431}, seen


def test_n47_no_store(make_daemon):
    """503 with Retry-After while nothing can be written; the same request is good afterwards."""
    daemon = scim_clients.start(make_daemon)
    team = Team(daemon)
    http_ = team.client()
    store = sqlite3.connect(f"{daemon.directory}/lib/accounts.db", isolation_level=None, timeout=daemons.PATIENCE)
    store.execute("BEGIN IMMEDIATE")
    reply = http_.post("/Users", team.user("a"), 503).refused(503)
    assert int(reply.headers["Retry-After"]) > 0
    store.execute("ROLLBACK")
    store.close()
    daemons.wait_for(lambda: http_.post("/Users", team.user("a"), None).status in (201, 409), "writable again")
    assert http_.get("/Users")["totalResults"] == 1


def test_n48_ok_types(team, http_):
    """Each scimType that we use, by what brings it about."""
    http_.post("/Users", team.user("a"))
    made = http_.post("/Users", team.user("b")).id
    for scim_type, reply in {
        "invalidFilter": http_.find("userName", expect=None), "uniqueness": http_.post("/Users", team.user("a"), None),
        "mutability": http_.patch(f"/Users/{made}", [{"op": "replace", "path": "groups", "value": []}], 400),
        "invalidSyntax": http_.post("/Users", "{", None), "invalidPath": http_.patch(f"/Users/{made}", [{"op": "add", "path": "x y", "value": 1}], 400),
        "noTarget": http_.patch(f"/Users/{made}", [{"op": "remove"}], 400), "invalidValue": http_.post("/Users", team.user("c", active="x"), None),
    }.items():
        reply.refused(409 if scim_type == "uniqueness" else 400, scim_type)


def test_n48_no_more_than_so_many(make_daemon):
    """429 with Retry-After, for a client and for whoever guesses; others are served."""
    daemon = scim_clients.start(make_daemon, scim={"requests_per_minute": 20, "wrong_tokens_per_minute": 5})
    team, other = Team(daemon), Team(daemon)
    answers = [team.client().get("/Users", None) for _ in range(25)]
    assert [reply.status for reply in answers].count(429) == 5
    assert 0 < int(answers[-1].refused(429).headers["Retry-After"]) <= 61
    other.client().get("/Users")
    guesses = [bare(daemon, secret="psc_" + "B" * 43).get("/Users", None).status for _ in range(8)]
    assert guesses == [401] * 5 + [429] * 3
    other.client().get("/Users")
