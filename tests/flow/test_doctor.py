"""One fault each, planted in a healthy system: `postern doctor` finds that fault's code and remedy, and nothing else."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import time

import pytest

import daemon as daemons
import ends
import products
import server as web
import tokens
import world as worlds

PROVIDER = """
provider "work" {
  issuer   = { "https://id.example.com/realm/" }
  clients  = { "mail" }
  domains  = { "example.com" }
  introspection { id = "postern"  secret_file = "/etc/postern/introspection" }
}
"""
STACK = """
stack {{
  hostname      = "mail.example.com"
  tls_cert      = "{0}/tls/cert.pem"
  tls_key       = "{0}/tls/key.pem"
  postfix_data  = "{0}/data"
  dovecot_state = "{0}/state"
}}
"""
HELLO = "hello@example.com"


class Clinic:
    """A whole mail server as far as the doctor looks at one: posternd, a provider, and files of Postfix and Dovecot."""

    def __init__(self):
        self.world = worlds.World()
        self.product = self.world.add(PROVIDER)
        self.daemon = worlds.Daemon(self.world, PROVIDER)
        self.root = self.daemon.directory
        self.daemon.write_conf(self.conf_text())
        for name in ("tls", "data", "state"):
            os.mkdir(f"{self.root}/{name}")
        self.certificate(90)
        self.render()
        self.daemon.start()
        self.daemon.postern("domain", "add", "example.com")
        self.daemon.postern("account", "add", HELLO)
        daemons.wait_for(lambda: self.faults() == {}, self.faults)

    def render(self):
        done = self.postern("stack", "render", "--config", self.daemon.conf, "--root", self.root)
        assert done.returncode == 0, done.stderr

    def close(self):
        self.daemon.remove()
        self.world.close()

    def conf_text(self):
        text = self.daemon.conf_text() + STACK.format(self.root)
        text = text.replace("check    = no", f'config = "{self.root}/dovecot.conf"')
        return text.replace("postfix  { ", f'postfix  {{ config = "{self.root}/postfix" ')

    def certificate(self, days):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                        f"{self.root}/tls/key.pem", "-out", f"{self.root}/tls/cert.pem", "-days", str(days), "-subj", "/CN=mail.example.com"],
                       check=True, capture_output=True)

    def postern(self, *arguments, line=""):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("POSTERN_")}
        return subprocess.run([*self.world.room.enter, daemons.POSTERN, *arguments], input=line, check=False, capture_output=True, text=True,
                              timeout=120, env=environment)

    def doctor(self, *more):
        return self.postern("doctor", "--config", self.daemon.conf, *more)

    def findings(self):
        done = self.doctor("--json")
        assert done.returncode in (0, 1), done.stderr
        said = json.loads(done.stdout)
        assert done.returncode == (1 if said["worst"] == "bad" else 0)
        return said["findings"]

    def faults(self):
        """code → its findings, of those that are warnings or worse."""
        found = {}
        for one in self.findings():
            if one["level"] in ("warning", "bad"):
                found.setdefault(one["code"], []).append(one)
        return found

    def reload(self, text):
        mark = self.daemon.mark()
        self.daemon.write_conf(text)
        self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon.wait_line(r"\breloaded ", mark)


@pytest.fixture(scope="module")
def clinic():
    made = Clinic()
    yield made
    made.close()


def test_healthy(clinic):
    """Nothing to say, and everything was looked at."""
    done = clinic.doctor()
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("Nothing is wrong.\n"), done.stdout
    good = {one["code"] for one in clinic.findings() if one["level"] == "ok"}
    assert good == {"config", "store-directory", "mail-root", "daemon", "sockets", "link", "dovecot-auth", "dovecot-logs", "dovecot-tls",
                    "dovecot-certificate", "postfix-certificate", "postfix", "provider-discovery", "provider-keys", "provider-certificate",
                    "provider-userinfo", "provider-introspection"}


def test_every_socket_is_looked_at(clinic):
    """The doctor's table of sockets is the daemon's."""
    bound = [path for folder, _, names in os.walk(clinic.root) for path in (f"{folder}/{name}" for name in names)
             if stat.S_ISSOCK(os.lstat(path).st_mode)]
    said = [one["text"] for one in clinic.findings() if one["code"] == "sockets"]
    assert said == [f"{len(bound)} sockets are in place and answer"]


# ---- faults in files and sockets ----

@contextlib.contextmanager
def edited(path, old, new):
    with open(path, encoding="utf-8") as file:
        kept = file.read()
    changed = kept.replace(old, new, 1) if old else kept + new
    assert changed != kept, old
    with open(path, "w", encoding="utf-8") as file:
        file.write(changed)
    try:
        yield
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(kept)


def conf(old, new):
    return lambda clinic: edited(clinic.daemon.conf, old, new)


def dovecot(old, new):
    return lambda clinic: edited(f"{clinic.root}/dovecot.conf", old, new)


def main_cf(old, new):
    return lambda clinic: edited(f"{clinic.root}/postfix/main.cf", old, new.format(root=clinic.root))


def master_cf(old, new):
    return lambda clinic: edited(f"{clinic.root}/postfix/master.cf", old, new.format(root=clinic.root))


def mode(path, wrong):
    @contextlib.contextmanager
    def plant(clinic):
        where = path.format(root=clinic.root, etc=clinic.world.room.etc)
        right = stat.S_IMODE(os.stat(where).st_mode)
        os.chmod(where, wrong)
        try:
            yield
        finally:
            os.chmod(where, right)
    return plant


def owner(path, uid, gid):
    @contextlib.contextmanager
    def plant(clinic):
        where = path.format(root=clinic.root)
        right = os.lstat(where)
        os.chown(where, uid, gid)
        try:
            yield
        finally:
            os.chown(where, right.st_uid, right.st_gid)
            os.chmod(where, stat.S_IMODE(right.st_mode))
    return plant


def instead(path, make=None):
    """Something else in its place, or nothing."""
    @contextlib.contextmanager
    def plant(clinic):
        where = path.format(root=clinic.root)
        os.rename(where, where + ".kept")
        if make:
            make(where)
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(where)
            os.rename(where + ".kept", where)
    return plant


def dead_socket(where):
    mask = os.umask(0o133)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(where)
    os.umask(mask)
    os.chmod(where, 0o666)


def plain_file(where):
    with open(where, "w", encoding="ascii"):
        pass


@contextlib.contextmanager
def stopped(clinic):
    clinic.daemon.stop()
    try:
        yield
    finally:
        clinic.daemon.start()


@contextlib.contextmanager
def old_certificate(clinic):
    clinic.certificate(5)
    try:
        yield
    finally:
        clinic.certificate(90)


def oauth2(line):
    """A passdb of Dovecot's own with a file of its own."""
    @contextlib.contextmanager
    def plant(clinic):
        path = f"{clinic.root}/oauth2.ext"
        with open(path, "w", encoding="ascii") as file:
            file.write(f"# debug = yes\n{line}\n")
        with edited(f"{clinic.root}/dovecot.conf", "", f"passdb {{\n  driver = oauth2\n  mechanisms = xoauth2\n  args = {path}\n}}\n"):
            yield
    return plant


