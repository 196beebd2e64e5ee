"""Rows that a model is to predict: read from an aligned data set, with their ids for the one who gets the predictions.

The rows of a set are those of ``train.csv``, then those of ``test.csv``, unless these are the same once more: the order
of the alignment, in which the file with the ids is too.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pa_csv

from fedray.data.arrow_numbers import as_floats
from fedray.data.csv_write import CsvFile
from fedray.data.journal import finish_writing
from fedray.data.load import default_names, read_numbers
from fedray.data.manifest import TEST, TRAIN, Manifest, read_manifest
from fedray.data.wording import count
from fedray.data.words import Vocabulary
from fedray.errors import DataError

__all__ = [
    "FILE",
    "Ids",
    "NewRows",
    "Part",
    "load_ids",
    "load_predictions",
    "load_rows",
    "write_points",
    "write_predictions",
    "write_texts",
]

Part = Literal["all", "train", "test"]
Named = tuple[str, Sequence[str]]

FILE = "predictions.csv"
POINTS = "points.csv"
ROW = "row"
"""Name of the column of row numbers, where there is no id."""


@dataclass(frozen=True)
class Ids:
    """The ids of some rows, in their order, and the name of their column."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class NewRows:
    """A party's columns of some rows.

    Attributes
    ----------
    values
        Float64, shape (n, d); finite, or NaN where gaps were allowed.
    columns
        Names of the d columns; c0, c1, ... where the folder has no manifest.
    fingerprint
        Equal at all parties whose rows were aligned together; "" where there is no manifest.
    named
        Whether the names are those of a table.
    ids
        Of the rows; None where they are not known, or were not asked for.
    """

    values: npt.NDArray[np.float64]
    columns: tuple[str, ...]
    fingerprint: str
    named: bool
    ids: Ids | None = None


def load_rows(folder: Path, part: Part, *, gaps: bool = False, words: Vocabulary | None = None) -> NewRows:
    """Read the rows of a data set that an alignment wrote, or that a user put there without ``dataset.json``.

    Parameters
    ----------
    folder, part
        Where they are, and which.
    gaps
        Whether a cell may be empty or say that its value is missing; it is then read as NaN.
    words
        Takes the words of the columns of categories; None where there are none.

    Raises
    ------
    DataError
        As `fedray.data.load.load_split`; a file that is missing counts as no rows if the other is there.
    """
    try:
        finish_writing(folder)
        manifest = read_manifest(folder)
        names = manifest.columns if manifest is not None else None
        tables = {file: read_numbers(folder, file, names, gaps, words) for file in _files(folder, part, manifest)}
    except OSError as error:
        reason = error.strerror
    else:
        return _joined(tables, manifest)
    raise DataError(f"data_path: the folder cannot be read ({reason}); check its permissions")


def _files(folder: Path, part: Part, manifest: Manifest | None) -> list[str]:
    wanted = {"all": (TRAIN, TEST), "train": (TRAIN,), "test": (TEST,)}[part]
    if manifest is not None:
        rows = {TRAIN: manifest.n_train, TEST: manifest.n_test}
        found = [file for file in wanted if rows[file]][: 1 if manifest.repeats else 2]
    else:
        found = [file for file in wanted if (folder / file).exists()]
    if not found:
        raise DataError(f"data_path: the folder has no rows in {' and '.join(wanted)}; run the alignment first")
    return found


def _joined(tables: dict[str, npt.NDArray[np.float64]], manifest: Manifest | None) -> NewRows:
    widths = {file: table.shape[1] for file, table in tables.items()}
    if len(set(widths.values())) > 1:
        listed = " and ".join(f"{file} {count(width, 'column')}" for file, width in widths.items())
        raise DataError(f"{listed}: both must have the same columns")
    values = np.vstack(list(tables.values()))
    if manifest is None:
        return NewRows(values, default_names(values.shape[1]), "", named=False)
    rows = {TRAIN: manifest.n_train, TEST: manifest.n_test}
    wrong = [file for file, table in tables.items() if len(table) != rows[file]]
    if wrong:
        raise DataError(
            f"{wrong[0]} has {count(len(tables[wrong[0]]), 'row')}, but dataset.json says {rows[wrong[0]]}; run the "
            "alignment again, or remove dataset.json if you changed the files yourself"
        )
    return NewRows(values, manifest.columns, manifest.fingerprint, named=True)


