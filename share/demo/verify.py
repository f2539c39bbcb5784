#!/usr/bin/python3
"""verify.py - what ./demo --verify checks: real clients sign in to the running trial and mail arrives.

usage: verify.py DIR PORT_BASE
Prints a line per check, ok or FAILED, and leaves with 0 only if all held.
"""

import os
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import clients  # noqa: E402

LOG_SECONDS = 5
DELIVERY_SECONDS = 20


class Trial:
    def __init__(self, directory, base):
        self.directory = directory
        self.base = base
        self.log = os.path.join(directory, "log", "mail.log")
        self.ca = os.path.join(directory, "tls", "ca.pem")
        self.context = clients.context_of(self.ca)
        self.failed = 0
        self.passed = 0

    def port(self, known):
        return self.base + known

    def token(self, user):
        provider = os.path.join(os.path.dirname(os.path.abspath(__file__)), "provider.py")
        control = os.path.join(self.directory, "provider", "control")
        return subprocess.run(["/usr/bin/python3", "-I", provider, "token", "--control", control, user],
                              check=True, capture_output=True, text=True).stdout.strip()

    def check(self, name, function, *arguments):
        try:
            function(*arguments)
            self.passed += 1
            print(f"  ok      {name}", flush=True)
        except Exception as error:  # whatever went wrong, the next check still runs
            self.failed += 1
            print(f"  FAILED  {name}\n          {type(error).__name__}: {error}", flush=True)

    def one_new_line(self, pattern, action):
        """Runs `action`; then grep(1) must find exactly one new line of the log."""
        start = self.log_size()
        action()
        self.wait_since(pattern, start)
        time.sleep(0.3)
        count = self.count_since(pattern, start)
        if count != 1:
            raise AssertionError(f"{count} new lines match: {pattern}")

    def log_size(self):
        return os.path.getsize(self.log) if os.path.exists(self.log) else 0

    def wait_since(self, pattern, start):
        """Until the log has such a line, for a while: it is written a moment after the client's answer."""
        until = time.monotonic() + LOG_SECONDS
        while self.count_since(pattern, start) == 0 and time.monotonic() < until:
            time.sleep(0.1)

    def count_since(self, pattern, start):
        with open(self.log, "rb") as log:
            log.seek(start)
            text = log.read()
        found = subprocess.run(["grep", "-c", "--", pattern], input=text, capture_output=True, check=False)
        return int(found.stdout)


def curl(trial, command):
    """A curl command line as a person would type it."""
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"curl left with {done.returncode}")
    return done.stdout


def curl_imap(trial, user, token, mechanism, url=None, extra=""):
    url = url or f"imap://localhost:{trial.port(143)}"
    curl(trial, f"curl --silent --url '{url}' {extra} --login-options 'AUTH={mechanism}' --user {user} "
                f"--oauth2-bearer {token} --request LOGOUT")


def curl_send(trial, user, token, mechanism, subject, url=None, extra=""):
    url = url or f"smtp://localhost:{trial.port(587)}"
    curl(trial, f"curl --silent --url '{url}' {extra} --login-options 'AUTH={mechanism}' --user {user} "
                f"--oauth2-bearer {token} --mail-from {user} --mail-rcpt {user} --upload-file - "
                f"<<< $'From: {user}\\nTo: {user}\\nSubject: {subject}\\n\\nA message of the verification.'")


def arrives(trial, user, token, subject):
    until = time.monotonic() + DELIVERY_SECONDS
    while time.monotonic() < until:
        start = trial.log_size()
        with clients.Imap(trial.port(993), "tls", trial.context) as imap:
            imap.authenticate("OAUTHBEARER", clients.oauthbearer(user, token))
            found = subject in imap.subjects()
        # Its line must not be taken for one of the next check.
        trial.wait_since(f"imap-login: Login: user=<{user}>", start)
        if found:
            return
        time.sleep(0.2)
    raise AssertionError(f"the message is not in the mailbox after {DELIVERY_SECONDS} s")


