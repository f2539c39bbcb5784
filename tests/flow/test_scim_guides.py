"""The guides docs/scim-*.md: their commands are run and their JSON is sent, in the order in which they stand there, and each does what
the guide says; the Python of Authentik's property mappings is executed, and makes the JSON that stands below it."""

import glob
import json
import os
import re
import shlex
import subprocess
import textwrap
import types

import pytest

import daemon as daemons
import public
import scim_clients
from scim_clients import MAIL_USER, USER
from test_scim_clients_authentik import differs

DOCS = f"{os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))}/docs"
DOMAINS = ("example.com", "lists.example.com")
PROVIDER = """
provider "work" {{
  userinfo = "http://127.0.0.1:{port}/userinfo"
  domains  = {{"example.com", "lists.example.com"}}
  cache_lifetime = 0s
  refused_lifetime = 0s
}}
"""
EVENT = re.compile(r"^ {4,}# (?P<command>postern [^\n]+)$|`(?P<method>[A-Z]+) (?P<path>/\w+)(?:/ID)?`[^`]*\n\n```json\n(?P<body>.*?)^```$", re.M | re.S)
# "postern …" inline, perhaps over two lines, or in a block of its own, with what follows it there
COMMAND = re.compile(r"`(?:# )?(postern\s[^`]+)`|^ {4,}(?:# )?(postern .+?)(?: {2,}.*| [|>] .*)?$", re.M)
ONELOGIN = {"$parameters.scimusername": "olga@example.com", "$user.email": "olga@example.com", "$user.display_name": "Olga Ivers",
            "$user.firstname": "Olga", "$user.lastname": "Ivers", "$user.custom_fields.mail_quota": "3G"}
GIB = 1 << 30
SUBJECT = "subject-of-"  # so begin the fake provider's


def text_of(name):
    with open(f"{DOCS}/{name}.md", encoding="utf-8") as file:
        return file.read()


class Guide(scim_clients.Team):
    """A daemon in which a guide is followed."""

    def __init__(self, make_daemon):
        def prepare(daemon):
            daemon.providers = PROVIDER.format(port=daemon.provider.port)
            return {"public_url": '"https://mail.example.com"'}

        self.daemon = public.start(make_daemon, prepare)
        self.domain = DOMAINS[0]
        self.daemon.postern("domain", "add", DOMAINS[1])
        self.http, self.ids, self.body = None, {}, None

    def run(self, command):
        words = shlex.split(command)[1:]
        done = self.daemon.postern(*words)
        if words[:2] == ["scim-token", "create"]:
            self.http = scim_clients.Client(self.daemon.public_port, done.stdout.strip())
            assert "https://mail.example.com/scim/v2" in done.stderr
        elif words[-1] == "--source":
            assert self.http and words[2] in done.stdout
        assert done.stdout.strip()

    def send(self, event):
        path = event["path"]
        target = path + (f"/{self.ids[path]}" if event["method"] != "POST" else "")
        body = event["body"].replace("ONE", self.ids.get("/Users", "")).replace('"externalId": "', f'"externalId": "{SUBJECT}')
        for name, value in ONELOGIN.items():
            body = body.replace("{" + name + "}", value)
        self.body = json.loads(body)
        reply = self.http.patch(target, self.body) if event["method"] == "PATCH" else self.http.ask(event["method"], target, self.body)
        assert reply.status == (201 if event["method"] == "POST" else 200), reply
        self.ids[path] = reply.id
        return reply

    def opens(self, local, subject):
        return self.token_login(self.at(local), subject=subject).ok


# ---- what the guides say of each of their bodies; `user` is the mail name of whom the guide is about ----


