"""Groups, forwards and shared mailboxes, as Postfix and Dovecot ask for them, on the real daemon and its database."""

import collections
import itertools
import os
import re

import pytest

import daemon as daemons
import ends
import mail_rows

PART = re.compile(r"([0-9a-f]{32})\.(\d+)-(\d+)@")
numbers = itertools.count(1)


def rows_of(daemon):
    return mail_rows.Rows(f"{daemon.directory}/lib/accounts.db")


@pytest.fixture
def rows(daemon):
    return lambda: rows_of(daemon)


@pytest.fixture
def doors(daemon):
    with daemon.map() as maps, daemon.policy() as policy, daemon.userdb() as userdb:
        yield maps, policy, userdb


def fresh(hint):
    return f"{hint}{next(numbers)}@example.com"


def expand(maps, address, between=lambda: None):
    """As Postfix does: every address that comes out is asked for again, until it leads nowhere else. A Counter of the last ones."""
    final, queue, asked = collections.Counter(), [address], 0
    while queue:
        key = queue.pop(0)
        answer = maps.ask("aliases", key)
        asked += 1
        assert len(answer) <= 100_000
        if answer == "NOTFOUND ":
            assert not PART.match(key), key
            final[key] += 1
            continue
        assert answer.startswith("OK "), (key, answer)
        found = answer[3:].split(",")
        assert len(found) <= 1000
        if key in found:
            final[key] += 1
            found.remove(key)
        queue += found
        if PART.match(key):
            between()
    return final


def test_a_list_of_three(rows, doors):
    maps, _, userdb = doors
    address = fresh("list")
    with rows() as r:
        members = [fresh("m") for _ in range(3)]
        ids = [r.account(member) for member in members]
        group, _ = r.group(address)
        for member in ids:
            r.join(group, member)
        r.join(group, "outside@example.net")
        r.address(group, "other-" + address, mail_rows.PROVISIONED)
    wanted = {*members, "outside@example.net"}
    for spelled in (address, address.upper(), address.replace("@", "+tag@"), "other-" + address):
        assert set(maps.ask("aliases", spelled)[3:].split(",")) == wanted
        assert maps.ask("mailboxes", spelled) == "NOTFOUND "
        assert maps.ask("senders", spelled) == "NOTFOUND "
        assert userdb.user(spelled)[0] == "NOTFOUND"
    with rows() as r:
        for member in (*ids, "outside@example.net"):
            r.leave(group, member)
    assert maps.ask("aliases", address) == "NOTFOUND "                      # nobody: 550 at RCPT


def test_who_takes_no_mail_is_left_out(rows, doors):
    maps, _, _ = doors
    address = fresh("list")
    with rows() as r:
        group, _ = r.group(address)
        kinds = {"takes": {}, "disabled": {"state": 1}, "rejects": {"state": 1, "on_disable": 1}, "nobox": {"no_mailbox": 1},
                 "forwards": {"no_mailbox": 1, "forward_to": "x@example.net"}, "gone": {"state": 0}}
        ids = {hint: r.account(f"{hint}-{address}", **more) for hint, more in kinds.items()}
        for member in ids.values():
            r.join(group, member)
    assert set(maps.ask("aliases", address)[3:].split(",")) == {f"{hint}-{address}" for hint in ("takes", "disabled", "forwards")}


@pytest.fixture(scope="module")
def large(daemon):
    """10,000 members in a list, 3,000 in one inside it, of whom 500 are in both, and two small ones inside that."""
    with rows_of(daemon) as r:
        outer, key = r.group("large@example.com")
        inner, _ = r.group()
        small, _ = r.group("small@example.com")
        empty, _ = r.group()
        ids = [r.account(f"p{number:05}@example.com") for number in range(12_500)]
        for member in ids[:10_000]:
            r.join(outer, member)
        for member in ids[9_500:]:
            r.join(inner, member)
        r.join(small, "outside@example.net")
        r.nest(outer, inner)
        r.nest(inner, small)
        r.nest(inner, empty)
    return outer, key, ids


