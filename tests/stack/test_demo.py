"""./demo itself: its own checks, one at a time, and what a killed one leaves behind."""

import os
import signal
import subprocess
import time

import pytest
from conftest import BUILD, ROOT, PortBase, wait_for


@pytest.fixture(scope="module")
def demo():
    ports = PortBase()
    directory = f"/run/postern-d{ports.base}"
    environment = dict(os.environ, STACK_DIR=directory, STACK_BASE=str(ports.base), STACK_BUILD=BUILD, STACK_BUILT="1")

    class Demo:
        log = f"{directory}/log/mail.log"
        base = ports.base
        where = directory

        def start(self, *arguments):
            self.out = open(f"/run/postern-d{ports.base}.out", "w+", encoding="utf-8")
            return subprocess.Popen([f"{ROOT}/demo", *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=self.out,
                                    stderr=subprocess.STDOUT, start_new_session=True)

        def text(self):
            self.out.seek(0)
            return self.out.read()

        def run(self, *arguments, line=None, timeout=120):
            return subprocess.run([f"{ROOT}/demo", *arguments], env=environment, input=line, capture_output=True, text=True,
                                  check=False, timeout=timeout)

        def ours(self):
            """Processes that still live in the demo's directory."""
            found = []
            for pid in os.listdir("/proc"):
                if pid.isdigit():
                    try:
                        with open(f"/proc/{pid}/cmdline", "rb") as line:
                            command = line.read().replace(b"\0", b" ").decode("utf-8", "replace")
                    except OSError:
                        continue
                    if f"{directory}/" in command:
                        found.append(command)
            return found

    yield Demo()
    Demo().run("stop")
    for path in (f"{directory}.lock", f"{directory}.out"):
        if os.path.exists(path):
            os.unlink(path)
    subprocess.run(["rm", "-rf", directory], check=True)
    ports.release()


def test_verify(demo):
    """Sign-in with curl, Python's libraries and raw clients on every service; prints a line a check."""
    running = demo.start("--verify")
    assert running.wait(300) == 0, demo.text()
    text = demo.text()
    assert " 0 failed" in text and "FAILED" not in text
    assert text.count("  ok      ") > 60
    assert not demo.ours()


def up(demo):
    running = demo.start()
    wait_for(lambda: "Ctrl-C stops everything" in demo.text() or running.poll() is not None, demo.text, 60)
    assert running.poll() is None, demo.text()
    return running


def test_commands_and_ctrl_c(demo):
    running = up(demo)
    try:
        assert demo.run("status").returncode == 0
        assert "delivered, " in demo.run("send", "hello@example.com").stdout
        assert "delivered, " in demo.run("send", "user1@example.com").stdout
        token = demo.run("token", "user1@example.com").stdout.strip()
        assert token
        assert "hello@example.com" in demo.run("postern", "account", "list").stdout
        checked = demo.run("postern", "token", "check", line=demo.run("token", "--expired", "hello@example.com").stdout)
        assert checked.returncode != 0 and "refused: expired 3 min ago" in checked.stdout, checked.stdout
        checked = demo.run("postern", "token", "check", line=token + "\n")
        assert checked.returncode == 0 and "accepted: signs in as user1@example.com" in checked.stdout, checked.stdout
        doctor = demo.run("postern", "doctor")
        assert doctor.returncode == 0 and "Nothing is wrong." in doctor.stdout, doctor.stdout
        second = demo.run()
        assert second.returncode != 0 and "running already" in second.stderr

        def curl(token):
            return subprocess.run(["curl", "--silent", "--url", f"imap://localhost:{demo.base + 143}", "--login-options", "AUTH=OAUTHBEARER",
                                   "--user", "user1@example.com", "--oauth2-bearer", token, "--request", "LOGOUT"],
                                  check=False, timeout=30).returncode

        assert curl(token) == 0
        assert curl(demo.run("token", "user1@example.com", "--expired").stdout.strip()) == 67
        assert curl(demo.run("token", "hello@example.com").stdout.strip()) == 67
        assert demo.run("postern", "account", "disable", "user1@example.com").returncode == 0
        assert curl(token) == 67
    finally:
        begin = time.monotonic()
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(30) == 0, demo.text()
    assert time.monotonic() - begin < 6
    assert not demo.ours()
    assert demo.run("status").returncode != 0


def test_starts_again_after_a_kill(demo):
    running = up(demo)
    pids = [running.pid]
    for name in ("provider.pid", "rsyslog.pid", "posternd.pid", "dovecot/master.pid", "spool/pid/master.pid"):
        with open(f"{demo.where}/{name}", encoding="ascii") as text:
            pids.append(int(text.read().split()[0]))
    # The demo's shell and half of the daemons, the worst mixture.
    for pid in (pids[0], pids[3], pids[4]):
        os.kill(pid, signal.SIGKILL)
    running.wait()
    begin = time.monotonic()
    running = up(demo)
    assert time.monotonic() - begin < 30
    assert "delivered, " in demo.run("send", "hello@example.com").stdout
    assert demo.run("stop").returncode == 0
    assert running.wait(10) == 0
    assert not demo.ours()