def made(user, quota=0, aliases=(), subject=None):
    def check(guide, reply):
        assert reply["userName"] == guide.body["userName"]
        shown = guide.shown(guide.at(user))
        assert shown["state"] == "active" and shown["quota_bytes"] == quota * GIB, shown
        for address in (user, *aliases):
            assert guide.reaches(guide.at(address)) == {guide.at(user)}
        if subject:
            assert guide.opens(user, subject) and not guide.opens(user, "somebody-else")
            assert shown["provider"] == "work" and shown["subject"] == SUBJECT + subject
        else:
            assert not shown.get("subject")
            assert guide.opens(user, f"first-{user}") and not guide.opens(user, "somebody-else")
    return check


def subject_of(guide, user):
    return guide.shown(guide.at(user))["subject"].removeprefix(SUBJECT)


def disabled(user):
    def check(guide, reply):
        assert reply["active"] is False and not guide.may_send(guide.at(user), guide.at(user))
        assert not guide.opens(user, subject_of(guide, user))
        assert guide.reaches(guide.at(user)) == {guide.at(user)}
    return check


def enabled(user):
    def check(guide, reply):
        assert reply["active"] is True and guide.may_send(guide.at(user), guide.at(user))
        assert guide.opens(user, subject_of(guide, user))
    return check


def reaches(address, *users):
    def check(guide, _):
        assert guide.reaches(address) == {guide.at(user) for user in users}
    return check


def both(*checks):
    def check(guide, reply):
        for one in checks:
            one(guide, reply)
    return check


def services(guide, _):
    assert guide.shown("mira@example.com")["services"] == ["imap", "smtp", "webmail"]


def quota_changed(guide, _):
    assert guide.shown("pia@example.com")["quota_bytes"] == 6 * GIB


def no_password(guide, _):
    assert not guide.password_login("isaac@example.com", "1mz050nq").ok


def members_left_out(guide, reply):
    guide.http.put(f"/Groups/{reply.id}", {name: value for name, value in guide.body.items() if name != "members"})
    assert guide.reaches("ops@example.com") == {"tor@example.com"}


def jumpcloud_again(guide, reply):
    guide.http.delete(f"/Users/{reply.id}")
    assert guide.reaches(reply["userName"]) == set()
    guide.http.post("/Users", guide.body)


def empty_quota(guide, _):
    other = dict(guide.body, userName="o@example.com", emails=[], **{MAIL_USER: {"quotaBytes": ""}})
    guide.http.post("/Users", other, 400).refused(400, "invalidValue", "quotaBytes")


def google_list(guide, reply):
    assert reply["schemas"] == [USER]


def custom_kept(guide, reply):
    assert reply["custom"] == {"floor": 3}


def without_email(guide, _):
    body = dict(guide.body, userName="pauline", externalId="2", emails=[])
    guide.http.post("/Users", body)
    assert guide.reaches("pauline@example.com") == {"pauline@example.com"}


def shared(guide, _):
    assert json.loads(guide.daemon.postern("group", "show", "support@example.com", "--json").stdout)["kind"] == "sharedMailbox"
    assert guide.home("support@example.com")


KEYCLOAK = "7d3cf1de-6c4f-4a5e-9a55-3f8f5a1f2b10"
ENTRA = "3c9e0f5a-6d4b-4a63-9d3f-0a3c8c1f7b52"
CHECKS = {
    "scim-authentik": [both(made("mira", 5, ["m.voss"], "5f1c0f3b"), services), reaches("sales@example.com"), reaches("sales@example.com", "mira")],
    "scim-entra": [made("pia", 5, ["p.lund", "lund"], ENTRA), both(reaches("lund@example.com", "pia"), reaches("p.lund@example.com")),
                   both(quota_changed, reaches("lund@example.com", "pia")), disabled("pia"), enabled("pia"), reaches("sales-berlin@example.com"),
                   reaches("sales-berlin@example.com", "pia")],
    "scim-okta": [both(made("isaac", 5, ["i.brock"], "00ujl29u0le5T6Aj10h7"), no_password), reaches("band@lists.example.com"),
                  reaches("band@lists.example.com", "isaac"), reaches("band@lists.example.com"), disabled("isaac")],
    "scim-keycloak": [made("tor", subject=KEYCLOAK), disabled("tor"), enabled("tor"), both(reaches("ops@example.com", "tor"), members_left_out),
                      reaches("ops@example.com")],
    "scim-others": [both(made("jumpcloud-test-user"), jumpcloud_again), both(made("olga", 3), empty_quota), made("petra"), disabled("petra"),
                    both(made("gus", subject="110248495921238986420"), google_list), both(made("rhea", subject="rY2fQ1kz9v"), custom_kept),
                    both(made("paul", subject="1ab1f2f0-3b3d-4a0e-9d35-6a4c2b8a9a11"), without_email), made("ada", 2, ["a.kern"]), shared],
}


