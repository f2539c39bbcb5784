"""/scim/v2/Users over the public listener: made, read, replaced, patched, deleted, each answer as RFC 7644 has it."""

import concurrent.futures
import contextlib
import glob
import json
import os
import signal
import sqlite3

import pytest

import daemon as daemons
import scim_clients as scim
from scim_clients import ENTERPRISE, MAIL_USER, USER


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim.start(make_daemon)


def test_made(team, client):
    sent = team.user("mira", externalId="x-1", name={"givenName": "Mira", "familyName": "Voss"}, nickName="Mi", active=True)
    reply = client.post("/Users", sent)
    assert reply.headers["Location"] == reply["meta"]["location"]
    assert reply["meta"]["location"].endswith(f"/scim/v2/Users/{reply.id}")
    assert reply.headers["ETag"] == reply["meta"]["version"]
    assert reply["meta"]["created"] == reply["meta"]["lastModified"]
    for name, value in sent.items():
        assert reply[name] == value, reply
    assert client.get(f"/Users/{reply.id}").body == reply.body
    assert team.reaches(team.at("mira")) == {team.at("mira")}


def test_active_unless_said(team, client):
    assert client.post("/Users", team.user("a")).body["active"] is True
    assert client.post("/Users", team.user("b", active=False)).body["active"] is False
    assert team.shown(team.at("b"))["state"] == "disabled"


def test_no_password_comes_back_or_counts(team, client):
    made = client.post("/Users", team.user("a", password="correct horse battery"))
    assert "password" not in made.body
    client.patch(f"/Users/{made.id}", [{"op": "replace", "path": "password", "value": "other horse battery"}])
    assert not team.shown(team.at("a"))["password"]
    assert not team.daemon.lines("horse battery")


def test_password_with_the_right(daemon):
    team = scim.Team(daemon, rights="users,set_password")
    client = team.client()
    made = client.post("/Users", team.user("a", password="correct horse battery"))
    assert "password" not in made.body
    assert team.password_login(team.at("a"), "correct horse battery").ok
    client.patch(f"/Users/{made.id}", [{"op": "replace", "value": {"password": "other horse battery"}}])
    assert team.password_login(team.at("a"), "other horse battery").ok
    assert team.password_login(team.at("a"), "correct horse battery").refused
    assert not daemon.lines("horse battery")
    for path in glob.glob(f"{daemon.directory}/lib/accounts.db*"):
        with open(path, "rb") as store:
            assert b"horse battery" not in store.read(), path
    client.close()


def test_taken(team, client):
    client.post("/Users", team.user("a"))
    client.post("/Users", team.user("A"), 409).refused(409, "uniqueness")
    other = team.user("b")
    other["emails"][0]["value"] = team.at("a")
    client.post("/Users", other, 409).refused(409, "uniqueness", team.at("a"))


def test_replaced(team, client):
    made = client.post("/Users", team.user("a", nickName="A", title="Boss"))
    put = client.put(f"/Users/{made.id}", team.user("a", title="Chief", id="ignored"))
    assert "nickName" not in put.body and put["title"] == "Chief" and put.id == made.id
    assert put["meta"]["version"] != made["meta"]["version"]
    same = client.put(f"/Users/{made.id}", team.user("a", title="Chief"))
    assert same.body == put.body


def test_put_keeps_what_it_does_not_say(team, client):
    made = client.post("/Users", team.user("a", active=False, **{MAIL_USER: {"aliases": [team.at("a2")]}}))
    put = client.put(f"/Users/{made.id}", {"schemas": [USER], "userName": team.at("a"), "title": "x"})
    assert put["active"] is False and put["emails"] == made["emails"]
    assert team.reaches(team.at("a2")) == {team.at("a")}


def test_put_makes_nothing(team, client):
    client.put("/Users/0b0e5f7e-6c5c-4d4f-9b52-0a4b5d3f2a11", team.user("a"), 404).refused(404)
    client.put("/Users/nothing", team.user("a"), 404).refused(404)


def test_patched(team, client):
    made = client.post("/Users", team.user("a"))
    patched = client.patch(f"/Users/{made.id}", [
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "add", "path": f"{ENTERPRISE}:department", "value": "Sales"},
        {"op": "add", "path": "emails[type eq \"other\"].value", "value": team.at("alias")}])
    assert patched["active"] is False and patched[ENTERPRISE]["department"] == "Sales"
    assert team.shown(team.at("a"))["state"] == "disabled"
    assert team.reaches(team.at("alias")) == {team.at("a")}


