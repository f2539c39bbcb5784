#!/usr/bin/python3
"""provider.py - a small OpenID provider for trying Postern on one machine. Never for real accounts.

It keeps everything in memory, believes whoever chooses a name on its sign-in page, and listens on loopback only.

  provider.py serve --control SOCKET [--listen 127.0.0.1:10880] [--issuer URL] [--cert FILE --key FILE] [--user ADDRESS]...
  provider.py token --control SOCKET USER [--for SECONDS | --expired]     prints a fresh access token of USER
  provider.py revoke --control SOCKET < TOKEN                             ends the token read from standard input
  provider.py provision --control SOCKET --url URL < SECRET               keeps accounts there in step from now on, over SCIM
  provider.py join|leave|return|delete --control SOCKET USER              what happens to people at a provider

Served: discovery, /keys, /authorize (code flow with PKCE S256, a page to choose the user), /token (authorization_code,
refresh_token), /userinfo and /introspect. Tokens are JWTs (RFC 9068) by a key that is made at every start. The token
DMS_YWNjZXNzX3Rva2Vu, known from docker-mailserver's tests, is opaque and always belongs to hello@example.com.
"""

import argparse
import base64
import binascii
import hashlib
import html
import http.client
import http.server
import ipaddress
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
import scim_client  # noqa: E402