def follow(guide, name):
    checks, text = iter(CHECKS[name]), text_of(name)
    for event in EVENT.finditer(text):
        if event["command"]:
            guide.run(event["command"])
        else:
            next(checks)(guide, guide.send(event))
    assert next(checks, None) is None, "a body of the guide was not found"


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_guide(make_daemon, name):
    """From its first command to its last."""
    text = text_of(name)
    assert text.count("```json") == len(CHECKS[name])
    guide = Guide(make_daemon)
    follow(guide, name)
    assert guide.daemon.lines(rf"scim_request client={name.removeprefix('scim-')} |scim_request client=script ")


def test_every_guide_is_here():
    assert {os.path.basename(path)[:-3] for path in glob.glob(f"{DOCS}/scim-*.md")} == set(CHECKS)


# ---- Authentik's property mappings ----


def attributes_of(text, first):
    """The YAML of an example: the indented lines from the one that begins with `first`."""
    found, name = {}, None
    for line in re.search(rf"^ {{4}}{first}:.*(?:\n {{4}}.+)*", text, re.M)[0].splitlines():
        line = line[4:]
        if line.startswith("  - "):
            found[name] = [*(found[name] or []), line[4:]]
            continue
        name, _, value = line.partition(":")
        value = value.strip()
        found[name] = [one.strip() for one in value[1:-1].split(",")] if value.startswith("[") else value or None
    return found


def mapping(number):
    code = re.findall(r"```python\n(.*?)```", text_of("scim-authentik"), re.S)[number]
    names = {}
    exec("def mapping(request, user, group, provider):\n" + textwrap.indent(code, "    "), names)  # pylint: disable=exec-used
    return lambda request=None, group=None: names["mapping"](request, request and request.user, group, None)


def request_of(attributes):
    user = types.SimpleNamespace(username="mira", name="Mira Voss", email="mira@example.com", attributes=attributes,
                                 group_attributes=lambda request=None: attributes)
    return types.SimpleNamespace(user=user)


def merge(base, more):
    """As authentik does it: what is in lists is put at their end."""
    for name, value in more.items():
        if isinstance(base.get(name), dict) and isinstance(value, dict):
            merge(base[name], value)
        elif isinstance(base.get(name), list) and isinstance(value, list):
            base[name] = base[name] + value
        else:
            base[name] = value
    return base


def test_authentik_mappings():
    """Its default mappings' results, with those of the guide, are the bodies of the guide."""
    text = text_of("scim-authentik")
    user, group, _ = (json.loads(event["body"]) for event in EVENT.finditer(text) if event["body"])
    base = {name: user[name] for name in ("userName", "externalId", "active", "displayName", "name", "emails")}
    assert merge(base, mapping(0)(request_of(attributes_of(text, "mailQuota")))) == user
    sales = types.SimpleNamespace(name="Sales", attributes=attributes_of(text, "mailKind"))
    assert merge({"displayName": "Sales", "externalId": "b7c4"}, mapping(1)(group=sales)) == group
    assert mapping(0)(request_of({})) == {}
    assert mapping(1)(group=types.SimpleNamespace(name="Sales", attributes={})) == {}


