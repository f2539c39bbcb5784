"""Attacks by, and through, the provider: 28, 31-36, 38, 40, 41, 43. Many providers in one daemon, each bad in a way of its own.

In the room every forbidden address is there and answers, so only our own filter keeps us from it."""

import os
import re
import secrets
import signal

import pytest

import daemon as daemons
import ends
import room
import server as webs
from house import CLIENT, INTROSPECTION, unknown
from server import Answer, changed


# ---- 28, 34: discovery ----

REDIRECTS = {"to-http": "http://{host}/.well-known/openid-configuration", "to-another": "https://another.example.net/.well-known/openid-configuration",
             "to-loopback": "https://127.0.0.1/x", "to-itself": "https://{host}/.well-known/openid-configuration"}
DOCUMENTS = {"slash": {"issuer": "https://slash.example.net/"}, "other": {"issuer": "https://another.example.net"}, "upper": {"issuer": "https://UPPER.example.net"}, "port": {"issuer": "https://port.example.net:443"},
             "no-issuer": {"issuer": None}, "many": {"issuer": ["https://many.example.net"]}, "plain-keys": {"jwks_uri": "http://plain-keys.example.net/keys"}, "no-keys": {"jwks_uri": None}, "number": {"jwks_uri": 1},
             "relative": {"jwks_uri": "/keys"}}
ANSWERS = {"discovery-html": webs.html, "discovery-empty": webs.nothing, "discovery-500": webs.error, "discovery-cut": webs.cut, "discovery-list": webs.says(200, []), "discovery-huge": webs.huge, "discovery-zip": webs.zipped}
KEY_ANSWERS = {"keys-html": webs.html, "keys-empty": webs.nothing, "keys-500": webs.error, "keys-cut": webs.cut, "keys-none": webs.no_keys, "keys-elsewhere": webs.redirect("https://another.example.net/keys"),
               "keys-zip": webs.zipped, "keys-many": webs.says(200, {"keys": [{"kty": "RSA"}] * 101})}


def test_attack_28_discovery_that_lies(house):
    """Redirected, downgraded, of another issuer, or no discovery document at all: no keys, so a temporary failure; and whoever was
    pointed to is not visited."""
    names = [*REDIRECTS, *DOCUMENTS, *ANSWERS, *KEY_ANSWERS]

    def prepare(one):
        another = one.world.add('provider "another" { issuer = { "https://another.example.net" } clients = { "mail" } }')
        for product in one.products.values():
            product.more_keys = [another.key().jwk]
        for name, location in REDIRECTS.items():
            one.server.trouble(webs.redirect(location.format(host=one.host(name))), one.host(name), "discovery")
        for name, members in DOCUMENTS.items():
            one.server.trouble(changed(**members), one.host(name), "discovery")
        for name, answer in ANSWERS.items():
            one.server.trouble(answer, one.host(name), "discovery")
        for name, answer in KEY_ANSWERS.items():
            one.server.trouble(answer, one.host(name), "jwks")

    one = house([*names, "good"], prepare)
    one.wait_good(["good"])
    one.wait_requests(names, "discovery")
    one.wait_requests(KEY_ANSWERS, "jwks")
    answers = one.sign_in_all()
    assert answers.pop("good").ok
    assert {name for name, answer in answers.items() if answer.fields.get("code") != "temp_fail"} == set(), one.daemon.log()
    assert not one.server.forbidden()
    assert not one.server.requests("another.example.net")
    assert not [request for request in one.server.requests() if request.port == 80]
    one.server.well()
    one.wait_good()


FORBIDDEN_URLS = {
    "loop4": "https://127.0.0.1/keys", "loop6": "https://[::1]/keys", "link": "https://169.254.169.254/keys", "any": "https://0.0.0.0/keys", "any6": "https://[::]/keys", "mapped": "https://[::ffff:127.0.0.1]/keys",
    "mapped2": "https://[::ffff:7f00:1]/keys", "decimal": "https://2130706433/keys", "hexadecimal": "https://0x7f000001/keys", "octal": "https://0177.0.0.1/keys", "short": "https://127.1/keys", "private": "https://10.1.2.3/keys",
    "shared": "https://100.64.0.1/keys", "name-loop": "https://loop.attacker.example/keys", "name-private": "https://private.attacker.example/keys", "name-link": "https://link.attacker.example/keys", "name-both": "https://both.attacker.example/keys",
    "localhost": "https://localhost/keys", "file": "file:///etc/passwd", "gopher": "gopher://127.0.0.1:80/_GET", "ftp": "ftp://127.0.0.1/keys", "dict": "dict://127.0.0.1:80/x", "user-info": "https://good.example.net@127.0.0.1/keys",
    "nat64": "https://[64:ff9b::7f00:1]/keys", "plain": "http://127.0.0.1/keys", "backslash": "https://127.0.0.1\\@good.example.net/keys",
}


