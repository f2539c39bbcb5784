"""A user's whole life, provisioned over SCIM: real Postfix and Dovecot follow at once, and a certified provider's tokens open the mailbox."""

import os
import shutil
import sys
import time
import uuid

import clients
import pytest
from conftest import ROOT, STAFF_PORT, wait_for
from test_mailflow import from_elsewhere, message, refusal

sys.path.insert(0, os.path.join(ROOT, "tests", "flow"))

import scim_clients as scim  # noqa: E402
from scim_clients import GROUP, MAIL_GROUP, MAIL_USER, USER  # noqa: E402

if not os.path.isdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "node_modules")) or not shutil.which("node"):
    pytest.skip("npm ci was not run in tests/stack", allow_module_level=True)

from test_real_provider import Oidc  # noqa: E402

DOMAIN = "staff.example"


@pytest.fixture(scope="module")
def staff(stack):
    """The provider that knows the people, as ["token"](subject), and its client here."""
    stack.postern("domain", "add", DOMAIN)
    secret = stack.postern("scim-token", "create", "staff", "--domains", DOMAIN, "--provider", "staff").stdout.strip()
    provider = Oidc({"staff": stack.base + STAFF_PORT})
    client = scim.Client(stack.base + 825, secret)
    yield provider, client
    client.close()
    provider.stop()


@pytest.fixture
def client(staff):
    return staff[1]


@pytest.fixture
def subject():
    return f"test-{uuid.uuid4()}"


class Person:
    """Somebody at the provider, and what they do with mail."""

    def __init__(self, stack, staff):
        self.stack, (provider, self.client) = stack, staff
        # The provider says that this address is not verified: what opens the account is that its externalId is the subject.
        self.name = self.sub = f"p{uuid.uuid4().hex[:10]}"
        self.address = f"{self.name}@{DOMAIN}"
        self.token = provider.sign_in(self.sub, "staff")["access_token"]

    def body(self, **mail):
        body = {"schemas": [USER], "userName": self.address, "externalId": self.sub, "displayName": self.name,
                "emails": [{"value": self.address, "type": "work", "primary": True}]}
        return body | {"schemas": [USER, MAIL_USER], MAIL_USER: mail} if mail else body

    def post(self, **mail):
        self.id = self.client.post("/Users", self.body(**mail)).id
        return self

    def patch(self, *operations):
        return self.client.patch(f"/Users/{self.id}", list(operations), 200)

    def delete(self):
        self.client.delete(f"/Users/{self.id}")

    def signed_in(self, kind="imap", user=None, mechanism="OAUTHBEARER"):
        return self.stack.signed_in(user or self.address, kind, mechanism, self.token)

    def refused(self, kind="imap", user=None):
        with pytest.raises(clients.Refused) as caught:
            self.signed_in(kind, user).close()
        return caught.value

    def subjects(self):
        with self.signed_in() as imap:
            return imap.subjects()

    def wait_mail(self, subject):
        wait_for(lambda: subject in self.subjects(), lambda: f"{subject} in {self.subjects()}")


def lies_in(stack, user, subject):
    """Without signing in."""
    return stack.doveadm("search", "-u", user, "subject", subject).stdout.strip()


def replace(path, value):
    return {"op": "replace", "path": path, "value": value}


