"""authentik provisions (docs/scim.md; the client's code of 2024 to 2026): what it sends in its order, what it checks of our answers,
and that its hourly full sync finds nothing to change."""

import copy
import itertools
import urllib.parse

import pytest

import scim_clients
from scim_clients import GROUP, MAIL_USER, USER, fill

VECTORS = scim_clients.vectors("authentik")
EMAIL_TYPES = (None, "work", "home", "other")
RESERVED_SUFFIXES = (".test", ".local", ".invalid", "localhost")


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return scim_clients.start(make_daemon)


@pytest.fixture
def team(daemon):
    return scim_clients.Team(daemon, ("--default-domain", "{domain}", "--provider", "fake"))


# ---- its models: what it does not take, it silently works without ----


def check_config(config):
    for name in ("patch", "bulk", "filter", "changePassword", "sort", "etag"):
        assert isinstance(config[name]["supported"], bool), config
    assert scim_clients.whole_number(config["bulk"]["maxOperations"]) and scim_clients.whole_number(config["bulk"]["maxPayloadSize"])
    assert scim_clients.whole_number(config["filter"]["maxResults"])
    assert config.get("documentationUri") != ""
    assert config["authenticationSchemes"]
    for scheme in config["authenticationSchemes"]:
        assert scheme["type"] and scheme["name"] and scheme["description"] and scheme.get("specUri") != "", scheme
        assert scheme["type"] in ("oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"), scheme


def check_user(user):
    assert isinstance(user["userName"], str) and user["id"]
    assert user["emails"] is not None  # older ones iterate over it
    for email in user["emails"]:
        assert email.get("type") in EMAIL_TYPES and "@" in email["value"], user
        assert not email["value"].endswith(RESERVED_SUFFIXES), user
    for photo in user.get("photos", []):
        assert urllib.parse.urlsplit(photo["value"]).scheme, user
    assert isinstance(user["active"], bool)


def check_group(group):
    assert isinstance(group["displayName"], str) and group["id"]
    assert isinstance(group["members"], list), group  # None: versions before July 2026 add nobody
    assert all(isinstance(member["value"], str) for member in group["members"]), group


# ---- how it decides whether a PUT is due ----


def merge(base, more):
    """deepmerge with dict: merge, list: append_unique, else override; in place."""
    for name, value in more.items():
        if isinstance(base.get(name), dict) and isinstance(value, dict):
            merge(base[name], value)
        elif isinstance(base.get(name), list) and isinstance(value, list):
            base[name] = base[name] + [one for one in value if one not in base[name]]
        else:
            base[name] = value
    return base


def differs(known, wanted, modern):
    """Versions before July 2026 changed the nested values of what they compared with."""
    updated = merge({}, copy.deepcopy(known) if modern else known)
    return merge(updated, copy.deepcopy(wanted)) != known