SECOND = 'provider "play" {\n  issuer = { "https://play.example.com" }\n  clients = { "mail" }\n  domains = { "example.com" }\n}\n'
SEVENTH = """service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0660
  }
}
"""
RAWLOG = """service imap-postlogin {
  executable = script-login -d rawlog
}
"""
FAULTS = {
    # configuration
    "two blocks with one domain": (conf("", SECOND), "config-domain-twice", "shared = yes"),
    "missing audience": (conf('clients  = { "mail" }', ""), "config-no-audience", "clients"),
    "one issuer in two blocks": (conf("", SECOND.replace("play.example.com", "id.example.com/realm/").replace('"example.com" }', '"play.example.com" }')),
                                 "config-issuer-twice", "delete it"),
    "two providers, one without domains": (conf("", SECOND.replace('  domains = { "example.com" }\n', "")), "config-domains-missing", "domains = "),
    "nobody to ask": (conf("", 'provider "x" { domains = { "x.example" } }\n'), "config-no-check", "issuer = "),
    "audiences that userinfo cannot tell": (conf("", 'provider "x" { userinfo = "https://x.example/u" clients = { "a" } domains = { "x.example" } }\n'),
                                            "config-audience-useless", "introspection"),
    "plain http": (conf("", 'provider "x" { userinfo = "http://idp.example.net/u" domains = { "x.example" } }\n'), "config-plain-http", "https://"),
    "no configuration": (instead("{root}/postern.conf"), "config-missing", "--config"),
    "no secret file": (conf("/etc/postern/introspection", "/etc/postern/nothing"), "config-broken", "postern.conf(5)"),
    "configuration that others write": (mode("{root}/postern.conf", 0o666), "config-writable", "chmod go-w"),
    "no such setting": (conf("", "nonsense = 1\n"), "config-unknown-setting", "posternd --settings"),
    "broken syntax": (conf("", "provider {{{\n"), "config-broken", "postern.conf(5)"),
    "secret file world-readable": (mode("{etc}/postern/introspection", 0o644), "config-secret-readable", "chmod 600"),
    "no such user": (conf("postfix  { ", 'postfix  { group = "nobodys-group" '), "config-user-missing", "postfix.group"),
    "database readable": (mode("{root}/lib", 0o755), "store-directory", "chmod 700 "),
    "mail root of another": (owner("{root}/mail", 12345, 12345), "mail-root", "install -d -o 5000"),
    "provider not yet known to the daemon": (conf("", SECOND.replace('"example.com" }', '"play.example.com" }')),
                                             "daemon-old-configuration", "systemctl reload postern"),
    "clients not yet known to the daemon": (conf('{ "mail" }', '{ "mail", "webmail" }'), "daemon-old-configuration", "systemctl reload postern"),
    "internal listener not yet opened": (conf("", 'http { internal = "127.0.0.1:9" }\n'), "internal-listener", "systemctl restart postern"),
    "everybody trusted": (conf("login    {", 'login    {\n  trusted_addresses = { "0.0.0.0/0" }'), "config-trusts-everybody", "webmail"),
    # daemon, sockets, links
    "daemon not running": (stopped, "daemon-not-running", "systemctl start postern"),
    "socket with a wrong mode": (mode("{root}/run/auth-master", 0o666), "socket-mode", "chmod 600 "),
    "admin socket open to all": (mode("{root}/run/admin.sock", 0o666), "socket-mode", "chmod 600 "),
    "socket of another": (owner("{root}/spool/postern/auth", 0, 0), "socket-owner", "restart"),
    "missing socket": (instead("{root}/run/auth-userdb"), "socket-missing", "restart"),
    "dead socket": (instead("{root}/run/auth-userdb", dead_socket), "socket-dead", "restart"),
    "file for a socket": (instead("{root}/run/auth-userdb", plain_file), "socket-replaced", "move it away"),
    "directory open to all": (mode("{root}/run", 0o777), "socket-directory", "chmod 755"),
    "directory closed to mail servers": (mode("{root}/spool/postern", 0o700), "socket-directory", "chmod 755"),
    "login directory closed": (mode("{root}/dovecot/login", 0o700), "login-directory", "chmod 750"),
    "missing symlink": (instead("{root}/dovecot/auth-userdb"), "link-missing", "ln -sfn "),
    "missing symlink of the login processes": (instead("{root}/dovecot/login/login"), "link-missing", "ln -sfn posternd/login "),
    "symlink to elsewhere": (instead("{root}/dovecot/auth-client", lambda where: os.symlink("/nowhere", where)), "link-elsewhere", "ln -sfn "),
    "Dovecot's own socket": (instead("{root}/dovecot/auth-login", dead_socket), "link-replaced", "service auth"),
    # Dovecot
    "a seventh auth listener": (dovecot("", SEVENTH), "dovecot-auth-on", "/var/spool/postfix/private/auth { mode = 0 }"),
    "auth_debug": (dovecot("", "auth_debug = yes\n"), "dovecot-auth-debug", "auth_debug = no"),
    "auth_debug_passwords": (dovecot("", "auth_debug_passwords = yes\n"), "dovecot-auth-debug-passwords", "auth_debug_passwords = no"),
    "auth_verbose_passwords": (dovecot("", "auth_verbose_passwords = sha1\n"), "dovecot-auth-verbose-passwords", "auth_verbose_passwords = no"),
    "rawlog by script": (dovecot("", RAWLOG), "dovecot-rawlog", "delete what was recorded"),
    "rawlog by setting": (dovecot("", "protocol imap {\n  rawlog_dir = /tmp/rawlog/%u\n}\n"), "dovecot-rawlog", "delete what was recorded"),
    "rawlog of the login processes": (dovecot("", "service imap-login {\n  executable = imap-login -R /tmp\n}\n"), "dovecot-rawlog", "delete"),
    "Dovecot without TLS": (dovecot("ssl = required", "ssl = no"), "dovecot-ssl-off", "ssl = required"),
    "Dovecot takes clear text": (dovecot("ssl = required", "ssl = yes\ndisable_plaintext_auth = no"), "dovecot-cleartext", "ssl = required"),
    "Dovecot elsewhere": (dovecot("base_dir = ", "base_dir = /run/other #"), "dovecot-base-dir", 'base_dir = "/run/other'),
    "users looked up elsewhere": (dovecot("", "auth_socket_path = /run/other/auth-userdb\n"), "dovecot-auth-socket-path", "auth_socket_path"),
    "uid outside of Dovecot's limits": (dovecot("first_valid_uid = 5000\nlast_valid_uid = 5000", "first_valid_uid = 6000\nlast_valid_uid = 7000"), "dovecot-uid",
                                        "first_valid_uid = 5000"),
    "everybody trusted by Dovecot": (dovecot("", "login_trusted_networks = 10.0.0.0/8 0.0.0.0/0\n"), "dovecot-trusted-networks", "proxies"),
    "another internal user": (dovecot("", "default_internal_user = mail\n"), "dovecot-user", 'user = "mail"'),
    "another login user": (dovecot("", "default_login_user = mail\n"), "dovecot-user", 'login_group = "mail"'),
    "private key for all": (mode("{root}/tls/key.pem", 0o644), "tls-key-readable", "chmod o-r"),
    "oauth2 with debug": (oauth2("debug = yes"), "dovecot-auth-debug", "debug = no"),
    "oauth2 with rawlog": (oauth2("rawlog_dir = /tmp/oauth2"), "dovecot-rawlog", "delete what was recorded"),
    "broken Dovecot configuration": (dovecot("", "no_such_setting = 1\n"), "dovecot-config-broken", "doveconf -n"),
    # Postfix
    "smtpd chroot without socket": (main_cf("smtpd_sasl_path = postern/auth", "smtpd_sasl_path = {root}/spool/postern/auth"),
                                    "postfix-chroot-no-socket", "smtpd_sasl_path = postern/auth"),
    "map out of the chroot": (main_cf("virtual_mailbox_maps = socketmap:unix:postern/map", "virtual_mailbox_maps = socketmap:unix:{root}/spool/postern/map"),
                              "postfix-chroot-no-socket", "virtual_mailbox_maps = socketmap:unix:postern/map:mailboxes"),
    "Postfix of another user": (main_cf("", "mail_owner = mail\n"), "postfix-group", 'group = "mail"'),
    "another SASL server": (main_cf("smtpd_sasl_path = postern/auth", "smtpd_sasl_path = private/auth"), "postfix-sasl-path", "postern/auth"),
    "cyrus": (main_cf("smtpd_sasl_type = dovecot", "smtpd_sasl_type = cyrus"), "postfix-sasl-type", "smtpd_sasl_type = dovecot"),
    "smtpd -v": (master_cf("smtpd\n  -o syslog_name=postfix/submissions", "smtpd -v\n  -o syslog_name=postfix/submissions"),
                 "postfix-smtpd-verbose", "take -v out of master.cf"),
    "debug_peer_list": (main_cf("", "debug_peer_list = 192.0.2.7\n"), "postfix-debug-peer", "debug_peer_list = (empty)"),
    "sign-in before TLS": (master_cf("-o smtpd_tls_security_level=encrypt\n  -o smtpd_tls_auth_only=yes", "-o smtpd_tls_auth_only=no"),
                           "postfix-tls-auth-only", "smtpd_tls_auth_only = yes"),
    "submission without TLS": (master_cf("-o smtpd_tls_security_level=encrypt", "-o smtpd_tls_security_level=none"), "postfix-no-tls", "encrypt"),
    "open relay": (main_cf("permit_mynetworks, reject_unauth_destination", "permit_mynetworks, permit, reject_unauth_destination"),
                   "postfix-open-relay", "reject_unauth_destination"),
    "the whole internet in mynetworks": (main_cf("", "mynetworks = 0.0.0.0/0\n"), "postfix-open-relay", "127.0.0.0/8"),
    "no map": (main_cf("virtual_mailbox_maps = socketmap:unix:postern/map:mailboxes", "virtual_mailbox_maps ="), "postfix-map", "map:mailboxes"),
    "small groups only": (main_cf("virtual_alias_expansion_limit = 1000000\n", ""), "postfix-group-limits", "virtual_alias_expansion_limit = 1000000"),
    "two copies": (main_cf("duplicate_filter_limit = 1000000", "duplicate_filter_limit = 1000"), "postfix-group-limits", "duplicate_filter_limit = 1000000"),
    "groups for everybody": (main_cf("smtpd_recipient_restrictions = reject_non_fqdn_recipient, $postern_policy, $postern_quota",
                                     "smtpd_recipient_restrictions = reject_non_fqdn_recipient"), "postfix-policy-recipients", "check_policy_service"),
    "anybody's sender": (main_cf("postern_senders = socketmap:unix:postern/map:senders", "postern_senders ="), "postfix-sender-check", "map:senders"),
    "no policy at DATA": (main_cf("postern_submission_data = $postern_policy", "postern_submission_data ="), "postfix-policy", "smtpd_data_restrictions"),
    "short lines": (main_cf("postern_sasl_line_limit = 24576", "postern_sasl_line_limit = 2048"), "postfix-line-length", "line_length_limit = 24576"),
    "short responses": (master_cf("smtpd_sasl_response_limit=$postern_sasl_line_limit", "smtpd_sasl_response_limit=4096"), "postfix-line-length",
                        "smtpd_sasl_response_limit = 24576"),
    "no mechanism left": (main_cf("smtpd_sasl_tls_security_options = noanonymous", "smtpd_sasl_tls_security_options = noplaintext"),
                          "postfix-sasl-options", "smtpd_sasl_tls_security_options = noanonymous"),
    "filtered mechanisms": (main_cf("", "smtpd_sasl_mechanism_filter = plain, login\n"), "postfix-sasl-mechanisms", "smtpd_sasl_mechanism_filter"),
    "hidden AUTH": (main_cf("", "smtpd_discard_ehlo_keywords = auth, etrn\n"), "postfix-sasl-mechanisms", "smtpd_discard_ehlo_keywords"),
    "no LMTP in Dovecot": (dovecot("private/dovecot-lmtp", "private/other-lmtp"), "postfix-transport", "spool/private/dovecot-lmtp"),
    "bare domains": (main_cf("virtual_alias_domains =\n", ""), "postfix-alias-domains", "virtual_alias_domains = (empty)"),
    "virtual(8)": (main_cf("virtual_transport = lmtp:unix:private/dovecot-lmtp", "virtual_transport = virtual"), "postfix-transport", "lmtp:"),
    "a domain in two classes": (main_cf("mydestination =", "mydestination = example.com"), "postfix-domain-class", "out of mydestination"),
    "Postfix elsewhere": (main_cf("queue_directory = ", "queue_directory = /var/spool/other #"), "postfix-queue-directory", "queue_directory = "),
    "a misspelt parameter": (main_cf("", "smptd_banner = x\n"), "postfix-config-warning", "correct it"),
    "nobody may send": (lambda clinic: edited_all(f"{clinic.root}/postfix/master.cf", "smtpd_sasl_auth_enable=yes", "smtpd_sasl_auth_enable=no"),
                        "postfix-sasl-off", "smtpd_sasl_auth_enable = yes"),
}


