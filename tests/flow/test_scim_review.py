"""Provisioning looked at with ill will: races, former names, adoption, what time does to rows."""

import concurrent.futures
import contextlib
import sqlite3
import time

import pytest

import scim_clients as scim
from scim_clients import MAIL_GROUP, MAIL_USER

DAY = 24 * 3600


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim.start(make_daemon)


def write(daemon, sql, *values):
    """Straight into the database: only what nobody asked for yet, for accounts are remembered."""
    with contextlib.closing(sqlite3.connect(f"{daemon.directory}/lib/accounts.db", timeout=30)) as store, store:
        assert store.execute(sql, values).rowcount > 0


def age(daemon, address, days):
    write(daemon, "UPDATE address SET created = ? WHERE address = ?", int(time.time()) - days * DAY, address)


def at_once(team, calls):
    """Each call on a connection of its own, all of them together. Their replies in order."""
    def one(call):
        client = team.client()
        try:
            return call(client)
        finally:
            client.close()

    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


# ---- former names ----

def test_a_rename_by_hand_begins_the_hold(team, client):
    """However old the account is: its former name opens it for a while, and is nobody else's for a while."""
    team.daemon.postern("account", "add", team.at("old"))
    age(team.daemon, team.at("old"), 4000)
    team.daemon.postern("account", "rename", team.at("old"), team.at("new"))
    client.post("/Users", team.user("old"), expect=409).refused(409, "uniqueness", team.at("old"))
    assert team.reaches(team.at("old")) == {team.at("new")}
    assert team.token_login(team.at("old")).ok


def test_the_user_name_signs_in_for_ever(team, client):
    """An e-mail that is another one now leaves the userName what it is: a name to sign in with."""
    made = client.post("/Users", team.user("mira"))
    client.put(f"/Users/{made.id}", dict(team.user("mira"), emails=[{"value": team.at("m.voss"), "primary": True}]))
    age(team.daemon, team.at("mira"), 100)
    assert team.token_login(team.at("mira")).ok and team.may_send(team.at("mira"), team.at("m.voss"))
    assert team.reaches(team.at("mira")) == {team.at("m.voss")}
    client.patch(f"/Users/{made.id}", [{"op": "replace", "path": "userName", "value": team.at("m.voss")}])
    assert not team.token_login(team.at("mira")).ok
    assert team.reaches(team.at("mira")) == {team.at("m.voss")}


# ---- adoption ----

def test_duties_are_not_adopted(team):
    """Whoever receives postmaster's mail by hand is not a client's to take over without the right."""
    team = scim.Team(team.daemon, ("--adopt", "address", "--adopt-for", "1d"))
    team.daemon.postern("account", "add", team.at("boss"))
    team.daemon.postern("alias", "add", team.at("hostmaster"), team.at("boss"))
    client = team.client()
    client.post("/Users", team.user("boss"), expect=409)
    assert team.reaches(team.at("hostmaster")) == {team.at("boss")}
    client.close()


# ---- the end ----

def test_mail_of_before_is_not_forgotten(daemon, team, client):
    """Who may only sign in when he is deleted may have had mail before: it is kept, found again, and purged in time."""
    made = client.post("/Users", team.user("kim", externalId="e1"))
    home = team.home(team.at("kim"))
    client.patch(f"/Users/{made.id}", [{"op": "add", "path": f"{MAIL_USER}:mailboxEnabled", "value": False}])
    client.delete(f"/Users/{made.id}")
    assert team.at("kim") in daemon.postern("account", "deleted").stdout
    client.post("/Users", team.user("kim", externalId="e1"))
    assert team.home(team.at("kim")) == home
    assert team.at("kim") not in daemon.postern("account", "deleted").stdout


# ---- races ----

def test_lists_of_members_at_once(team, client):
    """As if one had come after the other: what is there is one of the lists, not a mixture."""
    people = [client.post("/Users", team.user(f"p{number}")).id for number in range(8)]
    group = client.post("/Groups", {"displayName": "g"}).id
    for _ in range(6):
        replies = at_once(team, [lambda c, who=who: c.put(f"/Groups/{group}", {"displayName": "g", "members": [{"value": who}]}, expect=None)
                                 for who in people])
        assert {reply.status for reply in replies} <= {200, 503}, replies
        assert len(client.get(f"/Groups/{group}")["members"]) == 1