def test_a_whole_life(stack, staff, client, subject):
    person = Person(stack, staff)
    old, new, alias = person.address, f"new-{person.address}", f"alias-{person.address}"
    assert refusal(lambda: from_elsewhere(stack, old, subject)).startswith(b"550 5.1.1")
    # Made: mail to it is taken within the same second, and its token opens it.
    person.post()
    begin = time.monotonic()
    from_elsewhere(stack, old, subject + "-1")
    assert time.monotonic() - begin < 1
    for kind in ("imap", "pop3", "sieve", "smtp"):
        person.signed_in(kind).close()
    person.wait_mail(subject + "-1")
    # Somebody else's token does not.
    stranger = Person(stack, staff)
    stranger.refused(user=old)
    # An alias.
    assert refusal(lambda: from_elsewhere(stack, alias, subject)).startswith(b"550 5.1.1")
    person.patch({"op": "add", "path": f"{MAIL_USER}:aliases", "value": [alias]})
    from_elsewhere(stack, alias, subject + "-2")
    person.wait_mail(subject + "-2")
    # Another name: the old address receives and signs in as before, and nothing moved.
    home = stack.home(old)
    person.patch(replace("userName", new), replace('emails[type eq "work"].value', new))
    from_elsewhere(stack, old, subject + "-3")
    from_elsewhere(stack, new, subject + "-4")
    from_elsewhere(stack, alias, subject + "-5")
    mark = stack.log_mark()
    person.signed_in(user=old).close()
    stack.wait_log(mark, f"imap-login: Login: user=<{new}>")
    person.address = new
    for part in ("-3", "-4", "-5"):
        person.wait_mail(subject + part)
    assert stack.home(new) == home
    with person.signed_in("smtp") as smtp:
        smtp.mail(new, [old], message(subject + "-6"))
        smtp.mail(old, [new], message(subject + "-7"))
    person.wait_mail(subject + "-6"), person.wait_mail(subject + "-7")
    # Disabled: no sign-in from now on, and who is in already sends no more; mail still arrives.
    with person.signed_in("smtp") as smtp:
        person.patch(replace("active", False))
        assert refusal(lambda: smtp.mail(new, [new], message(subject))).startswith(b"421 4.7.0")
    for kind in ("imap", "smtp", "pop3", "sieve"):
        person.refused(kind), person.refused(kind, old)
    from_elsewhere(stack, new, subject + "-8")
    wait_for(lambda: lies_in(stack, new, subject + "-8"), "it arrives")
    person.patch(replace(f"{MAIL_USER}:onDisable", "reject"))
    for address in (old, new, alias):
        assert refusal(lambda address=address: from_elsewhere(stack, address, subject)).startswith(b"550")
    # Back again: all that is there is read.
    person.patch(replace("active", True))
    from_elsewhere(stack, new, subject + "-9")
    person.wait_mail(subject + "-9")
    before = person.subjects()
    assert {f"{subject}-{number}" for number in range(1, 10)} == set(before)
    # Deleted.
    person.delete()
    for address in (old, new, alias):
        assert refusal(lambda address=address: from_elsewhere(stack, address, subject)).startswith(b"550 5.1.1")
    person.refused(), person.refused("smtp")
    # Made again under the same externalId: another account with the old mail.
    gone = person.id
    person.post(aliases=[old])
    assert person.id != gone and stack.home(new) == home
    assert sorted(person.subjects()) == sorted(before)
    from_elsewhere(stack, new, subject + "-10")
    person.wait_mail(subject + "-10")
    # Under another one: an empty mailbox, which the former owner's token does not open.
    person.delete()
    heir = Person(stack, staff)
    theirs, heir.address = heir.address, new
    heir.post(aliases=[theirs, old])
    assert stack.home(new) != home and heir.subjects() == []
    from_elsewhere(stack, new, subject + "-11")
    heir.wait_mail(subject + "-11")
    assert heir.subjects() == [subject + "-11"]
    mark = stack.log_mark()
    person.refused(user=new), person.refused(user=old)
    stack.wait_log(mark, "login_refused.*account_bound_to_other_subject")


def test_by_put_as_most_clients_do(stack, staff, client, subject):
    """Disabled and enabled by the whole user; what is unsaid stays."""
    person = Person(stack, staff).post(aliases=[f"alias-{uuid.uuid4().hex[:8]}@{DOMAIN}"])
    alias = client.get(f"/Users/{person.id}")[MAIL_USER]["aliases"][0]
    client.put(f"/Users/{person.id}", person.body() | {"active": False})
    person.refused()
    client.put(f"/Users/{person.id}", person.body())
    person.refused()
    client.put(f"/Users/{person.id}", person.body(aliases=[alias]) | {"active": True})
    person.signed_in().close()
    from_elsewhere(stack, alias, subject)
    person.wait_mail(subject)
    client.put(f"/Users/{person.id}", person.body(aliases=[]))
    assert refusal(lambda: from_elsewhere(stack, alias, subject)).startswith(b"550 5.1.1")


