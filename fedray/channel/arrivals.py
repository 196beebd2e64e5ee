"""Envelopes cut out of one incoming stream, without waiting for any."""

from __future__ import annotations

import socket

import numpy as np

from fedray.channel.codec import LENGTH, MAX_FRAME, Blob
from fedray.channel.records import SEALED_BYTES, Reader
from fedray.errors import PeerLost, RemoteProtocolError

__all__ = ["Arrivals"]

_BUFFER_BYTES = 2 * (LENGTH.size + SEALED_BYTES)


class Arrivals:
    """What comes on one stream: a run of sealed records, and in them of envelopes, each after its length.

    Parameters
    ----------
    stream
        Does not block.
    key
        Of the stream's records.
    """

    def __init__(self, stream: socket.socket, key: bytes) -> None:
        self.stream = stream
        self.number = stream.fileno()
        self._records = Reader(key)
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._filled = 0
        self._large: memoryview | None = None  # an envelope of several records
        self._large_filled = 0

    def take(self) -> list[Blob]:
        """Return the envelopes that have come whole; of what has come, one buffer at most is read.

        Raises
        ------
        PeerLost
            The stream has ended.
        RemoteProtocolError
            A record is not what the peer sealed, or longer than any may be, or an envelope is.
        """
        try:
            count = self.stream.recv_into(self._buffer[self._filled :])
        except BlockingIOError:
            return []
        if count == 0:
            raise PeerLost("a stream has ended")
        self._filled += count
        return self._cut()

    def _cut(self) -> list[Blob]:
        """Return the envelopes that end in the records of the buffer, and leave what is no whole record in it."""
        found: list[Blob] = []
        at, filled = 0, self._filled
        while filled - at >= LENGTH.size:
            (length,) = LENGTH.unpack_from(self._buffer, at)
            if length > SEALED_BYTES:
                raise RemoteProtocolError(f"a peer announced a record of {length} bytes; the most is {SEALED_BYTES}")
            start, end = at + LENGTH.size, at + LENGTH.size + length
            if end > filled:
                break
            whole = self._add(self._records.open(self._buffer[start:end]))
            if whole is not None:
                found.append(whole)
            at = end
        if at < filled:
            self._buffer[: filled - at] = self._buffer[at:filled]
        self._filled = filled - at
        return found

    def _add(self, content: bytes) -> Blob | None:
        """Return the envelope that a record's content completes."""
        if self._large is not None:
            return self._continue(self._large, memoryview(content))
        if len(content) < LENGTH.size:
            raise RemoteProtocolError("a record ends within the length of its envelope")
        (length,) = LENGTH.unpack_from(content)
        if length == len(content) - LENGTH.size:
            return memoryview(content)[LENGTH.size :]
        if length > MAX_FRAME:
            raise RemoteProtocolError(f"a peer announced an envelope of {length} bytes; the most is {MAX_FRAME}")
        self._large, self._large_filled = np.empty(length, np.uint8).data, 0  # not filled with zeros first
        return self._continue(self._large, memoryview(content)[LENGTH.size :])

    def _continue(self, large: memoryview, content: memoryview) -> Blob | None:
        end = self._large_filled + len(content)
        if end > len(large):
            raise RemoteProtocolError("a record holds more than the rest of its envelope")
        large[self._large_filled : end] = content
        self._large_filled = end
        if end < len(large):
            return None
        self._large = None
        return large.toreadonly()
