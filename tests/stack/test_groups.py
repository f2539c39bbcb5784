"""Mail to groups, forwards and refusing accounts, through the real Postfix and Dovecot."""

import os
import sys
import uuid

import pytest
from conftest import ROOT, wait_for
from test_mailflow import from_elsewhere, message, refusal, submit

sys.path.insert(0, os.path.join(ROOT, "tests", "flow"))

import mail_rows  # noqa: E402


@pytest.fixture
def rows(stack):
    return lambda: mail_rows.Rows(f"{stack.directory}/lib/accounts.db")


@pytest.fixture
def subject():
    return f"test-{uuid.uuid4()}"


def fresh(hint):
    return f"{hint}-{uuid.uuid4().hex[:10]}@example.com"


def found(stack, user, subject):
    return stack.doveadm("search", "-u", user, "mailbox", "*", "subject", subject).stdout.split()


def count(stack, user, subject):
    return len(stack.doveadm("search", "-u", user, "subject", subject).stdout.splitlines())


def test_a_list_of_three(stack, rows, subject):
    """From a stranger and from a member, by its address and by its alias; each gets one copy."""
    members = [stack.account("listed") for _ in range(3)]
    address = fresh("list")
    with rows() as r:
        group, _ = r.group(address)
        inner, _ = r.group()
        for member in members:
            r.join(group, r.id_of(member))
        r.join(inner, r.id_of(members[0]))                                  # in both
        r.nest(group, inner)
        r.address(group, "other-" + address, mail_rows.PROVISIONED)
    from_elsewhere(stack, address.upper(), subject)
    submit(stack, members[0], members[0], ["other-" + address], subject + "-alias")
    for member in members:
        for part in ("", "-alias"):
            wait_for(lambda member=member, part=part: subject + part in stack.subjects(member), member)
    wait_for(stack.queue_empty, "everything is delivered")
    for member in members:
        assert stack.subjects(member).count(subject) == 1
    with rows() as r:
        for member in members:
            r.leave(group, r.id_of(member))
        r.leave(inner, r.id_of(members[0]))
    assert refusal(lambda: from_elsewhere(stack, address, subject)).startswith(b"550 5.1.1")


def test_a_list_for_members(stack, rows, subject):
    member, other = stack.account("member"), stack.account("other")
    address = fresh("members")
    with rows() as r:
        group, _ = r.group(address, senders=mail_rows.MEMBERS)
        r.join(group, r.id_of(member))
    for spelled in (address, address.replace("@", "+tag@")):
        assert refusal(lambda spelled=spelled: from_elsewhere(stack, spelled, subject)).startswith(b"550 5.7.1")
        assert refusal(lambda spelled=spelled: submit(stack, other, other, [spelled], subject)).startswith(b"550 5.7.1")
    submit(stack, member, member, [address], subject)
    stack.wait_mail(member, subject)
    assert refusal(lambda: submit(stack, member, address, [other], subject)).startswith(b"553 5.7.1")


def test_1200_members(stack, rows, subject):
    """More than Postfix expands by itself. Nobody of them has signed in; the first and the last look."""
    address = fresh("large")
    with rows() as r:
        group, key = r.group(address)
        names = [f"n{number:04}-{address}" for number in range(1200)]
        for name in names:
            r.join(group, r.account(name))
    assert int(stack.bash("postconf -c $STACK_POSTFIX_CONF -h virtual_alias_expansion_limit")) > 100_000
    mark = stack.log_mark()
    from_elsewhere(stack, address, subject)
    wait_for(lambda: len(stack.log_lines(mark, r"dovecot: lmtp\(n\d{4}-large.* saved mail to INBOX")) == 1200, "1,200 copies", 120)
    assert not stack.log_lines(mark, "status=bounced|status=deferred")
    assert count(stack, names[0], subject) == count(stack, names[-1], subject) == 1
    assert not stack.log_lines(mark, key)                                   # what nobody may know stands nowhere
    assert key not in stack.doveadm("fetch", "-u", names[0], "hdr", "subject", subject).stdout
    assert refusal(lambda: from_elsewhere(stack, f"{key}.0-65535@example.com", subject)).startswith(b"550 5.1.1")


def test_10000_members_are_taken(stack, rows, subject):
    """As one message with as many recipients, each once; a nested group has some of them again."""
    address = fresh("huge")
    with rows() as r:
        group, _ = r.group(address)
        inner, _ = r.group()
        for number in range(10_000):
            member = f"h{number:05}@example.net"                             # a trial sends them nothing
            r.join(group, member)
            if number % 5 == 0:
                r.join(inner, member)
        r.nest(group, inner)
    mark = stack.log_mark()
    from_elsewhere(stack, address, subject)
    (line,) = stack.wait_log(mark, r"qmgr.*nrcpt=10000 ")
    queue_id = line.split("]: ")[1].split(":")[0]
    stack.bash(f"postsuper -c $STACK_POSTFIX_CONF -d {queue_id}")            # nobody waits for all of them
    assert not stack.log_lines(mark, "Alias expansion error|unreasonable")
    wait_for(stack.queue_empty, "the queue is as it was", 90)


