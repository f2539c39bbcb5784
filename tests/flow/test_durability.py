"""An acknowledged change is there: after a hundred kills, and by a trace of the system calls."""

import collections
import contextlib
import http.client
import os
import re
import signal
import sqlite3
import threading
import time

import daemon as daemons

KILLS, ACKNOWLEDGED, WRITERS = 100, 1000, 4


class Writer(threading.Thread):
    """Adds accounts, one after the other, and remembers which were acknowledged."""

    def __init__(self, daemon, name):
        super().__init__(daemon=True)
        self.under_test, self.prefix = daemon, name
        self.acknowledged, self.lost, self.problems = [], 0, []
        self.open = False                                        # a request is on its way
        self.stop = threading.Event()

    def run(self):
        admin, number = None, 0
        while not self.stop.is_set():
            number += 1
            address = f"{self.prefix}-{number}@example.com"
            try:
                admin = admin or daemons.Admin(self.under_test)
                self.open = True
                status = admin.post("/v1/accounts", address=address)
                self.open = False
                if status in (200, 201):
                    self.acknowledged.append(address)
                elif status < 500:
                    self.problems.append((address, status))
            except (OSError, http.client.HTTPException):
                self.open = False
                self.lost += 1
                with contextlib.suppress(Exception):
                    admin.close()
                admin = None
                time.sleep(0.005)


def test_a_hundred_kills(make_daemon):
    """Killed at any moment, most of them with writes open: nothing that was acknowledged is lost."""
    daemon = make_daemon()
    writers = [Writer(daemon, f"w{number}") for number in range(WRITERS)]
    for writer in writers:
        writer.start()

    def acknowledged():
        return sum(len(writer.acknowledged) for writer in writers)

    with_open_writes = 0
    for kill in range(KILLS):
        enough = acknowledged() + ACKNOWLEDGED // KILLS + kill % 7   # not always the same distance
        daemons.wait_for(lambda: acknowledged() >= enough, daemon.log)
        (worker,) = daemons.wait_for(lambda: daemon.workers, daemon.log)
        with_open_writes += any(writer.open for writer in writers)
        os.kill(worker, signal.SIGKILL)
    for writer in writers:
        writer.stop.set()
    for writer in writers:
        writer.join(daemons.PATIENCE)
    daemon.wait_worker()
    assert not [problem for writer in writers for problem in writer.problems]
    assert len(daemon.lines("worker_died .*signal=9")) == KILLS
    assert with_open_writes > KILLS // 2
    sure = {address for writer in writers for address in writer.acknowledged}
    assert len(sure) >= ACKNOWLEDGED
    with daemon.userdb() as end:
        there = set(end.list())
    assert sure <= there
    with daemon.map() as maps:
        for address in list(sure)[:50]:
            assert maps.ask("mailboxes", address) == "OK 1"
    assert daemon.stop() == 0
    store = sqlite3.connect(f"file:{daemon.directory}/lib/accounts.db?mode=ro", uri=True)
    assert store.execute("pragma integrity_check").fetchall() == [("ok",)]
    store.close()
    print(f"{len(sure)} acknowledged over {KILLS} kills, {with_open_writes} of them with writes open, "
          f"{sum(writer.lost for writer in writers)} unanswered")


CALL = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)")
TRACED = "recvfrom,pwrite64,pwritev,write,writev,fsync,fdatasync,sendto"


def events(path):
    """(call, text) of every call that is complete, in the order of completion."""
    begun = collections.defaultdict(str)
    with open(path, encoding="utf-8", errors="replace") as trace:
        for line in trace:
            found = CALL.match(line)
            if not found:
                continue
            thread, call = found.groups()
            if line.rstrip().endswith("<unfinished ...>"):
                begun[thread] = line
            else:
                yield call, begun.pop(thread, "") + line


def test_trace_shows_a_sync_before_each_acknowledgement(make_daemon, monkeypatch):
    """Between a change's write to the write-ahead log and its "200" there is a completed fsync or fdatasync of that file."""
    monkeypatch.setenv("ASAN_OPTIONS", os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0")   # cannot work when traced
    daemon = make_daemon(start=False)
    trace = f"{daemon.directory}/trace"
    daemon.wrapper = ("strace", "-f", "-y", "-s", "32", "-o", trace, "-e", f"trace={TRACED}")
    daemon.start()
    daemon.postern("domain", "add", "example.com")
    admin = daemons.Admin(daemon)
    for number in range(50):
        assert admin.post("/v1/accounts", address=f"t{number}@example.com") == 200
    assert daemon.stop() == 0
    asked = wrote = synced = False
    acknowledged = 0
    for call, text in events(trace):
        if call == "recvfrom" and "POST /v1/accounts" in text:
            asked, wrote, synced = True, False, False
        elif "accounts.db-wal>" in text and call in ("pwrite64", "pwritev", "write", "writev"):
            wrote, synced = True, False
        elif "accounts.db-wal>" in text and call in ("fsync", "fdatasync"):
            synced = wrote and text.rstrip().endswith("= 0")
        elif call == "sendto" and "HTTP/1.1 200" in text and asked:
            assert wrote and synced, text
            asked, acknowledged = False, acknowledged + 1
    assert acknowledged == 50
