"""load.py - sign-ins at a steady rate over many connections, from a process of its own, so that tests and server do not slow it.

usage: load.py SOCKET RATE CONNECTIONS < JOBS     JOBS: a line "USER TOKEN RIP" for each sign-in
Prints JSON: {"kinds": {"OK": n, "FAIL": n, "temp_fail": n, "CLOSED": n}, "ms": {kind: [milliseconds, sorted]}, "seconds": s, "late_ms": m}.
`late_ms` is by how much the latest sign-in left after its time: the load was not what it should be when that is much.
"""

import base64
import json
import os
import selectors
import socket
import subprocess
import sys
import time

QUIET_SECONDS = 20       # after the last answer


class Connection:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.rest, self.out, self.sent, self.number = b"", b"", {}, 0
        while b"\nDONE\n" not in self.rest:
            self.rest += self.socket.recv(65536)
        self.rest = self.rest.partition(b"\nDONE\n")[2]
        self.socket.sendall(b"VERSION\t1\t2\nCPID\t%d\n" % os.getpid())
        self.socket.setblocking(False)

    def say(self, line):
        self.number += 1
        self.out += line.replace(b"#", b"%d" % self.number, 1)
        self.sent[self.number] = time.monotonic()
        self.flush()

    def flush(self):
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out):]
        except BlockingIOError:
            pass

    def hear(self):
        """(kind, milliseconds) of each answer that is there."""
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return []
        if not data:
            return [("CLOSED", 0)] * len(self.sent)
        *lines, self.rest = (self.rest + data).split(b"\n")
        answers = []
        for line in lines:
            fields = line.split(b"\t")
            kind = "temp_fail" if b"code=temp_fail" in fields else fields[0].decode()
            answers.append((kind, (time.monotonic() - self.sent.pop(int(fields[1]))) * 1000))
        return answers


def job_line(job):
    user, token, rip = job.split()
    message = base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()).decode()
    return f"AUTH\t#\tXOAUTH2\tservice=imap\tsecured\trip={rip}\tlip=192.0.2.1\tresp={message}\n".encode()


def main(path, rate, count):
    lines = [job_line(job) for job in sys.stdin]
    connections = [Connection(path) for _ in range(count)]
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    found, begin, next_one, late, last = {}, time.monotonic(), 0, 0.0, time.monotonic()
    waiting = len(lines)
    while waiting and time.monotonic() - last < QUIET_SECONDS:
        now = time.monotonic()
        while next_one < len(lines) and begin + next_one / rate <= now:
            late = max(late, now - begin - next_one / rate)
            connections[next_one % count].say(lines[next_one])
            next_one += 1
        due = begin + next_one / rate - time.monotonic() if next_one < len(lines) else 0.1
        for key, _ in selector.select(max(0, due)):
            for kind, milliseconds in key.data.hear():
                found.setdefault(kind, []).append(milliseconds)
                waiting -= 1
                last = time.monotonic()
        for connection in connections:
            if connection.out:
                connection.flush()
    print(json.dumps({"kinds": {kind: len(times) for kind, times in found.items()}, "ms": {kind: sorted(times) for kind, times in found.items()},
                      "seconds": time.monotonic() - begin, "late_ms": late * 1000, "unanswered": waiting}))


class Load:
    """One such process."""

    def __init__(self, path, jobs, rate, connections=1, nice=0):
        self.process = subprocess.Popen(["nice", "-n", str(nice), sys.executable, "-I", __file__, path, str(rate), str(connections)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdin.write("".join(f"{user} {token} {rip}\n" for user, token, rip in jobs))
        self.process.stdin.close()

    def wait(self):
        said = json.load(self.process.stdout)
        self.process.stdout.close()
        assert self.process.wait(60) == 0
        return said


def percentile(times, part):
    return times[min(len(times) - 1, int(len(times) * part))] if times else float("nan")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
