"""docs/fronts.md, run: the real nginx and the real Caddy with the blocks of that page, in front of a real posternd.

Private instances with a configuration, ports and directories of their own; no service of this system is touched. Only
names of places differ from the page: ports, and where certificates lie."""

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "flow"))

import daemon as daemons  # noqa: E402
import public  # noqa: E402

NAME = "mail.example.com"
HOST = f"Host: {NAME}\r\n".encode()


def blocks(kind):
    with open(os.path.join(ROOT, "docs", "fronts.md"), encoding="utf-8") as page:
        return re.findall(rf"^```{kind}\n(.*?)^```$", page.read(), re.S | re.M)


def replaced(text, **places):
    """Each place of the page must be there."""
    for old, new in places.values():
        assert old in text, old
        text = text.replace(old, new)
    return text


class Front:
    """nginx or Caddy in front of a daemon, behind a port of its own."""

    def __init__(self, kind):
        self.kind = kind
        self.daemon = daemons.Daemon()
        self.directory = tempfile.mkdtemp(prefix="pf.", dir="/run")
        os.chmod(self.directory, 0o755)
        self.cert, self.key = f"{self.directory}/cert.pem", f"{self.directory}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", self.key, "-out", self.cert],
                       check=True, capture_output=True)
        self.process = None

    def start(self):
        self.daemon.public_port = daemons.free_port()
        with socket.create_server(("127.0.0.1", self.daemon.public_port)):
            self.port = daemons.free_port()
        (block,) = [text for text in blocks("") if "trusted_proxies" in text]
        self.daemon.extra = replaced(block, port=("127.0.0.1:8025", f"127.0.0.1:{self.daemon.public_port}"))
        self.daemon.write_conf()
        self.daemon.start()
        getattr(self, self.kind)()
        daemons.wait_for(self.answers, self.log)
        return self

    def answers(self):
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(OSError), self.peer():
            return True
        return False

    def log(self):
        with open(f"{self.directory}/log", encoding="utf-8", errors="replace") as log:
            return log.read()

    def run(self, command, environment=None):
        with open(f"{self.directory}/log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment or {"PATH": os.environ["PATH"]})

    def nginx(self):
        (block,) = blocks("nginx")
        block = replaced(block, port=("127.0.0.1:8025", f"127.0.0.1:{self.daemon.public_port}"),
                         listen=("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
                         cert=(f"/etc/letsencrypt/live/{NAME}/fullchain.pem", self.cert), key=(f"/etc/letsencrypt/live/{NAME}/privkey.pem", self.key))
        temporary = "".join(f"{name}_temp_path {self.directory}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(f"{self.directory}/nginx.conf", "w", encoding="ascii") as conf:
            conf.write(f"user root;\ndaemon off;\nmaster_process on;\nworker_processes 1;\npid {self.directory}/pid;\nerror_log stderr info;\n"
                       f"events {{ worker_connections 512; }}\nhttp {{\naccess_log off;\n{temporary}{block}}}\n")
        self.run(["nginx", "-p", self.directory, "-e", "stderr", "-c", f"{self.directory}/nginx.conf"])

    def caddy(self):
        (block,) = blocks("caddy")
        block = replaced(block, port=("127.0.0.1:8025", f"127.0.0.1:{self.daemon.public_port}"),
                         name=(f"{NAME} {{\n", f"https://{NAME}:{self.port} {{\n\tbind 127.0.0.1\n\ttls {self.cert} {self.key}\n"))
        with open(f"{self.directory}/Caddyfile", "w", encoding="ascii") as conf:
            conf.write("{\n\tadmin off\n\tauto_https off\n}\n" + block)
        self.run(["caddy", "run", "--adapter", "caddyfile", "--config", f"{self.directory}/Caddyfile"],
                 {"PATH": os.environ["PATH"], "HOME": self.directory, "XDG_DATA_HOME": self.directory, "XDG_CONFIG_HOME": self.directory})

    def peer(self, source=None):
        context = ssl.create_default_context(cafile=self.cert)
        return public.Peer(self.port, source, context)

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(daemons.PATIENCE)
        self.daemon.remove()
        shutil.rmtree(self.directory, ignore_errors=True)


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def front(request):
    made = Front(request.param)
    try:
        yield made.start()
    finally:
        made.close()


def get(peer, path, headers=b""):
    peer.send(b"GET " + path + b" HTTP/1.1\r\n" + HOST + headers + b"\r\n")
    return peer.answer()


def refused(answer):
    """It came from posternd, which has no token of this client: its own words, in its own form."""
    assert answer.status == 401, (answer.status, answer.body)
    assert answer.headers["content-type"].startswith("application/scim+json")
    assert json.loads(answer.body)["status"] == "401"


def test_keep_alive(front):
    with front.peer() as peer:
        for _ in range(5):
            refused(get(peer, b"/scim/v2/Users?filter=userName%20eq%20%22a%22"))


def asked_from(front, headers, source="127.0.0.7"):
    """The client that posternd logs."""
    mark = front.daemon.mark()
    with front.peer(source) as peer:
        refused(get(peer, b"/scim/v2/Users", headers))
    return re.search(r"rip=(\S+)", front.daemon.wait_line("scim_", mark))[1]


@pytest.mark.parametrize("headers", [
    b"",
    b"X-Forwarded-For: 203.0.113.9\r\n",
    b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 127.0.0.1\r\n",
    b"Forwarded: for=203.0.113.9;proto=https\r\n",
    b"X-Real-IP: 203.0.113.9\r\n",
], ids=["none", "one", "two", "forwarded", "real-ip"])
def test_who_asks(front, headers):
    """The front's client, whatever it says of itself."""
    assert asked_from(front, headers) == "127.0.0.7"


def test_nobody_else_is_believed(front):
    """Past the front: the listener's own peer, who is not among the trusted, however it got there."""
    mark = front.daemon.mark()
    with public.Peer(front.daemon.public_port, "127.0.0.8") as peer:
        refused(get(peer, b"/scim/v2/Users", b"X-Forwarded-For: 203.0.113.9\r\n"))
    assert "rip=127.0.0.8" in front.daemon.wait_line("scim_", mark)


@pytest.mark.parametrize("framing", ["length", "chunked", "expect"])
@pytest.mark.parametrize("size", [10, 70000, 4 << 20])
def test_bodies(front, framing, size):
    """Up to http.body, however they are sent."""
    body = b" " * size
    head = b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Type: application/scim+json\r\n"
    with front.peer() as peer:
        if framing == "chunked":
            peer.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (size, body))
        elif framing == "length":
            peer.send(head + b"Content-Length: %d\r\n\r\n" % size + body)
        else:
            peer.send(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % size)
            assert peer.wait(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
            peer.send(body)
        refused(peer.final())


def test_too_long(front):
    """A little above the limit posternd says no, in SCIM's words."""
    with front.peer() as peer:
        peer.send(b"POST /scim/v2/Users HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % ((4 << 20) + 1))
        peer.flood(b" " * 65536, 65)
        answer = peer.answer()
    assert answer.status == 413, answer.body
    assert json.loads(answer.body)["status"] == "413"


@pytest.mark.parametrize("path", [b"/metrics", b"/healthz", b"/introspect", b"/", b"/scim/v2/../../metrics", b"/scim/v2/%2e%2e/%2e%2e/metrics"])
def test_nothing_else_is_reached(front, path):
    with front.peer() as peer:
        answer = get(peer, path)
    assert b"postern_" not in answer.body and answer.status in (200, 400, 401, 404)
    assert answer.status != 200 or not answer.body


def test_idle_connections_are_no_trap(front):
    """The front closes idle connections to posternd before posternd does: what its page promises."""
    (nginx,), (caddy,) = blocks("nginx"), blocks("caddy")
    seconds = int(re.search(r"keepalive(?:_timeout)? (\d+)s", nginx if front.kind == "nginx" else caddy)[1])
    with open(os.path.join(ROOT, "src", "daemon", "public_http.c"), encoding="utf-8") as source:
        assert seconds < int(re.search(r"IDLE_MS = (\d+) \* 1000", source.read())[1])


def test_own_certificate():
    """The last block of the page, with nothing in front."""
    (block,) = [text for text in blocks("") if "public_tls_cert_file" in text]
    daemon = daemons.Daemon()
    try:
        cert, key = f"{daemon.directory}/cert.pem", f"{daemon.directory}/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
                        "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", cert], check=True, capture_output=True)
        port = daemons.free_port()
        daemon.extra = replaced(block, port=("[::]:443", f"[::]:{port}"), cert=(f"/etc/letsencrypt/live/{NAME}/fullchain.pem", cert),
                                key=(f"/etc/letsencrypt/live/{NAME}/privkey.pem", key))
        daemon.write_conf()
        daemon.start()
        with public.Peer(port, context=ssl.create_default_context(cafile=cert)) as peer:
            refused(get(peer, b"/scim/v2/Users"))
    finally:
        daemon.remove()