def test_patch_is_all_or_nothing(team, client):
    made = client.post("/Users", team.user("a"))
    client.patch(f"/Users/{made.id}", [{"op": "replace", "path": "title", "value": "x"},
                                       {"op": "remove", "path": "userName"}], 400).refused(400, "mutability", "userName")
    assert client.get(f"/Users/{made.id}").body == made.body


def test_a_patch_that_changes_nothing(team, client):
    made = client.post("/Users", team.user("a", title="x"))
    scim.stays(client, f"/Users/{made.id}",
               lambda: client.patch(f"/Users/{made.id}", [{"op": "replace", "path": "title", "value": "x"}]))


def test_deleted(team, client):
    made = client.post("/Users", team.user("a"))
    assert client.delete(f"/Users/{made.id}").text == b""
    for method, body in (("GET", None), ("PUT", team.user("a")), ("PATCH", {"Operations": [{"op": "add", "value": {}}]}), ("DELETE", None)):
        client.ask(method, f"/Users/{made.id}", body, 404).refused(404)
    assert client.get("/Users").resources == []
    assert team.reaches(team.at("a")) == set()
    again = client.post("/Users", team.user("a"))
    assert again.id != made.id


def test_entity_tags(team, client):
    made = client.post("/Users", team.user("a"))
    target, tag = f"/Users/{made.id}", made.headers["ETag"]
    assert client.get(target, 304, headers={"If-None-Match": tag}).headers["ETag"] == tag
    assert client.get(target, 304, headers={"If-None-Match": f'"x", {tag[2:]}'}).text == b""
    assert client.get(target, 200, headers={"If-None-Match": 'W/"0"'}).id == made.id
    operations = [{"op": "replace", "path": "title", "value": "x"}]
    client.patch(target, operations, 412, headers={"If-Match": 'W/"9999"'}).refused(412)
    client.put(target, team.user("a"), 412, headers={"If-Match": 'W/"9999"'}).refused(412)
    client.delete(target, 412, headers={"If-Match": 'W/"9999"'}).refused(412)
    patched = client.patch(target, operations, headers={"If-Match": f'W/"9999", {tag}'})
    assert patched.headers["ETag"] != tag
    client.patch(target, operations, headers={"If-Match": "*"})
    client.delete(target, headers={"If-Match": patched.headers["ETag"]})


def test_what_is_returned(team, client):
    made = client.post("/Users?attributes=userName", team.user("a", title="x", name={"givenName": "A", "familyName": "B"}))
    assert set(made.body) == {"schemas", "id", "userName"}
    target = f"/Users/{made.id}"
    assert set(client.get(f"{target}?attributes=name.givenName")["name"]) == {"givenName"}
    assert "title" not in client.get(f"{target}?excludedAttributes=title,id").body
    assert client.get(f"{target}?excludedAttributes=id").id == made.id
    assert set(client.put(f"{target}?attributes=title", team.user("a", title="y")).body) == {"schemas", "id", "title"}
    patched = client.patch(f"{target}?attributes=title", [{"op": "replace", "path": "title", "value": "z"}])
    assert patched["title"] == "z" and "userName" not in patched.body


def test_real_addresses_on_request(team, client):
    made = client.post("/Users", team.user("a"))
    team.daemon.postern("alias", "add", team.at("by-admin"), team.at("a"))
    shown = client.get(f"/Users/{made.id}?attributes={MAIL_USER}:effectiveAddresses")
    assert set(shown[MAIL_USER]["effectiveAddresses"]) == {team.at("a"), team.at("by-admin")}
    assert team.at("by-admin") not in str(client.get(f"/Users/{made.id}").body)


def test_head_is_get_without_a_body(team, client):
    made = client.post("/Users", team.user("a"))
    client.connection.request("HEAD", f"/scim/v2/Users/{made.id}", headers=client.headers)
    with client.connection.getresponse() as response:
        assert response.status == 200 and response.headers["ETag"] == made.headers["ETag"]
        assert int(response.headers["Content-Length"]) > 0 and response.read() == b""


