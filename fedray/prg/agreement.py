"""Key agreement: X25519, then HKDF-SHA256 with a purpose in the label.

Keys are made afresh for each task inside the party that uses them and never leave it.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fedray.errors import RemoteProtocolError

KEY_BYTES = 32


class PrivateKey:
    """One party's key pair for one task.

    Parameters
    ----------
    context
        Bytes that both sides must agree on (the plan's digest); another context gives other keys.
    """

    def __init__(self, context: bytes) -> None:
        self._private = X25519PrivateKey.generate()
        self._context = context
        self.public: bytes = self._private.public_key().public_bytes_raw()

    def agree(self, peer: bytes) -> PairSecret:
        """Return the secret shared with the owner of the 32-byte public key `peer`.

        Raises
        ------
        RemoteProtocolError
            The key has a wrong length or is a point of small order.
        """
        try:
            raw = self._private.exchange(X25519PublicKey.from_public_bytes(peer))
        except ValueError:
            raise RemoteProtocolError("a peer sent a public key that is no valid X25519 point") from None
        both = b"".join(sorted((self.public, peer)))
        return PairSecret(raw, self._context + both)


class PairSecret:
    """The secret of a pair, from which keys are derived by purpose."""

    def __init__(self, raw: bytes, context: bytes) -> None:
        self._raw = raw
        self._context = context

    def key(self, purpose: str) -> bytes:
        """Return the 32-byte key for one purpose, e.g. ``"seal 0->2"``; both sides get the same."""
        info = b"fedray/v1/" + purpose.encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=self._context, info=info).derive(self._raw)
