"""Reload, stop, crash, hang, restart, a service manager's sockets, and connections that never finish."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import threading

import pytest

import daemon as daemons
import ends

HELLO = "hello@example.com"


def xoauth2(user=HELLO, kind="good"):
    return ends.xoauth2(user, daemons.token(user, kind))


def signs_in(daemon):
    with daemon.dovecot() as dovecot, daemon.postfix() as postfix:
        return dovecot.login("XOAUTH2", xoauth2()).ok and postfix.login("XOAUTH2", xoauth2()).ok


# ---- SIGHUP ----

def test_reload(make_daemon):
    """New settings are in force, old connections and the login in flight go on."""
    daemon = make_daemon()
    with daemon.dovecot() as end, daemons.Held(daemon) as held:
        end.auth("XOAUTH2", xoauth2())
        held.wait()
        daemon.login["passwords"] = "no"
        daemon.write_conf()
        mark = daemon.mark()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_line(r"\breloaded ", mark)
        held.go.set()
        assert ends.Answer(end.hear()).ok
        assert end.login("PLAIN", ends.plain("secret@example.com", "app-pass-1")).refused
    with daemon.dovecot() as end:
        assert set(end.mechanisms) == {"OAUTHBEARER", "XOAUTH2"}
    daemon.login["passwords"] = "yes"
    daemon.write_conf()
    mark = daemon.mark()
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_line(r"\breloaded ", mark)
    with daemon.dovecot() as end:
        assert end.login("PLAIN", ends.plain("secret@example.com", "app-pass-1")).ok


@pytest.mark.parametrize("text", ["provider {{{", "nonsense = 1\n", 'login { deadline = "1 parsec" }\n'],
                         ids=["syntax", "unknown", "value"])
def test_bad_file_keeps_the_old_one(daemon, text):
    """And says why, with the file's name."""
    mark = daemon.mark()
    workers = daemon.workers
    daemon.write_conf(text)
    daemon.process.send_signal(signal.SIGHUP)
    line = daemon.wait_line("reload_refused", mark)
    assert "reason=" in line and "postern.conf" in line
    assert signs_in(daemon) and daemon.workers == workers
    daemon.write_conf()


def test_what_needs_a_restart_is_said(daemon):
    mark = daemon.mark()
    daemon.write_conf(daemon.conf_text().replace(f"{daemon.directory}/lib/accounts.db", f"{daemon.directory}/lib/other.db"))
    daemon.process.send_signal(signal.SIGHUP)
    assert "accounts.store" in daemon.wait_line("restart_needed", mark)
    assert signs_in(daemon)
    daemon.write_conf()


def test_reloads_under_load_drop_no_login(daemon):
    failed, done = [], threading.Event()

    def client():
        with daemon.dovecot() as end:
            while not done.is_set():
                answer = end.login("XOAUTH2", xoauth2())
                if not answer.ok:
                    failed.append(answer)

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(20):
        mark = daemon.mark()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_line(r"\breloaded ", mark)
    done.set()
    for thread in threads:
        thread.join()
    assert not failed


# ---- SIGTERM ----

def test_stop_finishes_what_is_under_way(make_daemon):
    """The answer, then the REQUEST about it, then the end: exit status 0, no socket left behind."""
    daemon = make_daemon()
    with daemon.dovecot() as dovecot, daemon.postfix() as postfix, daemons.Held(daemon) as held:
        dovecot.auth("XOAUTH2", xoauth2())
        postfix.auth("XOAUTH2", xoauth2("alice@example.com"))
        held.wait(2)
        daemon.process.send_signal(signal.SIGTERM)
        held.go.set()
        assert ends.Answer(dovecot.hear()).ok
        assert ends.Answer(postfix.hear()).ok
        with daemon.master() as master:
            assert master.request(dovecot, 1)[0] == "USER"
        with pytest.raises(ends.Closed):
            dovecot.hear()
    assert daemon.process.wait(daemons.PATIENCE) == 0
    assert not os.path.exists(f"{daemon.directory}/run/admin.sock")
    daemon.process = None
    daemon.start()
    assert signs_in(daemon)


