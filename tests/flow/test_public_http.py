"""The public listener as the internet sees it: bad HTTP, large and slow requests, floods. Whatever door is mounted, what is
refused here never gets there; where a request is a good one, any answer of a door (404 without one) will do."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time

import pytest

import daemon as daemons
import ends
import internal
import public

HOST = b"Host: mail.example.com\r\n"


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return public.start(make_daemon, connections_per_address=2000, connections=1000, trusted_proxies='{"127.0.0.9"}')


@pytest.fixture
def peer(daemon):
    with public.Peer(daemon.public_port) as peer:
        yield peer


# ---- smuggling ----

SMUGGLING = {
    "two-lengths": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 40\r\n\r\nabcd",
    "two-equal-lengths": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "length-list": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "length-plus": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Length: +4\r\n\r\nabcd",
    "both-framings": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both-framings-turned": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "coding-twice": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding-in-1.0": b"POST /scim/v2/Users HTTP/1.0\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "blank-before-colon": b"GET /scim/v2/Users HTTP/1.1\r\nHost : a\r\n\r\n",
    "length-blank-before-colon": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Length : 4\r\n\r\nabcd",
    "bare-lf": b"GET /scim/v2/Users HTTP/1.1\nHost: a\n\n",
    "bare-lf-in-headers": b"GET /scim/v2/Users HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "bare-cr": b"GET /scim/v2/Users HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
    "obs-fold": b"GET /scim/v2/Users HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "nul-in-line": b"GET /scim/v2/\0 HTTP/1.1\r\n" + HOST + b"\r\n",
    "nul-in-header": b"GET /scim/v2/Users HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n",
    "absolute-form": b"GET http://mail.example.com/scim/v2/Users HTTP/1.1\r\n" + HOST + b"\r\n",
    "authority-form": b"CONNECT mail.example.com:443 HTTP/1.1\r\n" + HOST + b"\r\n",
    "dot-segments": b"GET /scim/v2/../metrics HTTP/1.1\r\n" + HOST + b"\r\n",
    "encoded-dots": b"GET /scim/v2/%2e%2e/metrics HTTP/1.1\r\n" + HOST + b"\r\n",
    "encoded-slash": b"GET /scim%2fv2/Users HTTP/1.1\r\n" + HOST + b"\r\n",
    "no-host": b"GET /scim/v2/Users HTTP/1.1\r\n\r\n",
    "two-hosts": b"GET /scim/v2/Users HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "two-authorizations": b"GET /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n",
    "empty-line-first": b"\r\nGET /scim/v2/Users HTTP/1.1\r\n" + HOST + b"\r\n",
    "tls-hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
    "chunk-extension": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n4;a=b\r\nabcd\r\n0\r\n\r\n",
    "chunk-bare-lf": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n4\nabcd\r\n0\r\n\r\n",
    "chunk-too-long": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n4\r\nabcdef\r\n0\r\n\r\n",
    "chunk-minus": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n-4\r\nabcd\r\n0\r\n\r\n",
    "chunk-prefix": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0x4\r\nabcd\r\n0\r\n\r\n",
    "chunk-wraps": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000004\r\nabcd\r\n0\r\n\r\n",
    "trailer": b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n",
}
SMUGGLED = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.mark.parametrize("name", SMUGGLING)
def test_smuggling(peer, name):
    """One answer, 400, and the end: what stands behind it is not looked at."""
    peer.send(SMUGGLING[name] + SMUGGLED)
    answers = peer.answers()
    assert [answer.status for answer in answers] == [400]
    assert answers[0].headers["connection"] == "close"
    assert json.loads(answers[0].body)


def test_unknown_coding(peer):
    peer.send(b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED)
    assert [answer.status for answer in peer.answers()] == [501]


def test_body_is_no_request(peer):
    """A request inside a body stays there, in both framings."""
    inner = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    peer.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(inner) + inner)
    assert peer.answer().status == 404
    peer.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner))
    assert peer.answer().status == 404
    peer.send(b"GET /nothing HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert [answer.status for answer in peer.answers()] == [404]


# ---- paths ----

@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/introspect", "/userinfo", f"/{internal.SECRET}/introspect", "/accounts", "/scim", "/scim/v20"])
def test_knows_no_path_of_others(daemon, path):
    status, _, body = internal.Client(daemon.public_port).get(path)
    assert (status, json.loads(body)) == (404, {"error": "not found"})


def test_internal_knows_none_of_ours(daemon):
    client = internal.Client(daemon.internal_port)
    for path in ("/scim/v2", "/scim/v2/Users", "/scim/v2/ServiceProviderConfig"):
        assert client.get(path)[0] == 404
    assert client.get("/healthz")[0] == 200


# ---- who asks ----

@pytest.mark.parametrize("source, headers, client", [
    ("127.0.0.5", b"", "127.0.0.5"),
    ("127.0.0.5", b"X-Forwarded-For: 198.51.100.1\r\n", "127.0.0.5"),
    ("127.0.0.5", b"Forwarded: for=198.51.100.1\r\n", "127.0.0.5"),
    ("127.0.0.9", b"", "127.0.0.9"),
    ("127.0.0.9", b"X-Forwarded-For: 198.51.100.1\r\n", "198.51.100.1"),
    ("127.0.0.9", b"X-Forwarded-For: 203.0.113.9, 198.51.100.1\r\n", "198.51.100.1"),
    ("127.0.0.9", b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 198.51.100.1\r\n", "198.51.100.1"),
    ("127.0.0.9", b"Forwarded: for=203.0.113.9\r\nX-Forwarded-For: 198.51.100.1\r\n", "198.51.100.1"),
    ("127.0.0.9", b'Forwarded: for="[2001:db8::1]:47"\r\n', "2001:db8::1"),
    ("127.0.0.9", b"X-Forwarded-For: 198.51.100.1 rip=1\r\n", "127.0.0.9"),
    ("127.0.0.9", b"X-Forwarded-For: unknown\r\n", "127.0.0.9"),
])
def test_forwarded(daemon, source, headers, client):
    """Only a trusted front says who asks: in the line of the request that a door writes."""
    mark = daemon.mark()
    with public.Peer(daemon.public_port, source) as peer:
        peer.send(b"GET /scim/v2/Users HTTP/1.1\r\n" + HOST + headers + b"\r\n")
        assert peer.answer().status == 401
    line = daemon.wait_line("scim_", mark)
    assert line.split().count(f"rip={client}") == 1 and line.count("rip=") == 1, line


# ---- large ----

def test_100_mb_with_a_length(peer):
    """Refused at the head: not a byte of the body has been sent by then."""
    peer.send(b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Length: 104857600\r\n\r\n")
    answers = peer.answers()
    assert [answer.status for answer in answers] == [413]
    assert answers[0].headers["connection"] == "close"


def test_100_mb_in_chunks(daemon, peer):
    """Refused as soon as it is too long; the worker holds no more than the limit of it."""
    before = public.resident(daemon)
    peer.send(b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
    sent = peer.flood(b"10000\r\n" + b"x" * 65536 + b"\r\n", 1600)
    assert sent < 1600, "it took all of it"
    assert [answer.status for answer in peer.answers()] == [413]
    assert public.resident(daemon) - before < 64 << 20


def test_100_continue(daemon):
    with public.Peer(daemon.public_port) as peer:
        peer.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert peer.wait(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        peer.send(b"abcd")
        assert peer.answer().status == 404
    with public.Peer(daemon.public_port) as peer:
        peer.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 104857600\r\n\r\n")
        assert [answer.status for answer in peer.answers()] == [413]
    with public.Peer(daemon.public_port) as peer:
        peer.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Expect: a-miracle\r\nContent-Length: 4\r\n\r\n")
        assert [answer.status for answer in peer.answers()] == [417]


@pytest.mark.parametrize("chunked", [False, True])
def test_largest_body(daemon, chunked):
    """4 MiB, in pieces of 1,000 bytes and of 64 KiB: the time is the same but for a factor, not for a power."""
    def post(size):
        body = b"x" * (4 << 20)
        pieces = [body[at:at + size] for at in range(0, len(body), size)]
        with public.Peer(daemon.public_port) as peer:
            if chunked:
                peer.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
                for piece in pieces:
                    peer.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                peer.send(b"0\r\n\r\n")
            else:
                peer.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(body))
                for piece in pieces:
                    peer.send(piece)
            return peer.answer().status

    before = public.cpu(daemon)
    assert post(1000) == 404
    assert post(65536) == 404
    assert public.cpu(daemon) - before < 5


def test_head_too_long(daemon, peer):
    peer.send(b"GET /scim/v2/Users HTTP/1.1\r\n" + HOST + b"X: " + b"x" * 40000 + b"\r\n\r\n")
    assert [answer.status for answer in peer.answers()] == [431]
    with public.Peer(daemon.public_port) as other:
        other.send(b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        assert [answer.status for answer in other.answers()] == [414]


# ---- slow ----

@pytest.fixture(scope="module")
def hasty(make_daemon):
    return public.start(make_daemon, request_timeout="400ms", connections=60, connections_per_address=2000)


@pytest.mark.parametrize("head, drip", [
    (b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n", b"x"),
    (b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    (b"GET /scim/v2/Users HTTP/1.1\r\n" + HOST + b"X: ", b"x"),
    (b"G", b"E"),
])
def test_dripping(hasty, head, drip):
    """Each byte comes in time, the request does not."""
    with public.Peer(hasty.public_port) as peer:
        peer.send(head)
        until = time.monotonic() + daemons.PATIENCE
        while not peer.heard(0.005) and time.monotonic() < until:
            peer.try_send(drip)
        assert [answer.status for answer in peer.answers()] == [408]


def test_dripping_everywhere(hasty):
    """All connections are taken by heads that drip: one that comes with a whole request is answered at once."""
    drips = [public.Peer(hasty.public_port) for _ in range(60)]
    for drip in drips:
        drip.try_send(b"GET /scim")
    for _ in range(20):
        with public.Peer(hasty.public_port) as peer:
            peer.send(b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n")
            assert peer.answer().status == 404
    for drip in drips:
        drip.close()


# ---- many ----

def test_1000_idle_connections(daemon):
    """They starve nobody: what comes beyond the limit closes the one idle longest. Memory stays small."""
    before = public.resident(daemon)
    idle = [public.Peer(daemon.public_port) for _ in range(1000)]
    client = internal.Client(daemon.internal_port)
    daemons.wait_for(lambda: client.metrics()['postern_connections{door="public"}'] == 1000, "1000 connections")
    for _ in range(50):
        with public.Peer(daemon.public_port) as peer:
            peer.send(b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n")
            assert peer.answer().status == 404
    assert client.metrics()['postern_connections{door="public"}'] <= 1000
    assert public.resident(daemon) - before < (100 << 20 if public.sanitized() else 30 << 20)
    with daemon.dovecot() as end:
        assert end.login("XOAUTH2", ends.xoauth2("hello@example.com", daemons.token())).ok
    for peer in idle:
        peer.close()


def test_connections_per_address(make_daemon):
    daemon = public.start(make_daemon, connections_per_address=3, trusted_proxies='{"127.0.0.9"}')
    peers = [public.Peer(daemon.public_port, "127.0.0.5") for _ in range(3)]
    for peer in peers:
        peer.send(b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n")
        assert peer.answer().status == 404
    with public.Peer(daemon.public_port, "127.0.0.5") as fourth:
        (answer,) = fourth.answers()
        assert answer.status == 429 and int(answer.headers["retry-after"]) > 0
    for source in ("127.0.0.6", "127.0.0.9"):
        with public.Peer(daemon.public_port, source) as other:
            other.send(b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n")
            assert other.answer().status == 404
    fronts = [public.Peer(daemon.public_port, "127.0.0.9") for _ in range(10)]
    for front in fronts:
        front.send(b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n")
        assert front.answer().status == 404
    peers[0].close()
    client = internal.Client(daemon.internal_port)
    daemons.wait_for(lambda: client.metrics()['postern_connections{door="public"}'] == 12, "one to be gone")
    with public.Peer(daemon.public_port, "127.0.0.5") as again:
        again.send(b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n")
        assert again.answer().status == 404
    assert client.metrics()['postern_public_refused_total{reason="address"}'] == 1
    for peer in peers[1:] + fronts:
        peer.close()


def test_large_bodies_share_a_budget(make_daemon):
    """64 MiB for all of them: beyond it 503 and Retry-After, while small requests go on."""
    daemon = public.start(make_daemon, connections_per_address=2000)
    head = b"POST /nothing HTTP/1.1\r\n" + HOST + b"Content-Length: 4194304\r\n\r\n"
    peers = [public.Peer(daemon.public_port) for _ in range(20)]
    for peer in peers:
        peer.try_send(head + b"x" * 4194000)
    daemons.wait_for(lambda: sum(peer.heard() for peer in peers) >= 2, "some to be refused")
    with public.Peer(daemon.public_port) as small:
        small.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Content-Length: 60000\r\n\r\n" + b"x" * 60000)
        assert small.answer().status == 404
    refused = [peer.answers()[0] for peer in peers if peer.heard()]
    assert {(answer.status, answer.headers["retry-after"]) for answer in refused} == {(503, "5")}
    assert public.resident(daemon) < (600 << 20)
    for peer in peers:
        peer.close()


# ---- where ----

@pytest.mark.parametrize("where", ["0.0.0.0:8025", "[::]:8025", "192.0.2.1:8025"])
def test_not_in_the_clear(make_daemon, where):
    daemon = make_daemon(start=False)
    daemon.extra = f'http {{ public = "{where}" }}'
    daemon.write_conf()
    daemon.spawn()
    assert daemon.process.wait(daemons.PATIENCE) == 1
    daemon.process = None
    assert "public_tls_cert_file" in daemon.log() and "127.0.0.1:8025" in daemon.log()


def test_unix_socket(make_daemon):
    daemon = make_daemon(start=False)
    path = f"{daemon.directory}/http/public"
    daemon.extra = f'http {{ public = "unix:{path}" }}'
    daemon.write_conf()
    daemon.start()
    assert internal.Client(path).get("/nothing")[0] == 404
    daemon.stop()
    assert not os.path.exists(path)


def test_none_by_default(make_daemon):
    daemon = make_daemon(start=False)
    daemon.start()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", 8025)):
        pass


def handed(daemon, host):
    """Starts posternd as a service manager would, with a socket that it has bound. Returns the socket."""
    held = socket.create_server((host, 0))
    command = 'exec 3<&"$1"; shift; LISTEN_PID=$$ exec "$@"'
    environment = dict(os.environ, LISTEN_FDS="1", LISTEN_FDNAMES="public")
    with open(daemon.log_path, "ab") as log:
        daemon.process = subprocess.Popen(["bash", "-c", command, "bash", str(held.fileno()), daemons.POSTERND, "--config", daemon.conf],
                                          pass_fds=[held.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
    return held


def test_socket_of_a_service_manager(make_daemon):
    daemon = make_daemon(start=False)
    daemon.extra = 'http { public = "127.0.0.1:8025" }'
    daemon.write_conf()
    with handed(daemon, "127.0.0.1") as held:
        daemons.wait_for(daemon.answers, daemon.log)
        assert internal.Client(held.getsockname()[1]).get("/nothing")[0] == 404


@pytest.mark.parametrize("host, extra", [("0.0.0.0", 'http { public = "127.0.0.1:8025" }'), ("127.0.0.1", "")])
def test_socket_of_a_service_manager_in_the_clear(make_daemon, host, extra):
    """What it hands over is held to the same rule, and nothing is opened that the configuration does not want."""
    daemon = make_daemon(start=False)
    daemon.extra = extra
    daemon.write_conf()
    with handed(daemon, host):
        assert daemon.process.wait(daemons.PATIENCE) == 1
    daemon.process = None
    assert "public_tls_cert_file" in daemon.log()


def test_a_worker_dies(daemon):
    """The socket is the parent's: who comes meanwhile waits, and is answered."""
    (worker,) = daemon.workers
    os.kill(worker, signal.SIGKILL)
    with public.Peer(daemon.public_port) as peer:
        peer.send(b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n")
        assert peer.answer().status == 404
    daemon.wait_worker(worker)


# ---- the end, and a new configuration ----

def test_reload_takes_new_limits(make_daemon):
    daemon = public.start(make_daemon, body="64K")
    connection = http.client.HTTPConnection("127.0.0.1", daemon.public_port, timeout=daemons.PATIENCE)
    connection.request("POST", "/nothing", b"x" * 65537)
    assert connection.getresponse().status == 413
    connection.close()
    public.reload(daemon, body="128K")
    connection.request("POST", "/nothing", b"x" * 65537)
    assert connection.getresponse().status == 404
    mark = daemon.mark()
    public.configure(daemon, body="128K", trusted_proxies='{"somewhere"}')
    os.kill(daemon.parent, 1)
    assert "trusted_proxies" in daemon.wait_line("reload_refused", mark)
