"""What tokens an attacker can make or get hold of, against each provider block of docs/providers.md as it stands.

The numbers are those of the attack list. After every test a good token still signs in, the worker is the same, the log has
one line for each thing that happened and no token in it, and nobody but the provider was visited."""

import base64
import datetime
import itertools
import json
import secrets
import time

import pytest

import ends
import bench as benches
import tokens
import world as worlds
from bench import now
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from server import Answer, changed

BLOCKS = worlds.documented_blocks()
# What presets say of email_verified: Authentik says false of everybody, Entra's claim is no e-mail.
VERIFIED = {"authentik": "trust", "entra": "trust"}
LONGEST = 16384          # of a token, at our doors


# ---- keys that nobody should take: published beside the good ones ----

BAD = {
    "rsa512": tokens.Key("RSA", "rsa512", "RS256", bits=512),
    "rsa1024": tokens.Key("RSA", "rsa1024", "RS256", bits=1024),
    "roca": tokens.roca_key("roca"),
    "private": tokens.Key("RSA", "private", "RS256"),
    "encryption": tokens.Key("P-256", "encryption", "ES256"),
    "no-verify": tokens.Key("P-256", "no-verify", "ES256"),
    "twice": tokens.Key("P-256", "twice", "ES256"),
    "koblitz": tokens.Key("secp256k1", "koblitz"),
    "mislabelled": tokens.Key("P-256", "mislabelled"),
}
OCTETS = b"shared secret of thirty-two octets!"
E3 = tokens.Key("RSA", "e3", "RS256", private=rsa.generate_private_key(3, 2048))
P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
SMALL_ORDER = {
    "identity": bytes([1]) + bytes(31),
    "order 2": bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    "order 4": bytes(32),
    "order 4 negative": bytes(31) + b"\x80",
    "order 8": bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    "order 8 other": bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    "identity written otherwise": bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
}


def ec_jwk(kid, curve, x, y, length=None):
    length = length or tokens.BYTES_OF[curve]
    return {"kty": "EC", "crv": curve, "kid": kid, "use": "sig", "x": tokens.number(x, length), "y": tokens.number(y, length)}


def small_x():
    """The x of a point of P-256 so small that x + p has 32 bytes as well, and its y."""
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    for x in itertools.count(1):
        square = (x**3 - 3 * x + b) % P256
        y = pow(square, (P256 + 1) // 4, P256)
        if y * y % P256 == square:
            return x, y


def bad_keys():
    x, y = small_x()
    n = BAD["rsa1024"].private.public_key().public_numbers().n
    odd = int.from_bytes(b"\xc1" + secrets.token_bytes(8190) + b"\x01", "big")
    private = BAD["private"].private.private_numbers()
    p256 = BAD["mislabelled"].private.public_key().public_numbers()
    return [BAD[name].jwk for name in ("rsa512", "rsa1024", "roca")] + [
        E3.jwk,
        tokens.rsa_jwk("e1", BAD["roca"].private.public_key().public_numbers().n * 4 + 1, 1),
        tokens.rsa_jwk("even", n << 1024, 65537),
        tokens.rsa_jwk("65536 bits", odd, 65537),
        tokens.rsa_jwk("long e", private.public_numbers.n, 2**80 + 13),
        tokens.rsa_jwk("even e", private.public_numbers.n, 65538),
        BAD["private"].jwk | {"d": tokens.number(private.d)},
        BAD["encryption"].jwk | {"use": "enc"},
        {name: value for name, value in BAD["no-verify"].jwk.items() if name != "use"} | {"key_ops": ["sign"]},
        BAD["twice"].jwk, tokens.Key("P-256", "twice", "ES256").jwk,
        BAD["koblitz"].jwk,
        {"kty": "oct", "kid": "octets", "use": "sig", "alg": "HS256", "k": tokens.b64(OCTETS)},
        ec_jwk("one-one", "P-256", 1, 1), ec_jwk("zero", "P-256", 0, 0), ec_jwk("x+p", "P-256", x + P256, y),
        ec_jwk("mislabelled", "P-384", p256.x, p256.y), ec_jwk("short", "P-384", p256.x, p256.y, 32),
        *({"kty": "OKP", "crv": "Ed25519", "kid": name, "use": "sig", "x": tokens.b64(point)} for name, point in SMALL_ORDER.items()),
    ]


def preset(name):
    return BLOCKS[name].get("preset")


def verified(name):
    return BLOCKS[name].get("email_verified", VERIFIED.get(preset(name), "require"))


def introspected(name):
    return bool(BLOCKS[name].inner)


@pytest.fixture(scope="module", params=list(BLOCKS))
def bench(request, world):
    made = benches.Bench(world, BLOCKS[request.param], bad_keys())
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(autouse=True)
def every_time(bench):
    bench.before()
    yield
    bench.after()


# ---- that the forgeries below fail for their own reason ----

@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_control(bench, alg):
    """Made in the same way with a published key: good."""
    token = bench.forge(bench.key[alg])
    bench.product.remember(token, bench.alice, bench.product.client_of(bench.product.issuer), bench.product.issuer)
    bench.good(token)


# ---- 1-6: the header ----

def test_attack_01_no_algorithm(bench):
    kid, typ = bench.product.key().kid, bench.product.header.get("typ", "JWT")
    vectors = []
    for alg in ("none", "NONE", "nOnE", "None", "", " none", "none\0", None, ["none"], ["RS256"], {"alg": "none"}, 0, True):
        for signature in (b"", b"x" * 64, None):
            vectors.append((f"alg {alg!r}", bench.headed(json.dumps({"alg": alg, "typ": typ, "kid": kid}), signature=signature)))
    for header in ({"typ": typ, "kid": kid}, {"typ": typ}, {"alg": "none"}, {"alg": "none", "typ": typ}):
        vectors.append((f"header {header}", bench.headed(json.dumps(header), signature=b"")))
    vectors.append(("empty third part", bench.headed({}).rpartition(".")[0] + "."))
    bench.all_refused(vectors)
    bench.nobody_asked()


def test_attack_02_hmac_with_the_public_key(bench):
    vectors = []
    for key in (bench.product.key(), bench.key["RS256"], bench.key["ES256"], bench.key["EdDSA"]):
        jwk = key.jwk
        secrets_of = [key.pem(), key.pem().strip(), key.der(), json.dumps(jwk).encode(), json.dumps(jwk, separators=(",", ":")).encode(), b"", jwk.get("n", jwk.get("x")).encode(),
                      tokens.unb64(jwk.get("n", jwk.get("x")))]
        for alg, secret in itertools.product(("HS256", "HS384", "HS512"), secrets_of):
            vectors.append((f"{alg} {secret[:20]}", bench.forge(key, alg, sign=lambda data, alg=alg, secret=secret: tokens.hs(alg, secret, data))))
    bench.all_refused(vectors)


def test_attack_03_another_algorithm_of_the_same_key(bench):
    rsa, ec, edwards = bench.key["RS256"], bench.key["ES256"], bench.key["EdDSA"]
    vectors = [(alg, bench.forge(rsa, alg)) for alg in ("PS256", "PS384", "PS512", "RS384", "RS512")]
    vectors += [(f"PS256's key, {alg}", bench.forge(bench.key["PS256"], alg)) for alg in ("RS256", "RS512", "PS512")]
    vectors += [(f"said to be {alg}", bench.forge(rsa, alg, sign=lambda data: rsa.sign("RS256", data))) for alg in ("rs256", "Rs256", "RS256 ", "RS1", "RSA")]
    vectors += [(f"P-256 as {alg}", bench.forge(ec, alg, sign=lambda data: ec.sign("ES256", data))) for alg in ("ES384", "ES512", "ES256K", "RS256", "EdDSA")]
    vectors += [(f"Ed25519 as {alg}", bench.forge(edwards, alg, sign=edwards.private.sign)) for alg in ("ES256", "RS256", "HS256", "ed25519", "Ed448")]
    bench.all_refused(vectors)


def self_signed(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mallory")])
    today = datetime.datetime.utcnow()
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.private.public_key()).serial_number(1)
            .not_valid_before(today).not_valid_after(today + datetime.timedelta(days=1)).sign(key.private, hashes.SHA256()))
    return base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()


