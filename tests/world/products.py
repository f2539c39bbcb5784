"""products.py - what each provider answers, token by token: discovery, keys, claims, userinfo, introspection.

A product is made from a provider block of postern.conf, so that the two agree on issuers, clients and audiences, and on
nothing else. It issues tokens as the real one does and remembers them; tests change what they want changed.
"""

import base64
import re
import secrets
import threading
import time
import urllib.parse
import uuid

import tokens
from server import Answer

LIFE = 3600
OTHER_CLIENT = "otherapp"


class Block:
    """The settings of one `provider "NAME" { … }`, as text and as values."""

    def __init__(self, name, text):
        self.name, self.text = name, text
        inner = re.search(r"introspection\s*\{(.*?)\}\s*(?:\n|$|\})", text, re.S)
        self.inner = self.values(inner[1]) if inner else {}
        self.outer = self.values(re.sub(r"introspection\s*\{.*?\}\s*(?=\n|$|\})", "", text, flags=re.S))

    @staticmethod
    def values(text):
        text = re.sub(r"#.*", "", text)
        found = {}
        for name, many, one, bare in re.findall(r'(\w+)\s*=\s*(?:\{([^}]*)\}|"([^"]*)"|(\w+))', text):
            found[name] = re.findall(r'"([^"]*)"', many) if many else one or bare
        return found

    def get(self, name, default=None):
        return self.outer.get(name, default)

    def list(self, name):
        value = self.outer.get(name, [])
        return [value] if isinstance(value, str) else value


def blocks_of(text):
    """Every provider block in it. Braces in strings and comments are not expected there."""
    found = []
    for start in re.finditer(r'^[ \t]*provider\s+"([^"]+)"\s*\{', text, re.M):
        depth, at = 1, start.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        found.append(Block(start[1], text[start.start():at]))
    return found


class Person:
    def __init__(self, address, verified=True, subject=None):
        self.address = address
        self.verified = verified
        self.subject = subject or str(uuid.uuid5(uuid.NAMESPACE_URL, address))

    @property
    def local(self):
        return self.address.partition("@")[0]


class Record:
    """A token that the provider knows: of whom, for which client, of what kind (access, id, refresh)."""

    def __init__(self, person, client, issuer, kind, claims):
        self.person, self.client, self.issuer, self.kind, self.claims = person, client, issuer, kind, claims
        self.active = True

    @property
    def alive(self):
        return self.active and self.claims["exp"] > time.time()


