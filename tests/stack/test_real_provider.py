"""A certified OpenID provider, and clients that people really use (npm oidc-provider, nodemailer, imapflow)."""

import base64
import hashlib
import http.cookiejar
import json
import os
import re
import secrets
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
import uuid

import clients
import pytest
from conftest import wait_for

HERE = os.path.dirname(os.path.abspath(__file__))

if not os.path.isdir(os.path.join(HERE, "node_modules")) or not shutil.which("node"):
    pytest.skip("npm ci was not run in tests/stack", allow_module_level=True)


class StopAtCallback(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, stream, code, text, headers, url):
        if url.startswith("http://127.0.0.1:9/"):
            raise Callback(url)
        return super().redirect_request(request, stream, code, text, headers, url)


class Callback(Exception):
    pass


RESOURCE = "https://mail.example/"


class Oidc:
    """oidc.mjs: one issuer for each name."""

    def __init__(self, ports):
        self.process = subprocess.Popen(["node", os.path.join(HERE, "oidc.mjs"), *(f"{name}={port}" for name, port in ports.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.hear("ready")
        self.discovery = {}
        for name, port in ports.items():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/.well-known/openid-configuration", timeout=10) as answer:
                self.discovery[name] = json.load(answer)

    def hear(self, word):
        for line in self.process.stdout:     # beside its warnings
            if line.strip() == word:
                return
        raise AssertionError(f"oidc.mjs ended before it said {word!r}")

    def rotate(self, name):
        self.process.stdin.write(f"rotate {name}\n")
        self.process.stdin.flush()
        self.hear("rotated")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def sign_in(self, login, name="oidc", client="mail", **more):
        """The authorization code flow as a browser walks it; the tokens. `more`: resource, scope."""
        browser = urllib.request.build_opener(StopAtCallback, urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        url = self.discovery[name]["authorization_endpoint"] + "?" + urllib.parse.urlencode({
            "client_id": client, "redirect_uri": "http://127.0.0.1:9/callback", "response_type": "code", "scope": "openid email",
            "code_challenge": challenge, "code_challenge_method": "S256"} | more)
        try:
            page = browser.open(url, timeout=10).read().decode()
            form = re.search(r'action="([^"]+)"', page)[1]
            page = browser.open(form, urllib.parse.urlencode({"prompt": "login", "login": login, "password": "x"}).encode(), timeout=10).read().decode()
            form = re.search(r'action="([^"]+)"', page)[1]
            browser.open(form, urllib.parse.urlencode({"prompt": "consent"}).encode(), timeout=10)
            raise AssertionError("the provider never came back")
        except Callback as callback:
            code = urllib.parse.parse_qs(urllib.parse.urlsplit(str(callback)).query)["code"][0]
        return self.post("token_endpoint", {"grant_type": "authorization_code", "code": code, "client_id": client,
                                            "redirect_uri": "http://127.0.0.1:9/callback", "code_verifier": verifier}, name)

    def jwt(self, login="anna", **more):
        """An access token for mail: a JWT (RFC 9068), because it names a resource (RFC 8707)."""
        return self.sign_in(login, "signed", resource=RESOURCE, scope="openid email mail", **more)["access_token"]

    def post(self, endpoint, form, name="oidc"):
        with urllib.request.urlopen(self.discovery[name][endpoint], urllib.parse.urlencode(form).encode(), timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def revoke(self, token, name="oidc"):
        self.post("revocation_endpoint", {"token": token, "client_id": "mail"}, name)


@pytest.fixture(scope="module")
def oidc(stack):
    provider = Oidc(stack.oidc_ports)
    for name in stack.oidc_ports:
        stack.postern("domain", "add", f"{name}.example")
        for person in ("anna", "otto"):
            stack.postern("account", "add", f"{person}@{name}.example")
    # It came later than posternd, which found nobody to ask: it tries again by itself.
    token = provider.jwt()
    wait_for(lambda: accepted(stack, "anna@signed.example", token), "the keys are known", 30)
    yield provider
    provider.stop()


def accepted(stack, user, token):
    try:
        stack.signed_in(user, token=token).close()
        return True
    except clients.Refused:
        return False


def refusal(stack, user, token):
    """What OAUTHBEARER's error says."""
    with stack.imap() as imap, pytest.raises(clients.Refused) as caught:
        imap.authenticate("OAUTHBEARER", clients.oauthbearer(user, token))
    assert b"AUTHENTICATIONFAILED" in caught.value.answer, caught.value
    return json.loads(caught.value.challenge)["status"]


def everywhere(stack, user, token):
    for kind in ("imap", "pop3", "sieve", "smtp"):
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            stack.signed_in(user, kind, mechanism, token).close()


def test_token_of_a_real_sign_in(stack, oidc):
    """Opaque, asked about by userinfo."""
    everywhere(stack, "anna@oidc.example", oidc.sign_in("anna")["access_token"])


def test_opaque_token_by_introspection(stack, oidc):
    """Introspection says for which client; the address says userinfo."""
    token = oidc.sign_in("anna", "asked")["access_token"]
    assert "." not in token
    everywhere(stack, "anna@asked.example", token)
    assert refusal(stack, "anna@asked.example", oidc.sign_in("anna", "asked", "otherapp")["access_token"]) == "invalid_token"


def test_jwt_by_its_signature(stack, oidc):
    token = oidc.jwt()
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    assert header["typ"] == "at+jwt"
    everywhere(stack, "anna@signed.example", token)
    forged = token[:-8] + "AAAAAAAA"
    assert refusal(stack, "anna@signed.example", forged) == "invalid_token"
    assert refusal(stack, "anna@signed.example", oidc.jwt(client="otherapp")) == "invalid_token"


def test_scope_that_is_missing(stack, oidc):
    token = oidc.sign_in("anna", "signed", resource=RESOURCE, scope="openid email")["access_token"]
    assert refusal(stack, "anna@signed.example", token) == "insufficient_scope"


def test_token_for_nobody_in_particular(stack, oidc):
    """Opaque where there is nothing but signatures: not even userinfo could say for which client it is."""
    assert refusal(stack, "anna@signed.example", oidc.sign_in("anna", "signed")["access_token"]) == "invalid_token"


def test_id_token(stack, oidc):
    """Where it is allowed; refused where it is not."""
    everywhere(stack, "anna@idtoken.example", oidc.sign_in("anna", "idtoken")["id_token"])
    assert refusal(stack, "anna@idtoken.example", oidc.sign_in("anna", "idtoken", "otherapp")["id_token"]) == "invalid_token"
    assert refusal(stack, "otto@idtoken.example", oidc.sign_in("otto", "idtoken")["id_token"]) == "invalid_token"
    for name in ("signed", "asked", "oidc"):
        assert refusal(stack, f"anna@{name}.example", oidc.sign_in("anna", name)["id_token"]) == "invalid_token"


def test_revoked_there_refused_here(stack, oidc):
    """As soon as the cached answer has run out."""
    token = oidc.sign_in("anna", "asked")["access_token"]
    stack.signed_in("anna@asked.example", token=token).close()
    oidc.revoke(token, "asked")
    wait_for(lambda: not accepted(stack, "anna@asked.example", token), "it is refused")
    assert refusal(stack, "anna@asked.example", token) == "invalid_token"


def test_revoked_before_it_was_used(stack, oidc):
    token = oidc.sign_in("anna")["access_token"]
    oidc.revoke(token)
    assert refusal(stack, "anna@oidc.example", token) == "invalid_token"


@pytest.mark.parametrize("name", ["asked", "signed"])
def test_expired(stack, oidc, name):
    """Also out of the cache: a verdict lives no longer than its token."""
    token = oidc.jwt(client="brief") if name == "signed" else oidc.sign_in("anna", name, "brief")["access_token"]
    user = f"anna@{name}.example"
    stack.signed_in(user, token=token).close()
    wait_for(lambda: not accepted(stack, user, token), "it is refused")
    assert refusal(stack, user, token) == "invalid_token"


def test_keys_rotate_while_clients_sign_in(stack, oidc):
    """Three new keys, and nobody is refused."""
    done, problems, count = threading.Event(), [], [0, 0]

    def client(number):
        while not done.is_set():
            try:
                stack.signed_in("anna@signed.example", "smtp" if number else "imap", token=oidc.jwt()).close()
                count[number] += 1
            except (clients.Refused, OSError, AssertionError) as problem:
                problems.append(problem)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        mark = stack.log_mark()
        for number in range(3):
            oidc.rotate("signed")
            begin, before = time.monotonic(), list(count)
            stack.wait_log(mark, "issuer_keys_changed.*provider=signed", number + 1)
            # Longer than its cool-down, which is for keys that nobody has.
            wait_for(lambda begin=begin, before=before: time.monotonic() > begin + 1.5 and all(now > then + 3 for now, then in zip(count, before)),
                     lambda: f"sign-ins go on: {count} {problems}")
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not problems
    assert refusal(stack, "anna@signed.example", oidc.jwt()[:-6] + "AAAAAA") == "invalid_token"


def test_address_that_is_not_verified(stack, oidc):
    token = oidc.sign_in("otto")["access_token"]
    with stack.imap() as imap, pytest.raises(clients.Refused):
        imap.authenticate("XOAUTH2", clients.xoauth2("otto@oidc.example", token))


def test_one_provider_cannot_speak_for_anothers_domain(stack, oidc):
    """The other provider vouches for anna, and is not asked; this one vouches for a user of the other, likewise."""
    user = stack.account()
    for name, token in (("anna@oidc.example", stack.token("anna@oidc.example")), (user, oidc.sign_in("anna")["access_token"])):
        with stack.imap() as imap, pytest.raises(clients.Refused):
            imap.authenticate("XOAUTH2", clients.xoauth2(name, token))
    assert not stack.provider.requests_for("anna@oidc.example")


def mail_client(stack, user, token, subject):
    job = {"host": "localhost", "smtp": stack.base + 587, "imap": stack.base + 993, "ca": f"{stack.directory}/tls/ca.pem",
           "user": user, "token": token, "subject": subject}
    done = subprocess.run(["node", os.path.join(HERE, "mail_client.mjs")], input=json.dumps(job), capture_output=True, text=True,
                          check=True, timeout=60)
    return json.loads(done.stdout)


def test_nodemailer_and_imapflow(stack):
    user, subject = stack.account("node"), f"test-{uuid.uuid4()}"
    result = mail_client(stack, user, stack.token(user), subject)
    assert result["sent"].startswith("250 ")
    assert result["imap"] == "ok" and subject in result["subjects"]


def test_nodemailer_and_imapflow_understand_a_refusal(stack):
    user = stack.account("node")
    result = mail_client(stack, user, stack.token(user, "gone"), "never")
    assert result["sent"].startswith("535 ")
    assert "AUTHENTICATIONFAILED" in result["imap"] or "invalid_token" in result["imap"]


def test_nodemailer_and_imapflow_understand_an_outage(stack):
    user = stack.account("node")
    result = mail_client(stack, user, stack.token(user, "error"), "never")
    assert result["sent"].startswith("454 ")
    assert "UNAVAILABLE" in result["imap"]


def test_the_provider_goes_away(stack, oidc):
    """Last here: it is stopped."""
    token = oidc.sign_in("anna")["access_token"]
    oidc.stop()
    wait_for(lambda: oidc.process.poll() is not None, "it ended")
    with stack.imap() as imap, pytest.raises(clients.Refused) as caught:
        imap.authenticate("XOAUTH2", clients.xoauth2("anna@oidc.example", token))
    assert caught.value.answer.startswith(b"NO [UNAVAILABLE]")