def test_attack_04_a_key_that_the_token_brings(bench):
    kid = bench.product.key().kid
    vectors = []
    for mallory in (tokens.Key("RSA", kid), tokens.Key("P-256", kid)):
        certificate = self_signed(mallory)
        for said in (kid, None, "mallory"):
            for more in ({}, {"jwk": mallory.jwk}, {"x5c": [certificate]}, {"jwk": mallory.jwk, "x5c": [certificate], "x5t": "x"}):
                vectors.append((f"{said} {list(more)}", bench.forge(mallory, header={"kid": said} | more)))
    bench.all_refused(vectors)


def test_attack_05_a_key_to_fetch_elsewhere(bench):
    """Nobody is visited: see Bench.after()."""
    mallory = tokens.Key("RSA", "mallory")
    bench.world.name("evil.example.net")
    bench.world.server.hosts["evil.example.net"] = lambda request: Answer(200, {"keys": [mallory.jwk]})
    vectors = []
    for name, url in itertools.product(("jku", "x5u"), ("https://evil.example.net/keys", "http://evil.example.net/keys", "https://127.0.0.1/keys",
                                                       "http://127.0.0.1/keys", "http://[::1]/keys", "http://169.254.169.254/latest", "file:///etc/passwd")):
        vectors += [(url, bench.forge(mallory, header={name: url})), (url, bench.forge(mallory, header={name: url, "kid": None}))]
    bench.all_refused(vectors)
    assert not bench.world.server.requests("evil.example.net")
    assert "evil.example.net" not in bench.world.server.names


def test_attack_06_key_ids_of_all_kinds(bench):
    mallory = tokens.Key("P-256")
    kids = ["../../../../dev/null", "/dev/null", "' OR 1=1 --", "x' UNION SELECT 'k", "*)(uid=*))(|(uid=*", "$(reboot)", "`reboot`", "; reboot", "|reboot", "a\0b", "\0",
            "a\nlogin_accepted user=root", "a\r\nb", "%0a%0d", "\t", "\x7f", "\u2028", "x" * 255, "x" * 256, "x" * 11000, "", "🔑", "%s%s%n", "{}", "null"]
    vectors = [(kid[:30], bench.forge(mallory, header={"kid": kid})) for kid in kids]
    vectors += [(f"kid {kid!r}", bench.forge(mallory, header={"kid": kid})) for kid in (1, True, ["a"], {"a": 1}, 1e400)]
    vectors += [("kid null", bench.headed(json.dumps({"alg": "ES256", "kid": None})))]
    bench.all_refused(vectors)
    assert not bench.daemon.lines("^login_accepted", bench.mark)


# ---- 7-9, 13: signatures and keys ----