def test_stop_does_not_wait_for_ever(make_daemon):
    """What is still open then is a temporary failure, in each server's own terms."""
    daemon = make_daemon(worker={"stop_timeout": "300ms"})
    with daemon.dovecot() as dovecot, daemon.postfix() as postfix, daemons.Held(daemon) as held:
        dovecot.auth("XOAUTH2", xoauth2())
        postfix.auth("XOAUTH2", xoauth2(kind="other"))  # of one token there is one question
        held.wait(2)
        daemon.process.send_signal(signal.SIGTERM)
        assert dovecot.hear() == ["FAIL", "1", "code=temp_fail"]
        with pytest.raises(ends.Closed):
            postfix.hear()
        assert daemon.process.wait(daemons.PATIENCE) == 0
    assert len(daemon.lines("login_abandoned .*reason=stopping")) == 2
    daemon.process = None


# ---- SIGKILL, SIGSTOP ----

def test_worker_killed(daemon):
    """The sockets are held: whoever connects meanwhile is served by the next worker. What was in flight hears the end."""
    (old,) = daemon.workers
    with daemon.dovecot() as dovecot, daemon.postfix() as postfix, daemons.Held(daemon) as held:
        dovecot.auth("XOAUTH2", xoauth2())
        postfix.auth("XOAUTH2", xoauth2(kind="other"))
        held.wait(2)
        os.kill(old, signal.SIGKILL)
        for end in (dovecot, postfix):
            with pytest.raises(ends.Closed):
                end.hear()
    assert signs_in(daemon)
    assert daemon.wait_worker() != old
    daemon.wait_line(f"worker_died pid={old} signal=9")


def test_worker_that_hangs_is_replaced(make_daemon):
    """Clients that came meanwhile wait, and get their answer."""
    daemon = make_daemon(worker={"heartbeat": "50ms", "heartbeat_timeout": "2s"})
    (old,) = daemon.workers
    os.kill(old, signal.SIGSTOP)
    with ends.Auth(daemon.login_path, handshake=False) as early:
        early.handshake()
        assert early.login("XOAUTH2", xoauth2()).ok
    assert daemon.wait_worker() != old
    daemon.wait_line(f"worker_hung pid={old}")
    assert signs_in(daemon)


@pytest.mark.parametrize("both", [True, False])
def test_parent_killed(make_daemon, both):
    """The worker does not outlive it; the next start takes over sockets, lock and accounts."""
    daemon = make_daemon()
    (worker,) = daemon.workers
    if both:
        os.kill(worker, signal.SIGSTOP)
    daemon.process.kill()
    daemon.process.wait()
    if both:
        os.kill(worker, signal.SIGKILL)
    daemons.wait_for(lambda: not os.path.exists(f"/proc/{worker}") or zombie(worker), "the end of the worker")
    daemon.start()
    assert signs_in(daemon)


def zombie(pid):
    with contextlib.suppress(FileNotFoundError):
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    return True


def test_a_start_that_cannot_work_says_why(make_daemon):
    for change in (lambda text: text.replace("sqlite:", "sqlite:/nowhere"), lambda text: text.replace('domains  = {"example.com"}', "nope = 1"),
                   lambda text: text.replace('user          = "5001"', 'user          = "no-such-user"')):
        daemon = make_daemon(start=False)
        daemon.write_conf(change(daemon.conf_text()))
        daemon.spawn()
        assert daemon.process.wait(daemons.PATIENCE) == 1
        assert len(daemon.log().strip().splitlines()[-1]) > 30
        daemon.process = None


# ---- a service manager ----

