"""Envelopes as they travel: a head in clear, the frames sealed with AES-256-GCM under a key of the pair.

Over a transport that is itself a mutually authenticated, encrypted stream only the first envelope each way is sealed.

::

    "FR" | u8 version | u8 kind | u16 sender | u16 receiver | u64 seq | 8 bytes of the task's digest | body

The head is authenticated. Each direction of a pair has its own key and counts `seq` from 0, so a replayed, dropped,
reordered or redirected envelope is seen. Long bodies travel in several pieces (kind PART, the last one LAST).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fedray.channel.codec import MAX_FRAME, Blob
from fedray.errors import RemoteProtocolError
from fedray.prg.agreement import PairSecret

PIECE_BYTES = 4 << 20
"""Longer sealed bodies travel in envelopes of this size."""

_HEAD = struct.Struct("<2sBBHHQ8s")
VERSION = 1
HEAD_BYTES = _HEAD.size
TAG_BYTES = 16


class Kind(IntEnum):
    """What an envelope holds."""

    HELLO = 0  # public key, in clear: the only thing said before there are keys
    PART = 1  # sealed, more to come
    LAST = 2  # sealed, complete
    ABORT = 3  # sealed: the error of a failed party


_KINDS = tuple(Kind)


class Head(NamedTuple):
    """The head of an envelope."""

    kind: Kind
    sender: int
    receiver: int
    seq: int
    task: bytes

    def pack(self) -> bytes:
        """Return the 24 bytes of the head."""
        return _HEAD.pack(b"FR", VERSION, self.kind, self.sender, self.receiver, self.seq, self.task)


def parse_head(blob: Blob) -> Head:
    """Return the head of an envelope; RemoteProtocolError if it is none of ours."""
    if len(blob) < HEAD_BYTES:
        raise RemoteProtocolError(f"an envelope of {len(blob)} bytes is shorter than its head")
    magic, version, kind, sender, receiver, seq, task = _HEAD.unpack_from(blob)
    if magic != b"FR" or version != VERSION or kind >= len(_KINDS):
        raise RemoteProtocolError("an envelope is not of this protocol or of another version of it")
    return Head(_KINDS[kind], sender, receiver, seq, task)


class Sealer:
    """Envelopes sealed for one peer: for transports on which others may read, change or forge."""

    def __init__(self, secret: PairSecret, me: int, peer: int, task: bytes) -> None:
        self._out = AESGCM(secret.key(f"seal {me}->{peer}"))
        self._in = AESGCM(secret.key(f"seal {peer}->{me}"))
        self._me, self._peer, self._task = me, peer, task
        self._next = 0

    def seal(self, kind: Kind, body: Blob) -> bytes:
        """Return the envelope around a body; counts the sequence number."""
        nonce = self._next.to_bytes(12, "little")
        head = self._head(kind)
        return head + self._out.encrypt(nonce, body, head)

    def envelopes(self, body: Sequence[Blob]) -> Iterator[tuple[Blob, ...]]:
        """Yield the envelopes around a long body that comes in pieces, each in pieces itself."""
        view = memoryview(b"".join(body))
        for start in range(0, len(view), PIECE_BYTES):
            last = start + PIECE_BYTES >= len(view)
            yield (self.seal(Kind.LAST if last else Kind.PART, view[start : start + PIECE_BYTES]),)

    def open(self, blob: Blob, head: Head | None = None) -> tuple[Head, Blob]:
        """Return head and body of an envelope from the peer.

        Parameters
        ----------
        head
            Of the envelope, where it was parsed before.

        Raises
        ------
        RemoteProtocolError
            It was not made by this peer for this party and task.
        """
        head = self._checked(head or parse_head(blob))
        nonce = head.seq.to_bytes(12, "little")
        try:
            return head, self._in.decrypt(nonce, memoryview(blob)[HEAD_BYTES:], bytes(blob[:HEAD_BYTES]))
        except InvalidTag:
            raise RemoteProtocolError("an envelope's seal is broken: it was changed on the way or forged") from None

    def _head(self, kind: Kind) -> bytes:
        head = Head(kind, self._me, self._peer, self._next, self._task).pack()
        self._next += 1
        return head

    def _checked(self, head: Head) -> Head:
        if (head.sender, head.receiver, head.task) != (self._peer, self._me, self._task):
            raise RemoteProtocolError("an envelope names another sender, receiver or task")
        return head


class FirstSealed(Sealer):
    """Only the first envelope each way is sealed: for transports that seal what they carry and know who speaks.

    That one shows that both sides have agreed the same keys for the same plan; what follows on the same stream would
    only be sealed twice.
    """

    def seal(self, kind: Kind, body: Blob) -> bytes:
        """Return the envelope around a body; counts the sequence number."""
        return b"".join((self._head(kind), body)) if self._next else super().seal(kind, body)

    def envelopes(self, body: Sequence[Blob]) -> Iterator[tuple[Blob, ...]]:
        """Yield one envelope around a body of any length; its pieces are not copied."""
        if self._next == 0 or sum(map(len, body)) > MAX_FRAME:
            yield from super().envelopes(body)
        else:
            yield (self._head(Kind.LAST), *body)

    def open(self, blob: Blob, head: Head | None = None) -> tuple[Head, Blob]:
        """Return head and body of an envelope from the peer."""
        head = self._checked(head or parse_head(blob))
        return (head, memoryview(blob)[HEAD_BYTES:]) if head.seq else super().open(blob, head)
