"""`postern doctor` about the clients that provision: one fault each, and that its code, and no other, is found."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess

import pytest

import daemon as daemons
import public

DAY = 24 * 3600
PROVIDERS = """
provider "work" {{
  userinfo = "http://127.0.0.1:9/userinfo"
  domains  = {{"example.com"}}
}}
provider "home" {{
  userinfo = "http://127.0.0.1:9/userinfo"
  domains  = {{"{domain}"}}
}}
"""


@pytest.fixture(scope="module")
def daemon(make_daemon):
    def prepare(daemon):
        daemon.providers = PROVIDERS.format(domain="example.org")
        return {"public_url": '"https://mail.example.com"'}

    return public.start(make_daemon, prepare)


def findings(daemon):
    """code → findings, of the section."""
    done = daemon.postern("doctor", "--json", "--config", daemon.conf, check=False)
    found = {}
    for one in json.loads(done.stdout)["findings"]:
        if one["section"] == "provisioning":
            found.setdefault(one["code"], []).append(one)
    return found


def faults(daemon):
    return {code: [one["level"] for one in found] for code, found in findings(daemon).items() if found[0]["level"] in ("warning", "bad")}


@pytest.fixture
def client(daemon):
    daemon.postern("scim-token", "create", "okta", "--domains", "example.com", "--provider", "work", "--expires", "365d")
    yield "okta"
    edit(daemon, "UPDATE client SET frozen = 0")
    daemon.postern("scim-token", "delete", "okta", "--yes")


def edit(daemon, sql):
    with contextlib.closing(sqlite3.connect(f"{daemon.directory}/lib/accounts.db", timeout=20)) as store, store:
        assert store.execute(sql).rowcount > 0, sql


def test_nobody_provisions(daemon):
    found = findings(daemon)
    assert found["provisioning"][0]["level"] == "skipped" and found["public-listener"][0]["level"] == "ok" and faults(daemon) == {}


def test_healthy(daemon, client):
    found = findings(daemon)
    assert {code: one[0]["level"] for code, one in found.items()} == {"public-listener": "ok", "provisioning": "ok"}
    assert "1 client," in found["provisioning"][0]["text"]


FAULTS = {
    "ends soon": ("UPDATE client_secret SET expires = created + 13 * 86400", {"provisioning-token-expires": ["warning"]}, "rotate okta"),
    "ended": ("UPDATE client_secret SET expires = created - 1", {"provisioning-token-expired": ["bad"]}, "rotate okta"),
    "no secret": ("DELETE FROM client_secret", {"provisioning-token-expired": ["bad"]}, "rotate okta"),
    "never used": ("UPDATE client SET created = created - 2 * 86400", {"provisioning-token-unused": ["warning"]}, "delete okta"),
    "frozen": ("UPDATE client SET frozen = 1", {"provisioning-brake": ["warning"]}, "release okta"),
    "provider gone": ("UPDATE client SET provider = 'gone'", {"provisioning-provider": ["bad"]}, "set okta --provider"),
    "provider of others": ("UPDATE client SET provider = 'home'", {"provisioning-provider": ["bad"]}, "take it from the client"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(daemon, client, name):
    sql, expected, remedy = FAULTS[name]
    edit(daemon, sql)
    assert faults(daemon) == expected
    ((one,),) = (found for code, found in findings(daemon).items() if code in expected)
    assert remedy in one["remedy"] and "okta" in one["text"] and "provisioning" not in findings(daemon)


def test_used_or_young_is_fine(daemon, client):
    edit(daemon, "UPDATE client SET created = created - 9 * 86400, last_used = created")
    assert faults(daemon) == {}


def test_one_secret_that_lasts_is_enough(daemon, client):
    daemon.postern("scim-token", "rotate", "okta", "--keep-old", "1d", "--expires", "100d")
    assert faults(daemon) == {}
    daemon.postern("scim-token", "rotate", "okta", "--now", "--expires", "5d")
    assert faults(daemon) == {"provisioning-token-expires": ["warning"]}
    daemon.postern("scim-token", "rotate", "okta", "--keep-old", "3d", "--expires", "0")      # without an end
    assert faults(daemon) == {}


@pytest.mark.parametrize("url,expected", [
    (None, {"provisioning-url": ["warning"]}), ("https://localhost:8025", {"provisioning-url": ["warning"]}),
    ("http://[::1]:8025", {"provisioning-url": ["warning"]}), ("http://mail.example.com", {"provisioning-plain-http": ["bad"]}),
    ("http://mail.internal", {}), ("https://mail.example.com/postern", {})])
def test_url(daemon, client, url, expected):
    try:
        public.reload(daemon, **({"public_url": f'"{url}"'} if url else {}))
        assert faults(daemon) == expected
    finally:
        public.reload(daemon, public_url='"https://mail.example.com"')


def test_no_listener(daemon, client):
    text = daemon.conf_text()
    try:
        daemon.write_conf(text.replace("public =", "internal_secret =").replace("public_url", "# "))
        found = findings(daemon)
        assert found["provisioning-not-public"][0]["level"] == "bad" and "public-listener" not in found
    finally:
        daemon.write_conf(text)


def test_nobody_listens(daemon, client):
    text = daemon.conf_text()
    try:
        daemon.write_conf(text.replace(str(daemon.public_port), str(daemons.free_port())))
        assert faults(daemon)["public-listener"] == ["bad"]
    finally:
        daemon.write_conf(text)


def test_certificate(daemon, client):
    """That of the listener, as it lies on disk."""
    text, where = daemon.conf_text(), daemon.directory
    for days, level in ((90, "ok"), (5, "warning")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{where}/key.pem",
                        "-out", f"{where}/cert.pem", "-days", str(days), "-subj", "/CN=mail.example.com"], check=True, capture_output=True)
        os.chmod(f"{where}/key.pem", 0o600)
        try:
            daemon.write_conf(text.replace("public_url", f'public_tls_cert_file = "{where}/cert.pem"\n public_tls_key_file = "{where}/key.pem"\n public_url'))
            assert findings(daemon)["public-certificate"][0]["level"] == level
        finally:
            daemon.write_conf(text)


def test_no_daemon(daemon):
    daemon.stop(signal.SIGTERM)
    try:
        assert findings(daemon)["provisioning"][0]["level"] == "skipped"
    finally:
        daemon.start()
