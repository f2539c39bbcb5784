"""`postern scim-token`: who may provision, what for, and that the secret shows once and nowhere else."""

import contextlib
import glob
import json
import os
import pty
import re
import sqlite3
import subprocess

import pytest

import daemon as daemons
import public
import scim_clients as scim

SECRET = re.compile(r"psc_[A-Za-z0-9_-]{43}")
DAY = 24 * 3600
TWO_PROVIDERS = """
provider "work" {
  userinfo = "http://127.0.0.1:9/userinfo"
  domains  = {"example.com"}
}
provider "home" {
  userinfo = "http://127.0.0.1:9/userinfo"
  domains  = {"example.org"}
}
"""


@pytest.fixture(scope="module")
def daemon(make_daemon):
    def prepare(daemon):
        teams = ", ".join(f'"t{number}.example.com"' for number in range(1, scim.TEAMS_MAX))
        daemon.providers = TWO_PROVIDERS.replace('"example.com"', f'"example.com", {teams}')
        return {"public_url": '"https://mail.example.com"'}

    daemon = public.start(make_daemon, prepare)
    daemon.postern("domain", "add", "example.org")
    return daemon


@pytest.fixture
def name(daemon, request):
    name = re.sub(r"[^a-z0-9]", "-", request.node.name)[:63]
    yield name
    daemon.postern("scim-token", "delete", name, "--yes", check=False)


def create(daemon, name, *options, check=True):
    return daemon.postern("scim-token", "create", name, "--domains", "example.com", *options, check=check)


def show(daemon, name):
    return json.loads(daemon.postern("scim-token", "show", name, "--json").stdout)


def rows(daemon, sql):
    with contextlib.closing(sqlite3.connect(f"file:{daemon.directory}/lib/accounts.db?mode=ro", uri=True)) as store:
        return store.execute(sql).fetchall()


def test_the_secret_alone_on_standard_output(daemon, name):
    done = create(daemon, name)
    assert SECRET.fullmatch(done.stdout.rstrip("\n")) and done.stdout.count("\n") == 1
    assert "https://mail.example.com/scim/v2" in done.stderr and not SECRET.search(done.stderr)


def test_at_a_terminal(daemon, name):
    primary, secondary = pty.openpty()
    process = subprocess.Popen([daemons.POSTERN, "scim-token", "create", name, "--domains", "example.com"], stdin=subprocess.DEVNULL,
                               stdout=secondary, stderr=subprocess.DEVNULL, env=dict(os.environ, POSTERN_SOCKET=f"{daemon.directory}/run/admin.sock"))
    os.close(secondary)
    text = b""
    with contextlib.suppress(OSError):
        while piece := os.read(primary, 4096):
            text += piece
    os.close(primary)
    assert process.wait(daemons.PATIENCE) == 0
    assert re.fullmatch(r"\s+psc_[A-Za-z0-9_-]{43}\s+", text.decode())


def test_the_secret_is_nowhere_else(daemon, name):
    """Not in the database, its journal, the log, the audit, or any later answer; only its hash is."""
    secrets = [create(daemon, name).stdout.strip(), daemon.postern("scim-token", "rotate", name).stdout.strip()]
    assert len(set(secrets)) == 2
    daemon.postern("scim-token", "set", name, "--rights", "users")
    texts = [daemon.log(), daemon.postern("audit", "--json").stdout, daemon.postern("scim-token", "list", "--json").stdout,
             json.dumps(show(daemon, name))]
    for path in glob.glob(f"{daemon.directory}/lib/*"):
        with open(path, "rb") as file:
            texts.append(file.read().decode("latin-1"))
    for secret in secrets:
        assert not [text for text in texts if secret in text or secret[4:] in text]
    assert all(len(digest) == 64 for (digest,) in rows(daemon, "SELECT hash FROM client_secret"))