def test_ten_thousand_members(large, doors):
    maps, _, _ = doors
    found = expand(maps, "large@example.com")
    assert set(found) == {f"p{number:05}@example.com" for number in range(12_500)} | {"outside@example.net"}
    # Postfix drops the second of equal ones (duplicate_filter_limit): only who is in both groups comes twice.
    assert {address for address, count in found.items() if count > 1} == {f"p{number:05}@example.com" for number in range(9_500, 10_000)}
    assert sum(found.values()) == 13_001


def test_members_come_and_go_meanwhile(large, rows, doors):
    """Who is there throughout gets one copy, whatever happens between two questions."""
    maps, _, _ = doors
    outer, _, ids = large
    leaving, coming = iter(ids[:3000:3]), iter(ids[10_000:])
    gone, came = [], []

    def change():
        with rows() as r:
            for member in itertools.islice(leaving, 15):
                r.leave(outer, member)
                gone.append(member)
            for member in itertools.islice(coming, 15):
                r.join(outer, member)
                came.append(member)

    found = expand(maps, "large@example.com", change)
    assert len(gone) > 300 and len(came) > 300
    stayed = [number for number in range(9_500) if ids[number] not in gone]
    assert all(found[f"p{number:05}@example.com"] == 1 for number in stayed)
    assert all(found[f"p{number:05}@example.com"] <= 1 for number in range(9_500))


def test_parts_are_nobodys_address(large, rows, doors):
    maps, policy, userdb = doors
    _, key, _ = large
    part = PART.search(maps.ask("aliases", "large@example.com")).group(0) + "example.com"
    assert part.startswith(key)
    assert maps.ask("aliases", part.upper()).startswith("OK p")
    for name in ("mailboxes", "senders"):
        assert maps.ask(name, part) == "NOTFOUND "
    assert maps.ask("aliases", part.replace("@", "+tag@")) == "NOTFOUND "
    assert userdb.user(part)[0] == "NOTFOUND"
    for more in ({}, {"sasl_username": "hello@example.com"}):
        assert policy.ask(recipient=part, sender="a@example.net", **more).startswith("550 5.1.1 ")
        assert policy.ask(recipient=part.upper(), sender="a@example.net", **more).startswith("550 5.1.1 ")
    assert policy.ask(recipient="0" * 32 + ".0-65535@example.com", sender="a@example.net") == "DUNNO"


def test_who_may_write_to_a_list(daemon, rows, doors):
    _, policy, _ = doors
    with rows() as r:
        people = {who: r.account(fresh(who)) for who in ("member", "nested", "owner", "stranger")}
        names = {who: r.run("SELECT address FROM account WHERE id = ?", account).fetchone()[0] for who, account in people.items()}
        lists = {}
        for senders, kind in enumerate(("anyone", "internal", "members", "owners")):
            group, _ = r.group(address := fresh(kind), senders=senders)
            inner, _ = r.group()
            r.address(group, "alias-" + address, mail_rows.ALIAS)
            r.join(group, people["member"])
            r.join(inner, people["nested"])
            r.nest(group, inner)
            r.join(group, people["owner"], mail_rows.OWNER)
            lists[kind] = address
    names["unsigned"] = ""
    may = {"anyone": set(names), "internal": set(names) - {"unsigned"}, "members": {"member", "nested", "owner"}, "owners": {"owner"}}
    for kind, address in lists.items():
        for spelled in (address, "alias-" + address, address.upper().replace("@", "+x@")):
            for who, name in names.items():
                # What MAIL FROM says is not believed.
                answer = policy.ask(recipient=spelled, sender=names["owner"], sasl_username=name)
                assert (answer == "DUNNO") == (who in may[kind]), (kind, who, answer)
                assert answer == "DUNNO" or answer.startswith("550 5.7.1 Only ")
    daemon.postern("account", "disable", names["owner"])
    assert policy.ask(recipient=lists["owners"], sender=names["owner"], sasl_username=names["owner"]).startswith("421 ")


