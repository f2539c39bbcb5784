"""house.py - several providers in one posternd, each with a domain and an account of its own."""

import daemon as daemons
import ends
import tokens
import world as worlds

CLIENT = "mail"
TIMES = "  connect_timeout = 1s\n  timeout = 2s\n  keys_cooldown = 1s\n"
BLOCK = """
provider "{name}" {{
  issuer  = {{ "https://{name}.example.net" }}
  clients = {{ "mail" }}
  domains = {{ "{name}.example.com" }}
{more}
}}
"""
INTROSPECTION = '  introspection { id = "postern"  secret_file = "/etc/postern/any" }\n'


class Quick(worlds.products.Product):
    """With keys that are made in no time."""

    key_kinds = (("P-256", "ES256"),)


class House:
    """Providers by name, each with a domain and one account, in one daemon."""

    def __init__(self, world, names, more="", **daemon):
        """`names`: a list, or a dict of name → more settings of that block."""
        self.world, self.server = world, world.server
        world.clear()
        world.room.write("postern/any", worlds.SECRET + "\n", 0o600)
        names = names if isinstance(names, dict) else dict.fromkeys(names, "")
        blocks = {name: BLOCK.format(name=name, more=TIMES + more + own) for name, own in names.items()}
        self.products = {name: world.add(block, Quick) for name, block in blocks.items()}
        for product in self.products.values():
            product.credentials = ("postern", worlds.SECRET)
        self.daemon = worlds.Daemon(world, "".join(blocks.values()), **daemon)

    def host(self, name):
        return f"{name}.example.net"

    def user(self, name):
        return f"user@{name}.example.com"

    def start(self):
        self.daemon.start()
        self.admin = daemons.Admin(self.daemon)
        for name in self.products:
            assert self.admin.post("/v1/domains", name=f"{name}.example.com") == 200
            assert self.admin.post("/v1/accounts", address=self.user(name)) == 200
        return self

    def sign_in_all(self, names=None, make=None):
        """All at once on one connection; the answers by name."""
        answers, waiting = {}, {}
        with self.daemon.dovecot() as end:
            for name in names or self.products:
                product = self.products[name]
                token = make(product) if make else product.issue(self.user(name))
                waiting[end.auth("XOAUTH2", ends.xoauth2(self.user(name), token))] = name
            while waiting:
                answer = ends.Answer(end.hear())
                answers[waiting.pop(int(answer.id))] = answer
        return answers

    def wait_good(self, names=None):
        names = list(names or self.products)
        daemons.wait_for(lambda: all(answer.ok for answer in self.sign_in_all(names).values()), self.daemon.log)

    def wait_requests(self, names, endpoint, count=1, since=0):
        """Until each provider was asked so often."""
        daemons.wait_for(lambda: all(len(self.server.requests(self.host(name), endpoint, since)) >= count for name in names),
                         lambda: f"{self.server.requests(since=since)}\n{self.daemon.log()}")


def unknown(product):
    """A token by a key that nobody knows."""
    return tokens.mint(product.claims(f"user@{product.block.name}.example.com"), tokens.Key("P-256"), header=product.header)
