"""What the provider may say, do and not do; tables U, B and the measured one of real Dovecot's mistakes."""

import json
import socket
import threading

import pytest

import daemon as daemons
import ends

HELLO = "hello@example.com"

REFUSED = ["gone", "forbidden", "inactive", "empty", "nobody", "unknown"]
TEMPORARY = ["error", "html", "text", "twice", "big", "redirect"]


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return make_daemon(provider_more="  connect_timeout = 1s\n  timeout = 2s")


def sign_in(daemon, door, kind, user=HELLO, mechanism="OAUTHBEARER"):
    message = ends.bearer if mechanism == "OAUTHBEARER" else ends.xoauth2
    with getattr(daemon, door)() as end:
        answer = end.login(mechanism, message(user, daemons.token(user, kind)))
        return answer, end.challenge


@pytest.mark.parametrize("door", ["dovecot", "postfix"])
@pytest.mark.parametrize("kind", REFUSED)
def test_refused(daemon, door, kind):
    mark = daemon.mark()
    answer, challenge = sign_in(daemon, door, kind)
    status = "insufficient_scope" if kind == "forbidden" else "invalid_token"
    assert answer.refused and json.loads(challenge)["status"] == status
    daemon.wait_line("login_refused", mark)
    assert not daemon.lines("login_unavailable", mark)


@pytest.mark.parametrize("door", ["dovecot", "postfix"])
@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
@pytest.mark.parametrize("kind", TEMPORARY)
def test_temporary(daemon, door, mechanism, kind):
    """code=temp_fail to Dovecot, a closed connection to Postfix, no challenge, nothing counted."""
    mark = daemon.mark()
    answer, challenge = sign_in(daemon, door, kind, mechanism=mechanism)
    assert challenge is None
    assert answer.fields == {"code": "temp_fail"} if door == "dovecot" else answer.kind == "CLOSED"
    daemon.wait_line("login_unavailable", mark)
    assert not daemon.lines("login_refused", mark)


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_slow(daemon, kind):
    """Within the provider's timeout, which lies below Postfix's 10 s."""
    for door in ("dovecot", "postfix"):
        answer, _ = sign_in(daemon, door, kind)
        assert answer.temporary


def test_slow_provider_delays_nobody_else(daemon):
    """One stalled login, then good ones on the same connection, answered before it."""
    with daemon.dovecot() as end:
        stalled = end.auth("XOAUTH2", ends.xoauth2(HELLO, daemons.token(kind="slow")))
        for _ in range(20):
            quick = end.auth("XOAUTH2", ends.xoauth2(HELLO, daemons.token()))
            assert ends.Answer(end.hear()).id == str(quick)
        answer = ends.Answer(end.hear())
        assert answer.id == str(stalled) and answer.temporary


def test_email_verified(make_daemon):
    """Judged when the account is bound, at its first login."""
    for setting, accepted in (("require", False), ("if_present", False), ("trust", True)):
        daemon = make_daemon(provider_more=f"  email_verified = {setting}")
        answer, _ = sign_in(daemon, "dovecot", "unverified")
        assert answer.ok == accepted, setting
        answer, _ = sign_in(daemon, "dovecot", "good")
        assert answer.ok
        answer, _ = sign_in(daemon, "dovecot", "unverified")     # bound by now
        assert answer.ok
        daemon.stop()


def test_no_account(daemon):
    """The token may be perfect: refused, and the log says so."""
    mark = daemon.mark()
    answer, _ = sign_in(daemon, "dovecot", "good", "nobody@example.com")
    assert answer.refused
    assert "reason=no_account" in daemon.wait_line("login_refused.*user=nobody@example.com", mark)


def test_disabled_account(daemon):
    daemon.postern("account", "add", "leaver@example.com")
    assert sign_in(daemon, "dovecot", "good", "leaver@example.com")[0].ok
    daemon.postern("account", "disable", "leaver@example.com")
    mark = daemon.mark()
    assert sign_in(daemon, "postfix", "good", "leaver@example.com")[0].refused
    assert "reason=account_disabled" in daemon.wait_line("login_refused", mark)


def test_a_domain_of_nobody(daemon):
    """A provider speaks only for its domains: for others nothing is sent."""
    before = len(daemon.provider.server.requests)
    answer, _ = sign_in(daemon, "dovecot", "good", "hello@example.net")
    assert answer.refused
    assert len(daemon.provider.server.requests) == before


def test_token_only_in_the_header(daemon):
    """B1: the URL has no token; the header has it once."""
    seen = []

    class Probe(threading.Thread):
        def run(self):
            connection, _ = listening.accept()
            with connection:
                while b"\r\n\r\n" not in b"".join(seen):
                    seen.append(connection.recv(65536))
                connection.sendall(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")

    daemon.provider.stop()
    with socket.create_server(("127.0.0.1", daemon.provider.port)) as listening:
        probe = Probe()
        probe.start()
        assert sign_in(daemon, "dovecot", "good")[0].refused
        probe.join()
    daemon.provider.start()
    head, _, body = b"".join(seen).partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    assert first == "GET /userinfo HTTP/1.1" and body == b""
    assert [line for line in headers if daemons.token() in line] == [f"Authorization: Bearer {daemons.token()}"]


def test_outage_and_recovery(daemon):
    """Absent: temporary, at once, told once. Back: logins work as soon as it is asked again. The socket stays what it was."""
    daemon.provider.stop()
    mark = daemon.mark()
    with daemon.dovecot() as dovecot:
        for _ in range(5):
            assert dovecot.login("XOAUTH2", ends.xoauth2(HELLO, daemons.token())).fields == {"code": "temp_fail"}
        for _ in range(5):
            assert sign_in(daemon, "postfix", "good")[0].kind == "CLOSED"
        daemon.provider.start()
        assert len(daemon.lines("login_unavailable", mark)) == 10
        daemons.wait_for(lambda: dovecot.login("XOAUTH2", ends.xoauth2(HELLO, daemons.token())).ok, "the breaker has not closed")
    assert sign_in(daemon, "postfix", "good")[0].ok
    daemon.wait_line("provider_.*", mark)


def test_passwords_need_no_provider(daemon):
    daemon.provider.stop()
    with daemon.dovecot() as end:
        assert end.login("PLAIN", ends.plain("secret@example.com", "app-pass-1")).ok
    daemon.provider.start()


def test_other_subject(make_daemon):
    """An account is bound to its first subject: the same e-mail under another opens nothing."""
    daemon = make_daemon()
    assert sign_in(daemon, "dovecot", "good")[0].ok
    daemon.provider.stop()
    with socket.create_server(("127.0.0.1", daemon.provider.port)) as listening:
        def serve():
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                body = json.dumps({"sub": "another", "email": HELLO, "email_verified": True}).encode()
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        thread = threading.Thread(target=serve)
        thread.start()
        mark = daemon.mark()
        assert sign_in(daemon, "dovecot", "good")[0].refused
        thread.join()
    daemon.provider.start()
    daemon.wait_line("login_refused.*reason=account_bound_to_other_subject", mark)
