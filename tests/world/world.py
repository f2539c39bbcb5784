"""world.py - the room, the web in it, and a posternd that lives there; what tests/flow and bench/ start from."""

import os
import re
import shutil
import sys
import tempfile
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "flow")]

import authority  # noqa: E402
import daemon as daemons  # noqa: E402
import products  # noqa: E402
import room  # noqa: E402
import server  # noqa: E402

SECRET = "s3cr:et %&+ü"      # what form-urlencoding has to carry (RFC 6749, 2.3.1)
FENCE = "```postern\n"


def documented_blocks():
    """The provider blocks of docs/providers.md, by name."""
    with open(os.path.join(ROOT, "docs", "providers.md"), encoding="utf-8") as page:
        parts = page.read().split(FENCE)[1:]
    return {block.name: block for part in parts for block in products.blocks_of(part.partition("```")[0])}


class World:
    """`product = world.add(block)`, then a `Daemon(world, block.text)`."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="pw.", dir="/run")
        os.chmod(self.directory, 0o755)
        os.mkdir(f"{self.directory}/tls", 0o700)
        self.authority = authority.Authority(f"{self.directory}/tls")
        self.room = room.Room(self.directory, self.authority.bundle)
        self.server = server.Server(self.room.listening, self.authority,
                                    (room.ADDRESS, room.OLD_ADDRESS, room.HOME_ADDRESS), room.OLD_ADDRESS)
        self.products = []
        self.names = {}

    def close(self):
        self.server.close()
        self.room.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def clear(self):
        """No product is known any more."""
        self.server.well()
        self.server.drop()
        self.products, self.server.hosts, self.names = [], {}, {}
        with self.server.lock:
            self.server.seen.clear()
            self.server.connections.clear()
            self.server.names.clear()

    def name(self, host, *addresses):
        """What the name leads to; the web's own address when none is given."""
        self.names[host] = addresses or (room.ADDRESS,)
        lines = [f"{address} {name}" for name, these in self.names.items() for address in these]
        self.room.write("hosts", "\n".join(["127.0.0.1 localhost", "::1 localhost", *lines, ""]))

    def add(self, block, kind=None):
        """`kind`: a class other than the one that its preset names."""
        if isinstance(block, str):
            (block,) = products.blocks_of(block)
        product = kind(block) if kind else products.product_of(block)
        self.products.append(product)
        for host in product.hosts:
            self.name(host)
            self.server.hosts[host] = self.handle
        if "id" in block.inner:
            product.credentials = (block.inner["id"], SECRET)
            if block.inner.get("secret_file", "").startswith("/etc/"):
                self.room.write(block.inner["secret_file"].removeprefix("/etc/"), SECRET + "\n", 0o600)
        return product

    def handle(self, request):
        for product in self.products:
            answer = product.handle(request)
            if request.endpoint:
                return answer
        return server.Answer(404, {"error": "not_found"})

    def in_url(self, text):
        """Whether any request had it in its target."""
        quoted = urllib.parse.quote(text, safe="")
        return any(text in request.target or quoted in request.target for request in self.server.requests())


class Daemon(daemons.Daemon):
    """posternd in the room; its doors are UNIX sockets, so the tests stay outside."""

    def __init__(self, world, providers, **more):
        super().__init__(providers=providers, wrapper=world.room.enter, **more)

    @property
    def parent(self):
        return self.process.pid      # nsenter became it

    def remove(self):
        super().remove()
        signs = re.compile("AddressSanitizer|runtime error:|LeakSanitizer: detected|Assertion|out of memory")
        assert not [line for line in self.last_log.splitlines() if signs.search(line)]
