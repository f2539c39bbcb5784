"""Dovecot's own tools work as if its auth service were there."""

import os
import re

import pytest


def test_user(stack):
    user = stack.account("admin", "--quota", "5M")
    text = stack.doveadm("user", user).stdout
    assert re.search(r"^uid\s+5000$", text, re.M) and re.search(r"^gid\s+5000$", text, re.M)
    assert re.search(rf"^home\s+{stack.directory}/mail/\S+$", text, re.M)
    assert re.search(r"^quota_rule\s+\*:bytes=5242880$", text, re.M)


def test_user_by_alias_and_tag(stack):
    user = stack.account("owner")
    alias = user.replace("owner", "other")
    stack.postern("alias", "add", alias, user)
    for name in (alias, user.replace("@", "+tag@"), user.upper()):
        assert stack.home(name) == stack.home(user)


def test_unknown_user(stack):
    done = stack.doveadm("user", "nobody@example.com", check=False)
    assert done.returncode == 67 and "doesn't exist" in done.stdout + done.stderr


def test_list(stack):
    users = {stack.account("listed") for _ in range(3)}
    stack.postern("account", "disable", sorted(users)[0])
    assert users <= set(stack.doveadm("user", "*").stdout.split())


def test_every_account(stack):
    user = stack.account("all")
    done = stack.doveadm("mailbox", "status", "-A", "messages", "INBOX")
    assert user in done.stdout
    assert not done.stderr


def test_auth_test(stack):
    """It sends authzid equal to authcid."""
    user = stack.account("auth", "--password", line="secret\n")
    assert "auth succeeded" in stack.doveadm("auth", "test", user, "secret").stdout
    done = stack.doveadm("auth", "test", user, "wrong", check=False)
    assert done.returncode == 77 and "auth failed" in done.stdout


def test_auth_login(stack):
    user = stack.account("auth", "--password", line="secret\n")
    text = stack.doveadm("auth", "login", user, "secret").stdout
    assert "auth succeeded" in text and f"home={stack.home(user)}" in text


def test_auth_lookup(stack):
    user = stack.account("auth", "--password", line="secret\n")
    text = stack.doveadm("auth", "lookup", user).stdout
    assert user in text and "secret" not in text and "$" not in text
    assert stack.doveadm("auth", "lookup", "nobody@example.com", check=False).returncode == 67


def test_cache_flush(stack):
    assert "flushed" in stack.doveadm("auth", "cache", "flush").stdout


def test_who_and_kick(stack):
    user = stack.account("here")
    with stack.signed_in(user) as imap:
        assert user in stack.doveadm("who").stdout
        stack.doveadm("kick", user)
        while imap.line():
            pass
    assert user not in stack.doveadm("who").stdout


def test_dovecots_own_auth_never_starts(stack):
    """Not even as an idle process: every listener of it is off."""
    stack.signed_in(stack.account()).close()
    master = int(stack.bash("stack_dovecot_pid"))
    with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as children:
        names = []
        for pid in children.read().split():
            try:
                names.append(os.path.basename(os.readlink(f"/proc/{pid}/exe")))
            except OSError:
                pass
    assert "anvil" in names and "auth" not in names


@pytest.mark.parametrize("name", ["auth-client", "auth-login", "auth-userdb", "auth-master", "login/login", "token-login/tokenlogin"])
def test_dovecots_paths_are_links(stack, name):
    path = f"{stack.directory}/dovecot/{name}"
    assert os.path.islink(path)
    assert os.readlink(path).startswith("posternd/" if "/" in name else "/")