def test_if_match_lets_one_in(team, client):
    people = [client.post("/Users", team.user(f"q{number}")).id for number in range(8)]
    group = client.post("/Groups", {"displayName": "h"})
    for _ in range(6):
        client.patch(f"/Groups/{group.id}", [{"op": "replace", "path": "members", "value": []}])
        tag = client.get(f"/Groups/{group.id}")["meta"]["version"]
        body = [{"schemas": [scim.PATCH], "Operations": [{"op": "replace", "path": "members", "value": [{"value": who}]}]} for who in people]
        replies = at_once(team, [lambda c, sent=sent: c.ask("PATCH", f"/Groups/{group.id}", sent, headers={"If-Match": tag}) for sent in body])
        assert sorted(reply.status for reply in replies) == [204] + [412] * 7, replies


def test_one_address_for_one_of_many(team, client):
    replies = at_once(team, [lambda c, n=n: c.post("/Users", dict(team.user("same"), userName=team.at(f"u{n}")), expect=None)
                             for n in range(8)])
    assert sorted(reply.status for reply in replies) == [201] + [409] * 7, replies
    assert client.get("/Users")["totalResults"] == 1


def test_members_come_while_they_go(team, client):
    """A member that is deleted while it is put in is in no group, and nobody hears of trouble."""
    group = client.post("/Groups", {"displayName": "i"}).id
    for number in range(10):
        who = client.post("/Users", team.user(f"r{number}")).id
        add = [{"op": "add", "path": "members", "value": [{"value": who}]}]
        put, gone = at_once(team, [lambda c: c.ask("PATCH", f"/Groups/{group}", {"schemas": [scim.PATCH], "Operations": add}),
                                   lambda c: c.delete(f"/Users/{who}")])
        assert put.status in (204, 400), put
        assert client.get(f"/Groups/{group}").body.get("members", []) == []


# ---- what others remember ----

def test_a_nested_group_that_ends_changes_what_it_was_in(team, client):
    inner = client.post("/Groups", {"displayName": "inner"})
    outer = client.post("/Groups", {"displayName": "outer", "members": [{"value": inner.id}]})
    who = client.post("/Users", team.user("lea"))
    client.patch(f"/Groups/{inner.id}", [{"op": "add", "path": "members", "value": [{"value": who.id}]}])
    before = client.get(f"/Groups/{outer.id}")["meta"]["version"]
    user = client.get(f"/Users/{who.id}")["meta"]["version"]
    client.delete(f"/Groups/{inner.id}")
    assert client.get(f"/Groups/{outer.id}")["meta"]["version"] != before
    client.get(f"/Users/{who.id}", headers={"If-None-Match": user})


# ---- what a token may not say any more ----

def switch_off(client, made, how):
    if how == "PATCH":
        return client.patch(f"/Users/{made.id}", [{"op": "replace", "value": {"active": False}}])
    return client.put(f"/Users/{made.id}", dict(client.get(f"/Users/{made.id}").body, active=False))


@pytest.mark.parametrize("how", ["PATCH", "PUT"])
def test_who_lost_a_right_still_disables(daemon, how):
    """A person does not go on signing in because the token may not say the rest of it."""
    team = scim.Team(daemon, rights="users,groups,forward")
    client = team.client()
    made = client.post("/Users", team.user("kim", **{MAIL_USER: {"forwardTo": ["x@example.net"], "sendAs": [team.at("sales")], "quotaBytes": 7}}))
    daemon.postern("scim-token", "set", team.name, "--rights", "users,groups")
    assert switch_off(client, made, how)["active"] is False
    assert not team.token_login(team.at("kim")).ok
    assert client.found(f'emails.value eq "{team.at("kim")}"') == [team.at("kim")]
    assert team.shown(team.at("kim"))["quota_bytes"] == 7 and team.senders(team.at("sales")) == {team.at("kim")}
    again = client.ask("PATCH", f"/Users/{made.id}", {"schemas": [scim.PATCH], "Operations": [{"op": "replace", "value": {"active": True}}]})
    again.refused(400, "invalidValue", "forwardTo")
    client.close()


