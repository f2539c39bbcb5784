"""What the settings of a provider block do to real tokens: audiences, scopes, names, times, how it is asked, where it is."""

import json
import os
import subprocess
import time
import urllib.parse

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

import daemon as daemons
import ends
import house as houses
import room
import tokens
from house import INTROSPECTION

ASKED = "  check = introspection\n" + INTROSPECTION


def sign_in(one, name, token, user=None, door="dovecot", mechanism="OAUTHBEARER", **more):
    with getattr(one.daemon, door)(**more) as end:
        answer = end.login(mechanism, ends.bearer(user or one.user(name), token))
        return answer, json.loads(end.challenge)["status"] if end.challenge else None


def accepted(one, name, **changes):
    return sign_in(one, name, one.products[name].issue(one.user(name), **changes))[0].ok


def refused(one, name, status="invalid_token", **changes):
    answer, said = sign_in(one, name, one.products[name].issue(one.user(name), **changes))
    return answer.refused and said == status


# ---- what a token must say ----

def test_audiences_and_clients(house):
    """Every list that is set must match; exactly; what is missing does not."""
    one = house({"aud": '  audiences = { "api", "https://api.example.com/" }\n'})
    one.wait_good()
    for aud in ("api", ["api"], ["x", "api"], "https://api.example.com/", ["https://api.example.com/", "y"]):
        assert accepted(one, "aud", aud=aud), aud
    for aud in ("x", [], ["x"], "API", "api ", "https://api.example.com", ["api", 1], {"api": 1}, 1, None, "", ["a", "pi"], "api x"):
        assert refused(one, "aud", aud=aud), aud
    for more in ({"client_id": "x"}, {"client_id": None}, {"azp": "x"}, {"client_id": None, "azp": None}):
        assert refused(one, "aud", aud="api", **more), more
    for more in ({"client_id": None, "azp": "mail"}, {"client_id": None, "appid": "mail"}, {"client_id": None, "cid": "mail"}, {"azp": "mail"}):
        assert accepted(one, "aud", aud="api", **more), more


def test_scopes(house):
    """Whole words; a string or an array; `scope` or `scp`; and for one protocol alone, also when the token is in the cache."""
    one = house({"all": '  scopes = { "mail", "openid" }\n', "each": '  scope_imap = { "imap" }\n  scope_smtp = { "send" }\n'})
    for scope in ("mail openid", "openid mail", ["openid", "mail"], "x mail  openid"):
        daemons.wait_for(lambda scope=scope: accepted(one, "all", scope=scope), one.daemon.log)
    assert accepted(one, "all", scope=None, scp=["mail", "openid"]) and accepted(one, "all", scope=None, scp="mail openid")
    for scope in ("mail", "openid", "mailx openid", "mail\topenid", "MAIL openid", "mail,openid", [], "", None, ["mail", 1], 1, {"mail": 1}):
        assert not accepted(one, "all", scope=scope), scope
    assert refused(one, "all", "insufficient_scope", scope="mail")
    product, user = one.products["each"], one.user("each")
    reader, writer = product.issue(user, scope="imap"), product.issue(user, scope="send")
    for _ in range(2):
        assert sign_in(one, "each", reader)[0].ok
        assert sign_in(one, "each", reader, door="postfix")[1] == "insufficient_scope"
        assert sign_in(one, "each", writer, door="postfix")[0].ok
        assert sign_in(one, "each", writer)[1] == "insufficient_scope"
        assert sign_in(one, "each", writer, service="pop3")[0].ok          # of which nothing is asked


