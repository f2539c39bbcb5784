"""server.py - the web of the room: one server for all hosts, by the name a client asks for, and everything it can do wrong."""

import collections
import contextlib
import gzip
import json
import socket
import threading
import time
import urllib.parse

PATIENCE = 60
BODY_MAX = 1 << 20


class Request:
    def __init__(self, host, address, port, method, target, headers, body):
        self.host, self.address, self.port = host, address, port
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path, _, self.query = target.partition("?")
        self.endpoint = None
        self.when = time.monotonic()

    @property
    def form(self):
        return {name: values[0] for name, values in urllib.parse.parse_qs(self.body.decode("latin-1"), keep_blank_values=True).items()}

    @property
    def bearer(self):
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None

    def __repr__(self):
        return f"{self.method} https://{self.host}{self.path} ({self.endpoint})"


class Answer:
    """`value`: what becomes JSON, or bytes."""

    def __init__(self, status=200, value=b"", kind="application/json", **headers):
        self.status = status
        self.body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.headers = {"Content-Type": kind, "Content-Length": str(len(self.body))}
        self.headers |= {name.replace("_", "-"): text for name, text in headers.items()}

    def bytes(self):
        lines = [f"HTTP/1.1 {self.status} x"] + [f"{name}: {text}" for name, text in self.headers.items() if text is not None]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


# ---- trouble: each takes the good answer, and writes what shall be written instead; True: the connection goes on ----

def frozen(server, connection, request, answer):
    """Never answers."""
    server.thaw.wait(PATIENCE)
    return False


def says(status=200, value=b"", kind="application/json", **headers):
    """Another answer."""
    def trouble(server, connection, request, answer):
        connection.sendall(Answer(status, value, kind, **headers).bytes())
        return True
    return trouble


def changed(**members):
    """The good answer with other members (None: without them)."""
    def trouble(server, connection, request, answer):
        value = json.loads(answer.body) | members
        connection.sendall(Answer(answer.status, {name: one for name, one in value.items() if one is not None}).bytes())
        return True
    return trouble


error = says(500, {"error": "server_error"})
html = says(200, b"<!doctype html><title>Sign in</title>", "text/html")
nothing = says(200, b"")
no_keys = says(200, {"keys": []})


def redirect(location):
    return says(302, b"", Location=location)


def huge(server, connection, request, answer):
    """200 MB, as far as they are taken."""
    connection.sendall(b"HTTP/1.1 200 x\r\nContent-Type: application/json\r\nContent-Length: 200000000\r\n\r\n")
    for _ in range(200):
        connection.sendall(b" " * 1_000_000)
    return False


