"""The socket table of DESIGN, section 4: where, whose, which mode, and who may do what."""

import grp
import os
import pwd
import socket
import stat
import subprocess
import sys

import pytest

import daemon as daemons
import ends

HELLO = "hello@example.com"
POSTFIX_GID = grp.getgrnam("postfix").gr_gid
DOVENULL = pwd.getpwnam("dovenull")
DOVECOT = pwd.getpwnam("dovecot")

SOCKETS = [  # below the test's directory: mode, uid, gid
    ("dovecot/login/posternd/login", 0o666, 0, 0),
    ("dovecot/token-login/posternd/tokenlogin", 0o666, 0, 0),
    ("run/auth-login", 0o600, 0, 0),
    ("run/auth-client", 0o600, 0, 0),
    ("run/auth-userdb", 0o666, 0, 0),
    ("run/auth-master", 0o600, 0, 0),
    ("run/admin.sock", 0o600, 0, 0),
    ("spool/postern/auth", 0o660, daemons.WORKER_UID, POSTFIX_GID),
    ("spool/postern/map", 0o660, daemons.WORKER_UID, POSTFIX_GID),
    ("spool/postern/policy", 0o660, daemons.WORKER_UID, POSTFIX_GID),
]
DIRECTORIES = [
    ("dovecot/login", 0o750, 0, DOVENULL.pw_gid),
    ("dovecot/token-login", 0o750, 0, DOVENULL.pw_gid),
    ("dovecot/login/posternd", 0o755, 0, 0),
    ("run", 0o755, 0, 0),
    ("spool/postern", 0o755, 0, 0),
]
LINKS = [
    ("dovecot/login/login", "posternd/login"),
    ("dovecot/token-login/tokenlogin", "posternd/tokenlogin"),
    ("dovecot/auth-login", "{}/run/auth-login"),
    ("dovecot/auth-client", "{}/run/auth-client"),
    ("dovecot/auth-userdb", "{}/run/auth-userdb"),
    ("dovecot/auth-master", "{}/run/auth-master"),
]


@pytest.mark.parametrize("path, mode, uid, gid", SOCKETS + DIRECTORIES)
def test_owner_and_mode(daemon, path, mode, uid, gid):
    found = os.lstat(f"{daemon.directory}/{path}")
    assert (stat.S_ISSOCK if (path, mode, uid, gid) in SOCKETS else stat.S_ISDIR)(found.st_mode)
    assert (oct(stat.S_IMODE(found.st_mode)), found.st_uid, found.st_gid) == (oct(mode), uid, gid)


@pytest.mark.parametrize("path, target", LINKS)
def test_links(daemon, path, target):
    """Dovecot's own paths; relative below login/, as its processes are chrooted there."""
    assert os.readlink(f"{daemon.directory}/{path}") == target.format(daemon.directory)


def connects(daemon, path, uid, gid):
    return ends.as_user(uid, gid, f"ends.Line({daemon.directory + '/' + path!r}) and 'connected'") == "connected"


@pytest.mark.parametrize("path, who, may", [
    ("dovecot/login/login", (DOVENULL.pw_uid, DOVENULL.pw_gid), True),
    ("dovecot/login/login", (daemons.OTHER_UID, daemons.OTHER_UID), False),
    ("dovecot/auth-master", (DOVECOT.pw_uid, DOVECOT.pw_gid), False),
    ("dovecot/auth-master", (daemons.MAIL_UID, daemons.MAIL_UID), False),
    ("dovecot/auth-client", (DOVENULL.pw_uid, DOVENULL.pw_gid), False),
    ("dovecot/auth-userdb", (daemons.OTHER_UID, daemons.OTHER_UID), True),
    ("run/admin.sock", (daemons.OTHER_UID, daemons.OTHER_UID), False),
    ("run/admin.sock", (DOVECOT.pw_uid, DOVECOT.pw_gid), False),
    ("spool/postern/auth", (pwd.getpwnam("postfix").pw_uid, POSTFIX_GID), True),
    ("spool/postern/auth", (daemons.OTHER_UID, daemons.OTHER_UID), False),
    ("spool/postern/map", (daemons.OTHER_UID, daemons.OTHER_UID), False),
    ("spool/postern/policy", (daemons.OTHER_UID, daemons.OTHER_UID), False),
])
def test_who_may_connect(daemon, path, who, may):
    assert connects(daemon, path, *who) == may


