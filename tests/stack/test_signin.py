"""Who gets in, by every service and mechanism, beyond what ./demo --verify shows (test_demo.py runs that)."""

import base64
import subprocess

import clients
import pytest

SERVICES = {"imap": "imap-login", "pop3": "pop3-login", "sieve": "managesieve-login"}


@pytest.mark.parametrize("kind", [*SERVICES, "smtp"])
@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_token(stack, kind, mechanism):
    user = stack.account()
    mark = stack.log_mark()
    stack.signed_in(user, kind, mechanism).close()
    if kind in SERVICES:
        stack.wait_log(mark, f"dovecot: {SERVICES[kind]}: Login: user=<{user}>, method={mechanism}")
    assert len(stack.wait_log(mark, f"login_accepted .*{user}")) == 1
    assert len(stack.provider.requests_for(user)) == 1


@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
@pytest.mark.parametrize("initial", [True, False])
def test_initial_response_or_not(stack, mechanism, initial):
    user = stack.account()
    message = clients.message_of(mechanism, user, stack.token(user))
    with stack.imap() as imap:
        imap.authenticate(mechanism, message, initial)
    with stack.smtp() as smtp:
        smtp.authenticate(mechanism, message, initial)


def test_either_message_under_either_name(stack):
    user = stack.account()
    token = stack.token(user)
    for kind in (*SERVICES, "smtp"):
        with getattr(stack, kind)() as connection:
            connection.authenticate("XOAUTH2", clients.oauthbearer(user, token))
        with getattr(stack, kind)() as connection:
            connection.authenticate("OAUTHBEARER", clients.xoauth2(user, token))


@pytest.mark.parametrize("kind", [*SERVICES, "smtp"])
def test_own_password(stack, kind):
    user = stack.account("pw", "--password", line="correct horse\n")
    with getattr(stack, kind)() as connection:
        connection.authenticate("PLAIN", clients.plain(user, "correct horse"))
    with getattr(stack, kind)() as connection, pytest.raises(clients.Refused):
        connection.authenticate("PLAIN", clients.plain(user, "wrong horse"))


def test_old_hash_moves_in(stack):
    made = subprocess.run(["openssl", "passwd", "-6", "-salt", "saltsalt", "old secret"], check=True, capture_output=True, text=True)
    user = stack.account("old", "--password-hash", line="{SHA512-CRYPT}" + made.stdout)
    with stack.imap() as imap:
        imap.authenticate("PLAIN", clients.plain(user, "old secret"))


def test_login_mechanism(stack):
    user = stack.account("login", "--password", line="secret\n")
    with stack.smtp() as smtp:
        assert smtp.say(b"AUTH LOGIN").startswith(b"334")
        assert smtp.say(base64.b64encode(user.encode())).startswith(b"334")
        assert smtp.say(base64.b64encode(b"secret")).startswith(b"235")


@pytest.mark.parametrize("kind", [*SERVICES, "smtp"])
def test_alias_becomes_the_account(stack, kind):
    user = stack.account("owner")
    alias = user.replace("owner", "alias")
    stack.postern("alias", "add", alias, user)
    mark = stack.log_mark()
    with stack.signed_in(alias, kind, token=stack.token(user)):
        pass
    with stack.signed_in(alias, kind, token=stack.token(f"{alias}|{user}")):
        pass
    if kind in SERVICES:
        stack.wait_log(mark, f"{SERVICES[kind]}: Login: user=<{user}>", 2)


def test_letter_case_of_the_name(stack):
    user = stack.account("case")
    mark = stack.log_mark()
    stack.signed_in(user.upper(), token=stack.token(user.title())).close()
    stack.wait_log(mark, f"imap-login: Login: user=<{user}>")


def test_nothing_without_tls_but_from_loopback(stack):
    """127.0.0.2 is another machine to Dovecot."""
    user = stack.account("clear", "--password", line="secret\n")
    mark = stack.log_mark()
    for kind in SERVICES:
        for mechanism, secret in (("XOAUTH2", stack.token(user)), ("PLAIN", "secret")):
            with getattr(stack, kind)("none", "127.0.0.2") as connection, pytest.raises(clients.Refused):
                connection.authenticate(mechanism, clients.message_of(mechanism, user, secret))
    with stack.imap("none", "127.0.0.2") as imap:
        assert not [word for word in imap.capabilities() if word.startswith(b"AUTH=")]
    with stack.imap("starttls", "127.0.0.2") as imap:
        imap.authenticate("XOAUTH2", clients.xoauth2(user, stack.token(user)))
    assert len(stack.wait_log(mark, "login_accepted")) == 1
    assert not stack.log_lines(mark, "login_refused")


def long_token(stack, user, size):
    token = stack.token(user)
    return token + "=" * (size - len(token))


@pytest.mark.parametrize("initial", [True, False])
def test_submission_takes_tokens_of_16_kib(stack, initial):
    user = stack.account("long")
    for size in (1400, 2000, 6000, 12000, 16384):
        with stack.smtp() as smtp:
            smtp.authenticate("XOAUTH2", clients.xoauth2(user, long_token(stack, user, size)), initial)
    with stack.smtp() as smtp:
        smtp.authenticate("OAUTHBEARER", clients.oauthbearer(user, long_token(stack, user, 16384)), initial)


def test_dovecot_takes_tokens_up_to_its_own_limit(stack):
    user = stack.account("l")
    message = clients.xoauth2(user, "")
    fits = 8188 // 4 * 3 - len(message) - 3
    for kind in SERVICES:
        with getattr(stack, kind)() as connection:
            connection.authenticate("XOAUTH2", clients.xoauth2(user, long_token(stack, user, fits)))
    mark = stack.log_mark()
    with stack.imap() as imap, pytest.raises((clients.Refused, OSError)):
        imap.authenticate("XOAUTH2", clients.xoauth2(user, long_token(stack, user, fits + 200)))
    stack.wait_log(mark, "imap-login: .*Authentication response too large")