def test_authentik_faults(make_daemon):
    """The remedies of the table of faults are ones: what it would not notice it notices."""
    guide = Guide(make_daemon)
    guide.run("postern scim-token create authentik --domains example.com --default-domain example.com")
    base = {"userName": "mira", "emails": [{"value": "mira@example.com", "type": "other", "primary": True}]}

    def wanted(quota, aliases, remedy):
        body = merge(dict(base), mapping(0)(request_of({"mailQuota": quota, "mailAliases": aliases})))
        mail = body[MAIL_USER]
        if remedy:
            assert remedy in text_of("scim-authentik")
            exec(remedy if "=" in remedy else f"body.update({{{remedy}}})",  # pylint: disable=exec-used
                 {"body": body, "mail": mail, "attributes": {"mailAliases": aliases}})
        return body

    for number, (remedy, modern, before, after) in enumerate((
            ('"userType": str(mail)[:250]', False, (GIB, ["a@example.com"]), (2 * GIB, ["a@example.com"])),
            ('mail["aliases"] = ", ".join(attributes["mailAliases"])', True, (GIB, ["b@example.com", "c@example.com"]), (GIB, ["b@example.com"])))):
        known = guide.http.post("/Users", wanted(*before, remedy) | {"externalId": f"x{number}"})
        plain = guide.http.get(f"/Users/{known.id}").body
        plain.pop("userType", None)
        assert not differs(plain, wanted(*after, None), modern)
        body = wanted(*after, remedy)
        assert differs(known.body, body, modern)
        changed = guide.http.put(f"/Users/{known.id}", body).body
        assert changed[MAIL_USER]["quotaBytes"] == after[0] and changed[MAIL_USER]["aliases"] == after[1]
        scim_clients.stays(guide.http, f"/Users/{known.id}", lambda body=body: guide.http.put(f"/Users/{known.id}", body))
        guide.http.delete(f"/Users/{known.id}")
    assert guide.reaches("c@example.com") == set()


# ---- what else the guides say ----


def test_entra(make_daemon):
    guide = Guide(make_daemon)
    guide.run("postern scim-token create entra --domains example.com --provider work")
    body = {"schemas": [USER], "userName": "pia@example.com", "externalId": f"{SUBJECT}pia.lund", "active": True,
            "emails": [{"primary": True, "type": "work", "value": "pia@example.com"}], MAIL_USER: {"aliases": "lund@example.com"}}
    pia = guide.http.post("/Users", body).id
    assert not guide.opens("pia", ENTRA)  # bound to its mailNickname
    guide.http.patch(f"/Users/{pia}", [{"op": "Replace", "path": "externalId", "value": SUBJECT + ENTRA}])
    assert guide.opens("pia", ENTRA)
    assert guide.reaches("lund@example.com") == {"pia@example.com"}
    guide.http.patch(f"/Users/{pia}", [{"op": "Replace", "path": f"{MAIL_USER}:aliases", "value": "pia@example.com"}])
    assert guide.reaches("lund@example.com") == set() and guide.reaches("pia@example.com") == {"pia@example.com"}
    proxy = [{"op": "Add", "path": 'emails[type eq "other"].value', "value": "smtp:p@example.com"}]
    assert "smtp:p@example.com" in [email["value"] for email in guide.http.patch(f"/Users/{pia}", proxy)["emails"]]
    assert guide.reaches("p@example.com") == {"pia@example.com"}
    guide.http.post("/Users", {"schemas": [USER], "userName": "x@acme.onmicrosoft.com"}, 400).refused(400, "invalidValue")