@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512"])
def test_attack_07_psychic_signatures(bench, alg):
    key, n = bench.key[alg], tokens.ORDER_OF[alg]
    length = tokens.BYTES_OF[key.kind]

    def pair(r, s):
        return r.to_bytes(length, "big") + s.to_bytes(length, "big")

    vectors = [(f"{r:x} {s:x}"[:40], bench.forge(key, signature=pair(r, s)))
               for r, s in itertools.product((0, 1, n - 1, n, n + 1, 2**(8 * length) - 1), repeat=2) if (r, s) != (1, 1)]
    vectors += [("DER", bench.forge(key, sign=lambda data: key.der_signature(alg, data))),
                ("r + n", bench.forge(key, sign=lambda data: plus(key.sign(alg, data), n, 0, length))),
                ("s + n", bench.forge(key, sign=lambda data: plus(key.sign(alg, data), n, 1, length))),
                ("a byte more", bench.forge(key, sign=lambda data: key.sign(alg, data) + b"\0")),
                ("a byte less", bench.forge(key, sign=lambda data: key.sign(alg, data)[:-1])),
                ("a byte before", bench.forge(key, sign=lambda data: b"\0" + key.sign(alg, data))),
                ("half", bench.forge(key, sign=lambda data: key.sign(alg, data)[:length])),
                ("nothing", bench.forge(key, signature=b"")),
                ("exchanged", bench.forge(key, sign=lambda data: key.sign(alg, data)[length:] + key.sign(alg, data)[:length]))]
    bench.all_refused(vectors)


def plus(signature, n, which, length):
    parts = [int.from_bytes(signature[:length], "big"), int.from_bytes(signature[length:], "big")]
    parts[which] += n
    return b"".join(part.to_bytes(length + 1, "big") for part in parts)


def test_attack_08_points_off_the_curve(bench):
    vectors = []
    for kid in ("one-one", "zero", "x+p", "mislabelled", "short"):
        for alg in ("ES256", "ES384"):
            key, length = bench.key[alg], tokens.BYTES_OF[tokens.CURVE_OF[alg]]
            vectors += [(f"{kid} {alg}", bench.forge(key, alg, header={"kid": kid})),
                        (f"{kid} {alg} psychic", bench.forge(key, alg, header={"kid": kid}, signature=bytes(2 * length)))]
    vectors.append(("mislabelled by its own key", bench.forge(BAD["mislabelled"], "ES256")))
    vectors.append(("secp256k1", bench.forge(BAD["koblitz"], "ES256K", sign=lambda data: BAD["koblitz"].sign("ES256", data))))
    vectors.append(("secp256k1 as ES256", bench.forge(BAD["koblitz"], "ES256")))
    bench.all_refused(vectors)


def test_attack_09_edwards_signatures(bench):
    key = bench.key["EdDSA"]

    def raised(data):
        signature = key.private.sign(data)
        s = int.from_bytes(signature[32:], "little") + tokens.ED25519_ORDER
        return signature[:32] + s.to_bytes(32, "little")

    vectors = [("S + L", bench.forge(key, sign=raised)), ("63 bytes", bench.forge(key, sign=lambda data: key.private.sign(data)[:-1])),
               ("65 bytes", bench.forge(key, sign=lambda data: key.private.sign(data) + b"\0")), ("zeros", bench.forge(key, signature=bytes(64)))]
    for kid in SMALL_ORDER:
        # Of an order of 8 at most: one in eight of these hashes makes the key vanish from the equation.
        vectors += [(kid, bench.forge(key, header={"kid": kid}, claims=bench.claims(jti=str(n)), signature=SMALL_ORDER["identity"] + bytes(32))) for n in range(24)]
    bench.all_refused(vectors)


def test_attack_13_weak_and_unfit_keys(bench):
    vectors = [(kid, bench.forge(BAD[kid], "RS256")) for kid in ("rsa1024", "roca", "private")]
    vectors += [("rsa512", bench.forge(BAD["rsa512"], "RS256", sign=lambda data: pow(int.from_bytes(tokens.pkcs1("RS256", data, 64), "big"), 1, 2**511).to_bytes(64, "big"))),
                ("rsa512 by itself", bench.forge(BAD["rsa512"], "RS256"))]
    vectors += [(kid, bench.forge(BAD[kid], "ES256")) for kid in ("encryption", "no-verify", "twice")]
    vectors += [("e = 3", bench.forge(E3, "RS256")),
                ("e = 3 forged", bench.forge(E3, "RS256", sign=lambda data: tokens.bleichenbacher("RS256", data))),
                ("e = 65537 forged", bench.forge(bench.key["RS256"], "RS256", sign=lambda data: tokens.bleichenbacher("RS256", data))),
                ("e = 1", bench.forge(E3, "RS256", header={"kid": "e1"}, sign=lambda data: tokens.pkcs1("RS256", data, 257))),
                ("octets", bench.forge(E3, "HS256", header={"kid": "octets"}, sign=lambda data: tokens.hs("HS256", OCTETS, data)))]
    vectors += [(kid, bench.forge(BAD["private"], "RS256", header={"kid": kid})) for kid in ("even", "65536 bits", "long e", "even e", "octets")]
    bench.all_refused(vectors)


# ---- 10-12, 17, 30: what is written in it ----

def text_of(claims, *more):
    """The claims as JSON with `more` members written behind them."""
    return json.dumps(claims, separators=(",", ":"))[:-1] + "".join("," + member for member in more) + "}"


