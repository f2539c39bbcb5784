"""Attacks on the SCIM door by those who hold a token of their own, or none: each is refused in the right way, and nothing is there
of it afterwards. Requests that are no HTTP, floods and slow peers are test_public_http.py's."""

import contextlib
import itertools
import json
import sqlite3
import statistics
import subprocess
import threading
import time
import urllib.parse
import uuid

import pytest

import daemon as daemons
import ends
import public
import scim_clients as scim
from scim_clients import BULK, ENTERPRISE, GROUP, MAIL_GROUP, MAIL_USER, PATCH, SEARCH, USER

NUMBERS = itertools.count(1)
NOBODY = "0b0e5f7e-6c5c-4d4f-9b52-0a4b5d3f2a11"
RESERVED = ("postmaster", "abuse", "hostmaster", "webmaster", "admin", "administrator", "root", "security")
OTHER_PROVIDER = """
provider "other" {{
  userinfo = "http://127.0.0.1:{port}/userinfo"
  domains  = {{"other.example"}}
  cache_lifetime = 0s
  refused_lifetime = 0s
}}
"""


@pytest.fixture(scope="module")
def daemon(make_daemon):
    def prepare(daemon):
        domains = ", ".join(f'"t{number}.example.com"' for number in range(1, scim.TEAMS_MAX))
        daemon.providers = (scim.PROVIDER.format(port=daemon.provider.port, domains=f'"example.com", {domains}')
                            + OTHER_PROVIDER.format(port=daemon.provider.port))
        return {}

    daemon = public.start(make_daemon, prepare)
    daemon.postern("domain", "add", "other.example")
    return daemon


def token(daemon, domains, *options, rights="users,groups"):
    """(name, secret) of a further token."""
    name = f"more{next(NUMBERS)}"
    return name, daemon.postern("scim-token", "create", name, "--domains", domains, "--rights", rights, *options).stdout.strip()


def client_of(daemon, *arguments, **more):
    return scim.Client(daemon.public_port, token(daemon, *arguments, **more)[1])


def group(name="g", *members, **mail):
    body = {"schemas": [GROUP], "displayName": name, "members": [{"value": one} for one in members]}
    return body | {"schemas": [GROUP, MAIL_GROUP], MAIL_GROUP: mail} if mail else body


def rows(daemon, sql, *values):
    with contextlib.closing(sqlite3.connect(f"file:{daemon.directory}/lib/accounts.db?mode=ro", uri=True, timeout=20)) as store:
        return store.execute(sql, values).fetchall()


TABLES = ("account", "address", "resource", "resource_email", "mail_group", "membership", "sender", "audit")


def contents(daemon):
    """All that a change could change. Nothing else may write meanwhile."""
    return {table: rows(daemon, f"SELECT * FROM {table} ORDER BY 1, 2") for table in TABLES}


@contextlib.contextmanager
def nothing_changes(daemon):
    before = contents(daemon)
    yield
    after = contents(daemon)
    assert {table: after[table] for table in TABLES if after[table] != before[table]} == {}


def bulk(client, *operations):
    return client.post("/Bulk", {"schemas": [BULK], "Operations": list(operations)}, 200)["Operations"]


def same_refusal(one, other, id_of_one, id_of_other):
    """That nobody can tell them apart."""
    assert one.status == other.status and one.text == other.text.replace(id_of_other.encode(), id_of_one.encode()), (one, other)
    hide = ("date",)
    assert ([(name, value) for name, value in one.headers.items() if name.lower() not in hide]
            == [(name, value) for name, value in other.headers.items() if name.lower() not in hide])


# ---- another token's resources ----


class Victim:
    """A user and a group of another token, in the same domain as the attacker's own."""

    def __init__(self, daemon):
        self.team = scim.Team(daemon)
        self.client = self.team.client()
        self.user = self.client.post("/Users", self.team.user("victim", externalId="secret-external", displayName="Victim", title="Boss"))
        self.group = self.client.post("/Groups", group("secret group", self.user.id, kind="list", address=self.team.at("secret-list")))
        self.attacker = client_of(daemon, self.team.domain)
        self.own = self.attacker.post("/Users", self.team.user("attacker"))


@pytest.fixture
def victim(daemon):
    victim = Victim(daemon)
    yield victim
    victim.client.close(), victim.attacker.close()


REQUESTS = [("GET", None, {}), ("GET", None, {"If-None-Match": "*"}), ("PUT", {}, {}), ("PUT", {}, {"If-Match": "*"}),
            ("PATCH", {"Operations": [{"op": "replace", "path": "displayName", "value": "mine"}]}, {}),
            ("PATCH", {"Operations": [{"op": "replace", "path": "active", "value": False}]}, {"If-Match": 'W/"1"'}),
            ("DELETE", None, {}), ("DELETE", None, {"If-Match": "*"})]


@pytest.mark.parametrize("method, body, headers", REQUESTS)
@pytest.mark.parametrize("kind", ["Users", "Groups"])
def test_another_tokens_resource(daemon, victim, kind, method, body, headers):
    theirs = victim.user.id if kind == "Users" else victim.group.id
    if body == {}:
        body = victim.team.user("victim") if kind == "Users" else group("mine")
    with nothing_changes(daemon):
        there = victim.attacker.ask(method, f"/{kind}/{theirs}", body, 404, headers=headers)
        never = victim.attacker.ask(method, f"/{kind}/{NOBODY}", body, 404, headers=headers)
        same_refusal(there, never, theirs, NOBODY)
        other_kind = victim.attacker.ask(method, f"/{'Groups' if kind == 'Users' else 'Users'}/{theirs}", body, 404, headers=headers)
        assert other_kind.status == 404


@pytest.mark.parametrize("how", ["members", "add", "replace", "owners", "put", "nested"])
def test_another_tokens_resource_as_a_member(daemon, victim, how):
    """It is refused like an id that nobody has."""
    own = victim.attacker.post("/Groups", group("own", victim.own.id))

    def ask(theirs):
        member = [{"value": theirs}]
        if how == "members":
            return victim.attacker.post("/Groups", group("mine", theirs), 400)
        if how == "owners":
            return victim.attacker.post("/Groups", group("mine", kind="list", address=victim.team.at("mine"), owners=[theirs]), 400)
        if how == "put":
            return victim.attacker.put(f"/Groups/{own.id}", group("own", theirs), 400)
        if how == "nested":
            return victim.attacker.post("/Groups", {"schemas": [GROUP], "displayName": "mine", "members": [
                {"value": theirs, "type": "Group", "$ref": f"https://x/scim/v2/Groups/{theirs}", "display": "secret group"}]}, 400)
        return victim.attacker.patch(f"/Groups/{own.id}", [{"op": how, "path": "members", "value": member}], 400)

    with nothing_changes(daemon):
        for theirs in (victim.user.id, victim.group.id):
            same_refusal(ask(theirs), ask(NOBODY), theirs, NOBODY)