def sign_in_and_send(trial, user, token):
    imap_line = f"dovecot: imap-login: Login: user=<{user}>, method="
    smtp_line = "postfix/submission/smtpd.*, sasl_method={}, sasl_username=" + user

    def send_and_read(mechanism, log_mechanism):
        subject = f"verify-{uuid.uuid4()}"
        trial.one_new_line(smtp_line.format(log_mechanism), lambda: curl_send(trial, user, token, mechanism, subject))
        arrives(trial, user, token, subject)

    def library_send():
        subject = f"verify-{uuid.uuid4()}"

        def send():
            client = clients.library_smtp(trial.port(587), trial.context, user, token)
            client.sendmail(user, [user], f"From: {user}\r\nTo: {user}\r\nSubject: {subject}\r\n\r\nHello\r\n")
            client.quit()

        trial.one_new_line(smtp_line.format("XOAUTH2"), send)
        arrives(trial, user, token, subject)

    trial.check(f"{user}: curl signs in to IMAP with OAUTHBEARER", trial.one_new_line, imap_line + "OAUTHBEARER",
                lambda: curl_imap(trial, user, token, "OAUTHBEARER"))
    trial.check(f"{user}: curl sends with OAUTHBEARER and the message arrives", send_and_read, "OAUTHBEARER", "OAUTHBEARER")
    # curl 7.88.1 speaks OAUTHBEARER whatever AUTH= says, so that is what the log shows.
    trial.check(f"{user}: curl signs in to IMAP when told XOAUTH2", trial.one_new_line, imap_line + "OAUTHBEARER",
                lambda: curl_imap(trial, user, token, "XOAUTH2"))
    trial.check(f"{user}: curl sends when told XOAUTH2", send_and_read, "XOAUTH2", "OAUTHBEARER")
    trial.check(f"{user}: Python's imaplib signs in with real XOAUTH2", trial.one_new_line, imap_line + "XOAUTH2",
                lambda: clients.library_imap(trial.port(143), trial.context, user, token).logout())
    trial.check(f"{user}: Python's smtplib sends with real XOAUTH2 and the message arrives", library_send)


def other_protocols(trial, user, token):
    kinds = [("IMAP", clients.Imap, "imap-login", {"none": 143, "starttls": 143, "tls": 993}),
             ("POP3", clients.Pop3, "pop3-login", {"none": 110, "starttls": 110, "tls": 995}),
             ("ManageSieve", clients.Sieve, "managesieve-login", {"none": 4190, "starttls": 4190, "tls": 4191})]
    words = {"none": "without TLS on loopback", "starttls": "STARTTLS", "tls": "implicit TLS"}
    for name, client, process, ports in kinds:
        for security, port in ports.items():
            for mechanism in ("OAUTHBEARER", "XOAUTH2"):
                def sign_in(client=client, port=port, security=security, mechanism=mechanism):
                    with client(trial.port(port), security, trial.context) as connection:
                        connection.authenticate(mechanism, clients.message_of(mechanism, user, token))

                trial.check(f"{user}: {name}, {mechanism}, {words[security]}", trial.one_new_line,
                            f"dovecot: {process}: Login: user=<{user}>, method={mechanism}", sign_in)
    for security, port, service in (("none", 587, "submission"), ("starttls", 587, "submission"), ("tls", 465, "submissions")):
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            def send(port=port, security=security, mechanism=mechanism):
                with clients.Smtp(trial.port(port), security, trial.context) as connection:
                    connection.authenticate(mechanism, clients.message_of(mechanism, user, token))
                    connection.mail(user, [user], "Subject: verify\n\nHello")

            trial.check(f"{user}: submission, {mechanism}, {words[security]}", trial.one_new_line,
                        f"postfix/{service}/smtpd.*, sasl_method={mechanism}, sasl_username={user}", send)


def nothing_without_tls(trial, user, token):
    """127.0.0.2 is another machine to Dovecot: nothing is offered or accepted there before TLS."""

    def imap():
        with clients.Imap(trial.port(143), source="127.0.0.2") as connection:
            offered = [word for word in connection.capabilities() if word.startswith(b"AUTH=")]
            refuses(connection, offered)

    def pop3():
        with clients.Pop3(trial.port(110), source="127.0.0.2") as connection:
            refuses(connection, [word for line in connection.capabilities() if line.startswith(b"SASL") for word in line.split()[1:]])

    def sieve():
        with clients.Sieve(trial.port(4190), source="127.0.0.2") as connection:
            refuses(connection, connection.mechanisms())

    def refuses(connection, offered):
        if offered:
            raise AssertionError(f"offered without TLS: {offered}")
        try:
            connection.authenticate("XOAUTH2", clients.xoauth2(user, token))
        except clients.Refused:
            return
        raise AssertionError("accepted without TLS")

    def port_25():
        with clients.Smtp(trial.port(25), "starttls", trial.context) as connection:
            if connection.mechanisms():
                raise AssertionError(f"offered to other servers: {connection.mechanisms()}")

    trial.check("IMAP offers and accepts nothing from elsewhere without TLS", imap)
    trial.check("POP3 offers and accepts nothing from elsewhere without TLS", pop3)
    trial.check("ManageSieve offers and accepts nothing from elsewhere without TLS", sieve)
    trial.check("the port for other servers offers no sign-in", port_25)