def test_quota(stack, staff, client, subject):
    """Dovecot enforces it, shows it, and takes another one at once."""
    person = Person(stack, staff).post(quotaBytes=20_000)
    from_elsewhere(stack, person.address, subject, 15_000)
    person.wait_mail(subject)

    def rcpt():
        with stack.smtp_in() as smtp:
            smtp.expect(b"MAIL FROM:<x@example.net> SIZE=10000", b"250")
            return smtp.say(b"RCPT TO:<%s>" % person.address.encode())

    assert rcpt().startswith(b"552 5.2.2")
    with person.signed_in() as imap:
        assert imap.command(b"APPEND INBOX {10000+}\r\n" + b"x" * 9_998 + b"\r\n")[0].startswith(b"NO [OVERQUOTA]")
    person.patch(replace(f"{MAIL_USER}:quotaBytes", "10M"))
    assert rcpt().startswith(b"250")
    with person.signed_in() as imap:
        assert any(b"STORAGE" in line and b"10240" in line for line in imap.command(b"GETQUOTAROOT INBOX")[1])
    from_elsewhere(stack, person.address, subject + "-2", 15_000)
    person.wait_mail(subject + "-2")


def test_services(stack, staff, client, subject):
    """Without imap it does not open; sending goes on. Given back, it opens at once."""
    reader, person = Person(stack, staff).post(), Person(stack, staff).post(services=["smtp"])
    for kind in ("imap", "pop3", "sieve"):
        person.refused(kind)
    with person.signed_in("smtp") as smtp:
        smtp.mail(person.address, [reader.address], message(subject))
    reader.wait_mail(subject)
    from_elsewhere(stack, person.address, subject + "-in")
    person.patch(replace(f"{MAIL_USER}:services", ["imap"]))
    person.wait_mail(subject + "-in")
    person.refused("smtp"), person.refused("pop3")


def test_a_list(stack, staff, client, subject):
    members = [Person(stack, staff).post() for _ in range(3)]
    address = f"list-{uuid.uuid4().hex[:8]}@{DOMAIN}"
    made = client.post("/Groups", {"schemas": [GROUP, MAIL_GROUP], "displayName": address, "members": [{"value": one.id} for one in members[:2]],
                                   MAIL_GROUP: {"kind": "list", "address": address}})
    begin = time.monotonic()
    from_elsewhere(stack, address, subject + "-1")
    assert time.monotonic() - begin < 1
    client.patch(f"/Groups/{made.id}", [{"op": "add", "path": "members", "value": [{"value": members[2].id}]},
                                        {"op": "remove", "path": f'members[value eq "{members[0].id}"]'}])
    from_elsewhere(stack, address, subject + "-2")
    for one, parts in zip(members, (("-1",), ("-1", "-2"), ("-2",))):
        for part in parts:
            one.wait_mail(subject + part)
    wait_for(stack.queue_empty, "everything is delivered")
    assert [len(one.subjects()) for one in members] == [1, 2, 1]
    client.delete(f"/Users/{members[1].id}")
    from_elsewhere(stack, address, subject + "-3")
    members[2].wait_mail(subject + "-3")
    client.patch(f"/Groups/{made.id}", [replace(f"{MAIL_GROUP}:whoCanSend", "members")])
    assert refusal(lambda: from_elsewhere(stack, address, subject)).startswith(b"550 5.7.1")
    client.delete(f"/Groups/{made.id}")
    assert refusal(lambda: from_elsewhere(stack, address, subject)).startswith(b"550 5.1.1")


def test_no_reload_by_any_of_it(stack, staff, client, subject):
    """Postfix, Dovecot and posternd are the processes that they were."""
    masters = stack.bash("stack_dovecot_pid; cat $STACK_DIR/spool/pid/master.pid; stack_pid posternd"), stack.worker_pids()
    mark = stack.log_mark()
    for _ in range(5):
        person = Person(stack, staff).post()
        from_elsewhere(stack, person.address, subject)
        person.wait_mail(subject)
        person.delete()
    assert (stack.bash("stack_dovecot_pid; cat $STACK_DIR/spool/pid/master.pid; stack_pid posternd"), stack.worker_pids()) == masters
    assert not stack.log_lines(mark, "SIGHUP|reload")
