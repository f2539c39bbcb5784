"""One private mail server for all tests of this directory: real Postfix, real Dovecot, the posternd of POSTERN_BUILD."""

import fcntl
import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "share", "demo"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import clients  # noqa: E402
import fake_provider  # noqa: E402

BUILD = os.path.abspath(os.environ.get("POSTERN_BUILD", os.path.join(ROOT, "build", "san")))
KNOWN_PORTS = (25, 110, 143, 465, 587, 825, 880, 881, 882, 883, 884, 885, 993, 995, 4190, 4191)
OIDC_PORTS = {"oidc": 881, "asked": 882, "signed": 883, "idtoken": 884}      # issuers of oidc.mjs
STAFF_PORT = 885                                                            # one more, of test_provisioning.py
WAIT_SECONDS = 20

# A certified provider four times, each checked in another way and with a domain of its own; and refusals without their
# delay. Every client here comes from one address, so failures are counted per user, as for a webmail host.
EXTRA = """
provider "oidc" {{
  userinfo = "http://127.0.0.1:{oidc}/me"
  domains  = {{"oidc.example"}}
}}
provider "asked" {{
  issuer   = {{"http://127.0.0.1:{asked}"}}
  check    = introspection
  clients  = {{"mail", "brief"}}
  domains  = {{"asked.example"}}
  leeway   = 0s
  cache_lifetime = 200ms
  introspection {{
    id     = "postern"
    secret = "a secret: with %, & and +"
  }}
}}
provider "signed" {{
  issuer    = {{"http://127.0.0.1:{signed}"}}
  audiences = {{"https://mail.example/"}}
  clients   = {{"mail", "brief"}}
  scopes    = {{"mail"}}
  domains   = {{"signed.example"}}
  leeway    = 0s
  keys_cooldown = 1s
}}
provider "staff" {{
  userinfo = "http://127.0.0.1:{staff}/me"
  domains  = {{"staff.example"}}
}}
provider "idtoken" {{
  issuer    = {{"http://127.0.0.1:{idtoken}"}}
  clients   = {{"mail"}}
  id_tokens = yes
  domains   = {{"idtoken.example"}}
}}
login {{
  refusal_delay     = 50ms
  trusted_addresses = {{"127.0.0.0/8"}}
}}
"""


def wait_for(condition, what, seconds=WAIT_SECONDS):
    """The first true answer of `condition`."""
    until = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"after {seconds} s still not: {what() if callable(what) else what}")
        time.sleep(0.05)


def port_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class PortBase:
    """A block of ports below the range that the kernel gives to clients, ours for as long as the lock is held."""

    def __init__(self):
        for base in range(11000, 27000, 1000):
            self.lock = open(f"/run/postern-ports-{base}.lock", "w", encoding="ascii")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.lock.close()
                continue
            if all(port_free(base + port) for port in KNOWN_PORTS):
                self.base = base
                return
            self.lock.close()
        raise RuntimeError("no block of ports is free")

    def release(self):
        os.unlink(self.lock.name)
        self.lock.close()


