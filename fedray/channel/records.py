"""Sealed records of a stream: each a length (u32, little-endian) and that many bytes of AES-256-GCM.

Records are counted from 0 under a key that only this direction of this stream has, and the count is the nonce: a record
that was changed, left out, repeated or moved does not open. They are as large as what is said, up to a bound. TLS's own
of at most 16 KiB cost four times the processor time, most of it for handling each of them in Python.

An envelope begins a record with its length (u32) and ends one, so no record holds parts of two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fedray.channel.codec import LENGTH, Blob
from fedray.errors import RemoteProtocolError

__all__ = ["CONTENT_BYTES", "KEY_BYTES", "SEALED_BYTES", "Reader", "Writer"]

KEY_BYTES = 32
TAG_BYTES = 16

CONTENT_BYTES = 1 << 18
"""Most that one record holds; it fits into a core's cache with its sealed form."""

SEALED_BYTES = CONTENT_BYTES + TAG_BYTES


class Writer:
    """Seals what is said on one stream."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._next = 0

    def records(self, envelope: Sequence[Blob]) -> Iterable[bytes]:
        """Return the records of an envelope that comes in pieces."""
        size = sum(map(len, envelope))
        pieces = (LENGTH.pack(size), *envelope)
        if size <= CONTENT_BYTES - LENGTH.size:
            return (self._sealed(b"".join(pieces)),)
        return map(self._sealed, _contents(pieces))

    def _sealed(self, content: Blob) -> bytes:
        sealed = self._cipher.encrypt(self._next.to_bytes(12, "little"), content, None)
        self._next += 1
        return LENGTH.pack(len(sealed)) + sealed


class Reader:
    """Opens what a `Writer` with the same key has sealed, in the same order."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)
        self._next = 0

    def open(self, sealed: Blob) -> bytes:
        """Return a record's content.

        Raises
        ------
        RemoteProtocolError
            It is not the next one that was sealed.
        """
        try:
            content = self._cipher.decrypt(self._next.to_bytes(12, "little"), sealed, None)
        except InvalidTag:
            raise RemoteProtocolError("a stream was changed on the way: the seal of a record is broken") from None
        self._next += 1
        return content


def _contents(pieces: Sequence[Blob]) -> Iterator[Blob]:
    """Cut what is said into the contents of records; a large piece is not copied."""
    waiting: list[Blob] = []
    size = 0
    for piece in pieces:
        if size and size + len(piece) > CONTENT_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
        if len(piece) > CONTENT_BYTES:
            view = memoryview(piece)
            yield from (view[at : at + CONTENT_BYTES] for at in range(0, len(view), CONTENT_BYTES))
        else:
            waiting.append(piece)
            size += len(piece)
    if size:
        yield b"".join(waiting)
