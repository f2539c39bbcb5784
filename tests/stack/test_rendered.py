"""The configuration that a public server gets, judged by the servers' own tools; nothing is started."""

import os
import shutil
import subprocess
import tempfile

import pytest
from conftest import BUILD

CONF = """
user = "5001"
group = "5001"
run_directory = "{root}/run"
provider "p" {{ userinfo = "https://id.example.com/userinfo" }}
accounts {{ store = "sqlite:{root}/lib/accounts.db" }}
dovecot {{ base_dir = "{root}/dovecot"  config = "{root}/dovecot.conf" }}
postfix {{ queue_directory = "{root}/spool" }}
stack {{
  hostname = "mail.example.com"
  tls_cert = "{root}/cert.pem"
  tls_key  = "{root}/key.pem"
  postfix_data  = "{root}/data"
  dovecot_state = "{root}/state"
}}
"""


def postern(*arguments):
    return subprocess.run([f"{BUILD}/src/cli/postern", "stack", *arguments], capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def rendered():
    root = tempfile.mkdtemp(prefix="postern-", dir="/run")
    os.chmod(root, 0o755)
    for name in ("spool", "data", "state", "lib", "dovecot"):
        os.mkdir(f"{root}/{name}")
    shutil.chown(f"{root}/data", "postfix")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{root}/key.pem",
                    "-out", f"{root}/cert.pem", "-days", "2", "-subj", "/CN=mail.example.com"], check=True, capture_output=True)
    with open(f"{root}/postern.conf", "w", encoding="ascii") as text:
        text.write(CONF.format(root=root))
    done = postern("render", "--config", f"{root}/postern.conf", "--root", root)
    assert done.returncode == 0, done.stderr
    yield root
    shutil.rmtree(root)


def main_cf(root, name):
    return subprocess.run(["postconf", "-c", f"{root}/postfix", "-h", name], capture_output=True, text=True, check=True).stdout.strip()


def master_option(root, service, name):
    return subprocess.run(["postconf", "-c", f"{root}/postfix", "-P", f"{service}/inet/{name}"],
                          capture_output=True, text=True, check=True).stdout.split("=", 1)[1].strip()


def doveconf(root, *arguments):
    return subprocess.run(["doveconf", "-c", f"{root}/dovecot.conf", *arguments], capture_output=True, text=True, check=True).stdout


def test_the_servers_accept_it(rendered):
    done = postern("check", "--root", rendered)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(["postfix", "-c", f"{rendered}/postfix", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr


def test_nothing_without_tls(rendered):
    assert main_cf(rendered, "smtpd_sasl_auth_enable") == "no"
    assert "noplaintext" in main_cf(rendered, "smtpd_sasl_security_options")
    assert master_option(rendered, "587", "smtpd_tls_auth_only") == "yes"
    assert master_option(rendered, "587", "smtpd_tls_security_level") == "encrypt"
    assert master_option(rendered, "465", "smtpd_tls_wrappermode") == "yes"
    assert doveconf(rendered, "-h", "ssl").strip() == "required"
    assert doveconf(rendered, "-h", "disable_plaintext_auth").strip() == "yes"


def test_tokens_of_16_kib_fit(rendered):
    for service in ("587", "465"):
        for name in ("line_length_limit", "smtpd_sasl_response_limit"):
            assert master_option(rendered, service, name) == "$postern_sasl_line_limit"
    assert int(main_cf(rendered, "postern_sasl_line_limit")) > 16384 * 4 / 3 + 400


def test_no_variable_is_left(rendered):
    for name in ("postfix/main.cf", "postfix/master.cf", "dovecot.conf"):
        with open(f"{rendered}/{name}", encoding="utf-8") as text:
            for line in text:
                assert "@" not in line, line


def test_the_check_refuses_what_would_start_dovecots_auth(rendered):
    """A seventh listener, as most installations have it for Postfix."""
    path = f"{rendered}/dovecot.conf"
    shutil.copy(path, path + ".good")
    try:
        with open(path, "a", encoding="ascii") as text:
            text.write(f"\nservice auth {{\n  unix_listener {rendered}/spool/private/auth {{\n    mode = 0660\n  }}\n}}\n")
        done = postern("check", "--root", rendered)
        assert done.returncode != 0 and "private/auth" in done.stderr
    finally:
        os.rename(path + ".good", path)


def test_the_check_refuses_a_broken_file(rendered):
    path = f"{rendered}/postfix/main.cf"
    shutil.copy(path, path + ".good")
    try:
        with open(path, "a", encoding="ascii") as text:
            text.write("\nno such line\n")
        assert postern("check", "--root", rendered).returncode != 0
    finally:
        os.rename(path + ".good", path)
