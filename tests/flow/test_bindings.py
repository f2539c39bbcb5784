"""Whose token opens an account: the first subject's, nobody's in particular, or the next one's."""

import daemon as daemons
import ends

USER = "hello@example.com"


def login(daemon, subject, user=USER, kind="good"):
    with daemon.dovecot() as end:
        return end.login("XOAUTH2", ends.xoauth2(user, daemons.token(f"{user}|{subject}", kind)))


def test_first_subject_binds(daemon):
    assert login(daemon, "one").ok
    assert login(daemon, "two").refused
    daemon.wait_line(r"login_refused .*reason=account_bound_to_other_subject")
    assert login(daemon, "one").ok


def test_unbind(daemon):
    """The next subject binds the account; asked twice it says so; the audit trail and the log know who did it."""
    assert login(daemon, "first", "alice@example.com").ok
    assert login(daemon, "second", "alice@example.com").refused
    assert "next sign-in" in daemon.postern("account", "unbind", "alice@example.com").stdout
    assert "so already" in daemon.postern("account", "unbind", "alice@example.com").stdout
    daemon.wait_line(r"account_changed action=account_unbind address=alice@example.com .*actor=uid:0")
    assert login(daemon, "second", "alice@example.com").ok
    assert login(daemon, "first", "alice@example.com").refused
    assert daemon.postern("account", "unbind", "nobody@example.com", check=False).returncode == 3


def test_docker_mailserver_binds_nobody(make_daemon):
    """One subject of everybody, or another one each time: the address decides, verified or not."""
    daemon = make_daemon(start=False, providers="\n")
    url = f"http://127.0.0.1:{daemon.provider.port}/userinfo"
    daemon.wrapper = ("sh", "-c", f'ENABLE_OAUTH2=1 OAUTH2_INTROSPECTION_URL={url} "$@"; exit $?', "sh")
    daemon.start()
    daemon.postern("domain", "add", "example.com")
    for user in (USER, "alice@example.com"):
        daemon.postern("account", "add", user)
        assert login(daemon, "everybody", user).ok
        assert login(daemon, "somebody", user, "unverified").ok
        with daemon.dovecot() as end:
            assert end.login("XOAUTH2", ends.xoauth2(user, daemons.token(user, "nobody"))).ok
    daemon.wait_line("config_warning .*opens its mailbox")
    with daemon.dovecot() as end:
        assert end.login("XOAUTH2", ends.xoauth2(USER, daemons.token("alice@example.com"))).refused


def test_bind_no_judges_each_login(make_daemon):
    """Nobody is bound, so email_verified is judged every time."""
    daemon = make_daemon(provider_more="  bind = no\n")
    assert login(daemon, "one").ok
    assert login(daemon, "two").ok
    assert login(daemon, "two", kind="unverified").refused
    daemon.wait_line(r"login_refused .*reason=email_not_verified")


def test_subject_moves_no_cursor(daemon):
    """A subject is the provider's text: what a terminal would obey binds nothing, and is not shown to one."""
    daemon.postern("account", "add", "evil@example.com")
    for subject in ("\x1b[2J", "\x9b31m", "\x7f"):
        mark = daemon.mark()
        assert login(daemon, subject, "evil@example.com").refused
        daemon.wait_line("login_refused .*reason=token_without_subject", mark)
    shown = daemon.postern("account", "show", "evil@example.com").stdout
    assert "subject-of" not in shown
    assert not [letter for letter in shown if letter != "\n" and (letter < " " or "\x7f" <= letter <= "\x9f")]