class Authentik:
    """Its side: `users` and `groups` are {key: what it keeps of us}."""

    def __init__(self, team, modern=True):
        self.http = team.client(User_Agent="python-requests/2.32.3", Accept_Encoding="gzip, deflate")
        self.modern, self.users, self.groups = modern, {}, {}
        self.config = None

    def query(self, **parameters):
        return "?" + urllib.parse.urlencode(parameters)  # "+" for blanks, as requests writes them

    def all_of(self, path, check):
        seen, found, total = 0, [], 1
        while seen < total:
            reply = self.http.get(path + (self.query(startIndex=seen + 1) if seen else ""))
            total = reply["totalResults"]
            assert reply.resources or not total, reply
            for resource in reply.resources:
                check(resource)
            found += reply.resources
            seen += len(reply.resources)
        assert len({resource["id"] for resource in found}) == len(found) == total
        return found

    def discover(self):
        for user in self.all_of("/Users", check_user):
            for key, known in self.wanted_users.items():
                names = {known["userName"]} | {email["value"] for email in known["emails"]}
                if key not in self.users and ({user["userName"]} | {email["value"] for email in user["emails"]}) & names:
                    self.users[key] = user
        for group in self.all_of("/Groups", check_group):
            for key, (body, _) in self.wanted_groups.items():
                if key not in self.groups and body["displayName"] == group["displayName"]:
                    self.groups[key] = group

    def create(self, path, body, name):
        reply = self.http.post(path, body, None)
        if reply.status == 409:
            query = self.query(filter=f'{name} eq "{body[name]}"')
            assert "+eq+%22" in query
            return self.http.get(path + query).resources[0]  # adopts the first
        assert reply.status == 201 and reply.id, reply
        return reply.body

    def sync_user(self, key, body):
        if key not in self.users:
            self.users[key] = self.create("/Users", body, "userName")
        elif differs(self.users[key], body, self.modern):
            reply = self.http.put(f"/Users/{self.users[key]['id']}", dict(body, id=self.users[key]["id"]), None)
            if reply.status == 404:
                del self.users[key]
                self.sync_user(key, body)
                return
            assert reply.status == 200, reply
            self.users[key] = reply.body

    def sync_group(self, key, body, members):
        if key not in self.groups:
            self.groups[key] = self.create("/Groups", body, "displayName")
        elif differs(self.groups[key], body, True):
            vector = copy.deepcopy(VECTORS["group_update_with_id"])
            vector["Operations"][0]["value"] = dict(body, **({} if self.modern else {"id": self.groups[key]["id"]}))
            self.http.patch(f"/Groups/{self.groups[key]['id']}", vector)
            self.groups[key] = merge(self.groups[key], copy.deepcopy(body))
        self.sync_members(self.groups[key]["id"], [self.users[user]["id"] for user in members])

    def sync_members(self, group, wanted):
        shown = self.http.get(f"/Groups/{group}").body
        check_group(shown)
        now = [member["value"] for member in shown["members"]]
        self.change_members(group, add=[user for user in wanted if user not in now], remove=[user for user in now if user not in wanted])

    def change_members(self, group, add=(), remove=()):
        operations = [{"op": "add", "path": "members", "value": [{"value": user}]} for user in add]
        if self.modern:
            operations += [{"op": "remove", "path": f'members[value eq "{user}"]'} for user in remove]
        else:
            operations += [{"op": "remove", "path": "members", "value": [{"value": user}]} for user in remove]
        at_once = self.config["bulk"]["maxOperations"]
        at_once = at_once if at_once >= 1 else max(len(operations), 1)
        for chunk in itertools.batched(operations, at_once) if hasattr(itertools, "batched") else \
                [operations[begin:begin + at_once] for begin in range(0, len(operations), at_once)]:
            self.http.patch(f"/Groups/{group}", list(chunk))

    def full_sync(self, users, groups):
        """{key: body} and {key: (body, [keys of users])}. Returns what it wrote: "METHOD path"."""
        begin = len(self.http.log)
        self.wanted_users, self.wanted_groups = users, groups
        self.config = self.http.get("/ServiceProviderConfig").body
        check_config(self.config)
        assert self.config["patch"]["supported"] and self.config["filter"]["supported"]
        self.discover()
        for key, body in users.items():
            self.sync_user(key, body)
        for key, (body, members) in groups.items():
            self.sync_group(key, body, members)
        for wanted, linked, path in ((users, self.users, "/Users"), (groups, self.groups, "/Groups")):
            for key in [key for key in linked if key not in wanted]:
                self.http.delete(f"{path}/{linked.pop(key)['id']}", None)
        return [line for line in self.http.log[begin:] if not line.startswith("GET ")]


def person(team, name, **more):
    body = fill(VECTORS["user"], DOMAIN=team.domain)
    body |= {"userName": name, "externalId": f"subject-of-{team.at(name)}", "displayName": name.title(), **more}
    body["name"] = {"formatted": f"{name.title()} Voss", "givenName": name.title(), "familyName": "Voss"}
    body["emails"] = [{"value": f"{name}@{team.domain}", "type": "other", "primary": True}]
    return body


