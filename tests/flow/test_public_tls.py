"""The public listener with a certificate of its own: who is served, what is refused, and a new certificate at SIGHUP."""

import http.client
import os
import signal
import socket
import ssl
import subprocess
import threading

import pytest

import daemon as daemons
import internal
import public

HOST = b"Host: mail.example.com\r\n"
GET = b"GET /nothing HTTP/1.1\r\n" + HOST + b"\r\n"


def certificate(directory, name, kind=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
    """A self-made one: paths of certificate and key."""
    cert, key = f"{directory}/{name}.pem", f"{directory}/{name}.key"
    subprocess.run(["openssl", "req", "-x509", *kind, "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", cert,
                    "-addext", "subjectAltName=DNS:mail.example.com"], check=True, capture_output=True)
    os.chmod(key, 0o600)
    return cert, key


def settings(cert, key):
    return {"public_tls_cert_file": f'"{cert}"', "public_tls_key_file": f'"{key}"'}


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return public.start(make_daemon, lambda daemon: settings(*certificate(daemon.directory, "first")), connections_per_address=2000)


def context(cert=None, least=ssl.TLSVersion.TLSv1_2, most=ssl.TLSVersion.MAXIMUM_SUPPORTED, ciphers=None, protocols=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = cert is not None
    if cert:
        made.load_verify_locations(cert)
    else:
        made.verify_mode = ssl.CERT_NONE
    if ciphers:
        made.set_ciphers(ciphers)
    if protocols:
        made.set_alpn_protocols(protocols)
    made.minimum_version, made.maximum_version = least, most
    return made


def shown(daemon):
    """The certificate that a new connection gets."""
    return ssl.get_server_certificate(("127.0.0.1", daemon.public_port))


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_served(daemon, version):
    with public.Peer(daemon.public_port, context=context(f"{daemon.directory}/first.pem", version, version)) as peer:
        for _ in range(3):
            peer.send(GET)
            assert peer.answer().status == 404
        assert peer.socket.cipher()[0].startswith(("TLS_", "ECDHE-"))


def test_large_both_ways(daemon):
    """4 MiB of body in records of every size, and a goodbye that says that nothing is missing."""
    with public.Peer(daemon.public_port, context=context()) as peer:
        peer.send(b"POST /nothing HTTP/1.1\r\n" + HOST + b"Connection: close\r\nContent-Length: 4194304\r\n\r\n")
        left = 4194304
        for size in (1, 100, 16383, 16384, 16385, 65536, 1048576, 4194304):
            peer.send(b"x" * min(size, left))
            left -= min(size, left)
        assert peer.answer().status == 404
        assert peer.socket.recv(1) == b""


@pytest.mark.parametrize("bad, alert", [
    ({"least": ssl.TLSVersion.TLSv1_1, "most": ssl.TLSVersion.TLSv1_1, "ciphers": "ALL:@SECLEVEL=0"}, "PROTOCOL VERSION"),
    ({"most": ssl.TLSVersion.TLSv1_2, "ciphers": "AES128-GCM-SHA256"}, "HANDSHAKE FAILURE"),
    ({"most": ssl.TLSVersion.TLSv1_2, "ciphers": "ECDHE-ECDSA-AES128-SHA"}, "HANDSHAKE FAILURE"),
    ({"protocols": ["h2"]}, "NO APPLICATION PROTOCOL"),
], ids=["tls-1.1", "no-forward-secrecy", "cbc", "only-h2"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_refused(daemon, bad, alert):
    """By an alert of ours, not by the client's own rules."""
    with pytest.raises(ssl.SSLError) as raised:
        public.Peer(daemon.public_port, context=context(**bad))
    assert f"ALERT {alert}" in str(raised.value).upper().replace("_", " ")


def test_alpn(daemon):
    with public.Peer(daemon.public_port, context=context(protocols=["h2", "http/1.1"])) as peer:
        assert peer.socket.selected_alpn_protocol() == "http/1.1"
        peer.send(GET)
        assert peer.answer().status == 404


@pytest.mark.parametrize("data", [GET, b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"x" * 70000])
def test_not_tls(daemon, data):
    """No word of HTTP in the clear; the connection ends."""
    with public.Peer(daemon.public_port) as peer:
        peer.try_send(data)
        while peer.read():
            pass
        assert b"HTTP" not in peer.bytes


def test_smuggling_inside(daemon):
    with public.Peer(daemon.public_port, context=context()) as peer:
        peer.send(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET)
        assert [answer.status for answer in peer.answers()] == [400]


def test_silent_handshakes(make_daemon):
    """All connections are taken by clients that never say hello: whoever does is served."""
    daemon = public.start(make_daemon, lambda one: settings(*certificate(one.directory, "silent")), connections=20, connections_per_address=2000)
    silent = [public.Peer(daemon.public_port) for _ in range(20)]
    for half in silent[:10]:
        half.send(b"\x16\x03\x01\x02\x00\x01")
    for _ in range(5):
        with public.Peer(daemon.public_port, context=context()) as peer:
            peer.send(GET)
            assert peer.answer().status == 404
    for one in silent:
        one.close()


def test_new_certificate(daemon):
    """At SIGHUP, without a restart: new connections see it, those that are open go on."""
    first, workers = shown(daemon), daemon.workers
    assert first.strip() == read(f"{daemon.directory}/first.pem").strip()
    with public.Peer(daemon.public_port, context=context()) as old:
        old.send(GET)
        assert old.answer().status == 404
        cert, key = certificate(daemon.directory, "second", ("-newkey", "rsa:2048"))
        public.reload(daemon, **settings(cert, key), connections_per_address=2000)
        assert shown(daemon).strip() == read(cert).strip()
        old.send(GET)
        assert old.answer().status == 404
    # The same file with a new content, as certbot leaves it.
    third = certificate(daemon.directory, "third")
    for new, old in zip(third, (cert, key)):
        os.replace(new, old)
    public.reload(daemon, **settings(cert, key), connections_per_address=2000)
    assert shown(daemon).strip() == read(cert).strip()
    assert daemon.workers == workers


BAD = {
    "another-key": lambda d, cert, key: (cert, certificate(d, "stranger")[1]),
    "no-certificate": lambda d, cert, key: (write(d, "empty.pem", "nothing\n"), key),
    "broken-chain": lambda d, cert, key: (write(d, "broken.pem", read(cert) + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), key),
    "no-key": lambda d, cert, key: (cert, write(d, "empty.key", "nothing\n")),
    "missing": lambda d, cert, key: (cert, f"{d}/missing.key"),
    "open-key": lambda d, cert, key: (cert, write(d, "open.key", read(key), 0o644)),
}
SAYS = {"another-key": "not the one of the certificate", "no-certificate": "no certificate", "broken-chain": "chain", "no-key": "the key cannot be read",
        "missing": "missing.key", "open-key": "others can read it"}


def write(directory, name, text, mode=0o600):
    path = f"{directory}/{name}"
    with open(path, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
    return path


@pytest.mark.parametrize("bad", BAD)
def test_bad_certificate_at_reload(daemon, bad):
    """Validated first: the reload is refused, and the one in use stays."""
    cert, key = certificate(daemon.directory, "good")
    public.reload(daemon, **settings(cert, key), connections_per_address=2000)
    mark = daemon.mark()
    public.configure(daemon, **settings(*BAD[bad](daemon.directory, cert, key)))
    os.kill(daemon.parent, signal.SIGHUP)
    line = daemon.wait_line("reload_refused", mark)
    assert SAYS[bad] in line, line
    assert "PRIVATE" not in line
    assert shown(daemon).strip() == read(cert).strip()


def test_tls_is_not_lost_at_reload(daemon):
    """A listener that speaks TLS never falls back to the clear."""
    before = shown(daemon)
    public.reload(daemon, connections_per_address=2000)
    assert shown(daemon) == before


def test_one_without_the_other(make_daemon):
    daemon = make_daemon(start=False)
    cert, _ = certificate(daemon.directory, "lonely")
    daemon.extra = f'http {{ public = "127.0.0.1:8025" public_tls_cert_file = "{cert}" }}'
    daemon.write_conf()
    daemon.spawn()
    assert daemon.process.wait(daemons.PATIENCE) == 1
    daemon.process = None
    assert "belong together" in daemon.log()


def test_elsewhere_with_a_certificate(make_daemon):
    """Any address will do then; [::] takes IPv4 as well."""
    daemon = make_daemon(start=False)
    cert, key = certificate(daemon.directory, "wide")
    port = daemons.free_port()
    lines = "\n".join(f"{name} = {value}" for name, value in settings(cert, key).items())
    daemon.extra = f'http {{\n public = "[::]:{port}"\n{lines}\n}}'
    daemon.write_conf()
    daemon.start()
    for host in ("127.0.0.1", "::1"):
        with socket.create_connection((host, port), daemons.PATIENCE) as plain, context().wrap_socket(plain) as peer:
            peer.sendall(GET)
            assert peer.recv(12) == b"HTTP/1.1 404"


def test_many_handshakes_and_answers(daemon):
    """Twenty threads, each with connections of its own."""
    problems = []

    def run():
        try:
            for _ in range(5):
                connection = http.client.HTTPSConnection("127.0.0.1", daemon.public_port, timeout=daemons.PATIENCE, context=context())
                for size in (0, 10, 100000):
                    connection.request("POST", "/nothing", b"x" * size)
                    answer = connection.getresponse()
                    assert answer.status == 404 and answer.read()
                connection.close()
        except Exception as problem:  # pylint: disable=broad-except
            problems.append(problem)

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    client = internal.Client(daemon.internal_port)
    daemons.wait_for(lambda: client.metrics()['postern_connections{door="public"}'] == 0, "all to be gone")