def test_a_disabled_account_that_rejects(stack, rows, subject):
    user, sender = stack.account("rejects"), stack.account("sender")
    other = fresh("rejects")
    with rows() as r:
        account = r.account(other, on_disable=1)
        r.address(account, "alias-" + other, mail_rows.PROVISIONED)
    stack.postern("account", "disable", other)
    stack.postern("account", "disable", user)
    for spelled in (other, "alias-" + other):
        assert refusal(lambda spelled=spelled: from_elsewhere(stack, spelled, subject)).startswith(b"550 5.2.1")
        assert refusal(lambda spelled=spelled: submit(stack, sender, sender, [spelled], subject)).startswith(b"550 5.2.1")
    from_elsewhere(stack, user, subject)                                    # the default: it still arrives
    wait_for(lambda: count(stack, user, subject) == 1, "it is there")


def test_forwards(stack, rows, subject):
    target = stack.account("target")
    copies, passes = fresh("copies"), fresh("passes")
    with rows() as r:
        r.account(copies, forward_to=target, keep_copy=1)
        r.account(passes, forward_to=target, keep_copy=0)
    from_elsewhere(stack, copies.replace("@", "+tag@"), subject + "-copies")
    from_elsewhere(stack, passes, subject + "-passes")
    for part in ("-copies", "-passes"):
        stack.wait_mail(target, subject + part)
    wait_for(lambda: count(stack, copies, subject) == 1, "its copy is there")
    wait_for(stack.queue_empty, "everything is delivered")
    assert count(stack, passes, subject) == 0


def test_a_disabled_accounts_script_is_suspended(stack, subject):
    """Its redirects and its filing; mail waits in the inbox. Back again with the account."""
    user, target = stack.account("script"), stack.account("target")
    with stack.signed_in(user, "sieve") as sieve:
        sieve.put("main", f'require ["copy"];\nredirect :copy "{target}";\n')
    from_elsewhere(stack, user, subject + "-1")
    stack.wait_mail(target, subject + "-1")
    mark = stack.log_mark()
    stack.postern("account", "disable", user)
    from_elsewhere(stack, user, subject + "-2")
    wait_for(lambda: count(stack, user, subject + "-2") == 1, "it is in the inbox")
    assert not stack.log_lines(mark, f"dovecot.*{user}.*(Error|Warning):")
    stack.postern("account", "enable", user)
    from_elsewhere(stack, user, subject + "-3")
    stack.wait_mail(target, subject + "-3")
    assert subject + "-2" not in stack.subjects(target)


def test_services(stack, rows):
    user, bodiless = fresh("imap"), fresh("nobox")
    with rows() as r:
        r.account(user, services=1)
        r.account(bodiless, no_mailbox=1)
    stack.signed_in(user).close()
    stack.signed_in(bodiless, "smtp").close()
    for name, kinds in ((user, ("pop3", "smtp", "sieve")), (bodiless, ("imap", "pop3", "sieve"))):
        for kind in kinds:
            refusal(lambda name=name, kind=kind: stack.signed_in(name, kind))
    assert refusal(lambda: from_elsewhere(stack, bodiless, "nothing")).startswith(b"550 5.1.1")


def test_sent_as(stack, rows, subject):
    user, reader = stack.account("given"), stack.account("reader")
    address = fresh("noreply")
    assert refusal(lambda: submit(stack, user, address, [reader], subject)).startswith(b"553 5.7.1")
    with rows() as r:
        r.sender(r.id_of(user), address)
    submit(stack, user, address, [reader], subject)
    stack.wait_mail(reader, subject)


def test_message_is_one(stack, rows, subject):
    """What arrives by a list is what was sent."""
    user = stack.account("one")
    address = fresh("one")
    with rows() as r:
        group, _ = r.group(address)
        r.join(group, r.id_of(user))
    with stack.smtp_in() as smtp:
        smtp.mail("someone@example.net", [address, user], message(subject))
    wait_for(stack.queue_empty, "everything is delivered")
    wait_for(lambda: count(stack, user, subject) >= 1, "it is there")
    text = stack.doveadm("fetch", "-u", user, "hdr", "mailbox", "INBOX", "subject", subject).stdout
    assert ".0-65535@" not in text
