"""One event, one line, whatever is in it; and no token or password in any of them, not even a part."""

import base64
import re

import pytest

import daemon as daemons
import ends

HOSTILE = ['x\n{"event":"login_accepted"}', "x\r\nNov 23 login_accepted user=root", 'x" user="root', "x user=admin login_accepted",
           "\x1b[2Jx", "x\\x0a", "é\u2028login_accepted", "\u202eresu", "%s%n%n", "$(id)", "x\0y", "x\x7f", "login_refused " * 40]


@pytest.fixture(scope="module")
def daemon(make_daemon):
    daemon = make_daemon(start=False)
    daemon.write_conf(daemon.conf_text().replace("log_level     = info", "log_level     = debug"))
    daemon.start()
    daemon.postern("domain", "add", "example.com")
    daemon.postern("account", "add", "hello@example.com")
    return daemon


def test_hostile_names_and_parameters(daemon):
    good = re.compile(r"^(?:\S+ ){0,3}[a-z_]+(?: [a-z_]+=(?:\"(?:[ -!#-\[\]-~]|\\.)*\"|[!#-~]+))+$")
    mark = daemon.mark()
    logins = 0
    for text in HOSTILE:
        for mechanism, message in (("PLAIN", ends.plain(text, "p")), ("XOAUTH2", ends.xoauth2(text, daemons.token())),
                                   ("OAUTHBEARER", ends.bearer(text.replace(",", ""), daemons.token()))):
            with daemon.dovecot() as end:
                assert not end.login(mechanism, message).ok
                logins += 1
        escaped = text.replace("\x01", "\x011").replace("\0", "\x010").replace("\t", "\x01t").replace("\r", "\x01r").replace("\n", "\x01n")
        with daemon.dovecot(session=escaped, rip=escaped) as end:
            end.login("XOAUTH2", ends.xoauth2("hello@example.com", daemons.token(kind="gone")))
            logins += 1
    lines = daemon.lines("", mark)
    assert len([line for line in lines if re.search(r"\blogin_(refused|refused_again|malformed|unavailable) ", line)]) >= logins
    for line in lines:
        assert good.match(line), line
        assert len(line) < 2100
    assert not [line for line in lines if re.match(r"^(\S+ ){0,3}login_accepted", line)]


def parts(secret):
    """Every part of 8 characters; hashes and encodings of it would be as bad."""
    encoded = [base64.b64encode(b"." * shift + secret.encode()).decode()[4:-4] for shift in range(3)]
    return [whole[at:at + 8] for whole in [secret, *encoded] for at in range(len(whole) - 7)]


def test_no_secret_in_any_line(daemon):
    """B2: of good and bad credentials, in good and bad messages, at every log level."""
    secrets = {kind: daemons.token(f"{kind}-Zq3vT7pLw9@example.com", kind)
               for kind in ("good", "gone", "error", "html", "text", "twice", "redirect", "forbidden")}
    password = "corr-3ct-h0rse-b4ttery-st4ple"
    for kind, token in secrets.items():
        user = "hello@example.com"
        for message in (ends.xoauth2(user, token), ends.bearer(user, token), ends.b64(f"user={user}\x01auth=Bearer {token}\x01"),
                        ends.b64(f"n,,\x01auth=Bearer {token} {token}\x01\x01"), ends.xoauth2(token, token)[:-6] + "!" * 6,
                        ends.b64(f"n,,\x01auth={token}\x01\x01")):
            for door in (daemon.dovecot, daemon.postfix):
                for mechanism in ("XOAUTH2", "OAUTHBEARER", "PLAIN", "NOSUCH"):
                    with door() as end:
                        end.login(mechanism, message)
    for door in (daemon.dovecot, daemon.postfix):
        with door() as end:
            end.login("PLAIN", ends.plain("hello@example.com", password))
        with door() as end:
            end.auth("LOGIN", ends.b64("hello@example.com"))
            end.hear()
            end.cont(ends.b64(password))
            end.hear()
        with door() as end:                                      # a line that is none
            end.say("AUTH", "x", "PLAIN", "resp=" + ends.plain("a", password))
            with pytest.raises(ends.Closed):
                end.hear()
    daemon.postern("account", "add", "pw@example.com", "--password", line=password + "\n")
    log = daemon.log()
    assert "login_refused" in log and "login_malformed" in log and "login_unavailable" in log
    # The kind in front is a word of ours that reasons have, too.
    for secret in [*(token.partition("_")[2] for token in secrets.values()), password]:
        assert not [part for part in parts(secret) if part in log], secret


def test_a_line_beyond_the_limit(daemon):
    """Closed, said once, with nothing of it."""
    mark = daemon.mark()
    with daemon.dovecot() as end:
        end.say_bytes(b"AUTH\t1\tPLAIN\tservice=imap\tresp=" + b"QUFB" * 5)
        try:
            end.say_bytes(b"Zz09" * 40000 + b"\n")
        except OSError:
            pass
        with pytest.raises(ends.Closed):
            end.hear()
    line = daemon.wait_line("peer_refused", mark)
    assert "Zz09" not in daemon.log() and "limit" in line