def test_keycloak_leaves_alone_what_was_set_by_hand(make_daemon):
    guide = Guide(make_daemon)
    follow(guide, "scim-keycloak")
    body = dict(guide.http.get(f"/Users/{guide.ids['/Users']}").body, displayName="Tor B.")
    guide.http.put(f"/Users/{guide.ids['/Users']}", body)
    assert guide.shown("tor@example.com")["quota_bytes"] == 5 * GIB and guide.shown("tor@example.com")["name"] == "Tor B."
    assert guide.reaches("t.berg@example.com") == {"tor@example.com"}


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_adoption(make_daemon, name):
    """An account made by hand is in the way until `--adopt address`; then it is the same account."""
    guide = Guide(make_daemon)
    commands = [event["command"] for event in EVENT.finditer(text_of(name)) if event["command"]]
    create = next(command for command in commands if "scim-token create" in command)
    adopt = f"postern scim-token set {create.split()[3]} --adopt address --adopt-for 7d"
    assert adopt in commands or "`postern scim-token set NAME --adopt address --adopt-for 7d`" in text_of(name)
    guide.run(create)
    guide.daemon.postern("account", "add", "nils@example.com", "--quota", "1G")
    before = guide.shown("nils@example.com")
    guide.http.post("/Users", guide.user("nils"), 409).refused(409, "uniqueness", "nils@example.com")
    guide.run(adopt)
    made_of = guide.http.post("/Users", guide.user("nils", externalId="n1"))
    assert made_of.id == before["id"] and guide.home("nils@example.com")
    assert guide.shown("nils@example.com")["origin"].startswith("scim:")


@pytest.mark.parametrize("rule", ["reject", "skip"])
def test_members_that_nobody_knows(make_daemon, rule):
    guide = Guide(make_daemon)
    guide.run(f"postern scim-token create okta --domains example.com --unknown-members {rule} --group-template '%s@example.com'")
    one = guide.http.post("/Users", guide.user("isaac")).id
    group = guide.http.post("/Groups", {"schemas": [scim_clients.GROUP], "displayName": "Band"}).id
    push = [{"op": "replace", "path": "members", "value": [{"value": one}, {"value": "00000000-0000-4000-8000-000000000000"}]}]
    guide.http.patch(f"/Groups/{group}", push, 400 if rule == "reject" else None)
    assert guide.reaches("band@example.com") == ({"isaac@example.com"} if rule == "skip" else set())


def test_rauthy_without_sync_delete_users(make_daemon):
    """It takes the externalId away only: the account stays open, to the same person."""
    guide = Guide(make_daemon)
    guide.run("postern scim-token create rauthy --domains example.com --provider work")
    rhea = guide.http.post("/Users", guide.user("rhea", externalId=f"{SUBJECT}rY2f"))
    guide.http.put(f"/Users/{rhea.id}", guide.user("rhea"))
    assert guide.opens("rhea", "rY2f") and not guide.opens("rhea", "other")


# ---- every command line ----


def postern(*words):
    return subprocess.run([daemons.POSTERN, *words], check=False, capture_output=True, text=True, timeout=daemons.PATIENCE)


def commands():
    for path in sorted(glob.glob(f"{DOCS}/scim*.md")):
        for match in COMMAND.finditer(text_of(os.path.basename(path)[:-3])):
            yield os.path.basename(path), " ".join((match[1] or match[2]).split())


@pytest.mark.parametrize("where,command", sorted(set(commands())))
def test_command_is_one(where, command):
    """Its verb is there, and has each of the options."""
    words = shlex.split(command)[1:]
    verbs = [line.split() for line in postern("--verbs").stdout.splitlines()]
    verb = max((verb for verb in verbs if words[:len(verb)] == verb), key=len, default=None)
    if verb is None:
        assert any(verb[:len(words)] == words for verb in verbs), (where, command)
        return
    known = postern(*verb, "--help").stdout + "--json --socket --help"
    for option in [word.partition("=")[0] for word in words if word.startswith("--")]:
        assert re.search(rf"{option}\b(?!-)", known), (where, command, option)


# ---- docs/limits.md ----


def rows_of(title):
    """The table that begins with this text: {first cell: (bound, then)}."""
    table = text_of("limits").partition(title)[2].split("\n\n")[0]
    lines = ([cell.strip() for cell in line.strip("| \n").split(" | ")] for line in table.splitlines())
    return {cells[0]: tuple(cells[1:]) for cells in lines if len(cells) == 3}


