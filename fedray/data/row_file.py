"""Rows that a model is to predict, from one file: CSV with a header, the id first, then numbers.

It is the form of ``<raw name>_aligned.csv``. Where the file is that of an alignment, its rows are known to belong
together with those of the other parties; of another file only the number of rows can be compared.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from fedray.data.arrow_numbers import as_floats
from fedray.data.journal import finish_writing
from fedray.data.load import GAPS, cell_value, default_names, row_problem
from fedray.data.manifest import read_manifest
from fedray.data.new_rows import Ids, NewRows, Part
from fedray.data.wording import shorten
from fedray.data.words import Vocabulary
from fedray.errors import DataError

__all__ = ["first_column_of", "load_row_file"]

_FIRST_ROW = 2
"""Number of the first record, as a spreadsheet counts."""


def load_row_file(path: Path, part: Part, *, gaps: bool = False, words: Vocabulary | None = None) -> NewRows:
    """Read the rows of a file, with their ids.

    Parameters
    ----------
    path
        A file that `DataRoot.generated_file` returned.
    part
        ``all``: a file has no parts.
    gaps
        Whether a cell may be empty or say that its value is missing; it is then read as NaN.
    words
        Takes the words of the columns of categories; None where there are none.

    Raises
    ------
    DataError
        The file is not of that form; a row is ragged; a cell is empty, NaN, infinite or no number.
    """
    file = shorten(path.name)
    if part != "all":
        raise DataError(f"data_path: {file} is a file, which has no part {part}; name the folder, or set part to all")
    try:
        finish_writing(path.parent)
        id_name, *names = _header(path, file)
        known = words or Vocabulary()
        ids, values = _read_fast(path, names, gaps, known) or _read_slowly(path, file, tuple(names), gaps, known)
        manifest = read_manifest(path.parent)
    except OSError as error:
        reason = error.strerror
    else:
        aligned = manifest is not None and manifest.aligned == path.name
        if aligned and manifest is not None and len(values) != manifest.rows:
            raise DataError(f"data_path: {file} has not the rows that dataset.json says; run the alignment again")
        fingerprint = manifest.fingerprint if aligned and manifest is not None else ""
        return NewRows(values, tuple(names), fingerprint, named=True, ids=Ids(id_name, tuple(ids)))
    raise DataError(f"data_path: {file} cannot be read ({reason}); check its permissions")


def first_column_of(path: Path) -> str:
    """Return the name of the first column behind the id; raises ``DataError`` where the file has none."""
    file = shorten(path.name)
    try:
        return _header(path, file)[1]
    except OSError as error:
        reason = error.strerror
    raise DataError(f"data_path: {file} cannot be read ({reason}); check its permissions")


def _header(path: Path, file: str) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            names = next(csv.reader(handle), [])
    except (UnicodeDecodeError, csv.Error):
        names = []
    if len(names) < 2:
        raise DataError(f"data_path: {file} must be CSV in UTF-8 with a header: the id, then at least one column")
    return names


def _read_fast(
    path: Path, named: list[str], gaps: bool, words: Vocabulary
) -> tuple[list[str], npt.NDArray[np.float64]] | None:
    """Read with Arrow; None where a row or cell is not as it must be (the slow way finds it)."""
    names = default_names(len(named))
    kinds = [pa.string() if name in words else pa.float64() for name in named]
    types = {"id": pa.string(), **dict(zip(names, kinds, strict=True))}
    try:
        table = pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=["id", *names], skip_rows=1),
            parse_options=pa_csv.ParseOptions(ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(column_types=types, null_values=list(GAPS if gaps else ())),
        )
    except pa.ArrowInvalid:
        return None
    values = np.empty((table.num_rows, len(names)), dtype=np.float64)
    for k, (name, column) in enumerate(zip(named, table.columns[1:], strict=True)):
        values[:, k] = words.codes(name, column) if name in words else as_floats(column)
    if not table.num_rows or (np.isinf(values).any() if gaps else not np.isfinite(values).all()):
        return None
    return table.column(0).to_pylist(), values


def _read_slowly(
    path: Path, file: str, names: tuple[str, ...], gaps: bool, words: Vocabulary
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Read row by row to name the first cell that is no number."""
    ids: list[str] = []
    values: list[list[float]] = []
    number = _FIRST_ROW
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle)
            next(reader)
            for number, row in enumerate(reader, start=_FIRST_ROW):
                problem = row_problem(row[1:], names, gaps, words)
                if problem:
                    raise DataError(f"data_path: {file}: row {number}{problem}")
                ids.append(row[0])
                values.append([cell_value(name, cell, words) for name, cell in zip(names, row[1:], strict=True)])
    except (UnicodeDecodeError, csv.Error):
        raise DataError(f"data_path: {file}: row {number + 1} is not CSV text in UTF-8") from None
    if not values:
        raise DataError(f"data_path: {file} has a header only; expected at least one row")
    return ids, np.array(values, dtype=np.float64)