@pytest.mark.parametrize("body, status, scim_type, word", [
    ("", 400, "invalidSyntax", "body"),
    ("{", 400, "invalidSyntax", "JSON"),
    ("[]", 400, "invalidSyntax", "object"),
    ({"schemas": [USER], "emails": [{"value": "a@example.org"}]}, 400, "invalidValue", "userName"),
    ({"schemas": [USER], "userName": 5}, 400, "invalidValue", "userName"),
    ({"schemas": [USER], "userName": "a", "name": "b"}, 400, "invalidValue", "name"),
    ({"schemas": [USER], "userName": "foreign@example.net"}, 400, "invalidValue", ""),
])
def test_bodies_that_are_no_users(client, body, status, scim_type, word):
    if isinstance(body, dict) and isinstance(body.get("userName"), int):
        body = dict(body, userName={"a": 1})
    client.ask("POST", "/Users", body if body else None, status, headers={"Content-Length": "0"} if not body else {}).refused(
        status, scim_type, word)


def test_content_types(team, client):
    for number, kind in enumerate(("application/json", "application/scim+json; charset=utf-8", "APPLICATION/JSON", "text/json")):
        client.post("/Users", team.user(f"a{number}"), headers={"Content-Type": kind})
    for kind in ("text/html", "application/x-www-form-urlencoded", "application/xml"):
        client.post("/Users", team.user("no"), 415, headers={"Content-Type": kind}).refused(415)


@pytest.mark.parametrize("method, target, status, allow", [
    ("GET", "/Nothing", 404, None), ("GET", "/Users/a/b", 404, None), ("GET", "/Me", 501, None), ("DELETE", "/Me", 501, None),
    ("DELETE", "/Users", 405, {"GET", "POST"}), ("POST", "/Schemas", 405, {"GET"}), ("PUT", "/ServiceProviderConfig", 405, {"GET"}),
])
def test_paths(client, method, target, status, allow):
    reply = client.ask(method, target, None, status).refused(status)
    assert {word.strip() for word in (reply.headers["Allow"] or "").split(",")} == (allow or {""})


def test_discovery(client):
    config = client.get("/ServiceProviderConfig")
    assert config["patch"]["supported"] and config["filter"]["maxResults"] == 1000 and config["bulk"]["maxOperations"] == 1000
    assert client.get("/ServiceProviderConfigs").body == config.body
    assert {kind["name"] for kind in client.get("/ResourceTypes").resources} == {"User", "Group"}
    assert client.get("/ResourceTypes/User")["endpoint"] == "/Users"
    assert client.get(f"/Schemas/{USER}").id == USER
    assert client.get("/Schemas/").body == client.get("/Schemas").body
    client.get("/Schemas/urn:nothing", 404).refused(404)
    client.get('/Schemas?filter=name+eq+%22User%22', 403).refused(403)


# ---- who asks ----

def test_without_a_token(daemon, team):
    for secret in (None, "psc_" + "A" * 43, "x" * 5000, ""):
        client = scim.Client(daemon.public_port, secret)
        for target in ("/Users", "/ServiceProviderConfig", "/Nothing"):
            reply = client.get(target, 401).refused(401)
            assert reply.headers["WWW-Authenticate"] == 'Bearer realm="scim"'
        client.close()
    client = team.client(Authorization="Basic " + "QTpC")
    client.get("/Users", 401).refused(401)
    client.close()


def test_rights(daemon):
    users, groups, reads = scim.Team(daemon, rights="users"), scim.Team(daemon, rights="groups"), scim.Team(daemon, rights="users,read_only")
    users.client().get("/Groups", 403).refused(403)
    groups.client().post("/Users", groups.user("a"), 403).refused(403)
    reads.client().get("/Users")
    reads.client().post("/Users", reads.user("a"), 403).refused(403)
    reads.client().post("/Users/.search", {"schemas": [scim.SEARCH]}, 200)


def test_networks(daemon):
    away = scim.Team(daemon, options=("--networks", "192.0.2.0/24"))
    away.client().get("/Users", 403).refused(403)
    here = scim.Team(daemon, options=("--networks", "192.0.2.0/24,127.0.0.0/8"))
    here.client().get("/Users")


def test_clients_see_nothing_of_each_other(daemon, team, client):
    made = client.post("/Users", team.user("a", externalId="e"))
    other = scim.Team(daemon)
    stranger = other.client()
    for method, body in (("GET", None), ("PUT", other.user("a")), ("PATCH", {"Operations": [{"op": "add", "value": {}}]}), ("DELETE", None)):
        there = stranger.ask(method, f"/Users/{made.id}", body, 404)
        never = stranger.ask(method, "/Users/0b0e5f7e-6c5c-4d4f-9b52-0a4b5d3f2a11", body, 404)
        assert there.body == never.body
    assert stranger.get("/Users")["totalResults"] == 0
    assert stranger.find('externalId eq "e"')["totalResults"] == 0
    assert client.get(f"/Users/{made.id}").body == made.body


