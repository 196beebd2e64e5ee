"""Ids: normalised, checked, and freed of duplicates before any message leaves the party.

An id is text. It is brought to Unicode NFC and stripped of white space at both ends, never read as a
number: "007" and "7" are two ids.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from fedray.data.wording import count
from fedray.errors import DataError

__all__ = ["MAX_ID_BYTES", "DuplicatePolicy", "normalise", "rows_to_keep"]

DuplicatePolicy = Literal["error", "first", "drop"]

MAX_ID_BYTES = 1024
"""Longest id in UTF-8 bytes. A longer one means that the first column holds something else."""

_FIRST_VISIBLE = 0x21
_FIRST_NOT_ASCII = 0x80


def normalise(ids: pa.LargeStringArray) -> pa.LargeStringArray:
    """Return the ids in Unicode NFC, stripped of Unicode white space.

    An id's normal form depends on that id only, so parties agree whatever else their tables hold.
    """
    data = text_bytes(ids)
    if not data.size or (data.min() >= _FIRST_VISIBLE and data.max() < _FIRST_NOT_ASCII):
        return ids
    if data.max() >= _FIRST_NOT_ASCII:
        ids = pc.utf8_normalize(ids, "NFC")
    return pc.utf8_trim_whitespace(ids)


def text_bytes(ids: pa.LargeStringArray) -> npt.NDArray[np.uint8]:
    """Return the UTF-8 bytes of all ids, one after the other, as a read-only view: shape (bytes,)."""
    buffer = ids.buffers()[2]
    if buffer is None:
        return np.zeros(0, dtype=np.uint8)
    offsets = text_offsets(ids)
    return np.frombuffer(buffer, dtype=np.uint8)[offsets[0] : offsets[-1]]


def text_offsets(ids: pa.LargeStringArray) -> npt.NDArray[np.int64]:
    """Return where each id begins in the array's own buffer, and where the last ends: shape (n + 1,)."""
    buffer = ids.buffers()[1]
    if buffer is None or not len(ids):
        return np.zeros(1, dtype=np.int64)
    return np.frombuffer(buffer, dtype=np.int64)[ids.offset : ids.offset + len(ids) + 1]


def rows_to_keep(
    ids: pa.LargeStringArray, policy: DuplicatePolicy, file: str, first_row: int
) -> npt.NDArray[np.int64] | None:
    """Return the rows whose ids take part, in table order; None where all do.

    Parameters
    ----------
    ids
        Normalised ids, shape (n,).
    policy
        What happens to an id that comes more than once: ``error`` refuses the table, ``first`` keeps
        the first row, ``drop`` keeps none of them.
    file
        The file as the user wrote it, for messages.
    first_row
        The number that messages give to the first id's row.

    Raises
    ------
    DataError
        An id is empty or too long, or there are duplicates and the policy is ``error``.
    """
    _check_lengths(np.diff(text_offsets(ids)), file, first_row)
    encoded = pc.dictionary_encode(ids)
    if len(encoded.dictionary) == len(ids):
        return None
    codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    # The dictionary is in order of first appearance, so a code that does not set a record is a copy.
    is_copy = np.ones(len(codes), dtype=bool)
    is_copy[np.unique(codes, return_index=True)[1]] = False
    if policy == "error":
        rows = np.flatnonzero(is_copy)
        raise DataError(
            f"{file}: {count(len(rows), 'row')} with an id that an earlier row has, first at row "
            f"{int(rows[0]) + first_row}; make the ids unique or set duplicates to 'first' or 'drop'"
        )
    if policy == "first":
        return np.flatnonzero(~is_copy)
    return np.flatnonzero(np.bincount(codes)[codes] == 1)


def _check_lengths(lengths: npt.NDArray[np.int64], file: str, first_row: int) -> None:
    empty = np.flatnonzero(lengths == 0)
    if empty.size:
        raise DataError(
            f"{file}: {count(empty.size, 'row')} with an empty id, first at row "
            f"{int(empty[0]) + first_row}; give every row an id in the first column or remove it"
        )
    long = np.flatnonzero(lengths > MAX_ID_BYTES)
    if long.size:
        raise DataError(
            f"{file}: {count(long.size, 'row')} with an id of more than {MAX_ID_BYTES} bytes, first at row "
            f"{int(long[0]) + first_row}; the first column must hold the ids"
        )
