"""tokens.py - keys of every kind, and tokens made with them: good ones, and whatever an attacker would make."""

import base64
import hashlib
import hmac
import json
import os

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1, "secp256k1": ec.SECP256K1}
CURVE_OF = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
BYTES_OF = {"P-256": 32, "P-384": 48, "P-521": 66, "secp256k1": 32}
ORDER_OF = {
    "ES256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "ES384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    "ES512": 2**521 - 657877501894328237357444332315020117536923257219387276263472201219398408051703,
}
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


def b64(data):
    data = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value, length=None):
    return b64(value.to_bytes(length or max(1, (value.bit_length() + 7) // 8), "big"))


class Key:
    """One signing key: `jwk` is what its owner publishes."""

    def __init__(self, kind="RSA", kid=None, alg=None, private=None, bits=2048):
        self.kind, self.alg = kind, alg
        self.kid = kid if kid is not None else os.urandom(8).hex()
        if private is not None:
            self.private = private
        elif kind == "RSA":
            self.private = rsa.generate_private_key(65537, bits)
        elif kind == "Ed25519":
            self.private = ed25519.Ed25519PrivateKey.generate()
        else:
            self.private = ec.generate_private_key(CURVES[kind]())

    @property
    def jwk(self):
        public = self.private.public_key()
        said = {"kid": self.kid, "use": "sig"} | ({"alg": self.alg} if self.alg else {})
        if self.kind == "RSA":
            numbers = public.public_numbers()
            return said | {"kty": "RSA", "n": number(numbers.n), "e": number(numbers.e)}
        if self.kind == "Ed25519":
            return said | {"kty": "OKP", "crv": "Ed25519", "x": b64(self.der()[-32:])}
        numbers, length = public.public_numbers(), BYTES_OF[self.kind]
        return said | {"kty": "EC", "crv": self.kind, "x": number(numbers.x, length), "y": number(numbers.y, length)}

    def der(self):
        return self.private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def natural(self):
        """The algorithm that its owner uses it for."""
        if self.alg:
            return self.alg
        return {"RSA": "RS256", "Ed25519": "EdDSA", "P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}.get(self.kind, "ES256K")

    def der_signature(self, alg, data):
        return self.private.sign(data, ec.ECDSA(HASHES[alg[2:5]]()))

    def sign(self, alg, data):
        if alg in ("EdDSA", "Ed25519"):
            return self.private.sign(data)
        if alg.startswith("ES"):
            r, s = utils.decode_dss_signature(self.der_signature(alg, data))
            length = BYTES_OF[self.kind]
            return r.to_bytes(length, "big") + s.to_bytes(length, "big")
        chosen = HASHES[alg[2:5]]()
        pad = padding.PKCS1v15() if alg.startswith("RS") else padding.PSS(padding.MGF1(chosen), chosen.digest_size)
        return self.private.sign(data, pad, chosen)


def hs(alg, secret, data):
    return hmac.new(secret, data, getattr(hashlib, "sha" + alg[2:])).digest()


def encoded(part):
    """A JSON value, a text, or bytes as they are."""
    if isinstance(part, (dict, list)):
        part = json.dumps(part, separators=(",", ":"))
    return b64(part)


def mint(claims, key=None, alg=None, header=None, signature=None, sign=None):
    """A compact token. `claims`: a dict, or text as it shall stand. `header`: a dict of members over the usual ones (None
    takes one away), or text. `sign`: from bytes to signature, in place of the key's own. `signature`: bytes as they are."""
    alg = alg or (key.natural if key else "RS256")
    if header is None or isinstance(header, dict):
        usual = {"alg": alg, "typ": "JWT"} | ({"kid": key.kid} if key else {})
        header = {name: value for name, value in (usual | (header or {})).items() if value is not None}
    signed = f"{encoded(header)}.{encoded(claims)}"
    if signature is None:
        signature = sign(signed.encode()) if sign else key.sign(alg, signed.encode())
    return f"{signed}.{b64(signature)}"


# ---- keys that nobody should take ----

# Two primes of the form that Infineon's library made (CVE-2017-15361): k * M + 65537^a mod M, M the product of the first
# 126 primes; `python3 tokens.py` finds others.
ROCA = ((6925650131069390, 27), (6925650131069390, 37))


def primorial(count):
    primes, candidate = [], 2
    while len(primes) < count:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    product = 1
    for prime in primes:
        product *= prime
    return product


def roca_prime(k, a):
    product = primorial(126)
    return k * product + pow(65537, a, product)


def probably_prime(candidate):
    return all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7))


def find_roca():
    found, a = [], 1
    k = (3 << 1022) // primorial(126) + 1          # the two highest bits are set: n has 2048
    while len(found) < 2:
        a += 1
        if probably_prime(roca_prime(k, a)):
            found.append((k, a))
    return found


def rsa_private(p, q, e=65537):
    d = pow(e, -1, (p - 1) * (q - 1))
    numbers = rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p), rsa.RSAPublicNumbers(e, p * q))
    return numbers.private_key()


def roca_key(kid):
    p, q = (roca_prime(k, a) for k, a in ROCA)
    return Key("RSA", kid, private=rsa_private(p, q))


def rsa_jwk(kid, n, e, **more):
    return {"kty": "RSA", "kid": kid, "use": "sig", "n": number(n), "e": number(e)} | more


def pkcs1(alg, data, length):
    """What an RSA signature must decode to: 00 01 FF … 00 DigestInfo."""
    prefixes = {"256": "3031300d060960864801650304020105000420", "384": "3041300d060960864801650304020205000430",
                "512": "3051300d060960864801650304020305000440"}
    info = bytes.fromhex(prefixes[alg[2:]]) + getattr(hashlib, "sha" + alg[2:])(data).digest()
    return b"\x00\x01" + b"\xff" * (length - len(info) - 3) + b"\x00" + info


def bleichenbacher(alg, data, length=256):
    """A cube that begins like a signature of `data` for e = 3 (Bleichenbacher, 2006): right for who does not look at its end."""
    head = pkcs1(alg, data, length)
    start = b"\x00\x01" + b"\xff" * 8 + head[head.index(b"\x00", 2):]
    low = int.from_bytes(start + b"\x00" * (length - len(start)), "big")
    root = round_up_root(low)
    return root.to_bytes(length, "big")


def round_up_root(value):
    low, high = 0, 1 << (value.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        if middle**3 < value:
            low = middle + 1
        else:
            high = middle
    return low


if __name__ == "__main__":
    print(find_roca())
