"""What the hosts of one cluster share so that no stranger gets in: Ray's token, and a certificate for Ray's TLS.

One certificate with the addresses of all hosts, since whoever has Ray's token may run code on each of them anyway
(trust mode lab). The authority's key signs once and is never written.
"""

from __future__ import annotations

import datetime
import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fedray.data.private_file import replace_file
from fedray.errors import DataError, SpecError
from serve_api.hosts import Hosts

__all__ = ["ClusterFile", "write_secrets"]

SECRETS: Final = "~/fedray/secrets"
HOSTS: Final = "~/fedray/hosts.toml"
VALID_DAYS: Final = 825
CLOCK_SKEW: Final = datetime.timedelta(days=1)


@dataclass(frozen=True)
class ClusterFile:
    """What of a `cluster.yaml` of the local provider matters for its secrets.

    Attributes
    ----------
    addresses
        Of the head and the workers.
    secrets
        Folder on this machine that goes to every host as SECRETS.
    """

    addresses: tuple[str, ...]
    secrets: Path

    @classmethod
    def read(cls, path: Path) -> ClusterFile:
        """Return what a file says, once it agrees with the `hosts.toml` that it sends to the hosts.

        Raises
        ------
        SpecError
            The file cannot be read, is of another provider, sends no secrets, or has other addresses than `hosts.toml`.
        """
        document = _load(path)
        provider = document.get("provider")
        provider = provider if isinstance(provider, dict) else {}
        workers = provider.get("worker_ips")
        if provider.get("type") != "local" or "head_ip" not in provider or not isinstance(workers, list):
            raise SpecError(f"{path.name}: provider: expected type local with head_ip and worker_ips")
        addresses = tuple(str(address) for address in (provider["head_ip"], *workers))
        mounts = document.get("file_mounts")
        mounts = mounts if isinstance(mounts, dict) else {}
        for place in (SECRETS, HOSTS):
            if not isinstance(mounts.get(place), str):
                raise SpecError(f"{path.name}: file_mounts: expected an entry for {place}")
        _agree(path.name, addresses, Hosts.from_toml(path.parent / mounts[HOSTS]))
        return cls(addresses, path.parent / mounts[SECRETS])


def write_secrets(folder: Path, addresses: Sequence[str], *, replace: bool = False) -> None:
    """Write a new token, a new certificate with its key, and who signed it.

    Parameters
    ----------
    folder
        Made, or refused where it holds a token and `replace` is false.
    addresses
        Of the hosts for which the certificate holds.

    Raises
    ------
    DataError
        There are secrets already, or the folder cannot be written.
    """
    if (folder / "auth_token").exists() and not replace:
        raise DataError(
            f"{folder}: there are secrets already; a cluster that runs needs them, --replace makes new ones"
        )
    authority, certificate, key = _certificates(addresses)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in (
            ("ca.pem", authority),
            ("host.pem", certificate),
            ("host.key", key),
            ("auth_token", secrets.token_hex(32).encode()),
        ):
            replace_file(folder / name, content)
    except OSError as error:
        raise DataError(f"{folder}: cannot be written ({error.strerror})") from None


def _load(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError(f"{path.name}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, yaml.YAMLError):
        raise SpecError(f"{path.name}: expected YAML") from None
    if not isinstance(document, dict):
        raise SpecError(f"{path.name}: expected a cluster file of Ray, got no mapping")
    return document


def _agree(file: str, addresses: Sequence[str], hosts: Hosts) -> None:
    missing, more = sorted(set(addresses) - hosts.offers.keys()), sorted(hosts.offers.keys() - set(addresses))
    if missing:
        raise SpecError(
            f"{file}: {', '.join(missing)}: expected a line in hosts.toml too, which says what the host offers"
        )
    if more:
        raise SpecError(f"hosts.toml: {', '.join(more)}: expected an address of {file}")


def _certificates(addresses: Sequence[str]) -> tuple[bytes, bytes, bytes]:
    """Return an authority's certificate, one that it signed for the addresses, and the key of that one, as PEM."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name, name = (_name(text) for text in ("fedray cluster authority", "fedray cluster host"))
    authority = (
        _builder(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, SHA256())
    )
    places = [x509.IPAddress(ipaddress.ip_address(address)) for address in (*addresses, "127.0.0.1")]
    certificate = (
        _builder(name, ca_name, key.public_key())
        .add_extension(x509.SubjectAlternativeName([*places, x509.DNSName("localhost")]), critical=False)
        .sign(ca_key, SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return authority.public_bytes(Encoding.PEM), certificate.public_bytes(Encoding.PEM), secret


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS))
    )
