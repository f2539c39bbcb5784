"""The internal listener's open part: /metrics and /healthz, and where it may listen."""

import glob
import json
import os
import re
import signal
import socket
import subprocess

import pytest

import daemon as daemons
import ends
import internal

HELLO = "hello@example.com"


@pytest.fixture(scope="module")
def path(daemon):
    return f"{daemon.directory}/http/internal"


@pytest.fixture(scope="module")
def daemon(make_daemon):
    daemon = make_daemon(start=False)
    daemon.extra = internal.block(f"unix:{daemon.directory}/http/internal")
    daemon.write_conf()
    daemon.start()
    daemon.postern("domain", "add", "example.com")
    daemon.postern("account", "add", HELLO)
    return daemon


@pytest.fixture
def client(path):
    client = internal.Client(path)
    yield client
    client.close()


def growth(before, after):
    return {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}


def test_logins_are_counted(daemon, client):
    before = client.metrics()
    with daemon.dovecot("imaps") as imap, daemon.postfix() as smtp:
        assert imap.login("OAUTHBEARER", ends.bearer(HELLO, daemons.token())).ok
        for _ in range(2):
            smtp.login("XOAUTH2", ends.xoauth2(HELLO, daemons.token(kind="gone")))
    counted = {name: count for name, count in growth(before, client.metrics()).items() if name.startswith("postern_logins_total")}
    assert counted == {
        'postern_logins_total{outcome="accepted",reason="",mechanism="OAUTHBEARER",protocol="imap",provider="fake"}': 1,
        'postern_logins_total{outcome="refused",reason="token_not_valid",mechanism="XOAUTH2",protocol="smtp",provider="fake"}': 1,
        'postern_logins_total{outcome="refused_again",reason="token_not_valid",mechanism="XOAUTH2",protocol="smtp",provider="fake"}': 1,
    }


def test_latency(client):
    """Buckets only grow towards +Inf, which is the count."""
    series = client.metrics()
    name = 'postern_login_seconds_bucket{mechanism="OAUTHBEARER",le="'
    buckets = [series[key] for key in series if key.startswith(name)]
    assert len(buckets) > 5 and buckets == sorted(buckets)
    assert buckets[-1] == series['postern_login_seconds_count{mechanism="OAUTHBEARER"}'] > 0


def test_gauges(daemon, client):
    before = client.metrics()
    assert before['postern_connections{door="login"}'] == 0
    with daemon.dovecot(), daemon.dovecot():
        assert client.metrics()['postern_connections{door="login"}'] == 2
    daemons.wait_for(lambda: client.metrics()['postern_connections{door="login"}'] == 0, "closed")
    daemon.postern("account", "add", "another@example.com")
    assert client.metrics()["postern_store_commits_total"] == before["postern_store_commits_total"] + 1
    for queue in ("logins", "pending_logins", "fetches", "passwords", "store_writes", "store_reads"):
        assert before[f'postern_queue_length{{queue="{queue}"}}'] >= 0
    assert before["postern_log_dropped_total"] == 0


def test_repeated_logins_touch_no_database(daemon, client):
    with daemon.dovecot() as imap:
        imap.login("OAUTHBEARER", ends.bearer(HELLO, daemons.token()))
        before = client.metrics()
        for _ in range(10):
            assert imap.login("OAUTHBEARER", ends.bearer(HELLO, daemons.token())).ok
    grown = growth(before, client.metrics())
    assert grown['postern_account_cache_lookups_total{answer="hit"}'] >= 10
    assert 'postern_account_cache_lookups_total{answer="miss"}' not in grown
    assert client.metrics()["postern_account_cache_bytes"] > 0


def test_a_hostile_protocol_name_makes_no_series(daemon, client):
    series = set(client.metrics())
    for name in ('x"} 1\nforged 7', "imap\\", "j\xfcrgen", "x" * 200):
        with daemon.dovecot(name.replace("\n", "")) as imap:
            imap.login("OAUTHBEARER", ends.bearer(HELLO, daemons.token()))
    new = set(client.metrics()) - series
    assert all('protocol="other"' in name or "mechanism" in name for name in new) and len(new) <= 2


