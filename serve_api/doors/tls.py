"""The files of a server's certificate, looked at before anything is started."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

from fedray.errors import SpecError

__all__ = ["check_pair"]


def check_pair(certificate: Path, key: Path, now: datetime | None = None) -> None:
    """See that certificate and key can be read, belong together, and are in date.

    Raises
    ------
    SpecError
        They are not, or do not.
    """
    for option, path in (("--tls-cert", certificate), ("--tls-key", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise SpecError(f"{option} {path}: the file cannot be read ({error.strerror})") from None
    if key.stat().st_mode & 0o007:
        raise SpecError(f"--tls-key {key}: expected a file that only its owner and group may read; chmod 600 it")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError):
        raise SpecError(
            f"--tls-cert {certificate}, --tls-key {key}: expected a certificate in PEM and its own key, in PEM without "
            "a password; they do not fit"
        ) from None
    _check_dates(certificate, now or datetime.now(UTC))


def _no_password() -> str:
    """Answer OpenSSL, which would ask at the terminal."""
    return ""


def _check_dates(certificate: Path, now: datetime) -> None:
    from cryptography import x509

    first = x509.load_pem_x509_certificate(certificate.read_bytes())
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        raise SpecError(
            f"--tls-cert {certificate}: expected a certificate that is valid today, got one from "
            f"{first.not_valid_before_utc:%Y-%m-%d} to {first.not_valid_after_utc:%Y-%m-%d}"
        )