def refusals(trial, user):
    def wrong_token():
        with clients.Imap(trial.port(993), "tls", trial.context) as connection:
            try:
                connection.authenticate("OAUTHBEARER", clients.oauthbearer(user, "nonsense"))
            except clients.Refused as refused:
                if b"invalid_token" not in refused.challenge or not refused.answer.startswith(b"NO"):
                    raise AssertionError(f"not the right refusal: {refused}") from None
                return
        raise AssertionError("accepted")

    def unknown_recipient():
        with clients.Smtp(trial.port(25)) as connection:
            try:
                connection.mail("someone@example.net", ["nobody-here@example.com"], "Subject: x\n\nx")
            except clients.Refused as refused:
                if not refused.answer.startswith(b"550 5.1.1"):
                    raise
                return
        raise AssertionError("accepted")

    def known_recipient():
        with clients.Smtp(trial.port(25)) as connection:
            connection.mail("someone@example.net", [user], "Subject: from elsewhere\n\nx")

    trial.check("a wrong token is refused with invalid_token", wrong_token)
    trial.check("mail from elsewhere to an account is taken", known_recipient)
    trial.check("mail to nobody is refused with 550", unknown_recipient)


def person(trial, what, user):
    """Somebody joins, leaves, returns or is deleted at the provider, which tells us over SCIM before this is done."""
    provider = os.path.join(os.path.dirname(os.path.abspath(__file__)), "provider.py")
    control = os.path.join(trial.directory, "provider", "control")
    subprocess.run(["/usr/bin/python3", "-I", provider, what, "--control", control, user], check=True, capture_output=True, timeout=60)


def provisioned(trial, user):
    """The provider makes, disables and deletes an account, and mail follows in the same moment."""
    token = {}

    def mail(expected):
        with clients.Smtp(trial.port(25)) as connection:
            try:
                answer = connection.mail("someone@example.net", [user], "Subject: from elsewhere\n\nx")
            except clients.Refused as refused:
                answer = refused.answer
        if not answer.startswith(expected):
            raise AssertionError(f"not {expected.decode()}: {answer.decode()}")

    def sign_in(kind, port):
        with kind(trial.port(port), "tls", trial.context) as connection:
            connection.authenticate("OAUTHBEARER", clients.oauthbearer(user, token["now"]))

    def refused():
        for kind, port in ((clients.Imap, 993), (clients.Smtp, 465)):
            try:
                sign_in(kind, port)
            except clients.Refused:
                continue
            raise AssertionError("accepted")

    def joins():
        mail(b"550 5.1.1")
        person(trial, "join", user)
        mail(b"250")
        token["now"] = trial.token(user)
        sign_in(clients.Imap, 993)

    def leaves():
        person(trial, "leave", user)
        refused()
        mail(b"250")

    def returns():
        person(trial, "return", user)
        token["now"] = trial.token(user)
        sign_in(clients.Imap, 993)
        sign_in(clients.Smtp, 465)

    def ends():
        person(trial, "delete", user)
        mail(b"550 5.1.1")
        refused()

    trial.check(f"{user} joins at the provider: mail to it is taken, and its token signs in", joins)
    trial.check(f"{user} is switched off there: no sign-in any more, mail still arrives", leaves)
    trial.check(f"{user} comes back: signs in again", returns)
    trial.check(f"{user} is deleted there: mail is refused with 550, and so is the sign-in", ends)


def main():
    trial = Trial(sys.argv[1], int(sys.argv[2]))
    for user, token in (("hello@example.com", "DMS_YWNjZXNzX3Rva2Vu"), ("user1@example.com", trial.token("user1@example.com"))):
        sign_in_and_send(trial, user, token)
        other_protocols(trial, user, token)
    nothing_without_tls(trial, "hello@example.com", "DMS_YWNjZXNzX3Rva2Vu")
    refusals(trial, "hello@example.com")
    provisioned(trial, f"joins-{uuid.uuid4().hex[:8]}@example.com")
    print(f"  {trial.passed} ok, {trial.failed} failed", flush=True)
    sys.exit(1 if trial.failed else 0)


if __name__ == "__main__":
    main()
