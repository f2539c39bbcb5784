"""/introspect and /userinfo: what an untouched Dovecot asks, what it hears, and who hears nothing."""

import base64
import itertools
import json
import os
import re
import signal
import threading

import pytest

import daemon as daemons
import internal

HELLO = "hello@example.com"
GOOD = daemons.token()
REFUSED = b'{"active":false}'
LATER = b'{"error":"temporarily_unavailable"}'
NOT_FOUND = (404, "application/json", b'{"error":"not found"}')
FROM = {"X-Dovecot-Auth-Service": "imap", "X-Dovecot-Auth-Local": "192.0.2.1:143", "X-Dovecot-Auth-Remote": "198.51.100.7:50123"}


@pytest.fixture(scope="module")
def daemon(make_daemon):
    daemon = internal.start(make_daemon)
    daemon.postern("account", "add", "disabled@example.com")
    daemon.postern("account", "disable", "disabled@example.com")
    return daemon


@pytest.fixture
def client(daemon):
    client = internal.Client(daemon.internal_port)
    yield client
    client.close()


def test_accepted(daemon, client):
    mark = daemon.mark()
    account = json.loads(daemon.postern("account", "show", HELLO, "--json").stdout)
    assert client.active(GOOD, FROM) == {"active": True, "username": HELLO, "email": HELLO, "sub": account["id"], "token_type": "Bearer"}
    line = daemon.wait_line("login_accepted", mark)
    assert f"user={HELLO} account={HELLO} mech=INTROSPECT protocol=imap rip=198.51.100.7 login=" in line
    status, body = client.userinfo(GOOD)
    assert (status, json.loads(body)) == (200, {"sub": account["id"], "email": HELLO, "preferred_username": HELLO,
                                                "email_verified": True, "active": True})
    assert re.search(r"mech=USERINFO rip=- login=", daemon.wait_line("mech=USERINFO", mark))


def test_name_is_the_accounts_own(daemon, client):
    """Whatever the provider calls it: an alias, other letters."""
    for name in ("alias@example.com", "Hello@Example.COM"):
        answer = client.active(daemons.token(f"{name}|{HELLO}"))
        assert answer["active"] and answer["username"] == answer["email"] == HELLO


def test_ways(client):
    """Dovecot's modes get, auth and post, and tokeninfo's both at once."""
    basic = base64.b64encode(f"dovecot:{internal.SECRET}".encode()).decode()
    prefix = f"/{internal.SECRET}"
    encoded = "".join(f"%{byte:02X}" for byte in GOOD.encode())
    answers = [
        client.ask("GET", f"{prefix}/introspect?token={GOOD}"),
        client.ask("GET", f"{prefix}/introspect?token={encoded}"),
        client.ask("GET", f"{prefix}/introspect?access_token={GOOD}"),
        client.ask("GET", f"{prefix}/introspect", None, {"Authorization": f"Bearer {GOOD}"}),
        client.ask("GET", f"{prefix}/introspect?token={GOOD}", None, {"Authorization": f"Bearer {GOOD}"}),
        client.ask("POST", f"{prefix}/introspect", f"token={GOOD}&client_id=d&client_secret=s"),
        client.ask("POST", "/introspect", f"token={encoded}", {"Authorization": f"Basic {basic}"}),
        client.ask("GET", f"/introspect?token={GOOD}", None, {"Authorization": f"Basic {basic}"}),
    ]
    assert len(set(answers)) == 1 and answers[0][0] == 200 and json.loads(answers[0][2])["active"] is True


REFUSALS = [  # reason, token
    ("token_not_valid", daemons.token(kind="gone")),
    ("token_forbidden", daemons.token(kind="forbidden")),
    ("token_inactive", daemons.token(kind="inactive")),
    ("token_without_address", daemons.token(kind="empty")),
    ("email_not_verified", daemons.token("alice@example.com", "unverified")),
    ("account_bound_to_other_subject", daemons.token(f"{HELLO}|someone-else")),
    ("no_account", daemons.token("stranger@example.com")),
    ("token_of_other_domain", daemons.token("hello@elsewhere.example")),
    ("account_disabled", daemons.token("disabled@example.com")),
    ("malformed", ""),
    ("malformed", "no%20token"),
    ("too_long", "x" * 16385),
]


@pytest.mark.parametrize("reason, token", REFUSALS, ids=[f"{i}-{reason}" for i, (reason, _) in enumerate(REFUSALS)])
def test_refusals_all_look_alike(daemon, client, reason, token):
    """The same bytes for every reason, and no user name: Dovecot 2.4 takes a refusal with one for a yes."""
    client.introspect(GOOD)  # binds, so that another subject is another one
    mark = daemon.mark()
    assert client.introspect(token, FROM) == (200, REFUSED)
    line = daemon.wait_line("mech=INTROSPECT", mark)
    assert re.search(rf"login_(refused|malformed).* protocol=imap rip=198.51.100.7 .*reason={reason}", line)
    if "%" not in token:
        assert client.userinfo(token) == (401, REFUSED)