@pytest.mark.parametrize("uid, user, rest", [(0, True, True), (DOVECOT.pw_uid, True, False), (daemons.MAIL_UID, True, False),
                                             (DOVENULL.pw_uid, False, False), (daemons.OTHER_UID, False, False)])
def test_userdb_by_peer_uid(daemon, uid, user, rest):
    """USER: root, dovecot, the mail uid; LIST and PASS: root; the others hear FAIL."""
    def ask(command):
        return ends.as_user(uid, uid, f"ends.Master({daemon.userdb_path!r}).ask({command})[0]")

    assert ask(f"'USER', {HELLO!r}, 'service=lmtp'") == ("USER" if user else "FAIL")
    assert ask(f"'PASS', {HELLO!r}, 'service=doveadm'") == ("PASS" if rest else "FAIL")
    assert ask("'LIST', 'user=*'") == ("LIST" if rest else "FAIL")
    assert ask(f"'REQUEST', 1, 1, '{'ab' * 16}'") == "FAIL"
    if not user:
        daemon.wait_line(f"peer_refused socket=auth-userdb .*uid={uid}")


def test_userdb_answers_carry_no_hashes(daemon):
    with daemon.userdb() as end:
        assert end.ask("PASS", "secret@example.com", "service=doveadm")[2:] == ["user=secret@example.com"]
        answer = end.user("secret@example.com")
        assert not any("pass" in field or "$" in field for field in answer)


def test_services_of_each_socket(daemon):
    good = ends.xoauth2(HELLO, daemons.token())

    def served(path, service, secured=None):
        with ends.Auth(path, service, secured=secured) as end:
            return end.login("XOAUTH2", good).ok

    for service in ("imap", "pop3", "sieve", "submission"):
        assert served(daemon.login_path, service)
        assert not served(daemon.postfix_path, service)
    assert not served(daemon.login_path, "smtp")
    assert served(daemon.postfix_path, "smtp")
    for path in (daemon.login_path, daemon.postfix_path, f"{daemon.directory}/dovecot/auth-client"):
        assert served(path, "doveadm", secured=False)             # root


def test_doveadm_only_from_root(daemon):
    expression = "ends.Auth({!r}, 'doveadm').login('XOAUTH2', {!r}).kind"
    good = ends.xoauth2(HELLO, daemons.token())
    assert ends.as_user(DOVENULL.pw_uid, DOVENULL.pw_gid, expression.format(daemon.login_path, good)) == "FAIL"
    postfix = pwd.getpwnam("postfix").pw_uid
    assert ends.as_user(postfix, POSTFIX_GID, expression.format(daemon.postfix_path, good)) == "FAIL"


def test_request_once_with_cookie_and_id(daemon):
    with daemon.dovecot() as auth, daemon.master() as master:
        assert master.server_pid == str(auth.server_pid)
        assert auth.login("XOAUTH2", ends.xoauth2(HELLO, daemons.token())).ok
        real = auth.cookie
        auth.cookie = real[:-1] + ("0" if real[-1] != "0" else "1")
        assert master.request(auth, 1)[0] == "FAIL"
        auth.cookie = real
        assert master.request(auth, 2)[0] == "FAIL"
        assert master.request(auth, 1, "session_pid=1")[0] == "FAIL"     # of another process
        assert auth.login("XOAUTH2", ends.xoauth2(HELLO, daemons.token())).ok
        answer = master.request(auth, 2, f"session_pid={os.getpid()}")
        assert answer[0] == "USER" and answer[2] == HELLO
        assert "auth_mech=XOAUTH2" in answer and f"uid={daemons.MAIL_UID}" in answer
        assert any(field.startswith(f"home={daemon.directory}/mail/") for field in answer)
        assert master.request(auth, 2)[0] == "FAIL"