def test_attack_10_members_named_twice(bench):
    claims, key = bench.claims(), bench.product.key()
    kid, alg, typ = key.kid, key.natural, bench.product.header["typ"]
    vectors = [(member, bench.true(text_of(claims, member))) for member in (
        *(f'"{name}":{json.dumps(value)}' for name, value in claims.items()), '"sub":"b"', '"\\u0073ub":"b"', '"aud":"b"', '"exp":99999999999',
        '"x":{"a":1,"a":2}', '"x":[{"a":1,"\\u0061":2}]', '"x":1,"x":1')]
    for header in (f'{{"alg":"{alg}","alg":"none","typ":"{typ}","kid":"{kid}"}}', f'{{"alg":"none","alg":"{alg}","typ":"{typ}","kid":"{kid}"}}',
                   f'{{"alg":"{alg}","typ":"{typ}","kid":"x","kid":"{kid}"}}', f'{{"alg":"{alg}","typ":"JWT","typ":"{typ}","kid":"{kid}"}}',
                   f'{{"alg":"{alg}","typ":"{typ}","kid":"{kid}","\\u0061lg":"{alg}"}}', f'{{"alg":"{alg}","typ":"{typ}","kid":"{kid}","x":{{"a":1,"a":1}}}}'):
        vectors.append((header, bench.headed(header)))
    bench.all_refused(vectors)
    bench.nobody_asked()


def test_attack_11_huge_and_deep(bench):
    claims = bench.claims()
    vectors = [(member[:20], bench.true(text_of(claims, member))) for member in (
        '"x":' + "[" * 10000, '"x":' + "[" * 4000 + "]" * 4000, '"x":' + '{"a":' * 1500 + "1" + "}" * 1500, '"x":' + "[" * 17 + "]" * 17, '"x":"\\ud800"', '"x":"\\udc00\\ud800"',
        '"\\ud800":1', '"x":NaN', '"x":Infinity', '"x":01', '"x":+1', '"x":.5', '"x":1.', '"x":0x10', '"x":"\\x41"', '"x":"\t"', '"x":"\n"', '"x":"\\u0000"', '"x":undefined', '"x":\'a\'',
        '"x":[1,]', '"x":1,', '', '/**/"x":1', '"x":tru', '"x"', '"x":"')]
    text = json.dumps(claims)
    vectors += [(name, bench.true(payload)) for name, payload in (
        ("a BOM", b"\xef\xbb\xbf" + text.encode()), ("two documents", text + text), ("behind it", text + "x"), ("UTF-16", text.encode("utf-16")), ("Latin-1", text.replace("}", ',"x":"é"}').encode("latin-1")),
        ("NUL", text.encode() + b"\0"), ("an array", f"[{text}]"), ("a text", '"x"'), ("a number", "1"), ("nothing", ""), ("null", "null"), ("overlong UTF-8", text.replace("}", ',"x":"').encode() + b'\xc0\xaf"}'),
        ("just open", "{"), ("ten thousand", "[" * 12000))]
    vectors += [(name, bench.headed(header)) for name, header in (
        ("deep header", '{"alg":"RS256","x":' + "[" * 5000 + "]" * 5000 + "}"), ("array header", '[{"alg":"RS256"}]'), ("long header", '{"alg":"RS256","x":"' + "x" * 9000 + '"}'),
        ("header NaN", '{"alg":"RS256","x":NaN}'), ("no header", "{}"), ("header of blanks", " " * 5000 + "{}"))]
    vectors = [(name, token) for name, token in vectors if len(token) <= LONGEST]
    assert len(vectors) > 40
    bench.all_refused([(name, token) for name, token in vectors if name])
    for member in ('"x":1e9999', '"x":-1e9999', ",".join(f'"k{n}":{n}' for n in range(800))):
        answer, _ = bench.sign_in(bench.true(text_of(claims, member)))      # legal, if useless
        assert answer.kind in ("OK", "FAIL")
    bench.all_refused([(time_, bench.true(text_of(bench.claims(exp=None), f'"exp":{time_}'))) for time_ in ("1e9999", "-1e9999", "1" * 400)])


def test_attack_12_critical_extensions(bench):
    headers = [{"crit": ["b64"], "b64": False}, {"crit": ["b64"], "b64": True}, {"crit": []}, {"crit": ["exp"], "exp": now() + 600}, {"crit": ["alg"]}, {"crit": ["kid"]},
               {"crit": "b64"}, {"crit": {}}, {"crit": True}, {"crit": 0}, {"crit": [1]}, {"crit": ["http://example.com/UNDEFINED"], "http://example.com/UNDEFINED": True}]
    bench.all_refused([(str(header), bench.headed(header | {"typ": bench.product.header.get("typ")})) for header in headers])


def test_attack_17_tokens_of_other_kinds(bench):
    """A refresh token, a logout token, a security event, a DPoP proof, an introspection answer; all by the true key."""
    claims = bench.claims()
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    vectors = [("a refresh token", bench.product.issue(bench.alice, kind="refresh"))]
    for typ in ("logout+jwt", "secevent+jwt", "dpop+jwt", "oauth-authz-req+jwt", "token-introspection+jwt", "application/logout+jwt", "LOGOUT+JWT", "client-authentication+jwt", "vc+jwt", "kb+jwt", "JWE",
                "at+jwt ", "application/application/at+jwt"):
        vectors.append((typ, bench.true(claims, typ=typ)))
    vectors += [("logout token", bench.true({name: claims[name] for name in ("iss", "sub", "iat", "exp")} | {"aud": claims.get("aud"), "jti": "1", "events": event})),
                ("with events", bench.true(claims | {"events": event})), ("events empty", bench.true(claims | {"events": {}}))]
    vectors += [(f"payload typ {typ}", bench.true(claims | {"typ": typ})) for typ in ("Refresh", "Offline", "ID", "Logout", "refresh", "Serialized-ID")]
    vectors += [(f"token_use {use}", bench.true(claims | {"token_use": use})) for use in ("id", "refresh")]
    bench.all_refused(vectors)


def test_attack_17_bound_to_a_sender(bench):
    claims = bench.claims()
    confirmations = ({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}, {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}, {"jwk": {}}, {}, "x", [], True)
    bench.all_refused([(str(cnf), bench.true(claims | {"cnf": cnf})) for cnf in confirmations])
    bench.refused(bench.true(claims | {"token_type": "DPoP"}))


