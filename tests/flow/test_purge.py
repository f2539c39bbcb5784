"""Mail of deleted accounts: kept until its time has come, then removed, that and nothing else, however often it is cut short."""

import contextlib
import fcntl
import json
import os
import sqlite3
import subprocess

import pytest

import daemon as daemons
import scim_clients as scim

DAY = 24 * 3600
MARKS = ".postern-purge"


class House:
    """A daemon with accounts that have mail on disk, and a clock that only tombstones feel."""

    def __init__(self, daemon):
        self.daemon, self.root = daemon, f"{daemon.directory}/mail"

    def add(self, address, *options):
        self.daemon.postern("account", "add", address, *options)
        account = json.loads(self.daemon.postern("account", "show", address, "--json").stdout)
        os.makedirs(f"{account['home']}/Maildir/cur", exist_ok=True)
        for number in range(3):
            with open(f"{account['home']}/Maildir/cur/{number}:2,S", "w", encoding="ascii") as mail:
                mail.write("mail")
        return account

    def delete(self, address, days_ago):
        self.daemon.postern("account", "delete", address, "--yes")
        self.edit("UPDATE account SET changed = changed - ? WHERE address = ? AND state = 0", days_ago * DAY, address)

    def edit(self, sql, *values):
        with contextlib.closing(sqlite3.connect(f"{self.daemon.directory}/lib/accounts.db", timeout=20)) as store, store:
            changed = store.execute(sql, values).rowcount
        assert changed > 0, sql

    def purge(self, *options, check=True):
        return self.daemon.postern("purge", "--config", self.daemon.conf, *options, check=check)

    def outcomes(self, *options, check=True):
        accounts = json.loads(self.purge("--json", *options, check=check).stdout)["accounts"]
        return {account["address"]: account["outcome"] for account in accounts}

    def deleted(self):
        return {one["address"]: one for one in json.loads(self.daemon.postern("account", "deleted", "--json").stdout)}


@pytest.fixture
def house(make_daemon):
    daemon = make_daemon(populated=False)
    daemon.postern("domain", "add", "example.com")
    house = House(daemon)
    os.mkdir(f"{house.root}/other")        # a mail root is never empty
    return house


def test_only_what_is_due(house):
    old, young, living = house.add("old@example.com"), house.add("young@example.com"), house.add("living@example.com")
    house.delete("old@example.com", 31)
    house.delete("young@example.com", 29)
    assert set(house.deleted()) == {"old@example.com", "young@example.com"}
    assert house.deleted()["young@example.com"]["retention_seconds"] == 30 * DAY
    assert "would purge: old@example.com" in house.purge("--dry-run").stdout
    assert os.path.exists(old["home"]) and not os.path.exists(f"{house.root}/{MARKS}")
    assert house.outcomes() == {"old@example.com": "purged"}
    assert not os.path.exists(old["home"])
    assert os.path.exists(f"{young['home']}/Maildir/cur/0:2,S") and os.path.exists(f"{living['home']}/Maildir/cur/0:2,S")
    assert set(house.deleted()) == {"young@example.com"}
    assert not os.path.exists(f"{house.root}/{MARKS}")
    assert "nothing to purge" in house.purge().stdout
    audit = house.daemon.postern("audit", "--account", old["id"]).stdout
    assert "account purge  old@example.com" in audit and old["home"] in audit


def test_own_retention(house):
    house.add("short@example.com")
    house.add("long@example.com")
    house.edit("UPDATE account SET retention_days = 2 WHERE address = 'short@example.com'")
    house.edit("UPDATE account SET retention_days = 100 WHERE address = 'long@example.com'")
    house.delete("short@example.com", 3)
    house.delete("long@example.com", 99)
    assert house.outcomes() == {"short@example.com": "purged"}


def test_none_is_asked_for(house):
    """No retention at all still leaves a day, unless somebody says what they mean."""
    account = house.add("now@example.com")
    house.edit("UPDATE account SET retention_days = 0 WHERE address = 'now@example.com'")
    house.delete("now@example.com", 0)
    assert house.outcomes() == {} and os.path.exists(account["home"])
    assert house.outcomes("--older-than", "0d") == {"now@example.com": "purged"}
    assert not os.path.exists(account["home"])


def test_older_than_shortens_nothing(house):
    house.add("kept@example.com")
    house.delete("kept@example.com", 10)
    assert house.outcomes("--older-than", "0d") == {}
    assert house.purge("--older-than", "soon", check=False).returncode == 2


