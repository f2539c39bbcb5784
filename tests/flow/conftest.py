"""The real posternd, a fake provider, and scripted ends of Postfix and Dovecot. One daemon for each module."""

import glob
import os
import re
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "world"))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import daemon as daemons  # noqa: E402
import house as houses  # noqa: E402
import scim_clients  # noqa: E402
import world as worlds  # noqa: E402

SIGNS = re.compile("AddressSanitizer|runtime error:|LeakSanitizer: detected|Assertion|out of memory")


@pytest.fixture(scope="session", autouse=True)
def needs():
    if os.geteuid() != 0:
        pytest.exit("these tests start posternd, which needs root", 2)
    for program in (daemons.POSTERND, daemons.POSTERN):
        if not os.access(program, os.X_OK):
            pytest.exit(f"{program} is not built", 2)
    for old in glob.glob(f"{daemons.ROOT}/build/log/daemon-*.log"):
        os.unlink(old)


def pytest_configure(config):
    config.addinivalue_line("markers", "blocks(condition): only for the provider blocks whose name meets it")


def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if all(mark.kwargs["condition"](item.callspec.params["bench"]) for mark in item.iter_markers("blocks"))]


def populate(daemon):
    """The accounts that most tests speak of."""
    daemon.postern("domain", "add", "example.com")
    daemon.postern("account", "add", "hello@example.com")
    daemon.postern("account", "add", "alice@example.com")
    daemon.postern("account", "add", "secret@example.com", "--password", line="app-pass-1\n")
    daemon.postern("alias", "add", "alias@example.com", "hello@example.com")
    return daemon


@pytest.fixture(scope="module")
def make_daemon():
    """Makes daemons that end with the module; its arguments are daemon.Daemon's."""
    made = []

    def make(start=True, populated=True, **arguments):
        daemon = daemons.Daemon(**arguments)
        made.append(daemon)
        if start:
            daemon.start()
            if populated:
                populate(daemon)
        return daemon

    yield make
    problems = []
    for daemon in made:
        daemon.remove()
        problems += [line for line in daemon.last_log.splitlines() if SIGNS.search(line)]
    assert not problems


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return make_daemon()


@pytest.fixture
def team(daemon):
    """Of a daemon with the SCIM door (scim_clients.start)."""
    return scim_clients.Team(daemon)


@pytest.fixture
def client(team):
    client = team.client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def world():
    """A network and an /etc of its own, with a web of providers; see tests/world."""
    made = worlds.World()
    yield made
    made.close()


@pytest.fixture
def house(world):
    """Makes houses; its arguments are house.House's, and what to do before it starts."""
    made = []

    def make(names, prepare=None, **more):
        one = houses.House(world, names, **more)
        made.append(one)
        if prepare:
            prepare(one)
        return one.start()

    yield make
    for one in made:
        world.server.well()
        one.daemon.remove()
        world.server.certificates.clear()