def test_the_log_names_the_client_and_no_secret(daemon, team, client):
    mark = daemon.mark()
    client.find('userName eq "somebody@example.com"')
    line = daemon.wait_line("scim_request", mark)
    assert f"client={team.name}" in line and "path=/scim/v2/Users" in line and "query=filter" in line
    assert "status=200" in line and "rip=127.0.0.1" in line and "somebody" not in line
    client.get("/Users/nothing", 404)
    assert not daemon.lines(team.secret)


def test_a_secret_in_the_wrong_place_is_not_logged(daemon, team):
    mark, client = daemon.mark(), scim.Client(daemon.public_port, None)
    client.get(f"/{team.secret}/Users?{team.secret}=1&access_token={team.secret}", 401)
    assert "path=/scim/v2/ " in daemon.wait_line("scim_request", mark)
    assert not daemon.lines(team.secret[4:], mark)


@contextlib.contextmanager
def without_table(daemon, table):
    """A store that cannot answer what needs this table."""
    def rename(old, new):
        with contextlib.closing(sqlite3.connect(f"{daemon.directory}/lib/accounts.db", timeout=10)) as store:
            store.execute(f"ALTER TABLE {old} RENAME TO {new}")
    rename(table, "away")
    yield
    rename("away", table)


@pytest.mark.parametrize("table", ["client", "client_secret", "resource"])
def test_a_store_in_trouble_is_no_refusal(daemon, team, client, table):
    """503 says: try again. A 401 or 404 would make a provider drop what it knows."""
    made = client.post("/Users", team.user("a"))
    client.get("/Users")
    with without_table(daemon, table):
        for method, target, body in (("GET", f"/Users/{made.id}", None), ("GET", "/Users", None), ("POST", "/Users", team.user("b")),
                                     ("GET", "/Users?filter=active+eq+true", None), ("DELETE", f"/Users/{made.id}", None),
                                     ("PATCH", f"/Users/{made.id}", {"Operations": [{"op": "add", "path": "title", "value": "x"}]})):
            reply = client.ask(method, target, body, 503).refused(503)
            assert int(reply.headers["Retry-After"]) >= 1
    assert client.get("/Users").resources == [made.body]


def test_settings_change_while_it_runs(daemon, team, client):
    for number in range(3):
        client.post("/Users", team.user(f"u{number}"))
    before, mark = daemon.extra, daemon.mark()
    daemon.extra += "\nscim {\n  page = 2\n}"
    daemon.write_conf()
    os.kill(daemon.parent, signal.SIGHUP)
    daemon.wait_line("reloaded ", mark)
    assert client.get("/Users")["itemsPerPage"] == 2
    daemon.extra = before
    daemon.write_conf()
    os.kill(daemon.parent, signal.SIGHUP)
    daemons.wait_for(lambda: client.get("/Users")["itemsPerPage"] == 3, "the old setting")


def test_writers_at_once(team, client):
    """Patches of one user from many sides: each answered 200 is in it."""
    made = client.post("/Users", team.user("a"))

    def patch(number):
        one = team.client()
        path = f'emails[type eq "t{number}"].value'
        status = one.ask("PATCH", f"/Users/{made.id}", {"Operations": [{"op": "add", "path": path, "value": f"x{number}@example.net"}]}).status
        one.close()
        return number, status

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        done = dict(pool.map(patch, range(16)))
    values = {email["value"] for email in client.get(f"/Users/{made.id}")["emails"]}
    assert set(done.values()) <= {200, 503} and 200 in done.values()
    assert {f"x{number}@example.net" for number, status in done.items() if status == 200} == values - {team.at("a")}


def test_json_numbers_and_texts_come_back(team, client):
    sent = team.user("a", **{"urn:example:params:scim:schemas:extension:acme:2.0:User": {"floor": 3, "ratio": 0.5, "é": "ü\u0001"}})
    sent["schemas"].append("urn:example:params:scim:schemas:extension:acme:2.0:User")
    made = client.post("/Users", sent)
    assert json.loads(client.get(f"/Users/{made.id}").text)["urn:example:params:scim:schemas:extension:acme:2.0:User"] == sent[
        "urn:example:params:scim:schemas:extension:acme:2.0:User"]
