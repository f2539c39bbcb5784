"""public.py - posternd's public HTTP listener: its block of the configuration, and a client that may say anything."""

import os
import select
import signal
import socket
import ssl

import daemon as daemons


def configure(daemon, **more):
    values = {"public": f'"127.0.0.1:{daemon.public_port}"', "internal": f'"127.0.0.1:{daemon.internal_port}"', **more}
    daemon.extra = f"http {{\n{daemons.settings(values)}\n}}"
    daemon.write_conf()


def start(make_daemon, prepare=None, **more):
    """A daemon with both listeners; `more` are settings of [http]."""
    daemon = make_daemon(start=False)
    daemon.public_port = daemons.free_port()
    with socket.create_server(("127.0.0.1", daemon.public_port)):
        daemon.internal_port = daemons.free_port()
    if prepare:
        more |= prepare(daemon)
    configure(daemon, **more)
    daemon.start()
    daemon.postern("domain", "add", "example.com")
    daemon.postern("account", "add", "hello@example.com")
    return daemon


def reload(daemon, **more):
    mark = daemon.mark()
    configure(daemon, **more)
    os.kill(daemon.parent, signal.SIGHUP)
    daemon.wait_line("reloaded ", mark)


def resident(daemon):
    """Bytes of memory of the worker."""
    with open(f"/proc/{daemon.workers[0]}/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def sanitized():
    """Whether memory weighs more because a sanitizer watches it."""
    with open(daemons.POSTERND, "rb") as program:
        return b"__asan_init" in program.read()


def cpu(daemon):
    """Seconds of CPU of the worker."""
    with open(f"/proc/{daemon.workers[0]}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Answer:
    def __init__(self, head, body):
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.body = body


class Peer:
    """A connection that sends bytes as they are, and reads answers one by one."""

    def __init__(self, port, source=None, context=None):
        self.bytes = b""
        self.ended = False
        self.socket = socket.create_connection(("127.0.0.1", port), daemons.PATIENCE, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket, server_hostname="mail.example.com")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def try_send(self, data):
        """False: nobody listens any more, or not just now."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def flood(self, data, count):
        """Sends it `count` times, or until nobody takes it. Returns how often."""
        for done in range(count):
            if self.heard() or not self.try_send(data):
                return done
        return count

    def heard(self, seconds=0):
        """There is something to read, or nothing any more; by then."""
        if self.bytes or self.ended:
            return True
        select.select([self.socket], [], [], seconds)
        self.socket.setblocking(False)
        try:
            data = self.socket.recv(65536)
            self.ended = not data
            self.bytes += data
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            self.ended = True
        finally:
            self.socket.settimeout(daemons.PATIENCE)
        return True

    def read(self):
        if self.ended:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        self.ended = not data
        self.bytes += data
        return not self.ended

    def wait(self, end):
        while end not in self.bytes:
            assert self.read(), self.bytes
        at = self.bytes.index(end) + len(end)
        got, self.bytes = self.bytes[:at], self.bytes[at:]
        return got

    def final(self):
        """The answer behind whatever interim ones (RFC 9110, 15.2): Caddy may say 100 twice, for itself and for us."""
        answer = self.answer()
        while answer.status < 200:
            answer = self.answer()
        return answer

    def answer(self):
        head = self.wait(b"\r\n\r\n")[:-4]
        answer = Answer(head, b"")
        length = int(answer.headers.get("content-length", "0"))
        while len(self.bytes) < length:
            assert self.read(), self.bytes
        answer.body, self.bytes = self.bytes[:length], self.bytes[length:]
        return answer

    def answers(self):
        """All of them, until the other end closes."""
        while self.read():
            pass
        found = []
        while self.bytes:
            found.append(self.answer())
        return found
