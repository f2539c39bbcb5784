"""`postern audit`: one line a change, who and what in words, and nothing that is secret."""

import json
import re
import time

import pytest

import scim_clients as scim
from scim_clients import GROUP, MAIL_USER, USER


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim.start(make_daemon)


def lines(daemon, *options):
    return daemon.postern("audit", *options).stdout.splitlines()


def changes(daemon, *options):
    return json.loads(daemon.postern("audit", "--json", *options).stdout)


def test_in_words(daemon, team):
    address = team.at("a")
    daemon.postern("account", "add", address, "--name", "Anna")
    daemon.postern("account", "set", address, "--quota", "5G")
    daemon.postern("account", "set", address, "--password", line="a secret of hers\n")
    daemon.postern("account", "disable", address)
    daemon.postern("account", "rename", address, team.at("b"))
    daemon.postern("alias", "add", team.at("c"), address)
    daemon.postern("account", "delete", team.at("c"), "--yes")
    expected = [r'account add  A  address "A"; state "active"; name "Anna"; quota default$', r"account set  A  quota default → 5\.0G$",
                r'account set  A  password none → "set"$', r'account disable  A  state "active" → "disabled"$',
                r'account rename  A  address "A" → "B"$', r'alias add  C  address "C"; kind "alias"; account "B"$',
                r'account delete  C  .*state "disabled" → "deleted"']
    for asked in (address, team.at("b"), team.at("c")):       # by any of its addresses, also those on hold
        found = lines(daemon, "--account", asked)
        assert len(found) == len(expected), found
        for line, words in zip(found, expected):
            words = words.replace("A", re.escape(address)).replace("B", re.escape(team.at("b"))).replace("C", re.escape(team.at("c")))
            words = words.replace(re.escape(address) + "nna", "Anna")
            assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ  uid:0  " + words, line), (line, words)


def test_by_actor(daemon, team):
    client = team.client()
    user = client.post("/Users", team.user("mira", externalId="x"))
    client.patch(f"/Users/{user.id}", [{"op": "replace", "path": "active", "value": False}])
    client.post("/Groups", {"schemas": [GROUP], "displayName": "Sales", "members": [{"value": user.id}]})
    client.delete(f"/Users/{user.id}")
    daemon.postern("account", "add", team.at("hand"))
    found = changes(daemon, "--actor", f"scim:{team.name}")
    assert len(found) == 4 and {one["actor"] for one in found} == {f"scim:{team.name}"}
    assert [one["number"] for one in found] == sorted(one["number"] for one in found)
    of_user = changes(daemon, "--account", user.id)
    assert len(of_user) == 3 and {one["account_id"] for one in of_user} == {user.id}
    assert changes(daemon, "--account", user.id, "--actor", "uid:0") == []
    assert len(changes(daemon, "--account", user.id, "--actor", "scim:")) == 3
    assert {one["actor"].partition(":")[0] for one in changes(daemon, "--actor", "scim:")} == {"scim"}
    assert {one["actor"] for one in changes(daemon, "--actor", "uid:0")} == {"uid:0"}
    client.close()


def test_no_secret(daemon):
    team = scim.Team(daemon, rights="users,set_password")
    client = team.client()
    client.post("/Users", team.user("p", password="correct horse battery staple"))
    daemon.postern("account", "set", team.at("p"), "--password", line="another secret\n")
    text = json.dumps(changes(daemon))
    assert "correct horse" not in text and "another secret" not in text and "psc_" not in text and "{" "ARGON2" not in text and "$argon2" not in text
    client.close()


def test_since(daemon, team):
    before = len(changes(daemon))
    daemon.postern("account", "add", team.at("since"))
    assert len(changes(daemon, "--since", "1h")) == before + 1
    year = time.gmtime().tm_year
    assert changes(daemon, "--since", f"{year + 1}-01-01") == [] and lines(daemon, "--since", f"{year + 1}-01-01T10:00:00Z") == ["no such changes"]
    assert len(changes(daemon, "--since", f"{year - 1}-12-31")) == before + 1
    for bad in ("yesterday", "2026", "2026-13-01", "-1d", ""):
        assert daemon.postern("audit", "--since", bad, check=False).returncode == 2, bad


def test_by_pages(daemon, team):
    """More than the daemon sends at once: none is lost, none is shown twice, the newest is last."""
    with_many = team.at("many")
    daemon.postern("account", "add", with_many)
    daemon.stop()
    import contextlib
    import sqlite3
    with contextlib.closing(sqlite3.connect(f"{daemon.directory}/lib/accounts.db")) as store, store:
        store.executemany("INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, 'scim:old', 'account_set', ?, ?)",
                          [(1_700_000_000 + number, f"n{number}@example.com", '{"before":{"x":"' + "b" * (number % 700) + '"},"after":{"x":"a"}}')
                           for number in range(2500)])
    daemon.start()
    assert [one["subject"] for one in changes(daemon, "--actor", "scim:old", "--since", "2000-01-01")] == [f"n{number}@example.com" for number in range(2500)]
    done = daemon.postern("audit", "--actor", "scim:old")
    shown = [line.split("  ")[3] for line in done.stdout.splitlines()]
    assert len(shown) < 2500 and shown == [f"n{number}@example.com" for number in range(2500 - len(shown), 2500)]
    assert f"the last {len(shown)}" in done.stderr
    assert [one["subject"] for one in changes(daemon, "--account", "n77@example.com")] == ["n77@example.com"]


def test_what_is_too_much_to_show(daemon, team):
    """Texts of a client as long as it likes, controls in them: a line is a line."""
    client = team.client()
    user = client.post("/Users", team.user("long", displayName="x" * 200 + "\x9b31m", **{MAIL_USER: {"aliases": [team.at(f"alias{n}") for n in range(300)]},
                                                                                          "schemas": [USER, MAIL_USER]}))
    (line,) = lines(daemon, "--account", user.id)
    assert len(line) < 9000 and "\x9b" not in line and "\x1b" not in line
    client.close()
