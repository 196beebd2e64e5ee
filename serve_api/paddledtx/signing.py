"""Keys and signatures of PaddleDTX: ECDSA over P-256 and SHA-256, everything as plain numbers in big-endian bytes."""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

__all__ = ["PUBLIC_BYTES", "SIGNATURE_BYTES", "new_private", "public_of", "sign", "verify"]

PUBLIC_BYTES: Final = 64
SIGNATURE_BYTES: Final = 64

_CURVE: Final = ec.SECP256R1()
_HASH: Final = ec.ECDSA(hashes.SHA256())
_HALF: Final = 32
_UNCOMPRESSED: Final = b"\x04"


def new_private() -> bytes:
    """Return a new private key, 32 bytes."""
    return ec.generate_private_key(_CURVE).private_numbers().private_value.to_bytes(_HALF, "big")


def public_of(private: bytes) -> bytes:
    """Return the public key of a private one: 64 bytes, X and Y.

    Raises
    ------
    ValueError
        The private key is none of this curve.
    """
    numbers = _private(private).public_key().public_numbers()
    return numbers.x.to_bytes(_HALF, "big") + numbers.y.to_bytes(_HALF, "big")


def sign(private: bytes, text: str) -> bytes:
    """Return the signature of a text: 64 bytes, r and s."""
    r, s = decode_dss_signature(_private(private).sign(text.encode(), _HASH))
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def verify(public: bytes, signature: bytes, *texts: str) -> bool:
    """Return whether a signature of the right length is this key's, of one of these texts."""
    try:
        key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, _UNCOMPRESSED + public)
    except ValueError:
        return False  # no point of the curve
    r, s = (int.from_bytes(part, "big") for part in (signature[:_HALF], signature[_HALF:]))
    return any(_verifies(key, encode_dss_signature(r, s), text) for text in texts)


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, text: str) -> bool:
    try:
        key.verify(signature, text.encode(), _HASH)
    except InvalidSignature:
        return False
    return True


def _private(private: bytes) -> ec.EllipticCurvePrivateKey:
    if len(private) != _HALF:
        raise ValueError("expected a private key of 32 bytes")
    return ec.derive_private_key(int.from_bytes(private, "big"), _CURVE)
