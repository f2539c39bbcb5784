"""Names and addresses (docs/scim.md; N20): a former one still signs in by userName, and a refusal names the attribute that asked."""

import daemon as daemons
import pytest

import scim_clients
from scim_clients import MAIL_GROUP, MAIL_USER, Team


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


@pytest.mark.parametrize("attribute", ["emails", "userName", "aliases", "primaryAddress"])
@pytest.mark.parametrize("wanted,status,scim_type", [("mira", 409, "uniqueness"), ("postmaster", 403, None)])
def test_n20_no_address_and_the_attribute_that_asked(daemon, attribute, wanted, status, scim_type):
    team = Team(daemon, ("--default-domain", "{domain}"))
    client = team.client()
    client.post("/Users", team.user("mira"))
    made = client.post("/Users", team.user("tor"))
    asking = {
        "emails": {"emails": [{"value": team.at("new"), "primary": True}, {"value": team.at(wanted)}]},
        "userName": {"userName": wanted, "emails": []},
        "aliases": {MAIL_USER: {"aliases": [team.at("other"), team.at(wanted)]}},
        "primaryAddress": {MAIL_USER: {"primaryAddress": team.at(wanted)}},
    }[attribute]
    others = {"emails", "userName", "aliases", "primaryAddress"} - {attribute}
    for reply in (client.post("/Users", dict(team.user("new"), **asking), status),
                  client.put(f"/Users/{made.id}", dict(team.user("tor"), **asking), status)):
        reply.refused(status, scim_type, attribute + ":", team.at(wanted))
        assert not [other for other in others if other in reply.detail], reply


@pytest.mark.parametrize("attribute", ["address", "aliases", "displayName"])
def test_n21_no_address_and_the_attribute_that_asked(daemon, attribute):
    team = Team(daemon, ("--group-template", "%s@{domain}"))
    client = team.client()
    client.post("/Users", team.user("mira"))
    asking = {
        "address": {MAIL_GROUP: {"address": team.at("mira")}},
        "aliases": {MAIL_GROUP: {"kind": "list", "address": team.at("new"), "aliases": [team.at("mira")]}},
        "displayName": {"displayName": "Mira"},
    }[attribute]
    reply = client.post("/Groups", {"displayName": "Sales", **asking}, 409)
    reply.refused(409, "uniqueness", attribute + ":", team.at("mira"))
