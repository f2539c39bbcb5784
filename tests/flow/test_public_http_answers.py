"""Large answers of the public listener: whole although posternd is stopped meanwhile, and no memory is left behind by TLS."""

import http.client
import os
import signal
import socket

import daemon as daemons
import public
import scim_clients
import test_public_tls as tls

WARM = 3  # answers after which nothing is built up any more
HOST = b"Host: mail.example.com\r\n"


def start(make_daemon, secured=False):
    """A daemon and a team whose list of users is some 4.5 MB long."""
    more = {}
    if secured:
        directory = make_daemon(start=False).directory
        more = tls.settings(*tls.certificate(directory, "answers"))
    daemon = scim_clients.start(make_daemon, **more)
    team = scim_clients.Team(daemon)
    client = team.client()
    if secured:
        client.connection = http.client.HTTPSConnection("127.0.0.1", daemon.public_port, timeout=daemons.PATIENCE, context=tls.context())
    for number in range(80):
        client.post("/Users", team.user(f"u{number}", **{f"x{name}": "n" * 4000 for name in range(14)}))
    client.close()
    return daemon, b"GET /scim/v2/Users?count=100 HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + team.secret.encode() + b"\r\n\r\n"


def test_stopped_meanwhile(make_daemon):
    """The client has read little yet: what it was promised it gets, and then posternd ends."""
    daemon, get = start(make_daemon)
    with public.Peer(daemon.public_port) as idle, public.Peer(daemon.public_port) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        peer.send(get)
        head = peer.wait(b"\r\n\r\n")
        length = int(public.Answer(head[:-4], b"").headers["content-length"])
        assert length > 4000000
        os.kill(daemon.parent, signal.SIGTERM)
        assert not idle.read()
        while peer.read():
            pass
        assert len(peer.bytes) == length
    assert daemon.process.wait(daemons.PATIENCE) == 0


def test_tls_keeps_nothing(make_daemon, monkeypatch):
    """Ten connections that got 4.5 MB each and stay open hold next to nothing of it."""
    # A sanitizer keeps what was freed for a while: that would hide what is measured here.
    options = os.environ.get("ASAN_OPTIONS")
    monkeypatch.setenv("ASAN_OPTIONS", (options + ":" if options else "") + "quarantine_size_mb=0:thread_local_quarantine_size_kb=0")
    daemon, get = start(make_daemon, secured=True)
    peers = [public.Peer(daemon.public_port, context=tls.context())]
    for _ in range(WARM):
        fetch(peers[0], get)
    before = public.resident(daemon)
    for _ in range(10):
        peers.append(public.Peer(daemon.public_port, context=tls.context()))
        fetch(peers[-1], get)
    assert public.resident(daemon) - before < (100 << 20 if public.sanitized() else 30 << 20)
    for peer in peers:
        peer.close()


def fetch(peer, get):
    peer.send(get)
    assert len(peer.answer().body) > 4000000
