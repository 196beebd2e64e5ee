"""Tokens: a keyed pseudo-random function of the ids, and dummies that hide how many ids there are.

An id of L bytes becomes the blocks

    block 0      L, as a 16-byte big-endian number
    block 1..    the UTF-8 bytes, padded with zeros to a multiple of 16

and its token is their AES-256-CBC-MAC. The length goes first, so no id's blocks begin another's, and on such a
prefix-free set CBC-MAC is a pseudo-random function [BKR00, PR00]. All ids take each step of the chain together.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fedray.data.ids import text_bytes, text_offsets
from fedray.pool import Alone, Arrays, Facts, Order, Pool, Shelf, in_order

__all__ = [
    "CONTRIBUTION_BYTES",
    "Tokens",
    "dummies",
    "is_size_class",
    "size_class",
    "task_key",
    "token_order",
    "tokens_of",
    "tokens_of_part",
]

Tokens = npt.NDArray[np.uint64]
"""Shape (n, 2): the high and the low half of 128 bits."""

CONTRIBUTION_BYTES = 32
_PURPOSE = b"fedray/v1/psi token"
_BLOCK = 16
_SMALLEST_CLASS = 1024
_BYTES_AT_ONCE = 1 << 22

PART_IDS = 1 << 17
"""Most ids that a process takes at a time, where several do."""

PARTS_EACH = 4
"""Parts that come to each process, at least, so that all end at about the same time."""

IDS_A_ROW = 100
"""Ids whose tokens cost as much as a row of other work: a process makes ten million of them while another starts."""


def task_key(contributions: Mapping[int, bytes], context: bytes) -> bytes:
    """Return the key of a task's tokens: HKDF-SHA256 of all data clients' contributions.

    Parameters
    ----------
    contributions
        32 fresh random bytes of each data client, by index; the order of the mapping does not matter.
    context
        The plan's digest: another plan has another key.

    Returns
    -------
    bytes
        32 bytes, unpredictable for everybody who misses one contribution.

    Cost: none, local.
    Leaks: nothing.
    Ref: [RFC5869].
    """
    material = b"".join(index.to_bytes(4, "big") + contributions[index] for index in sorted(contributions))
    return HKDF(algorithm=SHA256(), length=32, salt=context, info=_PURPOSE).derive(material)


def tokens_of(ids: pa.LargeStringArray, key: bytes, pool: Pool | None = None) -> Tokens:
    """Return the token of each id, in the order of the ids.

    Parameters
    ----------
    ids
        Normalised ids, shape (n,).
    key
        32 bytes of `task_key`.
    pool
        Further processes of this party, which learn the key and some of the ids; None for none.

    Returns
    -------
    Tokens
        Shape (n, 2).

    Raises
    ------
    FedrayError
        One of the further processes is lost.

    Cost: none, local.
    Leaks: nothing without the key but which ids are equal.
    Ref: [BKR00], [PR00].
    """
    several = (pool or Alone()).worth(len(ids) // IDS_A_ROW)
    data, offsets = text_bytes(ids), text_offsets(ids)
    offsets = offsets - offsets[0]
    if not several.count:
        return _tokens(data, offsets, key)
    tokens = np.empty((len(ids), 2), dtype=np.uint64)
    start = 0
    at_once = min(PART_IDS, -(-len(ids) // (PARTS_EACH * (several.count + 1))))
    for (part,) in in_order(several, _parts(data, offsets, key, at_once)):
        tokens[start : start + len(part)] = part
        start += len(part)
    return tokens


def _parts(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], key: bytes, at_once: int) -> Iterator[Order]:
    for start in range(0, len(offsets) - 1, at_once):
        places = offsets[start : start + at_once + 1]
        text = data[places[0] : places[-1]]
        yield Order("tokens", {}, (text, places - places[0], np.frombuffer(key, np.uint8)))


def tokens_of_part(
    shelf: Shelf,  # noqa: ARG001 - every work has one
    facts: Facts,  # noqa: ARG001
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    key: npt.NDArray[np.uint8],
) -> Arrays:
    """Return the tokens of some ids at a worker.

    Parameters
    ----------
    data, offsets
        The ids' UTF-8 bytes, one after the other, and where each begins and the last ends.
    key
        As for `tokens_of`.

    Cost: none, local.
    Leaks: nothing: the worker is the party's own.
    Ref: [BKR00], [PR00].
    """
    return (_tokens(data, offsets, key.tobytes()),)


def _tokens(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], key: bytes) -> Tokens:
    # ECB is the bare block cipher here; the chaining is done by hand, for all ids at once.
    cipher = Cipher(AES256(key), ECB()).encryptor()  # noqa: S305
    lengths = np.diff(offsets)
    blocks = -(-lengths // _BLOCK)
    tokens = np.empty((len(lengths), 2), dtype=np.uint64)
    for count in np.unique(blocks):
        rows = np.flatnonzero(blocks == count)
        at_once = max(1, _BYTES_AT_ONCE // (_BLOCK * max(1, int(count))))
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            padded = _padded(data, offsets[part], lengths[part], int(count))
            tokens[part] = _cbc_mac(cipher, lengths[part], padded)
    return tokens


def _padded(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], count: int
) -> npt.NDArray[np.uint64]:
    """Lay ids out side by side, each padded with zeros to `count` blocks: shape (m, count, 2)."""
    column = np.arange(count * _BLOCK, dtype=np.int64)
    # Beyond an id's end the next id's bytes are picked up, and beyond the last one's the last byte: all wiped.
    picked = data.take(starts[:, None] + column, mode="clip") if count else np.zeros((len(starts), 0), np.uint8)
    picked[column >= lengths[:, None]] = 0
    return picked.view(np.uint64).reshape(len(starts), count, 2)


def _cbc_mac(cipher: CipherContext, lengths: npt.NDArray[np.int64], padded: npt.NDArray[np.uint64]) -> Tokens:
    first = np.zeros((len(lengths), 2), dtype=">u8")
    first[:, 1] = lengths
    state = _encrypt(cipher, first.view(np.uint64))
    for k in range(padded.shape[1]):
        state = _encrypt(cipher, state ^ padded[:, k])
    return state.view(">u8").astype(np.uint64)


def _encrypt(cipher: CipherContext, state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    encrypted = cipher.update(np.ascontiguousarray(state).data.cast("B"))
    return np.frombuffer(encrypted, dtype=np.uint64).reshape(-1, 2)


def size_class(n: int) -> int:
    """Return how many tokens a party with n ids sends: the smallest 2^k or 3 * 2^(k-1) that is n or more.

    At least 1024, so small tables look alike; at most a third of what a large table sends are dummies.

    Cost: none, local.
    Leaks: nothing.
    Ref: [D].
    """
    power = _SMALLEST_CLASS
    while power < n:
        power *= 2
    smaller = power // 4 * 3
    return smaller if n <= smaller and power > _SMALLEST_CLASS else power


def is_size_class(count: int) -> bool:
    """Say whether `count` tokens are what a party may send.

    Cost: none, local.
    Leaks: nothing.
    Ref: [D].
    """
    return count == size_class(count)


def dummies(count: int) -> Tokens:
    """Return random tokens, shape (count, 2), from the operating system's generator.

    One equals a given token with probability 2^-128.

    Cost: none, local.
    Leaks: nothing: without the key a dummy looks like a token.
    Ref: [D].
    """
    return np.frombuffer(os.urandom(_BLOCK * count), dtype=np.uint64).reshape(count, 2)


def token_order(tokens: Tokens) -> npt.NDArray[np.int64]:
    """Return the rows of the tokens in ascending order, shape (n,).

    Cost: none, local.
    Leaks: nothing.
    Ref: [D].
    """
    high = tokens[:, 0]
    order = np.argsort(high)
    in_order = high[order]
    # Half a token decides among random ones; the other half is looked at only where it must be.
    if (in_order[1:] == in_order[:-1]).any():
        return np.lexsort((tokens[:, 1], high))
    return order
