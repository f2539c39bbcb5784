"""Refusals take their time, guesses ever more; a phone with one stale token is neither banned nor a burden to its neighbours."""

import time

import pytest

import daemon as daemons
import ends

HELLO, ALICE = "hello@example.com", "alice@example.com"
DELAY = 0.4
SETTINGS = {"refusal_delay": "400ms", "throttle_free": "3", "throttle_stop": "8", "throttle_window": "10m", "throttle_delay_max": "1s",
            "trusted_addresses": '{"198.51.100.0/24"}'}


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return make_daemon(login=SETTINGS)


def sign_in(daemon, user, token, rip, door="dovecot", mechanism="XOAUTH2"):
    with getattr(daemon, door)(rip=rip) as end:
        begin = time.monotonic()
        message = ends.xoauth2(user, token) if mechanism == "XOAUTH2" else ends.plain(user, token)
        answer = end.login(mechanism, message)
        return answer, time.monotonic() - begin


def bad(number):
    return daemons.token(f"u{number}@example.com", "gone")


@pytest.mark.parametrize("door", ["dovecot", "postfix"])
def test_refusals_are_delayed_and_nothing_else(daemon, door):
    """Only lower bounds are asserted, and that the others come first."""
    with daemon.dovecot(rip="203.0.113.1") as end:
        refused = end.auth("XOAUTH2", ends.xoauth2(HELLO, bad(0)))
        temporary = end.auth("XOAUTH2", ends.xoauth2(HELLO, daemons.token(kind="error")))
        accepted = end.auth("XOAUTH2", ends.xoauth2(HELLO, daemons.token()))
        order = [int(end.hear()[1]) for _ in range(3)]
        assert order[2] == refused and set(order[:2]) == {temporary, accepted}
    answer, took = sign_in(daemon, HELLO, bad(0), "203.0.113.1", door)
    assert answer.refused and took >= DELAY * 0.95
    answer, took = sign_in(daemon, "nobody@example.com", "wrong", "203.0.113.1", door, "PLAIN")
    assert answer.refused and took >= DELAY * 0.95


def test_one_stale_token_is_never_banned(daemon):
    """Twenty times the same: one credential."""
    for _ in range(20):
        assert sign_in(daemon, HELLO, bad(1), "203.0.113.2")[0].refused
    assert sign_in(daemon, HELLO, daemons.token(), "203.0.113.2")[0].ok
    assert sign_in(daemon, ALICE, daemons.token(ALICE), "203.0.113.2")[0].ok


def test_many_guesses_are_stopped(daemon):
    """Distinct ones count; beyond the limit they are temporary failures that ask nobody; other addresses go on."""
    rip = "203.0.113.3"
    answers = [sign_in(daemon, HELLO, bad(100 + number), rip)[0] for number in range(10)]
    assert answers[0].refused and answers[-1].temporary
    before = len(daemon.provider.server.requests)
    assert sign_in(daemon, HELLO, daemons.token(), rip)[0].temporary
    assert sign_in(daemon, HELLO, daemons.token(), rip, "postfix")[0].kind == "CLOSED"
    assert len(daemon.provider.server.requests) == before
    assert sign_in(daemon, HELLO, daemons.token(), "203.0.113.4")[0].ok
    daemon.wait_line(f"login_unavailable.*rip={rip}.*reason=throttled")


def test_what_is_no_refusal_does_not_count(daemon):
    rip = "203.0.113.5"
    for number in range(12):
        assert sign_in(daemon, HELLO, daemons.token(f"u{number}@example.com", "error"), rip)[0].temporary
        with daemon.postfix(rip=rip) as end:
            assert end.login("OAUTHBEARER", ends.bearer(HELLO, "T" * 3000)[:2029 - 4 * number]).refused
        with daemon.dovecot(rip=rip) as end:                     # OB8: a question
            assert end.login("OAUTHBEARER", ends.b64("n,,\x01auth=\x01\x01")).refused
    # After so many errors the provider is left alone for a moment.
    daemons.wait_for(lambda: sign_in(daemon, HELLO, daemons.token(), rip)[0].ok, "still throttled")


def test_trusted_addresses_count_by_user(daemon):
    """Webmail: one user's guesses do not stop the others."""
    rip = "198.51.100.7"
    for number in range(10):
        sign_in(daemon, HELLO, bad(200 + number), rip)
    assert sign_in(daemon, HELLO, daemons.token(), rip)[0].temporary
    assert sign_in(daemon, ALICE, daemons.token(ALICE), rip)[0].ok


def test_ipv6_counts_by_network(daemon):
    for number in range(10):
        sign_in(daemon, HELLO, bad(300 + number), f"2001:db8::{number:x}")
    assert sign_in(daemon, HELLO, daemons.token(), "2001:db8::ffff")[0].temporary
    assert sign_in(daemon, HELLO, daemons.token(), "2001:db8:0:1::1")[0].ok