def test_names(house):
    """A path, a claim with dots in its name, a template."""
    one = house({"path": '  username_claim = "resource.mail.address"\n', "dots": '  username_claim = "https://example.com/mail"\n',
                 "template": '  username_claim = "login"\n  username_template = "%s@template.example.com"\n  email_verified = trust\n'})
    trust = {"email_verified": True}
    for name, claims in (("path", {"resource": {"mail": {"address": one.user("path")}}, "email": one.user("path")}),
                         ("dots", {"https://example.com/mail": one.user("dots"), "email": one.user("dots")}), ("template", {"login": "user"})):
        daemons.wait_for(lambda name=name, claims=claims: accepted(one, name, **claims, **trust), one.daemon.log)
    for login in ("user@template.example.com", "user@x", "", "u ser", None, "../user", "%s", ["user"]):
        assert not accepted(one, "template", login=login), login
    for claims in ({"resource": {"mail": [one.user("path")]}}, {"resource": one.user("path")}, {"resource.mail": {"address": 1}}):
        assert not accepted(one, "path", **claims), claims


def test_times(house):
    now = int(time.time())
    one = house({"age": "  max_token_age = 10m\n", "leeway": "  leeway = 60s\n", "strict": "  leeway = 0s\n"})
    one.wait_good()
    assert accepted(one, "age", iat=now - 300) and refused(one, "age", iat=now - 700) and refused(one, "age", iat=None)
    assert accepted(one, "leeway", exp=now - 30) and refused(one, "leeway", exp=now - 90)
    assert accepted(one, "leeway", nbf=now + 30) and refused(one, "leeway", nbf=now + 120)
    assert refused(one, "strict", exp=now - 1) and refused(one, "strict", nbf=now + 60) and refused(one, "strict", iat=now + 60)


def test_algorithms(house):
    one = house({"rsa": '  algorithms = { "RS256", "PS256" }\n', "curve": '  algorithms = { "ES384" }\n', "edwards": '  algorithms = { "Ed25519" }\n'})
    keys = {"RS256": tokens.Key("RSA", "r"), "PS256": tokens.Key("RSA", "p", "PS256"), "ES256": tokens.Key("P-256", "e"), "ES384": tokens.Key("P-384", "f"), "EdDSA": tokens.Key("Ed25519", "d"),
            "Ed25519": tokens.Key("Ed25519", "n")}
    for product in one.products.values():
        product.more_keys = [key.jwk for key in keys.values()]
    for name, good in (("rsa", {"RS256", "PS256"}), ("curve", {"ES384"}), ("edwards", {"Ed25519"})):
        product = one.products[name]

        def try_all(name=name, product=product):
            return {alg for alg, key in keys.items() if sign_in(one, name, tokens.mint(product.claims(one.user(name)), key, alg, header=product.header))[0].ok}
        daemons.wait_for(lambda good=good, try_all=try_all: try_all() == good, one.daemon.log)


def test_id_tokens(house):
    one = house({"both": "  id_tokens = yes\n", "access": ""})
    one.wait_good()
    assert accepted(one, "both", kind="id") and refused(one, "access", kind="id")
    for changes in ({"aud": "otherapp"}, {"aud": ["mail", "otherapp"], "azp": None}, {"azp": "otherapp"}, {"aud": ["mail", "otherapp"], "azp": "otherapp"}, {"typ": "Refresh"}, {"events": {"x": {}}}):
        assert refused(one, "both", kind="id", **changes), changes


# ---- 14, where only userinfo is asked ----

def test_attack_14_by_userinfo(house):
    """A token of another client, of which userinfo tells nothing: refused where the token itself tells it; where nothing does,
    a setting had to allow it, and every start says so."""
    one = house({"told": "  check = userinfo\n"})
    product = one.products["told"]
    one.wait_good()
    assert refused(one, "told", client="otherapp")
    assert sign_in(one, "told", product.issue(one.user("told"), opaque=True))[0].refused


def test_any_client_is_said_at_every_start(house, world):
    one = house(["usual"])
    text = one.daemon.conf_text().replace('clients = { "mail" }', "any_client = yes")
    one.daemon.stop()
    one.daemon.write_conf(text)
    mark = one.daemon.mark()
    one.daemon.start()
    assert one.daemon.lines("any_client|any application|any client", mark), one.daemon.log()
    one.wait_good()
    assert accepted(one, "usual", client="otherapp")


# ---- how it is asked ----