def test_another_tokens_member_where_unknown_ones_are_skipped(daemon, victim):
    lenient = client_of(daemon, victim.team.domain, "--unknown-members", "skip")
    made = lenient.post("/Groups", group("mine", victim.user.id, victim.group.id, kind="list", address=victim.team.at("mine")))
    assert not made.body.get("members")
    lenient.patch(f"/Groups/{made.id}", [{"op": "add", "path": "members", "value": [{"value": victim.user.id}]}])
    assert victim.team.reaches(victim.team.at("mine")) == set()
    assert [entry["value"] for entry in victim.client.get(f"/Users/{victim.user.id}")["groups"]] == [victim.group.id]


@pytest.mark.parametrize("text", [
    'id eq "{user}"', 'id pr and userName eq "{address}"', 'externalId eq "secret-external"', 'emails.value eq "{address}"',
    'emails[value eq "{address}"]', 'userName sw "victim"', 'displayName co "ictim"', 'groups.value eq "{group}"', 'groups.display eq "secret group"',
    'title eq "Boss"', 'not (userName eq "{own}")', 'members.value eq "{user}"', 'members eq "{user}"', 'meta.location co "{user}"',
    f'{MAIL_USER}:effectiveAddresses co "victim"', f'{MAIL_GROUP}:address sw "secret"', 'id gt "0" and not (id eq "x") and displayName eq "secret group"'])
@pytest.mark.parametrize("where", ["/Users", "/Groups", "/"])
def test_another_tokens_resource_in_a_filter(victim, where, text):
    text = text.format(user=victim.user.id, group=victim.group.id, address=victim.team.at("victim"), own=victim.team.at("attacker"))
    for reply in (victim.attacker.post(f"{where.rstrip('/')}/.search", {"schemas": [SEARCH], "filter": text}, None),
                  victim.attacker.get(f"{where if where != '/' else ''}?filter={urllib.parse.quote(text)}", None)):
        assert reply.status in (200, 400), reply
        assert b"victim" not in reply.text.lower().replace(text.lower().encode(), b"") and victim.group.id.encode() not in reply.text
        assert reply.status == 400 or reply["totalResults"] == 0, reply


def test_another_tokens_resource_by_bulk(daemon, victim):
    change = {"Operations": [{"op": "replace", "path": "displayName", "value": "mine"}]}
    with nothing_changes(daemon):
        for kind, theirs in (("Users", victim.user.id), ("Groups", victim.group.id)):
            body = victim.team.user("victim") if kind == "Users" else group("mine")
            for method, data in (("PUT", body), ("PATCH", change), ("DELETE", None)):
                there, never = (bulk(victim.attacker, {"method": method, "path": f"/{kind}/{one}", **({"data": data} if data else {})})[0]
                                for one in (theirs, NOBODY))
                assert there["status"] == "404" and json.dumps(there) == json.dumps(never).replace(NOBODY, theirs)
        (result,) = bulk(victim.attacker, {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group("mine", victim.user.id)})
        assert result["status"] == "400"


def test_a_collision_does_not_say_whose(victim):
    reply = victim.attacker.post("/Users", victim.team.user("victim"), 409).refused(409, "uniqueness", victim.team.at("victim"))
    for word in (victim.user.id, victim.team.name, "secret", "Boss"):
        assert word.encode() not in reply.text
    assert "schemas" in reply.body and set(reply.body) == {"schemas", "status", "scimType", "detail"}


def test_a_manager_of_another_token(victim):
    """Echoed, not looked up: no name comes back."""
    body = victim.team.user("clerk", schemas=[USER, ENTERPRISE], **{ENTERPRISE: {"manager": {"value": victim.user.id}}})
    reply = victim.attacker.post("/Users", body)
    assert reply[ENTERPRISE]["manager"] == {"value": victim.user.id}


def test_guessed_ids_take_as_long(victim):
    """One that is there and one that is not, in turns: no difference that could be measured from here."""
    times = {victim.user.id: [], NOBODY: []}
    for number in range(600):
        for identity in sorted(times, reverse=number % 2 == 0):
            begin = time.perf_counter()
            victim.attacker.get(f"/Users/{identity}", 404)
            times[identity].append(time.perf_counter() - begin)
    there, never = (statistics.median(times[identity]) for identity in (victim.user.id, NOBODY))
    assert 0.6 < there / never < 1.6, (there, never)


# ---- paths ----


@pytest.mark.parametrize("path", [
    "/scim/v2/Users/%2e%2e", "/scim/v2/Users/../Users", "/scim/v2/Users/..%2f..%2f..%2fv1%2faccounts", "/scim/v2/../../v1/accounts", "/v1/accounts",
    "/scim/v2/Users/%2e%2e%2fGroups", "/scim/v2//Users", "/scim/v2/Users//{id}", "/scim/v2/Users/{id}%00", "/scim/v2/Users/%00{id}",
    "/scim/v2/Users/{id}/..", "/scim/v2/Users/{id}/../{id}", "/scim/v2/Users/{id}/emails", "/scim/v2/Users/{id}%2f", "/scim/v2/Users%2f{id}",
    "/scim/v2/Users/{id}%0d%0aX:%20y", "/scim/v2/Users/{id}%20", "/scim/v2/Users/%20{id}", "/scim/v2/Users/{id};x=y", "/scim/v2/Users/{id}\\..\\x",
    "/scim/v2/Users/{id}'--", "/scim/v2/Users/%27%20OR%201=1--", "/scim/v2/Users/*", "/scim/v2/Users/%25", "/scim/v2/Users/%zz", "/scim/v2/Users/%",
    "/scim/v2/Users/%ff", "/scim/v2/Users/%c0%ae%c0%ae", "/scim/v2/Users/{long}", "/scim/v2/{long}", "/scim/v2/Schemas/{long}",
    "/scim/v2/Schemas/..%2f..%2fetc%2fpasswd", "/scim/v2/ResourceTypes/%2e%2e%2fUsers", "/scim/v2/Users/{id}?x=%00", "/scim/v2/Users/.search%00",
    "/scim/v2/Users/{upper}"])
