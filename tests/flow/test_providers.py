"""Good tokens of each product, and who may speak for whom when there are several (DESIGN, section 4: a test for each sentence)."""

import json
import os

import pytest

import bench as benches
import daemon as daemons
import ends
import world as worlds

BLOCKS = worlds.documented_blocks()


@pytest.fixture(scope="module", params=list(BLOCKS))
def bench(request, world):
    made = benches.Bench(world, BLOCKS[request.param])
    try:
        yield made.start()
    finally:
        made.stop()


# ---- each product alone ----

@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
@pytest.mark.parametrize("door", ["dovecot", "postfix"])
def test_signs_in(bench, mechanism, door):
    """A token as the product makes it, of each of its issuers and clients."""
    product = bench.product
    for issuer in product.issuers:
        answer, _ = bench.sign_in(product.issue(bench.alice, issuer=issuer), mechanism=mechanism, door=door)
        assert answer.ok and answer.fields == {"user": bench.alice}, bench.daemon.log()
    for client in product.clients:
        answer, _ = bench.sign_in(product.issue(bench.alice, client=client), mechanism=mechanism, door=door)
        assert answer.ok, bench.daemon.log()


def test_signs_in_without_a_name(bench):
    answer, _ = bench.sign_in(bench.product.issue(bench.alice), "")
    assert answer.ok and answer.fields == {"user": bench.alice}


def test_questions(bench):
    """Where a JWT says everything, nobody is asked; else only who must be."""
    mark = bench.world.server.mark()
    for _ in range(3):
        bench.good()
    assert len(bench.asked(mark)) == (0 if bench.product.token_says_all else 3 * bench.product.questions)


def test_repeated_token_asks_once(bench):
    mark, token = bench.world.server.mark(), bench.product.issue(bench.alice)
    for _ in range(5):
        bench.good(token)
    per_endpoint = {}
    for request in bench.asked(mark):
        per_endpoint[request.endpoint] = per_endpoint.get(request.endpoint, 0) + 1
    assert all(count == 1 for count in per_endpoint.values()), per_endpoint


def test_one_new_token_at_once_asks_once(bench):
    mark, token = bench.world.server.mark(), bench.product.issue(bench.alice)
    with bench.daemon.dovecot() as end:
        for _ in range(200):
            end.auth("XOAUTH2", ends.xoauth2(bench.alice, token))
        assert all(ends.Answer(end.hear()).ok for _ in range(200))
    assert len([request for request in bench.asked(mark) if request.endpoint != "userinfo"]) <= 1
    assert len([request for request in bench.asked(mark) if request.endpoint == "userinfo"]) <= 1


def test_domain_of_nobody(bench):
    """A name in a domain that no provider speaks for: refused, and nobody is asked."""
    mark = bench.world.server.mark()
    bench.refused(bench.product.issue("alice@example.net"), "alice@example.net")
    if not bench.product.opaque:
        bench.refused(bench.product.issue("alice@example.net"), "")
    bench.refused(bench.product.issue("alice@example.net"), bench.alice)
    assert len(bench.asked(mark)) <= 2      # the last one was asked about for alice


def test_alias_of_the_account(bench):
    alias = f"alias-{bench.alice}"
    bench.daemon.postern("alias", "add", alias, bench.alice)
    for user in (alias, bench.alice):
        answer, _ = bench.sign_in(bench.product.issue(bench.alice), user)
        assert answer.ok and answer.fields == {"user": bench.alice}


def test_disabled_account(bench):
    user = bench.account("leaver")
    token = bench.product.issue(user)
    bench.good(token, user)
    bench.daemon.postern("account", "disable", user)
    bench.refused(token, user)


@pytest.mark.blocks(condition=lambda name: BLOCKS[name].get("preset") == "google")
def test_google_wants_the_hosted_domain(bench):
    """A private account may keep a verified company address; only `hd` says who is still there."""
    for hd in ("elsewhere.example", "", None):
        token = bench.product.issue(bench.bob, hd=hd)
        bench.product.known[token].claims["hd"] = hd
        bench.refused(token, bench.bob)


# ---- two providers ----

