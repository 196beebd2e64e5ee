"""An aligned table as a data set on disk, in the files that a training reads.

::

    <raw name>_aligned.csv   header, id and features, in the common row order
    train.csv                first n - n // 5 rows, or as many as the task says, features only, no header
    test.csv                 the other rows, or where the task says so all rows, as in train.csv
    dataset.json             task, sizes, column names, fingerprint of the common rows

The four change together.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fedray.data.csv_write import CsvFile
from fedray.data.journal import write_set
from fedray.data.manifest import TEST, TRAIN, Manifest
from fedray.data.table import RawTable

__all__ = ["sizes", "write_split"]

_BLOCK_ROWS = 100_000


def sizes(n: int, part: float = 0.2, *, repeats: bool = False) -> tuple[int, int]:
    """Return how many of n aligned rows are for training and for testing.

    Parameters
    ----------
    part
        Part that is for testing only, rounded down.
    repeats
        Whether all are for both instead.
    """
    n_test = int(n * Fraction(str(part)))
    return (n, n) if repeats else (n - n_test, n_test)


def write_split(
    folder: Path,
    raw_name: str,
    table: RawTable,
    rows: npt.NDArray[np.int64],
    task: str,
    fingerprint: str,
    progress: Callable[[int, int], None] | None = None,
    test_part: float = 0.2,
    *,
    repeats: bool = False,
) -> Manifest:
    """Write the aligned table, its train and test part, and the manifest, all or none of them.

    Parameters
    ----------
    folder
        An existing folder below the party's generated data.
    raw_name
        Name of the raw file; its stem names the aligned file.
    table
        The party's table.
    rows
        The table's rows in the common order, shape (n,).
    task, fingerprint
        For the manifest.
    progress
        Called with rows written and rows in all.
    test_part, repeats
        Which rows are for testing, see `sizes`.

    Raises
    ------
    DataError
        The folder cannot be written to.
    """
    n_train, n_test = sizes(len(rows), test_part, repeats=repeats)
    names = tuple(table.features.column_names)
    aligned = f"{Path(raw_name).stem}_aligned.csv"
    manifest = Manifest(task, n_train, n_test, names, fingerprint, aligned, repeats=repeats)
    write_set(folder, manifest, lambda staging: _write_tables(staging, manifest, table, rows, progress))
    return manifest


def _write_tables(
    staging: Path,
    manifest: Manifest,
    table: RawTable,
    rows: npt.NDArray[np.int64],
    progress: Callable[[int, int], None] | None,
) -> None:
    whole = CsvFile(staging / manifest.aligned, [table.id_name, *table.features.column_names])
    parts = {TRAIN: rows[: manifest.n_train], TEST: rows[len(rows) - manifest.n_test :]}
    done = 0
    for name, part_rows in parts.items():
        part = CsvFile(staging / name)
        for start in range(0, len(part_rows), _BLOCK_ROWS):
            block = pa.array(part_rows[start : start + _BLOCK_ROWS])
            features = [column.chunk(0).take(block) for column in table.features.columns]
            if done < len(rows):  # a row that is repeated has its id once
                whole.write([table.ids.take(block).cast(pa.string()), *features])
            part.write(features)
            done += len(block)
            if progress is not None:
                progress(done, manifest.n_train + manifest.n_test)
        part.close()
    whole.close()