def test_paths(daemon, team, client, path):
    made = client.post("/Users", team.user("a"))
    path = path.format(id=made.id, long="a" * 6000, upper=made.id.upper())
    for method in ("GET", "DELETE"):
        with public.Peer(daemon.public_port) as peer:
            peer.send(f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {team.secret}\r\n\r\n".encode())
            answer = peer.answer()
        allowed = (200, 400) if "?x=%00" in path and method == "GET" else (400, 404, 405, 414, 431)
        if "?x=%00" not in path or method == "GET":
            assert answer.status in allowed, (method, answer.status, answer.body)
            assert made.id.encode() not in answer.body or answer.status == 200, answer.body
            # What is no path at all is refused before anybody knows that it would have been SCIM.
            assert answer.status == 200 or json.loads(answer.body).get("status", str(answer.status)) == str(answer.status)
    if "?x=%00" not in path:
        assert client.get(f"/Users/{made.id}").body == made.body
    with public.Peer(daemon.public_port) as peer:
        peer.send(f"GET {path.partition('?')[0]}\0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {team.secret}\r\n\r\n".encode())
        assert peer.answer().status == 400


# ---- filters ----


@pytest.mark.parametrize("name", ['x" or userName pr or "', "' OR 1=1 --", "%", "_", "a%b", "\\", '\\"', "]", ") or (", "*", "?", "$(id)", "a\tb"])
def test_names_that_are_filters(team, client, name):
    """A name in quotes is a name, whatever is in it."""
    client.post("/Users", team.user("other"))
    body = team.user("a", title=name)
    made = client.post("/Users", body)
    for operator in ("eq", "co", "sw", "ew"):
        found = client.find(f"title {operator} {json.dumps(name)}")
        assert [user["id"] for user in found.resources] == [made.id], (operator, found)
    assert client.find(f"title ne {json.dumps(name)} and userName eq \"{team.at('a')}\"")["totalResults"] == 0
    assert client.find(f"userName eq {json.dumps(name)}")["totalResults"] == 0
    assert client.find(f"userName co {json.dumps(name)}")["totalResults"] == 0 or name in team.at("a"), name


@pytest.mark.parametrize("text", [
    'userName eq "', 'userName eq "a', 'userName eq a"', 'userName eq "a" or', '(userName eq "a"', 'userName eq "a")', ")(", "(", "(" * 10_000,
    "(" * 4000, "not(" * 1000, 'userName eq "a"; DROP TABLE account', 'userName eq "a" -- x', "emails[" * 500, 'emails[value eq "a"', 'emails[]',
    'emails[emails[value eq "a"]]', 'userName == "a"', "userName", "eq", '"a" eq userName', 'userName eq "a" and or title pr', 'password eq "x"',
    'password pr', 'userName eq "\\u0000"', 'userName eq "\\ud800"', 'userName eq "a" "b"', 'urn:: eq "a"', '[value eq "a"]',
    "(" * 33 + "title pr" + ")" * 33, " or ".join(["title pr"] * 101), 'userName eq "' + "a" * 4097 + '"', "\x00", 'userName eq {"a":1}', "userName eq [1]"],
    ids=lambda text: text[:24].encode("unicode_escape").decode())
def test_filters_that_are_none(daemon, team, client, text):
    client.post("/Users", team.user("a"))
    replies = [client.post("/Users/.search", {"schemas": [SEARCH], "filter": text}, 400)]
    if "\x00" not in text:       # which is no target of a request at all: test_paths
        replies.append(client.find(text, expect=None))
    for reply in replies:
        # A request line that is too long is not even read.
        assert reply.status == 400 or (reply.status in (414, 431) and len(text) > 4096), reply
        assert reply.body.get("scimType") in ("invalidFilter", "sensitive", "invalidSyntax") or len(text) > 4096, reply
        assert not reply.body.get("Resources")


def test_the_largest_filters_that_are(team, client):
    """The limits are where they are said to be."""
    made = client.post("/Users", team.user("a", title="x"))
    for text in ("(" * 30 + "title pr" + ")" * 30, " or ".join(["title pr"] * 50), f'title eq "x" or title eq "{"a" * 4000}"'):
        assert [user["id"] for user in client.find(text).resources] == [made.id]


# ---- bodies ----


NESTED = "[" * 10_000 + "]" * 10_000


@pytest.mark.parametrize("body", [
    NESTED, "[" * 10_000, '{"a":' * 10_000, '{"schemas":["%s"],"userName":"a@b","x":%s}' % (USER, NESTED),
    '{"schemas":["%s"],"userName":"a@b","emails":%s}' % (USER, NESTED), '{"Operations":[{"op":"add","path":"title","value":%s}]}' % NESTED,
    '{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":%s}]}' % NESTED, '{"filter":%s}' % NESTED])
def test_nested_brackets(daemon, team, client, body):
    made = client.post("/Users", team.user("a"))
    with nothing_changes(daemon):
        for method, target in (("POST", "/Users"), ("PUT", f"/Users/{made.id}"), ("PATCH", f"/Users/{made.id}"), ("POST", "/Groups"),
                               ("POST", "/Bulk"), ("POST", "/.search"), ("POST", "/Users/.search")):
            client.ask(method, target, body, 400).refused(400, "invalidSyntax")


@pytest.mark.parametrize("twice", [
    '"userName":"{0}","userName":"{1}"', '"userName":"{0}","user\\u004eame":"{1}"', '"userName":"{1}","userName":"{0}"',
    '"userName":"{0}","emails":[{{"value":"{0}","value":"{1}"}}]', '"userName":"{0}","schemas":["x"]', '"userName":"{0}","active":true,"active":false'])
def test_members_of_an_object_twice(daemon, team, client, twice):
    """One reader would take the first, the next the last: neither is taken."""
    body = '{"schemas":["%s"],%s}' % (USER, twice.format(team.at("a"), team.at("b")))
    with nothing_changes(daemon):
        client.ask("POST", "/Users", body, 400).refused(400, "invalidSyntax")
        client.ask("POST", "/Bulk", '{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":%s}]}' % body, 400)


@pytest.mark.parametrize("twice", ['"userName":"{0}","USERNAME":"{1}"', '"USERNAME":"{1}","userName":"{0}"',
                                   '"userName":"{0}","urn:ietf:params:scim:schemas:core:2.0:User:userName":"{1}"',
                                   '"userName":"{0}","Emails":[{{"value":"{0}"}}],"emails":[{{"value":"{1}"}}]'])
def test_one_attribute_by_two_names(team, client, twice):
    """Refused, or one of them everywhere: what is shown is what mail does."""
    reply = client.ask("POST", "/Users", '{"schemas":["%s"],%s}' % (USER, twice.format(team.at("a"), team.at("b"))))
    assert reply.status in (201, 400), reply
    if reply.status == 201:
        shown = {email["value"] for email in reply.body.get("emails", [{"value": reply["userName"]}])} | {reply["userName"]}
        for local in ("a", "b"):
            assert bool(team.reaches(team.at(local))) <= (team.at(local) in shown), (local, reply)
        assert len([name for name in reply.body if name.lower() == "username"]) == 1


NUMBERS_TOO_LARGE = ["1e400", "-1e400", "9223372036854775808", "1" + "0" * 5000, "-1", "1e308", "9007199254740993", "0.5", "-0.1"]


@pytest.mark.parametrize("number", NUMBERS_TOO_LARGE, ids=lambda number: number[:20])
def test_huge_numbers(daemon, team, client, number):
    """As a quota they are refused; nowhere do they break anything."""
    made = client.post("/Users", team.user("a"))
    body = '{"schemas":["%s"],"userName":"%s","%s":{"quotaBytes":%s}}' % (USER, team.at("b"), MAIL_USER, number)
    with nothing_changes(daemon):
        assert client.ask("POST", "/Users", body, 400)["scimType"] in ("invalidValue", "invalidSyntax")
        patch = '{"Operations":[{"op":"replace","path":"%s:quotaBytes","value":%s}]}' % (MAIL_USER, number)
        assert client.ask("PATCH", f"/Users/{made.id}", patch, 400)["scimType"] in ("invalidValue", "invalidSyntax")
        client.ask("POST", "/Users", body.replace(number, f'"{number}"'), 400)
        for name in ("startIndex", "count"):
            assert client.get(f"/Users?{name}={number}", None).status in (200, 400)
            assert client.ask("POST", "/Users/.search", '{"schemas":["%s"],"%s":%s}' % (SEARCH, name, number)).status in (200, 400)
        assert client.ask("POST", "/Bulk", '{"failOnErrors":%s,"Operations":[]}' % number).status == 400
        assert client.find(f"{MAIL_USER}:quotaBytes gt {number}", expect=None).status in (200, 400)
    other = '{"schemas":["%s","urn:x:y"],"userName":"%s","urn:x:y":{"n":%s}}' % (USER, team.at("c"), number)
    reply = client.ask("POST", "/Users", other)
    assert reply.status == 400 or (reply.status == 201 and number.encode() in reply.text), reply


BAD_UTF8 = [b"\xff", b"\xc0\x80", b"\xc0\xae", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80", b"\\ud800", b"\\udc00\\ud800", b"\\u0000"]


@pytest.mark.parametrize("bad", BAD_UTF8)
def test_invalid_utf8(daemon, team, client, bad):
    made = client.post("/Users", team.user("a"))
    with nothing_changes(daemon):
        for name in (b"userName", b"title", b"externalId"):
            body = b'{"schemas":["%s"],"userName":"x","emails":[{"value":"%s"}],"%s":"a%sb"}' % (USER.encode(), team.at("x").encode(), name, bad)
            if name == b"userName":
                body = body.replace(b'"userName":"x",', b"")
            reply = client.ask("POST", "/Users", body)
            assert reply.status == 400, reply
        client.ask("POST", "/Users", b'{"schemas":["%s"],"userName":"%s","a%sb":1}' % (USER.encode(), team.at("x").encode(), bad), 400)
        client.ask("PATCH", f"/Users/{made.id}", b'{"Operations":[{"op":"replace","path":"title","value":"%s"}]}' % bad, 400)
        client.ask("PATCH", f"/Users/{made.id}", b'{"Operations":[{"op":"replace","path":"ti%stle","value":"x"}]}' % bad, 400)
        client.ask("POST", "/Groups", b'{"schemas":["%s"],"displayName":"a%sb"}' % (GROUP.encode(), bad), 400)
        client.ask("POST", "/Users/.search", b'{"filter":"title eq \\"%s\\""}' % bad, 400)
        if not bad.startswith(b"\\"):
            client.get("/Users?filter=title+eq+%22" + urllib.parse.quote(bad) + "%22", 400)


# ---- tokens ----


def test_tokens_that_are_none_any_more(daemon, team):
    """Expired, rotated away, deleted: 401, like one that never was."""
    never = scim.Client(daemon.public_port, "psc_" + "N" * 43, source=("127.0.0.20", 0))
    unknown = never.get("/Users", 401)
    name, expired = token(daemon, team.domain, "--expires", "1s")
    daemons.wait_for(lambda: scim.Client(daemon.public_port, expired).get("/Users", None).status == 401, "expired")
    rotated, deleted = token(daemon, team.domain), token(daemon, team.domain)
    daemon.postern("scim-token", "rotate", rotated[0], "--now")
    scim.Client(daemon.public_port, deleted[1]).get("/Users")
    daemon.postern("scim-token", "delete", deleted[0], "--yes")
    with nothing_changes(daemon):
        for secret in (expired, rotated[1], deleted[1]):
            gone = scim.Client(daemon.public_port, secret)
            for method, target, body in (("GET", "/Users", None), ("POST", "/Users", team.user("a")), ("POST", "/Bulk", {"Operations": []}),
                                         ("GET", "/ServiceProviderConfig", None), ("DELETE", f"/Users/{NOBODY}", None)):
                reply = gone.ask(method, target, body, 401).refused(401)
                assert reply.headers["WWW-Authenticate"] == unknown.headers["WWW-Authenticate"]
            gone.close()
    assert daemon.postern("scim-token", "show", name).returncode == 0


def test_a_token_from_another_network(daemon, team):
    _, secret = token(daemon, team.domain, "--networks", "127.0.0.0/30")
    home, away = scim.Client(daemon.public_port, secret), scim.Client(daemon.public_port, secret, source=("127.0.0.9", 0))
    home.get("/Users")
    with nothing_changes(daemon):
        for headers in ({}, {"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"X-Real-IP": "127.0.0.1"}):
            away.post("/Users", team.user("a"), 403, headers=headers).refused(403)
            away.get("/Users", 403, headers=headers).refused(403)


def test_many_wrong_secrets(daemon, team):
    """429 with Retry-After; the right one, and everybody else, are taken meanwhile."""
    wrong = scim.Client(daemon.public_port, "psc_" + "W" * 43, source=("127.0.0.8", 0))
    replies = [wrong.get("/Users", None) for _ in range(40)]
    assert {reply.status for reply in replies[:30]} == {401} and {reply.status for reply in replies[31:]} == {429}
    replies[-1].refused(429)
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 61
    # Longer, shorter, and other forms are counted as well.
    for header in ("Bearer x", "Bearer " + "x" * 4000, "bearer psc_", "Bearer " + team.secret[:-1]):
        wrong.get("/Users", 429, headers={"Authorization": header})
    scim.Client(daemon.public_port, team.secret, source=("127.0.0.8", 0)).get("/Users")
    scim.Client(daemon.public_port, "psc_" + "W" * 43, source=("127.0.0.7", 0)).get("/Users", 401)


WRITES = [("POST", "/{kind}", "new"), ("PUT", "/{kind}/{id}", "new"), ("DELETE", "/{kind}/{id}", None),
          ("PATCH", "/{kind}/{id}", {"Operations": [{"op": "replace", "path": "displayName", "value": "x"}]})]


def writes(team, kind, identity):
    for method, target, body in WRITES:
        body = (team.user("new") if kind == "Users" else group("new")) if body == "new" else body
        yield method, target.format(kind=kind, id=identity), body


@pytest.mark.parametrize("rights, kinds", [("users,groups,read_only", ("Users", "Groups")), ("groups", ("Users",)), ("users", ("Groups",))])
def test_what_a_token_may_not(daemon, team, client, rights, kinds):
    """Even with what it made while it still could."""
    ids = {"Users": client.post("/Users", team.user("a")).id}
    ids["Groups"] = client.post("/Groups", group("g", ids["Users"], kind="list", address=team.at("list"))).id
    daemon.postern("scim-token", "set", team.name, "--rights", rights)
    with nothing_changes(daemon):
        for kind in kinds:
            for method, target, body in writes(team, kind, ids[kind]):
                client.ask(method, target, body, 403).refused(403)
                # Bulk says so of each, or of all.
                data = {} if body is None else {"data": body}
                reply = client.ask("POST", "/Bulk", {"schemas": [BULK], "Operations": [{"method": method, "path": target, "bulkId": "b", **data}]})
                assert reply.status == 403 or [one["status"] for one in reply["Operations"]] == ["403"], reply
            if rights != "users,groups,read_only":
                client.get(f"/{kind}", 403), client.get(f"/{kind}/{ids[kind]}", 403), client.post(f"/{kind}/.search", {"schemas": [SEARCH]}, 403)
                root = client.post("/.search", {"schemas": [SEARCH]}, None)
                assert root.status == 403 or all(one["meta"]["resourceType"] + "s" != kind for one in root.resources), root
    assert team.reaches(team.at("list")) == {team.at("a")}


def test_a_password_without_the_right(daemon, team, client):
    """By each way that it could be said: it opens nothing, and what opened before still does."""
    name, secret = "correct horse battery staple", team.at("a")
    made = client.post("/Users", team.user("a", password=name))
    target = f"/Users/{made.id}"
    client.put(target, team.user("a", password=name))
    for operation in ({"op": "replace", "path": "password", "value": name}, {"op": "add", "path": f"{USER}:password", "value": name},
                      {"op": "replace", "value": {"password": name}}, {"op": "add", "value": {"PassWord": name}},
                      {"op": "add", "value": {f"{USER}:password": name}}, {"op": "replace", "path": "PASSWORD", "value": name}):
        reply = client.ask("PATCH", target, {"schemas": [PATCH], "Operations": [operation]})
        assert reply.status in (200, 204), (operation, reply)
    bulk(client, {"method": "PUT", "path": target, "data": team.user("a", password=name)},
         {"method": "POST", "path": "/Users", "bulkId": "b", "data": team.user("b", password=name)})
    for who in (secret, team.at("b")):
        assert team.password_login(who, name).refused and not team.shown(who)["password"]
    daemon.postern("account", "password", secret, line="the admin's own words\n", check=False)
    daemon.postern("account", "set", secret, "--password", line="the admin's own words\n", check=False)
    client.patch(target, [{"op": "remove", "path": "password"}])
    client.put(target, team.user("a", password="", title="x"))
    assert team.password_login(secret, name).refused
    assert team.shown(secret)["password"] == team.password_login(secret, "the admin's own words").ok
    assert not daemon.lines("horse battery") and b"horse battery" not in stored(daemon)


def stored(daemon):
    """Every byte of the store's files."""
    text = b""
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError), open(f"{daemon.directory}/lib/accounts.db{suffix}", "rb") as file:
            text += file.read()
    return text


# ---- reserved local parts ----


def asks_for(team, attribute, address):
    """(kind, body) of a resource that would have it."""
    mail = {"schemas": [USER, MAIL_USER]}
    return {
        "userName": ("Users", {"schemas": [USER], "userName": address}),
        "login name": ("Users", team.user("a") | {"userName": address}),
        "emails": ("Users", team.user("a") | {"emails": [{"value": address, "primary": True}]}),
        "second of emails": ("Users", team.user("a") | {"emails": [{"value": team.at("a"), "primary": True}, {"value": address}]}),
        "proxy address": ("Users", team.user("a") | {"emails": [{"value": team.at("a"), "primary": True}, {"value": "smtp:" + address}]}),
        "aliases": ("Users", team.user("a") | mail | {MAIL_USER: {"aliases": [team.at("b"), address]}}),
        "aliases in one string": ("Users", team.user("a") | mail | {MAIL_USER: {"aliases": f"{team.at('b')}, {address}"}}),
        "primaryAddress": ("Users", team.user("a") | mail | {MAIL_USER: {"primaryAddress": address}}),
        "sendAs": ("Users", team.user("a") | mail | {MAIL_USER: {"sendAs": [address]}}),
        "group address": ("Groups", group("g", kind="list", address=address)),
        "shared mailbox": ("Groups", group("g", kind="sharedMailbox", address=address)),
        "group aliases": ("Groups", group("g", kind="alias", address=team.at("g"), aliases=[address])),
    }[attribute]


ATTRIBUTES = ["userName", "login name", "emails", "second of emails", "proxy address", "aliases", "aliases in one string", "primaryAddress", "sendAs",
              "group address", "shared mailbox", "group aliases"]


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_reserved_local_parts(daemon, team, client, attribute):
    user, made = client.post("/Users", team.user("mira")), client.post("/Groups", group("plain", kind="list", address=team.at("plain")))
    with nothing_changes(daemon):
        for local in (*RESERVED, "PostMaster", "postmaster+x", "Admin+"):
            kind, body = asks_for(team, attribute, team.at(local))
            client.post(f"/{kind}", body, 403).refused(403, None, "reserved")
        kind, body = asks_for(team, attribute, team.at("postmaster"))
        target = f"/Users/{user.id}" if kind == "Users" else f"/Groups/{made.id}"
        client.put(target, body, 403).refused(403)
        values = {name: value for name, value in body.items() if name not in ("schemas", "members")}
        client.patch(target, [{"op": "replace", "value": values}], 403).refused(403)
        (result,) = bulk(client, {"method": "POST", "path": f"/{kind}", "bulkId": "b", "data": body})
        assert result["status"] == "403"
    assert team.senders(team.at("postmaster")) <= {team.at("postmaster")}
    daemon.postern("scim-token", "set", team.name, "--rights", "users,groups,reserved")
    client.post(f"/{kind}", asks_for(team, attribute, team.at("webmaster"))[1])


def test_reserved_local_parts_by_a_group_template(daemon):
    team = scim.Team(daemon, options=("--group-template", "%s@{domain}"))
    client = team.client()
    with nothing_changes(daemon):
        for name in (*RESERVED, "Postmaster", " admin ", "Post Master".replace(" ", ""), "ADMIN!", "root?"):
            reply = client.post("/Groups", group(name), None)
            assert reply.status == 403, reply
    made = client.post("/Groups", group("sales"))
    for name in RESERVED:
        # Its address stays; only the name changes.
        reply = client.ask("PATCH", f"/Groups/{made.id}", {"Operations": [{"op": "replace", "path": "displayName", "value": name}]})
        assert reply.status in (200, 204), reply
        assert client.get(f"/Groups/{made.id}").body.get(MAIL_GROUP, {}).get("address") in (None, team.at("sales"))
        assert team.senders(team.at(name)) <= {team.at("postmaster")} and team.reaches(team.at(name)) <= {team.at("postmaster")}


# ---- take-over ----


@pytest.fixture
def boss(daemon, team):
    """An account of the command line in the token's domain, with all that one can have."""
    address = team.at("boss")
    daemon.postern("account", "add", team.at("former"), "--password", line="app-pass-1\n")
    daemon.postern("account", "rename", team.at("former"), address)
    daemon.postern("alias", "add", team.at("alias"), address)
    assert team.token_login(address, subject=f"boss-{team.name}").ok
    daemon.postern("account", "add", team.at("gone"))
    daemon.postern("account", "delete", team.at("gone"), "--yes")
    daemon.postern("alias", "add", f"@{team.domain}", address)
    return address


def unharmed(team, boss, before):
    after = team.shown(boss)
    for one in (before, after):
        one.pop("last_login", None)
    assert after == before
    for local in ("boss", "alias", "former", "whoever"):
        assert team.reaches(team.at(local)) <= {boss, team.at("whoever")} and team.reaches(team.at(local)), local
    assert team.password_login(boss, "app-pass-1").ok


@pytest.mark.parametrize("local", ["boss", "alias", "former", "gone", "BOSS", "Alias"])
@pytest.mark.parametrize("attribute", [one for one in ATTRIBUTES if one != "sendAs"])
def test_addresses_of_others(daemon, team, client, boss, attribute, local):
    """With adopt = never: in use, a former name, or on hold; 409 whatever asks, and it stays whose it is."""
    before = team.shown(boss)
    user = client.post("/Users", team.user("mira"))
    made = client.post("/Groups", group("plain", kind="list", address=team.at("plain")))
    with nothing_changes(daemon):
        kind, body = asks_for(team, attribute, team.at(local))
        client.post(f"/{kind}", body, 409).refused(409, "uniqueness", team.at(local))
        target = f"/Users/{user.id}" if kind == "Users" else f"/Groups/{made.id}"
        client.put(target, body, 409).refused(409, "uniqueness")
        values = {name: value for name, value in body.items() if name not in ("schemas", "members")}
        client.patch(target, [{"op": "replace", "value": values}], 409).refused(409, "uniqueness")
    unharmed(team, boss, before)


@pytest.mark.parametrize("spelled", ["boss@{0}.", "boss @{0}", '"boss"@{0}', "bo\\u0073s@{0}", "ｂoss@{0}", "boss@{1}", "boss\\u0000@{0}", "boss@{0}\\n",
                                     " boss@{0} ", "boss@{0}\\u0000", "<boss@{0}>", "Boss <boss@{0}>", "boss@{0},x@{0}", "bo(x)ss@{0}", "boss%{0}@{0}"])
def test_other_spellings_of_an_address(daemon, team, client, boss, spelled):
    """Refused, or somebody else's: never the boss's mail."""
    before = team.shown(boss)
    text = spelled.format(team.domain, team.domain.upper())
    for body in ('{"schemas":["%s"],"userName":"%s"}', '{"schemas":["%s"],"userName":"x","emails":[{"value":"%s"}]}'):
        reply = client.ask("POST", "/Users", (body % (USER, text)).replace('""', '"\\"').replace('"@t', '\\"@t') if '"' in text else body % (USER, text))
        assert reply.status in (400, 403, 409, 201), reply
        if reply.status == 201:
            assert team.shown(boss)["id"] != reply.id
            client.delete(f"/Users/{reply.id}")
    unharmed(team, boss, before)


def test_the_catch_all_is_nobodys(daemon, team, client, boss):
    """It satisfies no uniqueness, and cannot be asked for."""
    made = client.post("/Users", team.user("whoever"))
    assert team.reaches(team.at("whoever")) == {team.at("whoever")}
    with nothing_changes(daemon):
        for body in ({"schemas": [USER], "userName": f"@{team.domain}"}, team.user("x") | {"emails": [{"value": f"@{team.domain}"}]},
                     team.user("x") | {"schemas": [USER, MAIL_USER], MAIL_USER: {"aliases": [f"@{team.domain}"]}}):
            client.post("/Users", body, 400)
        client.post("/Groups", group("all", kind="list", address=f"@{team.domain}"), 400)
    client.delete(f"/Users/{made.id}")


def test_an_identity_that_opens_another_account(daemon, team, client, boss):
    """The client's provider speaks for the subject, but the account is somebody else's: 409, with adopt = never."""
    before = team.shown(boss)
    _, secret = token(daemon, team.domain, "--provider", "fake")
    bound = scim.Client(daemon.public_port, secret)
    with nothing_changes(daemon):
        bound.post("/Users", team.user("mira", externalId=f"subject-of-boss-{team.name}"), 409).refused(409, "uniqueness", "externalId")
    made = bound.post("/Users", team.user("mira", externalId="subject-of-mira"))
    with nothing_changes(daemon):
        bound.patch(f"/Users/{made.id}", [{"op": "replace", "path": "externalId", "value": f"subject-of-boss-{team.name}"}], 409).refused(409, "uniqueness")
        bound.put(f"/Users/{made.id}", team.user("mira", externalId=f"subject-of-boss-{team.name}"), 409).refused(409, "uniqueness")
    # Without a provider of its own an externalId is a text.
    plain = client.post("/Users", team.user("otto", externalId=f"subject-of-boss-{team.name}"))
    assert not team.shown(team.at("otto")).get("subject")
    assert team.token_login(team.at("otto"), subject=f"boss-{team.name}", mail=boss).refused
    unharmed(team, boss, before)
    assert team.token_login(boss, subject=f"boss-{team.name}").ok and plain.id


def test_an_external_id_of_another_providers_subject(daemon, team, boss):
    """A subject is one with its provider: the same text of another one is another person."""
    _, secret = token(daemon, "other.example", "--provider", "other")
    other = scim.Client(daemon.public_port, secret)
    address = f"x{next(NUMBERS)}@other.example"
    made = other.post("/Users", {"schemas": [USER], "userName": address, "externalId": f"subject-of-boss-{team.name}"})
    before = team.shown(boss)
    assert daemon.postern("account", "show", address, "--json").stdout.count(f"subject-of-boss-{team.name}") >= 1
    # Asked of "other" about its domain: that one's subject. Asked of "fake" about the boss: unchanged.
    assert team.token_login(boss, subject=f"boss-{team.name}").ok
    with daemon.dovecot() as end:
        assert end.login("XOAUTH2", ends.xoauth2(address, daemons.token(f"{address}|someone-else"))).refused
    unharmed(team, boss, before)
    assert made["externalId"] == f"subject-of-boss-{team.name}"


def test_adoption_takes_no_more_than_it_may(daemon, team, boss):
    """adopt = address: not of another token, not the reserved ones, not a shared mailbox, and never with new addresses or secrets."""
    _, secret = token(daemon, team.domain, "--adopt", "address", "--adopt-for", "1d", rights="users,groups,set_password")
    adopting = scim.Client(daemon.public_port, secret)
    owner = scim.Client(daemon.public_port, token(daemon, team.domain)[1])
    owner.post("/Users", team.user("owned"))
    owner.post("/Groups", group("shared", kind="sharedMailbox", address=team.at("shared")))
    with nothing_changes(daemon):
        adopting.post("/Users", team.user("postmaster"), None).refused(403)
        # The boss has the catch-all, which receives what is reserved.
        for local in ("owned", "shared", "alias", "former", "gone", "boss"):
            adopting.post("/Users", team.user(local), 409).refused(409, "uniqueness")
    daemon.postern("alias", "del", f"@{team.domain}")
    made = adopting.post("/Users", team.user("boss", password="a brand new password") | {
        "emails": [{"value": boss, "primary": True}, {"value": team.at("loot")}]})
    assert team.password_login(boss, "app-pass-1").ok and team.password_login(boss, "a brand new password").refused
    assert team.reaches(team.at("loot")) <= {boss} and team.shown(boss)["id"] == made.id


def test_a_login_name_of_somebody_else(daemon, team, client, boss):
    """A userName that is the boss's address elsewhere gives no login there, and takes none away."""
    client.post("/Users", team.user("mira") | {"userName": "hello@example.com"})
    assert team.token_login("hello@example.com").ok
    assert team.reaches("hello@example.com") == {"hello@example.com"}
    assert team.shown("hello@example.com")["id"] != client.find('userName eq "hello@example.com"').resources[0]["id"]
    assert team.senders("hello@example.com") == {"hello@example.com"}
    for name in ("boss", "alias", "former"):
        client.post("/Users", team.user("otto") | {"userName": team.at(name)}, 409).refused(409, "uniqueness", "userName")


FORWARDS = [("Users", {"forwardTo": ["thief@example.net"]}), ("Users", {"forwardTo": "thief@example.net", "keepCopy": True}),
            ("Users", {"onDisable": "forward", "forwardTo": ["thief@example.net"]}), ("Users", {"forwardto": ["x@example.org"]}),
            ("Groups", {"kind": "list", "address": "list", "externalMembers": ["thief@example.net"]})]


@pytest.mark.parametrize("kind, mail", FORWARDS)
def test_forwarding_without_the_right(daemon, team, client, kind, mail):
    urn = MAIL_USER if kind == "Users" else MAIL_GROUP
    mail = {name: team.at(value) if value == "list" and name == "address" else value for name, value in mail.items()}
    body = (team.user("a") if kind == "Users" else group("g")) | {urn: mail}
    body["schemas"] = [*body["schemas"], urn]
    made = client.post(f"/{kind}", team.user("b") if kind == "Users" else group("h", kind="list", address=team.at("h")))
    mail = {name: value for name, value in mail.items() if name != "address"}
    with nothing_changes(daemon):
        client.post(f"/{kind}", body, 400).refused(400, "invalidValue", "right")
        client.put(f"/{kind}/{made.id}", body, 400).refused(400, "invalidValue", "right")
        for operation in ({"op": "add", "value": {urn: mail}}, {"op": "add", "value": {f"{urn}:{name}": value for name, value in mail.items()}}):
            client.patch(f"/{kind}/{made.id}", [operation], 400).refused(400, "invalidValue")
        (result,) = bulk(client, {"method": "POST", "path": f"/{kind}", "bulkId": "b", "data": body})
        assert result["status"] == "400"


def test_an_address_of_a_group(daemon, team, client):
    """A user cannot take it, nor a group that of a user; of one's own as of another token's."""
    other = scim.Client(daemon.public_port, token(daemon, team.domain)[1])
    client.post("/Users", team.user("mira"))
    member = client.post("/Users", team.user("member"))
    client.post("/Groups", group("list", member.id, kind="list", address=team.at("list"), aliases=[team.at("second")]))
    client.post("/Groups", group("shared", kind="sharedMailbox", address=team.at("box")))
    mover = {one: one.post("/Users", team.user(f"mover{number}")) for number, one in enumerate((client, other))}
    with nothing_changes(daemon):
        for attacker, made in mover.items():
            for local in ("list", "second", "box"):
                attacker.post("/Users", team.user(local), 409).refused(409, "uniqueness", team.at(local))
                attacker.patch(f"/Users/{made.id}", [{"op": "add", "path": f"{MAIL_USER}:aliases", "value": [team.at(local)]}], 409)
                attacker.patch(f"/Users/{made.id}", [{"op": "replace", "path": "userName", "value": team.at(local)}], 409)
            for local in ("mira", "list", "box"):
                attacker.post("/Groups", group("thief", kind="list", address=team.at(local)), 409).refused(409, "uniqueness", team.at(local))
                attacker.post("/Groups", group("thief", kind="alias", address=team.at("t"), aliases=[team.at(local)]), 409)
    assert team.reaches(team.at("list")) == team.reaches(team.at("second")) == {team.at("member")}


@pytest.mark.parametrize("domain", ["example.com", "example.net", "{0}.evil.example", "x.{0}", "com"])
def test_domains_of_others(daemon, team, client, domain):
    """What is not the token's is refused, or a contact that mail knows nothing of."""
    domain = domain.format(team.domain)
    address = f"hello@{domain}"
    mail = {"schemas": [USER, MAIL_USER]}
    with nothing_changes(daemon):
        client.post("/Users", {"schemas": [USER], "userName": address}, 400).refused(400, "invalidValue")
        client.post("/Users", team.user("a") | mail | {MAIL_USER: {"primaryAddress": address}}, 400).refused(400, "invalidValue", "primaryAddress")
        client.post("/Users", team.user("a") | mail | {MAIL_USER: {"sendAs": [address]}}, 400).refused(400, "invalidValue", "sendAs")
        client.post("/Groups", group("g", kind="list", address=address), 400).refused(400, "invalidValue", "address")
    before = team.reaches(address), team.senders(address)
    client.post("/Users", team.user("a") | mail | {"emails": [{"value": team.at("a"), "primary": True}, {"value": address}]})
    client.post("/Users", team.user("b") | mail | {MAIL_USER: {"aliases": [address]}}, None)
    assert (team.reaches(address), team.senders(address)) == before


# ---- secrets ----


def test_no_secret_is_anywhere(daemon, team):
    """Tokens, passwords, what almost was a token: not in an answer, the log, the audit, the store, or a core."""
    name, secret = token(daemon, team.domain, rights="users,groups,set_password")
    client = scim.Client(daemon.public_port, secret)
    marks = [f"PlainMark{number}zz" for number in range(8)]
    replies = [client.post("/Users", team.user("a", password=marks[0]))]
    target = f"/Users/{replies[0].id}"
    replies += [client.ask("POST", "/Users", team.user("a", password=marks[1]), 409),
                client.ask("PUT", target, team.user("a", password=marks[2], emails="nonsense"), 400),
                client.ask("PATCH", target, {"Operations": [{"op": "replace", "path": "password", "value": marks[3]}, {"op": "x"}]}, 400),
                client.ask("PATCH", target, {"Operations": [{"op": "replace", "path": "password", "value": [{"x": marks[4]}]}]}),
                client.ask("POST", "/Users", '{"password":"%s",' % marks[5], 400),
                client.find(f'password eq "{marks[6]}"', expect=400),
                client.ask("POST", "/Bulk", {"Operations": [{"method": "POST", "path": "/Users", "bulkId": "x", "data": team.user("a", password=marks[7])}]}),
                client.ask("GET", f"/Users?token={secret}", None), client.ask("GET", f"/Users/{secret}", None),
                client.ask("GET", "/Users", None, 401, headers={"Authorization": f"Bearer {secret}x"}),
                client.ask("GET", "/Users", None, 401, headers={"Authorization": f"Basic {secret}"})]
    audit = daemon.postern("audit", "--json").stdout.encode()
    texts = {"log": daemon.log().encode(), "audit": audit, "store": stored(daemon), "token": daemon.postern("scim-token", "show", name, "--json").stdout.encode(),
             "account": daemon.postern("account", "show", team.at("a"), "--json").stdout.encode()}
    for word in (*marks, secret, secret[4:]):
        assert [where for where, text in texts.items() if word.encode() in text] == [], word
    for word in marks:
        assert not [reply for reply in replies if word.encode() in reply.text.replace(reply.asked.encode(), b"")], word
    assert team.password_login(team.at("a"), marks[0]).ok
    (worker,) = daemon.workers
    with open(f"/proc/{worker}/limits", encoding="ascii") as limits:
        assert [line.split()[4:6] for line in limits if line.startswith("Max core file size")] == [["0", "0"]]
    with open(f"/proc/{worker}/cmdline", "rb") as line, open(f"/proc/{worker}/environ", "rb") as environment:
        assert b"psc_" not in line.read() + environment.read()
    assert subprocess.run(["find", daemon.directory, "-name", "core*", "-type", "f"], capture_output=True, check=True).stdout == b""


# ---- meanwhile ----


class Steady(threading.Thread):
    """A good client that reads, changes and looks for users all the time, and how long each took."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.team = scim.Team(daemon)
        self.client = self.team.client()
        self.made = self.client.post("/Users", self.team.user("steady"))
        self.times, self.stop, self.problem = [], threading.Event(), None

    def once(self, number):
        begin = time.perf_counter()
        self.client.get(f"/Users/{self.made.id}")
        self.client.patch(f"/Users/{self.made.id}", [{"op": "replace", "path": "title", "value": str(number)}])
        self.client.find(f'userName eq "{self.team.at("steady")}"')
        self.times.append(time.perf_counter() - begin)

    def median(self, count):
        self.times = []
        for number in range(count):
            self.once(number)
        return statistics.median(self.times)

    def run(self):
        try:
            for number in itertools.count():
                if self.stop.is_set():
                    return
                self.once(number)
        except AssertionError as problem:
            self.problem = problem


def test_good_requests_meanwhile(daemon, team):
    """Three attackers with bad bodies, filters, ids, tokens and patches: the good one's median stays in its order."""
    steady = Steady(daemon)
    calm = steady.median(60)
    attackers = [scim.Team(daemon) for _ in range(2)]
    long_filter = " or ".join(f'title co "{"a" * 20}{number}"' for number in range(50))
    operations = [{"op": "add", "path": f'emails[type eq "t{number}"].value', "value": f"x{number}@example.net"} for number in range(100)]
    done, rounds = threading.Event(), [0, 0, 0]

    def attack(number, one):
        client = one.client()
        made = client.post("/Users", one.user("a", title="a" * 1000))
        while not done.is_set():
            client.ask("POST", "/Users", '{"schemas":%s}' % NESTED, 400)
            client.find(long_filter)
            client.find("(" * 3000, expect=400)
            client.get(f"/Users/{uuid.uuid4()}", 404)
            client.ask("PATCH", f"/Users/{made.id}", {"Operations": operations + [{"op": "remove", "path": "userName"}]}, 400)
            client.ask("POST", "/Users", '{"schemas":["%s"],"userName":"x","nickName":"%s"}' % (USER, "a" * 100_000), 400)
            rounds[number] += 1

    def guess():
        wrong = scim.Client(daemon.public_port, "psc_" + "G" * 43, source=("127.0.0.6", 0))
        while not done.is_set():
            assert wrong.get("/Users", None).status in (401, 429)
            rounds[2] += 1

    threads = [threading.Thread(target=attack, args=(number, one)) for number, one in enumerate(attackers)] + [threading.Thread(target=guess)]
    for thread in threads:
        thread.start()
    try:
        daemons.wait_for(lambda: min(rounds) > 0, lambda: f"attacks begin: {rounds}")
        busy = steady.median(60)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert min(rounds) > 1, rounds
    # The machine has few processors and these attackers use them too: an order, not a figure.
    assert busy < 8 * calm + 0.1, (calm, busy)
    print(f"median {calm * 1000:.1f} ms before, {busy * 1000:.1f} ms meanwhile, {rounds} rounds of attacks")