class Product:
    """A provider without peculiarities: RFC 9068 access tokens, discovery, userinfo with e-mail, RFC 7662 introspection."""

    opaque = False               # what it gives to a client when nothing else is asked
    key_kinds = (("RSA", "RS256"),)
    header = {"typ": "at+jwt"}
    scope = "openid email profile"
    jwts = True                  # and JWTs when they are asked for
    local = True                 # we prove its JWTs from its keys
    marked = False               # an ID token lacks more than a nonce
    leaves_out_of_tokens = ()    # what only userinfo says
    questions = 1                # about a token that does not say all: two where another answer has the e-mail

    def name_claim(self, issuer):
        """What says whose mailbox it is."""
        return "email"

    def __init__(self, block):
        self.block = block
        self.issuers = self.find_issuers()
        self.clients = block.list("clients") or self.find_clients()
        self.audiences = block.list("audiences")
        self.people = {}
        self.known = {}          # token → Record
        self.keys = {}           # issuer → its keys, the one that signs first
        self.rotate()
        self.more_keys = []      # published beside them: JWKs
        self.credentials = None  # (id, secret) that introspection asks for
        self.leaves_out = ()     # claims that are missing everywhere
        self.lock = threading.Lock()

    # ---- where it is ----

    def find_issuers(self):
        return self.block.list("issuer")

    def find_clients(self):
        return ["client"]

    @property
    def token_says_all(self):
        """Nobody is asked about a JWT."""
        return self.local and "email" not in self.leaves_out_of_tokens

    @property
    def issuer(self):
        return self.issuers[0]

    def endpoints(self, issuer):
        base = issuer.rstrip("/")
        return {"jwks": base + "/keys", "userinfo": base + "/userinfo", "introspection": base + "/introspect", "token": base + "/token"}

    def discovery_url(self, issuer):
        return issuer.rstrip("/") + "/.well-known/openid-configuration"

    def urls(self):
        """Every URL that it answers at → (endpoint, issuer)."""
        found = {}
        for issuer in self.issuers:
            found[self.discovery_url(issuer)] = ("discovery", issuer)
            for endpoint, url in self.endpoints(issuer).items():
                found.setdefault(url, (endpoint, issuer))
        return found

    @property
    def hosts(self):
        return {urllib.parse.urlsplit(url).hostname for url in self.urls()}

    def handle(self, request):
        scheme = "https" if request.port == 443 else "http"
        endpoint, issuer = self.urls().get(f"{scheme}://{request.host}{request.path}", (None, None))
        request.endpoint = endpoint
        if endpoint is None:
            return Answer(404, {"error": "not_found"})
        with self.lock:
            return getattr(self, "answer_" + endpoint)(request, issuer)

    # ---- what it publishes ----

    def discovery(self, issuer):
        where = self.endpoints(issuer)
        said = {"issuer": issuer, "authorization_endpoint": issuer.rstrip("/") + "/authorize", "token_endpoint": where["token"],
                "jwks_uri": where["jwks"], "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
        for endpoint in ("userinfo", "introspection"):
            if endpoint in where:
                said[endpoint + "_endpoint"] = where[endpoint]
        return said

    def answer_discovery(self, request, issuer):
        return Answer(200, self.discovery(issuer))

    def answer_jwks(self, request, issuer):
        return Answer(200, {"keys": [key.jwk for key in self.keys_of(issuer)] + self.more_keys})

    def answer_token(self, request, issuer):
        return Answer(400, {"error": "unsupported_grant_type"})

    def keys_of(self, issuer):
        return self.keys[issuer if issuer in self.keys else self.issuer]

    def rotate(self, keep=False):
        """New keys for what is issued from now on; the old ones stay published if they are kept."""
        for issuer in self.issuers:
            fresh = [tokens.Key(kind, alg=alg) for kind, alg in self.key_kinds]
            self.keys[issuer] = fresh + (self.keys[issuer] if keep else [])

    # ---- what it issues ----

    def person(self, address):
        if address not in self.people:
            self.people[address] = Person(address)
        return self.people[address]

    def client_of(self, issuer):
        return self.clients[0]

    def audience(self, client):
        return self.audiences or [client]

    def access_claims(self, person, client, issuer):
        return {"client_id": client, "scope": self.scope, "email": person.address, "email_verified": person.verified}

    def claims(self, address, client=None, issuer=None, kind="access"):
        person, issuer = self.person(address), issuer or self.issuer
        client = client or self.client_of(issuer)
        now = int(time.time())
        said = {"iss": issuer, "sub": person.subject, "aud": self.audience(client), "iat": now, "exp": now + LIFE, "jti": str(uuid.uuid4())}
        said |= getattr(self, kind + "_claims")(person, client, issuer)
        return {name: value for name, value in said.items() if name not in self.leaves_out and value is not None}

    def id_claims(self, person, client, issuer):
        return {"aud": client, "azp": client, "nonce": "n-0S6_WzA2Mj", "at_hash": "77QmUPtjPfzWtF2AnpK9RQ", "auth_time": int(time.time()),
                "email": person.address, "email_verified": person.verified, "preferred_username": person.local}

    id_header = {"typ": "JWT"}

    def key(self, issuer=None):
        return self.keys_of(issuer or self.issuer)[0]

    def jwt(self, claims, header=None, kind="access"):
        header = (self.header if kind == "access" else self.id_header) | (header or {})
        return tokens.mint(claims, self.key(claims.get("iss")), header=header)

    def issue(self, address, client=None, issuer=None, kind="access", opaque=None, header=None, **changes):
        """A token as the product makes it, with `changes` to its claims (None: left out)."""
        issuer = issuer or self.issuer
        client = client or self.client_of(issuer)
        if kind == "refresh":
            token, claims = self.refresh(address, client, issuer)
        else:
            claims = self.claims(address, client, issuer, kind) | changes
            claims = {name: value for name, value in claims.items() if value is not None}
            if (self.opaque if opaque is None else opaque) and kind == "access":
                token = self.opaque_token()
            else:
                token = self.jwt(claims, header, kind)
        self.remember(token, address, client, issuer, kind, claims)
        return token

    def remember(self, token, address, client, issuer, kind="access", claims=None):
        self.known[token] = Record(self.person(address), client, issuer, kind, claims or {"exp": time.time() + LIFE})
        return token

    def opaque_token(self):
        return secrets.token_urlsafe(32)

    def refresh(self, address, client, issuer):
        return secrets.token_urlsafe(48), {"exp": int(time.time()) + 30 * 86400}

    def revoke(self, token):
        self.known[token].active = False

    def substituted(self, address):
        """Good tokens of the same person that are for somebody else."""
        other = {} if self.block.list("clients") else {"aud": "https://other.example.net"}
        forms = (True, False) if self.opaque and self.jwts else (self.opaque,)
        return [self.issue(address, OTHER_CLIENT, opaque=opaque, **other) for opaque in forms]

    # ---- what it answers about them ----

    def record(self, token, kinds=("access",)):
        record = self.known.get(token)
        return record if record and record.alive and record.kind in kinds else None

    def userinfo_claims(self, record):
        person = record.person
        said = {"sub": person.subject, "email": person.address, "email_verified": person.verified, "preferred_username": person.local}
        said |= {name: record.claims[name] for name in ("sub", "email", "email_verified") if name in record.claims}
        return {name: value for name, value in said.items() if name not in self.leaves_out}

    def answer_userinfo(self, request, issuer):
        record = self.record(request.bearer)
        if record is None:
            return Answer(401, {"error": "invalid_token"}, WWW_Authenticate='Bearer error="invalid_token"')
        return Answer(200, self.userinfo_claims(record))

    def introspected(self, record):
        """Of a token that it knows."""
        return {"active": True, "sub": record.person.subject, "client_id": record.client, "exp": int(record.claims["exp"]),
                "iss": record.issuer, "scope": record.claims.get("scope", self.scope), "token_type": "Bearer",
                "username": record.person.local}

    def authorized(self, request):
        if self.credentials is None:
            return False
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            said = base64.b64decode(text).decode().split(":", 1)
            return tuple(urllib.parse.unquote_plus(part) for part in said) == self.credentials
        return (request.form.get("client_id"), request.form.get("client_secret")) == self.credentials

    def answer_introspection(self, request, issuer):
        if request.method != "POST" or not self.authorized(request):
            return Answer(401, {"error": "invalid_client"})
        record = self.record(request.form.get("token"), ("access", "refresh"))
        return Answer(200, self.introspected(record) if record else {"active": False})


class Authentik(Product):
    """One issuer for each application: its clients in the order of its issuers. Access tokens copy the nonce."""

    marked = True
    header = {"typ": "JWT"}

    def endpoints(self, issuer):
        base = "/".join(issuer.split("/", 3)[:3]) + "/application/o/"
        return {"jwks": issuer.rstrip("/") + "/jwks/", "userinfo": base + "userinfo/", "introspection": base + "introspect/",
                "token": base + "token/"}

    def client_of(self, issuer):
        return self.clients[min(self.issuers.index(issuer), len(self.clients) - 1)]

    def access_claims(self, person, client, issuer):
        return {"aud": client, "azp": client, "uid": secrets.token_urlsafe(20), "scope": self.scope, "nonce": "n-0S6_WzA2Mj", "acr": "goauthentik.io/providers/oauth2/default",
                "auth_time": int(time.time()), "email": person.address, "email_verified": person.verified,
                "preferred_username": person.local, "name": person.local.title(), "groups": ["everybody"], "sid": "sid-" + person.subject}


class Keycloak(Product):
    marked = True
    header = {"typ": "JWT"}

    def endpoints(self, issuer):
        base = issuer + "/protocol/openid-connect"
        return {"jwks": base + "/certs", "userinfo": base + "/userinfo", "introspection": base + "/token/introspect", "token": base + "/token"}

    def access_claims(self, person, client, issuer):
        return {"aud": "account", "azp": client, "typ": "Bearer", "sid": "sid-" + person.subject, "scope": self.scope, "acr": "1",
                "realm_access": {"roles": ["offline_access"]}, "resource_access": {"account": {"roles": ["view-profile"]}},
                "preferred_username": person.local, "email": person.address, "email_verified": person.verified}

    def id_claims(self, person, client, issuer):
        return super().id_claims(person, client, issuer) | {"typ": "ID", "sid": "sid-" + person.subject}

    def refresh(self, address, client, issuer):
        claims = self.claims(address, client, issuer) | {"typ": "Refresh", "aud": issuer}
        return tokens.mint(claims, header={"typ": "JWT", "alg": "HS512", "kid": "internal"}, alg="HS512",
                           sign=lambda data: tokens.hs("HS512", b"the realm's own", data)), claims


class Entra(Product):
    """Version 1 and version 2 tokens of one tenant, for one API."""

    marked = True
    header = {"typ": "JWT"}
    key_kinds = (("RSA", None),)
    GRAPH = "00000003-0000-0000-c000-000000000000"

    @property
    def tenant(self):
        return self.block.get("tenant")

    def find_issuers(self):
        return [f"https://login.microsoftonline.com/{self.tenant}/v2.0", f"https://sts.windows.net/{self.tenant}/"]

    def keys_of(self, issuer):
        return self.keys[self.issuer]      # both versions publish the same

    def endpoints(self, issuer):
        base = f"https://login.microsoftonline.com/{self.tenant}"
        jwks = base + "/discovery/v2.0/keys" if issuer.endswith("/v2.0") else "https://login.microsoftonline.com/common/discovery/keys"
        return {"jwks": jwks, "token": base + "/oauth2/v2.0/token", "userinfo": "https://graph.microsoft.com/oidc/userinfo"}

    def find_clients(self):
        return [str(uuid.uuid5(uuid.NAMESPACE_URL, "client"))]

    def audience(self, client):
        return self.audiences[0] if self.audiences else client

    def name_claim(self, issuer):
        return "preferred_username" if issuer.endswith("/v2.0") else "upn"

    def substituted(self, address):
        other = str(uuid.uuid5(uuid.NAMESPACE_URL, "other API"))
        return [self.issue(address, issuer=issuer, aud=audience) for issuer in self.issuers
                for audience in (other, "api://" + other, self.GRAPH, "https://graph.microsoft.com", "https://graph.microsoft.com/")]

    def object_id(self, person):
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "oid-" + person.subject))

    def access_claims(self, person, client, issuer):
        said = {"oid": self.object_id(person), "tid": self.tenant, "scp": "IMAP.AccessAsUser.All SMTP.Send", "nbf": int(time.time()), "jti": None,
                "uti": secrets.token_urlsafe(16), "name": person.local.title()}
        if issuer.endswith("/v2.0"):
            return said | {"ver": "2.0", "azp": client, "preferred_username": person.address}
        api = self.audience(client)
        return said | {"ver": "1.0", "appid": client, "upn": person.address, "unique_name": person.address,
                       "aud": api if api.startswith("api://") else "api://" + api}

    def id_claims(self, person, client, issuer):
        return {"aud": client, "oid": self.object_id(person), "tid": self.tenant, "ver": "2.0", "nonce": "678910",
                "preferred_username": person.address, "email": person.address}

    def userinfo_claims(self, record):
        return {"sub": record.person.subject, "email": record.person.address, "name": record.person.local}

    def answer_userinfo(self, request, issuer):
        return Answer(401, {"error": {"code": "InvalidAuthenticationToken"}})     # of Graph: it takes none of ours


