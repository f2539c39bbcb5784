"""authority.py - the certification authority of the room, its certificates, and bad ones."""

import datetime
import os
import ssl
import threading
import warnings

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


class Authority:
    """Makes a certificate for whatever name a client asks for. Kinds: good, expired, elsewhere (of another name), selfsigned,
    weak (RSA of 1024 bits), ending (in five days), orphaned (its authority has expired)."""

    def __init__(self, directory):
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.server_key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.sign("The room's authority", self.key, self.key, "The room's authority", authority=True)
        self.old_key = ec.generate_private_key(ec.SECP256R1())
        self.old = self.sign("The room's old authority", self.old_key, self.old_key, "The room's old authority", authority=True, until=-DAY)
        self.bundle = "".join(one.public_bytes(serialization.Encoding.PEM).decode() for one in (self.certificate, self.old))
        self.contexts = {}
        self.lock = threading.Lock()
        self.context("nobody.example")
        self.default = os.path.join(directory, "good-nobody.example.pem")

    def sign(self, subject, key, by, issuer, authority=False, until=90 * DAY):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(name(subject[:60])).issuer_name(name(issuer)).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now - 20 * DAY).not_valid_after(now + until)
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
        if not authority:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        return builder.sign(by, hashes.SHA256())

    def context(self, host, kind="good"):
        with self.lock:
            if (host, kind) not in self.contexts:
                self.contexts[host, kind] = self.make(host, kind)
            return self.contexts[host, kind]

    def make(self, host, kind):
        key = rsa.generate_private_key(65537, 1024) if kind == "weak" else self.server_key
        by, issuer = {"selfsigned": (key, host[:60]), "orphaned": (self.old_key, "The room's old authority")}.get(
            kind, (self.key, "The room's authority"))
        certificate = self.sign("elsewhere.example" if kind == "elsewhere" else host, key, by, issuer,
                                until={"expired": -DAY, "ending": 5 * DAY + DAY / 2}.get(kind, 90 * DAY))
        path = os.path.join(self.directory, f"{kind}-{host}.pem")
        with open(path, "wb") as file:
            file.write(pem(key) + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if kind == "weak":
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
        context.load_cert_chain(path)
        return context

    def first(self, old=False):
        """What a handshake begins with, before the client has said a name. `old`: of TLS 1.0 at most."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.default)
        if old:
            context.set_ciphers("DEFAULT:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1
        return context