def test_what_was_said_is_what_is(daemon, name):
    create(daemon, name, "--rights", "users,groups,forward", "--default-domain", "EXAMPLE.com", "--group-template", "%s@example.com", "--provider",
           "work", "--networks", "192.0.2.0/24, 2001:db8::1", "--unknown-members", "skip", "--adopt", "address", "--adopt-for", "2d",
           "--expires", "365d")
    client = show(daemon, name)
    assert client["domains"] == ["example.com"] and client["rights"] == ["users", "groups", "forward"]
    assert client["default_domain"] == "example.com" and client["group_template"] == "%s@example.com"
    assert client["provider"] == "work" and client["networks"] == ["192.0.2.0/24", "2001:db8::1"]
    assert client["unknown_members"] == "skip" and client["adopt"] == "address"
    assert client["base_url"] == "https://mail.example.com/scim/v2" and client["frozen"] is False
    assert len(client["secrets"]) == 1 and client["secrets"][0]["expires"] is not None and client["last_used"] is None
    ((until, created),) = rows(daemon, f"SELECT adopt_until, created FROM client WHERE name = '{name}'")
    assert abs(until - created - 2 * DAY) <= 5


def test_defaults(daemon, name):
    create(daemon, name)
    client = show(daemon, name)
    assert client["rights"] == ["users", "groups"] and client["networks"] == [] and client["provider"] is None
    assert client["unknown_members"] == "reject" and client["adopt"] == "never" and client["secrets"][0]["expires"] is None
    listed = {one["name"]: one for one in json.loads(daemon.postern("scim-token", "list", "--json").stdout)}
    assert listed[name]["users"] == 0 and listed[name]["groups"] == 0
    table = daemon.postern("scim-token", "list").stdout
    assert re.search(rf"^{re.escape(name)} +example\.com +users, groups +- +1, no end +- +0 users, 0 groups +no$", table, re.M), table


@pytest.mark.parametrize("options,code,words", [
    (["--domains", "example.net"], 5, "postern domain add example.net"),
    (["--domains", "example.com,a@b"], 5, "domains"),
    (["--domains", ""], 2, "--domains"),
    (["--rights", "users,everything"], 5, "everything"),
    (["--default-domain", "example.org"], 5, "default_domain"),
    (["--group-template", "lists@example.com"], 5, "group_template"),
    (["--group-template", "%s@example.org"], 5, "group_template"),
    (["--group-template", "a@%s"], 5, "group_template"),
    (["--provider", "nobody"], 5, "provider list"),
    (["--provider", "home"], 5, "does not speak for example.com"),
    (["--networks", "192.0.2.0/33"], 5, "networks"),
    (["--networks", "mail.example.com"], 5, "networks"),
    (["--unknown-members", "perhaps"], 5, "unknown_members"),
    (["--adopt", "always"], 5, "adopt"),
    (["--adopt", "externalId"], 5, "provider"),
    (["--rights", "read_only"], 5, "rights"),
    (["--adopt-for", "7d"], 5, "adopt_for"),
    (["--expires", "soon"], 5, "--expires"),
    (["--expires", "-1d"], 5, "--expires"),
    (["--rights", "\udcff"], 5, "not UTF-8"),
])
def test_refused(daemon, options, code, words):
    done = create(daemon, "refused", *options, check=False)
    assert done.returncode == code and words in done.stderr, (done.returncode, done.stderr)
    assert done.stdout == "" and daemon.postern("scim-token", "show", "refused", check=False).returncode == 3


@pytest.mark.parametrize("bad", ["", "a b", "a/b", "ä", "x" * 64, "../x", "a\nb"])
def test_names(daemon, bad):
    done = create(daemon, bad, check=False)
    assert done.returncode == 5 and done.stdout == ""
    assert daemon.postern("scim-token", "show", bad, check=False).returncode in (3, 5)


def test_twice(daemon, name):
    create(daemon, name)
    done = create(daemon, name, check=False)
    assert done.returncode == 4 and done.stdout == ""


def test_set(daemon, name):
    create(daemon, name, "--networks", "192.0.2.1", "--provider", "work")
    before = show(daemon, name)
    daemon.postern("scim-token", "set", name, "--rights", "users,reserved", "--networks", "", "--domains", "example.com example.org", "--provider", "")
    after = show(daemon, name)
    assert after["rights"] == ["users", "reserved"] and after["networks"] == [] and after["domains"] == ["example.com", "example.org"]
    assert after["provider"] is None and after["secrets"] == before["secrets"] and after["id"] == before["id"]
    assert daemon.postern("scim-token", "set", name, "--provider", "work", check=False).returncode == 5     # it speaks for one of two
    assert daemon.postern("scim-token", "set", name, check=False).returncode == 2
    assert daemon.postern("scim-token", "set", "nobody", "--rights", "users", check=False).returncode == 3
    assert show(daemon, name)["rights"] == ["users", "reserved"]