def test_links_are_not_followed(house):
    account = house.add("links@example.com")
    victim = house.add("victim@example.com")
    outside = f"{house.daemon.directory}/outside"
    os.mkdir(outside)
    with open(f"{outside}/file", "w", encoding="ascii"):
        pass
    os.symlink(outside, f"{account['home']}/Maildir/outside")
    os.symlink(victim["home"], f"{account['home']}/victim")
    os.symlink(f"{outside}/file", f"{account['home']}/file")
    house.delete("links@example.com", 31)
    assert house.outcomes() == {"links@example.com": "purged"}
    assert os.path.exists(f"{outside}/file") and os.path.exists(f"{victim['home']}/Maildir/cur/0:2,S")
    assert not os.path.lexists(account["home"])


def test_a_mount_is_not_entered(house):
    account = house.add("mount@example.com")
    inner = f"{account['home']}/Maildir/cur"
    house.delete("mount@example.com", 31)
    script = 'mount -t tmpfs none "$1" && touch "$1/file" && shift && "$@"; status=$?; test -e "$0/file" && exit $status; exit 99'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, inner, inner, daemons.POSTERN, "purge", "--config", house.daemon.conf, "--socket",
                           f"{house.daemon.directory}/run/admin.sock"], check=False, capture_output=True, text=True, timeout=daemons.PATIENCE)
    assert done.returncode == 1 and "another file system" in done.stdout, done
    assert house.outcomes() == {"mount@example.com": "purged"} and not os.path.exists(account["home"])


def test_a_home_that_is_a_link(house):
    account = house.add("link@example.com")
    outside = f"{house.daemon.directory}/elsewhere"
    os.rename(account["home"], outside)
    os.symlink(outside, account["home"])
    house.delete("link@example.com", 31)
    assert house.outcomes(check=False) == {"link@example.com": "failed"}
    assert os.path.exists(f"{outside}/Maildir/cur/0:2,S")
    assert os.listdir(f"{house.root}/{MARKS}") == [account["id"]]
    os.unlink(account["home"])
    os.rename(outside, account["home"])
    assert house.outcomes() == {"link@example.com": "purged"}
    assert not os.path.exists(account["home"]) and not os.path.exists(f"{house.root}/{MARKS}")


def test_a_parent_that_is_a_link(house):
    outside = f"{house.daemon.directory}/store"
    os.makedirs(outside)
    os.symlink(outside, f"{house.root}/example.com")
    account = house.add("deep@example.com", "--home", f"{house.root}/example.com/deep")
    house.delete("deep@example.com", 31)
    assert house.outcomes(check=False) == {"deep@example.com": "failed"}
    assert os.path.exists(f"{account['home']}/Maildir/cur/0:2,S")


@pytest.mark.parametrize("place", ["{root}/../escaped", "{directory}/escaped", "{root}2/escaped", "{root}"])
def test_outside_the_mail_root(house, place):
    """However such a home came into the database."""
    home = place.format(root=house.root, directory=house.daemon.directory)
    house.add("out@example.com")
    house.delete("out@example.com", 31)
    house.daemon.stop()
    house.edit("UPDATE account SET home = ? WHERE address = 'out@example.com' AND state = 0", home)
    os.makedirs(home, exist_ok=True)
    with open(f"{home}/mail", "w", encoding="ascii"):
        pass
    house.daemon.start()
    assert house.outcomes() == {"out@example.com": "kept"}
    assert os.path.exists(f"{home}/mail")


@pytest.mark.parametrize("place", ["shared", "shared/inner", ""])
def test_somebody_else_uses_it(house, place):
    """Another account's home is there, within, or around it."""
    house.add("gone@example.com", "--home", f"{house.root}/shared" if place else f"{house.root}/shared/inner")
    user = house.add("user@example.com", "--home", f"{house.root}/{place or 'shared'}")
    house.delete("gone@example.com", 31)
    done = house.purge()
    assert "kept: gone@example.com" in done.stdout and "user@example.com uses it" in done.stdout
    assert os.path.exists(f"{user['home']}/Maildir/cur/0:2,S")
    assert set(house.deleted()) == {"gone@example.com"}
    house.delete("user@example.com", 10)       # deleted, but not long enough ago: it is still that one's
    assert house.outcomes() == {"gone@example.com": "kept"}
    assert os.path.exists(f"{user['home']}/Maildir/cur/0:2,S")


def test_nothing_there(house):
    account = house.add("none@example.com")
    subprocess.run(["rm", "-r", account["home"]], check=True)
    house.delete("none@example.com", 31)
    assert house.outcomes() == {"none@example.com": "purged"}
    assert house.deleted() == {}


def test_an_empty_root_is_not_mounted(house):
    account = house.add("mounted@example.com")
    house.delete("mounted@example.com", 31)
    os.rename(house.root, house.root + ".away")
    os.mkdir(house.root)
    done = house.purge(check=False)
    assert done.returncode == 1 and "is it mounted?" in done.stderr
    os.rmdir(house.root)
    os.rename(house.root + ".away", house.root)
    assert set(house.deleted()) == {"mounted@example.com"} and os.path.exists(account["home"])


