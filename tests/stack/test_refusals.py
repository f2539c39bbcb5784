"""Who does not get in, and what each client hears: a refusal is not an outage and an outage is not a refusal."""

import base64
import json
import socket
import time

import clients
import pytest
from conftest import wait_for

SERVICES = ("imap", "pop3", "sieve", "smtp")
REFUSED = {"imap": b"NO [AUTHENTICATIONFAILED]", "pop3": b"-ERR [AUTH]", "sieve": b"NO ", "smtp": b"535 5.7.8"}
OUTAGE = {"imap": b"NO [UNAVAILABLE]", "pop3": b"-ERR [SYS/TEMP]", "sieve": b"NO (TRYLATER)", "smtp": b"454 4.7.0"}


def refused(stack, kind, mechanism, message):
    with getattr(stack, kind)() as connection, pytest.raises(clients.Refused) as caught:
        connection.authenticate(mechanism, message)
    return caught.value


def expect_refusal(stack, kind, user, token, status="invalid_token", reason=None):
    """By both mechanisms; OAUTHBEARER with the error JSON, XOAUTH2 without any challenge."""
    mark = stack.log_mark()
    answer = refused(stack, kind, "OAUTHBEARER", clients.oauthbearer(user, token))
    assert answer.answer.startswith(REFUSED[kind])
    assert json.loads(answer.challenge)["status"] == status
    answer = refused(stack, kind, "XOAUTH2", clients.xoauth2(user, token))
    assert answer.answer.startswith(REFUSED[kind])
    assert answer.challenge == b""
    lines = stack.wait_log(mark, r"posternd.*login_refused(_again)? .*rip=127\.0\.0\.1", 2)
    if reason:
        assert all(f"reason={reason}" in line or f'reason="{reason}' in line for line in lines)
    assert not stack.log_lines(mark, "login_unavailable")
    assert not any(token in line for line in stack.log_lines(mark, "")) or token == ""


@pytest.mark.parametrize("kind", SERVICES)
def test_wrong_token(stack, kind):
    user = stack.account()
    expect_refusal(stack, kind, user, stack.token(user, "gone"))


@pytest.mark.parametrize("kind", SERVICES)
def test_somebody_elses_token(stack, kind):
    expect_refusal(stack, kind, stack.account(), stack.token(stack.account("other")))


@pytest.mark.parametrize("kind", SERVICES)
def test_perfect_token_and_no_account(stack, kind):
    expect_refusal(stack, kind, "nobody@example.com", stack.token("nobody@example.com"))


@pytest.mark.parametrize("kind", SERVICES)
def test_disabled_account(stack, kind):
    user = stack.account()
    stack.signed_in(user, kind).close()
    stack.postern("account", "disable", user)
    expect_refusal(stack, kind, user, stack.token(user))
    stack.postern("account", "enable", user)
    stack.signed_in(user, kind).close()


@pytest.mark.parametrize("what", ["gone", "forbidden", "inactive", "unverified", "empty", "nobody"])
def test_provider_says_no(stack, what):
    """403 with the e-mail in its body, active:false with the e-mail: real Dovecot lets both in."""
    user = stack.account()
    for kind in ("imap", "smtp"):
        # 403: the token is good, but not good enough.
        expect_refusal(stack, kind, user, stack.token(user, what), "insufficient_scope" if what == "forbidden" else "invalid_token")


@pytest.mark.parametrize("what", ["error", "html", "text", "big", "redirect", "slow", "drip"])
def test_provider_is_in_trouble(stack, what):
    user = stack.account()
    mark = stack.log_mark()
    for kind in ("imap", "smtp"):
        begin = time.monotonic()
        answer = refused(stack, kind, "OAUTHBEARER", clients.oauthbearer(user, stack.token(user, what)))
        assert answer.answer.startswith(OUTAGE[kind])
        # Postfix would hang up after 10 s and say the same without us knowing.
        assert time.monotonic() - begin < 9.8
    assert len(stack.wait_log(mark, r"login_unavailable .*rip=127\.0\.0\.1", 2)) == 2
    assert not stack.log_lines(mark, "login_refused")


def test_twofold_answer_never_lets_in(stack):
    user = stack.account()
    for kind in ("imap", "smtp"):
        answer = refused(stack, kind, "XOAUTH2", clients.xoauth2(user, stack.token(user, "twice")))
        assert answer.answer.startswith((OUTAGE[kind], REFUSED[kind]))


def test_provider_is_absent(stack):
    user = stack.account()
    stack.provider.stop()
    try:
        mark = stack.log_mark()
        for kind in SERVICES:
            answer = refused(stack, kind, "XOAUTH2", clients.xoauth2(user, stack.token(user)))
            assert answer.answer.startswith(OUTAGE[kind])
        stack.wait_log(mark, "login_unavailable", len(SERVICES))
        assert not stack.log_lines(mark, "login_refused")
    finally:
        stack.provider.start()
    for kind in SERVICES:
        stack.signed_in(user, kind).close()


