"""fake_provider.py - a userinfo endpoint that can lie, stall and break, as a token tells it to.

A token says what happens: KIND_USER with USER in base64url, so tests need no state here. USER is an address, which
is also the subject, or ADDRESS|SUBJECT. Kinds:
  good        200 with the e-mail of USER, verified           unverified  200, email_verified false
  gone        401 invalid_token                               forbidden   403 with the e-mail in the body
  inactive    200, active false, with the e-mail              empty       200 {}
  error       500           html  200 text/html               text        200, not JSON
  big         200, 10 MB    slow  no answer for 60 s          redirect    302 to a good answer
  twice       200, two different e-mails under one name       drip        a byte a second
  nobody      200 without sub
"""

import base64
import http.server
import json
import socket
import threading


def token(kind, user):
    return kind + "_" + base64.urlsafe_b64encode(user.encode()).decode().rstrip("=")


def decode(text):
    kind, _, user = text.partition("_")
    user += "=" * (-len(user) % 4)
    try:
        return kind, base64.urlsafe_b64decode(user).decode()
    except ValueError:
        return "unknown", ""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        header = self.headers.get("Authorization", "")
        kind, user = decode(header.removeprefix("Bearer "))
        user, _, subject = user.partition("|")
        with self.server.lock:
            self.server.requests.append((kind, user, self.path))
        claims = {"sub": "subject-of-" + (subject or user), "email": user, "email_verified": True}
        answers = {
            "good": (200, claims),
            "unverified": (200, dict(claims, email_verified=False)),
            "gone": (401, {"error": "invalid_token"}),
            "forbidden": (403, claims),
            "inactive": (200, dict(claims, active=False)),
            "empty": (200, {}),
            "nobody": (200, {"email": user, "email_verified": True}),
            "error": (500, claims),
        }
        if kind in answers:
            status, value = answers[kind]
            self.answer(status, json.dumps(value).encode())
        elif kind == "html":
            self.answer(200, b"<!doctype html><title>Sign in</title>", "text/html")
        elif kind == "text":
            self.answer(200, b"yes, that is " + user.encode())
        elif kind == "twice":
            self.answer(200, b'{"sub":"s","email":"x@example.com","email":"%s","email_verified":true}' % user.encode())
        elif kind == "big":
            self.answer(200, json.dumps(dict(claims, padding="x" * 10_000_000)).encode())
        elif kind == "slow":
            self.server.stopping.wait(60)
        elif kind == "drip":
            self.drip(json.dumps(claims).encode())
        elif kind == "redirect":
            self.answer(302, b"", location="/userinfo/elsewhere")
        else:
            self.answer(401, b"")

    def answer(self, status, body, kind="application/json", location=None):
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def drip(self, body):
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.server.stopping.wait(1):
                    break
        except OSError:
            pass
        self.close_connection = True

    def log_message(self, format, *arguments):
        """Silent: the tests look at `requests`."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address):
        super().__init__(address, Handler)
        self.lock = threading.Lock()
        self.requests = []
        self.stopping = threading.Event()
        self.open = set()

    def process_request(self, request, client_address):
        with self.lock:
            self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self.lock:
            self.open.discard(request)
        super().shutdown_request(request)

    def cut(self):
        """Connections that are kept alive would go on being served."""
        with self.lock:
            for connection in self.open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def handle_error(self, request, client_address):
        """Clients that leave early are part of the tests."""


class FakeProvider:
    """Listens on a port of 127.0.0.1; `stop` and `start` make it absent and bring it back on the same port."""

    def __init__(self, port):
        self.port = port
        self.server = None
        self.start()

    def start(self):
        self.server = Server(("127.0.0.1", self.port))
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        """Refuses connections from now on, and cuts the ones that are open."""
        server, self.server = self.server, None
        server.stopping.set()
        server.shutdown()
        server.server_close()
        server.cut()

    def requests_for(self, user):
        with self.server.lock:
            return [request for request in self.server.requests if request[1] == user]