def test_cut_short_goes_on(house):
    """The daemon was told, the files were not all removed: the next run ends it."""
    account = house.add("half@example.com")
    house.delete("half@example.com", 31)
    os.mkdir(f"{house.root}/{MARKS}", 0o700)
    with open(f"{house.root}/{MARKS}/{account['id']}", "w", encoding="ascii"):
        pass
    assert admin(house.daemon, "POST", f"/v1/deleted/{account['id']}/purge")[0] == 200
    os.unlink(f"{account['home']}/Maildir/cur/0:2,S")
    assert house.deleted() == {}
    assert house.outcomes() == {"half@example.com": "purged"}
    assert not os.path.exists(account["home"]) and not os.path.exists(f"{house.root}/{MARKS}")


def test_a_mark_of_what_was_re_attached(house):
    """Marked, then re-attached to another account before the daemon was told: the mark counts for nothing."""
    account = house.add("again@example.com")
    house.delete("again@example.com", 31)
    house.edit("UPDATE account SET no_mailbox = 1 WHERE id = ?", account["id"])
    house.add("again@example.com", "--home", account["home"])
    os.mkdir(f"{house.root}/{MARKS}", 0o700)
    with open(f"{house.root}/{MARKS}/{account['id']}", "w", encoding="ascii"):
        pass
    assert house.outcomes() == {"again@example.com": "kept"}
    assert os.path.exists(f"{account['home']}/Maildir/cur/0:2,S") and not os.path.exists(f"{house.root}/{MARKS}")


def test_a_mark_of_what_is_kept(house):
    """Marked, and cut short before the daemon was told; meanwhile somebody made its retention longer."""
    account = house.add("longer@example.com")
    house.edit("UPDATE account SET retention_days = 90 WHERE id = ?", account["id"])
    house.delete("longer@example.com", 31)
    os.mkdir(f"{house.root}/{MARKS}", 0o700)
    with open(f"{house.root}/{MARKS}/{account['id']}", "w", encoding="ascii"):
        pass
    assert house.outcomes() == {}
    assert os.path.exists(f"{account['home']}/Maildir/cur/0:2,S") and not os.path.exists(f"{house.root}/{MARKS}")


def test_marks_are_roots_own(house):
    """Whoever owns the mail root could put marks there."""
    account = house.add("mine@example.com")
    house.delete("mine@example.com", 31)
    os.mkdir(f"{house.root}/{MARKS}")
    os.chown(f"{house.root}/{MARKS}", daemons.MAIL_UID, daemons.MAIL_UID)
    done = house.purge(check=False)
    assert done.returncode == 1 and "not root's" in done.stderr and os.path.exists(account["home"])
    os.rmdir(f"{house.root}/{MARKS}")
    os.symlink("/etc", f"{house.root}/{MARKS}")
    assert house.purge(check=False).returncode == 1 and os.path.exists(account["home"])


def test_killed_again_and_again(house):
    """Whatever moment it is killed at: in the end what was due is gone, and nothing else."""
    living = house.add("living@example.com")
    due = [house.add(f"due{number}@example.com") for number in range(6)]
    for number, account in enumerate(due):
        os.makedirs(f"{account['home']}/Maildir/new")
        for mail in range(1000):
            with open(f"{account['home']}/Maildir/new/{mail}", "w", encoding="ascii"):
                pass
        house.delete(f"due{number}@example.com", 31)

    def left():
        return sum(len(files) for account in due for _, _, files in os.walk(account["home"]))

    command = [daemons.POSTERN, "purge", "--config", house.daemon.conf, "--socket", f"{house.daemon.directory}/run/admin.sock"]
    killed = 0
    for _ in range(12):
        before = left()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and left() == before:
            pass
        killed += process.poll() is None
        process.kill()
        process.wait()
    assert killed > 0
    house.purge()
    assert not [account["home"] for account in due if os.path.exists(account["home"])]
    assert house.deleted() == {} and not os.path.exists(f"{house.root}/{MARKS}")
    assert os.path.exists(f"{living['home']}/Maildir/cur/0:2,S")


