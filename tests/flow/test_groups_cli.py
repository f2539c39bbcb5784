"""`postern account` and `postern group`: where everything came from, what was sent, and groups made by hand."""

import contextlib
import json
import re
import sqlite3

import pytest

import daemon as daemons
import scim_clients as scim
from scim_clients import ENTERPRISE, GROUP, MAIL_GROUP, MAIL_USER, USER


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim.start(make_daemon)


@pytest.fixture
def team(daemon):
    return scim.Team(daemon, rights="users,groups,forward")


def ask(daemon, *arguments):
    return json.loads(daemon.postern(*arguments, "--json").stdout)


# ---- what was provisioned ----


def test_where_an_account_came_from(daemon, team, client):
    sent = team.user("mira", externalId="x-1", displayName="Mira Voss", nickName="Mi",
                     **{ENTERPRISE: {"employeeNumber": "77"},
                        MAIL_USER: {"quotaBytes": 5 << 30, "aliases": [team.at("mv")], "services": ["imap", "smtp"], "onDisable": "reject",
                                    "retentionDays": 90, "forwardTo": [team.at("other")]}})
    sent["schemas"] = [USER, ENTERPRISE, MAIL_USER]
    user = client.post("/Users", sent)
    shown = ask(daemon, "account", "show", team.at("mv"))
    assert shown["id"] == user.id and shown["origin"] == f"scim:{team.name}" and shown["external_id"] == "x-1"
    assert shown["sent_name"] == team.at("mira") and shown["provisioned"] == user["meta"]["created"]
    assert shown["kind"] == "person" and shown["quota_bytes"] == 5 << 30 and shown["services"] == ["imap", "smtp"]
    assert shown["on_disable"] == "reject" and shown["retention_days"] == 90 and shown["forward_to"] == [team.at("other")]
    assert {one["address"]: one["kind"] for one in shown["addresses"]} == {team.at("mira"): "primary", team.at("mv"): "provisioned"}
    text = daemon.postern("account", "show", team.at("mira")).stdout
    for words in (rf"^origin +scim:{team.name}, since 20", r"^external id +x-1$", r"^quota +5\.0G$", r"^services +imap, smtp$", r"^retention +90 days$",
                  rf"^{re.escape(team.at('mv'))} +provisioned "):
        assert re.search(words, text, re.M), (words, text)
    assert re.search(rf"^{re.escape(team.at('mira'))} +active +person +scim:{team.name} ", daemon.postern("account", "list").stdout, re.M)
    listed = {one["address"]: one["origin"] for one in ask(daemon, "account", "list")}
    assert listed[team.at("mira")] == f"scim:{team.name}" and listed["hello@example.com"] == "hand"


def test_what_was_sent(daemon, team, client):
    sent = team.user("pia", externalId="x-2", nickName="P\u00eda \u2028", title="\x9b31m", password="correct horse battery staple")
    user = client.post("/Users", sent)
    client.patch(f"/Users/{user.id}", [{"op": "add", "path": "locale", "value": "nb-NO"}])
    source = ask(daemon, "account", "show", team.at("pia"), "--source")
    assert source["origin"] == f"scim:{team.name}" and source["sent"] and source["version"] > 1
    assert source["document"]["nickName"] == sent["nickName"] and source["document"]["locale"] == "nb-NO"
    done = daemon.postern("account", "show", team.at("pia"), "--source")
    assert json.loads(done.stdout.replace("??", "\x9b")) == source["document"]
    assert len(done.stdout.splitlines()) > 8 and "\x9b" not in done.stdout
    assert f"From scim:{team.name} at 20" in done.stderr
    assert "correct horse" not in done.stdout + json.dumps(source) + daemon.log()
    assert daemon.postern("account", "show", "hello@example.com", "--source", check=False).returncode == 3


def test_groups_of_an_account(daemon, team, client):
    user = client.post("/Users", team.user("a"))
    group = client.post("/Groups", {"schemas": [GROUP, MAIL_GROUP], "displayName": "Sales", "members": [{"value": user.id}],
                                    MAIL_GROUP: {"kind": "list", "address": team.at("sales")}})
    (shown,) = ask(daemon, "account", "show", team.at("a"))["groups"]
    assert shown == {"id": group.id, "name": "Sales", "kind": "list", "address": team.at("sales")}
    assert re.search(rf"^Sales +list +{re.escape(team.at('sales'))}$", daemon.postern("account", "show", team.at("a")).stdout, re.M)


