"""scim_clients.py - what the tests of provisioning share: a daemon with the SCIM door, teams with a domain and a token of their own,
a client that looks at the form of every reply, and what mail sees of it all."""

import http.client
import json
import os
import re
import urllib.parse

import daemon as daemons
import ends
import public

TYPE = "application/scim+json"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MAIL_USER = "urn:ietf:params:scim:schemas:extension:mail:2.0:User"
MAIL_GROUP = "urn:ietf:params:scim:schemas:extension:mail:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
SCIM_TYPES = {"invalidFilter", "tooMany", "uniqueness", "mutability", "invalidSyntax", "invalidPath", "noTarget", "invalidValue",
              "invalidVers", "sensitive", "invalidCursor", "expiredCursor", "invalidCount"}
TEAMS_MAX = 400

PROVIDER = """
provider "fake" {{
  userinfo = "http://127.0.0.1:{port}/userinfo"
  domains  = {{{domains}}}
  cache_lifetime = 0s
  refused_lifetime = 0s
}}
"""


def vectors(client):
    """What a client sends, to the letter: {name: body}."""
    with open(f"{os.path.dirname(os.path.abspath(__file__))}/scim_vectors/{client}.json", encoding="utf-8") as file:
        return json.load(file)


def fill(body, **values):
    """A vector with its words in capitals (DOMAIN, ID …) replaced."""
    text = json.dumps(body)
    for name, value in values.items():
        text = re.sub(rf"\b{name}\b", lambda _, value=value: value, text)
    return json.loads(text)


def start(make_daemon, scim=None, **settings):
    """A daemon with both HTTP listeners; `settings` are of [http], `scim` are those of [scim]."""

    def prepare(daemon):
        domains = ", ".join(f'"t{number}.example.com"' for number in range(1, TEAMS_MAX))
        daemon.providers = PROVIDER.format(port=daemon.provider.port, domains=f'"example.com", {domains}')
        daemon.providers += f"scim {{\n{daemons.settings(scim or {})}\n}}\n"
        return {}

    return public.start(make_daemon, prepare, **settings)


class Reply:
    def __init__(self, response, asked):
        self.status, self.headers, self.text, self.asked = response.status, response.headers, response.read(), asked
        self.body = json.loads(self.text) if self.text else None

    def __repr__(self):
        return f"{self.asked}: {self.status} {dict(self.headers)} {self.text[:3000]!r}"

    def __getitem__(self, name):
        return self.body[name]

    @property
    def id(self):
        return self.body["id"]

    @property
    def detail(self):
        return self.body["detail"]

    @property
    def resources(self):
        return self.body["Resources"]

    def refused(self, status, scim_type=None, *words):
        """That it says no in this way, and that the detail has all of these words."""
        assert self.status == status, self
        assert self.body.get("scimType") == scim_type, self
        for word in words:
            assert word.lower() in self.detail.lower(), (word, self)
        return self


def whole_number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def check_resource(reply, resource):
    assert isinstance(resource["id"], str) and resource["id"] and "bulkid" not in resource["id"].lower(), reply
    schemas = resource["schemas"]
    assert schemas and len(schemas) == len(set(schemas)), reply
    assert set(schemas) <= {USER, ENTERPRISE, MAIL_USER, GROUP, MAIL_GROUP}, reply
    assert "password" not in {name.lower() for name in resource}, reply
    for urn in (ENTERPRISE, MAIL_USER, MAIL_GROUP):
        assert (urn in resource) <= (urn in schemas), reply
    meta = resource.get("meta", {})
    if "location" in meta and "resourceType" in meta:
        assert meta["location"].endswith(f"/scim/v2/{meta['resourceType']}s/{resource['id']}"), reply


def check_form(reply):
    """What holds for every reply, whoever asks (N2, N13, N16, N28, N45, N47)."""
    if not reply.text:
        assert reply.status in (204, 304), reply
        return
    assert reply.headers["Content-Type"].split(";")[0].strip() == TYPE, reply
    assert reply.status not in (204, 304), reply
    body = reply.body
    assert isinstance(body, dict), reply
    if reply.status >= 400:
        assert body["schemas"] == [ERROR] and body["status"] == str(reply.status), reply
        assert isinstance(body["detail"], str) and body["detail"], reply
        assert body.get("scimType", "tooMany") in SCIM_TYPES, reply
    elif LIST in body["schemas"]:
        assert body["schemas"] == [LIST], reply
        assert all(whole_number(body[name]) for name in ("totalResults", "startIndex", "itemsPerPage")), reply
        assert isinstance(body["Resources"], list) and len(body["Resources"]) == body["itemsPerPage"], reply
        for resource in body["Resources"]:
            if resource.get("meta", {}).get("resourceType", "User") in ("User", "Group"):
                check_resource(reply, resource)
    elif {USER, GROUP} & set(body["schemas"]):
        check_resource(reply, body)
        if "version" in body.get("meta", {}):
            assert reply.headers["ETag"] == body["meta"]["version"], reply
        if "location" in body.get("meta", {}):
            assert reply.status != 201 or reply.headers["Location"] == body["meta"]["location"], reply


