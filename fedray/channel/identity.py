"""A party's certificate for one task: made inside the party, trusted by exactly the others of the task."""

from __future__ import annotations

import datetime
import os
import ssl
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["Identity"]

VALID_DAYS = 30
CLOCK_SKEW = datetime.timedelta(days=1)


class Identity:
    """A key and a self-signed certificate.

    Parameters
    ----------
    name
        Common name, for people who look at it; nothing depends on it.

    Attributes
    ----------
    certificate
        PEM.
    """

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - CLOCK_SKEW)
            .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, SHA256())
        )
        self.certificate = made.public_bytes(Encoding.PEM).decode()

    def context(self, side: ssl._SSLMethod, trusted: Iterable[str]) -> ssl.SSLContext:
        """Return a TLS 1.3 context that shows this certificate and accepts only the trusted ones."""
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # the certificate itself is expected, so its name says nothing more
        context.verify_mode = ssl.CERT_REQUIRED
        if side is ssl.PROTOCOL_TLS_SERVER:
            context.num_tickets = 0
        context.load_verify_locations(cadata="\n".join(trusted))
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        # OpenSSL's interface in Python reads keys from files only: one in a private folder, gone at once
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "identity.pem"
            secret = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secret + self.certificate.encode())
            context.load_cert_chain(path)
