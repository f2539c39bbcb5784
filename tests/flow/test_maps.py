"""What Postfix asks of maps and policy, and lmtp of the userdb, while accounts change under it: live at once."""

import pytest

import daemon as daemons
import ends


@pytest.fixture
def doors(daemon):
    with daemon.map() as maps, daemon.policy() as policy, daemon.userdb() as userdb:
        yield maps, policy, userdb


def test_domains(daemon, doors):
    maps, _, _ = doors
    assert maps.ask("domains", "example.com") == "OK 1"
    assert maps.ask("domains", "EXAMPLE.com") == "OK 1"
    assert maps.ask("domains", "new.example") == "NOTFOUND "
    daemon.postern("domain", "add", "new.example", "--postmaster", "hello@example.com")
    assert maps.ask("domains", "new.example") == "OK 1"
    assert maps.ask("aliases", "postmaster@new.example") == "OK hello@example.com"
    assert maps.ask("aliases", "abuse@new.example") == "OK hello@example.com"
    daemon.postern("domain", "delete", "new.example")
    assert maps.ask("domains", "new.example") == "NOTFOUND "


def test_account_from_first_to_last(daemon, doors):
    maps, policy, userdb = doors
    user = "Carol@Example.com"
    assert maps.ask("mailboxes", user) == "NOTFOUND "
    assert userdb.user(user)[0] == "NOTFOUND"
    daemon.postern("account", "add", user, "--quota", "5M")
    for spelled in (user, "carol@example.com", "carol+tag@example.com"):
        assert maps.ask("mailboxes", spelled) == "OK 1"
        assert maps.ask("aliases", spelled) == "NOTFOUND "
        assert maps.ask("senders", spelled) == "OK carol@example.com"
        answer = userdb.user(spelled)
        assert answer[0] == "USER" and answer[2] == "carol@example.com"
        assert f"quota_rule=*:bytes={5 * 1024 * 1024}" in answer
    assert policy.ask(sasl_username="carol@example.com", sender="carol@example.com", recipient="x@example.net") == "DUNNO"
    daemon.postern("account", "disable", user)
    assert maps.ask("mailboxes", user) == "OK 1"                  # mail still arrives
    assert userdb.user(user)[0] == "USER"
    for state in ("RCPT", "DATA"):
        assert policy.ask(protocol_state=state, sasl_username="carol@example.com", sender="carol@example.com").startswith("421 ")
    daemon.postern("account", "enable", user)
    assert policy.ask(sasl_username="carol@example.com", sender="carol@example.com") == "DUNNO"
    daemon.postern("account", "delete", user, "--yes")
    assert maps.ask("mailboxes", user) == "NOTFOUND "
    assert maps.ask("senders", user) == "NOTFOUND "
    assert userdb.user(user)[0] == "NOTFOUND"
    assert policy.ask(sasl_username="carol@example.com", sender="carol@example.com").startswith("421 ")


def test_alias(daemon, doors):
    maps, policy, userdb = doors
    daemon.postern("alias", "add", "sales@example.com", "alice@example.com")
    assert maps.ask("aliases", "Sales@example.com") == "OK alice@example.com"
    assert maps.ask("aliases", "sales+q@example.com") == "OK alice+q@example.com"
    daemon.postern("account", "add", "a.rather.long.name@example.com")
    daemon.postern("alias", "add", "long@example.com", "a.rather.long.name@example.com")
    for tag in ("t" * 45, "t" * 46, "t" * 59):               # with it the name may have 64 bytes, else mail would bounce
        (recipient,) = maps.ask("aliases", f"long+{tag}@example.com").split()[1:]
        assert recipient == "a.rather.long.name" + (f"+{tag}" if len(tag) == 45 else "") + "@example.com"
        assert userdb.user(recipient)[2] == "a.rather.long.name@example.com"
    assert maps.ask("senders", "sales@example.com") == "OK alice@example.com"
    assert userdb.user("sales@example.com")[2] == "alice@example.com"
    with daemon.dovecot() as end:                                # and signs in, as the account
        assert end.login("XOAUTH2", ends.xoauth2("sales@example.com", daemons.token("alice@example.com")))["user"] == "alice@example.com"
    daemon.postern("alias", "del", "sales@example.com")
    assert maps.ask("aliases", "sales@example.com") == "NOTFOUND "
    assert maps.ask("senders", "sales@example.com") == "NOTFOUND "
    assert policy.ask(sasl_username="", sender="a@example.net", recipient="sales@example.com") == "DUNNO"