def test_a_provisioned_group(daemon, team, client):
    owner = client.post("/Users", team.user("owner"))
    group = client.post("/Groups", {"schemas": [GROUP, MAIL_GROUP], "displayName": f"Box of {team.name}", "externalId": "g-1",
                                    MAIL_GROUP: {"kind": "sharedMailbox", "address": team.at("box"), "aliases": [team.at("kiste")],
                                                 "owners": [owner.id], "memberRights": "lrs", "whoCanSend": "owners"}})
    for word in (group.id, team.at("box"), team.at("kiste"), f"box of {team.name}"):
        shown = ask(daemon, "group", "show", word)
        assert shown["id"] == group.id and shown["origin"] == f"scim:{team.name}" and shown["external_id"] == "g-1", word
    assert shown["kind"] == "sharedMailbox" and shown["member_rights"] == "lrs" and shown["who_can_send"] == "owners" and shown["members"] == 0
    assert [one["id"] for one in shown["owners"]] == [owner.id]
    assert {one["address"] for one in shown["addresses"]} == {team.at("box"), team.at("kiste")}
    assert ask(daemon, "group", "show", group.id, "--source")["document"]["displayName"] == f"Box of {team.name}"
    account = ask(daemon, "account", "show", team.at("box"))
    assert account["id"] == group.id and account["kind"] == "shared" and account["origin"] == f"scim:{team.name}"
    for change in (["member", "add", group.id, team.at("owner")], ["delete", group.id, "--yes"]):
        done = daemon.postern("group", *change, check=False)
        assert done.returncode == 5 and "where it comes from" in done.stderr, done


def test_members_by_pages(daemon, team, client):
    users = [client.post("/Users", team.user(f"m{number:04}")).id for number in range(40)]
    group = client.post("/Groups", {"schemas": [GROUP], "displayName": "Many"})
    for start in range(0, 40, 20):
        client.patch(f"/Groups/{group.id}", [{"op": "add", "path": "members", "value": [{"value": one} for one in users[start:start + 20]]}])
    members = ask(daemon, "group", "show", group.id, "--members")
    assert sorted(one["id"] for one in members) == sorted(users) and ask(daemon, "group", "show", group.id)["members"] == 40
    assert {one["name"] for one in members} == {team.at(f"m{number:04}") for number in range(40)}
    first = call(daemon, "GET", f"/v1/groups/{group.id}/members?after={sorted(users)[29]}")[1]
    assert [one["id"] for one in first["members"]] == sorted(users)[30:] and "next" not in first


def call(daemon, method, path, body=None):
    """Status and answer."""
    connection = daemons.Admin(daemon)
    connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
    with connection.getresponse() as response:
        answer = response.status, json.loads(response.read())
    connection.close()
    return answer


# ---- groups made by hand ----


@pytest.fixture
def hand(daemon, team):
    for local in ("a", "b"):
        daemon.postern("account", "add", team.at(local))
    return team


def test_by_hand(daemon, hand):
    name = f"Hand of {hand.name}"
    daemon.postern("group", "add", name, "--kind", "list", "--address", f"{hand.at('hand')},{hand.at('main')}", "--who-can-send", "members",
                   "--owners", hand.at("a"))
    shown = ask(daemon, "group", "show", name)
    assert shown["kind"] == "list" and shown["origin"] == "hand" and shown["who_can_send"] == "members"
    assert shown["address"] == hand.at("hand") and [one["name"] for one in shown["owners"]] == [hand.at("a")]
    assert hand.reaches(hand.at("main")) == set()
    for member in (hand.at("a"), hand.at("b"), "somebody@elsewhere.example"):
        daemon.postern("group", "member", "add", hand.at("hand"), member)
    assert hand.reaches(hand.at("hand")) == {hand.at("a"), hand.at("b"), "somebody@elsewhere.example"}
    assert "is so already" in daemon.postern("group", "member", "add", name, hand.at("a")).stdout
    daemon.postern("group", "member", "remove", name, hand.at("b"))
    daemon.postern("group", "member", "remove", name, "somebody@elsewhere.example")
    assert hand.reaches(hand.at("main")) == {hand.at("a")}
    assert "is so already" in daemon.postern("group", "member", "remove", name, hand.at("b")).stdout
    daemon.postern("group", "delete", name, "--yes")
    assert hand.reaches(hand.at("hand")) == set()
    with daemon.map() as maps:
        assert maps.ask("mailboxes", hand.at("hand")).startswith("NOTFOUND")
    assert daemon.postern("group", "show", name, check=False).returncode == 3


def test_more_members_than_a_page(daemon, hand):
    daemon.postern("group", "add", f"Large {hand.name}", "--address", hand.at("large"))
    group = ask(daemon, "group", "show", hand.at("large"))["id"]
    with contextlib.closing(sqlite3.connect(f"{daemon.directory}/lib/accounts.db", timeout=20)) as store, store:
        store.executemany("INSERT INTO membership (group_id, role, member_id, kind, slot) VALUES (?, 0, ?, 2, 0)",
                          [(group, f"m{number:04}@elsewhere.example") for number in range(1200)])
    members = ask(daemon, "group", "show", hand.at("large"), "--members")
    assert [one["id"] for one in members] == [f"m{number:04}@elsewhere.example" for number in range(1200)]


def test_nested_by_hand(daemon, hand):
    for local in ("outer", "inner"):
        daemon.postern("group", "add", f"{local} {hand.name}", "--address", hand.at(local))
    daemon.postern("group", "member", "add", hand.at("outer"), hand.at("inner"))
    daemon.postern("group", "member", "add", hand.at("inner"), hand.at("a"))
    assert hand.reaches(hand.at("outer")) == {hand.at("a")}
    done = daemon.postern("group", "member", "add", hand.at("inner"), hand.at("outer"), check=False)
    assert done.returncode == 5 and "member of itself" in done.stderr
    members = ask(daemon, "group", "show", hand.at("outer"), "--members")
    assert [one["kind"] for one in members] == ["group"]


