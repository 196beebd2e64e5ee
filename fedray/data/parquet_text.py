"""Parquet files as text: numbers become their decimal text, so that ids and cells compare as written."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from fedray.data.csv_text import check_names
from fedray.data.wording import count, shorten
from fedray.errors import DataError

__all__ = ["is_parquet", "parquet_names", "read_parquet_text"]

_MAGIC = b"PAR1"


def is_parquet(path: Path) -> bool:
    """Say whether a file begins as Parquet files do; its name does not matter."""
    with path.open("rb") as handle:
        return handle.read(len(_MAGIC)) == _MAGIC


def parquet_names(path: Path, file: str) -> list[str]:
    """Return the names of the columns of a Parquet file, without its rows; raises ``DataError`` if it is damaged."""
    try:
        with pq.ParquetFile(path) as source:
            return list(source.schema_arrow.names)
    except (pa.ArrowException, OSError):
        problem = "the file is damaged or holds text that is not UTF-8; write it again"
    raise DataError(f"{file}: {problem}")


def read_parquet_text(path: Path, file: str, max_bytes: int) -> pa.Table:
    """Read a Parquet file; every column becomes text, shape (n, 1 + d), n at least 1.

    An id may be text or an integer. A feature may be text, a number, a decimal or a boolean (1 and 0);
    a missing value becomes an empty cell.

    Raises
    ------
    DataError
        The file is damaged or too big, a column's type is not one of these, a name is empty or comes
        twice, an id is missing, or there is no record.
    """
    table, problem = _read(path, max_bytes)
    if table is None:
        raise DataError(f"{file}: {problem}")
    check_names(table.column_names, file)
    if not table.num_rows:
        raise DataError(f"{file}: the file has no record; expected at least one")
    columns = [_id_text(table.column(0), file)]
    for name, column in zip(table.column_names[1:], table.columns[1:], strict=True):
        columns.append(_feature_text(column, name, file))
    return pa.table(columns, names=table.column_names)


def _read(path: Path, max_bytes: int) -> tuple[pa.Table | None, str]:
    try:
        with pq.ParquetFile(path) as source:
            groups = [source.metadata.row_group(k) for k in range(source.metadata.num_row_groups)]
            size = sum(group.total_byte_size for group in groups)
            if size > max_bytes:
                return None, f"the table has {size} bytes; at most {max_bytes} can be read"
            if not len(source.schema_arrow):
                return None, "the file has no column; expected an id column and at least one more"
            table = source.read(use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError):
        return None, "the file is damaged or holds text that is not UTF-8; write it again"
    return table, ""


def _id_text(column: pa.ChunkedArray, file: str) -> pa.ChunkedArray:
    column = _plain(column)
    if not (_is_text(column.type) or pa.types.is_integer(column.type)):
        raise DataError(f"{file}: the first column is the id and must be text or integers, got {column.type}")
    if column.null_count:
        first = pc.index(pc.is_null(column), value=True).as_py() + 1
        raise DataError(
            f"{file}: {count(column.null_count, 'row')} without an id, first at row {first}; "
            "give every row an id in the first column or remove it"
        )
    return column.cast(pa.large_string())


def _feature_text(column: pa.ChunkedArray, name: str, file: str) -> pa.ChunkedArray:
    column = _plain(column)
    kind = column.type
    if pa.types.is_null(kind):
        return pa.chunked_array([pa.array([""] * len(column), pa.string())])
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_float16(kind):
        column = column.cast(pa.float32())
    elif not (_is_text(kind) or _is_number(kind)):
        raise DataError(f"{file}: column {shorten(name)} must be text, numbers or booleans, got {kind}")
    return pc.fill_null(column.cast(pa.string()), "")


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Undo the dictionary encoding that other tools write for categories."""
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