def test_one_at_a_time(house):
    account = house.add("one@example.com")
    house.delete("one@example.com", 31)
    os.mkdir(f"{house.root}/{MARKS}", 0o700)
    held = os.open(f"{house.root}/{MARKS}", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    done = house.purge(check=False)
    assert done.returncode == 1 and "another purge" in done.stderr and os.path.exists(account["home"])
    os.close(held)
    assert house.outcomes() == {"one@example.com": "purged"}


def test_the_daemon_decides(house):
    """Nobody purges a living account, one whose time has not come, or one that was purged."""
    living, young, old = house.add("a@example.com"), house.add("b@example.com"), house.add("c@example.com")
    house.delete("b@example.com", 29)
    house.delete("c@example.com", 31)
    assert admin(house.daemon, "POST", f"/v1/deleted/{living['id']}/purge")[0] == 404
    assert admin(house.daemon, "POST", f"/v1/deleted/{young['id']}/purge")[0] == 422
    assert admin(house.daemon, "POST", f"/v1/deleted/{old['id']}/purge")[0] == 200
    assert admin(house.daemon, "POST", f"/v1/deleted/{old['id']}/purge")[0] == 422
    assert admin(house.daemon, "POST", "/v1/deleted/nobody/purge")[0] == 404


def test_no_daemon(house):
    house.daemon.stop()
    assert house.purge(check=False).returncode == 6
    house.daemon.start()


# ---- what clients deleted ----


@pytest.fixture(scope="module")
def provisioned(make_daemon):
    house = House(scim.start(make_daemon))
    os.makedirs(f"{house.root}/other", exist_ok=True)
    return house


def mail_of(team, address):
    home = team.shown(address)["home"]
    os.makedirs(f"{home}/Maildir/cur", exist_ok=True)
    with open(f"{home}/Maildir/cur/0:2,S", "w", encoding="ascii"):
        pass
    return home


def test_found_again_and_so_not_purged(provisioned):
    team = scim.Team(provisioned.daemon)
    client = team.client()
    first = client.post("/Users", team.user("mira", externalId="x-1"))
    home = mail_of(team, team.at("mira"))
    client.delete(f"/Users/{first.id}")
    assert provisioned.deleted()[team.at("mira")]["client"] == team.name
    provisioned.edit("UPDATE account SET changed = changed - ? WHERE id = ?", 31 * DAY, first.id)
    again = client.post("/Users", team.user("mira", externalId="x-1"))
    assert again.id != first.id and team.shown(team.at("mira"))["home"] == home
    assert provisioned.outcomes() == {} and os.path.exists(f"{home}/Maildir/cur/0:2,S")
    client.delete(f"/Users/{again.id}")
    provisioned.edit("UPDATE account SET changed = changed - ? WHERE id = ?", 31 * DAY, again.id)
    assert provisioned.outcomes() == {team.at("mira"): "purged"} and not os.path.exists(home)
    third = client.post("/Users", team.user("mira", externalId="x-1"))     # nothing is left to be found
    assert team.shown(team.at("mira"))["home"].endswith(third.id)
    client.close()


def test_the_brake_holds(provisioned):
    """Too many at once: their sign-ins end, their mail is nobody's to remove until an admin says so; only purging waits."""
    team = scim.Team(provisioned.daemon)
    client = team.client()
    users = [client.post("/Users", team.user(f"u{number}")).id for number in range(22)]
    homes = [mail_of(team, team.at(f"u{number}")) for number in range(22)]
    mark = provisioned.daemon.mark()
    for user in users:
        client.delete(f"/Users/{user}")
    assert provisioned.daemon.wait_line(f"provisioning_braked client={team.name}", mark)
    provisioned.edit("UPDATE account SET changed = changed - ? WHERE state = 0", 31 * DAY)
    listed = provisioned.deleted()[team.at("u3")]
    assert listed["frozen"] is True and listed["purge_after"] is None
    assert "the brake holds" in provisioned.daemon.postern("account", "deleted").stdout
    status, answer = admin(provisioned.daemon, "POST", f"/v1/deleted/{users[3]}/purge")
    assert status == 422 and f"scim-token release {team.name}" in answer["error"]
    assert provisioned.outcomes() == {} and all(os.path.exists(home) for home in homes)
    provisioned.daemon.postern("scim-token", "release", team.name)
    assert set(provisioned.outcomes().values()) == {"purged"} and not any(os.path.exists(home) for home in homes)
    client.close()


def test_a_shared_mailbox(provisioned):
    """Kept like a person's; an alias of many has no mail to keep."""
    team = scim.Team(provisioned.daemon)
    client = team.client()
    ids = [client.post("/Groups", {"schemas": [scim.GROUP, scim.MAIL_GROUP], "displayName": name,
                                   scim.MAIL_GROUP: {"kind": kind, "address": team.at(name)}}).id
           for name, kind in (("box", "sharedMailbox"), ("all", "alias"))]
    home = mail_of(team, team.at("box"))
    for group in ids:
        client.delete(f"/Groups/{group}")
    assert team.at("box") in provisioned.deleted() and team.at("all") not in provisioned.deleted()
    provisioned.edit("UPDATE account SET changed = changed - ? WHERE id = ?", 31 * DAY, ids[0])
    assert provisioned.outcomes() == {team.at("box"): "purged"} and not os.path.exists(home)
    client.close()


def admin(daemon, method, path):
    connection = daemons.Admin(daemon)
    connection.request(method, path)
    with connection.getresponse() as response:
        answer = response.status, json.loads(response.read())
    connection.close()
    return answer
