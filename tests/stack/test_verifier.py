"""An untouched Dovecot that asks Postern about tokens: the set-ups of docs/verifier.md, as they stand there, against real Dovecots."""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

import clients
from conftest import ROOT, wait_for

sys.path.insert(0, os.path.join(ROOT, "tests", "flow"))

import daemon as daemons  # noqa: E402
import internal  # noqa: E402

HELLO = "hello@example.com"
SUITE, MIRROR = "trixie", "http://deb.debian.org/debian"
DEBIAN13 = os.path.join(ROOT, "build", "debian13")
MAIL_UID = 5000

# Everything that docs/verifier.md leaves to the admin: a small Dovecot of its own in {base}, which asks for users by itself.
COMMON = """
base_dir = {base}/run
log_path = {base}/log
protocols = imap
listen = 127.0.0.1
ssl = no
default_internal_user = dovecot
default_login_user = dovenull
auth_failure_delay = 0
first_valid_uid = 1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""
OLD = COMMON + """
state_dir = {base}/state
disable_plaintext_auth = no
mail_location = maildir:{base}/mail/%u
auth_mechanisms = plain
!include {auth}
userdb {{
  driver = static
  args = uid={uid} gid={uid} home={base}/mail/%u
}}
"""
NEW = """
dovecot_config_version = 2.4.1
dovecot_storage_version = 2.4.1
""" + COMMON + """
state_dir = {base}/state
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = {base}/mail/%{{user}}
passdb passwd-file {{
  passwd_file_path = {base}/users
}}
!include {auth}
userdb static {{
  fields {{
    uid = {uid}
    gid = {uid}
    home = {base}/mail/%{{user}}
  }}
}}
"""


def block(name):
    """The block of docs/verifier.md whose first line names the file, with the secret in it."""
    with open(f"{ROOT}/docs/verifier.md", encoding="utf-8") as docs:
        found = re.findall(r"^```\n# (.*)\n((?:.*\n)*?)```$", docs.read(), re.MULTILINE)
    (text,) = [text for title, text in found if title == name]
    return text


def inside(root, *command):
    """The command as it runs in that root, in a mount namespace of its own: what is mounted for it is gone with it."""
    script = 'mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, root, *command]


class Dovecot:
    """One of its own, with its own auth service. `root`: where its system lies."""

    def __init__(self, posternd, port, root=""):
        self.posternd, self.port, self.root = posternd, port, root
        self.directory = tempfile.mkdtemp(prefix="dv.", dir=f"{root}/run")
        self.base = self.directory.removeprefix(root)
        os.chmod(self.directory, 0o755)
        for name in ("run", "state", "mail"):
            os.mkdir(f"{self.directory}/{name}", 0o755)
        os.chown(f"{self.directory}/mail", MAIL_UID, MAIL_UID)
        self.process = None

    def write(self, name, text, **values):
        if values:
            text = text.format(base=self.base, port=self.port, uid=MAIL_UID, **values)
        text = text.replace("127.0.0.1:8026", f"127.0.0.1:{self.posternd.internal_port}").replace("SECRET", internal.SECRET)
        with open(f"{self.directory}/{name}", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644 if name == "users" else 0o600)
            file.write(text)
        return f"{self.base}/{name}"

    def start(self):
        command = ["dovecot", "-F", "-c", f"{self.base}/dovecot.conf"]
        if self.root:
            command = inside(self.root, *command)
        with open(f"{self.directory}/out", "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        wait_for(lambda: self.process.poll() is not None or self.answers(), self.said)
        assert self.process.poll() is None, self.said()
        return self

    def answers(self):
        try:
            clients.Imap(self.port).close()
            return True
        except (OSError, clients.Refused):
            return False

    def said(self):
        texts = []
        for name in ("out", "log"):
            if os.path.exists(f"{self.directory}/{name}"):
                with open(f"{self.directory}/{name}", encoding="utf-8", errors="replace") as file:
                    texts.append(file.read())
        return "\n".join(texts)

    def wait_said(self, pattern):
        return wait_for(lambda: re.search(pattern, self.said()), lambda: f"{pattern} in {self.said()}")

    def remove(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
        keep = f"{ROOT}/build/log/{os.path.basename(self.directory)}"
        os.makedirs(os.path.dirname(keep), exist_ok=True)
        with open(keep + ".log", "w", encoding="utf-8") as kept:
            kept.write(self.said())
        shutil.rmtree(self.directory)

    def sign_in(self, mechanism, token, user=HELLO):
        imap = clients.Imap(self.port)
        try:
            imap.authenticate(mechanism, clients.message_of(mechanism, user, token))
            imap.command(b"SELECT INBOX")
        finally:
            imap.close()


def old(posternd, oauth2):
    """Dovecot 2.3 of this system."""
    version = subprocess.run(["dovecot", "--version"], capture_output=True, text=True, check=True).stdout
    if not version.startswith("2.3."):
        pytest.skip(f"this system has Dovecot {version.split()[0]}, not 2.3")
    dovecot = Dovecot(posternd, daemons.free_port())
    settings = dovecot.write("oauth2.conf.ext", block(oauth2))
    auth = dovecot.write("auth.conf.ext", block("/etc/dovecot/conf.d/auth-oauth2.conf.ext").replace("/etc/dovecot/dovecot-oauth2.conf.ext", settings))
    dovecot.write("dovecot.conf", OLD, auth=auth)
    return dovecot


def debian13():
    """A root of Debian 13 with Dovecot 2.4, unpacked once (no package's script runs), kept in build/."""
    if not os.path.exists(f"{DEBIAN13}/usr/sbin/dovecot"):
        fresh = f"{DEBIAN13}.new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            subprocess.run(["debootstrap", "--variant=minbase", "--download-only", "--include=dovecot-core,dovecot-imapd", SUITE, fresh, MIRROR],
                           check=True, capture_output=True, timeout=120)
            for package in sorted(glob.glob(f"{fresh}/var/cache/apt/archives/*.deb"), key=lambda path: "base-files" not in path):
                subprocess.run(["dpkg-deb", "-x", package, fresh], check=True, capture_output=True, timeout=60)
        except (OSError, subprocess.SubprocessError) as problem:
            shutil.rmtree(fresh, ignore_errors=True)
            pytest.skip(f"no Debian 13 root could be made here, for Dovecot 2.4: {problem}")
        shutil.rmtree(f"{fresh}/var/cache/apt", ignore_errors=True)
        with open(f"{fresh}/etc/passwd", "w", encoding="ascii") as passwd, open(f"{fresh}/etc/group", "w", encoding="ascii") as group:
            for number, name in enumerate(("root", "dovecot", "dovenull")):
                passwd.write(f"{name}:x:{number * 101}:{number * 101}::/:/bin/false\n")
                group.write(f"{name}:x:{number * 101}:\n")
        os.rename(fresh, DEBIAN13)
    works = subprocess.run(inside(DEBIAN13, "dovecot", "--version"), capture_output=True, text=True, check=False, timeout=60)
    if works.returncode != 0 or not works.stdout.startswith("2.4."):
        pytest.skip(f"the Debian 13 root does not run here: {works.stdout}{works.stderr}")
    return DEBIAN13


