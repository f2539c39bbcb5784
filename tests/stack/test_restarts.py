"""Daemons come and go in any order, and every new connection works without help."""

import itertools
import os
import signal
import threading
import time
import uuid

import clients
import pytest
from conftest import wait_for

pytestmark = pytest.mark.restarts
SERVICES = ("imap", "pop3", "sieve", "smtp")


def everything_works(stack, user):
    for kind in SERVICES:
        stack.signed_in(user, kind).close()
    subject = f"test-{uuid.uuid4()}"
    with stack.signed_in(user, "smtp") as smtp:
        smtp.mail(user, [user], f"Subject: {subject}\n\nx")
    stack.wait_mail(user, subject)
    with stack.smtp_in() as smtp:
        assert smtp.say(b"MAIL FROM:<x@example.net>").startswith(b"250")
        assert smtp.say(b"RCPT TO:<nobody@example.com>").startswith(b"550 5.1.1")


@pytest.mark.parametrize("order", list(itertools.permutations(["posternd", "dovecot", "postfix"])), ids="-".join)
def test_stopped_and_started_in_this_order(stack, order):
    user = stack.account()
    everything_works(stack, user)
    for name in order:
        stack.bash(f"stack_{name}_stop")
    for name in sorted(order, key=lambda name: name != "posternd"):
        stack.bash(f"stack_{name}_start")
    everything_works(stack, user)


@pytest.mark.parametrize("name", ["posternd", "dovecot", "postfix"])
def test_one_is_restarted_alone(stack, name):
    user = stack.account()
    stack.bash(f"stack_{name}_stop && stack_{name}_start")
    everything_works(stack, user)


def test_posternd_restarted_with_sessions_open(stack):
    """What was greeted before signs in afterwards; an open session goes on."""
    user = stack.account()
    greeted = {kind: getattr(stack, kind)() for kind in SERVICES}
    session = stack.signed_in(user, "smtp")
    stack.bash("stack_posternd_stop && stack_posternd_start")
    message = clients.xoauth2(user, stack.token(user))
    for kind, connection in greeted.items():
        try:
            connection.authenticate("XOAUTH2", message)
        except clients.Refused as refused:
            # Postfix finds its old connection to us closed: it says "temporary" once.
            assert kind == "smtp" and refused.answer.startswith(b"454")
            connection.authenticate("XOAUTH2", message)
        connection.close()
    session.mail(user, [user], "Subject: still here\n\nx")
    session.close()
    everything_works(stack, user)


def kill_worker(stack, signal_number):
    workers = stack.worker_pids()
    assert len(workers) == 1
    os.kill(workers[0], signal_number)
    return workers[0]


def dead(pid):
    """Collected by its parent: only then have all of its threads let go of its sockets."""
    return not os.path.exists(f"/proc/{pid}")


def test_worker_killed_under_load(stack):
    """Only a login that a kill interrupted may fail: no other, and none that began afterwards."""
    users = [stack.account("load") for _ in range(8)]
    attempts, kills = [], []
    done = threading.Event()

    def sign_in(user, kind):
        while not done.is_set():
            begin, failure = time.monotonic(), None
            try:
                stack.signed_in(user, kind).close()
            except clients.Refused as refused:
                failure = refused.answer
            except OSError as error:
                # Dovecot 2.3 closes on a client whose login was granted by a worker that is gone.
                failure = repr(error).encode()
            attempts.append((begin, time.monotonic(), kind, failure))

    threads = [threading.Thread(target=sign_in, args=(user, kind)) for user, kind in zip(users, itertools.cycle(("imap", "smtp")))]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            before = len(attempts)
            begin = time.monotonic()
            old = kill_worker(stack, signal.SIGKILL)
            wait_for(lambda old=old: dead(old), "the worker is dead")
            kills.append((begin, time.monotonic()))
            wait_for(lambda old=old: stack.worker_pids() not in ([], [old]), "a new worker")
            wait_for(lambda before=before: len(attempts) > before + 20, "logins go on")
    finally:
        done.set()
        for thread in threads:
            thread.join()

    def interrupted(begin, end):
        return any(begin <= killed and kill <= end for kill, killed in kills)

    assert [attempt for attempt in attempts if attempt[3] and not interrupted(*attempt[:2])] == []
    # Where the server in front can say so, the interrupted ones heard that it is temporary.
    assert all(failure.startswith(b"454") for _, _, kind, failure in attempts if kind == "smtp" and failure)
    everything_works(stack, users[0])


def test_stopped_worker_is_replaced(stack):
    user = stack.account()
    old = kill_worker(stack, signal.SIGSTOP)
    wait_for(lambda: stack.worker_pids() and old not in stack.worker_pids(), "a new worker", 60)
    wait_for(lambda: stack.postern("domain", "list", check=False).returncode == 0, "the new worker answers")
    everything_works(stack, user)


def test_both_processes_killed(stack):
    user = stack.account()
    parent, workers = stack.pid("posternd"), stack.worker_pids()
    os.kill(parent, signal.SIGKILL)
    # The worker notices that its parent is gone and ends by itself.
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in [parent, *workers]), "both are gone")
    with stack.smtp_in() as smtp:
        smtp.say(b"MAIL FROM:<x@example.net>")
        answer = smtp.say(b"RCPT TO:<%s>" % user.encode())
        assert answer.startswith(b"4"), "trouble of ours is temporary"
    stack.bash("stack_posternd_start")
    begin = time.monotonic()

    def healed():
        try:
            everything_works(stack, user)
            return True
        except (clients.Refused, OSError):
            return False

    # Postfix' master waits service_throttle_time before it starts an smtpd again that found no auth socket.
    wait_for(healed, "everything works again", 30)
    assert time.monotonic() - begin < 30
    assert user in stack.postern("account", "list").stdout


def test_reload_drops_no_login(stack):
    user = stack.account()
    with stack.imap() as greeted:
        mark = stack.log_mark()
        os.kill(stack.pid("posternd"), signal.SIGHUP)
        greeted.authenticate("XOAUTH2", clients.xoauth2(user, stack.token(user)))
        stack.wait_log(mark, "posternd.*(reload|config)")
    everything_works(stack, user)


def test_dovecot_reload(stack):
    """Stock auth fails the connections that were greeted before; ours does not."""
    user = stack.account()
    greeted = [stack.imap() for _ in range(3)]
    stack.doveadm("reload")

    def reloaded():
        # Until then Dovecot itself may drop a login between imap-login and imap.
        try:
            stack.signed_in(user).close()
            return True
        except (clients.Refused, OSError):
            return False

    wait_for(reloaded, "Dovecot has reloaded")
    for connection in greeted:
        connection.authenticate("XOAUTH2", clients.xoauth2(user, stack.token(user)))
        connection.close()
    everything_works(stack, user)