@pytest.mark.parametrize("how", ["PATCH", "PUT"])
def test_who_lost_a_domain_still_disables(daemon, how):
    team = scim.Team(daemon)
    client = team.client()
    made = client.post("/Users", team.user("kim"))
    group = client.post("/Groups", {"displayName": "g", "members": [{"value": made.id}], MAIL_GROUP: {"kind": "list", "address": team.at("g")}})
    other = client.post("/Users", team.user("tor"))
    daemon.postern("domain", "add", f"other.{team.domain}")
    daemon.postern("scim-token", "set", team.name, "--domains", f"other.{team.domain}")
    assert switch_off(client, made, how)["active"] is False
    assert not team.token_login(team.at("kim")).ok and team.reaches(team.at("kim")) == {team.at("kim")}
    add = {"schemas": [scim.PATCH], "Operations": [{"op": "add", "path": "members", "value": [{"value": other.id}]}]}
    client.ask("PATCH", f"/Groups/{group.id}", add).refused(400, "invalidValue", "address")
    client.patch(f"/Groups/{group.id}", [{"op": "remove", "path": f'members[value eq "{made.id}"]'}])
    assert team.reaches(team.at("g")) == set()
    client.close()


# ---- mail ----

def test_a_dot_at_the_end_is_no_way_in(daemon, team, client):
    """Postfix asks about the recipient as it came, and delivers to it without the dot."""
    client.post("/Groups", {"displayName": "g", MAIL_GROUP: {"kind": "list", "address": team.at("g"), "whoCanSend": "members"}})
    with daemon.policy() as policy:
        for form in (team.at("g"), team.at("g") + ".", team.at("g+x") + ".", team.at("G").upper() + "."):
            assert "550 5.7.1" in policy.ask(sender="x@example.net", recipient=form), form


def test_a_route_is_no_way_in(daemon, team, client):
    """Who signed in may write to any domain, Postfix's own included, and there Postfix goes on to what is in front of it."""
    client.post("/Users", team.user("kim"))
    client.post("/Groups", {"displayName": "g", MAIL_GROUP: {"kind": "sharedMailbox", "address": team.at("g"), "whoCanSend": "members"}})
    asked = {"sasl_username": team.at("kim"), "sender": team.at("kim")}
    with daemon.policy() as policy:
        for form in (f"g%{team.domain}@[127.0.0.1]", f"g@{team.domain}@[127.0.0.1]", f"{team.domain}!g@mail.example.net", f"g@{team.domain}.@[127.0.0.1]",
                     f"g%{team.domain.upper()}%x@a@[127.0.0.1]", "%".join("a.b" for _ in range(100)) + "@x.example.net"):
            assert "550 5.1.3" in policy.ask(recipient=form, **asked), form
        for form in ("100%@example.net", "a!b@example.net", "prvs=1%x.example@example.net", team.at("kim")):
            assert policy.ask(recipient=form, **asked) == "DUNNO", form


# ---- what is told ----

def test_the_audit_tells_where_mail_goes(daemon):
    """A change that says nothing of itself is none that anybody can find."""
    team = scim.Team(daemon, rights="users,groups,forward")
    client = team.client()
    made = client.post("/Users", team.user("kim"))
    for name, value, told in (("forwardTo", ["spy@example.net"], "spy@example.net"), ("sendAs", [team.at("boss")], team.at("boss")),
                              ("services", ["imap"], "imap"), ("onDisable", "reject", "reject"), ("mailboxEnabled", False, "mailbox"),
                              ("retentionDays", 3, "3")):
        client.patch(f"/Users/{made.id}", [{"op": "add", "path": f"{MAIL_USER}:{name}", "value": value}])
        line = [line for line in daemon.postern("audit").stdout.splitlines() if team.at("kim") in line][-1]
        assert told in line.split(team.at("kim"))[1], line
    client.close()