def assertion_good(one, product, form):
    """RFC 7523, 3."""
    if form.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" or "client_secret" in form:
        return False
    header, claims, signature = form["client_assertion"].split(".")
    one.public.verify(tokens.unb64(signature), f"{header}.{claims}".encode(), *one.scheme)
    said, now = json.loads(tokens.unb64(claims)), time.time()
    audiences = said["aud"] if isinstance(said["aud"], list) else [said["aud"]]
    fresh = said["jti"] not in one.seen_ids
    one.seen_ids.add(said["jti"])
    return (said["iss"] == said["sub"] == "postern" and fresh and now - 60 < said["iat"] <= now + 5 and now < said["exp"] < now + 600
            and set(audiences) & {product.issuer, product.endpoints(product.issuer)["introspection"], product.endpoints(product.issuer)["token"]})


def test_credentials_of_all_kinds(house):
    """client_secret_basic, client_secret_post, private_key_jwt, bearer, none; each with only what belongs to it."""
    secret = '"/etc/postern/any"'
    kinds = {"basic": f'id = "postern"\n secret_file = {secret}\n auth = basic', "post": f'id = "postern"\n secret_file = {secret}\n auth = post', "key": 'id = "postern"\n key_file = "/etc/postern/key.pem"\n auth = key',
             "bearer": 'secret_file = "/etc/postern/bearer"\n auth = bearer', "none": "auth = none"}

    def authorized(one, product, name):
        def judge(request):
            header, form = request.headers.get("authorization", ""), request.form
            if form.get("token_type_hint") != "access_token" or request.headers.get("content-type") != "application/x-www-form-urlencoded":
                return False
            if name == "post":
                return not header and (form.get("client_id"), form.get("client_secret")) == product.credentials
            if name == "key":
                return not header and assertion_good(one, product, form)
            if name == "bearer":
                return header == "Bearer a-bearer-token" and "client_secret" not in form
            if name == "none":
                return not header and "client_secret" not in form
            return type(product).authorized(product, request) and "client_secret" not in form
        return judge

    def prepare(one):
        key = tokens.Key("P-256")
        pem = key.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        one.world.room.write("postern/key.pem", pem, 0o600)
        one.world.room.write("postern/bearer", "a-bearer-token\n", 0o600)
        one.seen_ids = set()

        class Public:
            @staticmethod
            def verify(signature, data):
                r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
                key.private.public_key().verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))

        one.public, one.scheme = Public, ()
        for name, product in one.products.items():
            product.authorized = authorized(one, product, name)

    one = house({name: f"  check = introspection\n  introspection {{\n {text}\n }}\n" for name, text in kinds.items()}, prepare)
    one.wait_good()
    token = "a+b/c~d._-=="
    for name, product in one.products.items():
        product.remember(token + "=" * len(name), one.user(name), "mail", product.issuer)
        assert sign_in(one, name, token + "=" * len(name))[0].ok, (name, one.daemon.log())
    assert all(urllib.parse.quote(token, safe="") not in request.target for request in one.server.requests())


def test_recheck(house):
    """A JWT that was revoked dies without a signal, when the provider is asked again."""
    one = house({"again": "  recheck = 300ms\n" + INTROSPECTION, "never": INTROSPECTION})
    one.wait_good()
    held = {name: product.issue(one.user(name)) for name, product in one.products.items()}
    for name, product in one.products.items():
        assert sign_in(one, name, held[name])[0].ok
        product.revoke(held[name])
    daemons.wait_for(lambda: sign_in(one, "again", held["again"])[0].refused, one.daemon.log)
    assert sign_in(one, "never", held["never"])[0].ok
    assert one.server.requests(one.host("again"), "introspection") and not one.server.requests(one.host("never"), "introspection")


# ---- where it is ----

def test_discovery_of_the_other_form(house):
    """RFC 8414: only that one is there."""
    def prepare(one):
        for name, product in one.products.items():
            product.discovery_url = lambda issuer: issuer.replace(".example.net", ".example.net/.well-known/oauth-authorization-server", 1)
            one.server.hosts[one.host(name)] = one.world.handle

    one = house(["other"], prepare)
    one.wait_good()
    assert [request.path for request in one.server.requests(one.host("other")) if request.endpoint == "discovery"] == ["/.well-known/oauth-authorization-server"]


