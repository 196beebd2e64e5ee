"""A party's raw table: an id column and feature columns, all kept as the text that the file holds.

Rows are numbered as a spreadsheet does: the header is row 1, the first record row 2 (in Parquet, which has
no header row, the first record is row 1). Blank lines of a CSV file do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from fedray.data.csv_text import read_csv_text
from fedray.data.ids import DuplicatePolicy, normalise, rows_to_keep
from fedray.data.parquet_text import is_parquet, read_parquet_text
from fedray.data.root import DataRoot
from fedray.data.wording import shorten
from fedray.errors import DataError

__all__ = ["MAX_FILE_BYTES", "RawTable", "choose_columns", "read_table", "read_tables"]

MAX_FILE_BYTES = 2 * 2**30 - 1
"""Largest table read, in bytes of text: the largest Arrow column, and what fits into a party's memory."""


@dataclass(frozen=True)
class RawTable:
    """A table that is ready to be aligned.

    Parameters
    ----------
    id_name
        Name of the id column.
    ids
        Normalised ids, each once, shape (n,).
    features
        The chosen columns as text, in the chosen order, shape (n, d), one chunk a column.
    """

    id_name: str
    ids: pa.LargeStringArray
    features: pa.Table


def read_table(
    root: DataRoot,
    raw_data_path: str,
    columns: Sequence[str | int] | None = None,
    duplicates: DuplicatePolicy = "error",
    max_bytes: int = MAX_FILE_BYTES,
) -> RawTable:
    """Read and check a raw table: CSV with a header row, or Parquet; the first column is the id.

    Parameters
    ----------
    root
        The party's folders.
    raw_data_path
        The file below the raw folder, as the user wrote it.
    columns
        Which columns to keep, in this order: names, or positions counted from 0 among the columns
        after the id; None keeps all.
    duplicates
        What happens to ids that come more than once: ``error``, ``first`` or ``drop``.
    max_bytes
        Largest file (CSV) or uncompressed table (Parquet).

    Raises
    ------
    DataError
        The file, its header, a row, an id or a chosen column is wrong; the sentence says which.
    """
    return read_tables(root, (raw_data_path,), columns, duplicates, max_bytes)


def read_tables(
    root: DataRoot,
    raw_data_paths: Sequence[str],
    columns: Sequence[str | int] | None = None,
    duplicates: DuplicatePolicy = "error",
    max_bytes: int = MAX_FILE_BYTES,
) -> RawTable:
    """Read and check raw tables with the same columns as one, the rows of each below those before it.

    Parameters
    ----------
    raw_data_paths
        At least one, each as for `read_table`.
    columns, duplicates
        As for `read_table`, of all tables together.
    max_bytes
        Largest size of all tables together.

    Raises
    ------
    DataError
        As for `read_table`; or a table has other columns than the first.
    """
    texts: list[pa.Table] = []
    first_row, size = 1, 0
    for path in raw_data_paths:
        table, header, read = _read_text(root, path, max_bytes - size)
        if texts and table.column_names != texts[0].column_names:
            raise DataError(f"{shorten(path)}: expected the columns of {shorten(raw_data_paths[0])}, in its order")
        same = table.cast(texts[0].schema) if texts else table  # text is of two types, as a file's kind has it
        texts, first_row, size = [*texts, same], 1 + header, size + read
    file = shorten(raw_data_paths[0]) if len(texts) == 1 else f"{shorten(raw_data_paths[0])} and the tables below it"
    return _raw_table(pa.concat_tables(texts), columns, duplicates, file, first_row if len(texts) == 1 else 1)


def _read_text(root: DataRoot, raw_data_path: str, max_bytes: int) -> tuple[pa.Table, int, int]:
    """Return a file's columns as text, whether it has a header row, and its size in bytes."""
    path = root.raw_file(raw_data_path)
    file = shorten(raw_data_path)
    try:
        size = path.stat().st_size
        _check_size(size, max_bytes, file)
        if is_parquet(path):
            return read_parquet_text(path, file, max_bytes), 0, size
        return read_csv_text(path, file), 1, size
    except OSError as error:
        raise DataError(f"{file}: the file cannot be read ({error.strerror})") from None


def _raw_table(
    table: pa.Table, columns: Sequence[str | int] | None, duplicates: DuplicatePolicy, file: str, first_row: int
) -> RawTable:
    id_name, *names = table.column_names
    chosen = choose_columns(names, columns, id_name, file)
    ids = normalise(_one_array(table.column(0)))
    features = table.select([1 + k for k in chosen]).combine_chunks()
    keep = rows_to_keep(ids, duplicates, file, first_row)
    if keep is not None:
        ids, features = ids.take(pa.array(keep)), features.take(pa.array(keep))
    if not len(ids):
        raise DataError(f"{file}: every id comes more than once, so duplicates = 'drop' leaves no row")
    return RawTable(id_name, ids, features)


def choose_columns(names: Sequence[str], columns: Sequence[str | int] | None, id_name: str, file: str) -> list[int]:
    """Return the positions, among the columns after the id, of the columns that the request chose.

    Raises
    ------
    DataError
        A column is unknown, chosen twice, or the id; or none is left.
    """
    if not names:
        raise DataError(f"{file}: expected an id column and at least one more column, got the id column only")
    if columns is None:
        return list(range(len(names)))
    if not columns:
        raise DataError("columns: expected at least one name or position, got an empty list; leave it out for all")
    chosen = [_position(names, column, id_name, file) for column in columns]
    for place, position in enumerate(chosen):
        if position in chosen[:place]:
            raise DataError(f"columns: {_show(columns[place])} chooses a column of {file} a second time")
    return chosen


def _position(names: Sequence[str], column: str | int, id_name: str, file: str) -> int:
    if isinstance(column, str):
        if column in names:
            return names.index(column)
        if column == id_name:
            raise DataError(f"columns: {_show(column)} is the id column of {file}, which is always kept; leave it out")
        raise DataError(f"columns: {file} has no column {_show(column)}; it has {_listed(names)}")
    if isinstance(column, bool) or not 0 <= column < len(names):
        raise DataError(
            f"columns: {_show(column)} is no position in {file}; "
            f"expected 0 to {len(names) - 1}, counted from 0 after the id column"
        )
    return column


def _show(column: str | int) -> str:
    return shorten(column) if isinstance(column, str) else str(column)


def _listed(names: Sequence[str], most: int = 10) -> str:
    shown = ", ".join(shorten(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _check_size(size: int, max_bytes: int, file: str) -> None:
    if size == 0:
        raise DataError(f"{file}: the file is empty; expected a header row and at least one record")
    if size > max_bytes:
        raise DataError(f"{file}: the file has {size} bytes; at most {max_bytes} can be read")


def _one_array(column: pa.ChunkedArray) -> pa.LargeStringArray:
    return pa.concat_arrays([chunk.cast(pa.large_string()) for chunk in column.chunks])