class Client:
    """A keep-alive connection with the headers of whom it plays."""

    def __init__(self, port, secret, headers=None, source=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=daemons.PATIENCE, source_address=source)
        self.headers = {"Content-Type": TYPE, "Accept": TYPE}
        if secret is not None:
            self.headers["Authorization"] = f"Bearer {secret}"
        self.headers |= headers or {}
        self.log = []  # "METHOD target" of all that it sent

    def close(self):
        self.connection.close()

    def ask(self, method, target, body=None, expect=None, headers=None, base="/scim/v2"):
        """The reply. `expect`: the status that it must have; `body` may be text as it goes over the wire."""
        headers = {**self.headers, **(headers or {})}
        if body is None:
            headers.pop("Content-Type", None)
        data = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        data = data.encode() if isinstance(data, str) else data
        self.log.append(f"{method} {target}")
        self.connection.request(method, base + target, data, {name: value for name, value in headers.items() if value is not None})
        with self.connection.getresponse() as response:
            reply = Reply(response, f"{method} {target} {body}")
        check_form(reply)
        assert expect is None or reply.status == expect, reply
        return reply

    def get(self, target, expect=200, **more):
        return self.ask("GET", target, None, expect, **more)

    def post(self, target, body, expect=201, **more):
        return self.ask("POST", target, body, expect, **more)

    def put(self, target, body, expect=200, **more):
        return self.ask("PUT", target, body, expect, **more)

    def patch(self, target, body, expect=None, **more):
        """`body`: the whole, or a list of operations. A plain 204 becomes what is there afterwards."""
        whole = {"schemas": [PATCH], "Operations": body} if isinstance(body, list) else body
        reply = self.ask("PATCH", target, whole, expect, **more)
        assert expect or reply.status in (200, 204), reply
        return self.get(target) if reply.status == 204 and not expect else reply

    def delete(self, target, expect=204, **more):
        return self.ask("DELETE", target, None, expect, **more)

    def find(self, filter_text, kind="Users", expect=200, **more):
        """A list, or its refusal."""
        return self.get(f"/{kind}?filter=" + urllib.parse.quote(filter_text, safe=""), expect, **more)

    def found(self, filter_text, kind="Users"):
        """The userNames or displayNames that match, sorted."""
        name = "userName" if kind == "Users" else "displayName"
        return sorted(resource[name] for resource in self.find(filter_text, kind).resources)


class Team:
    """A domain, the token that may write it, and what mail sees of it."""

    def __init__(self, daemon, options=(), rights="users,groups"):
        number = daemon.teams = getattr(daemon, "teams", 0) + 1
        assert number < TEAMS_MAX
        self.daemon, self.name, self.domain = daemon, f"team{number}", f"t{number}.example.com"
        daemon.postern("domain", "add", self.domain)
        done = daemon.postern("scim-token", "create", self.name, "--domains", self.domain, "--rights", rights,
                              *(option.format(domain=self.domain) for option in options))
        self.secret = done.stdout.strip()
        assert re.fullmatch(r"psc_[A-Za-z0-9_-]{43}", self.secret), done

    def client(self, **headers):
        return Client(self.daemon.public_port, self.secret, {name.replace("_", "-"): value for name, value in headers.items()})

    def at(self, local):
        return f"{local}@{self.domain}"

    def user(self, local, **more):
        """A plain user's body."""
        address = self.at(local)
        return {"schemas": [USER], "userName": address, "emails": [{"value": address, "type": "work", "primary": True}], **more}

    # ---- what mail sees ----

    def reaches(self, address):
        """The mailboxes that mail to it ends in, as Postfix expands it; addresses elsewhere as they are."""
        ends_in, waiting, seen = set(), [address], set()
        with self.daemon.map() as maps:
            while waiting:
                one = waiting.pop()
                if one in seen:
                    continue
                seen.add(one)
                answer = maps.ask("aliases", one)
                targets = [target.strip() for target in answer[3:].split(",")] if answer.startswith("OK ") else []
                waiting += [target for target in targets if target != one]
                local = maps.ask("domains", one.partition("@")[2]) == "OK 1"
                alone = not targets or one in targets
                if alone and (not local or maps.ask("mailboxes", one) == "OK 1"):
                    ends_in.add(one)
        return ends_in

    def senders(self, address):
        """Who may send as that."""
        with self.daemon.map() as maps:
            answer = maps.ask("senders", address)
        return set(answer[3:].split(",")) if answer.startswith("OK ") else set()

    def token_login(self, name, subject=None, mail=None, kind="good"):
        """Dovecot's answer to somebody who shows the provider's token."""
        mail = mail or name
        with self.daemon.dovecot() as end:
            return end.login("XOAUTH2", ends.xoauth2(name, daemons.token(f"{mail}|{subject}" if subject else mail, kind)))

    def password_login(self, name, password):
        with self.daemon.dovecot() as end:
            return end.login("PLAIN", ends.plain(name, password))

    def may_send(self, name, sender):
        """Whether the policy lets them, once signed in."""
        with self.daemon.policy() as policy:
            return policy.ask(sasl_username=name, sender=sender, recipient="x@example.net") == "DUNNO"

    def home(self, address):
        """Where its mail lies; None: it has no mailbox."""
        with self.daemon.userdb() as userdb:
            return next((field for field in userdb.user(address) if field.startswith("home=")), None)

    def shown(self, address):
        """The command line's view of the account."""
        return json.loads(self.daemon.postern("account", "show", address, "--json").stdout)

    def audit(self):
        """How many changes its client made so far, by the daemon's own count."""
        return len(audit_rows(self.daemon, f"scim:{self.name}"))


def audit_rows(daemon, actor):
    """The audit rows of an actor, read from the store: {action, subject, …} oldest first."""
    import sqlite3
    with sqlite3.connect(f"file:{daemon.directory}/lib/accounts.db?mode=ro", uri=True, timeout=daemons.PATIENCE) as store:
        store.row_factory = sqlite3.Row
        return [dict(row) for row in store.execute("SELECT * FROM audit WHERE actor = ? ORDER BY rowid", (actor,))]


def stays(client, target, change):
    """That `change` is no change: version and lastModified are what they were (N16)."""
    before = client.get(target)["meta"]
    reply = change()
    after = client.get(target)["meta"]
    assert after == before, reply
    return reply