def test_attack_24_nested(bench):
    """J24: a token within a token."""
    inner = bench.product.issue(bench.alice, opaque=False)
    bench.all_refused([("cty", bench.headed({"cty": "JWT", "typ": bench.product.header.get("typ")})), ("nested", tokens.mint(inner, bench.product.key(), header={"cty": "JWT"})),
                       ("nested silently", tokens.mint(inner, bench.product.key())), ("quoted", tokens.mint(json.dumps(inner), bench.product.key()))])


def test_attack_30_encrypted_and_other_shapes(bench):
    part = tokens.b64(json.dumps({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31, "p2s": "x", "zip": "DEF"}))
    good = bench.headed({"typ": bench.product.header.get("typ")})
    head, body, signature = good.split(".")
    vectors = [("five parts", f"{part}.x.x.{'A' * 9000}.x"), ("five empty", "...."), ("dir", tokens.b64('{"alg":"dir","enc":"A128GCM"}') + "..x.x.x"), ("five of a JWS", good + ".x.x"), ("four", good + ".x"),
               ("two", head + "." + body), ("one", head), ("dots", ".."), ("no header", f".{body}.{signature}"), ("no claims", f"{head}..{signature}"), ("turned", f"{body}.{head}.{signature}"),
               ("padded", good + "="), ("padded twice", good + "=="), ("one character less", good[:-1]), ("one more", good + "A"), ("plus", f"{head}.{body}.{'+' + signature[1:]}"), ("slash", f"{head}.{body}.{'/' + signature[1:]}"),
               ("tilde", f"{head}.{body}~.{signature}"), ("header of another alphabet", head.replace("e", "~", 1) + f".{body}.{signature}")]
    # J2: the last character of a part has bits that nobody reads; they must be zero.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    parts = [head, body, signature]
    for index, one in enumerate(parts):
        if len(one) % 4:
            other = one[:-1] + alphabet[alphabet.index(one[-1]) | 1]
            if other != one:
                vectors.append((f"bits behind part {index}", ".".join(parts[:index] + [other] + parts[index + 1:])))
    bench.all_refused(vectors)
    for text in ('{"payload":"x","signatures":[]}', '{"payload":"x"}', "a b", "ä", "a,b", 'a"b'):
        bench.refused(text, status="invalid_request")


# ---- 14-16, 50: for somebody else, of somebody else ----

def test_attack_14_token_of_another_client(bench):
    """The provider itself calls it good: same person, same keys, another application."""
    bench.all_refused([(f"{number} {token[:12]}", token) for number, token in enumerate(bench.product.substituted(bench.alice))])


def test_attack_14_no_client_and_no_audience(bench):
    """What is missing refuses."""
    claims = bench.claims()
    without = {name: value for name, value in claims.items() if name not in ("aud", "azp", "client_id", "appid", "cid")}
    bench.refused(bench.true(without))
    client = bench.product.client_of(bench.product.issuer)
    if bench.block.list("clients"):
        bench.all_refused([(str(change), bench.true(claims | change)) for change in (
            {"azp": "otherapp"}, {"client_id": "otherapp"}, {"azp": [client]}, {"azp": client + " "}, {"azp": client.swapcase()}, {"azp": ""}, {"azp": 1}, {"appid": "otherapp"}, {"cid": "otherapp"})])
    if bench.block.list("audiences"):
        audience = bench.block.list("audiences")[0]
        bench.all_refused([(str(aud), bench.true(claims | {"aud": aud})) for aud in (
            [], "", "x", audience + "/", audience[:-1], audience.swapcase(), [audience, 1], [[audience]], {"a": audience}, 1, True, [audience.lower() + "x"], " " + audience)])


def test_attack_15_somebody_elses_token(bench):
    token = bench.product.issue(bench.alice)
    bench.good(token)                   # known, and in the cache
    for given in (token, bench.product.issue(bench.alice)):
        bench.refused(given, bench.bob)
        bench.refused(given, f"nobody@{bench.domain}")
    for authzid, user, secret in ((bench.bob, bench.alice, token), (bench.bob, bench.bob, token), ("", bench.alice, token), (bench.alice, bench.bob, token)):
        with bench.daemon.dovecot() as end:
            assert end.login("PLAIN", ends.plain(user, secret, authzid)).refused      # P4: a token is no password
    with bench.daemon.dovecot() as end:
        message = ends.b64(f"n,a={bench.bob},\x01user={bench.alice}\x01auth=Bearer {token}\x01\x01")
        assert end.login("OAUTHBEARER", message).refused


def test_attack_16_id_token(bench):
    vectors = [(issuer, bench.product.issue(bench.alice, kind="id", issuer=issuer)) for issuer in bench.product.issuers]
    vectors += [("at_hash only", bench.product.issue(bench.alice, kind="id", nonce=None)), ("nonce only", bench.product.issue(bench.alice, kind="id", at_hash=None)),
                ("c_hash only", bench.product.issue(bench.alice, kind="id", nonce=None, at_hash=None, c_hash="LDktKdoQak3Pk0cnXxCltA"))]
    if bench.product.marked:
        vectors.append(("neither", bench.product.issue(bench.alice, kind="id", nonce=None, at_hash=None)))
        vectors.append(("without typ", bench.product.issue(bench.alice, kind="id", header={"typ": None}, nonce=None, at_hash=None)))
    bench.all_refused(vectors)