def test_catch_all(daemon, doors):
    maps, _, userdb = doors
    daemon.postern("domain", "add", "all.example", "--postmaster", "hello@example.com")
    assert maps.ask("mailboxes", "anybody@all.example") == "NOTFOUND "
    daemon.postern("alias", "add", "@all.example", "alice@example.com")
    assert maps.ask("aliases", "anybody+tag@all.example") == "OK alice@example.com"
    assert maps.ask("aliases", "postmaster@all.example") == "OK hello@example.com"
    assert userdb.user("anybody@all.example")[2] == "alice@example.com"
    assert userdb.user("anybody@all.example", "doveadm")[0] == "NOTFOUND"
    with daemon.dovecot() as end:
        assert not end.login("XOAUTH2", ends.xoauth2("anybody@all.example", daemons.token("alice@example.com"))).ok


def test_rename(daemon, doors):
    """No mail moves, the old address stays, and what was signed in under the old name goes on."""
    maps, policy, userdb = doors
    daemon.postern("account", "add", "before@example.com")
    home = [field for field in userdb.user("before@example.com") if field.startswith("home=")]
    daemon.postern("account", "rename", "before@example.com", "after@example.com")
    assert [field for field in userdb.user("before@example.com") if field.startswith("home=")] == home
    assert userdb.user("before@example.com")[2] == "after@example.com"
    assert maps.ask("aliases", "before@example.com") == "OK after@example.com"
    for sender in ("before@example.com", "after@example.com", "after+x@example.com"):
        assert set(maps.ask("senders", sender).removeprefix("OK ").split(",")) == {"after@example.com", "before@example.com"}
    for name in ("before@example.com", "after@example.com"):
        assert policy.ask(sasl_username=name, sender="after@example.com") == "DUNNO"
        with daemon.dovecot() as end:
            assert end.login("XOAUTH2", ends.xoauth2(name, daemons.token("before@example.com")))["user"] == "after@example.com"


def test_null_sender(daemon, doors):
    _, policy, _ = doors
    asked = {"sasl_username": "hello@example.com", "sender": ""}
    assert policy.ask(protocol_state="RCPT", recipient="x@example.net", recipient_count=0, **asked) == "DUNNO"
    assert policy.ask(protocol_state="DATA", recipient_count=1, **asked) == "DUNNO"
    assert policy.ask(protocol_state="DATA", recipient_count=2, **asked).startswith("550 5.7.1")
    assert policy.ask(protocol_state="DATA", recipient_count=2, sender="", sasl_username="") == "DUNNO"


def test_list_of_all(daemon, doors):
    _, _, userdb = doors
    users = userdb.list()
    assert {"hello@example.com", "alice@example.com", "secret@example.com"} <= set(users)
    assert len(users) == len(set(users))
    assert "alias@example.com" not in users


def test_home_of_its_own(daemon, doors):
    _, _, userdb = doors
    daemon.postern("account", "add", "moved@example.com", "--home", "/srv/old/moved")
    assert "home=/srv/old/moved" in userdb.user("moved@example.com")


def test_pass_and_cache_flush(daemon, doors):
    _, _, userdb = doors
    assert userdb.ask("PASS", "alias@example.com", "service=doveadm")[2:] == ["user=hello@example.com"]
    assert userdb.ask("PASS", "nobody@example.com", "service=doveadm")[0] == "NOTFOUND"
    with daemon.master() as master:
        assert master.ask("CACHE-FLUSH") == ["OK", "1", "0"]