def test_a_disabled_account_that_rejects(daemon, rows, doors):
    maps, policy, _ = doors
    with rows() as r:
        rejecting, delivering = fresh("rejects"), fresh("delivers")
        account = r.account(rejecting, on_disable=1)
        r.address(account, "alias-" + rejecting, mail_rows.PROVISIONED)
        r.account(delivering)
    for spelled in (rejecting, "alias-" + rejecting, rejecting.replace("@", "+x@")):
        assert policy.ask(recipient=spelled, sender="a@example.net") == "DUNNO"
    daemon.postern("account", "disable", rejecting)
    daemon.postern("account", "disable", delivering)
    for spelled in (rejecting, "alias-" + rejecting, rejecting.replace("@", "+x@")):
        assert policy.ask(recipient=spelled, sender="a@example.net").startswith("550 5.2.1 ")
        assert policy.ask(recipient=spelled, sender="hello@example.com", sasl_username="hello@example.com").startswith("550 5.2.1 ")
    assert policy.ask(recipient=delivering, sender="a@example.net") == "DUNNO"
    assert maps.ask("mailboxes", delivering) == "OK 1"
    daemon.postern("account", "enable", rejecting)
    assert policy.ask(recipient=rejecting, sender="a@example.net") == "DUNNO"
    assert maps.ask("mailboxes", rejecting) == "OK 1"


def test_forwards(daemon, rows, doors):
    maps, _, _ = doors
    with rows() as r:
        passes, copies, moves = fresh("passes"), fresh("copies"), fresh("moves")
        r.account(passes, forward_to="x@example.net y@example.net", keep_copy=0)
        account = r.account(copies, forward_to="x@example.net", keep_copy=1)
        r.address(account, "alias-" + copies, mail_rows.PROVISIONED)
        r.account(moves, on_disable=2, forward_to="new@example.net", keep_copy=1)
    assert expand(maps, passes) == {"x@example.net": 1, "y@example.net": 1}
    assert expand(maps, copies) == {"x@example.net": 1, copies: 1}
    assert expand(maps, "alias-" + copies) == {"x@example.net": 1, copies: 1}
    assert expand(maps, copies.replace("@", "+t@")) == {"x@example.net": 1, copies.replace("@", "+t@"): 1}
    assert expand(maps, moves) == {"new@example.net": 1, moves: 1}
    for address in (passes, copies, moves):
        daemon.postern("account", "disable", address)
    assert expand(maps, passes) == {passes: 1}                              # suspended: it stays here
    assert expand(maps, copies) == {copies: 1}
    assert expand(maps, moves) == {"new@example.net": 1}


def test_kinds_of_logins(daemon, rows, doors):
    maps, _, userdb = doors
    with rows() as r:
        person, name, aged = fresh("person"), fresh("name"), fresh("aged")
        account = r.account(person)
        r.address(account, name, mail_rows.LOGIN)
        r.address(account, aged, mail_rows.RENAMED, age=91 * 86400)
        r.address(account, young := fresh("young"), mail_rows.RENAMED, age=89 * 86400)
        shared, listed, only = fresh("shared"), fresh("list"), fresh("only")
        r.group(shared, kind=mail_rows.SHARED_MAILBOX)
        r.group(listed)
        r.account(only, services=1)
        r.account(nobox := fresh("nobox"), no_mailbox=1)

    def signs_in(user, service="imap", subject=None):
        with (daemon.postfix() if service == "smtp" else daemon.dovecot(service)) as end:
            return end.login("XOAUTH2", ends.xoauth2(user, daemons.token(f"{user}|{subject or user}"))).ok

    for user in (person, name, young):
        assert signs_in(user, subject="one"), user
    for user in (aged, shared, listed):
        assert not signs_in(user, subject="one"), user
    assert maps.ask("aliases", aged) == f"OK {person}"                      # but mail to it arrives
    for name_of in ("mailboxes", "aliases", "senders"):
        assert maps.ask(name_of, name) == "NOTFOUND "
    assert maps.ask("senders", person) in (f"OK {person},{aged},{young}", f"OK {person},{young},{aged}")
    assert signs_in(only) and not signs_in(only, "smtp") and not signs_in(only, "pop3") and not signs_in(only, "sieve")
    assert signs_in(nobox, "smtp") and not signs_in(nobox) and not signs_in(nobox, "pop3") and not signs_in(nobox, "sieve")
    assert userdb.user(nobox)[0] == "NOTFOUND"
    assert userdb.user(shared)[0] == "USER"
    assert len(daemon.lines("reason=service_not_allowed")) == 3
    assert len(daemon.lines("reason=no_mailbox")) == 3


