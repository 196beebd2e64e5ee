"""Envelopes cut out of one incoming stream, without waiting for any."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import cast

import numpy as np

from fedray.channel.codec import LENGTH, MAX_FRAME, Blob
from fedray.errors import PeerLost, RemoteProtocolError

__all__ = ["Arrivals"]

_BUFFER_BYTES = 1 << 16


class Arrivals:
    """What comes on one stream: a run of envelopes, each after its length.

    Parameters
    ----------
    stream
        Does not block.
    """

    def __init__(self, stream: ssl.SSLSocket) -> None:
        self.stream = stream
        self.number = stream.fileno()
        self._buffer = bytearray(_BUFFER_BYTES)
        self._filled = 0
        self._large: memoryview | None = None  # an envelope that does not fit into the buffer
        self._large_filled = 0

    def take(self) -> Iterator[Blob]:
        """Yield the envelopes that have come whole.

        Raises
        ------
        PeerLost
            The stream has ended.
        RemoteProtocolError
            An envelope is announced that is longer than any may be.
        """
        try:
            while True:
                if self._large is not None:
                    yield from self._fill(self._large)
                else:
                    self._filled += self._received(memoryview(self._buffer)[self._filled :])
                    yield from self._cut()
                    if self._large is None and not self.stream.pending():
                        return  # what else has come, the next look will tell, without an error for an empty stream
        except ssl.SSLWantReadError:
            return

    def _fill(self, large: memoryview) -> Iterator[Blob]:
        self._large_filled += self._received(large[self._large_filled :])
        if self._large_filled == len(large):
            self._large = None
            yield large.toreadonly()

    def _cut(self) -> Iterator[bytes]:
        at = 0
        while self._filled - at >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._buffer, at)
            if length > MAX_FRAME:
                raise RemoteProtocolError(f"a peer announced an envelope of {length} bytes; the most is {MAX_FRAME}")
            start = at + LENGTH.size
            if start + length > self._filled:
                if length > _BUFFER_BYTES - LENGTH.size:
                    self._begin_large(length, start)
                    at = self._filled
                break
            yield bytes(self._buffer[start : start + length])
            at = start + length
        self._buffer[: self._filled - at] = self._buffer[at : self._filled]
        self._filled -= at

    def _begin_large(self, length: int, start: int) -> None:
        self._large = np.empty(length, np.uint8).data  # not filled with zeros first
        self._large_filled = self._filled - start
        self._large[: self._large_filled] = self._buffer[start : self._filled]

    def _received(self, into: memoryview) -> int:
        count = cast("int", self.stream.read(len(into), into))  # with a buffer it is the number of bytes
        if count == 0:
            raise PeerLost("a stream has ended")
        return count
