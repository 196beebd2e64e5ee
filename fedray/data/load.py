"""Reading ``train.csv`` and ``test.csv`` as numbers for training."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from fedray.data.arrow_numbers import as_floats
from fedray.data.split import TEST, TRAIN, Manifest, finish_writing, read_manifest
from fedray.data.wording import count, shorten
from fedray.errors import DataError

__all__ = ["GAPS", "Split", "default_names", "is_gap", "load_split", "read_numbers", "row_problem"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NOT_A_NUMBER = ("nan", "na", "null", "none", "n/a")
GAPS = ("", "NaN", "nan", "NA", "null")
"""Ways to write a gap that the fast reader knows; others are left to the slow one."""


@dataclass(frozen=True)
class Split:
    """A party's columns of an aligned data set.

    Parameters
    ----------
    train, test
        Float64, shapes (n_train, d) and (n_test, d), C order; finite, or NaN where gaps were allowed.
    columns
        Names of the d columns; c0, c1, ... where the folder has no manifest.
    fingerprint
        Equal at all parties whose rows were aligned together; "" where the folder has no manifest.
    """

    train: npt.NDArray[np.float64]
    test: npt.NDArray[np.float64]
    columns: tuple[str, ...]
    fingerprint: str


def load_split(folder: Path, *, gaps: bool = False) -> Split:
    """Read a data set that an alignment wrote, or that a user put there: CSV without header and id.

    Rows of messages count from 1. A blank line is an error, not skipped: it would shift this party's rows
    against the others'.

    Parameters
    ----------
    folder
        A folder that `DataRoot.generated_dir` returned.
    gaps
        Whether a cell may be empty or say that its value is missing; it is then read as NaN.

    Raises
    ------
    DataError
        A file is missing, empty or no ordinary file of this folder; a row is ragged; a cell is empty, NaN,
        infinite or no number; the files differ in width or from their manifest.
    """
    try:
        finish_writing(folder)
        return _load(folder, gaps)
    except OSError as error:
        reason = error.strerror
    raise DataError(f"data_path: the folder cannot be read ({reason}); check its permissions")


def _load(folder: Path, gaps: bool) -> Split:
    manifest = read_manifest(folder)
    names = manifest.columns if manifest is not None else None
    train = read_numbers(folder, TRAIN, names, gaps)
    test = read_numbers(folder, TEST, names, gaps)
    if train.shape[1] != test.shape[1]:
        raise DataError(
            f"{TRAIN} has {count(train.shape[1], 'column')} and {TEST} {test.shape[1]}; both must have the same columns"
        )
    if manifest is None:
        return Split(train, test, default_names(train.shape[1]), "")
    _check_manifest(manifest, len(train), len(test))
    return Split(train, test, manifest.columns, manifest.fingerprint)


def _check_manifest(manifest: Manifest, n_train: int, n_test: int) -> None:
    if (manifest.n_train, manifest.n_test) != (n_train, n_test):
        raise DataError(
            f"{TRAIN} and {TEST} have {n_train} and {n_test} rows, but dataset.json says {manifest.n_train} and "
            f"{manifest.n_test}; run the alignment again, or remove dataset.json if you changed the files yourself"
        )


def default_names(width: int) -> tuple[str, ...]:
    """Return the names of columns that nobody has named: c0, c1, ..."""
    return tuple(f"c{k}" for k in range(width))


def read_numbers(folder: Path, file: str, names: tuple[str, ...] | None, gaps: bool = False) -> npt.NDArray[np.float64]:
    """Return a table of numbers, CSV without header and id, shape (n, d).

    Parameters
    ----------
    folder
        A folder that `DataRoot.generated_dir` returned.
    file
        ``train.csv`` or ``test.csv``.
    names
        Of its columns; None where there is no manifest.
    gaps
        As for `load_split`.

    Raises
    ------
    DataError
        The file is not there, or not as `load_split` wants it.
    """
    path = _ordinary_file(folder, file)
    width = _first_row_width(path, file)
    if names is not None and width != len(names):
        raise DataError(
            f"{file} has {count(width, 'column')}, but dataset.json names {len(names)}; run the alignment again"
        )
    named = names if names is not None else default_names(width)
    table = _read_fast(path, width, GAPS if gaps else ())
    if table is None:
        return _read_slowly(path, file, named, gaps)
    values = np.empty((table.num_rows, width), dtype=np.float64)
    for k, column in enumerate(table.columns):
        values[:, k] = as_floats(column)  # NaN for a null
    # One pass over a sum finds out whether there is anything to look for.
    if np.isinf(values).any() if gaps else not np.isfinite(values).all():
        return _read_slowly(path, file, named, gaps)
    return values


def _ordinary_file(folder: Path, file: str) -> Path:
    path = folder / file
    if not path.exists():
        raise DataError(f"data_path: the folder has no {file}; run the alignment first")
    if not path.is_file() or path.resolve().parent != folder.resolve():
        raise DataError(f"data_path: {file} must be an ordinary file in that folder, no link out of it")
    if path.stat().st_size == 0:
        raise DataError(f"{file} is empty; expected at least one row")
    return path


def _first_row_width(path: Path, file: str) -> int:
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return max(1, len(next(csv.reader(handle), [])))
    except (UnicodeDecodeError, csv.Error):
        pass
    raise DataError(f"{file} is not CSV text in UTF-8")


def _read_fast(path: Path, width: int, nulls: tuple[str, ...]) -> pa.Table | None:
    """Read numbers with Arrow; None where a row or cell is not as it must be (the slow way finds it)."""
    names = default_names(width)
    try:
        return pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=names),
            parse_options=pa_csv.ParseOptions(ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.float64()), null_values=list(nulls)
            ),
        )
    except pa.ArrowInvalid:
        return None


def _read_slowly(path: Path, file: str, names: tuple[str, ...], gaps: bool) -> npt.NDArray[np.float64]:
    """Read row by row to name the first cell that is no number."""
    values: list[list[float]] = []
    problem = ""
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            for number, row in enumerate(csv.reader(handle), start=1):
                problem = row_problem(row, names, gaps)
                if problem:
                    problem = f"row {number}{problem}"
                    break
                values.append([math.nan if is_gap(cell) else float(cell) for cell in row])
    except (UnicodeDecodeError, csv.Error):
        problem = f"row {len(values) + 1} is not CSV text in UTF-8"
    if problem:
        raise DataError(f"{file}: {problem}")
    return np.array(values, dtype=np.float64)


def row_problem(row: list[str], names: tuple[str, ...], gaps: bool = False) -> str:
    """Return what is wrong with a row that should hold a number in each column; "" where nothing is."""
    if not row:
        return " is a blank line; remove it"
    if len(row) != len(names):
        return f" has {count(len(row), 'cell')}; the file has {count(len(names), 'column')}"
    for name, cell in zip(names, row, strict=True):
        problem = "" if gaps and is_gap(cell) else _cell_problem(cell.strip())
        if problem:
            return f", column {shorten(name)}: {problem}"
    return ""


def is_gap(cell: str) -> bool:
    """Return whether a cell says that its value is missing."""
    text = cell.strip().lower().lstrip("+-")
    return not text or text in _NOT_A_NUMBER


def _cell_problem(cell: str) -> str:
    if not cell:
        return "the cell is empty; fill it in or leave the row out"
    if cell.lower().lstrip("+-") in _NOT_A_NUMBER:
        return "the value is missing (NaN); fill it in or leave the row out"
    if cell.lower().lstrip("+-") in ("inf", "infinity"):
        return "the value is infinite; every value must be finite"
    if not _NUMBER.fullmatch(cell):
        return "the cell is text; every cell must be a number"
    if not np.isfinite(float(cell)):
        return "the value is too large for a 64-bit float"
    return ""
