"""OAUTHBEARER and XOAUTH2 end to end: tables OB1-OB18 and XO1-XO8, at Dovecot's door and at Postfix's, with and without initial response."""

import base64
import json

import pytest

import daemon as daemons
import ends

GOOD = daemons.token()
HELLO = "hello@example.com"
DOORS = [("dovecot", True), ("dovecot", False), ("postfix", True), ("postfix", False)]
LONG = "T" * 16384

# id, message, what becomes of it (OK, the refused status, "hint"), requests that the provider sees.
OAUTHBEARER = [
    ("OB1", f"n,a={HELLO},\x01host=h\x01port=143\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB1", f"n,,\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB1 alias", f"n,a=alias@example.com,\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB1 case", f"n,a=Hello@EXAMPLE.com,\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB1 bare name", f"n,a=hello,\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB2 p", f"p=tls-unique,,\x01auth=Bearer {GOOD}\x01\x01", "invalid_request", 0),
    ("OB2 y", f"y,,\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB2 F", f"F,n,,\x01auth=Bearer {GOOD}\x01\x01", "invalid_request", 0),
    ("OB2 N", f"N,,\x01auth=Bearer {GOOD}\x01\x01", "invalid_request", 0),
    ("OB3 comma", f"n,a=a=2Cb@example.com,\x01auth=Bearer {GOOD}\x01\x01", "invalid_token", None),
    ("OB3 lower", f"n,a=a=2cb@example.com,\x01auth=Bearer {GOOD}\x01\x01", "invalid_request", 0),
    ("OB3 zz", f"n,a=a=zz@example.com,\x01auth=Bearer {GOOD}\x01\x01", "invalid_request", 0),
    ("OB3 utf-8", b"n,a=h\xe9llo@example.com,\x01auth=Bearer " + GOOD.encode() + b"\x01\x01", "invalid_request", 0),
    ("OB3 nul", f"n,a=hello\0@example.com,\x01auth=Bearer {GOOD}\x01\x01", "invalid_request", 0),
    ("OB5", f"n,a=alice@example.com,\x01auth=Bearer {GOOD}\x01\x01", "invalid_token", 1),
    ("OB5 tag", f"n,a=hello+x@example.com,\x01auth=Bearer {GOOD}\x01\x01", "invalid_token", None),
    ("OB6 twice", f"n,,\x01auth=Bearer {GOOD}\x01auth=Bearer {GOOD}\x01\x01", "invalid_request", 0),
    ("OB6 none", "n,,\x01host=h\x01\x01", "invalid_request", 0),
    ("OB6 unknown key", f"n,,\x01foo=bar\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB6 upper case", f"n,,\x01AUTH=Bearer {GOOD}\x01\x01", "invalid_request", 0),
    ("OB7 lower", f"n,,\x01auth=bearer {GOOD}\x01\x01", "OK", 1),
    ("OB7 blanks", f"n,,\x01auth=BEARER  {GOOD}\x01\x01", "OK", 1),
    ("OB7 basic", "n,,\x01auth=Basic eDp5\x01\x01", "invalid_request", 0),
    ("OB7 alone", "n,,\x01auth=Bearer\x01\x01", "invalid_request", 0),
    ("OB7 empty", "n,,\x01auth=Bearer \x01\x01", "invalid_request", 0),
    ("OB7 two", "n,,\x01auth=Bearer a b\x01\x01", "invalid_request", 0),
    ("OB7 header", "n,,\x01auth=Bearer a\r\nX-Admin: yes\x01\x01", "invalid_request", 0),
    ("OB7 LF", "n,,\x01auth=Bearer a\nb\x01\x01", "invalid_request", 0),
    ("OB7 tab", "n,,\x01auth=Bearer a\tb\x01\x01", "invalid_request", 0),
    ("OB7 MAC", "n,,\x01auth=MAC x\x01\x01", "invalid_request", 0),
    ("OB8", "n,,\x01auth=\x01\x01", "invalid_token", 0),
    ("OB9", f"n,,\x01host=elsewhere.example.net\x01port=0143\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB9", f"n,,\x01port=99999\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB9", f"n,,\x01port=-1\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("OB10 more", f"n,,\x01auth=Bearer {GOOD}\x01\x01more", "invalid_request", 0),
    ("OB10 one end", f"n,,\x01auth=Bearer {GOOD}\x01", "invalid_request", 0),
    ("OB10 no end", f"n,,\x01auth=Bearer {GOOD}", "invalid_request", 0),
    ("OB10 no begin", f"n,,auth=Bearer {GOOD}\x01\x01", "invalid_request", 0),
    ("OB10 nul", f"n,,\x01auth=Bearer {GOOD}\x01\x01\0", "invalid_request", 0),
    ("OB13 expired", f"n,,\x01auth=Bearer {daemons.token(kind='gone')}\x01\x01", "invalid_token", 1),
    ("OB17", "\x01", "invalid_request", 0),
    ("longest token", f"n,,\x01auth=Bearer {LONG}\x01\x01", "invalid_token", 1),
    ("too long", f"n,,\x01auth=Bearer {LONG}x\x01\x01", "hint", 0),
    ("as XOAUTH2", f"user={HELLO}\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
]
XOAUTH2 = [
    ("XO1", f"user={HELLO}\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("XO2", f"user={HELLO}\x01auth=bearer {GOOD}\x01\x01", "OK", 1),
    ("XO3 other", f"user=alice@example.com\x01auth=Bearer {GOOD}\x01\x01", "FAIL", 1),
    ("XO3 none", f"auth=Bearer {GOOD}\x01\x01", "FAIL", 0),
    ("XO3 empty", f"user=\x01auth=Bearer {GOOD}\x01\x01", "FAIL", None),
    ("XO4 order", f"auth=Bearer {GOOD}\x01user={HELLO}\x01\x01", "OK", 1),
    ("XO4 unknown key", f"user={HELLO}\x01foo=bar\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
    ("XO4 user twice", f"user={HELLO}\x01user={HELLO}\x01auth=Bearer {GOOD}\x01\x01", "FAIL", 0),
    ("XO4 auth twice", f"user={HELLO}\x01auth=Bearer {GOOD}\x01auth=Bearer {GOOD}\x01\x01", "FAIL", 0),
    ("XO5", b"user=h\xe9llo@example.com\x01auth=Bearer " + GOOD.encode() + b"\x01\x01", "FAIL", 0),
    ("XO6", f"user={HELLO}\x01auth=Bearer {daemons.token(kind='gone')}\x01\x01", "FAIL", 1),
    ("one end", f"user={HELLO}\x01auth=Bearer {GOOD}\x01", "FAIL", 0),
    ("as OAUTHBEARER", f"n,a={HELLO},\x01auth=Bearer {GOOD}\x01\x01", "OK", 1),
]


def requests(daemon):
    with daemon.provider.server.lock:
        return len(daemon.provider.server.requests)


def exchange(daemon, door, initial, mechanism, message, acknowledge="AQ=="):
    """The answer, and the decoded error challenge or None."""
    with getattr(daemon, door)() as end:
        response = ends.b64(message)
        if initial:
            answer = end.login(mechanism, response, acknowledge)
            return answer, end.challenge
        end.auth(mechanism)
        assert end.hear() == ["CONT", "1", ""]
        end.cont(response)
        end.challenge = None
        return ends.Answer(end.answer(acknowledge)), end.challenge


def ids(cases):
    return [f"{number}-{case[0]}".replace(" ", "-") for number, case in enumerate(cases)]


@pytest.mark.parametrize("door, initial", DOORS, ids=[f"{door}-{'ir' if ir else 'noir'}" for door, ir in DOORS])
@pytest.mark.parametrize("case", OAUTHBEARER, ids=ids(OAUTHBEARER))
def test_oauthbearer(daemon, case, door, initial):
    _, message, expected, asked = case
    before = requests(daemon)
    answer, challenge = exchange(daemon, door, initial, "OAUTHBEARER", message)
    if expected == "OK":
        assert answer.ok and answer.fields == {"user": HELLO}    # OB15: and nothing more
        assert challenge is None
    elif expected == "hint":
        assert answer.refused and answer["reason"] and challenge is None
    else:
        assert answer.refused and answer["reason"] is None
        said = json.loads(challenge)                             # OB12
        assert said["status"] == expected
        assert said["scope"] == "openid email"
        assert len(challenge) < 500
    if asked is not None:
        assert requests(daemon) - before == asked


@pytest.mark.parametrize("door, initial", DOORS, ids=[f"{door}-{'ir' if ir else 'noir'}" for door, ir in DOORS])
@pytest.mark.parametrize("case", XOAUTH2, ids=ids(XOAUTH2))
def test_xoauth2(daemon, case, door, initial):
    _, message, expected, asked = case
    before = requests(daemon)
    answer, challenge = exchange(daemon, door, initial, "XOAUTH2", message)
    assert challenge is None                                     # XO6: refused directly
    if expected == "OK":
        assert answer.ok and answer.fields == {"user": HELLO}
    else:
        assert answer.refused
    if asked is not None:
        assert requests(daemon) - before == asked


@pytest.mark.parametrize("said", ["AQ==", "", "=", ends.b64("*"), ends.b64("\x01\x01"), "!!!", ends.bearer(HELLO, GOOD)])
@pytest.mark.parametrize("door", ["dovecot", "postfix"])
def test_whatever_the_client_says_to_the_challenge(daemon, door, said):
    """OB14: it fails, and the provider is not asked again."""
    before = requests(daemon)
    answer, challenge = exchange(daemon, door, True, "OAUTHBEARER", f"n,,\x01auth=Bearer {daemons.token(kind='gone')}\x01\x01", said)
    assert answer.refused and challenge
    assert requests(daemon) - before == 1


def test_no_tls_no_credentials(daemon):
    """OB16: refused before anybody is asked, whatever the mechanism."""
    before = requests(daemon)
    for door in ("dovecot", "postfix"):
        for mechanism, message in (("OAUTHBEARER", ends.bearer(HELLO, GOOD)), ("XOAUTH2", ends.xoauth2(HELLO, GOOD)),
                                   ("PLAIN", ends.plain("secret@example.com", "app-pass-1"))):
            with getattr(daemon, door)(secured=False) as end:
                answer = end.login(mechanism, message)
                assert answer.refused and "encrypted" in answer["reason"]
    assert requests(daemon) == before


def test_mechanisms_are_for_tls_only(daemon):
    for door in ("dovecot", "postfix"):
        with getattr(daemon, door)() as end:
            assert end.mechanisms == {name: ["plaintext"] for name in ("PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2")}


def test_the_challenge_tells_nobody_who_exists(daemon):
    """OB18: the same bytes for an unknown user, somebody else's token, a bad token."""
    heard = set()
    for user, token in (("nobody@example.com", daemons.token("nobody@example.com")), ("alice@example.com", GOOD),
                        ("nobody@example.com", GOOD), (HELLO, daemons.token(kind="gone"))):
        answer, challenge = exchange(daemon, "dovecot", True, "OAUTHBEARER", base64.b64decode(ends.bearer(user, token)))
        assert answer.refused
        heard.add(challenge)
    assert len(heard) == 1


def test_unknown_mechanism(daemon):
    for door in ("dovecot", "postfix"):
        with getattr(daemon, door)() as end:
            assert end.login("NOSUCH", "AAAA").refused
            assert end.login("XOAUTH2", ends.xoauth2(HELLO, GOOD)).ok   # and the connection goes on


def test_message_cut_at_postfix_line_limit(daemon):
    """dovecot.md, 6: 2048 bytes less the command leave a remainder of 3; not counted as a wrong credential."""
    whole = ends.bearer(HELLO, "T" * 3000)
    mark = daemon.mark()
    with daemon.postfix() as end:
        answer = end.login("OAUTHBEARER", whole[:2048 - len("AUTH OAUTHBEARER ") - 2])
    assert answer.refused and "line_length_limit" in answer["reason"]
    daemon.wait_line("login_malformed.*reason=truncated", mark)


def test_not_base64(daemon):
    with daemon.dovecot() as end:
        answer = end.login("OAUTHBEARER", "!!!!")
        assert answer.fields == {"code": "invalid_base64", "reason": "Invalid base64 data"}


def test_dialects(daemon):
    """service= and protocol=, secured and secured=tls, CANCELLED from minor version 4."""
    for minor, secured in ((2, None), (3, "tls"), (4, "tls")):
        with daemon.dovecot(minor=minor, secured=secured) as end:
            assert end.login("XOAUTH2", ends.xoauth2(HELLO, GOOD)).ok
            end.auth("XOAUTH2")
            assert end.hear() == ["CONT", "2", ""]
            end.say("CANCEL", 2)
            if minor >= 4:
                assert end.hear() == ["CANCELLED", "2"]
            assert end.login("XOAUTH2", ends.xoauth2(HELLO, GOOD)).ok


def test_many_at_once_on_one_connection(daemon):
    """Answers come in any order, each once."""
    with daemon.dovecot() as end:
        users = {end.auth("XOAUTH2", ends.xoauth2(user, daemons.token(user, kind))): (user, kind)
                 for user in (HELLO, "alice@example.com") for kind in ("good", "gone") for _ in range(50)}
        while users:
            answer = ends.Answer(end.hear())
            user, kind = users.pop(int(answer.id))
            assert answer.ok == (kind == "good") and answer["user"] == user
