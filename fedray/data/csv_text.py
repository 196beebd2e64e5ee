"""CSV files as text: every cell comes out as it was written, and bad rows are named by number."""

from __future__ import annotations

import codecs
import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from fedray.data.wording import count
from fedray.errors import DataError

__all__ = ["check_names", "read_csv_text", "read_header"]

_HEADER_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 23
_NO_RECORD = "the file has a header row only; expected at least one record below it"


def read_csv_text(path: Path, file: str) -> pa.Table:
    """Read a CSV file with a header row; every column is text, shape (n, 1 + d), n at least 1.

    Parameters
    ----------
    path
        The file: UTF-8, with or without a byte order mark.
    file
        The file as the user wrote it, for messages.

    Raises
    ------
    DataError
        No header, a name that is empty or comes twice, a row with too few or too many cells, bytes that
        are not UTF-8, or no record.
    """
    names = read_header(path, file)
    check_names(names, file)
    table, problem = _read_records(path, names)
    if table is None:
        raise DataError(f"{file}: {problem}")
    if not table.num_rows:
        raise DataError(f"{file}: {_NO_RECORD}")
    return table


def _read_records(path: Path, names: list[str]) -> tuple[pa.Table | None, str]:
    """Return the table, or None and what is wrong; Arrow's own messages hold cells, so they stop here."""
    bad: list[tuple[int, int]] = []

    def remember(row: pa_csv.InvalidRow) -> str:
        bad.append((row.number, row.actual_columns))
        # Only the first is reported, so reading on would be for nothing.
        return "error"

    try:
        table = pa_csv.read_csv(
            # A path would be unpacked according to its name's ending.
            pa.OSFile(str(path)),
            # One thread: with more, Arrow does not know the number of a bad row.
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=remember),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        if not bad:
            return None, _what_is_wrong(str(error))
    else:
        if table.column_names == names:
            return table, ""
        return None, "the header row cannot be read; check its quotes"
    number, cells = bad[0]
    got = f"row {number} has {count(cells, 'cell')}, but the header has {len(names)}"
    return None, f"{got}; check commas and quotes there"


def _what_is_wrong(message: str) -> str:
    if "Empty CSV" in message:
        return _NO_RECORD
    if "UTF8" in message or "UTF-8" in message:
        return "a cell holds bytes that are not UTF-8 text; save the file as UTF-8"
    return "the file cannot be read as CSV; check its quotes and that it is UTF-8 text"


def read_header(path: Path, file: str) -> list[str]:
    """Return the cells of a CSV file's first row.

    Raises
    ------
    DataError
        There is no such row within the first mebibyte, or it is not UTF-8.
    """
    with path.open("rb") as handle:
        start = handle.read(_HEADER_BYTES)
    row: list[str] | None = []
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(start)
        row = next((row for row in csv.reader(io.StringIO(text, newline="")) if row), [])
    except UnicodeDecodeError:
        row = None
    except csv.Error:
        pass
    if row is None:
        raise DataError(f"{file}: the file is not UTF-8 text; save it as UTF-8")
    if not row:
        raise DataError(f"{file}: expected a header row with column names, found none")
    return row


def check_names(names: list[str], file: str) -> None:
    """Check the names of a table's columns.

    Raises
    ------
    DataError
        A name is empty or comes twice.
    """
    for place, name in enumerate(names):
        if not name.strip():
            raise DataError(f"{file}: column {place + 1} has no name in the header; give every column a name")
        if name in names[:place]:
            raise DataError(
                f"{file}: columns {names.index(name) + 1} and {place + 1} have the same name; "
                "give every column a name of its own"
            )
