"""Mail arrives where it should, and what may not arrive is refused at RCPT."""

import threading
import uuid

import clients
import pytest
from conftest import wait_for


def message(subject, size=0):
    return f"From: someone@example.net\nSubject: {subject}\n\nHello\n" + ("x" * 70 + "\n") * (size // 71)


def submit(stack, user, sender, recipients, subject, **more):
    with stack.signed_in(user, "smtp") as smtp:
        return smtp.mail(sender, recipients, message(subject), **more)


def from_elsewhere(stack, recipient, subject, size=0):
    with stack.smtp_in() as smtp:
        return smtp.mail("someone@example.net", [recipient], message(subject, size))


def refusal(action):
    with pytest.raises(clients.Refused) as caught:
        action()
    return caught.value.answer


@pytest.fixture
def subject():
    return f"test-{uuid.uuid4()}"


def test_submission_between_accounts(stack, subject):
    sender, reader = stack.account("sender"), stack.account("reader")
    mark = stack.log_mark()
    submit(stack, sender, sender, [reader], subject)
    stack.wait_mail(reader, subject)
    assert len(stack.wait_log(mark, f"postfix/submission/smtpd.*, sasl_method=XOAUTH2, sasl_username={sender}")) == 1


def test_mail_lies_under_the_id(stack, subject):
    user = stack.account()
    from_elsewhere(stack, user, subject)
    stack.wait_mail(user, subject)
    assert stack.home(user).startswith(f"{stack.directory}/mail/")
    assert user.split("@")[0] not in stack.home(user)


def test_own_home(stack, subject):
    home = f"{stack.directory}/mail/imported/{uuid.uuid4()}"
    user = stack.account("moved", "--home", home)
    from_elsewhere(stack, user, subject)
    stack.wait_mail(user, subject)
    assert stack.home(user) == home


def test_new_account_at_once(stack, subject):
    """No reload: refused a moment ago, taken now."""
    name = f"late{uuid.uuid4().hex[:8]}@example.com"
    assert refusal(lambda: from_elsewhere(stack, name, subject)).startswith(b"550 5.1.1")
    stack.postern("account", "add", name)
    from_elsewhere(stack, name, subject)
    stack.wait_mail(name, subject)


def test_new_domain(stack, subject):
    domain = f"d{uuid.uuid4().hex[:8]}.example"
    stack.postern("domain", "add", domain)
    user = f"first@{domain}"
    stack.postern("account", "add", user)
    from_elsewhere(stack, user, subject)
    wait_for(lambda: stack.doveadm("search", "-u", user, "subject", subject).stdout.strip(), "the message is there")


def test_unknown_recipient(stack, subject):
    sender = stack.account()
    assert refusal(lambda: from_elsewhere(stack, "nobody@example.com", subject)).startswith(b"550 5.1.1")
    assert refusal(lambda: submit(stack, sender, sender, ["nobody@example.com"], subject)).startswith(b"550 5.1.1")


def test_no_relay(stack, subject):
    assert refusal(lambda: from_elsewhere(stack, "someone@elsewhere.example", subject)).startswith(b"5")


@pytest.mark.parametrize("how", ["+tag", "+a+b", "+"])
def test_subaddress(stack, subject, how):
    user = stack.account()
    tagged = user.replace("@", how + "@")
    from_elsewhere(stack, tagged.upper(), subject)
    stack.wait_mail(user, subject)
    submit(stack, user, tagged, [user], subject + "-own")
    stack.wait_mail(user, subject + "-own")


def test_alias(stack, subject):
    user = stack.account("owner")
    alias = user.replace("owner", "alias")
    stack.postern("alias", "add", alias, user)
    from_elsewhere(stack, alias, subject)
    from_elsewhere(stack, alias.replace("@", "+tag@"), subject + "-tag")
    stack.wait_mail(user, subject)
    stack.wait_mail(user, subject + "-tag")
    submit(stack, user, alias, [user], subject + "-as")
    stack.wait_mail(user, subject + "-as")
    stack.postern("alias", "del", alias)
    assert refusal(lambda: from_elsewhere(stack, alias, subject)).startswith(b"550 5.1.1")


def test_catch_all(stack, subject):
    domain = f"all{uuid.uuid4().hex[:8]}.example"
    stack.postern("domain", "add", domain)
    user = stack.account("catcher")
    exact = f"exact@{domain}"
    stack.postern("alias", "add", f"@{domain}", user)
    stack.postern("account", "add", exact)
    from_elsewhere(stack, f"whoever+tag@{domain}", subject)
    stack.wait_mail(user, subject)
    from_elsewhere(stack, exact, subject + "-exact")
    wait_for(lambda: stack.doveadm("search", "-u", exact, "subject", subject + "-exact").stdout.strip(), "the exact address got it")
    assert subject + "-exact" not in stack.subjects(user)


def test_somebody_elses_sender(stack, subject):
    user, other = stack.account(), stack.account("other")
    assert refusal(lambda: submit(stack, user, other, [user], subject)).startswith(b"553 5.7.1")
    assert refusal(lambda: submit(stack, user, "someone@elsewhere.example", [user], subject)).startswith(b"553 5.7.1")
    assert refusal(lambda: submit(stack, user, "nobody@example.com", [user], subject)).startswith(b"553 5.7.1")
    # Other servers may carry mail with a sender of ours: a list that forwards, for example.
    with stack.smtp_in() as smtp:
        smtp.mail(other, [user], message(subject))


def test_unsigned_submission(stack, subject):
    user = stack.account()
    with stack.smtp() as smtp:
        assert refusal(lambda: smtp.mail(user, [user], message(subject))).startswith(b"554 5.7.1")


def test_empty_sender_of_an_active_account(stack, subject):
    """A vacation answer of a mail client has it."""
    user = stack.account()
    submit(stack, user, "", [user], subject)
    stack.wait_mail(user, subject)


@pytest.mark.parametrize("sender", ["own", ""])
def test_disabled_between_login_and_rcpt(stack, subject, sender):
    user = stack.account()
    with stack.signed_in(user, "smtp") as smtp:
        stack.postern("account", "disable", user)
        assert refusal(lambda: smtp.mail(user if sender else "", [user], message(subject))).startswith(b"421 4.7.0")
        assert smtp.line() == b""


@pytest.mark.parametrize("sender", ["own", ""])
def test_disabled_between_rcpt_and_data(stack, subject, sender):
    user, reader = stack.account(), stack.account("reader")
    answer = refusal(lambda: submit(stack, user, user if sender else "", [reader], subject,
                                    before_data=lambda: stack.postern("account", "disable", user)))
    assert answer.startswith(b"421 4.7.0")
    assert subject not in stack.subjects(reader)


def test_deleted_with_an_open_session(stack, subject):
    user, reader = stack.account(), stack.account("reader")
    with stack.signed_in(user, "smtp") as smtp:
        stack.postern("account", "delete", user, "--yes")
        assert refusal(lambda: smtp.mail(user, [reader], message(subject))).startswith((b"421", b"553", b"550"))


def test_renamed_with_an_open_session(stack, subject):
    """The session signed in as the old name; both names may send, mail to both arrives, no mail moved."""
    old = stack.account("old")
    new = old.replace("old", "new")
    with stack.signed_in(old, "smtp") as smtp:
        smtp.mail(old, [old], message(subject + "-1"))
        stack.wait_mail(old, subject + "-1")
        home = stack.home(old)
        stack.postern("account", "rename", old, new)
        smtp.mail(old, [new], message(subject + "-2"))
        smtp.mail(new, [old], message(subject + "-3"))
    for part in ("-1", "-2", "-3"):
        wait_for(lambda part=part: stack.doveadm("search", "-u", new, "subject", subject + part).stdout.strip(), part)
    assert stack.home(new) == home
    mark = stack.log_mark()
    stack.signed_in(old, token=stack.token(old)).close()
    stack.wait_log(mark, f"imap-login: Login: user=<{new}>")


def test_full_mailbox_is_refused_at_rcpt(stack, subject):
    user, sender = stack.account("full", "--quota", "20000"), stack.account("sender")
    from_elsewhere(stack, user, subject, 15_000)
    stack.wait_mail(user, subject)
    with stack.smtp_in() as smtp:
        smtp.expect(b"MAIL FROM:<x@example.net> SIZE=10000", b"250")
        assert smtp.say(b"RCPT TO:<%s>" % user.encode()).startswith(b"552 5.2.2")
    with stack.signed_in(sender, "smtp") as smtp:
        smtp.expect(b"MAIL FROM:<%s> SIZE=10000" % sender.encode(), b"250")
        assert smtp.say(b"RCPT TO:<%s>" % user.encode()).startswith(b"552 5.2.2")
        # By an alias and a tag too.
        assert smtp.say(b"RCPT TO:<%s>" % user.replace("@", "+t@").encode()).startswith(b"552 5.2.2")
    stack.postern("account", "set", user, "--quota", "1M")
    from_elsewhere(stack, user, subject + "-now", 10_000)
    stack.wait_mail(user, subject + "-now")


def test_quota_is_shown_to_the_client(stack):
    user = stack.account("quota", "--quota", "10M")
    with stack.signed_in(user) as imap:
        _, lines = imap.command(b"GETQUOTAROOT INBOX")
    assert any(b"STORAGE" in line and b"10240" in line for line in lines)


def test_sieve_redirect_and_filing(stack, subject):
    user, other = stack.account("filter"), stack.account("target")
    with stack.signed_in(user, "sieve") as sieve:
        sieve.put("main", 'require ["fileinto", "mailbox", "copy"];\n'
                          f'redirect :copy "{other}";\nfileinto :create "Filed";\n')
    from_elsewhere(stack, user, subject)
    stack.wait_mail(other, subject)
    wait_for(lambda: stack.doveadm("search", "-u", user, "mailbox", "Filed", "subject", subject).stdout.strip(), "filed")


def test_disabled_account_still_receives(stack, subject):
    user = stack.account()
    stack.postern("account", "disable", user)
    from_elsewhere(stack, user, subject)
    wait_for(lambda: stack.doveadm("search", "-u", user, "subject", subject).stdout.strip(), "it is there")


def test_deleted_account_does_not_receive(stack, subject):
    user = stack.account()
    stack.postern("account", "delete", user, "--yes")
    assert refusal(lambda: from_elsewhere(stack, user, subject)).startswith(b"550")


def test_postmaster_and_abuse(stack, subject):
    for name in ("postmaster", "abuse"):
        from_elsewhere(stack, f"{name}@example.com", f"{subject}-{name}")
        wait_for(lambda name=name: stack.doveadm("search", "-u", "postmaster@example.com", "subject", f"{subject}-{name}").stdout.strip(),
                 f"mail for {name}")


def test_fifty_clients_while_a_thousand_accounts_are_added(stack):
    """Nothing reloads, nobody fails."""
    users = [stack.account("many") for _ in range(50)]
    mark = stack.log_mark()
    masters = stack.bash("stack_dovecot_pid; cat $STACK_DIR/spool/pid/master.pid; stack_pid posternd")
    failures = []
    done = threading.Event()
    rounds = [0] * 50

    def sign_in(number):
        while not done.is_set() or rounds[number] == 0:
            try:
                stack.signed_in(users[number]).close()
                rounds[number] += 1
            except (clients.Refused, OSError) as error:
                failures.append(repr(error))
                return

    def add(part):
        for number in range(250):
            result = stack.postern("account", "add", f"added{part}-{number}@example.com", check=False)
            if result.returncode != 0:
                failures.append(result.stderr)

    signing = [threading.Thread(target=sign_in, args=(number,)) for number in range(50)]
    adding = [threading.Thread(target=add, args=(part,)) for part in range(4)]
    for thread in signing + adding:
        thread.start()
    for thread in adding:
        thread.join()
    done.set()
    for thread in signing:
        thread.join()
    assert not failures
    assert min(rounds) >= 1
    assert stack.bash("stack_dovecot_pid; cat $STACK_DIR/spool/pid/master.pid; stack_pid posternd") == masters
    assert not stack.log_lines(mark, "SIGHUP|reload")
    assert len([name for name in stack.postern("account", "list").stdout.split() if name.startswith("added")]) == 1000
    with stack.smtp_in() as smtp:
        smtp.mail("someone@example.net", ["added3-249@example.com"], message("last"))
