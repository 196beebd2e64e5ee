"""Streams of uniform ring elements: AES-256-CTR, one keystream per label.

A label is expanded once: whoever asks twice for the same label gets the same masks, so callers put a counter into it.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR, GCM

from fedray.prg.agreement import KEY_BYTES

_ZEROS = memoryview(bytes(1 << 18))
"""What is encrypted to get the keystream, a piece at a time: it stays in the processor's cache."""

_LONG = 1 << 14
_FIRST = 32
"""Bytes of counter mode before the keystream of GCM under the nonce 0: GCM keeps blocks 0 and 1 for its seal."""


def public_key(seed: str) -> bytes:
    """Return the 32-byte key of the *public* stream of a seed: whoever knows the seed has it."""
    return hashlib.blake2b(seed.encode(), digest_size=KEY_BYTES, person=b"fedray/public").digest()


class Stream:
    """Uniform words named by labels, the same for every holder of the key.

    Parameters
    ----------
    key
        32 bytes; secret for masks, public for a common choice such as the rows of a batch.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a stream needs a key of {KEY_BYTES} bytes, got {len(key)}")
        self._key = key

    @classmethod
    def from_seed(cls, seed: str) -> Stream:
        """Return the *public* stream of a seed that all parties know; never for masks."""
        return cls(public_key(seed))

    def words(self, label: str, shape: tuple[int, ...]) -> npt.NDArray[np.uint64]:
        """Return uniform ``uint64`` of the given shape: the first bytes of the label's keystream."""
        key = hashlib.blake2b(label.encode(), key=self._key, digest_size=KEY_BYTES).digest()
        out = np.empty(shape, dtype="<u8")
        view = out.reshape(-1).view(np.uint8).data
        # a fresh AES key per label, so the counter may start at zero
        if len(view) < _LONG:
            _fill(view, Cipher(AES256(key), CTR(bytes(16))))
        else:
            # the same bytes: GCM counts as CTR does, and OpenSSL's runs in wider vectors, twice as fast
            _fill(view[:_FIRST], Cipher(AES256(key), CTR(bytes(16))))
            _fill(view[_FIRST:], Cipher(AES256(key), GCM(bytes(12))))
        return out.astype(np.uint64, copy=False)

    def below(self, label: str, bound: int, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """Return integers in [0, bound), bound <= 2^32; off uniform by less than 2^-31 (for public draws)."""
        return (self.words(label, shape) % np.uint64(bound)).astype(np.int64)


def _fill(view: memoryview, cipher: Cipher[CTR] | Cipher[GCM]) -> None:
    encryptor = cipher.encryptor()
    for start in range(0, len(view), len(_ZEROS)):
        piece = view[start : start + len(_ZEROS)]
        encryptor.update_into(_ZEROS[: len(piece)], piece)
