"""Shared mailboxes, as members see them in the real Dovecot: by their rights, and without any reload."""

import os
import re
import sys
import uuid

import pytest
from conftest import ROOT, wait_for
from test_mailflow import from_elsewhere, refusal, submit

sys.path.insert(0, os.path.join(ROOT, "tests", "flow"))

import clients  # noqa: E402
import mail_rows  # noqa: E402


@pytest.fixture
def rows(stack):
    return lambda: mail_rows.Rows(f"{stack.directory}/lib/accounts.db")


@pytest.fixture
def subject():
    return f"test-{uuid.uuid4()}"


def imap(stack, user):
    """Python's own client."""
    return clients.library_imap(stack.base + 143, stack.context, user, stack.token(user))


def listed(box):
    _, lines = box.list('""', '"Shared/*"')
    return sorted(re.search(rb'"/" "?([^"]+)"?$', line).group(1).decode() for line in lines if line)


def told(stack):
    """Rows that a test writes are nobody's change; any change of what an account is makes posternd look."""
    stack.postern("account", "disable", stack.account("look"))


class Team:
    def __init__(self, stack, rows, rights, members):
        self.stack, self.rows = stack, rows
        self.address = f"team-{uuid.uuid4().hex[:10]}@example.com"
        self.box = f"Shared/{self.address}"
        with rows() as r:
            self.group, _ = r.group(self.address, kind=mail_rows.SHARED_MAILBOX, rights=rights)
            for member in members:
                r.join(self.group, r.id_of(member))
        told(stack)
        for member in members:
            self.wait_listed(member)

    def wait_listed(self, user, there=True):
        def looks():
            with imap(self.stack, user) as box:
                return (self.box in listed(box)) == there
        wait_for(looks, f"{self.box} is {'' if there else 'not '}in the list of {user}")