@contextlib.contextmanager
def edited_all(path, old, new):
    with open(path, encoding="utf-8") as file:
        kept = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(kept.replace(old, new))
    try:
        yield
    finally:
        with open(path, "w", encoding="utf-8") as file:
            file.write(kept)


# What works all the same; everything else keeps people or secrets from where they belong.
WARNINGS = {"dovecot-cleartext", "keys-weak", "postfix-alias-domains", "postfix-config-warning", "postfix-group-limits", "postfix-line-length",
            "postfix-policy", "postfix-policy-recipients", "postfix-sasl-off", "provider-certificate"}


def found(clinic, code, remedy):
    faults = clinic.faults()
    assert list(faults) == [code], faults
    for one in faults[code]:
        assert one["level"] == ("warning" if code in WARNINGS else "bad"), one
        assert remedy in one["remedy"], one
        assert "\n" not in one["text"] + one["remedy"]


@pytest.mark.parametrize("name", FAULTS)
def test_fault(clinic, name):
    plant, code, remedy = FAULTS[name]
    with plant(clinic):
        found(clinic, code, remedy)


def test_certificate_ends(clinic):
    with old_certificate(clinic):
        faults = clinic.faults()
        assert set(faults) == {"dovecot-certificate", "postfix-certificate"}
        assert all("renew it" in one["remedy"] and "ends in" in one["text"] for many in faults.values() for one in many)