class Google(Product):
    """Opaque tokens; `tokeninfo` says numbers and booleans as strings."""

    jwts = False
    local = False
    opaque = True
    questions = 2

    def find_issuers(self):
        return ["https://accounts.google.com"]

    def endpoints(self, issuer):
        return {"jwks": "https://www.googleapis.com/oauth2/v3/certs", "userinfo": "https://openidconnect.googleapis.com/v1/userinfo",
                "token": "https://oauth2.googleapis.com/token", "tokeninfo": "https://oauth2.googleapis.com/tokeninfo"}

    def opaque_token(self):
        return "ya29." + secrets.token_urlsafe(120)

    def refresh(self, address, client, issuer):
        return "1//" + secrets.token_urlsafe(60), {"exp": int(time.time()) + 30 * 86400}

    def answer_tokeninfo(self, request, issuer):
        record = self.record(request.form.get("access_token"))
        if record is None:
            return Answer(400, {"error": "invalid_token", "error_description": "Invalid Value"})
        said = {"azp": record.client, "aud": record.client, "sub": record.person.subject, "scope": "openid https://www.googleapis.com/auth/userinfo.email https://mail.google.com/",
                "exp": str(int(record.claims["exp"])), "expires_in": str(int(record.claims["exp"] - time.time())), "email": record.person.address,
                "email_verified": "true" if record.person.verified is True else "false", "access_type": "online"}
        said |= {name: record.claims[name] for name in ("sub", "email", "email_verified") if name in record.claims and not isinstance(record.claims[name], bool)}
        return Answer(200, {name: value for name, value in said.items() if name not in self.leaves_out})

    def hosted_domain(self, person):
        domain = person.address.partition("@")[2]
        return {"hd": domain} if domain != "gmail.com" else {}

    def userinfo_claims(self, record):
        said = super().userinfo_claims(record) | self.hosted_domain(record.person) | {"picture": "https://lh3.googleusercontent.com/a/x"}
        said |= {name: record.claims[name] for name in ("hd",) if name in record.claims}
        return {name: value for name, value in said.items() if name not in self.leaves_out}

    def access_claims(self, person, client, issuer):
        return {}

    def id_claims(self, person, client, issuer):
        return super().id_claims(person, client, issuer) | self.hosted_domain(person)