HOSTILE = {
    "empty": b"",
    "nothing but separators": b"\x01\x01",
    "no end": b"n,a=%s,\x01auth=Bearer %s",
    "one separator at the end": b"n,a=%s,\x01auth=Bearer %s\x01",
    "a line feed in the token": b"n,a=%s,\x01auth=Bearer %s\nX-Evil: 1\x01\x01",
    "a blank in the token": b"n,a=%s,\x01auth=Bearer %s x\x01\x01",
    "no scheme": b"n,a=%s,\x01auth=%s\x01\x01",
    "basic": b"n,a=%s,\x01auth=Basic %s\x01\x01",
    "channel binding": b"p=tls-unique,a=%s,\x01auth=Bearer %s\x01\x01",
    "two auths": b"n,a=%s,\x01auth=Bearer %s\x01auth=Bearer x\x01\x01",
    "a NUL in the name": b"n,a=\0%s,\x01auth=Bearer %s\x01\x01",
    "bytes": bytes(range(256)),
    "long": b"n,a=" + b"x" * 5000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", ["imap", "smtp"])
def test_hostile_message(stack, name, kind):
    user = stack.account()
    message = HOSTILE[name]
    if b"%s" in message:
        message = message % (user.encode(), stack.token(user).encode())
    with getattr(stack, kind)() as connection, pytest.raises((clients.Refused, OSError)):
        connection.authenticate("OAUTHBEARER", message)
    assert not stack.provider.requests_for(user)
    stack.signed_in(user, kind).close()


@pytest.mark.parametrize("text", [b"====", b"!!!!", b"YWJj=", b"YW Jj", b"YQ", b"=" * 100])
def test_not_base64(stack, text):
    with stack.imap() as imap:
        answer, _ = imap.command(b"AUTHENTICATE XOAUTH2 " + text)
        assert answer.startswith((b"NO", b"BAD"))
    with stack.smtp() as smtp:
        assert smtp.say(b"AUTH XOAUTH2 " + text).startswith(b"5")


def test_lines_beyond_the_limit(stack):
    user = stack.account()
    mark = stack.log_mark()
    with stack.smtp() as smtp, pytest.raises((clients.Refused, OSError)) as caught:
        smtp.authenticate("XOAUTH2", clients.xoauth2(user, stack.token(user) + "=" * 30_000))
    if isinstance(caught.value, clients.Refused):
        assert caught.value.answer.startswith(b"5")
    with stack.imap() as imap, pytest.raises((clients.Refused, OSError)):
        imap.authenticate("XOAUTH2", clients.xoauth2(user, stack.token(user) + "=" * 100_000))
    assert not stack.provider.requests_for(user)
    # Cut by Postfix, and said so; not counted as a bad credential.
    assert not stack.log_lines(mark, "login_refused")


def test_hostile_names_stay_on_their_line(stack):
    names = ['a"b@example.com', "a\nlogin_accepted user=evil@example.com", "a\r\nx", "a\tb@example.com", "a\x1b[31m@example.com",
             "x" * 1000 + "@example.com", "ü@example.com", 'x" rip=192.0.2.1 y="@example.com', "a\x00b@example.com"]
    mark = stack.log_mark()
    for name in names:
        for kind in ("imap", "smtp"):
            with getattr(stack, kind)() as connection, pytest.raises((clients.Refused, OSError)):
                connection.authenticate("XOAUTH2", b"user=" + name.encode() + b"\x01auth=Bearer " + stack.token("x").encode() + b"\x01\x01")
    stack.wait_log(mark, r"posternd.*login_\w+")
    for line in stack.log_lines(mark, "posternd"):
        head, _, event = line.partition("]: ")
        assert event.isascii() and event.isprintable(), line
        assert event.split(" ")[0].startswith("login_"), line
        assert event.split(" ")[0] != "login_accepted", line
    assert not stack.log_lines(mark, r"^(?!\w{3} [ \d]\d \d\d:\d\d:\d\d \S+ \S+?(\[\d+\])?: )")


def connects(connection, path):
    """A full backlog is tried again."""
    try:
        connection.connect(path)
    except BlockingIOError:
        return False
    return True


def test_a_thousand_connections_that_never_finish(stack):
    """On the socket that Postfix uses: its own logins and Dovecot's go on."""
    user = stack.account()
    idle = []
    try:
        for number in range(1000):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(10)
            wait_for(lambda connection=connection: connects(connection, f"{stack.directory}/spool/postern/auth"), "a connection")
            connection.sendall(b"VERSION\t1\t0\nCPID\t%d\nAUTH\t1\tXOAUTH2\tservice=smtp" % (70000 + number))
            idle.append(connection)
        for kind in SERVICES:
            stack.signed_in(user, kind).close()
    finally:
        for connection in idle:
            connection.close()
    for kind in SERVICES:
        stack.signed_in(user, kind).close()


def test_the_ack_of_a_refusal_does_not_matter(stack):
    """RFC 7628, 3.2.3: whatever the client answers to the error JSON, it is refused."""
    user = stack.account()
    message = base64.b64encode(clients.oauthbearer(user, stack.token(user, "gone")))
    for answer in (b"AQ==", b"", b"*", base64.b64encode(clients.oauthbearer(user, stack.token(user)))):
        with stack.smtp() as smtp:
            assert smtp.say(b"AUTH OAUTHBEARER " + message).startswith(b"334 ")
            assert smtp.say(answer).startswith(b"5")
            assert smtp.say(b"MAIL FROM:<%s>" % user.encode()).startswith(b"250")
            assert smtp.say(b"RCPT TO:<%s>" % user.encode()).startswith(b"5")
        with stack.imap() as imap:
            imap.send(b"x AUTHENTICATE OAUTHBEARER " + message + b"\r\n")
            assert imap.line().startswith(b"+ ")
            imap.send(answer + b"\r\n")
            assert imap.line().startswith((b"x NO", b"x BAD"))