def endless(server, connection, request, answer):
    """Chunks without an end."""
    connection.sendall(b"HTTP/1.1 200 x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not server.thaw.is_set():
        connection.sendall(b"4000\r\n" + b" " * 0x4000 + b"\r\n")
    return False


def drip(server, connection, request, answer):
    """A byte a second."""
    for byte in answer.bytes():
        connection.sendall(bytes([byte]))
        if server.thaw.wait(1):
            break
    return False


def cut(server, connection, request, answer):
    """Closes in the middle of the body."""
    connection.sendall(answer.bytes()[:-max(1, len(answer.body) // 2)])
    return False


def zipped(server, connection, request, answer):
    """100 MB of blanks as 100 KB."""
    connection.sendall(Answer(200, gzip.compress(b" " * 100_000_000), Content_Encoding="gzip").bytes())
    return False


def twofold(other):
    """Two answers to one question: the second waits for the next who asks."""
    def trouble(server, connection, request, answer):
        connection.sendall(answer.bytes() + Answer(200, other).bytes())
        return True
    return trouble


def skewed(seconds):
    """A clock that is wrong."""
    def trouble(server, connection, request, answer):
        answer.headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + seconds))
        connection.sendall(answer.bytes())
        return True
    return trouble


class Server:
    """Answers on listening sockets; `hosts`: name → a function from Request to Answer that may name its `endpoint`."""

    def __init__(self, listening, authority, addresses, old_address):
        self.authority, self.addresses, self.old_address = authority, addresses, old_address
        self.hosts = {}
        self.certificates = {}      # host → kind of certificate
        self.troubles = {}          # (host, endpoint) or host → trouble
        self.lock = threading.Lock()
        self.seen = []              # Requests
        self.connections = collections.Counter()     # (address, port) → how many came
        self.names = []             # asked for by SNI
        self.thaw = threading.Event()
        self.silent = False         # accepts, and not even shakes hands
        self.open = set()
        for port, one in listening.items():
            threading.Thread(target=self.accept, args=(one, port), daemon=True).start()

    def close(self):
        self.thaw.set()
        self.drop()

    # ---- what a test says and asks ----

    def trouble(self, what, host, endpoint=None):
        with self.lock:
            self.troubles[(host, endpoint) if endpoint else host] = what

    def well(self):
        """No more trouble; whoever waits is let go."""
        with self.lock:
            self.troubles.clear()
            self.silent = False
            old, self.thaw = self.thaw, threading.Event()
        old.set()

    def drop(self):
        """Closes every connection."""
        with self.lock:
            kept, self.open = self.open, set()
        for one in kept:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def requests(self, host=None, endpoint=None, since=0):
        with self.lock:
            return [one for one in self.seen[since:] if (host is None or one.host == host) and (endpoint is None or one.endpoint == endpoint)]

    def mark(self):
        with self.lock:
            return len(self.seen)

    def forbidden(self):
        """Connections to addresses where no provider is."""
        with self.lock:
            return {where: count for where, count in self.connections.items() if where[0] not in self.addresses}

    # ---- how it works ----

    def accept(self, listening, port):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                connection.settimeout(PATIENCE)
                address = connection.getsockname()[0].removeprefix("::ffff:")
                with self.lock:
                    self.connections[address, port] += 1
                    self.open.add(connection)
                threading.Thread(target=self.serve, args=(connection, address, port), daemon=True).start()

    def serve(self, raw, address, port):
        connection = raw
        try:
            if self.silent:
                self.thaw.wait(PATIENCE)
                return
            if port == 443:
                connection = self.shake_hands(raw, address)
            with connection.makefile("rb") as stream:
                while self.one(connection, stream, address, port):
                    pass
        except (OSError, ValueError):
            pass
        finally:
            with self.lock:
                self.open.discard(raw)
                self.open.discard(connection)
            with contextlib.suppress(OSError):
                connection.close()

    def shake_hands(self, raw, address):
        def chosen(sslobject, name, _):
            with self.lock:
                self.names.append(name)
                kind = self.certificates.get(name, "good")
            if name:
                sslobject.context = self.authority.context(name, kind)

        # Its version is agreed on before a name is heard, so what is old has an address of its own.
        first = self.authority.first(old=address == self.old_address)
        first.sni_callback = chosen
        connection = first.wrap_socket(raw, server_side=True)
        with self.lock:
            self.open.discard(raw)
            self.open.add(connection)
        return connection

    def one(self, connection, stream, address, port):
        head = []
        while True:
            line = stream.readline(100_000)
            if not line:
                return False
            if line in (b"\r\n", b"\n"):
                break
            head.append(line.decode("latin-1").rstrip("\r\n"))
        method, target, _ = head[0].split(" ", 2)
        headers = {name.strip().lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:])}
        body = stream.read(min(int(headers.get("content-length", "0")), BODY_MAX))
        request = Request(headers.get("host", "").partition(":")[0], address, port, method, target, headers, body)
        handler = self.hosts.get(request.host)
        answer = handler(request) if handler else Answer(404, {"error": "not_found"})
        with self.lock:
            self.seen.append(request)
            trouble = self.troubles.get((request.host, request.endpoint)) or self.troubles.get(request.host)
        if trouble:
            return trouble(self, connection, request, answer)
        connection.sendall(answer.bytes())
        return True