@pytest.mark.parametrize("endpoint", ["jwks_uri", "userinfo_endpoint", "introspection_endpoint"])
def test_attack_34_forbidden_addresses(house, endpoint):
    """Discovery names an endpoint inside: refused when connecting, whatever it is called."""
    def prepare(one):
        for name, address in (("loop", "127.0.0.1"), ("private", "10.1.2.3"), ("link", "169.254.169.254")):
            one.world.name(f"{name}.attacker.example", address)
        one.world.name("both.attacker.example", "192.0.3.99", "10.1.2.3")        # nobody answers at the first
        for name, url in FORBIDDEN_URLS.items():
            one.server.trouble(changed(**{endpoint: url}), one.host(name), "discovery")

    more = {"jwks_uri": "", "userinfo_endpoint": '  check = jwt_userinfo\n', "introspection_endpoint": "  check = introspection\n" + INTROSPECTION}[endpoint]
    one = house([*FORBIDDEN_URLS, "good"], prepare, more=more)
    one.wait_good(["good"])
    one.wait_requests(FORBIDDEN_URLS, "discovery")
    answers = one.sign_in_all()
    assert answers.pop("good").ok
    assert {name: answer for name, answer in answers.items() if answer.fields.get("code") != "temp_fail"} == {}, one.daemon.log()
    assert not one.server.forbidden()


MOVES = {"to-loop": ("127.0.0.1",), "to-private": ("10.1.2.3",), "to-loop6": ("::1",), "to-both": ("127.0.0.1", room.ADDRESS), "to-link": ("169.254.169.254",)}


def test_attack_34_names_that_move(house):
    """Public when it was looked at first, and somewhere inside when the keys are fetched again."""
    def prepare(one):
        for name, product in one.products.items():
            host = f"{name}.attacker.example"
            one.world.name(host)
            one.server.hosts[host] = lambda request, product=product: Answer(200, {"keys": [product.key().jwk]})
            one.server.trouble(changed(jwks_uri=f"https://{host}/keys"), one.host(name), "discovery")

    one = house(list(MOVES), prepare)
    one.wait_good()
    for name, addresses in MOVES.items():
        one.world.name(f"{name}.attacker.example", *addresses)
    one.server.drop()
    answers = one.sign_in_all(make=unknown)          # each waits until the keys were fetched again, or could not be
    assert not [name for name, answer in answers.items() if answer.ok]
    assert not one.server.forbidden()
    assert all(answer.ok for answer in one.sign_in_all().values())       # by the keys they have
    (worker,) = one.daemon.workers
    mark = one.server.mark()
    os.kill(worker, signal.SIGKILL)                  # the next one has no keys, and looks the names up anew
    one.daemon.wait_worker(worker)
    one.wait_requests(MOVES, "discovery", since=mark)
    assert {name for name, answer in one.sign_in_all().items() if answer["code"] != "temp_fail"} <= {"to-both"}
    assert not one.server.forbidden()


def test_own_host_may_be_private(house):
    """What the admin typed is trusted: self-hosted providers live on private addresses. What it leads to is not."""
    def prepare(one):
        one.world.name(one.host("home"), room.HOME_ADDRESS)
        one.world.name(one.host("strict"), room.HOME_ADDRESS)
        one.world.name("inside.example.net", "10.1.2.3")
        one.server.trouble(changed(jwks_uri="https://inside.example.net/keys"), one.host("strict"), "discovery")

    one = house(["home", "strict"], prepare)
    one.wait_good(["home"])
    one.wait_requests(["strict"], "discovery")
    assert one.sign_in_all(["strict"])["strict"].fields == {"code": "temp_fail"}
    assert not one.server.forbidden()


# ---- 32, 33: keys ----