@pytest.mark.parametrize("modern", [True, False], ids=["since-2026.7", "to-2026.5"])
def test_full_sync_twice(team, modern):
    """Must show 1: the second sync changes nothing, nor do the third and one that has forgotten everything."""
    client = Authentik(team, modern)
    users = {name: person(team, name) for name in ("mira", "tor", "pia")}
    users["pia"] |= {"locale": "de-DE", "photos": [{"value": "https://auth.example.com/pia.png"}]}
    users["quota_bytes"] = dict(fill(VECTORS["extended"], DOMAIN=team.domain), userName="quota", externalId=f"subject-of-{team.at('quota')}")
    users["bare"] = dict(person(team, "bare"), userName=team.at("bare"), emails=[])  # has no e-mail there
    groups = {"pk-sales": (dict(VECTORS["group"]), ["mira", "tor"]), "pk-none": (dict(VECTORS["group"], externalId="pk-none", displayName="none"), [])}
    first = client.full_sync(users, groups)
    assert [line.split()[0] for line in first].count("POST") == 7 and first[-1].startswith("POST /Groups") or first[-1].startswith("PATCH")
    before = team.audit()
    for _ in range(2):
        assert client.full_sync(users, groups) == []
    forgetful = Authentik(team, modern)
    assert forgetful.full_sync(users, groups) == []  # linked anew by discovery
    assert team.audit() == before
    for name in ("mira", "tor", "pia", "bare"):
        assert team.reaches(team.at(name)) == {team.at(name)}
        assert team.token_login(team.at(name), subject=team.at(name)).ok
    assert team.reaches(team.at("mv")) == {team.at("mira.voss")}
    assert team.shown(team.at("mira.voss"))["quota_bytes"] == 5368709120


def test_vector_to_the_letter(team):
    """The body that section 2 quotes comes back as it went, and what is added is what authentik ignores."""
    http = team.client()
    sent = fill(VECTORS["user"], DOMAIN=team.domain)
    made = http.post("/Users", sent).body
    assert {name: made[name] for name in sent} == sent
    assert set(made) - set(sent) <= {"id", "meta", "groups"}
    assert not differs(made, sent, True)
    again = http.put(f"/Users/{made['id']}", dict(sent, id=made["id"])).body
    assert {name: again[name] for name in sent} == sent and again["meta"] == made["meta"]
    sent = fill(VECTORS["extended"], DOMAIN=team.domain) | {"userName": "mira.voss", "externalId": "other"}
    made = http.post("/Users", sent).body
    assert {name: made[name] for name in sent} == sent


def test_adopts_what_is_there(team):
    """409, then the filter with `+` for blanks: what it provisioned before and forgot."""
    client = Authentik(team)
    body = person(team, "mira")
    made = client.http.post("/Users", body)
    client.http.post("/Users", body, 409).refused(409, "uniqueness", "userName")
    found = client.http.get("/Users?filter=userName+eq+%22mira%22")
    assert [user["id"] for user in found.resources] == [made.id]
    group = client.http.post("/Groups", VECTORS["group"])
    client.http.post("/Groups", VECTORS["group"], 409).refused(409, "uniqueness", "displayName")
    assert client.http.get("/Groups?filter=displayName+eq+%22sales%22").resources[0]["id"] == group.id
    client.full_sync({"mira": body}, {"pk-sales": (dict(VECTORS["group"]), ["mira"])})
    assert client.users["mira"]["id"] == made.id