@pytest.mark.blocks(condition=introspected)
def test_attack_50_active_is_no_permission(bench):
    """I4, I5, I6, I8: what an introspection answer must say as well."""
    server, (host,) = bench.world.server, bench.product.hosts
    answers = [{"active": value} for value in ("true", 1, None, [], {}, "yes", False)]
    answers += [{"client_id": "otherapp"}, {"client_id": None}, {"client_id": ["roundcube"]}, {"client_id": ""}, {"exp": now() - 600}, {"exp": "soon"}, {"exp": -1}, {"nbf": now() + 600}, {"iat": now() + 600},
                {"iss": "https://elsewhere.example.net"}, {"iss": ["x"]}, {"cnf": {"jkt": "x"}}, {"token_type": "DPoP"}, {"token_type": "refresh_token"},
                {"token_use": "refresh_token"}, {"token_use": "refresh"}, {"typ": "Refresh"}, {"token_use": "id"}]
    for answer in answers:
        token = bench.product.issue(bench.alice, opaque=True)
        server.trouble(changed(**answer), host, "introspection")
        try:
            bench.refused(token)
        except AssertionError as error:
            raise AssertionError(f"{answer}: {error}") from error
        finally:
            server.well()
    bench.refused(bench.product.issue(bench.alice, kind="refresh"))


# ---- 19-24: who it says it is for ----

@pytest.mark.blocks(condition=lambda name: verified(name) != "trust")     # docs/providers.md says where, and why
@pytest.mark.parametrize("value", [False, "false", "true", 0, 1, None, "", [], "yes"], ids=repr)
def test_attack_19_20_email_not_verified(bench, value):
    """Judged when an account is bound: mallory has written somebody's address into her profile. A string is no boolean; at
    Google's tokeninfo everything is one, but it is userinfo that has the address."""
    user = bench.account("victim")
    bench.product.person(user).verified = value
    token = bench.product.issue(user, email_verified=value)
    if verified(bench.block.name) == "if_present" and value is None:
        bench.good(token, user)
        return
    bench.refused(token, user)
    bench.refused(token, "")


def test_attack_19_bound_to_the_first_subject(bench):
    """A re-assigned address does not inherit the mailbox; an account that is bound does not ask again whether its address
    is verified."""
    user = bench.account("reassigned")
    old = bench.product.issue(user)
    bench.good(old, user)
    changes = {"sub": "somebody-new"} | ({"oid": "00000000-1111-2222-3333-444444444444"} if preset(bench.block.name) == "entra" else {})
    new = bench.product.issue(user, **changes)
    bench.product.known[new].person = type(bench.product.person(user))(user, subject="somebody-new")
    bench.refused(new, user)
    bench.good(old, user)


@pytest.mark.blocks(condition=lambda name: preset(name) == "entra")
def test_attack_21_tenants(bench):
    """An e-mail claim of another tenant's making (nOAuth)."""
    product, other = bench.product, "99999999-8888-7777-6666-555555555555"
    for issuer in product.issuers:
        name = product.name_claim(issuer)
        foreign = issuer.replace(product.tenant, other)
        vectors = [("another tenant", product.jwt(product.claims(bench.alice, issuer=issuer) | {"iss": foreign, "tid": other})),
                   ("its issuer, our tid", product.jwt(product.claims(bench.alice, issuer=issuer) | {"iss": foreign})),
                   ("the template itself", product.jwt(product.claims(bench.alice, issuer=issuer) | {"iss": issuer.replace(product.tenant, "{tenantid}")})),
                   ("mallory with alice's e-mail", product.issue(bench.bob, issuer=issuer, email=bench.alice)),
                   ("e-mail alone", product.issue(bench.bob, issuer=issuer, email=bench.alice, **{name: None})),
                   ("an application", product.issue(bench.alice, issuer=issuer, idtyp="app", scp=None, roles=["Mail.ReadWrite"]))]
        bench.all_refused(vectors)


def test_attack_22_client_credentials(bench):
    """A client that named itself like a mailbox, or whose token has its own id for a subject; of an account that nobody has
    opened yet."""
    product, client, user = bench.product, bench.product.client_of(bench.product.issuer), bench.account("robot")
    named = bench.claims(user) | {"sub": user, "client_id": user, "azp": user}
    own = {"oid": client} if preset(bench.block.name) == "entra" else {"sub": client, "client_id": client}
    of_client = product.issue(user, **own)
    product.known[of_client].person = type(product.person(user))(user, subject=client)
    vectors = [("its own name", bench.true(named)), ("of our client", of_client)]
    if preset(bench.block.name) == "entra":
        vectors += [(idtyp, product.issue(user, idtyp=idtyp)) for idtyp in ("app", "App")]
        vectors.append(("no delegation", product.issue(user, scp=None, roles=["x"])))
    bench.all_refused(vectors, user=user)


NAMES_REFUSED = ["{local}+tag@{domain}", "\u0430{rest}@{domain}", "{local}\uff20{domain}", "{local}@{domain}.", "{local}@{domain}..", '"{local}"@{domain}', "{local}@@{domain}", "{local}@", "@{domain}",
                 "{local}\u200b@{domain}", "\u202e{local}@{domain}", "{local}\u00ad@{domain}", "{local}@{domain}\u200b", "{local} @{domain}", " {local}@{domain}", "{local}@{domain} ", "{local}/../x@{domain}", "../{local}@{domain}",
                 "{local}@{domain},x@{domain}", "{local}@{domain}@{domain}", "<{local}@{domain}>", "{local}@[127.0.0.1]", "{local}|x@{domain}", "{local}.@{domain}", ".{local}@{domain}", "{local}@{domain}.evil.example",
                 "{local}@xn--{domain}", "{local}%x@{domain}", "{local}\ufeff@{domain}", "{local}\u0000@{domain}", "{local}\u0130@{domain}"]


def spelled(bench, pattern):
    local_, _, domain = bench.alice.partition("@")
    return pattern.format(local=local_, domain=domain, rest=local_[1:])


