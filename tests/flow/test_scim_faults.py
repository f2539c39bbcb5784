"""Provisioning in trouble: a full disk, a store that is slow, clients that leave, reloads and restarts under load. What is answered an
error is not there, what is answered 2xx is, and afterwards everything goes on."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

import daemon as daemons
import public
import scim_clients as scim
from scim_clients import BULK, GROUP, MAIL_GROUP, MAIL_USER

TABLES = ("account", "address", "resource", "resource_email", "mail_group", "membership", "sender", "audit")
DISK = 6 * 1024 * 1024


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim.start(make_daemon)


def contents(daemon):
    with contextlib.closing(sqlite3.connect(f"file:{daemon.directory}/lib/accounts.db?mode=ro", uri=True, timeout=20)) as store:
        return {table: store.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


def group(team, name, *ids):
    return {"schemas": [GROUP, MAIL_GROUP], "displayName": name, "members": [{"value": one} for one in ids],
            MAIL_GROUP: {"kind": "list", "address": team.at(name)}}


# ---- the disk ----


class Disk:
    """A small file system of its own below the store."""

    def __init__(self, daemon):
        self.daemon, self.path = daemon, f"{daemon.directory}/lib"
        self.filler = f"{self.path}/filler"
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700,uid={daemons.WORKER_UID},gid={daemons.WORKER_UID}", "tmpfs", self.path],
                       check=True)

    def fill(self):
        with open(self.filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 4096):
                pass
        assert shutil.disk_usage(self.path).free < 4096

    def free(self):
        os.unlink(self.filler)

    def remove(self):
        subprocess.run(["umount", "-l", self.path], check=False)


@pytest.fixture
def disk(make_daemon):
    made = []

    def prepare(daemon):
        daemon.providers = scim.PROVIDER.format(port=daemon.provider.port, domains='"example.com"')
        made.append(Disk(daemon))
        return {}

    daemon = public.start(make_daemon, prepare)
    yield made[0]
    daemon.stop()
    made[0].remove()


def test_full_disk(disk):
    """503 with Retry-After, a line in the log, and nothing of it there; reading goes on, and so does writing once there is room."""
    daemon = disk.daemon
    team = scim.Team(daemon)
    client = team.client()
    user, gone = client.post("/Users", team.user("user", title="before")), client.post("/Users", team.user("gone"))
    made = client.post("/Groups", group(team, "list", user.id))
    assert team.token_login("hello@example.com").ok      # the first one writes down whose the account is
    disk.fill()
    mark, number, there = daemon.mark(), 0, []
    # The log of the database has room for a while: until it has not, each is there.
    while True:
        number += 1
        reply = client.ask("POST", "/Users", team.user(f"filler{number}", title="x" * 4000))
        if reply.status != 201:
            break
        there.append(reply.id)
        assert number < 2000
    before = contents(daemon)
    refused = [
        reply, client.ask("POST", "/Users", team.user("never")), client.ask("PUT", f"/Users/{user.id}", team.user("user", title="after" + "x" * 4000)),
        client.ask("PATCH", f"/Users/{user.id}", {"Operations": [{"op": "replace", "path": "title", "value": "after" + "x" * 4000},
                                                                 {"op": "add", "path": f"{MAIL_USER}:aliases", "value": [team.at("after")]}]}),
        client.ask("DELETE", f"/Users/{gone.id}"), client.ask("POST", "/Groups", group(team, "nobody", user.id)),
        client.ask("PATCH", f"/Groups/{made.id}", {"Operations": [{"op": "add", "path": "members", "value": [{"value": gone.id}]}]}),
        client.ask("DELETE", f"/Groups/{made.id}")]
    for reply in refused:
        reply.refused(503)
        assert int(reply.headers["Retry-After"]) >= 1
    bulk = client.post("/Bulk", {"schemas": [BULK], "Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "a", "data": team.user("a")},
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": group(team, "g", "bulkId:a")}]}, None)
    assert bulk.status == 503 or all(one["status"] in ("503", "409") for one in bulk["Operations"]), bulk
    assert daemon.lines("change_failed", mark) and daemon.lines("scim_request .*status=503", mark)
    assert client.get(f"/Users/{user.id}")["title"] == "before" and len(client.get("/Users?count=1000").resources) == len(there) + 2
    assert team.reaches(team.at("list")) == {team.at("user")} and team.reaches(team.at("gone")) == {team.at("gone")}
    assert team.reaches(team.at("after")) == team.reaches(team.at("never")) == set()
    assert team.token_login("hello@example.com").ok
    assert contents(daemon) == before
    disk.free()
    assert client.patch(f"/Users/{user.id}", [{"op": "replace", "path": "title", "value": "after"}])["title"] == "after"
    client.post("/Users", team.user("never")), client.delete(f"/Users/{gone.id}"), client.delete(f"/Groups/{made.id}")
    assert client.get("/Users?count=1000")["totalResults"] == len(there) + 2
    assert len(daemon.workers) == 1 and not daemon.lines("worker_died")


def test_full_disk_and_a_kill(disk):
    """What was refused stays refused when the worker starts anew."""
    daemon = disk.daemon
    team = scim.Team(daemon)
    client = team.client()
    disk.fill()
    replies = []
    while not replies or replies[-1].status == 201:
        replies.append(client.ask("POST", "/Users", team.user(f"u{len(replies)}", title="x" * 4000)))
    (worker,) = daemon.workers
    os.kill(worker, signal.SIGKILL)
    client.close()
    disk.free()
    daemon.wait_worker(worker)
    assert client.get("/Users?count=1000")["totalResults"] == len(replies) - 1
    assert client.find(f'userName eq "{team.at(f"u{len(replies) - 1}")}"')["totalResults"] == 0
    client.post("/Users", team.user(f"u{len(replies) - 1}"))


# ---- a slow store ----


@contextlib.contextmanager
def locked(daemon):
    """Nobody can write as long as another process holds the database."""
    store = sqlite3.connect(f"{daemon.directory}/lib/accounts.db", timeout=20, isolation_level=None)
    store.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        store.execute("ROLLBACK")
        store.close()


def test_a_slow_store(daemon, team, client):
    """Who writes waits, who reads does not; then all that waited is done."""
    made = client.post("/Users", team.user("a"))
    assert team.token_login("hello@example.com").ok      # the first one writes down whose the account is
    replies = {}

    def post(number):
        replies[number] = team.client().ask("POST", "/Users", team.user(f"u{number}"))

    with locked(daemon):
        writers = [threading.Thread(target=post, args=(number,)) for number in range(5)]
        for writer in writers:
            writer.start()
        for _ in range(20):
            assert client.get(f"/Users/{made.id}").body == made.body
            assert team.token_login("hello@example.com").ok
        assert not [reply for reply in replies.values() if reply.status < 300]
    for writer in writers:
        writer.join(daemons.PATIENCE)
    assert len(replies) == 5 and {reply.status for reply in replies.values()} <= {201, 503}
    there = sorted(team.at(f"u{number}") for number, reply in replies.items() if reply.status == 201)
    assert client.found('userName sw "u"') == there


def test_a_store_that_is_held(daemon, team, client):
    """For longer than anybody waits: 503, nothing half done, and on it goes."""
    made = client.post("/Users", team.user("a", title="before"))
    mark = daemon.mark()
    with locked(daemon):
        reply = client.ask("PATCH", f"/Users/{made.id}", {"Operations": [{"op": "replace", "path": "title", "value": "after"}]}, 503).refused(503)
        assert int(reply.headers["Retry-After"]) >= 1
    assert daemon.lines("change_failed", mark)
    assert client.get(f"/Users/{made.id}").body == made.body
    assert client.patch(f"/Users/{made.id}", [{"op": "replace", "path": "title", "value": "after"}])["title"] == "after"


# ---- clients that leave ----


def test_clients_that_leave(daemon, team, client):
    """In each part of a request and before its answer: whole or not at all, and nothing of them stays."""
    client.post("/Users", team.user("warm"))
    (worker,) = daemon.workers
    data = json.dumps(team.user("NAME")).encode()
    head = (f"POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {team.secret}\r\nContent-Type: {scim.TYPE}\r\n").encode()
    never, perhaps = [], []
    descriptors = len(os.listdir(f"/proc/{worker}/fd"))
    for number in range(60):
        name = f"left{number}"
        body = data.replace(b"NAME", name.encode())
        whole = head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        cut = len(whole) * (number % 6 + 1) // 6
        (perhaps if cut == len(whole) else never).append(name)
        with public.Peer(daemon.public_port) as peer:
            peer.send(whole[:cut])
            if number % 4 == 0:
                peer.socket.setsockopt(public.socket.SOL_SOCKET, public.socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")       # a reset
    daemons.wait_for(lambda: len(os.listdir(f"/proc/{worker}/fd")) <= descriptors, "all descriptors are closed")
    client.post("/Users", team.user("last"))
    seen = {}

    def agrees():
        """What they began may still be under way; what lists show and what mail sees is the same in the end."""
        seen.clear()
        seen.update((user["userName"].partition("@")[0], user) for user in client.get("/Users?count=1000").resources)
        return all(team.reaches(team.at(name)) == ({team.at(name)} if name in seen else set()) for name in (*never, *perhaps))

    daemons.wait_for(agrees, "lists and mail agree")
    assert {"warm", "last"} <= set(seen) <= {"warm", "last", *perhaps}
    for name in set(seen) & set(perhaps):
        assert team.shown(team.at(name))["id"] == seen[name]["id"]
    assert daemon.workers == [worker]


def test_clients_that_leave_before_a_long_answer(daemon, team, client):
    for number in range(40):
        client.post("/Users", team.user(f"u{number}", title="x" * 4000))
    (worker,) = daemon.workers
    descriptors = len(os.listdir(f"/proc/{worker}/fd"))
    for _ in range(30):
        with public.Peer(daemon.public_port) as peer:
            peer.send(f"GET /scim/v2/Users?count=1000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {team.secret}\r\n\r\n".encode())
    daemons.wait_for(lambda: len(os.listdir(f"/proc/{worker}/fd")) <= descriptors, "all descriptors are closed")
    assert len(client.get("/Users?count=1000").resources) == 40 and daemon.workers == [worker]


# ---- reloads and restarts ----


class Load:
    """Clients that make and change users one after the other, and what they were answered."""

    def __init__(self, daemon, count=3):
        self.teams = [scim.Team(daemon) for _ in range(count)]
        self.made, self.failures, self.lost = [{} for _ in self.teams], [], 0
        self.done = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,), daemon=True) for number in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        for thread in self.threads:
            thread.join(2 * daemons.PATIENCE)

    def run(self, number):
        team, made = self.teams[number], self.made[number]
        client, serial = team.client(), 0
        while not self.done.is_set():
            serial += 1
            reply = self.send(client, "POST", "/Users", team.user(f"u{serial}", title="0"))
            if reply is None or reply.status != 201:
                continue
            made[reply.id] = {"0"}
            for title in ("1", "2"):
                changed = self.send(client, "PATCH", f"/Users/{reply.id}", {"Operations": [
                    {"op": "replace", "path": "title", "value": title},
                    {"op": "replace", "path": f"{MAIL_USER}:aliases", "value": [team.at(f"alias{serial}-{title}")]}]})
                if changed is not None and changed.status == 200:
                    made[reply.id] = {title}
                else:
                    made[reply.id].add(title)

    def send(self, client, method, target, body):
        try:
            reply = client.ask(method, target, body)
            if reply.status >= 400:
                self.failures.append(reply)
            return reply
        except ConnectionRefusedError as problem:
            self.failures.append(problem)
        except (OSError, http.client.HTTPException):
            self.lost += 1
        client.close()
        return None

    @property
    def count(self):
        return [len(made) for made in self.made]

    def check(self):
        """Each is there, with what was last answered."""
        for team, made in zip(self.teams, self.made):
            client = team.client()
            there = {user["id"]: user for user in client.get("/Users?count=1000").resources}
            assert set(made) <= set(there)
            for identity, titles in made.items():
                assert there[identity]["title"] in titles
            client.close()


def test_reloads_meanwhile(make_daemon):
    """SIGHUP ten times: no request is refused, none is lost, and the worker is the same."""
    daemon = scim.start(make_daemon)
    with Load(daemon) as load:
        (worker,) = daemon.workers
        for _ in range(10):
            before = load.count
            daemons.wait_for(lambda before=before: all(now > then for now, then in zip(load.count, before)), lambda: f"{load.count} {load.failures}")
            public.reload(daemon)
    assert not load.failures and load.lost == 0, (load.failures, load.lost)
    assert daemon.workers == [worker]
    load.check()


def test_restarts_meanwhile(make_daemon):
    """The worker is killed ten times: nobody who connects is refused, because the socket is not the worker's."""
    daemon = scim.start(make_daemon)
    with Load(daemon) as load:
        worker, refused, connected, done = None, [], [0], threading.Event()

        def connect():
            while not done.is_set():
                try:
                    public.Peer(daemon.public_port).close()
                    connected[0] += 1
                except OSError as problem:
                    refused.append(problem)
                time.sleep(0.002)

        connecting = threading.Thread(target=connect)
        connecting.start()
        try:
            for _ in range(10):
                before = load.count
                daemons.wait_for(lambda before=before: all(now > then for now, then in zip(load.count, before)), lambda: f"{load.count} {load.failures}")
                (worker,) = daemons.wait_for(lambda last=worker: daemon.workers if daemon.workers != [last] else None, daemon.log)
                os.kill(worker, signal.SIGKILL)
        finally:
            done.set()
            connecting.join()
    daemon.wait_worker(worker)
    assert not refused and connected[0] > 100
    assert not [problem for problem in load.failures if isinstance(problem, OSError) or problem.status != 503], load.failures
    assert load.lost >= 10 and len(daemon.lines("worker_died .*signal=9")) == 10
    load.check()


def test_stopped_meanwhile(make_daemon):
    """SIGTERM: what has begun is answered and there; started again, everything is."""
    daemon = scim.start(make_daemon)
    with Load(daemon) as load:
        daemons.wait_for(lambda: min(load.count) > 5, lambda: f"{load.count} {load.failures}")
        assert daemon.stop() == 0
        daemon.start()
        before = load.count
        daemons.wait_for(lambda: all(now > then for now, then in zip(load.count, before)), lambda: f"{load.count} {load.failures[-3:]}")
    assert not [problem for problem in load.failures if not isinstance(problem, OSError) and problem.status != 503], load.failures
    load.check()