def test_changes_find_their_way(team):
    client = Authentik(team)
    users, groups = {name: person(team, name) for name in ("mira", "tor")}, {}
    client.full_sync(users, groups)
    assert team.token_login(team.at("tor"), subject=team.at("tor")).ok
    users["tor"]["active"] = False
    assert client.full_sync(users, groups) == [f"PUT /Users/{client.users['tor']['id']}"]
    assert team.token_login(team.at("tor"), subject=team.at("tor")).refused
    assert not team.may_send(team.at("tor"), team.at("tor"))
    assert team.reaches(team.at("tor")) == {team.at("tor")}  # mail still arrives
    users["tor"]["active"] = True
    client.full_sync(users, groups)
    assert team.token_login(team.at("tor"), subject=team.at("tor")).ok
    users["mira"]["emails"] = [{"value": team.at("mira.berg"), "type": "other", "primary": True}]
    users["mira"]["name"] = {"formatted": "Mira Berg", "givenName": "Mira", "familyName": "Berg"}
    home = team.home(team.at("mira"))
    client.full_sync(users, groups)
    assert team.reaches(team.at("mira")) == team.reaches(team.at("mira.berg")) == {team.at("mira.berg")}
    assert team.home(team.at("mira.berg")) == home
    assert team.token_login(team.at("mira"), subject=team.at("mira")).ok
    assert client.http.get(f"/Users/{client.users['mira']['id']}")["emails"] == users["mira"]["emails"]
    users["mira"][MAIL_USER] = {"aliases": [team.at("m")], "quotaBytes": 1 << 30}
    users["mira"]["schemas"] = [USER, MAIL_USER]
    client.full_sync(users, groups)
    assert team.reaches(team.at("m")) == {team.at("mira.berg")}
    assert client.full_sync(users, groups) == []


def test_out_of_scope_is_deleted(team):
    client = Authentik(team)
    users, groups = {"mira": person(team, "mira"), "tor": person(team, "tor")}, {"pk-sales": (dict(VECTORS["group"]), ["mira", "tor"])}
    client.full_sync(users, groups)
    gone, group = client.users["tor"]["id"], client.groups["pk-sales"]["id"]
    del users["tor"]
    groups["pk-sales"] = (groups["pk-sales"][0], ["mira"])
    assert f"DELETE /Users/{gone}" in client.full_sync(users, groups)
    client.http.get(f"/Users/{gone}", 404)
    client.http.delete(f"/Users/{gone}", 404)  # ignored there
    assert team.reaches(team.at("tor")) == set() and not team.token_login(team.at("tor"), subject=team.at("tor")).ok
    assert [member["value"] for member in client.http.get(f"/Groups/{group}")["members"]] == [client.users["mira"]["id"]]
    assert client.full_sync(users, {}) == [f"DELETE /Groups/{group}"]
    users["tor"] = person(team, "tor")
    client.full_sync(users, {})
    assert client.users["tor"]["id"] != gone and team.reaches(team.at("tor")) == {team.at("tor")}


def test_it_makes_again_what_somebody_else_deleted(team):
    client, users = Authentik(team), {}
    users["mira"] = person(team, "mira")
    client.full_sync(users, {})
    client.http.delete(f"/Users/{client.users['mira']['id']}")
    users["mira"]["displayName"] = "Mira!"
    client.full_sync(users, {})
    assert client.http.get(f"/Users/{client.users['mira']['id']}")["displayName"] == "Mira!"


@pytest.mark.parametrize("modern", [True, False], ids=["since-2026.7", "to-2026.5"])
def test_members(team, modern):
    """Both forms of removal; one operation a member, as many in one request as we say."""
    client = Authentik(team, modern)
    users = {f"u{number}": person(team, f"u{number}") for number in range(8)}
    client.full_sync(users, {"pk-sales": (dict(VECTORS["group"]), [])})
    client.config["bulk"]["maxOperations"] = 3
    groups = {"pk-sales": (dict(VECTORS["group"]), list(users))}
    group = client.groups["pk-sales"]["id"]
    client.sync_members(group, [user["id"] for user in client.users.values()])
    assert [line for line in client.http.log if line.startswith("PATCH")] == [f"PATCH /Groups/{group}"] * 3
    members = {member["value"] for member in client.http.get(f"/Groups/{group}")["members"]}
    assert members == {user["id"] for user in client.users.values()}
    vector = VECTORS["member_remove_since_2026_7" if modern else "member_remove_to_2026_5"]
    client.http.patch(f"/Groups/{group}", fill(vector, ONE=client.users["u0"]["id"]))
    members.remove(client.users["u0"]["id"])
    assert {member["value"] for member in client.http.get(f"/Groups/{group}")["members"]} == members
    scim_clients.stays(client.http, f"/Groups/{group}", lambda: client.http.patch(f"/Groups/{group}", fill(vector, ONE=client.users["u0"]["id"])))
    one, two = client.users["u0"]["id"], client.users["u1"]["id"]
    client.http.patch(f"/Groups/{group}", fill(VECTORS["member_add"], ONE=one, TWO=two))
    assert len(client.http.get(f"/Groups/{group}")["members"]) == 8
    assert client.full_sync(users, groups) == []