def unreadable(bench, text, answer):
    """With a NUL in it, a provider's answer is nonsense as a whole: that is trouble, and not a no."""
    return "\0" in str(text) and not bench.product.token_says_all and answer.fields == {"code": "temp_fail"}


@pytest.mark.parametrize("side", ["name", "claim"])
def test_attack_23_spellings(bench, side):
    """Of the SASL name with alice's token, and of the claim for alice's mailbox: N1-N7."""
    issuer = bench.product.issuer
    kelvin = bench.account("kate")
    token = bench.product.issue(bench.alice)

    def variant(text, address=None):
        if side == "name":
            return token if address is None else bench.product.issue(address), text
        issued = bench.product.issue(address or bench.alice, **{bench.product.name_claim(issuer): text})
        return issued, address or bench.alice

    for pattern in NAMES_REFUSED:
        text = spelled(bench, pattern)
        if side == "name" and "\0" in text:
            continue
        given, user = variant(text)
        for name in (user, "") if side == "claim" else (user,):
            answer, _ = bench.sign_in(given, name)
            assert answer.refused or unreadable(bench, text, answer), (text, answer)
    for text in (kelvin.replace("k", "\u212a"), kelvin.replace("k", "\uff4b")):
        given, user = variant(text, kelvin)
        assert bench.sign_in(given, user)[0].refused, text
    for text in (bench.alice.upper(), bench.alice.title()):
        given, user = variant(text)
        answer, _ = bench.sign_in(given, user)
        assert answer.ok and answer.fields == {"user": bench.alice}, (text, answer)


def test_attack_24_claims_that_break_lines(bench):
    """Whatever a claim holds, the reply has exactly its fields and the log one line for each login."""
    name = bench.product.name_claim(bench.product.issuer)
    values = [f"{bench.alice}{more}" for more in ("\tadmin=y", "\nOK\t1\tuser=root", "\r\n", "\x01x", "\0", "\0x", "\tuser=root", " user=root", "\x7f", "\u2028", "%u", "\x1b[2J")]
    values += [f"user=root\t{bench.alice}", "", " ", [bench.alice], {"a": bench.alice}, True, 1, 1.5, [], "x" * 3000 + f"@{bench.domain}"]
    for value in values:
        token = bench.product.issue(bench.alice, **{name: value})
        for user in (bench.alice, ""):
            answer, _ = bench.sign_in(token, user)
            assert (answer.refused and set(answer.fields) <= {"user"}) or unreadable(bench, value, answer), (value, answer)
            assert answer["user"] in (None, bench.alice)
    bench.product.leaves_out = (name,)
    answer, _ = bench.sign_in(bench.product.issue(bench.alice))
    bench.product.leaves_out = ()
    assert answer.refused


@pytest.mark.parametrize("subject", ["", "a\nb", "a\0b", "\t", "x" * 256, None, 1, ["a"], {"a": 1}, True], ids=lambda value: repr(value)[:12])
def test_attack_24_subjects(bench, subject):
    """J23."""
    if preset(bench.block.name) == "entra":
        token = bench.product.issue(bench.alice, oid=subject)
    elif bench.product.local:
        token = bench.product.issue(bench.alice, opaque=False, sub=subject)
        bench.product.known[token].claims["sub"] = subject
    else:
        token = bench.product.issue(bench.alice)
        bench.product.known[token].person = type(bench.product.person(bench.alice))(bench.alice, subject=subject or "")
        bench.product.known[token].person.subject = bench.product.known[token].claims["sub"] = subject
    answer, _ = bench.sign_in(token)
    assert answer.refused or unreadable(bench, subject, answer), answer


# ---- 25, 26: what is no token at all ----

def test_attack_25_headers_in_a_token(bench):
    for text in ("x\r\nHost: evil", "x\nX-Admin: 1", "x\r\n\r\nGET / HTTP/1.1", "x\rb", "x\x0bb", "x\x00b", "x y", "x\u0085y"):
        with bench.daemon.dovecot() as end:
            assert end.login("OAUTHBEARER", ends.b64(f"n,a={bench.alice},\x01auth=Bearer {text}\x01\x01")).refused
            assert json.loads(end.challenge)["status"] == "invalid_request"
            assert end.login("XOAUTH2", ends.b64(f"user={bench.alice}\x01auth=Bearer {text}\x01\x01")).refused
    assert not bench.world.server.requests(since=bench.seen)


def test_attack_26_forms_in_a_token(bench):
    for text in ("a&token_type_hint=refresh_token", "a&client_id=x", "a%00b", "a%26b", "a;b", "a#b", "a?b", "a{b}", "a=b", "=a", "a@b", "a:b", "a,b", "*", "a\\b"):
        bench.refused(text, status="invalid_request")
    assert not bench.world.server.requests(since=bench.seen)


@pytest.mark.blocks(condition=lambda name: introspected(name) or preset(name) == "google")
def test_attack_26_all_characters_of_a_token(bench):
    """I1: what is a token arrives whole, in the body or the header."""
    token = "a-._~+/0Z" * 4 + "=="
    bench.product.remember(token, bench.alice, bench.product.client_of(bench.product.issuer), bench.product.issuer)
    bench.good(token)


# ---- 27: whose it is ----