def test_outage(daemon, client):
    for kind in ("error", "html", "text"):
        mark = daemon.mark()
        assert client.introspect(daemons.token(kind=kind)) == (503, LATER)
        daemon.wait_line("login_unavailable .*mech=INTROSPECT", mark)
        assert client.userinfo(daemons.token(kind=kind)) == (503, LATER)
    names = itertools.count()  # the provider is left alone for a moment, then asked again
    daemons.wait_for(lambda: client.introspect(daemons.token(f"fresh{next(names)}@example.com", "gone"))[0] == 200, "the provider is asked again")


@pytest.mark.parametrize("target", ["/introspect", "/userinfo", "/wrong/introspect", f"/{internal.SECRET}x/introspect", f"/{internal.SECRET}",
                                    f"/{internal.SECRET}/introspect/", f"/{internal.SECRET}/metrics", "//introspect", "/v1/accounts", "/"])
def test_without_the_secret(daemon, client, target):
    """As any other path; nothing is checked, nothing is logged."""
    mark = daemon.mark()
    wrong = base64.b64encode(b"dovecot:wrong").decode()
    for headers in ({}, {"Authorization": f"Basic {wrong}"}):
        assert client.ask("GET", f"{target}?token={GOOD}", None, headers) == NOT_FOUND
        assert client.ask("POST", target, f"token={GOOD}", headers) == NOT_FOUND
    assert client.get("/healthz")[0] == 200
    assert not daemon.lines("login_", mark)


def test_no_secret_no_verifier(make_daemon):
    client = internal.Client(internal.start(make_daemon, secret=None).internal_port)
    for target in ("/introspect", "//introspect", "/%20/introspect"):
        assert client.get(target, {"Authorization": "Basic Og=="})[0] in (400, 404)
    assert client.get("/healthz") == (200, "application/json", b'{"status":"ok"}')


def test_secret_changes_with_a_reload(make_daemon):
    daemon = internal.start(make_daemon)
    client = internal.Client(daemon.internal_port)
    assert client.introspect("x") == (200, REFUSED)
    daemon.extra = internal.block(f"127.0.0.1:{daemon.internal_port}", secret="another")
    daemon.write_conf()
    os.kill(daemon.parent, signal.SIGHUP)
    daemons.wait_for(lambda: client.introspect("x")[0] == 404, "the old secret does not count")
    assert client.introspect("x", secret="another") == (200, REFUSED)


def test_disabled_between_two(daemon, client):
    """No verdict and no account that is remembered outlives a change."""
    daemon.postern("account", "add", "leaver@example.com")
    token = daemons.token("leaver@example.com")
    for _ in range(3):
        assert client.active(token)["username"] == "leaver@example.com"
        daemon.postern("account", "disable", "leaver@example.com")
        assert client.active(token) == {"active": False}
        daemon.postern("account", "enable", "leaver@example.com")


def test_throttled_by_the_client_that_dovecot_names(make_daemon):
    """And not at all where it names none: that would be everybody."""
    daemon = internal.start(make_daemon, login={"throttle_free": "3", "throttle_stop": "6"})
    client = internal.Client(daemon.internal_port)
    for number in range(20):
        assert client.introspect(daemons.token(f"guess{number}@example.com", "gone")) == (200, REFUSED)
    mark = daemon.mark()
    answers = [client.introspect(daemons.token(f"guess{number}@example.com", "gone"), FROM)[0] for number in range(7)]
    assert answers == [200] * 6 + [503]
    assert client.introspect(GOOD, FROM)[0] == 503
    daemon.wait_line("login_unavailable .*reason=throttled", mark)
    assert client.active(GOOD, dict(FROM, **{"X-Dovecot-Auth-Remote": "[2001:db8::7]:1"}))["active"]
    assert "rip=2001:db8::7" in daemon.wait_line("login_accepted", mark)


def test_dovecot_leaves(daemon):
    """Nothing is left of a question whose asker has gone."""
    mark = daemon.mark()
    with daemons.Held(daemon) as held:
        client = internal.Client(daemon.internal_port)
        client.connection.request("GET", f"/{internal.SECRET}/userinfo", None, {"Authorization": f"Bearer {daemons.token('alice@example.com')}"})
        held.wait()
        client.close()
        daemon.wait_line("login_abandoned .*mech=USERINFO.*reason=client_left", mark)
    assert internal.Client(daemon.internal_port).metrics()['postern_requests{door="internal"}'] == 1


def test_many_at_once(daemon):
    results = []

    def run(number):
        client = internal.Client(daemon.internal_port)
        for _ in range(5):
            results.append(client.introspect(GOOD if number % 2 else daemons.token(kind="gone")))
        client.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 100 and sum(body == REFUSED for _, body in results) == 50 and all(status == 200 for status, _ in results)


def test_no_secret_and_no_token_in_the_log(daemon):
    text = daemon.log()
    assert "login_accepted" in text
    assert internal.SECRET not in text and GOOD not in text and "/introspect" not in text