def test_members_and_mail(daemon):
    """A group with an address delivers to whoever is in it, from the moment of the change."""
    team = scim_clients.Team(daemon, ("--default-domain", "{domain}", "--group-template", "%s@{domain}"))
    client = Authentik(team)
    users = {name: person(team, name) for name in ("mira", "tor")}
    client.full_sync(users, {"pk-sales": (dict(VECTORS["group"]), ["mira"])})
    assert team.reaches(team.at("sales")) == {team.at("mira")}
    client.full_sync(users, {"pk-sales": (dict(VECTORS["group"]), ["mira", "tor"])})
    assert team.reaches(team.at("sales")) == {team.at("mira"), team.at("tor")}
    client.full_sync(users, {"pk-sales": (dict(VECTORS["group"]), ["tor"])})
    assert team.reaches(team.at("sales")) == {team.at("tor")}


@pytest.mark.parametrize("with_id", [True, False])
def test_group_update_of_what_is_so_already(team, with_id):
    """The path-less replace with the whole object, with and without `id`: the same again is no change."""
    http = team.client()
    group = http.post("/Groups", VECTORS["group"]).id
    body = fill(VECTORS["group_update_with_id"], ID=group)
    if not with_id:
        del body["Operations"][0]["value"]["id"]
    scim_clients.stays(http, f"/Groups/{group}", lambda: http.patch(f"/Groups/{group}", body))
    body["Operations"][0]["value"]["displayName"] = "Sales"
    assert http.patch(f"/Groups/{group}", body)["displayName"] == "Sales"
    body["Operations"][0]["value"] |= {"id": "g-17"}
    http.patch(f"/Groups/{group}", body, 400).refused(400, "mutability", "id")


def test_discovery_of_many(team):
    """More than a page, without `count`: every one once; nobody whom another token made."""
    client = Authentik(team)
    for number in range(130):
        client.http.post("/Users", person(team, f"many{number}"))
    other = scim_clients.Team(team.daemon, ("--default-domain", "{domain}"))
    other.client().post("/Users", person(other, "many1"))
    client.wanted_users = {}
    found = client.all_of("/Users", check_user)
    assert sorted(user["userName"] for user in found) == sorted(f"many{number}" for number in range(130))


def test_extension_object_both_ways(team):
    """Quota and aliases by a property mapping: `schemas` and the object; and the object alone."""
    http = team.client()
    body = dict(person(team, "mira"), schemas=[USER, MAIL_USER], **{MAIL_USER: {"quotaBytes": "5G", "aliases": f"{team.at('a')}, {team.at('b')}"}})
    made = http.post("/Users", body).body
    assert made[MAIL_USER]["quotaBytes"] == 5 << 30 and made[MAIL_USER]["aliases"] == [team.at("a"), team.at("b")]
    assert team.reaches(team.at("b")) == {team.at("mira")}
    body[MAIL_USER] = {"quotaBytes": 1 << 30}
    body["schemas"] = [USER]
    http.put(f"/Users/{made['id']}", body)
    assert team.shown(team.at("mira"))["quota_bytes"] == 1 << 30


def test_group_without_patch(team):
    """What it does where it takes us for one without PATCH: members at once, then PUT."""
    http = team.client()
    users = [http.post("/Users", person(team, name)).id for name in ("mira", "tor")]
    group = http.post("/Groups", dict(VECTORS["group"], members=[{"value": users[0]}])).body
    assert [member["value"] for member in group["members"]] == users[:1]
    body = dict(VECTORS["group"], id=group["id"], members=[{"value": users[1]}])
    assert [member["value"] for member in http.put(f"/Groups/{group['id']}", body)["members"]] == users[1:]
    assert GROUP in group["schemas"]
