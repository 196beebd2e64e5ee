"""Matrices that a party keeps while a task runs and that need not fit into its memory.

Blocks are written once and read in turn. The first ones stay in memory; the others go to a file in a folder of the
party's own that has no name, so that nothing of it is left whatever ends the process. There they are sealed with a key
that only this process has: what stays of them on the disk says nothing. Blocks are read, not mapped: a page that is
mapped counts as memory of the process, and a full disk would end it without a word.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import GCM

from fedray.errors import DataError

__all__ = ["MIB", "Scratch", "ScratchBlocks"]

Words = npt.NDArray[np.uint64]

MIB = 1 << 20

_PIECE_BYTES = 1 << 18
"""What is sealed at a time: it stays in the processor's cache."""


@dataclass(frozen=True)
class Scratch:
    """What a party's matrices may take.

    Attributes
    ----------
    memory_bytes
        Of all blocks together in memory; None for as many as there are.
    folder
        Gives the folder of the file in which the others lie; asked only if there are any.
    """

    memory_bytes: int | None = None
    folder: Callable[[], Path] = Path

    def blocks(self) -> ScratchBlocks:
        """Return an empty set of blocks."""
        return ScratchBlocks(self)


@dataclass(frozen=True)
class _Place:
    """Where a block lies in the file; its place is its nonce, since nothing is written twice."""

    at: int
    shape: tuple[int, ...]
    tag: bytes


class ScratchBlocks:
    """Blocks by their keys.

    Attributes
    ----------
    file_bytes
        How much of them lies in the file.
    """

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._room = scratch.memory_bytes
        self._held: dict[Hashable, Words] = {}
        self._places: dict[Hashable, _Place] = {}
        self._key = AES256(secrets.token_bytes(32))
        self._file: IO[bytes] | None = None
        self._buffer: Words = np.empty(0, np.uint64)
        self.file_bytes = 0

    def put(self, key: Hashable, block: Words) -> None:
        """Keep a block, which is never written to.

        Raises
        ------
        DataError
            The file cannot be made or written.
        """
        if self._room is None or block.nbytes <= self._room:
            self._room = None if self._room is None else self._room - block.nbytes
            self._held[key] = block
            return
        self._room = 0  # what follows goes to the file as well, so that blocks are read as they lie in it
        with _told("written"):
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._scratch.folder())  # noqa: SIM115 - kept open
            cipher = self._cipher(self.file_bytes).encryptor()
            for piece in _pieces(np.ascontiguousarray(block)):
                self._file.write(cipher.update(piece))
            self._file.flush()
        cipher.finalize()
        self._places[key] = _Place(self.file_bytes, block.shape, cipher.tag)
        self.file_bytes += block.nbytes

    def __getitem__(self, key: Hashable) -> Words:
        """Return a block; good until the next is asked for.

        Raises
        ------
        DataError
            The file cannot be read.
        """
        if key in self._held:
            return self._held[key]
        place = self._places[key]
        size = prod(place.shape)
        if self._buffer.size < size:
            self._buffer = np.empty(size, np.uint64)
        found = self._buffer[:size]
        self._read(found.view(np.uint8).data, place.at)
        cipher = self._cipher(place.at, place.tag).decryptor()
        for piece in _pieces(found):
            cipher.update_into(piece, piece)
        with _told("read"):
            try:
                cipher.finalize()
            except InvalidTag:
                raise OSError(0, "it is not as it was written") from None
        return found.reshape(place.shape)

    def _cipher(self, at: int, tag: bytes | None = None) -> Cipher[GCM]:
        return Cipher(self._key, GCM(at.to_bytes(12, "little"), tag))

    def _read(self, into: memoryview, at: int) -> None:
        with _told("read"):
            while into and self._file is not None:
                count = os.preadv(self._file.fileno(), [into], at)  # of more than 2 GiB the system reads a part
                if count == 0:
                    raise OSError(0, "it is shorter than it was")
                into, at = into[count:], at + count


def _pieces(block: Words) -> Iterator[memoryview]:
    view = block.reshape(-1).view(np.uint8).data
    return (view[start : start + _PIECE_BYTES] for start in range(0, len(view), _PIECE_BYTES))


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise DataError(
        f"the party's scratch file cannot be {what} ({reason}); make room on the disk of its data root, or raise "
        "matrix_memory_mb"
    )
