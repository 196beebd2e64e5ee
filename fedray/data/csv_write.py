"""Writing text tables as CSV, quoted where needed and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["CsvFile"]

_STRUCTURAL = np.zeros(256, dtype=bool)
_STRUCTURAL[np.frombuffer(b'",\r\n', dtype=np.uint8)] = True


class CsvFile:
    """A CSV file that is written block by block.

    Parameters
    ----------
    path
        The file; it must not exist.
    header
        Names for a first row, or none.
    """

    def __init__(self, path: Path, header: list[str] | None = None) -> None:
        self._handle = path.open("xb")
        if header is not None:
            names = [pa.array([name], pa.string()) for name in header]
            self._handle.write(_lines(names))

    def write(self, columns: list[pa.StringArray]) -> None:
        """Append rows: one array of text for each column, all of one length."""
        if len(columns[0]):
            self._handle.write(_lines(columns))

    def close(self) -> None:
        """Close the file."""
        self._handle.close()


def _lines(columns: list[pa.StringArray]) -> bytes:
    """Return the rows as bytes: the data buffer of the joined column is the text of the file."""
    cells = [_quoted(column) for column in columns]
    if len(cells) == 1:
        # A row of one empty cell would be a blank line, which readers skip.
        cells[0] = pc.if_else(pc.equal(cells[0], ""), '""', cells[0])
    rows = pc.binary_join_element_wise(*cells, ",")
    return bytes(_text(pc.binary_join_element_wise(rows, "", "\n")))


def _quoted(column: pa.StringArray) -> pa.StringArray:
    if not _STRUCTURAL[_text(column)].any():
        return column
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(column, '"', '""'), '"', "")
    return pc.if_else(pc.match_substring_regex(column, '[",\r\n]'), quoted, column)


def _text(column: pa.StringArray) -> npt.NDArray[np.uint8]:
    """Return the bytes of all cells, one after the other."""
    buffer = column.buffers()[2]
    if buffer is None:
        return np.zeros(0, dtype=np.uint8)
    wide = column.cast(pa.large_string())
    offsets = np.frombuffer(wide.buffers()[1], dtype=np.int64)[wide.offset : wide.offset + len(wide) + 1]
    return np.frombuffer(wide.buffers()[2], dtype=np.uint8)[offsets[0] : offsets[-1]]