def new(posternd):
    """Dovecot 2.4."""
    dovecot = Dovecot(posternd, daemons.free_port(), debian13())
    auth = dovecot.write("auth.conf", block("/etc/dovecot/conf.d/90-oauth2.conf (2.4)"))
    dovecot.write("users", "")
    dovecot.write("dovecot.conf", NEW, auth=auth)
    return dovecot


SETUPS = {
    "2.3": lambda posternd: old(posternd, "/etc/dovecot/dovecot-oauth2.conf.ext (2.3)"),
    "2.4": new,
    "docker-mailserver": lambda posternd: old(posternd, "/etc/dovecot/dovecot-oauth2.conf.ext (docker-mailserver)"),
}


class Making:
    """What internal.start() wants of flow's fixture."""

    def __init__(self):
        self.made = []

    def __call__(self, start, **arguments):
        self.made.append(daemons.Daemon(**arguments))
        return self.made[-1]


@pytest.fixture(scope="module")
def posternd():
    making = Making()
    try:
        daemon = internal.start(making)
        for name in ("disabled", "unverified"):
            daemon.postern("account", "add", f"{name}@example.com")
        daemon.postern("account", "disable", "disabled@example.com")
        yield daemon
    finally:
        for daemon in making.made:
            daemon.remove()


@pytest.fixture(scope="module", params=SETUPS)
def dovecot(request, posternd):
    dovecot = SETUPS[request.param](posternd)
    dovecot.name = request.param
    try:
        yield dovecot.start()
    finally:
        dovecot.remove()


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_signs_in(posternd, dovecot, mechanism):
    mark = posternd.mark()
    dovecot.sign_in(mechanism, daemons.token())
    line = posternd.wait_line("login_accepted", mark)
    assert f"account={HELLO} mech=INTROSPECT" in line
    sent = "protocol=imap rip=127.0.0.1 " if dovecot.name != "docker-mailserver" else "mech=INTROSPECT rip=- "
    assert sent in line
    dovecot.wait_said(rf"imap-login: (Info: )?(Login|Logged in): user=<{HELLO}>, method={mechanism}")


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("token, user", [
    (daemons.token(kind="gone"), HELLO),
    (daemons.token(kind="forbidden"), HELLO),
    (daemons.token(kind="inactive"), HELLO),
    (daemons.token("unverified@example.com", "unverified"), "unverified@example.com"),
    (daemons.token("disabled@example.com"), "disabled@example.com"),
    (daemons.token("stranger@example.com"), "stranger@example.com"),
    (daemons.token("alice@example.com"), HELLO),
], ids=["gone", "forbidden", "inactive", "unverified", "disabled", "stranger", "of-another"])
def test_refuses(request, dovecot, mechanism, token, user):
    with pytest.raises(clients.Refused) as refused:
        dovecot.sign_in(mechanism, token, user)
    assert b"[AUTHENTICATIONFAILED]" in refused.value.answer, (refused.value, dovecot.said()[-2000:])
    # Names that differ are Dovecot's own refusal; 2.4 says no more of it than NO.
    if mechanism == "OAUTHBEARER" and not (dovecot.name == "2.4" and "of-another" in request.node.name):
        assert b'"status":"invalid_token"' in refused.value.challenge


def test_outage(dovecot):
    with pytest.raises(clients.Refused) as refused:
        dovecot.sign_in("XOAUTH2", daemons.token(kind="error"))
    if dovecot.name != "2.4":
        assert b"[UNAVAILABLE]" in refused.value.answer


def test_cut_off_at_once(posternd, dovecot):
    """Disabled between two sign-ins, and let in again."""
    name = f"leaver-{dovecot.name.replace('.', '-')}@example.com"
    posternd.postern("account", "add", name)
    dovecot.sign_in("XOAUTH2", daemons.token(name), name)
    posternd.postern("account", "disable", name)
    with pytest.raises(clients.Refused):
        dovecot.sign_in("XOAUTH2", daemons.token(name), name)
    posternd.postern("account", "enable", name)
    dovecot.sign_in("XOAUTH2", daemons.token(name), name)


def test_nothing_secret_in_the_logs(posternd, dovecot):
    assert internal.SECRET not in posternd.log() and daemons.token() not in posternd.log()
    assert internal.SECRET not in dovecot.said() and daemons.token() not in dovecot.said()
