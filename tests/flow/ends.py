"""ends.py - the other ends of posternd's sockets, scripted: Dovecot's login process, imap and lmtp, Postfix, a policy client."""

import base64
import os
import socket
import subprocess
import sys

PATIENCE = 60  # seconds; sanitizers on a busy machine


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def bearer(user, token, host=True):
    """OAUTHBEARER's message as curl sends it."""
    middle = "\x01host=localhost\x01port=143" if host else ""
    return b64(f"n,a={user},{middle}\x01auth=Bearer {token}\x01\x01")


def xoauth2(user, token):
    return b64(f"user={user}\x01auth=Bearer {token}\x01\x01")


def plain(user, password, authzid=""):
    return b64(f"{authzid}\0{user}\0{password}")


class Closed(Exception):
    """The other end is gone."""


class Line:
    """A connection of lines."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.rest = b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def say(self, *fields):
        try:
            self.socket.sendall("\t".join(str(field) for field in fields).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer, or its absence, will tell

    def say_bytes(self, data):
        self.socket.sendall(data)

    def more(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed
        self.rest += data

    def hear(self):
        """The fields of the next line."""
        while b"\n" not in self.rest:
            self.more()
        line, self.rest = self.rest.split(b"\n", 1)
        return line.decode("utf-8", "surrogateescape").split("\t")

    def quiet(self, seconds=0.2):
        """True when nothing comes for that long."""
        self.socket.settimeout(seconds)
        try:
            self.more()
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)


class Auth(Line):
    """The client side of the auth protocol. `service` and `minor` say who it plays."""

    def __init__(self, path, service="imap", minor=2, handshake=True, **parameters):
        super().__init__(path)
        self.service, self.minor = service, minor
        self.parameters = dict({"rip": "192.0.2.7", "lip": "192.0.2.1", "secured": None}, **parameters)
        self.id = 0
        self.mechanisms, self.cookie, self.server_pid = {}, None, None
        self.cpid = os.getpid()
        if handshake:
            self.handshake()

    def handshake(self):
        while True:
            fields = self.hear()
            if fields[0] == "MECH":
                self.mechanisms[fields[1]] = fields[2:]
            elif fields[0] == "SPID":
                self.server_pid = int(fields[1])
            elif fields[0] == "COOKIE":
                self.cookie = fields[1]
            elif fields[0] == "DONE":
                break
        self.say("VERSION", 1, self.minor)
        self.say("CPID", self.cpid)

    def auth(self, mechanism, response=None, **parameters):
        """Sends AUTH; returns its id."""
        self.id += 1
        fields = dict(self.parameters, **parameters)
        words = [name if value is None else f"{name}={value}" for name, value in fields.items() if value is not False]
        words.insert(0, ("protocol=" if self.minor >= 3 else "service=") + self.service)
        if response is not None:
            words.append(f"resp={response}")
        self.say("AUTH", self.id, mechanism, *words)
        return self.id

    def cont(self, response):
        self.say("CONT", self.id, response)

    def answer(self, acknowledge="AQ=="):
        """The final answer of the exchange: the error challenge of a bearer login is acknowledged as clients do."""
        fields = self.hear()
        if fields[0] == "CONT" and acknowledge is not None:
            self.challenge = base64.b64decode(fields[2])
            self.cont(acknowledge)
            fields = self.hear()
        return fields

    def login(self, mechanism, response, acknowledge="AQ==", **parameters):
        self.challenge = None
        self.auth(mechanism, response, **parameters)
        try:
            return Answer(self.answer(acknowledge))
        except Closed:
            return Answer(["CLOSED", str(self.id)])


class Answer:
    """OK, FAIL or CLOSED, and the named fields."""

    def __init__(self, fields):
        self.kind, self.id = fields[0], fields[1]
        self.fields = dict(field.partition("=")[::2] for field in fields[2:])

    def __getitem__(self, name):
        return self.fields.get(name)

    def __repr__(self):
        return f"{self.kind} {self.fields}"

    @property
    def ok(self):
        return self.kind == "OK"

    @property
    def refused(self):
        """A permanent no."""
        return self.kind == "FAIL" and self["code"] != "temp_fail"

    @property
    def temporary(self):
        return self.kind == "CLOSED" or self["code"] == "temp_fail"


class Postfix(Auth):
    """smtpd: protocol 1.0, one login at a time."""

    def __init__(self, path, **parameters):
        super().__init__(path, service="smtp", minor=0, **dict({"nologin": None}, **parameters))


class Master(Line):
    """The master side of the auth protocol."""

    def __init__(self, path, minor=1):
        super().__init__(path)
        self.id = 0
        assert self.hear() == ["VERSION", "1", "1"]
        name, self.server_pid = self.hear()
        assert name == "SPID"
        self.say("VERSION", 1, minor)

    def ask(self, command, *fields):
        self.id += 1
        self.say(command, self.id, *fields)
        answer = self.hear()
        assert answer[1] == str(self.id), answer
        return answer

    def user(self, name, service="lmtp"):
        return self.ask("USER", name, f"service={service}")

    def request(self, auth, auth_id, *more):
        return self.ask("REQUEST", auth.cpid, auth_id, auth.cookie, *more)

    def list(self):
        answer, users = self.ask("LIST", "user=*", "service=doveadm"), []
        while answer[0] == "LIST":
            users.append(answer[2])
            answer = self.hear()
        assert answer == ["DONE", str(self.id), ""], answer
        return users


class Map(Line):
    """Postfix's end of a socketmap."""

    def ask(self, name, key):
        query = f"{name} {key}".encode()
        self.socket.sendall(b"%d:%s," % (len(query), query))
        while b":" not in self.rest:
            self.more()
        length, self.rest = self.rest.split(b":", 1)
        while len(self.rest) < int(length) + 1:
            self.more()
        answer, self.rest = self.rest[:int(length)], self.rest[int(length) + 1:]
        return answer.decode()


class Policy(Line):
    """Postfix's end of a policy service."""

    def ask(self, **attributes):
        attributes = dict({"request": "smtpd_access_policy", "protocol_state": "RCPT"}, **attributes)
        self.say_bytes("".join(f"{name}={value}\n" for name, value in attributes.items()).encode() + b"\n")
        (action,) = self.hear()
        assert self.hear() == [""]
        return action.removeprefix("action=")


AS_OTHER = """
import sys, types
ends = types.ModuleType("ends")
exec(sys.stdin.read(), ends.__dict__)
try:
    print({expression})
except (PermissionError, ends.Closed) as error:
    print(type(error).__name__)
"""


def as_user(uid, gid, expression):
    """What `expression` (of this module) gives when another user's process evaluates it."""
    code = AS_OTHER.format(expression=expression)
    # The sources may lie where that user cannot look, such as below /root.
    with open(__file__, encoding="utf-8") as module:
        done = subprocess.run([sys.executable, "-I", "-B", "-c", code], user=uid, group=gid, extra_groups=[], check=False, cwd="/",
                              stdin=module, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