PAIR = """
provider "one" {{
  issuer  = {{ "https://one.example.net" }}
  clients = {{ "mail" }}
{one}
  check   = auto
  introspection {{ id = "postern"  secret_file = "/etc/postern/any" }}
}}
provider "two" {{
  issuer  = {{ "https://two.example.net" }}
  clients = {{ "mail" }}
{two}
  check   = auto
  introspection {{ id = "postern"  secret_file = "/etc/postern/any" }}
}}
"""
APART = {"one": '  domains = { "one.example" }', "two": '  domains = { "two.example" }'}


class Two:
    def __init__(self, world, one, two):
        world.clear()
        text = PAIR.format(one=one, two=two)
        self.world = world
        self.one, self.two = (world.add(block) for block in worlds.products.blocks_of(text))
        for product in (self.one, self.two):
            product.credentials = ("postern", worlds.SECRET)
        world.room.write("postern/any", worlds.SECRET + "\n", 0o600)
        self.daemon = worlds.Daemon(world, text)

    def start(self, *addresses):
        self.daemon.start()
        for domain in sorted({address.partition("@")[2] for address in addresses}):
            self.daemon.postern("domain", "add", domain)
        for address in addresses:
            self.daemon.postern("account", "add", address)
        for product in (self.one, self.two):
            daemons.wait_for(lambda product=product: self.world.server.requests(f"{product.block.name}.example.net", "jwks"), self.daemon.log)
        return self

    def sign_in(self, token, user, mechanism="OAUTHBEARER"):
        with self.daemon.dovecot() as end:
            answer = end.login(mechanism, ends.b64(f"n,a={user},\x01auth=Bearer {token}\x01\x01" if user else f"n,,\x01auth=Bearer {token}\x01\x01"))
            return answer, end.challenge

    def asked(self, since=0):
        return [request.host for request in self.world.server.requests(since=since) if request.endpoint in benches.ASKED]

    def both_forms(self, product, address):
        return [product.issue(address), product.issue(address, opaque=True)]


@pytest.fixture(scope="module")
def two(world):
    made = Two(world, APART["one"], APART["two"])
    try:
        yield made.start("anna@one.example", "bert@two.example")
    finally:
        made.daemon.remove()


def test_each_for_its_own(two):
    for product, user in ((two.one, "anna@one.example"), (two.two, "bert@two.example")):
        daemons.wait_for(lambda product=product, user=user: two.sign_in(product.issue(user), user)[0].ok, two.daemon.log)
        for token in two.both_forms(product, user):
            assert two.sign_in(token, user)[0].ok, two.daemon.log()


def test_address_that_another_speaks_for(two):
    """The asserted address lies in the domain of the provider that vouches."""
    for token in two.both_forms(two.one, "bert@two.example"):
        for user in ("bert@two.example", "anna@one.example", ""):
            assert two.sign_in(token, user)[0].refused


def test_name_that_another_speaks_for(two):
    """So does the SASL name: an alias in another provider's domain opens nothing."""
    two.daemon.postern("alias", "add", "anna@two.example", "anna@one.example")
    for token in two.both_forms(two.one, "anna@one.example"):
        assert two.sign_in(token, "anna@two.example")[0].refused
        assert two.sign_in(token, "anna@one.example")[0].ok


def test_primary_address_that_another_speaks_for(two):
    """And the account's primary address."""
    two.daemon.postern("alias", "add", "bert@one.example", "bert@two.example")
    for token in two.both_forms(two.one, "bert@one.example"):
        for user in ("bert@one.example", "bert@two.example", ""):
            assert two.sign_in(token, user)[0].refused


def test_opaque_token_goes_where_the_name_says(two):
    mark = two.world.server.mark()
    assert two.sign_in(two.one.issue("anna@one.example", opaque=True), "anna@one.example")[0].ok
    assert set(two.asked(mark)) == {"one.example.net"}
    mark = two.world.server.mark()
    assert two.sign_in(two.one.issue("anna@one.example", opaque=True), "bert@two.example")[0].refused
    assert set(two.asked(mark)) == {"two.example.net"}
    mark = two.world.server.mark()
    assert two.sign_in(two.one.issue("anna@one.example", opaque=True), "anna@three.example")[0].refused
    assert two.asked(mark) == []