@pytest.mark.parametrize("options,code", [
    (["--kind", "club"], 5), (["--kind", "list"], 5), (["--address", "nowhere@example.net"], 5), (["--address", "hello@example.com"], 4),
    (["--who-can-send", "me"], 5), (["--member-rights", "all"], 5), (["--owners", "nobody@example.com"], 3), (["--owners", "x@elsewhere.example"], 5),
    (["--address", "no address"], 5)])
def test_refused(daemon, options, code):
    before = ask(daemon, "group", "list")
    done = daemon.postern("group", "add", "Refused", *options, check=False)
    assert done.returncode == code, done
    assert ask(daemon, "group", "list") == before


@pytest.mark.parametrize("path,body", [
    ("", {}), ("", {"name": 1}), ("", {"name": "x", "address": ["a@example.com"]}), ("", {"name": "x", "kind": None}), ("", {"name": "x", "owners": 3}),
    ("", {"name": "n" * 300}), ("", {"name": "x", "kind": "list", "address": ",,, ,"}),
    ("/{id}/members", {}), ("/{id}/members", {"add": 1}), ("/{id}/members", {"remove": []}), ("/{id}/members", {"add": ""}), ("/{id}/members", {"add": "x" * 5000})])
def test_wrong_bodies(daemon, hand, path, body):
    daemon.postern("group", "add", f"Bodies {hand.name}", "--address", hand.at("bodies"))
    group = ask(daemon, "group", "show", hand.at("bodies"))
    status, answer = call(daemon, "POST", "/v1/groups" + path.format(id=group["id"]), body)
    assert status == 400, answer
    assert ask(daemon, "group", "show", hand.at("bodies")) == group


@pytest.mark.parametrize("path", ["/v1/groups/%00", "/v1/groups/nobody", "/v1/groups/a%40b.example", "/v1/groups/" + "a" * 3000, "/v1/groups/x/members",
                                  "/v1/groups/x/source", "/v1/accounts/nobody%40example.com/source", "/v1/deleted/x", "/v1/clients/%0a"])
def test_wrong_paths(daemon, path):
    assert call(daemon, "GET", path)[0] in (400, 404)


@pytest.mark.parametrize("query", ["after=%ff", "after=%00", "after=x", "after=" + "9" * 40, "after=1:x", "since=x&after=-1", "account=%ff", "actor=%00", "role=x"])
def test_queries(daemon, query):
    for collection in ("groups", "audit", "deleted", "clients"):
        assert call(daemon, "GET", f"/v1/{collection}?{query}")[0] in (200, 400)


def test_names_that_are_not_one(daemon, hand):
    for number in range(2):
        daemon.postern("group", "add", f"Twins {hand.name}", "--address", hand.at(f"twin{number}"))
    done = daemon.postern("group", "show", f"TWINS {hand.name}", check=False)
    assert done.returncode == 5 and "several groups" in done.stderr
    assert daemon.postern("group", "show", hand.at("twin1")).returncode == 0
    assert daemon.postern("group", "show", hand.at("a"), check=False).returncode == 3
    done = daemon.postern("account", "show", hand.at("twin1"), check=False)
    assert done.returncode == 3 and f"postern group show {hand.at('twin1')}" in done.stderr
    assert daemon.postern("group", "show", "nobody", check=False).returncode == 3
    assert daemon.postern("group", "member", "swap", "x", "y", check=False).returncode == 2
    assert daemon.postern("group", "member", "add", hand.at("twin0"), hand.at("nobody"), check=False).returncode == 3


def test_a_name_steers_no_terminal(daemon, team):
    """Neither SCIM nor the command takes one with controls; should the database hold one nevertheless, it is shown without."""
    daemon.postern("group", "add", f"evil {team.name}")
    assert daemon.postern("group", "add", "\x9b31m", check=False).returncode == 5
    with contextlib.closing(sqlite3.connect(f"{daemon.directory}/lib/accounts.db", timeout=20)) as store, store:
        store.execute("UPDATE mail_group SET name = ? WHERE name = ?", (f"evil \x9b31m{team.name}", f"evil {team.name}"))
    text = daemon.postern("group", "list").stdout
    assert "\x9b" not in text and f"evil ??31m{team.name}" in text


# ---- finding the verb ----


def test_a_noun_alone_lists_its_verbs(daemon):
    shown = daemon.postern("group", "--help")
    assert shown.returncode == 0 and "group member add|remove GROUP MEMBER" in shown.stdout and "account add" not in shown.stdout
    wrong = daemon.postern("group", "frob", check=False)
    assert wrong.returncode == 2 and "no such command: group frob" in wrong.stderr and "group show GROUP" in wrong.stderr
    assert "Try 'postern --help'" in daemon.postern("frob", "--help", check=False).stderr


# ---- what a refusal says ----


def test_a_missing_right_is_named(daemon):
    reply = scim.Team(daemon, rights="groups").client().get("/Users", 403)
    assert '"users"' in reply.refused(403).detail