def test_rotate(daemon, name):
    first = create(daemon, name, "--expires", "100d").stdout.strip()
    second = daemon.postern("scim-token", "rotate", name, "--keep-old", "2d").stdout.strip()
    assert SECRET.fullmatch(first) and SECRET.fullmatch(second) and first != second
    lives = sorted(expires - created for created, expires in rows(daemon, "SELECT s.created, s.expires FROM client_secret s JOIN client c "
                                                                  f"ON c.id = s.client_id WHERE c.name = '{name}'"))
    assert len(lives) == 2 and abs(lives[0] - 2 * DAY) <= 5 and lives[1] == 100 * DAY     # as long as the one before
    done = daemon.postern("scim-token", "rotate", name, check=False)
    assert done.returncode == 5 and "two secrets live" in done.stderr and done.stdout == ""
    daemon.postern("scim-token", "rotate", name, "--now", "--expires", "10d")
    (secret,) = show(daemon, name)["secrets"]
    assert secret["expires"] is not None
    assert daemon.postern("scim-token", "rotate", name, "--now", "--keep-old", "1d", check=False).returncode == 2


def test_the_old_one_does_not_live_longer(daemon, name):
    """Rotating is no way to a longer life."""
    create(daemon, name, "--expires", "1d")
    daemon.postern("scim-token", "rotate", name, "--keep-old", "30d", "--expires", "300d")
    lives = sorted(expires - created for created, expires in rows(daemon, "SELECT s.created, s.expires FROM client_secret s JOIN client c "
                                                                  f"ON c.id = s.client_id WHERE c.name = '{name}'"))
    assert lives == [DAY, 300 * DAY]


def test_release(daemon, name):
    create(daemon, name)
    assert "is so already" in daemon.postern("scim-token", "release", name).stdout
    with contextlib.closing(sqlite3.connect(f"{daemon.directory}/lib/accounts.db", timeout=20)) as store, store:
        store.execute("UPDATE client SET frozen = 1 WHERE name = ?", (name,))
    assert show(daemon, name)["frozen"] is True
    assert re.search(rf"^{re.escape(name)} .* yes$", daemon.postern("scim-token", "list").stdout, re.M)
    done = daemon.postern("scim-token", "delete", name, "--yes", check=False)
    assert done.returncode == 5 and "brake" in done.stderr
    daemon.postern("scim-token", "release", name)
    assert show(daemon, name)["frozen"] is False
    assert daemon.postern("scim-token", "release", "nobody", check=False).returncode == 3


def test_delete(daemon):
    create(daemon, "short")
    daemon.postern("scim-token", "delete", "short", "--yes")
    assert daemon.postern("scim-token", "show", "short", check=False).returncode == 3
    assert daemon.postern("scim-token", "delete", "short", "--yes", check=False).returncode == 3
    assert rows(daemon, "SELECT COUNT(*) FROM client_secret WHERE client_id NOT IN (SELECT id FROM client)") == [(0,)]


def test_not_deleted_while_it_owns_something(daemon, team):
    client = team.client()
    user, group = client.post("/Users", team.user("mira")), client.post("/Groups", {"schemas": [scim.GROUP], "displayName": "Sales"})
    listed = show(daemon, team.name)
    assert (listed["users"], listed["groups"]) == (1, 1) and listed["last_used"] is not None
    for kind, resource in (("Users", user), ("Groups", group)):
        done = daemon.postern("scim-token", "delete", team.name, "--yes", check=False)
        assert done.returncode == 5 and "users or groups" in done.stderr, done
        client.delete(f"/{kind}/{resource.id}")
    daemon.postern("scim-token", "delete", team.name, "--yes")
    client.get("/Users", 401)
    client.close()