def test_opaque_token_without_a_name(two):
    """Nobody knows whose it is: nothing is sent."""
    mark = two.world.server.mark()
    answer, challenge = two.sign_in(two.one.issue("anna@one.example", opaque=True), "")
    assert answer.refused and json.loads(challenge)["status"] == "invalid_request"
    assert two.asked(mark) == []


def test_jwt_without_a_name(two):
    """Its issuer says who vouches."""
    answer, _ = two.sign_in(two.two.issue("bert@two.example"), "")
    assert answer.ok and answer.fields == {"user": "bert@two.example"}


def test_keys_of_one_prove_nothing_about_the_other(two):
    """J26: the other's key under our issuer's name; also when both use one key id."""
    for header in ({}, {"kid": two.two.key().kid}):
        claims = two.two.claims("bert@two.example")
        token = benches.tokens.mint(claims, two.one.key(), header=two.one.header | header)
        assert two.sign_in(token, "bert@two.example")[0].refused


SHARED = '  domains = { "both.example" }\n  shared = yes'


@pytest.fixture
def shared(world):
    made = Two(world, SHARED, SHARED)
    try:
        yield made.start("anna@both.example", "bert@both.example")
    finally:
        made.daemon.remove()


def test_shared_domain(shared):
    """JWTs only, and by their issuers; an account stays with the (provider, subject) that opened it first."""
    anna, bert = "anna@both.example", "bert@both.example"
    daemons.wait_for(lambda: shared.sign_in(shared.one.issue(anna), anna)[0].ok, shared.daemon.log)
    daemons.wait_for(lambda: shared.sign_in(shared.two.issue(bert), bert)[0].ok, shared.daemon.log)
    assert shared.one.person(anna).subject == shared.two.person(anna).subject
    assert shared.sign_in(shared.two.issue(anna), anna)[0].refused       # the same subject, of another provider
    assert shared.sign_in(shared.one.issue(bert), bert)[0].refused
    mark = shared.world.server.mark()
    for user in (anna, ""):
        assert shared.sign_in(shared.one.issue(anna, opaque=True), user)[0].refused
    assert shared.asked(mark) == []


@pytest.mark.parametrize("one, two, word", [
    (APART["one"], APART["one"], "one.example"),
    ('  domains = { "both.example" }\n  shared = yes', '  domains = { "both.example" }', "both.example"),
    (APART["one"], "", "domains"),
    ("", "", "domains"),
], ids=["one-domain", "half-shared", "no-domains", "neither"])
def test_start_is_refused(world, one, two, word):
    made = Two(world, one, two)
    try:
        made.daemon.spawn()
        assert made.daemon.process.wait(daemons.PATIENCE) != 0
        assert made.daemon.lines(word), made.daemon.log()
    finally:
        made.daemon.process = None
        made.daemon.remove()


def test_issuer_of_two_blocks(world):
    text = PAIR.format(**APART).replace("https://two.", "https://one.")
    daemon = worlds.Daemon(world, text)
    world.room.write("postern/any", worlds.SECRET + "\n", 0o600)
    try:
        daemon.spawn()
        assert daemon.process.wait(daemons.PATIENCE) != 0
        assert daemon.lines("one.example.net"), daemon.log()
    finally:
        daemon.process = None
        daemon.remove()


def test_one_provider_needs_no_domains(world):
    world.clear()
    (block,) = worlds.products.blocks_of('provider "only" {\n  issuer = { "https://only.example.net" }\n  clients = { "mail" }\n}\n')
    product = world.add(block)
    daemon = worlds.Daemon(world, block.text)
    try:
        daemon.start()
        for domain in ("a.example", "b.example"):
            daemon.postern("domain", "add", domain)
            daemon.postern("account", "add", f"x@{domain}")
            with daemon.dovecot() as end:
                daemons.wait_for(lambda end=end, domain=domain: end.login("XOAUTH2", ends.xoauth2(f"x@{domain}", product.issue(f"x@{domain}"))).ok, daemon.log)
    finally:
        daemon.remove()


def test_the_page_has_all_products():
    assert {block.get("preset") for block in BLOCKS.values()} >= {"authentik", "keycloak", "entra", "google", "kanidm", "authelia", "zitadel"}
    assert os.path.exists(os.path.join(worlds.ROOT, "docs", "providers.md"))