def test_connect_to(house):
    """Its name leads nowhere from here; the certificate is of the name all the same."""
    def prepare(one):
        one.world.names.pop(one.host("inner"))
        one.world.names.pop(one.host("wrong"))
        one.world.name("unrelated.example.net")
        one.server.certificates[one.host("wrong")] = "elsewhere"

    where = f'  connect_to = "{room.HOME_ADDRESS}:443"\n'
    one = house({"inner": where, "wrong": where}, prepare)
    one.wait_good(["inner"])
    assert one.sign_in_all(["wrong"])["wrong"].fields == {"code": "temp_fail"}
    assert not one.server.requests(one.host("wrong"))


def test_own_authority(house):
    """`ca_file` instead of the system's."""
    def prepare(one):
        one.world.room.write("postern/ca.pem", one.world.authority.bundle)
        one.world.room.write("ssl/certs/ca-certificates.crt", "")

    one = house({"own": '  ca_file = "/etc/postern/ca.pem"\n', "system": ""}, prepare)
    try:
        one.wait_good(["own"])
        assert one.sign_in_all(["system"])["system"].fields == {"code": "temp_fail"}
    finally:
        one.world.room.write("ssl/certs/ca-certificates.crt", one.world.authority.bundle)


def test_provider_that_is_down_at_start(house):
    """The daemon starts; until somebody answers, sign-ins fail for a while only."""
    def prepare(one):
        one.server.silent = True

    one = house(["late"], prepare)
    assert one.sign_in_all()["late"].fields == {"code": "temp_fail"}
    one.server.well()
    one.wait_good()


def test_reload_keeps_what_it_knows(house):
    """A reload that changes nothing about the issuer fetches nothing; new rules count at once."""
    one = house(["kept"])
    one.wait_good()
    token, mark = one.products["kept"].issue(one.user("kept")), one.server.mark()
    assert sign_in(one, "kept", token)[0].ok
    before = one.daemon.mark()
    one.daemon.write_conf(one.daemon.conf_text().replace('clients = { "mail" }', 'clients = { "elsewhere" }'))
    os.kill(one.daemon.parent, 1)
    one.daemon.wait_line("reload", before)
    daemons.wait_for(lambda: sign_in(one, "kept", token)[0].refused, one.daemon.log)
    assert not one.server.requests(one.host("kept"), since=mark)


def test_check_of_the_configuration_asks_nobody(world):
    """posternd --check needs no network."""
    one = houses.House(world, ["checked"])
    done = subprocess.run([*world.room.enter, daemons.POSTERND, "--check", "--config", one.daemon.conf], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not world.server.connections
    one.daemon.remove()


def test_answers_without_a_length(house):
    """HTTP/1.0 style, and chunks: read to the end."""
    one = house({"plain": ASKED})
    one.wait_good()

    def unframed(server, connection, request, answer):
        connection.sendall(b"HTTP/1.1 200 x\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + answer.body)
        return False

    def chunked(server, connection, request, answer):
        half = len(answer.body) // 2
        parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (answer.body[:half], answer.body[half:]))
        connection.sendall(b"HTTP/1.1 200 x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" + parts + b"0\r\n\r\n")
        return True

    for trouble in (unframed, chunked):
        one.server.trouble(trouble, one.host("plain"), "introspection")
        for _ in range(3):
            assert accepted(one, "plain", opaque=True), one.daemon.log()


def test_token_never_in_a_url(house):
    """B1: whatever way it is asked."""
    one = house({"asked": ASKED, "info": "  check = jwt_userinfo\n"})
    one.wait_good()
    targets = " ".join(request.target for request in one.server.requests())
    for product in one.products.values():
        assert product.known
        for token in product.known:
            assert token not in targets and token.split(".")[-1] not in targets
    assert all(request.headers.get("accept", "").startswith("application/") for request in one.server.requests())
