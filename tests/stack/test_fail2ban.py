"""The shipped filter finds refusals in a real log, and nothing else."""

import os
import subprocess
import uuid

import clients
import pytest
from conftest import ROOT

FILTER = os.path.join(ROOT, "share", "fail2ban", "filter.d", "postern.conf")


def matched(text, tmp_path):
    """The addresses that the filter would count, one for each line that matches."""
    log = tmp_path / "log"
    log.write_text(text)
    done = subprocess.run(["fail2ban-regex", "--out", "ip", str(log), FILTER], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 255), done.stderr
    return done.stdout.split()


def sign_in_fails(stack, user, token, kind="imap"):
    with getattr(stack, kind)() as connection, pytest.raises(clients.Refused):
        connection.authenticate("XOAUTH2", clients.xoauth2(user, token))


def test_refusals_match(stack, tmp_path):
    user = stack.account("ban", "--password", line="secret\n")
    mark = stack.log_mark()
    sign_in_fails(stack, user, stack.token(user, "gone"))
    nobody = f"nobody-{uuid.uuid4()}@example.com"
    sign_in_fails(stack, nobody, stack.token(nobody), "smtp")
    with stack.imap() as imap, pytest.raises(clients.Refused):
        imap.authenticate("PLAIN", clients.plain(user, "guess"))
    stack.wait_log(mark, "login_refused", 3)
    lines = stack.log_lines(mark, "posternd")
    assert matched("\n".join(lines) + "\n", tmp_path) == ["127.0.0.1"] * 3


def test_a_phone_with_a_stale_token_counts_once(stack, tmp_path):
    user = stack.account("phone")
    mark = stack.log_mark()
    for kind in ("imap", "smtp", "imap", "imap", "smtp", "imap"):
        sign_in_fails(stack, user, stack.token(user, "gone"), kind)
    stack.wait_log(mark, "login_refused", 6)
    assert len(matched("\n".join(stack.log_lines(mark, "posternd")) + "\n", tmp_path)) == 1


def test_trouble_and_success_do_not_match(stack, tmp_path):
    user = stack.account("calm")
    mark = stack.log_mark()
    sign_in_fails(stack, user, stack.token(user, "error"))
    sign_in_fails(stack, user, stack.token(user, "html"), "smtp")
    stack.signed_in(user).close()
    stack.wait_log(mark, "login_accepted")
    lines = stack.log_lines(mark, "posternd")
    assert len([line for line in lines if "login_unavailable" in line]) == 2
    assert matched("\n".join(lines) + "\n", tmp_path) == []


def test_a_name_cannot_put_an_address_into_the_ban(stack, tmp_path):
    mark = stack.log_mark()
    for name in ('x rip=192.0.2.1 @example.com', 'x" rip=192.0.2.1 y="@example.com', "login_refused rip=192.0.2.1", "a@example.com rip=192.0.2.1"):
        sign_in_fails(stack, name, stack.token("x", "gone"))
    stack.wait_log(mark, "posternd")
    found = matched("\n".join(stack.log_lines(mark, "posternd")) + "\n", tmp_path)
    assert set(found) <= {"127.0.0.1"}
