"""Reading ``train.csv`` and ``test.csv`` as numbers for training."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from fedray.data.arrow_numbers import as_floats
from fedray.data.journal import finish_writing
from fedray.data.manifest import TEST, TRAIN, Manifest, read_manifest
from fedray.data.wording import count, shorten
from fedray.data.words import NOT_A_NUMBER, NUMBER, Vocabulary, is_gap
from fedray.errors import DataError

__all__ = [
    "GAPS",
    "Split",
    "cell_value",
    "default_names",
    "first_column",
    "load_split",
    "read_numbers",
    "row_problem",
]

GAPS = ("", "NaN", "nan", "NA", "null")
"""Ways to write a gap that the fast reader knows; others are left to the slow one."""


@dataclass(frozen=True)
class Split:
    """A party's columns of an aligned data set.

    Parameters
    ----------
    train, test
        Float64, shapes (n_train, d) and (n_test, d), C order; finite, or NaN where gaps were allowed. A column of
        categories holds the places of its words.
    columns
        Names of the d columns; c0, c1, ... where the folder has no manifest.
    fingerprint
        Equal at all parties whose rows were aligned together; "" where the folder has no manifest.
    """

    train: npt.NDArray[np.float64]
    test: npt.NDArray[np.float64]
    columns: tuple[str, ...]
    fingerprint: str


def load_split(folder: Path, *, gaps: bool = False, words: Vocabulary | None = None, untested: bool = False) -> Split:
    """Read a data set that an alignment wrote, or that a user put there: CSV without header and id.

    Rows of messages count from 1. A blank line is an error, not skipped: it would shift this party's rows
    against the others'.

    Parameters
    ----------
    folder
        A folder that `DataRoot.generated_dir` returned.
    gaps
        Whether a cell may be empty or say that its value is missing; it is then read as NaN.
    words
        Takes the words of the columns of categories; None where there are none.
    untested
        Whether ``test.csv`` may be empty, where the manifest says that there are no rows for testing.

    Raises
    ------
    DataError
        A file is missing, empty or no ordinary file of this folder; a row is ragged; a cell is empty, NaN,
        infinite or no number; the files differ in width or from their manifest.
    """
    try:
        finish_writing(folder)
        return _load(folder, gaps, words or Vocabulary(), untested)
    except OSError as error:
        reason = error.strerror
    raise DataError(f"data_path: the folder cannot be read ({reason}); check its permissions")


def first_column(folder: Path) -> str:
    """Return the name that the first column of a data set has in messages and vocabularies.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    try:
        finish_writing(folder)
        manifest = read_manifest(folder)
    except OSError as error:
        reason = error.strerror
    else:
        return (manifest.columns if manifest is not None else default_names(1))[0]
    raise DataError(f"data_path: the folder cannot be read ({reason}); check its permissions")


def _load(folder: Path, gaps: bool, words: Vocabulary, untested: bool) -> Split:
    manifest = read_manifest(folder)
    names = manifest.columns if manifest is not None else None
    train = read_numbers(folder, TRAIN, names, gaps, words)
    if untested and manifest is not None and manifest.n_test == 0:
        test = np.empty((0, train.shape[1]))
    else:
        test = read_numbers(folder, TEST, names, gaps, words)
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


def read_numbers(
    folder: Path, file: str, names: tuple[str, ...] | None, gaps: bool = False, words: Vocabulary | None = None
) -> npt.NDArray[np.float64]:
    """Return a table of numbers, CSV without header and id, shape (n, d).

    Parameters
    ----------
    folder
        A folder that `DataRoot.generated_dir` returned.
    file
        ``train.csv`` or ``test.csv``.
    names
        Of its columns; None where there is no manifest.
    gaps, words
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
    named, known = names if names is not None else default_names(width), words or Vocabulary()
    texts = [k for k, name in enumerate(named) if name in known]
    table = _read_fast(path, width, GAPS if gaps else (), texts)
    if table is None:
        return _read_slowly(path, file, named, gaps, known)
    values = np.empty((table.num_rows, width), dtype=np.float64)
    for k, column in enumerate(table.columns):
        values[:, k] = known.codes(named[k], column) if k in texts else as_floats(column)
    # One pass over a sum finds out whether there is anything to look for.
    if np.isinf(values).any() if gaps else not np.isfinite(values).all():
        return _read_slowly(path, file, named, gaps, known)
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


def _read_fast(path: Path, width: int, nulls: tuple[str, ...], texts: Collection[int]) -> pa.Table | None:
    """Read numbers, and texts, with Arrow; None where a row or cell is not as it must be (the slow way finds it)."""
    names = default_names(width)
    types = {name: pa.string() if k in texts else pa.float64() for k, name in enumerate(names)}
    try:
        return pa_csv.read_csv(
            path,
            read_options=pa_csv.ReadOptions(use_threads=False, column_names=names),
            parse_options=pa_csv.ParseOptions(ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(column_types=types, null_values=list(nulls)),
        )
    except pa.ArrowInvalid:
        return None


def _read_slowly(
    path: Path, file: str, names: tuple[str, ...], gaps: bool, words: Vocabulary
) -> npt.NDArray[np.float64]:
    """Read row by row to name the first cell that is no number."""
    values: list[list[float]] = []
    problem = ""
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            for number, row in enumerate(csv.reader(handle), start=1):
                problem = row_problem(row, names, gaps, words)
                if problem:
                    problem = f"row {number}{problem}"
                    break
                values.append([cell_value(name, cell, words) for name, cell in zip(names, row, strict=True)])
    except (UnicodeDecodeError, csv.Error):
        problem = f"row {len(values) + 1} is not CSV text in UTF-8"
    if problem:
        raise DataError(f"{file}: {problem}")
    return np.array(values, dtype=np.float64)


def cell_value(name: str, cell: str, words: Vocabulary) -> float:
    """Return the number of a cell in which `row_problem` found no fault."""
    if name in words:
        return words.code(name, cell)
    return math.nan if is_gap(cell) else float(cell)


def row_problem(row: list[str], names: tuple[str, ...], gaps: bool, words: Vocabulary) -> str:
    """Return what is wrong with a row that should hold a number in each column, or a word; "" where nothing is."""
    if not row:
        return " is a blank line; remove it"
    if len(row) != len(names):
        return f" has {count(len(row), 'cell')}; the file has {count(len(names), 'column')}"
    for name, cell in zip(names, row, strict=True):
        problem = "" if name in words or (gaps and is_gap(cell)) else _cell_problem(cell.strip())
        if problem:
            return f", column {shorten(name)}: {problem}"
    return ""


def _cell_problem(cell: str) -> str:
    if not cell:
        return "the cell is empty; fill it in or leave the row out"
    if cell.lower().lstrip("+-") in NOT_A_NUMBER:
        return "the value is missing (NaN); fill it in or leave the row out"
    if cell.lower().lstrip("+-") in ("inf", "infinity"):
        return "the value is infinite; every value must be finite"
    if not NUMBER.fullmatch(cell):
        return "the cell is text; every cell must be a number"
    if not np.isfinite(float(cell)):
        return "the value is too large for a 64-bit float"
    return ""
