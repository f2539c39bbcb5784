"""A flood of unknown keys, and a provider that freezes: counts only; bench/trouble measures."""

import time

import pytest

import daemon as daemons
import ends
import server as webs
import trouble as troubles
from house import INTROSPECTION

COOLDOWN = 10        # seconds, as shipped
REQUESTS = 500       # at once, as shipped


@pytest.fixture
def start(world):
    made = []

    def make(block):
        made.append(troubles.Trouble(world, block))
        return made[-1].start()

    yield make
    for one in made:
        world.server.well()
        one.stop()


def test_flood_of_unknown_keys(start):
    """At most two fetches of the keys in each cool-down; good tokens sign in all the while, and every flooder is refused."""
    one = start(troubles.JWT_BLOCK)
    mark, begin = one.server.mark(), time.monotonic()
    flood = one.load(one.unknown_kids(3000), 1500, 60)
    good = one.load(one.good_jobs(200), 100)
    assert good.wait()["kinds"] == {"OK": 200}
    assert flood.wait()["kinds"] == {"FAIL": 3000}
    fetches = len(one.server.requests(endpoint="jwks", since=mark))
    assert 1 <= fetches <= 2 * (1 + (time.monotonic() - begin) // COOLDOWN)
    assert one.daemon.workers == [one.worker]


def test_frozen_provider(start):
    """Cached users sign in, others hear that it is temporary, at once or within the deadline; then all is well again."""
    one = start(troubles.OPAQUE_BLOCK)
    users = [one.account() for _ in range(10)]
    held = {user: one.product.issue(user) for user in users}
    for user, token in held.items():
        one.good(token, user)
    mark = one.daemon.mark()
    one.server.drop()
    one.freeze()
    before = sum(one.server.connections.values())
    cached = one.load([(users[number % 10], held[users[number % 10]], "192.0.2.7") for number in range(400)], 100)
    others = one.load([(one.alice, one.product.issue(one.alice), troubles.address(number)) for number in range(2000)], 500, 40)
    assert cached.wait()["kinds"] == {"OK": 400}
    found = others.wait()
    assert found["kinds"] == {"temp_fail": 2000}
    assert found["ms"]["temp_fail"][-1] < 9500       # Postfix hangs up after 10 s
    assert sum(one.server.connections.values()) - before <= REQUESTS + 10      # and not one for each login
    with one.daemon.postfix() as end:
        assert end.login("XOAUTH2", ends.xoauth2(one.bob, one.product.issue(one.bob))).kind == "CLOSED"
    assert len(one.daemon.lines("^[^ ]+ provider_unavailable", mark)) == 1
    one.server.well()
    daemons.wait_for(lambda: one.sign_in(one.product.issue(one.bob), one.bob)[0].ok, one.daemon.log)
    assert len(one.daemon.lines("^[^ ]+ provider_recovered", mark)) == 1
    assert one.daemon.workers == [one.worker]


@pytest.mark.parametrize("outage, kind", [("cached", "OK"), ("refuse", "temp_fail")])
def test_outage(world, outage, kind):
    """`outage = cached`: the last good answer counts on when it is no longer fresh."""
    block = troubles.OPAQUE_BLOCK.replace("  check =", f"  outage = {outage}\n  cache_lifetime = 100ms\n  timeout = 500ms\n  connect_timeout = 200ms\n  check =")
    one = troubles.Trouble(world, block)
    try:
        one.start()
        token, mark = one.product.issue(one.bob), one.server.mark()
        one.good(token, one.bob)
        daemons.wait_for(lambda: one.good(token, one.bob) or len(one.server.requests(endpoint="introspection", since=mark)) > 1, "it is asked for again")
        one.server.drop()
        one.freeze()

        def settled():
            answer, _ = one.sign_in(token, one.bob)
            assert answer.ok or answer.temporary
            return one.daemon.lines("provider_unavailable") and answer

        for _ in range(5):
            assert one.sign_in(one.product.issue(one.alice))[0].temporary
        answer = daemons.wait_for(settled, one.daemon.log)
        assert (answer.kind if answer.ok else answer["code"]) == kind
        assert one.sign_in(one.product.issue(one.alice))[0].temporary      # of whom nothing is known
    finally:
        one.server.well()
        one.stop()


@pytest.mark.parametrize("trouble", [webs.says(413), webs.says(414), webs.says(431), webs.says(400), webs.says(200, b'{"active":true,"name":"\\u0000"}'), webs.says(200, {"x": "y" * 70000})],
                         ids=["too-large", "long-uri", "long-header", "bad-request", "nul", "huge"])
def test_answers_that_one_token_causes(house, trouble):
    """A token that is too long for the provider, a name with a NUL in it: of no use for that one sign-in, and no reason to keep
    others out."""
    one = house({"asked": "  check = introspection\n" + INTROSPECTION})
    one.wait_good()
    product, bad = one.products["asked"], "b" * 64

    def of_one(server, connection, request, answer):
        if request.form.get("token", "").startswith(bad):
            return trouble(server, connection, request, answer)
        connection.sendall(answer.bytes())
        return True

    one.server.trouble(of_one, one.host("asked"), "introspection")
    with one.daemon.dovecot() as end:
        for number in range(20):
            assert not end.login("XOAUTH2", ends.xoauth2(one.user("asked"), f"{bad}{number}")).ok
        for _ in range(3):
            assert end.login("XOAUTH2", ends.xoauth2(one.user("asked"), product.issue(one.user("asked")))).ok