def test_environment_is_the_daemons(clinic):
    """Not that of whoever calls the doctor."""
    environment = dict(os.environ, POSTERN_LOG_LEVEL="nonsense")
    done = subprocess.run([*clinic.world.room.enter, daemons.POSTERN, "doctor", "--config", clinic.daemon.conf], check=False, capture_output=True,
                          text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stdout
    with stopped(clinic):
        done = subprocess.run([daemons.POSTERN, "doctor", "--config", clinic.daemon.conf], check=False, capture_output=True, text=True, timeout=60,
                              env=environment)
        assert "POSTERN_LOG_LEVEL" in done.stdout


def test_environment_alone(clinic):
    """As in docker-mailserver's container: no file, two variables."""
    def doctor(**environment):
        return subprocess.run([*clinic.world.room.enter, daemons.POSTERN, "doctor"], check=False, capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "POSTERN_SOCKET": f"{clinic.root}/nobody.sock"} | environment).stdout

    assert "bad      config-missing: /etc/postern/postern.conf" in doctor()
    said = doctor(ENABLE_OAUTH2="1", OAUTH2_INTROSPECTION_URL="https://id.example.com/realm/userinfo")
    assert "ok       config: the environment: 1 provider\n" in said and "daemon-not-running" in said


# ---- a Dovecot that checks by itself ----

