"""clients.py - mail clients as small as possible, for ./demo --verify and the tests: each signs in with a token for real.

Every function takes `security`: "tls" (from the first byte), "starttls" or "none". A refusal raises Refused with
what the server said, so that a test can look at it.
"""

import base64
import imaplib
import poplib
import re
import select
import smtplib
import socket
import ssl

TIMEOUT = 30


class Refused(Exception):
    """The server said no: `answer` is its last line, `challenge` the decoded error JSON, if there was one."""

    def __init__(self, answer, challenge=b""):
        super().__init__(f"{answer!r} after {challenge!r}")
        self.answer = answer
        self.challenge = challenge


def xoauth2(user, token):
    return f"user={user}\x01auth=Bearer {token}\x01\x01".encode()


def oauthbearer(user, token, host="localhost", port=0):
    name = user.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01".encode()


def plain(user, password):
    return f"\0{user}\0{password}".encode()


def message_of(mechanism, user, secret):
    return {"XOAUTH2": xoauth2, "OAUTHBEARER": oauthbearer, "PLAIN": plain}[mechanism](user, secret)


class Lines:
    """A connection of lines: what the standard library's clients do not show, one can see here."""

    def __init__(self, port, security="none", context=None, source=None, starttls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), TIMEOUT, source_address=(source, 0) if source else None)
        self.context = context
        if security == "tls":
            self.wrap()
        self.file = self.socket.makefile("rb")

    def wrap(self):
        self.socket = self.context.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def line(self):
        return self.file.readline(100_000)

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Imap(Lines):
    def __init__(self, port, security="none", context=None, source=None):
        super().__init__(port, security, context, source)
        self.greeting = self.line()
        self.tag = 0
        if security == "starttls":
            answer, _ = self.command(b"STARTTLS")
            if not answer.startswith(b"OK"):
                raise Refused(answer)
            self.wrap()

    def capabilities(self):
        return self.command(b"CAPABILITY")[1][0].split()

    def command(self, text, on_continue=None):
        """The tagged answer without its tag, and the lines before it."""
        self.tag += 1
        tag = b"a%d " % self.tag
        self.send(tag + text + b"\r\n")
        before = []
        while True:
            line = self.line()
            if not line:
                raise ConnectionError("the server closed the connection")
            if line.startswith(tag):
                return line[len(tag):].strip(), before
            before.append(line.strip())
            if line.startswith(b"+") and on_continue is not None:
                self.send(on_continue(line[1:].strip()) + b"\r\n")
            elif line.endswith(b"}\r\n"):
                size = int(re.search(rb"\{(\d+)\}\r\n$", line)[1])
                before.append(self.file.read(size))

    def authenticate(self, mechanism, message, initial=True):
        challenges = []
        encoded = base64.b64encode(message)

        def on_continue(challenge):
            if not initial and not challenges and not challenge:
                challenges.append(b"")
                return encoded
            challenges.append(base64.b64decode(challenge))
            return b"AQ==" if mechanism == "OAUTHBEARER" else b""

        text = b"AUTHENTICATE " + mechanism.encode()
        answer, _ = self.command(text + b" " + encoded if initial else text, on_continue)
        if not answer.startswith(b"OK"):
            raise Refused(answer, b"".join(challenges))
        return answer

    def subjects(self):
        self.command(b"SELECT INBOX")
        _, lines = self.command(b"FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        return [line.strip().partition(b": ")[2].decode() for line in lines if line.lower().startswith(b"subject:")]


class Pop3(Lines):
    def __init__(self, port, security="none", context=None, source=None):
        super().__init__(port, security, context, source)
        self.greeting = self.line()
        if security == "starttls":
            self.say(b"STLS")
            self.wrap()

    def say(self, text):
        self.send(text + b"\r\n")
        answer = self.line().strip()
        if not answer.startswith(b"+"):
            raise Refused(answer)
        return answer

    def capabilities(self):
        self.say(b"CAPA")
        lines = []
        while (line := self.line().strip()) not in (b".", b""):
            lines.append(line)
        return lines

    def authenticate(self, mechanism, message):
        self.send(b"AUTH " + mechanism.encode() + b"\r\n")
        sent = False
        challenge = b""
        while True:
            line = self.line().strip()
            if line.startswith(b"+OK"):
                return line
            if not line.startswith(b"+"):
                raise Refused(line, challenge)
            if not sent:
                self.send(base64.b64encode(message) + b"\r\n")
                sent = True
            else:
                challenge = base64.b64decode(line[1:].strip())
                self.send(b"AQ==\r\n")


class Sieve(Lines):
    def __init__(self, port, security="none", context=None, source=None):
        super().__init__(port, security, context, source)
        self.implicit = security == "tls"
        self.greeting = self.block()
        if security == "starttls":
            self.send(b"STARTTLS\r\n")
            answer = self.block()[-1]
            if not answer.startswith(b"OK"):
                raise Refused(answer)
            self.wrap()
            self.greeting = self.block()

    def block(self):
        """Lines up to the one that starts with OK, NO or BYE."""
        lines = []
        while True:
            line = self.line()
            if not line:
                raise ConnectionError("the server closed the connection")
            lines.append(line.strip())
            if line.startswith((b"OK", b"NO", b"BYE")):
                return lines
            if not line.startswith(b'"') and not line.startswith(b"{"):
                return lines

    def mechanisms(self):
        for line in self.greeting:
            if line.startswith(b'"SASL"'):
                return line.split(b'"')[3].split()
        return []

    def authenticate(self, mechanism, message):
        encoded = base64.b64encode(message)
        # RFC 5804, 4: a quoted string has at most 1,024 bytes.
        text = b'"%s"' % encoded if len(encoded) <= 1024 else b"{%d+}\r\n%s" % (len(encoded), encoded)
        self.send(b'AUTHENTICATE "%s" %s\r\n' % (mechanism.encode(), text))
        self.wake()
        challenge = b""
        while True:
            line = self.line().strip()
            if line.startswith(b"OK"):
                return line
            if line.startswith((b"NO", b"BYE", b"BAD")) or not line:
                raise Refused(line, challenge)
            challenge = base64.b64decode(line.strip(b'"'))
            self.send(b'"AQ=="\r\n')

    def wake(self):
        """Dovecot 2.3's managesieve-login may read what follows its greeting at once and, with TLS from the first
        byte, leave it in its buffer until more comes (seen with strace). An empty line is more."""
        if self.implicit and not select.select([self.socket], [], [], 2)[0]:
            self.send(b"\r\n")

    def put(self, name, script):
        data = script.encode()
        self.send(b'PUTSCRIPT "%s" {%d+}\r\n%s\r\n' % (name.encode(), len(data), data))
        answer = self.block()
        if answer[-1].startswith(b"OK"):
            self.send(b'SETACTIVE "%s"\r\n' % name.encode())
            answer = self.block()
        if not answer[-1].startswith(b"OK"):
            raise Refused(b" ".join(answer))


class Smtp(Lines):
    def __init__(self, port, security="none", context=None, source=None):
        super().__init__(port, security, context, source)
        self.greeting = self.reply()
        self.ehlo()
        if security == "starttls":
            self.expect(b"STARTTLS", b"220")
            self.wrap()
            self.ehlo()

    def reply(self):
        """The lines of one reply."""
        lines = []
        while True:
            line = self.line()
            if not line:
                raise ConnectionError("the server closed the connection")
            lines.append(line.strip())
            if line[3:4] != b"-":
                return lines

    def say(self, text):
        self.send(text + b"\r\n")
        return self.reply()[-1]

    def expect(self, text, code):
        answer = self.say(text)
        if not answer.startswith(code):
            raise Refused(answer)
        return answer

    def ehlo(self):
        self.send(b"EHLO client.example\r\n")
        self.extensions = [line[4:] for line in self.reply()]

    def mechanisms(self):
        for line in self.extensions:
            if line.startswith(b"AUTH "):
                return line.split()[1:]
        return []

    def authenticate(self, mechanism, message, initial=True):
        encoded = base64.b64encode(message)
        answer = self.say(b"AUTH " + mechanism.encode() + (b" " + encoded if initial else b""))
        if not initial and answer.startswith(b"334"):
            answer = self.say(encoded)
        challenge = b""
        while answer.startswith(b"334"):
            challenge = base64.b64decode(answer[4:])
            answer = self.say(b"AQ==")
        if not answer.startswith(b"235"):
            raise Refused(answer, challenge)
        return answer

    def mail(self, sender, recipients, data, before_data=None):
        """Sends one message; the queue's answer. `before_data` runs between RCPT and DATA."""
        self.expect(b"MAIL FROM:<%s>" % sender.encode(), b"250")
        for recipient in recipients:
            self.expect(b"RCPT TO:<%s>" % recipient.encode(), b"250")
        if before_data is not None:
            before_data()
        self.expect(b"DATA", b"354")
        return self.expect(data.replace("\r\n", "\n").replace("\n", "\r\n").encode() + b"\r\n.", b"250")


def context_of(ca_file):
    context = ssl.create_default_context(cafile=ca_file)
    return context


def library_imap(port, context, user, token, mechanism="XOAUTH2"):
    """imaplib of the standard library, with STARTTLS: a client that really sends XOAUTH2."""
    client = imaplib.IMAP4("localhost", port, TIMEOUT)
    client.starttls(context)
    client.authenticate(mechanism, lambda _: message_of(mechanism, user, token))
    return client


def library_pop3(port, context, user, token):
    client = poplib.POP3("localhost", port, TIMEOUT)
    client.stls(context)
    client._shortcmd("AUTH XOAUTH2 " + base64.b64encode(xoauth2(user, token)).decode())
    return client


def library_smtp(port, context, user, token):
    """smtplib of the standard library, with STARTTLS and XOAUTH2."""
    client = smtplib.SMTP("localhost", port, timeout=TIMEOUT)
    client.starttls(context=context)
    client.ehlo()
    client.auth("XOAUTH2", lambda _=None: xoauth2(user, token).decode())
    return client