CLIENT_ID = "postern-demo"
# Who may ask about tokens: Postern, with what ./demo writes into its configuration. No secret: it is of this trial only.
INTROSPECT_ID, INTROSPECT_SECRET = "postern", "demo-introspection"
FIXED_TOKEN = "DMS_YWNjZXNzX3Rva2Vu"
FIXED_USER = "hello@example.com"
TOKEN_SECONDS = 3600
CODE_SECONDS = 60
SIGN_IN_SECONDS = 600
BODY_MAX = 16 * 1024
ENTRIES_MAX = 10_000

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root {{ color-scheme: light dark; --ink: #1d2433; --paper: #f3f5f9; --card: #fff; --line: #d9dfe9; --accent: #2f6fdb; --soft: #647089; }}
  @media (prefers-color-scheme: dark) {{ :root {{ --ink: #e8ecf4; --paper: #141821; --card: #1e2430; --line: #343d4e; --accent: #7aa8ff; --soft: #9aa7bd; }} }}
  * {{ box-sizing: border-box; }}
  body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper);
         color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }}
  main {{ width: 100%; max-width: 25rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px;
         padding: 2rem; box-shadow: 0 10px 40px rgb(0 0 0 / .08); }}
  h1 {{ font-size: 1.3rem; margin: 0 0 .25rem; }}
  p {{ margin: 0 0 1.25rem; color: var(--soft); }}
  button {{ display: flex; align-items: center; gap: .9rem; width: 100%; margin-top: .6rem; padding: .7rem .9rem; font: inherit;
           color: inherit; text-align: left; background: none; border: 1px solid var(--line); border-radius: 10px; cursor: pointer; }}
  button:hover, button:focus-visible {{ border-color: var(--accent); outline: 2px solid var(--accent); outline-offset: 1px; }}
  .badge {{ flex: none; width: 2.3rem; height: 2.3rem; border-radius: 50%; display: grid; place-items: center;
           background: var(--accent); color: var(--card); font-weight: 600; }}
  .quiet {{ justify-content: center; border: 0; color: var(--soft); text-decoration: underline; }}
  small {{ display: block; margin-top: 1.5rem; color: var(--soft); }}
</style>
</head>
<body><main>{body}</main></body>
</html>
"""


class Bounded(dict):
    """A dict that forgets its oldest entries, so that nobody fills the memory."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        while len(self) > ENTRIES_MAX:
            del self[next(iter(self))]


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Signer:
    """One RSA key. The standard library cannot sign, so the openssl command does; its file is the owner's only."""

    def __init__(self, directory):
        self._file = os.path.join(directory, "signing-key.pem")
        mask = os.umask(0o077)
        try:
            self._openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self._file)
        finally:
            os.umask(mask)
        modulus = bytes.fromhex(self._openssl("rsa", "-in", self._file, "-noout", "-modulus").decode().strip().partition("=")[2])
        self.jwk = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": hashlib.sha256(modulus).hexdigest()[:16],
                    "n": base64url(modulus), "e": "AQAB"}

    @staticmethod
    def _openssl(*arguments, data=b""):
        return subprocess.run(["openssl", *arguments], input=data, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def token(self, claims):
        header = {"alg": "RS256", "typ": "at+jwt", "kid": self.jwk["kid"]}
        signed = ".".join(base64url(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
        return signed + "." + base64url(self._openssl("dgst", "-sha256", "-sign", self._file, data=signed.encode()))


class Provider:
    """Users, tokens and codes; every method takes the lock, so any thread may call."""

    def __init__(self, issuer, users, signer):
        self.issuer = issuer
        self.signer = signer
        self._lock = threading.Lock()
        self._salt = b"postern-demo-provider"
        self._users = {}
        self._tokens = Bounded()
        self._refresh = Bounded()
        self._codes = Bounded()
        self._sign_ins = Bounded()
        self._scim = None
        self._scim_lock = threading.Lock()  # one change at a time over there, in order
        for user in users:
            self.add_user(user)

    def add_user(self, address):
        address = address.strip().lower()
        if address.count("@") != 1 or any(c.isspace() or ord(c) < 33 for c in address):
            raise ValueError("not a mail address")
        with self._lock:
            # The subject says nothing about the address and is the same after every start.
            subject = hashlib.sha256(self._salt + address.encode()).hexdigest()[:24]
            self._users.setdefault(address, {"sub": subject, "email": address, "name": address.partition("@")[0].capitalize(), "active": True})
        return address

    def provision(self, url, secret):
        """From now on all users are kept in step there; returns how many there are."""
        with self._scim_lock:
            self._scim = scim_client.ScimClient(url, secret)
            for user in self.users():
                self._scim.keep(user)
        return len(self.users())

    def join(self, address):
        return self._step(self.add_user(address), True)

    def leave(self, address):
        return self._step(address, False)

    def delete(self, address):
        with self._scim_lock:
            with self._lock:
                user = self._users.pop(address.strip().lower(), None)
            if user is None:
                raise ValueError("no such user")
            if self._scim is not None:
                self._scim.delete(user)
        return None

    def _step(self, address, active):
        """Somebody may sign in, or may not any more; told over there before it returns."""
        address = address.strip().lower()
        with self._scim_lock:
            with self._lock:
                if address not in self._users:
                    raise ValueError("no such user")
                self._users[address]["active"] = active
                user = dict(self._users[address])
            return self._scim.keep(user) if self._scim is not None else None

    def users(self):
        with self._lock:
            return [dict(user) for user in self._users.values()]

    def mint(self, address, seconds, scope="openid email profile"):
        with self._lock:
            user = self._users.get(address)
        if user is None:
            raise ValueError("no such user")
        now = int(time.time())
        until = now + int(seconds)
        claims = {"iss": self.issuer, "sub": user["sub"], "aud": CLIENT_ID, "client_id": CLIENT_ID, "scope": scope, "email": address,
                  "email_verified": True, "iat": min(now, until - TOKEN_SECONDS), "exp": until, "jti": secrets.token_urlsafe(12)}
        token = self.signer.token(claims)
        with self._lock:
            self._tokens[token] = {"user": address, "until": until, "scope": scope}
        return token

    def revoke(self, token):
        with self._lock:
            return self._tokens.pop(token, None) is not None

    def _find(self, token):
        """The token's entry and its user, or None and a word that says why not."""
        with self._lock:
            if secrets.compare_digest(token.encode(), FIXED_TOKEN.encode()):
                entry = {"user": FIXED_USER, "until": int(time.time()) + TOKEN_SECONDS, "scope": "openid email profile"}
            else:
                entry = self._tokens.get(token)
            if entry is None:
                return None, "The token is unknown or was revoked"
            if entry["until"] <= time.time():
                return None, "The token expired"
            user = self._users.get(entry["user"])
            user = user if user and user["active"] else None
            return ((entry, user), None) if user else (None, "The user is gone")

    def userinfo(self, token):
        """The claims, or a word that says why not."""
        found, why = self._find(token)
        if found is None:
            return None, why
        user = found[1]
        return {"sub": user["sub"], "email": user["email"], "name": user["name"], "preferred_username": user["email"],
                "email_verified": True}, None

    def introspect(self, token):
        """What RFC 7662 wants to know."""
        found, _ = self._find(token)
        if found is None:
            return {"active": False}
        entry, user = found
        return {"active": True, "iss": self.issuer, "sub": user["sub"], "client_id": CLIENT_ID, "aud": CLIENT_ID, "scope": entry["scope"],
                "exp": entry["until"], "token_type": "Bearer", "username": user["email"], "email": user["email"], "email_verified": True}

    def sign_in_start(self, request):
        key = secrets.token_urlsafe(18)
        with self._lock:
            self._sign_ins[key] = dict(request, until=time.time() + SIGN_IN_SECONDS)
        return key

    def sign_in_end(self, key):
        with self._lock:
            request = self._sign_ins.pop(key, None)
        return request if request and request["until"] > time.time() else None

    def code(self, request, address):
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = dict(request, user=address, until=time.time() + CODE_SECONDS)
        return code

    def redeem_code(self, code, redirect_uri, verifier):
        with self._lock:
            request = self._codes.pop(code, None)
        if request is None or request["until"] <= time.time() or request["redirect_uri"] != redirect_uri:
            return None
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        if not secrets.compare_digest(digest, request["code_challenge"].encode()):
            return None
        return request["user"], request["scope"]

    def refresh_new(self, address, scope):
        token = "demo_refresh_" + secrets.token_urlsafe(24)
        with self._lock:
            self._refresh[token] = (address, scope)
        return token

    def refresh_take(self, token):
        with self._lock:
            return self._refresh.pop(token, None)


def loopback_redirect(uri):
    """Native apps come back to this machine (RFC 8252, 7.3); nobody else may receive a code."""
    try:
        parts = urllib.parse.urlsplit(uri)
        host = parts.hostname or ""
        return (parts.scheme in ("http", "https") and not parts.fragment and not parts.username
                and (host == "localhost" or ipaddress.ip_address(host).is_loopback))
    except ValueError:
        return False


class Handler(http.server.BaseHTTPRequestHandler):
    """One request. Nothing of a query, header or body is ever logged: they carry codes and tokens."""

    protocol_version = "HTTP/1.1"
    server_version = "postern-demo-provider"
    sys_version = ""
    timeout = 30
    user = "-"

    def do_GET(self):
        self._route({"/": self._home, "/.well-known/openid-configuration": self._discovery, "/keys": self._keys,
                     "/authorize": self._authorize, "/userinfo": self._userinfo})

    def do_POST(self):
        self._route({"/authorize": self._chosen, "/token": self._token, "/userinfo": self._userinfo, "/introspect": self._introspect})

    def _route(self, routes):
        self.user = "-"
        url = urllib.parse.urlsplit(self.path)
        self.query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query, max_num_fields=40).items()}
        try:
            self.form = self._read_form()
            handler = routes.get(url.path)
            if handler is None:
                self._json(404, {"error": "not_found"})
            else:
                handler()
        except ValueError as error:
            self.close_connection = True
            self._json(400, {"error": "invalid_request", "error_description": str(error)})

    def _read_form(self):
        length = self.headers.get("Content-Length")
        if self.headers.get("Transfer-Encoding") or (length and not length.isdigit()):
            raise ValueError("the body needs a plain Content-Length")
        if not length:
            return {}
        if int(length) > BODY_MAX:
            raise ValueError("the body is too long")
        body = self.rfile.read(int(length)).decode("ascii", "replace")
        return {k: v[0] for k, v in urllib.parse.parse_qs(body, max_num_fields=40).items()}

    def _send(self, status, kind, body, headers=()):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _json(self, status, value, headers=()):
        self._send(status, "application/json", json.dumps(value), headers)

    def _page(self, status, title, body):
        self._send(status, "text/html; charset=utf-8", PAGE.format(title=html.escape(title), body=body),
                   [("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
                    ("X-Frame-Options", "DENY"), ("Referrer-Policy", "no-referrer")])

    def _home(self):
        users = "".join(f"<li>{html.escape(user['email'])}</li>" for user in self.server.provider.users())
        self._page(200, "Demo provider", "<h1>Demo provider</h1><p>Signs people in for a trial of Postern. "
                   f"Everything here ends with the trial.</p><ul>{users}</ul>"
                   "<small><a href='/.well-known/openid-configuration'>Discovery document</a></small>")

    def _discovery(self):
        issuer = self.server.provider.issuer
        self._json(200, {
            "issuer": issuer,
            "authorization_endpoint": issuer + "/authorize",
            "token_endpoint": issuer + "/token",
            "userinfo_endpoint": issuer + "/userinfo",
            "introspection_endpoint": issuer + "/introspect",
            "jwks_uri": issuer + "/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "subject_types_supported": ["public"],
            "scopes_supported": ["openid", "email", "profile", "offline_access"],
            "claims_supported": ["sub", "email", "email_verified", "name", "preferred_username"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        })

    def _keys(self):
        self._json(200, {"keys": [self.server.provider.signer.jwk]})

    def _authorize(self):
        redirect = self.query.get("redirect_uri", "")
        if self.query.get("client_id") != CLIENT_ID or not loopback_redirect(redirect):
            # RFC 6749, 4.1.2.1: never redirect to an address that is not the client's.
            self._page(400, "Not possible", "<h1>This sign-in cannot go on</h1><p>The application is unknown here "
                       f"(its client_id must be <b>{CLIENT_ID}</b>) or wants the answer sent to another machine.</p>")
            return
        request = {"redirect_uri": redirect, "state": self.query.get("state"), "scope": self.query.get("scope", "openid"),
                   "code_challenge": self.query.get("code_challenge", "")}
        if self.query.get("response_type") != "code":
            self._redirect(request, {"error": "unsupported_response_type"})
        elif not request["code_challenge"] or self.query.get("code_challenge_method") != "S256":
            self._redirect(request, {"error": "invalid_request", "error_description": "PKCE with S256 is required"})
        else:
            self._choose(request)

    def _choose(self, request):
        hint = self.query.get("login_hint", "").lower()
        users = sorted(self.server.provider.users(), key=lambda user: user["email"] != hint)
        buttons = "".join(
            f"<button name='user' value='{html.escape(user['email'], quote=True)}'><span class='badge'>"
            f"{html.escape(user['name'][:1])}</span><span>{html.escape(user['name'])}<br>"
            f"<span style='color:var(--soft)'>{html.escape(user['email'])}</span></span></button>" for user in users)
        key = self.server.provider.sign_in_start(request)
        self._page(200, "Sign in", "<h1>Sign in</h1><p>Who opens the mailbox?</p><form method='post' action='/authorize'>"
                   f"<input type='hidden' name='key' value='{key}'>{buttons}"
                   "<button class='quiet' name='user' value=''>Cancel</button></form>"
                   "<small>A provider for trials: it asks for no password.</small>")

    def _chosen(self):
        request = self.server.provider.sign_in_end(self.form.get("key", ""))
        if request is None:
            self._page(400, "Too late", "<h1>This page is too old</h1><p>Start again in your mail program.</p>")
            return
        address = self.form.get("user", "")
        if address not in [user["email"] for user in self.server.provider.users()]:
            self._redirect(request, {"error": "access_denied"})
            return
        self.user = address
        self._redirect(request, {"code": self.server.provider.code(request, address)})

    def _redirect(self, request, answer):
        if request["state"] is not None:
            answer = dict(answer, state=request["state"])
        answer = dict(answer, iss=self.server.provider.issuer)
        glue = "&" if urllib.parse.urlsplit(request["redirect_uri"]).query else "?"
        self._send(303, "text/plain", "", [("Location", request["redirect_uri"] + glue + urllib.parse.urlencode(answer))])

    def _token(self):
        provider = self.server.provider
        grant = None
        if self.form.get("grant_type") == "authorization_code":
            grant = provider.redeem_code(self.form.get("code", ""), self.form.get("redirect_uri"),
                                         self.form.get("code_verifier", ""))
        elif self.form.get("grant_type") == "refresh_token":
            grant = provider.refresh_take(self.form.get("refresh_token", ""))
        else:
            self._json(400, {"error": "unsupported_grant_type"})
            return
        if grant is None:
            self._json(400, {"error": "invalid_grant"})
            return
        self.user, scope = grant
        self._json(200, {"access_token": provider.mint(self.user, TOKEN_SECONDS, scope), "token_type": "Bearer",
                         "expires_in": TOKEN_SECONDS, "scope": scope,
                         "refresh_token": provider.refresh_new(self.user, scope)})

    def _userinfo(self):
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token.isascii() or not token:
            self._json(401, {"error": "invalid_request"}, [("WWW-Authenticate", 'Bearer realm="demo"')])
            return
        claims, why = self.server.provider.userinfo(token)
        if claims is None:
            self._json(401, {"error": "invalid_token", "error_description": why},
                       [("WWW-Authenticate", f'Bearer realm="demo", error="invalid_token", error_description="{why}"')])
            return
        self.user = claims["email"]
        self._json(200, claims)

    def _introspect(self):
        kind, _, text = self.headers.get("Authorization", "").partition(" ")
        try:
            said = base64.b64decode(text, validate=True) if kind.lower() == "basic" else b""
        except binascii.Error:
            said = b""
        if not secrets.compare_digest(said, f"{INTROSPECT_ID}:{INTROSPECT_SECRET}".encode()):
            self._json(401, {"error": "invalid_client"}, [("WWW-Authenticate", 'Basic realm="demo"')])
            return
        token = self.form.get("token", "")
        answer = self.server.provider.introspect(token) if token.isascii() else {"active": False}
        self.user = answer.get("email", "-")
        self._json(200, answer)

    def log_request(self, code="-", size="-"):
        path = urllib.parse.urlsplit(self.path).path
        path = path if path.isascii() and path.isprintable() else "?"
        self.server.log(f"{self.command} {path[:80]} {int(code)} {self.user}")

    def log_message(self, format, *args):
        """Errors of the transport say nothing that the one line per request does not."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, provider):
        super().__init__(address, Handler)
        self.provider = provider

    def log(self, text):
        print(time.strftime("%b %d %H:%M:%S"), "provider:", text, flush=True)

    def handle_error(self, request, client_address):
        self.log(f"connection lost: {type(sys.exception() if hasattr(sys, 'exception') else sys.exc_info()[1]).__name__}")


def control_answer(provider, request):
    """What `./demo token` asks for. Only the owner of the socket gets here."""
    if request.get("do") == "token":
        address = provider.add_user(request["user"])
        return {"token": provider.mint(address, float(request["seconds"]))}
    if request.get("do") == "provision":
        return {"users": provider.provision(request["url"], request["secret"])}
    if request.get("do") in ("join", "leave", "return", "delete"):
        what = {"join": provider.join, "leave": provider.leave, "return": provider.join, "delete": provider.delete}
        return {"id": what[request["do"]](request["user"])}
    if request.get("do") == "revoke":
        return {"revoked": provider.revoke(request["token"])}
    raise ValueError("unknown request")


def control_serve(provider, path):
    """Binds before it returns; then serves one request per connection from a thread of its own."""
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(mask)
    listener.listen(16)

    def loop():
        while True:
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb") as stream:
                connection.settimeout(5)
                try:
                    answer = control_answer(provider, json.loads(stream.readline(BODY_MAX)))
                except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException, scim_client.Refused) as error:
                    answer = {"error": str(error)}
                try:
                    stream.write(json.dumps(answer).encode() + b"\n")
                    stream.flush()
                except OSError:
                    pass

    threading.Thread(target=loop, daemon=True).start()


def control_ask(path, request):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(path)
        connection.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(connection.makefile("rb").readline(BODY_MAX))
    if "error" in answer:
        sys.exit(f"provider: {answer['error']}")
    return answer


def serve(options):
    host, _, port = options.listen.rpartition(":")
    if not ipaddress.ip_address(host.strip("[]")).is_loopback:
        sys.exit("provider: it believes everybody, so it listens on loopback addresses only")
    scheme = "https" if options.cert else "http"
    issuer = (options.issuer or f"{scheme}://{options.listen}").rstrip("/")
    signer = Signer(os.path.dirname(os.path.abspath(options.control)))
    provider = Provider(issuer, options.user or [FIXED_USER, "user1@example.com"], signer)
    server = Server((host.strip("[]"), int(port)), provider)
    if options.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.cert, options.key)
        # The handshake happens in the connection's thread, so that a silent client stops nobody else.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    control_serve(provider, options.control)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.log(f"ready at {issuer}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


def main():
    parser = argparse.ArgumentParser(description="A small OpenID provider for trying Postern on one machine.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser("serve")
    run.add_argument("--listen", default="127.0.0.1:10880")
    run.add_argument("--issuer")
    run.add_argument("--cert")
    run.add_argument("--key")
    run.add_argument("--user", action="append")
    token = verbs.add_parser("token")
    token.add_argument("user")
    life = token.add_mutually_exclusive_group()
    life.add_argument("--for", dest="seconds", type=float, default=float(TOKEN_SECONDS))
    life.add_argument("--expired", action="store_true")
    revoke = verbs.add_parser("revoke")
    provision = verbs.add_parser("provision")
    provision.add_argument("--url", required=True)
    people = [verbs.add_parser(name) for name in ("join", "leave", "return", "delete")]
    for verb in people:
        verb.add_argument("user")
    for verb in (run, token, revoke, provision, *people):
        verb.add_argument("--control", required=True)
    options = parser.parse_args()
    if options.verb == "serve":
        serve(options)
    elif options.verb == "token":
        seconds = -180.0 if options.expired else options.seconds
        print(control_ask(options.control, {"do": "token", "user": options.user, "seconds": seconds})["token"])
    elif options.verb == "provision":
        request = {"do": "provision", "url": options.url, "secret": sys.stdin.read().strip()}
        print(control_ask(options.control, request)["users"])
    elif options.verb != "revoke":
        print(control_ask(options.control, {"do": options.verb, "user": options.user})["id"] or "")
    else:
        print("revoked" if control_ask(options.control, {"do": "revoke", "token": sys.stdin.read().strip()})["revoked"]
              else "unknown")


if __name__ == "__main__":
    main()