def test_what_is_set_counts_at_once(daemon, team):
    """No restart, no reload: rights, networks, and which secret is good."""
    client = team.client()
    client.get("/Users")
    daemon.postern("scim-token", "set", team.name, "--networks", "192.0.2.0/24")
    client.get("/Users", 403)
    daemon.postern("scim-token", "set", team.name, "--networks", "127.0.0.0/8", "--rights", "groups")
    client.post("/Users", team.user("a"), 403)
    daemon.postern("scim-token", "set", team.name, "--rights", "users,read_only")
    client.post("/Users", team.user("a"), 403)
    daemon.postern("scim-token", "set", team.name, "--rights", "users")
    client.post("/Users", team.user("a"))
    second = scim.Client(daemon.public_port, daemon.postern("scim-token", "rotate", team.name).stdout.strip())
    client.get("/Users"), second.get("/Users")
    third = scim.Client(daemon.public_port, daemon.postern("scim-token", "rotate", team.name, "--now").stdout.strip())
    client.get("/Users", 401), second.get("/Users", 401), third.get("/Users")
    for one in (client, second, third):
        one.close()


def test_an_expired_secret(daemon):
    daemon.postern("scim-token", "create", "expires", "--domains", "example.com", "--expires", "1s")
    secret = daemon.postern("scim-token", "rotate", "expires", "--now", "--expires", "1d").stdout.strip()
    client = scim.Client(daemon.public_port, secret)
    client.get("/Users")
    with contextlib.closing(sqlite3.connect(f"{daemon.directory}/lib/accounts.db", timeout=20)) as store, store:
        store.execute("UPDATE client_secret SET expires = created WHERE client_id = (SELECT id FROM client WHERE name = 'expires')")
    client.get("/Users", 401)
    client.close()


def test_the_secret_is_not_logged_by_requests(daemon, team):
    client = team.client()
    client.get("/Users")
    scim.Client(daemon.public_port, "psc_" + "x" * 43).get("/Users", 401)
    text = daemon.log()
    assert team.secret not in text and "psc_" not in text
    assert daemon.lines(rf"\b{team.name}\b")
    client.close()


def test_audit(daemon, name):
    create(daemon, name, "--provider", "work")
    daemon.postern("scim-token", "set", name, "--rights", "users")
    daemon.postern("scim-token", "rotate", name)
    lines = daemon.postern("audit", "--account", name).stdout.splitlines()
    assert [re.search(r"scim token (\w+)", line)[1] for line in lines] == ["create", "set", "rotate"]
    assert "rights users,groups → users" in lines[1] and all("  uid:0  " in line for line in lines)


@pytest.mark.parametrize("body", [{"name": 1}, {"name": "x", "domains": ["example.com"]}, {"name": "x", "expires_in": "1d"},
                                  {"name": "x", "expires_in": -1}, {"name": "x", "expires_in": 2 ** 60}, {"name": "x", "adopt_for": []},
                                  {"name": "x", "adopt": "address", "adopt_for": 1.5}, {"name": "x", "networks": {}},
                                  {"name": "x", "domains": "example.com," * 200}, {"name": "x", "networks": "192.0.2.1 " * 200}, {}])
def test_wrong_bodies(daemon, body):
    connection = daemons.Admin(daemon)
    connection.request("POST", "/v1/clients", json.dumps(body), {"Content-Type": "application/json"})
    with connection.getresponse() as response:
        text = response.read().decode()
    connection.close()
    assert response.status == 400 and "secret" not in json.loads(text)


def test_many_at_once(daemon):
    """A list of many, each with its secrets."""
    for number in range(30):
        create(daemon, f"many-{number}")
    listed = [one for one in json.loads(daemon.postern("scim-token", "list", "--json").stdout) if one["name"].startswith("many-")]
    assert len(listed) == 30 and all(len(one["secrets"]) == 1 for one in listed)
    for number in range(30):
        daemon.postern("scim-token", "delete", f"many-{number}", "--yes")


def test_only_root(daemon):
    done = subprocess.run(["setpriv", "--reuid", str(daemons.OTHER_UID), "--clear-groups", daemons.POSTERN, "scim-token", "list"], check=False,
                          capture_output=True, text=True, env=dict(os.environ, POSTERN_SOCKET=f"{daemon.directory}/run/admin.sock"))
    assert done.returncode == 6 and "Permission denied" in done.stderr
