"""The provider blocks of docs/providers.md, each against a provider that answers like the real one: the checks find nothing wrong,
and say of a good token that it is good."""

import json

import pytest

import daemon as daemons
import world as worlds

BLOCKS = worlds.documented_blocks()
# What presets say of email_verified, for a first sign-in.
TRUSTING = ("authentik", "entra")


@pytest.fixture(scope="module")
def world():
    made = worlds.World()
    yield made
    made.close()


@pytest.fixture(params=BLOCKS)
def patient(request, world):
    block = BLOCKS[request.param]
    world.clear()
    product = world.add(block)
    daemon = worlds.Daemon(world, block.text)
    daemon.product, daemon.block = product, block
    daemon.domain = (block.list("domains") or ["example.com"])[0]
    daemon.user = f"hello@{daemon.domain}"
    daemon.start()
    daemon.postern("domain", "add", daemon.domain)
    daemon.postern("account", "add", daemon.user)
    yield daemon
    daemon.remove()
    assert "AddressSanitizer" not in daemon.last_log and "runtime error" not in daemon.last_log


def check(daemon, token):
    done = daemon.postern("token", "check", "--json", "--user", daemon.user, line=token + "\n", check=False)
    return json.loads(done.stdout)


def test_nothing_is_wrong(patient):
    done = patient.postern("provider", "test", check=False)
    assert done.returncode == 0 and "  bad " not in done.stdout and "  warning " not in done.stdout, done.stdout
    for opaque in (True, False) if patient.product.opaque and patient.product.jwts else (patient.product.opaque,):
        token = patient.product.issue(patient.user, opaque=opaque)
        said = daemons.wait_for(lambda: (one := check(patient, token))["answer"] != "unavailable" and one, patient.log)
        assert said["answer"] == "accepted", said
        assert not [one for one in said["findings"] if one["level"] in ("warning", "bad")], said


def test_token_of_another_application(patient):
    """Refused, and it is said why."""
    daemons.wait_for(lambda: check(patient, patient.product.issue(patient.user))["answer"] == "accepted", patient.log)
    for token in patient.product.substituted(patient.user):
        said = check(patient, token)
        assert said["answer"] == "refused" and said["findings"][-1]["level"], said
        assert {one["code"] for one in said["findings"] if one["level"] == "bad"}, said