def test_attack_32_rotation(house):
    """A new key signs in at its first use; tokens of the old one end with it; and keys that are kept stay good."""
    one = house(["rotating", "keeping"], more="  keys_refresh = 60m\n")
    one.wait_good()
    old = {name: product.issue(one.user(name)) for name, product in one.products.items()}
    assert all(answer.ok for answer in one.sign_in_all(make=lambda product: old[product.block.name]).values())
    one.products["rotating"].rotate()
    one.products["keeping"].rotate(keep=True)
    mark = one.server.mark()
    assert all(answer.ok for answer in one.sign_in_all().values()), one.daemon.log()
    for name in one.products:
        assert len(one.server.requests(one.host(name), "jwks", mark)) == 1
    after = one.sign_in_all(make=lambda product: old[product.block.name])
    assert after["rotating"].refused and after["keeping"].ok
    one.products["rotating"].rotate()                # within the cool-down: soon after it
    one.wait_good()
    assert len(one.server.requests(one.host("rotating"), "jwks", mark)) <= 3


TROUBLED_KEYS = {"emptied": webs.no_keys, "error": webs.error, "html": webs.html, "nothing": webs.nothing, "huge": webs.huge, "cut": webs.cut, "zipped": webs.zipped, "endless": webs.endless, "frozen": webs.frozen,
                 "dripping": webs.drip, "moved": webs.redirect("https://another.example.net/keys"), "text": webs.says(200, b"[]"), "deep": webs.says(200, b'{"keys":' + b"[" * 100000),
                 "twice": webs.says(200, b'{"keys":[],"keys":[]}')}


def test_attack_33_keys_that_go_bad(house):
    """The last good ones stay; and when it is over, new ones come."""
    one = house([*TROUBLED_KEYS, "good"])
    one.wait_good()
    for name, trouble in TROUBLED_KEYS.items():
        one.server.trouble(trouble, one.host(name), "jwks")
    mark = one.server.mark()
    answers = one.sign_in_all(make=unknown)          # makes all of them fetch again
    assert not [name for name, answer in answers.items() if answer.ok]
    one.wait_requests(TROUBLED_KEYS, "jwks", since=mark)
    answers = one.sign_in_all()
    assert {name for name, answer in answers.items() if not answer.ok} == set(), one.daemon.log()
    assert not one.server.requests("another.example.net")
    one.server.well()
    for product in one.products.values():
        product.rotate()
    one.wait_good()


# ---- 35, 36, 41, 43: the connection ----

SLOW = {"frozen": webs.frozen, "dripping": webs.drip, "cut": webs.cut, "endless": webs.endless, "huge": webs.huge, "zipped": webs.zipped, "moved": webs.redirect("https://moved.example.net/introspect"),
        "error": webs.error, "html": webs.html, "nothing": webs.nothing, "unauthorized": webs.says(401, {"error": "invalid_client"}), "forbidden": webs.says(403), "busy": webs.says(429), "gone": webs.says(404),
        "twice": webs.says(200, b'{"active":true,"active":false}'), "deep": webs.says(200, b'{"active":' + b"[" * 60000), "headless": webs.says(200, {"active": True}, "text/html")}


@pytest.mark.parametrize("endpoint", ["introspection", "userinfo"])
def test_attack_35_slow_and_broken_answers(house, endpoint):
    """None is a wrong password; each ends within its own time; nobody else waits for it."""
    more = "  check = introspection\n" + INTROSPECTION if endpoint == "introspection" else "  check = jwt_userinfo\n"
    one = house([*SLOW, "good"], more=more)
    one.wait_good()
    for name, trouble in SLOW.items():
        one.server.trouble(trouble, one.host(name), endpoint)
    with one.daemon.dovecot() as end:
        slow = {end.auth("XOAUTH2", ends.xoauth2(one.user(name), one.products[name].issue(one.user(name)))): name for name in SLOW}
        with one.daemon.dovecot() as other:
            good = one.products["good"]
            for _ in range(20):
                assert other.login("XOAUTH2", ends.xoauth2(one.user("good"), good.issue(one.user("good")))).ok
        answers = {slow[int(answer.id)]: answer for answer in (ends.Answer(end.hear()) for _ in slow)}
    plain_no = {"unauthorized", "forbidden"} if endpoint == "userinfo" else set()
    assert {name: answer for name, answer in answers.items() if (answer.refused if name in plain_no else answer.temporary) is False} == {}, one.daemon.log()
    assert not [name for name, answer in answers.items() if answer.ok]