OWN = """
base_dir = {0}/dovecot
ssl = required
ssl_cert = <{0}/tls/cert.pem
ssl_key = <{0}/tls/key.pem
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {0}/oauth2.ext
}}
"""
INTERNAL = "0123456789abcdef0123456789abcdef"


class Verified(Clinic):
    """docs/verifier.md: Dovecot's own auth service asks the internal listener, and Postfix is not ours."""

    def conf_text(self):
        text = super().conf_text().replace(f'base_dir = "{self.root}/dovecot"', 'base_dir = ""')
        text = text.replace(f'queue_directory = "{self.root}/spool"', 'queue_directory = ""')
        return text + f'http {{\n  internal = "127.0.0.1:8026"\n  internal_secret = "{INTERNAL}"\n}}\n'

    def render(self):
        with open(f"{self.root}/dovecot.conf", "w", encoding="ascii") as file:
            file.write(OWN.format(self.root))
        with open(f"{self.root}/oauth2.ext", "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(f"introspection_url = http://127.0.0.1:8026/{INTERNAL}/introspect\nintrospection_mode = auth\n")


@pytest.fixture(scope="module")
def verified():
    made = Verified()
    yield made
    made.close()


def ext(old, new):
    return lambda clinic: edited(f"{clinic.root}/oauth2.ext", old, new)


ITSELF = 'provider "dms" {\n  userinfo = "http://127.0.0.1:8026/x/introspect"\n  domains = { "dms.example" }\n}\n'
VERIFIED = {
    "another address": (ext("8026", "8027"), "verifier-url", "http://127.0.0.1:8026/SECRET/introspect"),
    "another secret": (ext("0123", "3210"), "verifier-url", "http.internal_secret"),
    "another path": (ext("/introspect", "/token"), "verifier-url", "introspection_url"),
    "no URL": (ext("introspection_url", "#introspection_url"), "verifier-url", "docs/verifier.md"),
    "no passdb": (dovecot("driver = oauth2", "driver = pam"), "verifier-url", "docs/verifier.md"),
    "readable": (mode("{root}/oauth2.ext", 0o644), "verifier-secret-readable", "chmod 600"),
    "no secret": (conf(f'internal_secret = "{INTERNAL}"', ""), "verifier-secret", "internal_secret_file"),
    "debug": (ext("introspection_mode", "debug = yes\nintrospection_mode"), "dovecot-auth-debug", "debug = no"),
}


@pytest.mark.parametrize("name", VERIFIED)
def test_verifier_fault(verified, name):
    plant, code, remedy = VERIFIED[name]
    with plant(verified):
        found(verified, code, remedy)
        assert INTERNAL not in verified.doctor().stdout


def test_verifier_healthy(verified):
    assert verified.doctor().stdout.endswith("Nothing is wrong.\n")
    assert {"verifier-url", "internal-listener"} <= {one["code"] for one in verified.findings() if one["level"] == "ok"}


def test_asks_itself(verified):
    with edited(verified.daemon.conf, "", ITSELF):
        assert "OAUTH2_INTROSPECTION_URL" in verified.faults()["config-asks-itself"][0]["remedy"]


# ---- faults of the provider ----

ID = "id.example.com"


@contextlib.contextmanager
def troubled(clinic, trouble, endpoint="discovery"):
    clinic.world.server.trouble(trouble, ID, endpoint)
    try:
        yield
    finally:
        clinic.world.server.well()


@contextlib.contextmanager
def certified(clinic, kind):
    clinic.world.server.certificates[ID] = kind
    clinic.world.server.drop()
    try:
        yield
    finally:
        del clinic.world.server.certificates[ID]
        clinic.world.server.drop()


@contextlib.contextmanager
def configured(clinic, old, new):
    """The daemon knows of it."""
    text = clinic.conf_text()
    changed = text.replace(old, new, 1)
    assert changed != text
    clinic.reload(changed)
    try:
        yield
    finally:
        clinic.reload(text)


@contextlib.contextmanager
def nowhere(clinic):
    clinic.world.name(ID, "192.0.3.77")
    try:
        yield
    finally:
        clinic.world.name(ID)


@contextlib.contextmanager
def keyed(clinic, keys):
    kept = clinic.product.keys
    clinic.product.keys = {issuer: [] for issuer in kept}
    clinic.product.more_keys = keys
    try:
        yield
    finally:
        clinic.product.keys, clinic.product.more_keys = kept, []


def trouble(what, endpoint="discovery"):
    return lambda clinic: troubled(clinic, what, endpoint)


def setting(old, new):
    return lambda clinic: configured(clinic, old, new)


WEAK = tokens.Key("RSA", "weak", "RS256", bits=1024)
SLASH = 'set issuer = "https://id.example.com/realm/"'
PROVIDER_FAULTS = {
    "wrong issuer slash": (setting("/realm/", "/realm"), "provider-issuer", SLASH),
    "wrong issuer": (trouble(web.changed(issuer="https://id.example.com/realms/acme")), "provider-issuer", "realms/acme"),
    "issuer of nobody": (setting("/realm/", "/raelm/"), "provider-discovery", "correct `issuer`"),
    "discovery is a web page": (trouble(web.html), "provider-discovery", "correct `issuer`"),
    "discovery leads elsewhere": (trouble(web.redirect("https://other.example.com/")), "provider-discovery", "correct `issuer`"),
    "clock off by an hour": (trouble(web.skewed(3600)), "provider-clock", "timedatectl set-ntp true"),
    "clock off by an hour the other way": (trouble(web.skewed(-3600)), "provider-clock", "timedatectl set-ntp true"),
    "wrong introspection secret": (setting('id = "postern"', 'id = "other"'), "provider-introspection-credentials", "secret_file"),
    "introspection that is none": (trouble(web.says(404), "introspection"), "provider-introspection", "introspection url"),
    "introspection that takes all": (trouble(web.says(200, {"active": True}), "introspection"), "provider-introspection", "looks at no token"),
    "expired certificate": (lambda clinic: certified(clinic, "expired"), "provider-certificate-expired", "renew"),
    "expired CA": (lambda clinic: certified(clinic, "orphaned"), "provider-certificate-expired", "chain"),
    "certificate of another": (lambda clinic: certified(clinic, "elsewhere"), "provider-tls", "of that name"),
    "certificate of nobody": (lambda clinic: certified(clinic, "selfsigned"), "provider-tls", "ca_file"),
    "certificate ends soon": (lambda clinic: certified(clinic, "ending"), "provider-certificate", "renew it"),
    "provider down": (nowhere, "provider-unreachable", "connect_to"),
    "provider signing HS256": (lambda clinic: keyed(clinic, []), "provider-signing-key", "choose a signing key"),
    "discovery names HS256 only": (trouble(web.changed(id_token_signing_alg_values_supported=["HS256"])), "provider-signing-key",
                                   "choose a signing key"),
    "another algorithm": (trouble(web.changed(id_token_signing_alg_values_supported=["ES256K"])), "provider-algorithms", "algorithms"),
    "no JWKS": (trouble(web.says(404), "jwks"), "provider-keys", "correct"),
    "JWKS that is none": (trouble(web.says(200, {"kees": []}), "jwks"), "provider-keys", "RFC 7517"),
    "keys at home": (trouble(web.changed(jwks_uri="https://10.1.2.3/keys")), "provider-address", "jwks"),
    "userinfo that is none": (trouble(web.says(404), "userinfo"), "provider-userinfo", "no such endpoint"),
    "userinfo that takes all": (trouble(web.says(200, {"sub": "x"}), "userinfo"), "provider-userinfo", "looks at no token"),
}


@pytest.mark.parametrize("name", PROVIDER_FAULTS)
def test_provider_fault(clinic, name):
    plant, code, remedy = PROVIDER_FAULTS[name]
    with plant(clinic):
        found(clinic, code, remedy)
        done = clinic.daemon.postern("provider", "test", "work", check=False)
        assert code in done.stdout and remedy in done.stdout


def test_weak_keys(clinic):
    """Left out, said so, and not missed as long as there are others."""
    with keyed(clinic, [WEAK.jwk]):
        found(clinic, "provider-keys", "RSA of 2048 bits")
    clinic.product.more_keys = [WEAK.jwk]
    try:
        found(clinic, "keys-weak", "2048")
    finally:
        clinic.product.more_keys = []


@pytest.mark.parametrize("leeway, skew, level", [(30, 0, "ok"), (30, 25, "ok"), (30, -25, "ok"), (60, 45, "warning"), (60, -45, "warning"),
                                                 (60, 75, "bad"), (30, 45, "bad"), (0, 20, "ok"), (0, 45, "bad")])
def test_clock(clinic, leeway, skew, level):
    with configured(clinic, 'clients  = { "mail" }', f'clients  = {{ "mail" }}\n  leeway = {leeway}s'), troubled(clinic, web.skewed(skew)):
        said = json.loads(clinic.daemon.postern("provider", "test", "work", "--json").stdout if level != "bad" else
                          clinic.daemon.postern("provider", "test", "work", "--json", check=False).stdout)
        assert [one["level"] for one in said["findings"] if one["code"] == "provider-clock"] == [level]


def test_texts_of_others_steer_no_terminal(clinic):
    with troubled(clinic, web.changed(issuer="https://id.example.com/\x1b[31m\u009bred\r\n")):
        done = clinic.daemon.postern("provider", "test", check=False)
        assert done.returncode == 1 and "\\x1b[31m" in done.stdout
        assert not {"\x1b", "\u009b", "\r"} & set(done.stdout)


def test_no_secret_is_shown(clinic):
    shown = clinic.doctor().stdout + clinic.doctor("--json").stdout + clinic.daemon.postern("provider", "test").stdout
    assert worlds.SECRET not in shown and "postern-provider-test-" not in shown
    assert worlds.SECRET not in clinic.daemon.log() and "postern-provider-test-" not in clinic.daemon.log()


class Asking:
    """A call to the daemon that waits, as its provider says nothing."""

    def __init__(self, clinic, method="GET", target="/v1/providers/work/test", **body):
        self.mark = clinic.world.server.mark()
        self.clinic, self.call = clinic, daemons.Admin(clinic.daemon)
        clinic.world.server.trouble(web.frozen, ID)
        self.call.request(method, target, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        daemons.wait_for(lambda: clinic.world.server.requests(ID, since=self.mark), clinic.daemon.log)

    def end(self):
        self.call.close()
        self.clinic.world.server.well()


def questions(clinic):
    return [{}, {"method": "POST", "target": "/v1/token/check", "token": clinic.product.issue(HELLO, opaque=True)}]


@pytest.mark.parametrize("which", [0, 1])
def test_who_asked_leaves(clinic, which):
    workers = clinic.daemon.workers
    asking = Asking(clinic, **questions(clinic)[which])
    asking.end()
    assert clinic.faults() == {}
    assert clinic.daemon.workers == workers


@pytest.mark.parametrize("which", [0, 1])
def test_reload_while_asking(clinic, which):
    """The question is answered by the providers that it was about."""
    asking = Asking(clinic, **questions(clinic)[which])
    clinic.reload(clinic.conf_text().replace('"work"', '"other"'))
    clinic.world.server.well()
    with asking.call.getresponse() as answer:
        said = json.load(answer)
    assert answer.status == 200 and said["provider"] == "work"
    clinic.reload(clinic.conf_text())
    asking.end()
    assert clinic.faults() == {}


@pytest.mark.parametrize("which", [0, 1])
def test_stop_while_asking(clinic, which):
    asking = Asking(clinic, **questions(clinic)[which])
    assert clinic.daemon.stop() == 0
    asking.end()
    clinic.daemon.start()
    daemons.wait_for(lambda: clinic.faults() == {}, clinic.faults)


def test_unknown_provider(clinic):
    assert clinic.daemon.postern("provider", "test", "nobody", check=False).returncode == 3
    listed = clinic.daemon.postern("provider", "list").stdout
    assert "work" in listed and "example.com" in listed


# ---- tokens ----

def check(clinic, token, *more):
    done = clinic.daemon.postern("token", "check", *more, line=token + "\n", check=False)
    assert token not in done.stdout + done.stderr
    text = clinic.daemon.postern("token", "check", "--json", *more, line=token + "\n", check=False)
    said = json.loads(text.stdout)
    last = done.stdout.splitlines()[-1]
    assert last == said["summary"] and last.startswith(said["answer"])
    assert done.returncode == text.returncode == {"accepted": 0, "refused": 5, "unavailable": 1}[said["answer"]]
    return said


def faulty(said):
    return {one["code"]: one for one in said["findings"] if one["level"] in ("warning", "bad")}


@pytest.fixture(scope="module")
def known(clinic):
    """The daemon has the provider's keys."""
    daemons.wait_for(lambda: check(clinic, clinic.product.issue(HELLO))["answer"] == "accepted", clinic.daemon.log)
    return clinic


@pytest.mark.parametrize("opaque", [False, True])
def test_good_token(known, opaque):
    said = check(known, known.product.issue(HELLO, opaque=opaque), "--user", HELLO, "--protocol", "imap")
    assert said["summary"] == f"accepted: signs in as {HELLO}, and binds the account"
    assert faulty(said) == {}
    assert said["account"] == HELLO and said["provider"] == "work"


def test_check_changes_nothing(known):
    check(known, known.product.issue(HELLO))
    assert "subject      -" in known.daemon.postern("account", "show", HELLO).stdout


def issued(address=HELLO, **more):
    return lambda product: product.issue(address, **more)


def unverified(product):
    product.people["new@example.com"] = products.Person("new@example.com", verified=False)
    return product.issue("new@example.com")


def revoked(product):
    token = product.issue(HELLO, opaque=True)
    product.revoke(token)
    return token


def graph(product):
    """As Entra issues it: its signature verifies nowhere else."""
    token = product.issue(HELLO, aud="https://graph.microsoft.com", client="other")
    return token[:-8] + "AAAAAAAA"


def hs256(product):
    return tokens.mint(product.claims(HELLO), alg="HS256", header={"typ": "at+jwt"}, sign=lambda data: tokens.hs("HS256", b"secret", data))


TOKENS = {
    "Microsoft Graph with all that follows": (graph, "token-for-graph", "Graph"),
    "signed with HS256": (hs256, "token-algorithm", "choose a signing key"),
    "signed by another": (lambda product: tokens.mint(product.claims(HELLO), tokens.Key("RSA"), header={"typ": "at+jwt"}), "token-key", "fresh token"),
    "changed": (lambda product: product.issue(HELLO)[:-8] + "AAAAAAAA", "token-signature", "fresh"),
    "expired": (issued(exp=int(time.time()) - 180), "token-expired", "the client should refresh"),
    "wrong audience and client": (issued(client="other"), "token-client", 'clients = { "mail", "other" }'),
    "Microsoft Graph": (issued(aud="00000003-0000-0000-c000-000000000000"), "token-for-graph", "Graph"),
    "revoked": (revoked, "token-active", ""),
    "of no account": (issued("nobody@example.com"), "account-known", "postern account add nobody@example.com"),
    "of another domain": (issued("hello@example.net"), "token-address-domain", "example.net"),
    "unverified e-mail": (unverified, "token-email-verified", "email_verified"),
    "of another issuer": (issued(iss="https://id.example.com/realm"), "token-issuer", "issuer"),
    "an ID token": (issued(kind="id"), "token-type", ""),
    "of the future": (issued(nbf=int(time.time()) + 3600), "token-not-yet", "clock"),
    "a bound token": (issued(cnf={"jkt": "x"}), "token-sender-bound", ""),
    "without an end": (issued(exp=None), "token-time", ""),
    "no token at all": (lambda product: "Bearer abc", "token-characters", "paste the access token alone"),
}


@pytest.mark.parametrize("name", TOKENS)
def test_token_fault(known, name):
    make, code, remedy = TOKENS[name]
    if name == "unverified e-mail":
        known.daemon.postern("account", "add", "new@example.com", check=False)
    said = check(known, make(known.product))
    assert said["answer"] == "refused", said
    faults = faulty(said)
    assert list(faults) == [code], faults
    assert remedy in faults[code]["remedy"]
    assert said["summary"].startswith(f"refused: {faults[code]['text']}; ")


def test_expired_in_so_many_words(known):
    said = check(known, known.product.issue(HELLO, exp=int(time.time()) - 180))
    assert said["summary"] == "refused: expired 3 min ago; the client should refresh; nothing to change here"
    assert said["reason"] == "token_expired"


def test_account_faults(known):
    product, postern = known.product, known.daemon.postern
    for name in ("off", "other"):
        postern("account", "add", f"{name}@example.com")
    token = product.issue("off@example.com")
    said = check(known, token, "--user", "other@example.com")
    assert list(faulty(said)) == ["account-name"]
    assert "is of other@example.com" in said["summary"]
    postern("account", "disable", "off@example.com")
    said = check(known, token)
    assert list(faulty(said)) == ["account-active"] and "postern account enable off@example.com" in said["summary"]
    postern("account", "enable", "off@example.com")
    # Bound by a sign-in; then somebody else gets the address.
    with known.daemon.dovecot() as end:
        assert end.login("XOAUTH2", ends.xoauth2("off@example.com", token)).ok
    assert check(known, token)["summary"] == "accepted: signs in as off@example.com"
    product.people["off@example.com"] = products.Person("off@example.com", subject="somebody-else")
    said = check(known, product.issue("off@example.com"))
    assert list(faulty(said)) == ["account-binding"] and "postern account unbind off@example.com" in said["summary"]
    # Verified or not is judged when an account is bound, and not afterwards.
    product.people["off@example.com"] = products.Person("off@example.com", verified=False)
    assert check(known, product.issue("off@example.com"))["answer"] == "accepted"


def test_missing_scope(known):
    with configured(known, 'clients  = { "mail" }', 'clients  = { "mail" }\n  scopes = { "mail.read" }'):
        said = check(known, known.product.issue(HELLO))
        assert list(faulty(said)) == ["token-scope"] and "mail.read" in said["summary"]


def test_missing_scope_of_one_protocol(known):
    with configured(known, 'clients  = { "mail" }', 'clients  = { "mail" }\n  scope_imap = { "imap" }'):
        token = known.product.issue(HELLO)
        said = check(known, token, "--protocol", "imap")
        assert list(faulty(said)) == ["token-scope-imap"] and said["answer"] == "refused" and "imap" in said["summary"]
        said = check(known, token, "--protocol", "smtp")
        assert faulty(said) == {} and said["answer"] == "accepted"
        assert faulty(check(known, token))["token-scope-imap"]["level"] == "warning"


def test_wrong_slash(known):
    with configured(known, "/realm/", "/realm"):
        said = check(known, known.product.issue(HELLO))
        assert list(faulty(said)) == ["token-issuer"] and 'issuer = { "https://id.example.com/realm/" }' in said["summary"]


def test_wrong_introspection_secret(known):
    with configured(known, 'id = "postern"', 'id = "other"'):
        said = check(known, known.product.issue(HELLO, opaque=True))
        assert said["answer"] == "unavailable" and list(faulty(said)) == ["token-introspection"] and "secret_file" in said["summary"]


def test_wrong_audience(known):
    with configured(known, 'clients  = { "mail" }', 'audiences  = { "https://mail.example.com" }'):
        said = check(known, known.product.issue(HELLO))
        assert list(faulty(said)) == ["token-audience"]
        assert 'audiences = { "https://mail.example.com", "mail" }' in faulty(said)["token-audience"]["remedy"]


def test_provider_down(known):
    """Nobody can say: neither accepted nor refused."""
    token = known.product.issue(HELLO, opaque=True)
    with troubled(known, web.error, "introspection"):
        said = check(known, token)
        assert said["answer"] == "unavailable" and list(faulty(said)) == ["token-introspection"]


def test_questions_that_are_none(known):
    daemon = known.daemon
    assert daemon.postern("token", "check", line="", check=False).returncode == 5
    assert daemon.postern("token", "check", "--protocol", "gopher", line="x\n", check=False).returncode == 5
    assert daemon.postern("token", "check", "--user", "@@", line="abc\n", check=False).returncode == 5
    assert daemon.postern("token", "check", line="x" * 70000 + "\n", check=False).returncode == 5
    assert "no login takes more than 16384" in daemon.postern("token", "check", line="+" * 60000 + "\n", check=False).stdout
    assert daemon.postern("token", "check", "--token", "x", check=False).returncode == 2
    done = subprocess.run([daemons.POSTERN, "token", "check", "--socket", "/nowhere"], input="abc\n", check=False, capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 6