def test_every_family_is_explained(client):
    """In docs/metrics.md, and nothing there that does not exist."""
    with open(f"{daemons.ROOT}/docs/metrics.md", encoding="utf-8") as docs:
        explained = set(re.findall(r"^\| .*", docs.read(), re.MULTILINE))
    explained = {name for line in explained for name in re.findall(r"`(postern_[a-z_0-9]+)`", line)}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name.partition("{")[0]) for name in client.metrics()}
    assert not shown - explained
    source = "".join(open(path, encoding="utf-8").read() for path in glob.glob(f"{daemons.ROOT}/src/*/*.c"))
    assert not [name for name in explained if f'"{name}"' not in source]


def test_healthy(client):
    assert client.get("/healthz") == (200, "application/json", b'{"status":"ok"}')
    assert client.ask("HEAD", "/healthz") == (200, "application/json", b"")
    for target in ("/metrics/", "/healthz/x", "/metric", "/METRICS", "/v1/domains"):
        assert client.get(target)[0] == 404
    assert client.ask("POST", "/metrics", "x")[0] == 404


def test_draining_is_not_healthy(make_daemon):
    daemon = make_daemon(start=False, worker={"stop_timeout": "20s"})
    daemon.extra = internal.block(f"unix:{daemon.directory}/internal/socket")
    daemon.write_conf()
    daemon.start()
    daemon.postern("domain", "add", "example.com")
    daemon.postern("account", "add", HELLO)
    client = internal.Client(f"{daemon.directory}/internal/socket")
    assert client.get("/healthz")[0] == 200
    with daemons.Held(daemon) as held, daemon.postfix() as smtp:
        smtp.auth("OAUTHBEARER", ends.bearer(HELLO, daemons.token()))
        held.wait()
        os.kill(daemon.parent, signal.SIGTERM)
        daemons.wait_for(lambda: client.get("/healthz") == (503, "application/json", b'{"status":"draining"}'), "draining")
        assert client.introspect(daemons.token())[0] == 503
        held.go.set()
        daemon.process.wait(daemons.PATIENCE)
        daemon.process = None


# ---- where it may listen ----


def refused(daemon, where):
    daemon.extra = internal.block(where)
    daemon.write_conf()
    done = subprocess.run([daemons.POSTERND, "--config", daemon.conf], capture_output=True, text=True, timeout=daemons.PATIENCE, check=False)
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize("where, says", [
    ("0.0.0.0:8026", "no loopback address"),
    ("[::]:8026", "no loopback address"),
    ("192.0.2.1:8026", "no loopback address"),
    ("[2001:db8::1]:8026", "no loopback address"),
    ("[::ffff:127.0.0.1]:8026", "neither"),
    ("localhost:8026", "neither"),
    ("127.0.0.1", "neither"),
    ("127.0.0.1:0", "neither"),
    ("127.0.0.1:65536", "neither"),
    ("127.1:8026", "neither"),
    (":8026", "neither"),
    ("unix:relative", "absolute path"),
    ("unix:/", "absolute path"),
    ("unix:/tmp/../etc/", "absolute path"),
])
def test_not_there(make_daemon, where, says):
    text = refused(make_daemon(start=False), where)
    assert says in text and "http.internal" in text, text


def test_taken_port(make_daemon):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert "Address already in use" in refused(make_daemon(start=False), f"127.0.0.1:{port}")


def test_mode_and_end(make_daemon):
    """Everybody on this machine, as on loopback; the file goes with the daemon."""
    daemon = make_daemon(start=False)
    path = f"{daemon.directory}/internal/socket"
    daemon.extra = internal.block(f"unix:{path}")
    daemon.write_conf()
    daemon.start()
    found = os.lstat(path)
    assert (oct(found.st_mode & 0o7777), found.st_uid) == ("0o666", 0)
    assert json.loads(internal.Client(path).get("/healthz")[2]) == {"status": "ok"}
    daemon.stop()
    assert not os.path.lexists(path)


def test_a_crash_loses_nobody(daemon, path):
    """The parent holds the socket: who connects meanwhile waits for the next worker."""
    (worker,) = daemon.workers
    os.kill(worker, signal.SIGKILL)
    assert internal.Client(path).get("/healthz")[0] == 200


def test_over_ipv6(make_daemon):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 here")
    port = internal.start(make_daemon, "[::1]").internal_port
    with socket.create_connection(("::1", port)) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
