"""PLAIN and LOGIN with an account's own password."""

import pytest

import daemon as daemons
import ends

USER, PASSWORD = "secret@example.com", "app-pass-1"


@pytest.mark.parametrize("door", ["dovecot", "postfix"])
def test_plain(daemon, door):
    with getattr(daemon, door)() as end:
        assert end.login("PLAIN", ends.plain(USER, PASSWORD)).fields == {"user": USER}
        assert end.login("PLAIN", ends.plain("Secret@Example.COM", PASSWORD))["user"] == USER
        assert end.login("PLAIN", ends.plain("secret", PASSWORD))["user"] == USER             # default_domain
        assert end.login("PLAIN", ends.plain(USER, PASSWORD, authzid=USER)).ok                  # doveadm auth test
        for user, password, authzid in ((USER, "wrong", ""), (USER, "", ""), (USER, PASSWORD, "hello@example.com"),
                                        ("nobody@example.com", PASSWORD, ""), ("hello@example.com", PASSWORD, ""),
                                        ("secret+tag@example.com", PASSWORD, ""), ("", PASSWORD, "")):
            assert end.login("PLAIN", ends.plain(user, password, authzid)).refused, (user, password, authzid)


@pytest.mark.parametrize("door", ["dovecot", "postfix"])
def test_login(daemon, door):
    with getattr(daemon, door)() as end:
        for initial in (True, False):
            end.auth("LOGIN", ends.b64(USER) if initial else None)
            if not initial:
                assert end.hear()[2] == ends.b64("Username:")
                end.cont(ends.b64(USER))
            assert end.hear()[2] == ends.b64("Password:")
            end.cont(ends.b64(PASSWORD))
            assert ends.Answer(end.hear()).ok


def test_doveadm_auth_test(daemon):
    """From root only, on either door."""
    for path in (daemon.login_path, daemon.postfix_path):
        with ends.Auth(path, "doveadm", secured=False) as end:
            assert end.login("PLAIN", ends.plain(USER, PASSWORD, authzid=USER)).ok


def test_token_is_no_password(daemon):
    with daemon.dovecot() as end:
        assert end.login("PLAIN", ends.plain("hello@example.com", daemons.token())).refused


def test_disabled_account(daemon):
    daemon.postern("account", "add", "leaver@example.com", "--password", line="bye\n")
    with daemon.dovecot() as end:
        assert end.login("PLAIN", ends.plain("leaver@example.com", "bye")).ok
        daemon.postern("account", "disable", "leaver@example.com")
        assert end.login("PLAIN", ends.plain("leaver@example.com", "bye")).refused
        daemon.postern("account", "enable", "leaver@example.com")
        assert end.login("PLAIN", ends.plain("leaver@example.com", "bye")).ok


def test_switched_off(make_daemon):
    daemon = make_daemon(login={"passwords": "no"})
    for door in (daemon.dovecot, daemon.postfix):
        with door() as end:
            assert set(end.mechanisms) == {"OAUTHBEARER", "XOAUTH2"}
            assert end.login("PLAIN", ends.plain(USER, PASSWORD)).refused
            assert end.login("XOAUTH2", ends.xoauth2("hello@example.com", daemons.token())).ok