def test_limits(make_daemon):
    """Just above each bound the page's answer, just below it none."""
    rows = rows_of("nothing of it is done.\n\n")
    guide = Guide(make_daemon)
    guide.run("postern scim-token create work --domains example.com --provider work")
    used = set()

    def asks(row, method, target, below, above, scim_type):
        used.add(row)
        status = int(re.search(r"\d{3}", rows[row][1])[0])
        assert (f"`{scim_type}`" in rows[row][1]) == bool(scim_type)
        if below is not None:
            assert guide.http.ask(method, target, below).status in (200, 201, 204)
        guide.http.ask(method, target, above).refused(status, scim_type)

    numbers = iter(range(100))

    def user(**more):
        return guide.user(f"u{next(numbers)}", **more)

    def group(**more):
        return {"schemas": [scim_clients.GROUP], "displayName": f"group {next(numbers)}", **more}

    text = "x" * (8 << 10)
    photos = [{"value": f"https://e/{number}{text}"} for number in range(8)]
    asks("a user's or group's JSON, without `members`", "POST", "/Users", user(photos=photos[:7]), user(photos=photos), None)
    asks("one text in it", "POST", "/Users", user(title=text), user(title=text + "x"), "invalidValue")
    phones = [{"value": str(number)} for number in range(501)]
    asks("values of one attribute; addresses of one user", "POST", "/Users", user(phoneNumbers=phones[:500]), user(phoneNumbers=phones), "invalidValue")
    nobody = [{"value": f"00000000-0000-4000-8000-{number:012}"} for number in range(20001)]
    asks("members in one request; in a group, by several requests", "POST", "/Groups", None, group(members=nobody), "invalidValue")
    asks("depth of JSON", "POST", "/Users", None, json.dumps(user())[:-1] + ', "title": ' + "[" * 65 + "]" * 65 + "}", "invalidSyntax")
    filter_text = "/Users?filter=" + "+or+".join(["title+pr"] * 60)
    assert guide.http.ask("GET", filter_text.rpartition("+or+")[0][:200].rpartition("+or+")[0]).status == 200
    asks("a filter", "GET", filter_text, None, None, "invalidFilter")
    some = guide.http.post("/Users", user()).id
    change = {"op": "replace", "path": "title", "value": "x"}
    operations = {"schemas": [scim_clients.PATCH], "Operations": [change] * 10001}
    asks("operations of one PATCH", "PATCH", f"/Users/{some}", dict(operations, Operations=[change] * 10000), operations, None)
    bulk = {"schemas": [scim_clients.BULK], "Operations": [{"method": "DELETE", "path": "/Users/x"}] * 1001}
    asks("operations of one Bulk request", "POST", "/Bulk", dict(bulk, Operations=bulk["Operations"][:1000]), bulk, "tooMany")
    inner = guide.http.post("/Groups", group()).id
    for _ in range(15):
        inner = guide.http.post("/Groups", group(members=[{"value": inner}])).id
    used.add("groups in groups")
    assert guide.http.ask("POST", "/Groups", group(members=[{"value": inner}])).status >= 400
    subject = "s" * 255
    asks("`externalId` that is a subject (`--provider`)", "POST", "/Users", user(externalId=subject), user(externalId=subject + "s"), "invalidValue")
    assert guide.daemon.postern("scim-token", "rotate", "work").returncode == 0
    assert guide.daemon.postern("scim-token", "rotate", "work", check=False).returncode
    domains = ",".join(f"d{number}.example.com" for number in range(101))
    assert guide.daemon.postern("scim-token", "set", "work", "--domains", domains, check=False).returncode
    elsewhere = {row for row in rows if row.split()[0] in ("resources", "requests", "wrong", "filtered", "domains", "secrets", "what") or "Postfix" in row}
    assert set(rows) == used | elsewhere, set(rows) ^ (used | elsewhere)
