"""trouble.py - a provider under which the sky falls, for tests/flow/test_provider_trouble.py and bench/trouble."""

import secrets

import bench as benches
import server as webs
import tokens
import world as worlds
from load import Load

JWT_BLOCK = 'provider "jwt" {\n  issuer = { "https://jwt.example.net" }\n  clients = { "mail" }\n  domains = { "example.com" }\n}\n'
OPAQUE_BLOCK = ('provider "asked" {\n  issuer = { "https://asked.example.net" }\n  clients = { "mail" }\n  domains = { "example.com" }\n'
                '  check = introspection\n  introspection { id = "postern"  secret_file = "/etc/postern/asked" }\n}\n')
# As shipped, but for the address that all of it comes from.
LOGIN = {"refusal_delay": "2s", "throttle_free": "10", "throttle_stop": "100"}


def address(number):
    """Another client address for each."""
    return f"198.18.{number // 250 % 250}.{number % 250 + 1}"


class Trouble(benches.Bench):
    def __init__(self, world, block, **daemon):
        (block,) = worlds.products.blocks_of(block)
        super().__init__(world, block, login=LOGIN, **daemon)
        self.server = world.server
        (self.host,) = self.product.hosts

    def unknown_kids(self, count):
        """Tokens that are good but for a key that nobody knows, each another."""
        claims, mallory = self.claims(), tokens.Key("P-256")
        signed = tokens.mint(claims, mallory, header=self.product.header).split(".")
        header = '{"alg":"ES256","typ":"at+jwt","kid":"%s"}'
        return [(self.alice, f"{tokens.b64(header % secrets.token_hex(8))}.{signed[1]}.{signed[2]}", address(number)) for number in range(count)]

    def good_jobs(self, count):
        return [(self.bob, self.product.issue(self.bob), "192.0.2.7") for _ in range(count)]

    def load(self, jobs, rate, connections=1, nice=0):
        return Load(self.daemon.login_path, jobs, rate, connections, nice)

    def freeze(self):
        """Accepts, and never answers: new connections and old ones."""
        self.server.trouble(webs.frozen, self.host)
        self.server.silent = True

    def resident(self):
        """KiB of the worker's memory."""
        with open(f"/proc/{self.worker}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