def test_senders(rows, doors):
    maps, _, _ = doors
    with rows() as r:
        shared = fresh("shared")
        group, _ = r.group(shared, kind=mail_rows.SHARED_MAILBOX, rights=mail_rows.FULL)
        inner, _ = r.group()
        names = [fresh("full"), fresh("nested"), fresh("given")]
        full, nested, given = (r.account(name) for name in names)
        r.join(group, full)
        r.join(inner, nested)
        r.nest(group, inner)
        r.sender(given, shared)
        listed = fresh("list")
        r.group(listed)
        r.sender(given, listed)
        r.sender(given, "noreply@example.com")
        looking = fresh("looking")
        other, _ = r.group(looking, kind=mail_rows.SHARED_MAILBOX, rights=mail_rows.MARK)
        r.join(other, full)
    assert set(maps.ask("senders", shared)[3:].split(",")) == set(names)
    assert set(maps.ask("senders", shared.replace("@", "+x@").upper())[3:].split(",")) == set(names)
    assert maps.ask("senders", listed) == f"OK {names[2]}"
    assert maps.ask("senders", "NoReply@example.com") == f"OK {names[2]}"
    assert maps.ask("senders", looking) == "NOTFOUND "


def test_shared_files(daemon, rows):
    """Written at the start and after each change; read by the mail user alone."""
    directory = f"{daemon.directory}/run/shared"
    status = os.stat(directory)
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o750, daemons.WORKER_UID, daemons.MAIL_UID)

    def text(name):
        with open(f"{directory}/{name}", encoding="utf-8") as file:
            return file.read()

    with rows() as r:
        shared, member, other = fresh("team"), fresh("member"), fresh("other")
        group, _ = r.group(shared, kind=mail_rows.SHARED_MAILBOX, rights=mail_rows.MARK)
        r.join(group, r.account(member))
        r.account(other)
        star, _ = r.group("*" + fresh("x"), kind=mail_rows.SHARED_MAILBOX, rights=mail_rows.FULL)
        r.join(star, r.id_of(member))
    daemon.postern("account", "disable", other)                             # something that concerns accounts
    daemons.wait_for(lambda: shared in text("shared-mailboxes"), "the mailbox is there")
    assert f"Shared/{shared} user={member} lrs\nShared/{shared}/* user={member} lrs\n" in text("acl")
    assert "*x" not in text("acl") and f"shared/shared-boxes/user/{member}/{shared}\n1\n" in text("shared-mailboxes")
    daemon.wait_line("shared_files_left_out")
    for name in ("acl", "shared-mailboxes"):
        assert os.stat(f"{directory}/{name}").st_mode & 0o7777 == 0o644
        assert ends.as_user(daemons.MAIL_UID, daemons.MAIL_UID, f"len(open('{directory}/{name}').read()) > 0").strip() == "True"
        assert ends.as_user(daemons.OTHER_UID, daemons.OTHER_UID, f"open('{directory}/{name}').read()").strip() == "PermissionError"
    inode = os.stat(f"{directory}/acl").st_ino
    renamed = "new-" + member
    daemon.postern("account", "rename", member, renamed)
    daemons.wait_for(lambda: f"user={renamed} lrs" in text("acl"), "by its new name")
    assert os.stat(f"{directory}/acl").st_ino != inode and f"user={member} " not in text("acl")
    inode = os.stat(f"{directory}/acl").st_ino
    daemon.postern("account", "enable", other)                              # changes nothing about them
    daemon.postern("account", "delete", renamed, "--yes")
    daemons.wait_for(lambda: renamed not in text("acl"), "the member is gone")