def test_attack_27_issuers(bench):
    product, claims, issuer = bench.product, bench.claims(), bench.product.issuer
    host = issuer.split("/")[2]
    issuers = [issuer + "/" if not issuer.endswith("/") else issuer[:-1], issuer.replace(host, host.upper()), issuer.replace(host, host + ":443"), issuer.replace("https:", "http:"), issuer + "?x", issuer + "#", " " + issuer,
               issuer + " ", issuer[:-1], "", [issuer], {"iss": issuer}, None, 1, True, "https://evil.example.net/", issuer + "\0", issuer.replace("example", "ex%61mple"), issuer.replace("https://", "https://x@")]
    bench.all_refused([(repr(value), tokens.mint({name: one for name, one in (claims | {"iss": value}).items()}, product.key(), header=product.header)) for value in issuers if value != issuer])
    if len(product.issuers) > 1 and product.keys_of(product.issuers[0]) is not product.keys_of(product.issuers[1]):
        for one, other in itertools.permutations(product.issuers, 2):
            own = product.claims(bench.alice, issuer=one)
            bench.refused(tokens.mint(own, product.key(other), header=product.header))
            bench.refused(tokens.mint(own, product.key(other), header=product.header | {"kid": product.key(one).kid}))


# ---- 29: when ----

def test_attack_29_times(bench):
    t = now()
    times = [{"exp": value} for value in (t - 120, 0, 1, -1, -t, str(t + 600), "soon", None, True, [t + 600], {}, 2**53 + 2, 2**63, 2**64 + t, 1e300, t - 3600)]
    times += [{"nbf": value} for value in (t + 300, str(t), -1, True, [], 1e300, "")]
    times += [{"iat": value} for value in (t + 300, str(t), True, [], 1e300)]
    bench.all_refused([(str(change), bench.true(bench.claims() | change)) for change in times])
    bench.refused(bench.true(bench.claims(exp=None)))
    for good in ({"exp": t + 600.5}, {"nbf": t - 5}, {"nbf": t + 5}, {"iat": t + 5}):
        bench.good(bench.product.issue(bench.alice, opaque=False, **good))


# ---- 31, 37, 38, 40, 42: many, and again ----

def test_attack_31_unknown_keys(bench):
    """Four hundred ids that no key has: the keys are fetched at most twice."""
    mallory = tokens.Key("P-256")
    with bench.daemon.dovecot() as end:
        for _ in range(400):
            end.auth("XOAUTH2", ends.xoauth2(bench.alice, bench.forge(mallory, header={"kid": secrets.token_hex(8)}, signature=b"x" * 64)))
        answers = [ends.Answer(end.hear()) for _ in range(400)]
    assert all(answer.refused for answer in answers)
    fetches = bench.world.server.requests(endpoint="jwks", since=bench.seen)
    assert len(fetches) <= 2 * len(bench.product.issuers), fetches
    bench.nobody_asked()


def test_attack_37_cached_verdicts(bench):
    """One of alice, then one of bob, then alice's with a letter more or another user's name: each for itself."""
    one, other, bobs = bench.product.issue(bench.alice), bench.product.issue(bench.alice), bench.product.issue(bench.bob)
    for _ in range(2):
        bench.good(one)
        bench.good(other)
        bench.good(bobs, bench.bob)
        bench.refused(bobs, bench.alice)
        bench.refused(one, bench.bob)
        bench.refused(one + "A")
        bench.refused(one[:-1] + ("A" if one[-1] != "A" else "B"))
        bench.refused(one[:-4])
    if not one.count(".") == 2:
        later = bench.product.opaque_token()
        bench.refused(later)
        assert len(bench.asked(bench.seen)) < 60


def test_attack_40_one_wrong_token_many_times(bench):
    """A token that was refused is not asked for again at once."""
    token = secrets.token_urlsafe(40)
    for _ in range(20):
        bench.refused(token)
    assert len(bench.asked(bench.seen)) <= 2


def test_attack_40_guesses_that_look_like_tokens(bench):
    """Whatever cannot be good is not asked about."""
    good = bench.headed({"typ": bench.product.header.get("typ")}).split(".")
    for _ in range(50):
        bench.refused(f"{good[0]}.{good[1]}.{secrets.token_urlsafe(256)}")
    bench.nobody_asked()


def test_attack_42_length(bench):
    """As long as our doors take them, and longer."""
    product = bench.product
    for size in (6100, 6150, 8192, 12000, LONGEST):
        if product.opaque:
            token = product.remember("x" * size, bench.alice, product.client_of(product.issuer), product.issuer)
        else:
            token = padded(product, bench.alice, size)
        assert len(token) == size
        bench.good(token)
    for size in (LONGEST + 1, 24000):
        answer, _ = bench.sign_in("x" * size)
        assert answer.refused


def padded(product, address, size):
    """A token of exactly that size. base64url has no text of 4n + 1 characters, so the header grows too."""
    claims = product.claims(address)
    fill = (size - len(product.jwt(claims | {"x": ""}))) * 3 // 4
    for more, header in itertools.product(range(fill - 6, fill + 7), range(4)):
        token = product.jwt(claims | {"x": "y" * more}, {"x": "y" * header} if header else None)
        if len(token) == size:
            return product.remember(token, address, product.client_of(product.issuer), product.issuer, claims=claims)
    raise AssertionError(size)


def test_attack_39_time_tells_nothing(bench):
    """An unknown user, and a known one with a bad token: alternately, and the medians differ by less than half."""
    samples = {"known": [], "unknown": []}
    with bench.daemon.dovecot() as end:
        for _ in range(60):
            for who, user in (("known", bench.bob), ("unknown", f"nobody@{bench.domain}")):
                token = bench.forge(bench.key["ES256"], signature=secrets.token_bytes(64))
                begin = time.perf_counter()
                assert end.login("XOAUTH2", ends.xoauth2(user, token)).refused
                samples[who].append(time.perf_counter() - begin)
    known, unknown = (sorted(values)[len(values) // 2] for values in samples.values())
    assert abs(known - unknown) < 0.5 * max(known, unknown) + 0.001, (known, unknown)
