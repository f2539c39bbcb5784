"""daemon.py - a posternd of its own for a test module, in a directory of its own: start, ask, look at, stop, kill."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "stack"))

import ends  # noqa: E402
import fake_provider  # noqa: E402

BUILD = os.path.abspath(os.environ.get("POSTERN_BUILD", os.path.join(ROOT, "build", "san")))
POSTERND = f"{BUILD}/src/daemon/posternd"
POSTERN = f"{BUILD}/src/cli/postern"
WORKER_UID, MAIL_UID, OTHER_UID = 5001, 5000, 65533
PATIENCE = ends.PATIENCE

CONF = """
user          = "{uid}"
group         = "{uid}"
run_directory = "{directory}/run"
log           = stderr
log_level     = info
default_domain = "example.com"
{providers}
accounts {{ store = "sqlite:{directory}/lib/accounts.db" }}
login    {{
{login}
}}
mail     {{ root = "{directory}/mail" }}
dovecot  {{
  base_dir = "{directory}/dovecot"
  check    = no
}}
postfix  {{ queue_directory = "{directory}/spool" }}
worker   {{
{worker}
}}
{extra}
"""
# Nothing is remembered: a test that says so counts the questions.
PROVIDER = """
provider "fake" {{
  userinfo = "http://127.0.0.1:{port}/userinfo"
  domains  = {{"example.com"}}
  cache_lifetime = 0s
  refused_lifetime = 0s
{more}
}}
"""
LOGIN = {"refusal_delay": "0s", "throttle_free": "100000", "throttle_stop": "0"}
WORKER = {"heartbeat": "100ms", "heartbeat_timeout": "10s", "stop_timeout": "3s", "backoff_min": "50ms", "backoff_max": "200ms"}


def wait_for(condition, what, seconds=PATIENCE):
    """The first true answer of `condition`."""
    until = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"after {seconds} s still not: {what() if callable(what) else what}")
        time.sleep(0.02)


def free_port():
    """A port below those that the kernel gives to clients, so that one may be left and taken again."""
    for port in range(28000 + os.getpid() % 2000, 32000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise RuntimeError("no port is free")


def settings(values):
    return "\n".join(f"  {name} = {value}" for name, value in values.items())


class Provider(fake_provider.FakeProvider):
    """One that takes its open connections with it when it stops."""

    def start(self):
        super().start()
        connections, accept = [], self.server.process_request
        self.connections = connections

        def process_request(request, address):
            connections.append(request)
            accept(request, address)

        self.server.process_request = process_request

    def stop(self):
        super().stop()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Daemon:
    """posternd, and everything a test may ask of it."""

    def __init__(self, login=None, worker=None, provider_more="", providers=None, wrapper=(), extra=""):
        self.directory = tempfile.mkdtemp(prefix="pt.", dir="/run")
        os.chmod(self.directory, 0o755)
        self.provider = Provider(free_port())
        self.login, self.worker = dict(LOGIN, **(login or {})), dict(WORKER, **(worker or {}))
        self.providers = providers or PROVIDER.format(port=self.provider.port, more=provider_more)
        self.conf = f"{self.directory}/postern.conf"
        self.log_path = f"{self.directory}/log"
        self.wrapper, self.extra = wrapper, extra
        self.process = None
        self.last_log = ""
        for name, mode, uid, gid in (("lib", 0o700, WORKER_UID, WORKER_UID), ("mail", 0o755, MAIL_UID, MAIL_UID),
                                     ("dovecot", 0o755, 0, 0), ("spool", 0o755, 0, 0)):
            path = f"{self.directory}/{name}"
            os.mkdir(path)
            os.chown(path, uid, gid)
            os.chmod(path, mode)
        self.write_conf()

    # ---- configuration ----

    def conf_text(self):
        return CONF.format(uid=WORKER_UID, directory=self.directory, providers=self.providers,
                           login=settings(self.login), worker=settings(self.worker), extra=self.extra)

    def write_conf(self, text=None):
        with open(self.conf, "w", encoding="utf-8") as conf:
            os.fchmod(conf.fileno(), 0o600)
            conf.write(self.conf_text() if text is None else text)

    # ---- its life ----

    def spawn(self):
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        environment |= {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([*self.wrapper, POSTERND, "--config", self.conf], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=environment, start_new_session=True)
        return self

    def start(self):
        self.spawn()
        wait_for(lambda: self.process.poll() is not None or self.answers(), self.log)
        assert self.process.poll() is None, self.log()
        return self

    def answers(self):
        return self.postern("domain", "list", check=False).returncode == 0

    def stop(self, sig=signal.SIGTERM):
        """Returns the exit status."""
        if self.process is None:
            return None
        os.kill(self.parent, sig)
        status = self.process.wait(PATIENCE)
        self.process = None
        return status

    def remove(self):
        if self.process and self.process.poll() is None:
            self.stop()
        if self.provider.server:
            self.provider.stop()
        self.last_log = self.log() if os.path.exists(self.log_path) else ""
        keep = os.path.join(ROOT, "build", "log", "daemon-" + os.path.basename(self.directory))
        os.makedirs(os.path.dirname(keep), exist_ok=True)
        with open(keep + ".log", "w", encoding="utf-8") as kept:
            kept.write(self.last_log)
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def parent(self):
        """Its pid: the process that we started, or its child when that is a wrapper."""
        if not self.wrapper:
            return self.process.pid
        return children(self.process.pid)[0]

    @property
    def workers(self):
        return children(self.parent)

    def wait_worker(self, old=None):
        """The pid of a worker other than `old` that answers."""
        wait_for(lambda: self.workers not in ([], [old]) and self.answers(), self.log)
        (pid,) = self.workers
        return pid

    # ---- its doors ----

    @property
    def login_path(self):
        return f"{self.directory}/dovecot/login/login"

    @property
    def postfix_path(self):
        return f"{self.directory}/spool/postern/auth"

    @property
    def master_path(self):
        return f"{self.directory}/dovecot/auth-master"

    @property
    def userdb_path(self):
        return f"{self.directory}/dovecot/auth-userdb"

    def dovecot(self, service="imap", **more):
        return ends.Auth(self.login_path, service, **more)

    def postfix(self, **more):
        return ends.Postfix(self.postfix_path, **more)

    def master(self, **more):
        return ends.Master(self.master_path, **more)

    def userdb(self, **more):
        return ends.Master(self.userdb_path, **more)

    def map(self):
        return ends.Map(f"{self.directory}/spool/postern/map")

    def policy(self):
        return ends.Policy(f"{self.directory}/spool/postern/policy")

    def postern(self, *arguments, check=True, line=""):
        done = subprocess.run([POSTERN, *arguments], input=line, check=False, capture_output=True, text=True, timeout=PATIENCE,
                              env=dict(os.environ, POSTERN_SOCKET=f"{self.directory}/run/admin.sock"))
        if check and done.returncode != 0:
            raise AssertionError(f"postern {arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    # ---- its log ----

    def log(self):
        with open(self.log_path, "rb") as log:
            return log.read().decode("utf-8", "replace")

    def mark(self):
        return os.path.getsize(self.log_path)

    def lines(self, pattern, mark=0):
        with open(self.log_path, "rb") as log:
            log.seek(mark)
            text = log.read().decode("utf-8", "replace")
        return [line for line in text.splitlines() if re.search(pattern, line)]

    def wait_line(self, pattern, mark=0):
        return wait_for(lambda: self.lines(pattern, mark), lambda: f"a line like {pattern!r} in:\n{self.log()}")[0]


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as listed:
            return [int(child) for child in listed.read().split()]
    except FileNotFoundError:
        return []


def token(user="hello@example.com", kind="good"):
    return fake_provider.token(kind, user)


class Held:
    """In the provider's place: takes every question, answers (as for the token `good`) when told to."""

    def __init__(self, daemon):
        self.daemon, self.asked, self.go = daemon, 0, threading.Event()

    def __enter__(self):
        self.daemon.provider.stop()
        self.listening = socket.create_server(("127.0.0.1", self.daemon.provider.port), backlog=512)
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.go.set()
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.daemon.provider.start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listening.accept()
                threading.Thread(target=self.answer, args=(connection,), daemon=True).start()

    def answer(self, connection):
        head = b""
        with contextlib.suppress(OSError), connection:
            while b"\r\n\r\n" not in head:
                data = connection.recv(65536)
                if not data:
                    return
                head += data
            self.asked += 1
            user = fake_provider.decode(re.search(rb"Bearer (\S+)", head).group(1).decode())[1]
            self.go.wait(PATIENCE)
            body = json.dumps({"sub": "subject-of-" + user, "email": user, "email_verified": True}).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                               % (len(body), body))

    def wait(self, count=1):
        wait_for(lambda: self.asked >= count, lambda: f"{count} questions, not {self.asked}")


class Admin(http.client.HTTPConnection):
    """The admin socket without the command's start-up time."""

    def __init__(self, daemon):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = f"{daemon.directory}/run/admin.sock"

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(self.path)

    def post(self, path, **values):
        """The status."""
        self.request("POST", path, json.dumps(values), {"Content-Type": "application/json"})
        with self.getresponse() as response:
            response.read()
            return response.status