def test_attack_36_two_answers_to_one_question(house):
    """The second one, of somebody else, meets nobody."""
    one = house(["poisoned"], more="  check = introspection\n" + INTROSPECTION)
    one.wait_good()
    product, domain = one.products["poisoned"], "poisoned.example.com"
    for name in ("bob", "carol"):
        assert one.admin.post("/v1/accounts", address=f"{name}@{domain}") == 200
    bob = product.person(f"bob@{domain}")
    bobs = {"active": True, "sub": bob.subject, "client_id": CLIENT, "exp": 2**40, "iss": product.issuer, "token_type": "Bearer", "email": bob.address, "email_verified": True}
    for trouble in (webs.twofold(bobs), webs.twofold(b"")):
        one.server.trouble(trouble, one.host("poisoned"), "introspection")
        for _ in range(10):
            with one.daemon.dovecot() as end:
                answer = end.login("OAUTHBEARER", ends.bearer(f"bob@{domain}", product.issue(f"carol@{domain}")))
                assert not answer.ok
                answer = end.login("XOAUTH2", ends.xoauth2(f"carol@{domain}", product.issue(f"carol@{domain}")))
                assert answer.ok or answer.temporary
                answer = end.login("OAUTHBEARER", ends.bearer(f"bob@{domain}", secrets.token_urlsafe(30)))
                assert not answer.ok
    one.server.well()
    one.wait_good()


def test_attack_38_revoked_while_cached(house):
    """Refused when the cached verdict has run out, and within the time that the configuration says."""
    one = house(["short", "none"], more="  check = introspection\n  cache_lifetime = 300ms\n" + INTROSPECTION)
    one.wait_good()
    held = {name: product.issue(one.user(name)) for name, product in one.products.items()}

    def again():
        return one.sign_in_all(make=lambda product: held[product.block.name])

    assert all(answer.ok for answer in again().values())
    before = len(one.server.requests(endpoint="introspection"))
    for product in one.products.values():
        product.revoke(held[product.block.name])
    daemons.wait_for(lambda: all(answer.refused for answer in again().values()), one.daemon.log)
    assert len(one.server.requests(endpoint="introspection")) - before <= 4


def test_attack_40_41_guesses_are_throttled(house):
    """Three hundred opaque guesses from one address: the provider hears of no more than the throttle lets through."""
    one = house(["guessed"], more="  check = introspection\n" + INTROSPECTION,
                login={"throttle_free": "5", "throttle_stop": "20", "throttle_delay_max": "10ms", "refusal_delay": "0s"})
    one.wait_good()
    mark = one.server.mark()
    with one.daemon.dovecot(rip="192.0.2.66") as end:
        for _ in range(300):
            assert not end.login("XOAUTH2", ends.xoauth2(one.user("guessed"), secrets.token_urlsafe(30))).ok
    assert 0 < len(one.server.requests(endpoint="introspection", since=mark)) <= 21
    assert one.sign_in_all()["guessed"].ok           # from elsewhere


def test_attack_43_certificates(house):
    """A connection that does not prove whose it is tells nothing: a temporary failure, and no token leaves."""
    kinds = {"expired": "expired", "elsewhere": "elsewhere", "selfsigned": "selfsigned", "weak": "weak"}

    def prepare(one):
        for name, kind in kinds.items():
            one.server.certificates[one.host(name)] = kind
        one.world.name(one.host("old"), room.OLD_ADDRESS)
        one.world.name(one.host("nameless"))
        one.server.certificates[one.host("nameless")] = "elsewhere"

    one = house([*kinds, "old", "nameless", "good"], prepare, more="  check = introspection\n" + INTROSPECTION)
    one.wait_good(["good"])
    answers = one.sign_in_all()
    assert answers.pop("good").ok
    assert {name for name, answer in answers.items() if answer.fields.get("code") != "temp_fail"} == set(), one.daemon.log()
    assert {request.host for request in one.server.requests()} == {one.host("good")}
    one.server.certificates.clear()
    one.wait_good([*kinds, "nameless"])


def test_every_number_has_a_test():
    here = os.path.dirname(os.path.abspath(__file__))
    text = ""
    for name in ("test_attacks.py", "test_attacks_provider.py"):
        with open(os.path.join(here, name), encoding="utf-8") as file:
            text += file.read()
    numbers = {int(number) for names in re.findall(r"def test_attack((?:_\d\d)+)", text) for number in names.strip("_").split("_")}
    assert numbers >= {*range(1, 18), *range(19, 44), 50}, sorted({*range(1, 18), *range(19, 44), 50} - numbers)
