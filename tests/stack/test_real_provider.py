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


class Oidc:
    def __init__(self, port):
        self.issuer = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(["node", os.path.join(HERE, "oidc.mjs"), str(port)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout.readline().strip() == "ready"
        with urllib.request.urlopen(self.issuer + "/.well-known/openid-configuration", timeout=10) as answer:
            self.discovery = json.load(answer)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def sign_in(self, login):
        """The authorization code flow as a browser walks it; the tokens."""
        browser = urllib.request.build_opener(StopAtCallback, urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        verifier = secrets.token_urlsafe(32)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        url = self.discovery["authorization_endpoint"] + "?" + urllib.parse.urlencode({
            "client_id": "mail", "redirect_uri": "http://127.0.0.1:9/callback", "response_type": "code", "scope": "openid email",
            "code_challenge": challenge, "code_challenge_method": "S256"})
        try:
            page = browser.open(url, timeout=10).read().decode()
            form = re.search(r'action="([^"]+)"', page)[1]
            page = browser.open(form, urllib.parse.urlencode({"prompt": "login", "login": login, "password": "x"}).encode(), timeout=10).read().decode()
            form = re.search(r'action="([^"]+)"', page)[1]
            browser.open(form, urllib.parse.urlencode({"prompt": "consent"}).encode(), timeout=10)
            raise AssertionError("the provider never came back")
        except Callback as callback:
            code = urllib.parse.parse_qs(urllib.parse.urlsplit(str(callback)).query)["code"][0]
        return self.post("token_endpoint", {"grant_type": "authorization_code", "code": code, "client_id": "mail",
                                            "redirect_uri": "http://127.0.0.1:9/callback", "code_verifier": verifier})

    def post(self, endpoint, form):
        with urllib.request.urlopen(self.discovery[endpoint], urllib.parse.urlencode(form).encode(), timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="module")
def oidc(stack):
    provider = Oidc(stack.oidc_port)
    stack.postern("domain", "add", "oidc.example")
    for name in ("anna", "otto"):
        stack.postern("account", "add", f"{name}@oidc.example")
    yield provider
    provider.stop()


def test_token_of_a_real_sign_in(stack, oidc):
    token = oidc.sign_in("anna")["access_token"]
    for kind in ("imap", "pop3", "sieve", "smtp"):
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            stack.signed_in("anna@oidc.example", kind, mechanism, token).close()


def test_revoked_there_refused_here(stack, oidc):
    token = oidc.sign_in("anna")["access_token"]
    stack.signed_in("anna@oidc.example", token=token).close()
    oidc.post("revocation_endpoint", {"token": token, "client_id": "mail"})
    with stack.imap() as imap, pytest.raises(clients.Refused) as caught:
        imap.authenticate("OAUTHBEARER", clients.oauthbearer("anna@oidc.example", token))
    assert json.loads(caught.value.challenge)["status"] == "invalid_token"


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