def test_request_from_another_pid_namespace(daemon):
    """Dovecot in a container counts its processes from 1."""
    with daemon.dovecot() as auth:
        assert auth.login("XOAUTH2", ends.xoauth2(HELLO, daemons.token())).ok
        program = ("import os, sys; sys.path.insert(0, sys.argv[1]); import ends\n"
                   "master = ends.Master(sys.argv[2])\n"
                   "print(os.getpid(), *master.ask('REQUEST', sys.argv[3], 1, sys.argv[4], f'session_pid={os.getpid()}'))")
        done = subprocess.run(["unshare", "--pid", "--fork", sys.executable, "-c", program, os.path.dirname(__file__), daemon.master_path,
                               str(auth.cpid), auth.cookie], capture_output=True, text=True, check=True)
        pid, answer = done.stdout.split()[:2]
        assert (pid, answer) == ("1", "USER"), done.stdout


def test_postfix_logins_leave_nothing_to_request(daemon):
    with daemon.postfix(nologin=False) as auth, daemon.master() as master:
        assert auth.login("XOAUTH2", ends.xoauth2(HELLO, daemons.token())).ok
        assert master.request(auth, 1)[0] == "FAIL"


def test_session_token(daemon):
    """What imap asks for in its REQUEST opens URLAUTH, for its user only."""
    with daemon.dovecot(session="abc") as auth, daemon.master() as master:
        assert auth.login("XOAUTH2", ends.xoauth2(HELLO, daemons.token())).ok
        answer = master.request(auth, 1, f"session_pid={os.getpid()}", "request_auth_token")
        (token,) = [field.partition("=")[2] for field in answer if field.startswith("auth_token=")]
        path = f"{daemon.directory}/dovecot/token-login/tokenlogin"
        for user, kind in ((HELLO, "OK"), ("alice@example.com", "FAIL")):
            with ends.Auth(path, "imap-urlauth") as end:
                assert end.mechanisms == {"DOVECOT-TOKEN": ["private"]}
                message = "\0".join(["imap", str(os.getpid()), user, "abc", token])
                assert end.login("DOVECOT-TOKEN", ends.b64(message)).kind == kind
                if kind == "OK":
                    assert "client_service=imap" in master.request(end, 1)


def test_worker_has_no_privileges(daemon):
    (worker,) = daemon.workers
    with open(f"/proc/{worker}/status", encoding="ascii") as text:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in text if ":\t" in line)
    assert set(status["Uid"].split()) == {str(daemons.WORKER_UID)}
    assert set(status["Gid"].split()) == {str(daemons.WORKER_UID)}
    assert status["Groups"].strip() == ""
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"
    with open(f"/proc/{worker}/environ", "rb") as environment:
        assert b"POSTERN" not in environment.read()


def test_an_umask_or_a_stale_socket_changes_nothing(make_daemon):
    """A socket left over by a killed predecessor is replaced; modes do not depend on the caller's umask."""
    daemon = make_daemon(start=False)
    os.makedirs(f"{daemon.directory}/run")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(f"{daemon.directory}/run/auth-userdb")
    old = os.umask(0o077)
    try:
        daemon.start()
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.lstat(f"{daemon.directory}/run/auth-userdb").st_mode) == 0o666
    assert stat.S_IMODE(os.lstat(f"{daemon.directory}/run/auth-master").st_mode) == 0o600


def test_a_second_daemon_does_not_start(daemon):
    """Refusing beats stealing: the first goes on."""
    second = daemons.subprocess.run([daemons.POSTERND, "--config", daemon.conf], check=False, capture_output=True, text=True,
                                    timeout=daemons.PATIENCE)
    assert second.returncode != 0
    assert daemon.answers()