class Kanidm(Product):
    """Issuer, keys and userinfo for each client, who is the issuer's last segment; no e-mail in the token."""

    marked = True
    leaves_out_of_tokens = ("email",)
    key_kinds = (("P-256", "ES256"),)

    def find_clients(self):
        return [self.issuer.rsplit("/", 1)[1]]

    def endpoints(self, issuer):
        origin = "/".join(issuer.split("/", 3)[:3])
        return {"jwks": issuer + "/public_key.jwk", "userinfo": issuer + "/userinfo", "introspection": origin + "/oauth2/token/introspect",
                "token": origin + "/oauth2/token"}

    def access_claims(self, person, client, issuer):
        return {"aud": client, "client_id": client, "nbf": int(time.time()), "jti": None, "scope": self.scope, "session_id": str(uuid.uuid4()),
                "nonce": "n-0S6_WzA2Mj"}

    def substituted(self, address):
        other = self.issuer.rsplit("/", 1)[0] + "/" + OTHER_CLIENT
        return [self.issue(address, OTHER_CLIENT), tokens.mint(self.claims(address, OTHER_CLIENT) | {"iss": other}, self.key(), header=self.header)]

    def answer_userinfo(self, request, issuer):
        record = self.record(request.bearer)
        if record and record.issuer != issuer:
            record = None
        if record is None:
            return Answer(401, {"error": "invalid_token"})
        return Answer(200, self.userinfo_claims(record) | {"iss": issuer, "aud": record.client})


