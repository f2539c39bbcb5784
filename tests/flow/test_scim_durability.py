"""Killed at any moment while several clients provision: what was answered 2xx is there whole, nothing is there by halves."""

import collections
import contextlib
import http.client
import json
import os
import random
import re
import signal
import sqlite3
import threading
import time

import daemon as daemons
import scim_clients as scim
from scim_clients import BULK, ENTERPRISE, GROUP, MAIL_GROUP, MAIL_USER, USER

KILLS, WRITERS, STABLE = 110, 4, 6
ABSENT, GONE = "absent", "gone"          # what a thing can be beside a number: that of the change that it shows


class Thing:
    """A user or a group: the last state that was acknowledged, and those that were asked for since."""

    def __init__(self, kind, name):
        self.kind, self.name, self.id, self.extra = kind, name, None, None
        self.sure, self.perhaps = ABSENT, set()
        self.asked, self.acknowledged = set(), []

    def ask(self, state):
        self.perhaps.add(state)
        self.asked.add(state)

    def acknowledge(self, state):
        self.sure, self.perhaps = state, set()
        self.acknowledged.append(state)

    @property
    def target(self):
        return f"/{self.kind}/{self.id}"


class Editor(threading.Thread):
    """A client that makes, changes and deletes, with a number of its own in every part of every change."""

    def __init__(self, daemon, seed):
        super().__init__(daemon=True)
        self.team, self.random = scim.Team(daemon), random.Random(seed)
        self.client = self.team.client()
        self.stable = [self.client.post("/Users", self.team.user(f"stable{number}")).id for number in range(STABLE)]
        self.things, self.number = [], 0
        self.acknowledged, self.lost, self.refused, self.problems = collections.Counter(), 0, 0, []
        self.open, self.stop = False, threading.Event()

    def run(self):
        kinds = [self.create] * 3 + [self.patch] * 5 + [self.put] * 2 + [self.delete] + [self.bulk] * 2
        try:
            while not self.stop.is_set():
                self.number += 1
                self.random.choice(kinds)()
        except AssertionError as problem:
            self.problems.append(problem)

    # ---- what a thing in a state is ----

    def members(self, number):
        return {self.stable[number % STABLE], self.stable[(number + 1 + number // STABLE) % STABLE]}

    def alias(self, thing, state):
        return self.team.at(f"{thing.name}-{state}")

    def body(self, thing, state):
        address = self.team.at(thing.name)
        if thing.kind == "Users":
            return {"schemas": [USER, ENTERPRISE, MAIL_USER], "userName": address, "title": str(state), "emails": [{"value": address}],
                    ENTERPRISE: {"department": str(state)}, MAIL_USER: {"aliases": [self.alias(thing, state)]}}
        members = [{"value": one} for one in sorted(self.members(state))]
        return {"schemas": [GROUP, MAIL_GROUP], "displayName": f"{thing.name} at {state}", "members": members,
                MAIL_GROUP: {"kind": "list", "address": address, "aliases": [self.alias(thing, state)]}}

    def operations(self, thing, state):
        """A PATCH to that state, from whatever it is in."""
        if thing.kind == "Users":
            return [{"op": "replace", "path": "title", "value": str(state)},
                    {"op": "replace", "path": f"{MAIL_USER}:aliases", "value": [self.alias(thing, state)]},
                    {"op": "add", "value": {ENTERPRISE: {"department": str(state)}}}]
        wanted = self.members(state)
        first = [{"op": "replace", "value": {"displayName": f"{thing.name} at {state}"}},
                 {"op": "replace", "path": f"{MAIL_GROUP}:aliases", "value": [self.alias(thing, state)]}]
        if state % 2:
            return [*first, {"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": [{"value": one} for one in wanted]}]
        others = [one for one in self.stable if one not in wanted]
        also = [{"op": "remove", "path": f'members[display eq "{thing.extra.name}@{self.team.domain}"]'}] if thing.extra else []
        return [{"op": "add", "path": "members", "value": [{"value": one} for one in wanted]}, *first,
                {"op": "remove", "path": "members", "value": [{"value": one} for one in others]}, *also]

    # ---- requests ----

    def ask(self, method, target, body=None):
        """The reply, or None: there was none."""
        self.open = True
        try:
            return self.client.ask(method, target, body)
        except (OSError, http.client.HTTPException):
            self.lost += 1
            self.client.close()
            time.sleep(0.005)
            return None
        finally:
            self.open = False

    def answered(self, reply, thing, state, method):
        if reply is None:
            return
        if reply.status < 300:
            thing.acknowledge(state)
            thing.id = thing.id or reply.id
            self.acknowledged[method] += 1
        elif reply.status < 500:
            self.problems.append(reply)
        else:
            self.refused += 1

    def send(self, method, thing, state, target, body=None):
        thing.ask(state)
        self.answered(self.ask(method, target, body), thing, state, method)

    def new(self, kind):
        thing = Thing(kind, f"{'u' if kind == 'Users' else 'g'}{len(self.things)}")
        self.things.append(thing)
        return thing

    def known(self):
        """One that is certainly there, or None."""
        found = [thing for thing in self.things if thing.id and GONE not in thing.asked]
        return self.random.choice(found[-12:]) if found else None

    def create(self):
        thing = self.new(self.random.choice(["Users", "Users", "Groups"]))
        self.send("POST", thing, self.number, f"/{thing.kind}", self.body(thing, self.number))

    def patch(self):
        if thing := self.known():
            self.send("PATCH", thing, self.number, thing.target, {"schemas": [scim.PATCH], "Operations": self.operations(thing, self.number)})

    def put(self):
        if thing := self.known():
            self.send("PUT", thing, self.number, thing.target, self.body(thing, self.number))

    def delete(self):
        if thing := self.known():
            self.send("DELETE", thing, GONE, thing.target)

    def bulk(self):
        """A user, a group with it in, and changes of two that are there."""
        user, group, patched, ended = self.new("Users"), self.new("Groups"), self.known(), self.known()
        group.extra = user
        body = self.body(group, self.number)
        body["members"].append({"value": "bulkId:u"})
        steps = [(user, self.number, {"method": "POST", "path": "/Users", "bulkId": "u", "data": self.body(user, self.number)}),
                 (group, self.number, {"method": "POST", "path": "/Groups", "bulkId": "g", "data": body})]
        if patched:
            steps.append((patched, self.number, {"method": "PATCH", "path": patched.target, "data": {"Operations": self.operations(patched, self.number)}}))
        if ended and self.random.random() < 0.3:
            steps.append((ended, GONE, {"method": "DELETE", "path": ended.target}))
        for thing, state, _ in steps:
            thing.ask(state)
        reply = self.ask("POST", "/Bulk", {"schemas": [BULK], "Operations": [operation for _, _, operation in steps]})
        if reply is None or reply.status >= 500:
            return
        for (thing, state, _), result in zip(steps, reply["Operations"]):
            if result["status"].startswith("2"):
                thing.acknowledge(state)
                thing.id = thing.id or result["location"].rpartition("/")[2]
                self.acknowledged["Bulk"] += 1
            elif not result["status"].startswith("5") and result["status"] != "409":       # 409: the user was answered 503
                self.problems.append((result, reply))

    # ---- what there is afterwards ----

    def found(self):
        """{name: resource} of all that it can see."""
        seen = {}
        for kind in ("Users", "Groups"):
            start, total = 1, 1
            while start <= total:
                page = self.client.get(f"/{kind}?count=100&startIndex={start}")
                total, start = page["totalResults"], start + page["itemsPerPage"]
                for resource in page.resources:
                    name = resource.get("userName") or resource["displayName"]
                    seen[name.partition(" at ")[0].partition("@")[0]] = resource
        return seen

    def state_of(self, thing, resource):
        """Its number, which is in all of its parts."""
        if resource is None:
            return GONE if thing.id else ABSENT
        if thing.kind == "Users":
            parts = [resource["title"], resource[ENTERPRISE]["department"], *resource[MAIL_USER]["aliases"]]
        else:
            parts = [resource["displayName"].partition(" at ")[2], *resource[MAIL_GROUP]["aliases"]]
        states = {int(re.fullmatch(r"(?:.*-)?(\d+)(?:@.*)?", part)[1]) for part in parts}
        assert len(states) == 1, (thing.name, resource)
        return states.pop()

    def expected_members(self, thing, state, seen):
        extra = {seen[thing.extra.name]["id"]} if thing.extra and state == self.first(thing) and thing.extra.name in seen else set()
        return self.members(state) | extra

    @staticmethod
    def first(thing):
        return min(state for state in thing.asked if state != GONE)

    def check_one(self, thing, seen, maps):
        resource = seen.get(thing.name)
        state = self.state_of(thing, resource)
        allowed = {thing.sure} | thing.perhaps
        assert state in allowed or (state == ABSENT and GONE in allowed), (thing.name, state, thing.sure, thing.perhaps)
        address = self.team.at(thing.name)
        there = resource is not None
        for one in thing.asked - {GONE}:
            # An alias of another change is nobody's; this one's leads to whom it should.
            lives = maps.ask("mailboxes", self.alias(thing, one)) == "OK 1" or maps.ask("aliases", self.alias(thing, one)).startswith("OK")
            assert lives == (there and one == state), (thing.name, one, state)
        if not there:
            assert self.team.reaches(address) == set(), thing.name
        elif thing.kind == "Users":
            assert maps.ask("mailboxes", address) == "OK 1"
            assert self.team.reaches(self.alias(thing, state)) == {address}
        else:
            members = {member["value"] for member in resource["members"]}
            assert members == self.expected_members(thing, state, seen), (thing.name, state, resource)
            names = {user["id"]: user["userName"] for user in seen.values() if "userName" in user}
            assert self.team.reaches(self.alias(thing, state)) == {names[one] for one in members}
        return state

    def check(self, daemon):
        """{id: state} of all that are there."""
        self.client.close()
        seen, states = self.found(), {}
        assert set(seen) <= {thing.name for thing in self.things} | {f"stable{number}" for number in range(STABLE)}
        with daemon.map() as maps:
            for thing in self.things:
                state = self.check_one(thing, seen, maps)
                if thing.name in seen:
                    states[seen[thing.name]["id"]] = state
        return states


def check_audit(store, editor, states):
    """Each acknowledged change has its row, and the last row of each is what there is now."""
    rows = collections.defaultdict(list)
    for identity, action, detail in store.execute("SELECT account_id, action, detail FROM audit WHERE actor = ? ORDER BY number",
                                                  (f"scim:{editor.team.name}",)):
        after = json.loads(detail).get("after") or {}
        found = re.search(r"-(\d+)@", after.get("addresses", ""))
        rows[identity].append(GONE if re.search("delete", action) else int(found[1]) if found else None)
    for thing in editor.things:
        if thing.id:
            assert set(thing.acknowledged) <= set(rows[thing.id]), (thing.name, thing.acknowledged, rows[thing.id])
    for identity, state in states.items():
        assert rows[identity][-1] == state, (identity, rows[identity], state)


def check_store(daemon):
    """No row of one thing without the others."""
    with contextlib.closing(sqlite3.connect(f"file:{daemon.directory}/lib/accounts.db?mode=ro", uri=True)) as store:
        assert store.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert store.execute("pragma foreign_key_check").fetchall() == []
        for orphans in (
                "SELECT id FROM resource WHERE type = 1 AND id NOT IN (SELECT id FROM account)",
                "SELECT r.id FROM resource r JOIN account a ON a.id = r.id WHERE (r.gone <> 0) <> (a.state = 0)",
                "SELECT id FROM resource WHERE type = 2 AND gone = 0 AND id NOT IN (SELECT id FROM mail_group)",
                "SELECT id FROM account WHERE state <> 0 AND id NOT IN (SELECT account_id FROM address WHERE kind = 1) AND no_mailbox = 0",
                "SELECT group_id FROM membership WHERE group_id NOT IN (SELECT id FROM resource WHERE gone = 0)",
                "SELECT member_id FROM membership WHERE kind = 0 AND member_id NOT IN (SELECT id FROM account WHERE state <> 0)",
                "SELECT resource_id FROM resource_email WHERE resource_id NOT IN (SELECT id FROM resource WHERE gone = 0)",
                "SELECT id FROM account WHERE kind = 0 AND id NOT IN (SELECT id FROM resource) AND address LIKE '%@t%.example.com' AND address NOT LIKE 'postmaster@%'",
                "SELECT name FROM client c WHERE users <> (SELECT COUNT(*) FROM resource WHERE client_id = c.id AND type = 1 AND gone = 0)"):
            assert store.execute(orphans).fetchall() == [], orphans


def test_more_than_a_hundred_kills(make_daemon):
    daemon = scim.start(make_daemon)
    daemons.wait_for(lambda: daemon.answers(), daemon.log)
    editors = [Editor(daemon, seed) for seed in range(WRITERS)]
    for editor in editors:
        editor.start()

    def acknowledged():
        return sum(editor.acknowledged.total() for editor in editors)

    def problems():
        return [problem for editor in editors for problem in editor.problems]

    with_open_requests, worker = 0, None
    for kill in range(KILLS):
        enough = acknowledged() + 8 + kill % 7                    # not always the same distance
        daemons.wait_for(lambda enough=enough: problems() or acknowledged() >= enough, daemon.log)
        assert not problems()
        # Answers of the last one may still have come: it must be the next.
        (worker,) = daemons.wait_for(lambda last=worker: daemon.workers if daemon.workers != [last] else None, daemon.log)
        with_open_requests += any(editor.open for editor in editors)
        os.kill(worker, signal.SIGKILL)
    for editor in editors:
        editor.stop.set()
    for editor in editors:
        editor.join(2 * daemons.PATIENCE)
        assert not editor.is_alive()
    daemon.wait_worker()
    assert not problems()
    assert len(daemon.lines("worker_died .*signal=9")) == KILLS
    assert with_open_requests > KILLS // 2 and sum(editor.lost for editor in editors) > KILLS // 2
    done = sum((editor.acknowledged for editor in editors), collections.Counter())
    assert min(done[method] for method in ("POST", "PATCH", "PUT", "DELETE", "Bulk")) > 20, done
    states = [editor.check(daemon) for editor in editors]
    assert daemon.stop() == 0
    check_store(daemon)
    with contextlib.closing(sqlite3.connect(f"file:{daemon.directory}/lib/accounts.db?mode=ro", uri=True)) as store:
        for editor, there in zip(editors, states):
            check_audit(store, editor, there)
    print(f"{dict(done)} acknowledged over {KILLS} kills, {with_open_requests} of them with requests open, "
          f"{sum(editor.lost for editor in editors)} unanswered, {sum(editor.refused for editor in editors)} refused for now")
