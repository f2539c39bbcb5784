"""A userName goes on to sign in although its address is a former one whose time is over (docs/scim.md; N20)."""

import daemon as daemons
import pytest

import scim_clients
from scim_clients import Team


@pytest.fixture(scope="module")
def daemon(make_daemon):
    daemon = scim_clients.start(make_daemon)
    daemon.stop()
    daemon.write_conf(daemon.conf_text().replace("accounts {", "accounts {\n  rename_login = 1s\n "))
    daemon.start()
    return daemon


def test_n20_ok_user_name_that_was_the_address(daemon):
    team = Team(daemon, ("--default-domain", "{domain}"))
    client = team.client()
    made = client.post("/Users", dict(team.user("mira"), userName="mira"))
    other = client.post("/Users", team.user("tor"))
    assert team.token_login(team.at("mira")).ok and team.token_login(team.at("tor")).ok
    client.patch(f"/Users/{made.id}", [{"op": "replace", "path": 'emails[type eq "work"].value', "value": team.at("mira.berg")}])
    client.put(f"/Users/{other.id}", team.user("tor.berg"))
    daemons.wait_for(lambda: not team.token_login(team.at("tor"), mail=team.at("tor.berg"), subject=team.at("tor")).ok, "the former address's time is over")
    assert team.reaches(team.at("tor")) == {team.at("tor.berg")}
    assert team.reaches(team.at("mira")) == {team.at("mira.berg")}
    assert team.token_login(team.at("mira"), mail=team.at("mira.berg"), subject=team.at("mira")).ok