class Manager:
    """Binds a socket, hands it over, and listens for READY=1."""

    def __init__(self, daemon, name, path):
        self.daemon, self.name = daemon, name
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.held = socket.socket(socket.AF_UNIX)
        self.held.bind(path)
        self.held.listen(64)
        self.notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notes.bind(f"{daemon.directory}/notify")
        self.notes.settimeout(daemons.PATIENCE)

    def start(self):
        command = 'exec 3<&"$1"; shift; LISTEN_PID=$$ exec "$@"'
        environment = dict(os.environ, LISTEN_FDS="1", LISTEN_FDNAMES=self.name, NOTIFY_SOCKET=f"{self.daemon.directory}/notify")
        with open(self.daemon.log_path, "ab") as log:
            self.daemon.process = subprocess.Popen(
                ["bash", "-c", command, "bash", str(self.held.fileno()), daemons.POSTERND, "--config", self.daemon.conf],
                pass_fds=[self.held.fileno()], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        return self.wait("READY=1")

    def wait(self, what):
        while True:
            note = self.notes.recv(4096).decode()
            if what in note.split("\n"):
                return note


def test_sockets_of_a_service_manager(make_daemon):
    """Used as they are; a client that comes while posternd is away is served when it is back."""
    daemon = make_daemon(start=False)
    path = f"{daemon.directory}/run/auth-userdb"
    manager = Manager(daemon, "auth-userdb", path)
    manager.start()
    daemon.postern("domain", "add", "example.com")
    daemon.postern("account", "add", HELLO)
    before = os.lstat(path)
    with daemon.userdb() as end:
        assert end.user(HELLO)[0] == "USER"
    daemon.process.send_signal(signal.SIGTERM)
    manager.wait("STOPPING=1")
    assert daemon.process.wait(daemons.PATIENCE) == 0
    assert os.lstat(path).st_ino == before.st_ino
    waiting = ends.Line(path)
    waiting.say("VERSION", 1, 1)
    waiting.say("USER", 1, HELLO, "service=lmtp")
    manager.start()
    assert waiting.hear() == ["VERSION", "1", "1"] and waiting.hear()[0] == "SPID"
    assert waiting.hear()[:3] == ["USER", "1", HELLO]
    waiting.close()


# ---- load ----

def test_a_thousand_connections_that_never_finish(daemon):
    """They keep nobody out, neither at their own door nor at the others, and their number is bounded."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    old = daemon.dovecot()
    assert old.login("XOAUTH2", xoauth2()).ok
    with contextlib.ExitStack() as stack:
        for number in range(1000):
            line = stack.enter_context(ends.Line(daemon.login_path if number % 2 else daemon.postfix_path))
            if number % 3 == 0:
                line.say("VERSION", 1, 2)
            elif number % 3 == 1:
                line.say_bytes(b"VERSION\t1\t2\nCPID")
        for _ in range(20):
            assert signs_in(daemon)
        assert old.login("XOAUTH2", xoauth2()).ok
        (worker,) = daemon.workers
        assert len(os.listdir(f"/proc/{worker}/fd")) < 1200
    old.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_logins_while_accounts_are_added(daemon):
    """Fifty at once, as different users; nothing reloads, none fails."""
    admin = daemons.Admin(daemon)
    users = [f"crowd{number}@example.com" for number in range(50)]
    for user in users:
        assert admin.post("/v1/accounts", address=user) < 300
    failed, done = [], threading.Event()

    def client(user):
        with daemon.dovecot() as end:
            while True:
                answer = end.login("XOAUTH2", xoauth2(user))
                if not answer.ok or answer["user"] != user:
                    failed.append((user, answer))
                if done.is_set():
                    return

    threads = [threading.Thread(target=client, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for number in range(300):
        assert admin.post("/v1/accounts", address=f"new{number}@example.com") < 300
    done.set()
    for thread in threads:
        thread.join()
    assert not failed
    with daemon.userdb() as end:
        assert len([user for user in end.list() if user.startswith("new")]) == 300
