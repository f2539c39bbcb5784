"""internal.py - posternd's internal HTTP listener: its block of the configuration, and a client for it."""

import http.client
import json
import re
import socket

import daemon as daemons

SECRET = "internal-s3cret"


def block(where, secret=SECRET):
    line = f'internal_secret = "{secret}"' if secret else ""
    return f'http {{\n  internal = "{where}"\n  {line}\n}}'


def start(make_daemon, where="127.0.0.1", secret=SECRET, **arguments):
    """A daemon with the listener on a free port, which is its `internal_port`, and the accounts that the tests speak of."""
    daemon = make_daemon(start=False, **arguments)
    daemon.internal_port = daemons.free_port()  # the provider has its own by now
    daemon.extra = block(f"{where}:{daemon.internal_port}", secret)
    daemon.write_conf()
    daemon.start()
    daemon.postern("domain", "add", "example.com")
    for name in ("hello", "alice"):
        daemon.postern("account", "add", f"{name}@example.com")
    daemon.postern("alias", "add", "alias@example.com", "hello@example.com")
    return daemon


class Client:
    """A keep-alive connection to 127.0.0.1:`where`, or to the UNIX socket `where`."""

    def __init__(self, where):
        self.where = where
        self.connection = http.client.HTTPConnection("127.0.0.1", where if isinstance(where, int) else 80, timeout=daemons.PATIENCE)
        if not isinstance(where, int):
            self.connection.connect = self.connect

    def connect(self):
        self.connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.connection.sock.settimeout(daemons.PATIENCE)
        self.connection.sock.connect(self.where)

    def close(self):
        self.connection.close()

    def ask(self, method, target, body=None, headers=None):
        """(status, content type, body)."""
        headers = dict(headers or {})
        if body is not None:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        self.connection.request(method, target, body, headers)
        with self.connection.getresponse() as response:
            return response.status, response.headers["Content-Type"], response.read()

    def get(self, target, headers=None):
        return self.ask("GET", target, None, headers)

    def introspect(self, token, headers=None, secret=SECRET):
        """(status, bytes): the token in the query, as Dovecot's introspection_mode = get sends it."""
        status, _, body = self.ask("GET", f"/{secret}/introspect?token={token}&client_id=&client_secret=", None, headers)
        return status, body

    def userinfo(self, token, headers=None, secret=SECRET):
        """The same as introspection_mode = auth sends it."""
        status, _, body = self.ask("GET", f"/{secret}/userinfo", None, {"Authorization": f"Bearer {token}", **(headers or {})})
        return status, body

    def active(self, token, headers=None):
        status, body = self.introspect(token, headers)
        assert status == 200
        return json.loads(body)

    def metrics(self):
        """{series: value}, after a look at the form of every line."""
        status, kind, body = self.get("/metrics")
        assert status == 200 and kind.startswith("text/plain; version=0.0.4")
        return parse(body.decode())


LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SERIES = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{{{LABEL}(?:,{LABEL})*\}})?) (\S+)")


def parse(text):
    """Prometheus' text format 0.0.4, strictly: every family has HELP and TYPE before its series, and comes once."""
    assert text.endswith("\n")
    series, types, family = {}, {}, None
    for line in text[:-1].split("\n"):
        if line.startswith("# HELP "):
            family = line.split(" ")[2]
            assert family not in types and len(line.split(" ", 3)[3]) > 0
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram")
            types[family] = kind
        else:
            found = SERIES.fullmatch(line)
            assert found, line
            name = found[1].partition("{")[0]
            ends = ("_bucket", "_sum", "_count") if types[family] == "histogram" else ("",)
            assert name in [family + end for end in ends], line
            assert found[1] not in series, line
            series[found[1]] = float(found[2])
    return series