class Stack:
    """The running servers, what is known about them, and what a test may do to them."""

    def __init__(self, name, extra="", userinfo=None):
        self.ports = PortBase()
        self.base = self.ports.base
        self.directory = f"/run/postern-{name}-{self.base}"
        self.provider = fake_provider.FakeProvider(self.base + 880) if userinfo is None else None
        self.userinfo = userinfo or f"http://127.0.0.1:{self.base + 880}/userinfo"
        self.oidc_ports = {name: self.base + port for name, port in OIDC_PORTS.items()}
        self.extra = extra.format(**self.oidc_ports, staff=self.base + STAFF_PORT)
        self.numbers = itertools.count(1)
        self.context = None

    def bash(self, command, check=True, timeout=90):
        environment = dict(os.environ, STACK_DIR=self.directory, STACK_BUILD=BUILD, STACK_BASE=str(self.base),
                           STACK_USERINFO=self.userinfo, STACK_EXTRA=self.extra, LC_ALL="C.UTF-8")
        script = f'set -uo pipefail; . "{ROOT}/share/demo/stack.bash"; {command}'
        # Files, not pipes: a daemon that inherited a pipe would keep us waiting for its end.
        out = os.path.join("/run", f"postern-bash-{os.getpid()}-{next(self.numbers)}")
        try:
            with open(out, "w+", encoding="utf-8", errors="replace") as stream:
                done = subprocess.run(["bash", "-c", script], env=environment, stdin=subprocess.DEVNULL, stdout=stream,
                                      stderr=subprocess.STDOUT, check=False, timeout=timeout)
                stream.seek(0)
                text = stream.read()
        finally:
            os.unlink(out)
        if check and done.returncode != 0:
            raise AssertionError(f"{command}: {done.returncode}\n{text}")
        return text

    def up(self):
        self.bash("stack_up")
        self.context = clients.context_of(f"{self.directory}/tls/ca.pem")
        self.postern("domain", "add", "example.com")

    def down(self):
        self.bash("stack_down", check=False)
        if self.provider and self.provider.server:
            self.provider.stop()
        keep = os.path.join(ROOT, "build", "log", os.path.basename(self.directory))
        shutil.rmtree(keep, ignore_errors=True)
        shutil.copytree(f"{self.directory}/log", keep)
        shutil.rmtree(self.directory, ignore_errors=True)
        if os.path.exists(f"{self.directory}.lock"):
            os.unlink(f"{self.directory}.lock")
        self.ports.release()

    # ---- what a person would type ----

    def postern(self, *arguments, check=True, line=""):
        done = subprocess.run([f"{BUILD}/src/cli/postern", *arguments], input=line, check=False, capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, POSTERN_SOCKET=f"{self.directory}/admin.sock"))
        if check and done.returncode != 0:
            raise AssertionError(f"postern {arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def doveadm(self, *arguments, check=True):
        done = subprocess.run(["doveadm", "-c", f"{self.directory}/dovecot.conf", *arguments], check=False,
                              capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"doveadm {arguments}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def account(self, hint="user", *options, line=""):
        """A new account with an address of its own."""
        address = f"{hint}{next(self.numbers)}@example.com"
        self.postern("account", "add", address, *options, line=line)
        return address

    def home(self, user):
        return self.doveadm("user", "-f", "home", user).stdout.strip()

    def token(self, user, kind="good"):
        return fake_provider.token(kind, user)

    # ---- clients ----

    def imap(self, security="tls", source=None):
        return clients.Imap(self.base + (993 if security == "tls" else 143), security, self.context, source)

    def pop3(self, security="tls", source=None):
        return clients.Pop3(self.base + (995 if security == "tls" else 110), security, self.context, source)

    def sieve(self, security="starttls", source=None):
        return clients.Sieve(self.base + (4191 if security == "tls" else 4190), security, self.context, source)

    def smtp(self, security="starttls", source=None):
        return clients.Smtp(self.base + (465 if security == "tls" else 587), security, self.context, source)

    def smtp_in(self):
        """As another mail server."""
        return clients.Smtp(self.base + 25)

    def signed_in(self, user, kind="imap", mechanism="XOAUTH2", token=None):
        connection = getattr(self, kind)()
        connection.authenticate(mechanism, clients.message_of(mechanism, user, token or self.token(user)))
        return connection

    def subjects(self, user):
        with self.signed_in(user) as imap:
            return imap.subjects()

    def wait_mail(self, user, subject):
        wait_for(lambda: subject in self.subjects(user), lambda: f"{subject} in {self.subjects(user)}")

    # ---- the log ----

    @property
    def log(self):
        return f"{self.directory}/log/mail.log"

    def log_mark(self):
        return os.path.getsize(self.log)

    def log_lines(self, mark, pattern):
        with open(self.log, "rb") as log:
            log.seek(mark)
            return [line for line in log.read().decode("utf-8", "replace").splitlines() if re.search(pattern, line)]

    def wait_log(self, mark, pattern, count=1, seconds=WAIT_SECONDS):
        """The matching lines, as soon as there are `count`."""
        def tail():
            with open(self.log, "rb") as log:
                log.seek(mark)
                return f"{count} lines like {pattern!r} in:\n" + log.read()[-4000:].decode("utf-8", "replace")

        def found():
            lines = self.log_lines(mark, pattern)
            return lines if len(lines) >= count else None

        return wait_for(found, tail, seconds)

    # ---- daemons ----

    def pid(self, name):
        return int(self.bash(f"stack_pid {name}").split()[0])

    def worker_pids(self):
        parent = self.pid("posternd")
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as children:
            return [int(pid) for pid in children.read().split()]

    def queue_empty(self):
        done = subprocess.run(["postqueue", "-c", f"{self.directory}/postfix", "-p"], check=False, capture_output=True, text=True)
        return "Mail queue is empty" in done.stdout


@pytest.fixture(scope="session", autouse=True)
def needs():
    if os.geteuid() != 0:
        pytest.exit("these tests start Postfix and Dovecot, which needs root", 2)
    for program in ("src/daemon/posternd", "src/cli/postern"):
        if not os.access(f"{BUILD}/{program}", os.X_OK):
            pytest.exit(f"{BUILD}/{program} is not built", 2)


@pytest.fixture(scope="session")
def stack():
    stack = Stack("test", extra=EXTRA)
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


@pytest.fixture(autouse=True)
def nothing_crashed(request):
    """No test may leave a crash, a panic or a sanitizer's finding behind, whatever else it shows."""
    if "stack" not in request.fixturenames:
        yield
        return
    stack = request.getfixturevalue("stack")
    mark = stack.log_mark()
    yield
    bad = r"AddressSanitizer|runtime error:|LeakSanitizer|worker_died|Panic:|assertion|Assertion|Fatal:|killed with signal|bad command startup"
    lines = stack.log_lines(mark, bad)
    if request.node.get_closest_marker("restarts") is None:
        assert not lines
    out = f"{stack.directory}/log/posternd.out"
    with open(out, encoding="utf-8", errors="replace") as text:
        assert not re.search(r"AddressSanitizer|runtime error:|LeakSanitizer|Assertion", text.read())


def pytest_configure(config):
    config.addinivalue_line("markers", "restarts: daemons are stopped and killed here, so the log may say so")
