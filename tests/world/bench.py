"""bench.py - one provider block under attack: what signs in, what is refused, and what every refusal must look like."""

import itertools
import json
import re
import time

import daemon as daemons
import ends
import tokens
import world as worlds

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \w+( [\w-]+=.*)?$")
ASKED = ("userinfo", "introspection", "tokeninfo")


class Bench:
    """A daemon with one provider block as it stands, keys of every kind in its JWKS, and the rules for each test."""

    def __init__(self, world, block, more_keys=(), **daemon):
        world.clear()
        self.world, self.block = world, block
        self.product = world.add(block)
        self.domain = (block.list("domains") or ["example.com"])[0]
        self.key = {alg: tokens.Key(kind, f"bench-{alg}", alg)
                    for alg, kind in (("RS256", "RSA"), ("PS256", "RSA"), ("ES256", "P-256"), ("ES384", "P-384"), ("ES512", "P-521"), ("EdDSA", "Ed25519"))}
        self.product.more_keys = [key.jwk for key in self.key.values()] + list(more_keys)
        self.daemon = worlds.Daemon(world, block.text, **daemon)
        self.numbers = itertools.count(1)
        self.presented, self.status_texts = [], {}

    def start(self):
        self.daemon.start()
        self.daemon.postern("domain", "add", self.domain)
        self.admin = daemons.Admin(self.daemon)
        self.alice, self.bob = self.account("alice"), self.account("bob")
        daemons.wait_for(lambda: self.sign_in(self.product.issue(self.alice), self.alice)[0].ok, self.daemon.log)
        (self.worker,) = self.daemon.workers
        return self

    def stop(self):
        self.daemon.remove()

    def account(self, hint="user"):
        address = f"{hint}{next(self.numbers)}@{self.domain}"
        assert self.admin.post("/v1/accounts", address=address) == 200
        return address

    # ---- signing in ----

    def sign_in(self, token, user=None, mechanism="OAUTHBEARER", door="dovecot", **more):
        """The answer and the error challenge. `user` "": none is named."""
        self.presented.append(token)
        user = self.alice if user is None else user
        message = ends.b64(f"n,,\x01auth=Bearer {token}\x01\x01") if user == "" else \
            {"OAUTHBEARER": ends.bearer, "XOAUTH2": ends.xoauth2}[mechanism](user, token)
        with getattr(self.daemon, door)(**more) as end:
            answer = end.login(mechanism, message)
            return answer, end.challenge

    def good(self, token=None, user=None):
        user = user or self.alice
        answer, challenge = self.sign_in(token or self.product.issue(user), user)
        assert answer.ok and challenge is None and answer.fields == {"user": user}, f"{answer}\n{self.daemon.log()[-1500:]}"

    def refused(self, token, user=None, status="invalid_token"):
        """By either mechanism; and the client hears the same for whatever reason."""
        answer, challenge = self.sign_in(token, user)
        assert answer.refused and set(answer.fields) <= {"user"}, f"{answer}: {token[:200]}\n{self.daemon.log()[-1500:]}"
        said = json.loads(challenge)
        statuses = (status,) if isinstance(status, str) else status
        assert said["status"] in statuses, said
        # It names the provider of the user's domain, and says nothing about the user.
        which = said["status"], (self.alice if user is None else user).partition("@")[2]
        assert challenge == self.status_texts.setdefault(which, challenge)
        if user != "":
            answer, challenge = self.sign_in(token, user, "XOAUTH2")
            assert answer.refused and set(answer.fields) <= {"user"} and challenge is None, answer

    def all_refused(self, vectors, **more):
        """(name, token) pairs; says which one got in."""
        for name, token in vectors:
            try:
                self.refused(token, **more)
            except AssertionError as error:
                raise AssertionError(f"{name}: {error}") from error

    # ---- forging ----

    def claims(self, user=None, **changes):
        said = self.product.claims(user or self.alice) | changes
        return {name: value for name, value in said.items() if value is not None}

    def forge(self, key=None, alg=None, header=None, claims=None, **more):
        """A token that is good but for what is said here."""
        if header is None or isinstance(header, dict):
            header = self.product.header | (header or {})
        return tokens.mint(self.claims() if claims is None else claims, key or self.key["ES256"], alg, header=header, **more)

    def headed(self, header, **more):
        """Over a header in full, signed by the product's own key."""
        key = self.product.key()
        return tokens.mint(self.claims(), key, key.natural, header=header, **more)

    def true(self, claims, **more):
        """Other claims, signed by the product's own key."""
        return tokens.mint(claims, self.product.key(), header=self.product.header | more)

    # ---- what was done ----

    def asked(self, since=0):
        """Questions about tokens that the provider has seen."""
        return [request for request in self.world.server.requests(since=since) if request.endpoint in ASKED]

    def nobody_asked(self):
        """Where a token is proved here, none of these was worth a question."""
        assert not (self.product.local and self.asked(self.seen))

    def before(self):
        self.mark, self.seen, self.presented = self.daemon.mark(), self.world.server.mark(), []

    def after(self):
        """Nothing crashed, nothing leaked, nobody was visited, and good tokens are still good."""
        self.good()
        assert self.daemon.workers == [self.worker]
        log = "\n".join(self.daemon.lines("", self.mark))
        for line in log.splitlines():
            assert LINE.match(line), line
        for token in self.presented:
            for part in self.telling(token):
                assert part not in log, f"{part} of {token[:100]} is in the log"
        assert not self.world.server.forbidden()
        known = {self.block.name} | self.product.hosts
        requests = self.world.server.requests(since=self.seen)
        assert {request.host for request in requests} <= known
        targets = " ".join(request.target for request in requests)
        assert not [part for token in self.presented for part in self.telling(token) if part in targets]

    @staticmethod
    def telling(token):
        """The parts of a token by which one would know it again."""
        parts = token.split(".")[1:] if token.count(".") >= 2 else [token]
        return [part[-24:] for part in parts if len(part) >= 24] + [part[:40] for part in parts if len(part) >= 40]


def now():
    return int(time.time())