def test_members_of_two_teams(stack, rows, subject):
    """One looks only, one marks, one may do everything; and none of them where he is no member."""
    users = {rights: stack.account(f"user{rights}") for rights in (mail_rows.LOOK, mail_rows.MARK, mail_rows.FULL)}
    stranger = stack.account("stranger")
    teams = {rights: Team(stack, rows, rights, [user]) for rights, user in users.items()}
    for rights, team in teams.items():
        from_elsewhere(stack, team.address, subject)
        wait_for(lambda team=team: stack.doveadm("search", "-u", team.address, "subject", subject).stdout.strip(), "it arrived")
        with imap(stack, users[rights]) as box:
            assert [name for name in listed(box) if "team-" in name] == [team.box]
            assert box.select(f'"{team.box}"', readonly=rights == mail_rows.LOOK)[0] == "OK"
            _, data = box.fetch("1", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            assert subject.encode() in data[0][1]
            box.store("1", "+FLAGS", r"(\Seen \Flagged)")
            _, data = box.fetch("1", "(FLAGS)")
            assert (rb"\Seen" in data[0]) == (rights != mail_rows.LOOK)
            assert (rb"\Flagged" in data[0]) == (rights == mail_rows.FULL)
            box.unselect()
            assert (box.create(f'"{team.box}/Done"')[0] == "OK") == (rights == mail_rows.FULL)
            answer = box.append(f'"{team.box}"', None, None, b"Subject: appended\r\n\r\nx\r\n")[0]
            assert (answer == "OK") == (rights == mail_rows.FULL)
            for other in teams.values():
                if other is not team:
                    assert box.select(f'"{other.box}"')[0] == "NO"
        with imap(stack, stranger) as box:
            assert not [name for name in listed(box) if "team-" in name]
            assert box.select(f'"{team.box}"')[0] == "NO"
            assert box.select(f'"Shared/{users[rights]}"')[0] == "NO"       # a person's mailbox


def test_two_members_of_one_team(stack, rows, subject):
    """What one does, the other sees."""
    users = [stack.account("first"), stack.account("second")]
    team = Team(stack, rows, mail_rows.FULL, users)
    from_elsewhere(stack, team.address, subject)
    wait_for(lambda: stack.doveadm("search", "-u", team.address, "subject", subject).stdout.strip(), "it arrived")
    with imap(stack, users[0]) as box:
        box.select(f'"{team.box}"')
        box.store("1", "+FLAGS", r"(\Seen)")
    with imap(stack, users[1]) as box:
        box.select(f'"{team.box}"')
        assert rb"\Seen" in box.fetch("1", "(FLAGS)")[1][0]


def test_joining_and_leaving_without_a_reload(stack, rows, subject):
    user, other = stack.account("stays"), stack.account("comes")
    team = Team(stack, rows, mail_rows.MARK, [user])
    before = stack.bash("stack_dovecot_pid")
    with imap(stack, user) as open_session:
        assert open_session.select(f'"{team.box}"')[0] == "OK"
        with rows() as r:
            r.join(team.group, r.id_of(other))
            r.leave(team.group, r.id_of(user))
        told(stack)
        team.wait_listed(other)
        team.wait_listed(user, False)
        with imap(stack, other) as box:
            assert box.select(f'"{team.box}"')[0] == "OK"
        wait_for(lambda: open_session.select(f'"{team.box}"')[0] == "NO", "the open session loses it, too")
    assert stack.bash("stack_dovecot_pid") == before


def test_sending_as_the_team(stack, rows, subject):
    """All rights are needed for it."""
    full, marks, reader = stack.account("full"), stack.account("marks"), stack.account("reader")
    team = Team(stack, rows, mail_rows.FULL, [full])
    other = Team(stack, rows, mail_rows.MARK, [marks])
    submit(stack, full, team.address, [reader], subject)
    stack.wait_mail(reader, subject)
    assert refusal(lambda: submit(stack, marks, other.address, [reader], subject)).startswith(b"553 5.7.1")
    assert refusal(lambda: submit(stack, reader, team.address, [reader], subject)).startswith(b"553 5.7.1")


def test_sieve_files_only_where_one_may(stack, rows, subject):
    """Somebody's script is no way around the rights."""
    user, victim = stack.account("files"), stack.account("victim")
    allowed = Team(stack, rows, mail_rows.FULL, [user])
    forbidden = Team(stack, rows, mail_rows.MARK, [user])
    with stack.signed_in(user, "sieve") as sieve:
        sieve.put("main", 'require ["fileinto", "mailbox"];\n' + "".join(
            f'if header :contains "Subject" "{name}" {{ fileinto :create "{box}"; }}\n' for name, box in (
                ("allowed", allowed.box), ("forbidden", forbidden.box), ("victim", f"Shared/{victim}"))))
    for name in ("forbidden", "victim", "allowed"):
        from_elsewhere(stack, user, f"{subject}-{name}")
    wait_for(lambda: stack.doveadm("search", "-u", allowed.address, "subject", subject).stdout.strip(), "it is filed where that is allowed")
    for name in ("forbidden", "victim"):                                    # as if there were no script
        stack.wait_mail(user, f"{subject}-{name}")
    for name in (forbidden.address, victim):
        assert not stack.doveadm("search", "-u", name, "subject", subject).stdout.strip()


def test_dovecot_has_nothing_to_complain_of(stack, rows):
    """First looks into new mailboxes, which make Dovecot's lists anew."""
    mark = stack.log_mark()
    user = stack.account("quiet")
    for _ in range(2):
        team = Team(stack, rows, mail_rows.FULL, [user])
        with imap(stack, user) as box:
            assert box.select(f'"{team.box}"')[0] == "OK"
            assert box.create(f'"{team.box}/Done"')[0] == "OK"
    assert not stack.log_lines(mark, "dovecot.*(Error|Warning):")


def test_nobody_signs_in_to_it(stack, rows):
    team = Team(stack, rows, mail_rows.FULL, [])
    for kind in ("imap", "smtp"):
        refusal(lambda kind=kind: stack.signed_in(team.address, kind))


def test_made_by_hand(stack, subject):
    """By commands alone: there at the member's next login, gone at the one after it was taken away."""
    first, second = stack.account("first"), stack.account("second")
    address = f"hand-{uuid.uuid4().hex[:10]}@example.com"
    box_name = f"Shared/{address}"

    def is_listed(user):
        with imap(stack, user) as box:
            return box_name in listed(box)

    stack.postern("group", "add", f"By hand {address}", "--kind", "sharedMailbox", "--address", address, "--member-rights", "full")
    from_elsewhere(stack, address, subject)
    for user in (first, second):
        stack.postern("group", "member", "add", address, user)
        wait_for(lambda user=user: is_listed(user), f"it is in the list of {user}")
    with imap(stack, second) as box:
        wait_for(lambda: box.select(f'"{box_name}"') == ("OK", [b"1"]), "the message is there")
    mark = stack.log_mark()
    stack.postern("account", "rename", first, "new-" + first)               # its token still names the former address
    wait_for(lambda: is_listed(first), "by the new name, too")
    stack.wait_log(mark, f"imap-login: Login: user=<new-{first}>")
    stack.postern("group", "member", "remove", address, second)
    wait_for(lambda: not is_listed(second), "it is taken away")
    stack.postern("group", "delete", address, "--yes")
    wait_for(lambda: not is_listed(first), "there is none any more")
    assert refusal(lambda: from_elsewhere(stack, address, subject)).startswith(b"550 5.1.1")