class Authelia(Product):
    """Opaque tokens, or JWTs; introspection says the client, userinfo the e-mail."""

    opaque = True
    questions = 2
    local = False

    def endpoints(self, issuer):
        return {"jwks": issuer + "/jwks.json", "userinfo": issuer + "/api/oidc/userinfo", "introspection": issuer + "/api/oidc/introspection",
                "token": issuer + "/api/oidc/token"}

    def opaque_token(self):
        return "authelia_at_" + secrets.token_urlsafe(60)

    def refresh(self, address, client, issuer):
        return "authelia_rt_" + secrets.token_urlsafe(60), {"exp": int(time.time()) + 5400}

    def introspected(self, record):
        said = super().introspected(record) | {"aud": [], "iat": int(time.time())}
        if record.kind == "refresh":
            said |= {"token_use": "refresh_token"}
        return said


class Zitadel(Product):
    """Opaque tokens, or JWTs without an e-mail; introspection for who is in the token's audience."""

    opaque = True
    local = False

    def endpoints(self, issuer):
        return {"jwks": issuer + "/oauth/v2/keys", "userinfo": issuer + "/oidc/v1/userinfo", "introspection": issuer + "/oauth/v2/introspect",
                "token": issuer + "/oauth/v2/token"}

    header = {"typ": "JWT"}

    def audience(self, client):
        return [client, self.credentials[0] if self.credentials else "API", "project"]

    def access_claims(self, person, client, issuer):
        return {"nbf": int(time.time()), "client_id": client}

    def introspected(self, record):
        person = record.person
        said = super().introspected(record) | {"aud": record.claims.get("aud", self.audience(record.client)), "email": person.address,
                                               "email_verified": person.verified, "username": person.address, "iat": int(time.time())}
        said |= {name: record.claims[name] for name in ("email", "email_verified") if name in record.claims}
        if record.kind == "refresh":
            return {"active": False}
        return {name: value for name, value in said.items() if name not in self.leaves_out}


class Opaque(Product):
    """Opaque tokens, or JWTs; everything is asked about."""

    opaque = True
    questions = 2
    local = False


PRODUCTS = {"authentik": Authentik, "keycloak": Keycloak, "entra": Entra, "google": Google, "kanidm": Kanidm,
            "authelia": Authelia, "zitadel": Zitadel}


def product_of(block):
    plain = Opaque if block.get("check") == "introspection" else Product
    return PRODUCTS.get(block.get("preset"), plain)(block)
