"""Data sets that are made out of others: the same rows in the same order, other columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fedray.data.csv_write import CsvFile
from fedray.data.journal import write_set
from fedray.data.manifest import TEST, TRAIN, Manifest, read_manifest
from fedray.data.new_rows import Ids, load_ids
from fedray.data.words import number_text
from fedray.errors import DataError

__all__ = ["Coded", "Picked", "Source", "stacked_ids", "write_derived"]

_BLOCK_ROWS = 100_000


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of few values.

    Attributes
    ----------
    name
        Of the column.
    codes
        By part, ``train`` and ``test``: which value each row has, shape (rows,).
    values
        The values; written so that they are read back to the last bit.
    """

    name: str
    codes: Mapping[str, npt.NDArray[np.int64]]
    values: Sequence[float]


@dataclass(frozen=True, eq=False)
class Picked:
    """A part of the rows of a data set, all of which are for training and for tests.

    Attributes
    ----------
    rows
        Which of its training rows, rising; of those that are held out, behind the others.
    fingerprint
        Of these rows; "" where those of the source have none.
    below
        More data sets, whose training rows are numbered on below those of the source.
    tested
        A data set whose training rows are those for testing; None takes the picked rows once more.
    held_out
        How many of the picked rows, the last ones, are for testing alone.
    """

    rows: npt.NDArray[np.int64]
    fingerprint: str
    below: tuple[Path, ...] = ()
    tested: Path | None = None
    held_out: int = 0

    @property
    def has_tests(self) -> bool:
        """Whether rows for testing are others than those for training."""
        return self.tested is not None or self.held_out > 0


@dataclass(frozen=True)
class Source:
    """The data set that another is made out of.

    Attributes
    ----------
    folder
        Where it lies.
    sizes
        Rows of the parts that are written, for training and for tests.
    picked
        Which of its rows they are; None is all of them.
    """

    folder: Path
    sizes: tuple[int, int]
    picked: Picked | None = None


def write_derived(folder: Path, source: Source, task: str, run: str, columns: Sequence[Coded]) -> None:
    """Write train and test part, with the fingerprint of the source, and the ids again where it has them.

    Parameters
    ----------
    folder
        An existing folder below the party's generated data.
    task, run
        For the manifest: the task that writes, and a name of its run that no other has.
    columns
        At least one.

    Raises
    ------
    DataError
        The folder is that of the source, or cannot be written to; the ids of the source cannot be read.
    """
    if folder.resolve() == source.folder.resolve():
        raise DataError("out_data_path: expected another folder than data_path, which would be overwritten")
    known = read_manifest(source.folder)
    ids = load_ids(source.folder, "all") if source.picked is None else stacked_ids(source.folder, source.picked.below)
    fingerprint, repeats = (known.fingerprint, known.repeats) if known is not None else ("", False)
    if source.picked is not None:
        fingerprint, repeats = source.picked.fingerprint, not source.picked.has_tests
        ids = _picked_ids(ids, source.picked)
    manifest = Manifest(
        task,
        *source.sizes,
        tuple(column.name for column in columns),
        fingerprint,
        known.aligned if known is not None and ids is not None else "",
        run,
        repeats,
    )
    write_set(folder, manifest, lambda staging: _write(staging, manifest, ids, columns))


def _picked_ids(ids: Ids | None, picked: Picked) -> Ids | None:
    """Return the ids of the picked rows, and then of those for testing if they are others."""
    more = Ids("", ()) if picked.tested is None else load_ids(picked.tested, "train")
    if ids is None or more is None:
        return None
    return Ids(ids.name, (*(ids.values[row] for row in picked.rows.tolist()), *more.values))


def stacked_ids(folder: Path, below: Sequence[Path] = ()) -> Ids | None:
    """Return the ids of the training rows of a data set and of those below it; None where a set has none.

    Raises
    ------
    DataError
        The ids of a set cannot be read.
    """
    found = [ids for one in (folder, *below) if (ids := load_ids(one, "train")) is not None]
    if len(found) <= len(below):
        return None
    return Ids(found[0].name, tuple(value for ids in found for value in ids.values))


def _write(staging: Path, manifest: Manifest, ids: Ids | None, columns: Sequence[Coded]) -> None:
    whole = CsvFile(staging / manifest.aligned, [ids.name, *manifest.columns]) if ids is not None else None
    texts = [pa.array([number_text(value) for value in column.values], pa.string()) for column in columns]
    before = 0
    for part, file, rows in (("train", TRAIN, manifest.n_train), ("test", TEST, manifest.n_test)):
        table = CsvFile(staging / file)
        for start in range(0, rows, _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, rows)
            cells = [
                text.take(pa.array(column.codes[part][start:stop])) for text, column in zip(texts, columns, strict=True)
            ]
            table.write(cells)
            if whole is not None and ids is not None and before < manifest.rows:
                whole.write([pa.array(ids.values[before + start : before + stop], pa.string()), *cells])
        table.close()
        before += rows
    if whole is not None:
        whole.close()