def load_ids(folder: Path, part: Part) -> Ids | None:
    """Return the ids of the rows that `load_rows` reads; None where no alignment wrote them.

    Raises
    ------
    DataError
        The file with the ids is missing, or has not as many rows as the tables.
    """
    manifest = read_manifest(folder)
    if manifest is None or not manifest.aligned:
        return None
    total = manifest.rows
    first, last = {
        "all": (0, total),
        "train": (0, manifest.n_train),
        "test": (total - manifest.n_test, total),
    }[part]
    try:
        with (folder / manifest.aligned).open(encoding="utf-8", newline="") as handle:
            reader = csv.reader(handle)
            name = next(reader, [""])[0]
            ids = [row[0] if row else "" for row in islice(reader, total + 1)]
    except (OSError, UnicodeDecodeError, csv.Error):
        ids = []
    if len(ids) != total:
        raise DataError("the aligned file does not have the ids of all rows; run the alignment again")
    return Ids(name, tuple(ids[first:last]))


def write_predictions(folder: Path, ids: Ids | None, predictions: npt.NDArray[np.float64]) -> None:
    """Write ``predictions.csv``, all of it or nothing: id or row number from 1, then the predictions.

    Parameters
    ----------
    predictions
        Shape (n, outputs), in the order of the ids; written so that they are read back to the last bit.

    Raises
    ------
    DataError
        The folder cannot be written to.
    """
    outputs = predictions.shape[1]
    names = ["prediction"] if outputs == 1 else [f"prediction_{k + 1}" for k in range(outputs)]
    cells = [[repr(value) for value in predictions[:, k].tolist()] for k in range(outputs)]
    write_texts(folder / FILE, _with_ids(ids, list(zip(names, cells, strict=True))))


def write_points(folder: Path, ids: Ids | None, points: npt.NDArray[np.int64]) -> None:
    """Write ``points.csv``, all of it or nothing: id or row number from 1, then the points.

    Parameters
    ----------
    points
        Shape (n,), in the order of the ids.

    Raises
    ------
    DataError
        The folder cannot be written to.
    """
    write_texts(folder / POINTS, _with_ids(ids, [("points", [str(value) for value in points.tolist()])]))


def _with_ids(ids: Ids | None, columns: Sequence[Named]) -> list[Named]:
    if ids is not None:
        return [(ids.name, ids.values), *columns]
    return [(ROW, [str(k + 1) for k in range(len(columns[0][1]))]), *columns]


def write_texts(path: Path, columns: Sequence[Named]) -> None:
    """Write a file of texts with a header, all of it or nothing, readable by its owner only.

    Parameters
    ----------
    columns
        Name and cells of each.

    Raises
    ------
    DataError
        The folder cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)
        file = CsvFile(temporary, [name for name, _ in columns])
        temporary.chmod(0o600)
        file.write([pa.array(column, pa.string()) for _, column in columns])
        file.close()
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise DataError(f"out_data_path: {path.name} cannot be written ({reason}); check space and permissions")


def load_predictions(folder: Path, field: str) -> npt.NDArray[np.float64]:
    """Return the predictions that an earlier task wrote into a folder, shape (n, outputs).

    Parameters
    ----------
    folder
        A folder that `DataRoot.generated_dir` returned.
    field
        The field of the request that named it, for messages.

    Raises
    ------
    DataError
        No ``predictions.csv`` is there, or it is not as `write_predictions` writes it.
    """
    path = folder / FILE
    if not path.is_file() or path.resolve().parent != folder.resolve():
        raise DataError(f"{field}: the folder has no {FILE}; name the out_data_path of a task that has predicted")
    try:
        quoted = pa_csv.ParseOptions(newlines_in_values=True)  # as an id may be
        table = pa_csv.read_csv(path, pa_csv.ReadOptions(use_threads=False), quoted)
        values = np.column_stack([as_floats(column.cast(pa.float64())) for column in table.columns[1:]])
    except (OSError, pa.ArrowException, ValueError):
        values = np.zeros((0, 0))
    if not values.size or not np.isfinite(values).all():
        raise DataError(f"{field}: {FILE} there is not as a task writes it; let a task predict those rows again")
    return values
