"""An aligned data set on disk: written as a whole, read back for training.

::

    <raw name>_aligned.csv   header, id and features, in the common row order
    train.csv                first n - n // 5 rows, or as many as the task says, features only, no header
    test.csv                 the other rows, or where the task says so all rows, as in train.csv
    dataset.json             task, sizes, column names, fingerprint of the common rows

The four change together. New files are made in a folder beside them; then a journal that names them is
written, and from that moment the new set counts: whoever finds a journal finishes it. A crash before it
leaves the old set, a crash after it the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from fedray.data.csv_write import CsvFile
from fedray.data.table import RawTable
from fedray.errors import DataError

__all__ = ["TEST", "TRAIN", "Manifest", "finish_writing", "read_manifest", "sizes", "write_set", "write_split"]

TRAIN = "train.csv"
TEST = "test.csv"
_MANIFEST = "dataset.json"
_JOURNAL = ".dataset.journal"
_STAGING = ".dataset-"
_BLOCK_ROWS = 100_000


@dataclass(frozen=True)
class Manifest:
    """What a data set is: kept beside its files as ``dataset.json``.

    Parameters
    ----------
    task
        The alignment task that wrote it.
    n_train, n_test
        Rows of ``train.csv`` and ``test.csv``.
    columns
        Names of the feature columns.
    fingerprint
        Equal at all parties of the alignment and at no other: parties that train together compare it,
        so that rows of two alignments are never mixed.
    aligned
        Name of the file with the ids; "" where an older version wrote the set, or a user brought the rows.
    run
        Of a set that was made out of another: name of the run that wrote it; "" where an alignment did.
    repeats
        Whether ``test.csv`` has the rows of ``train.csv`` once more, instead of others.
    """

    task: str
    n_train: int
    n_test: int
    columns: tuple[str, ...]
    fingerprint: str
    aligned: str = ""
    run: str = ""
    repeats: bool = False

    @property
    def rows(self) -> int:
        """How many rows there are, each counted once."""
        return self.n_train if self.repeats else self.n_train + self.n_test


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


def write_set(folder: Path, manifest: Manifest, write: Callable[[Path], None]) -> None:
    """Write the tables of a data set and its manifest, all or none of them.

    Parameters
    ----------
    folder
        An existing folder below the party's generated data.
    manifest
        What the set is.
    write
        Writes the tables into the folder that it is given: train and test part, and the aligned file if there is one.

    Raises
    ------
    DataError
        The folder cannot be written to.
    """
    names = [*([manifest.aligned] if manifest.aligned else []), TRAIN, TEST, _MANIFEST]
    try:
        with _lock(folder):
            finish_writing(folder)
            _refuse_another_party(folder, manifest)
            _remove_leftovers(folder)
            staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))
            try:
                write(staging)
                (staging / _MANIFEST).write_text(json.dumps(asdict(manifest)), encoding="utf-8")
                _commit(folder, staging, names)
            finally:
                _remove_unless_committed(folder, staging)
    except BlockingIOError:
        reason = "another party or task is writing there; give each its own folder"
    except OSError as error:
        reason = f"{error.strerror}; check space and permissions"
    else:
        return
    raise DataError(f"out_data_path: the data set cannot be written: {reason}")


@contextmanager
def _lock(folder: Path) -> Iterator[None]:
    """Keep other writers out of a folder; the lock goes with the process."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _refuse_another_party(folder: Path, manifest: Manifest) -> None:
    """Refuse to overwrite data of the same run: only another party with this folder can have written it."""
    try:
        there = read_manifest(folder)
    except DataError:
        # A damaged manifest is about to be replaced.
        return
    if there is not None and (there.fingerprint, there.run) == (manifest.fingerprint, manifest.run):
        raise DataError("out_data_path: another party of this task has written to this folder; give each party its own")


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


def _commit(folder: Path, staging: Path, names: list[str]) -> None:
    for name in names:
        _flush_to_disk(staging / name)
    journal = staging / _JOURNAL
    journal.write_text(json.dumps([staging.name, *names]), encoding="utf-8")
    _flush_to_disk(journal)
    journal.replace(folder / _JOURNAL)
    finish_writing(folder)


def finish_writing(folder: Path) -> None:
    """Finish a set whose writer died after it had written the journal; do nothing where there is none.

    Two processes may do so at once: a file that one has moved is not there for the other, and that is fine.

    Raises
    ------
    DataError
        The journal is not one that `write_split` wrote.
    """
    journal = _read_journal(folder)
    if journal is None:
        return
    staging, names = folder / journal[0], journal[1:]
    for name in names:
        try:
            (staging / name).replace(folder / name)
        except FileNotFoundError:
            continue
    _flush_to_disk(folder)
    (folder / _JOURNAL).unlink(missing_ok=True)
    shutil.rmtree(staging, ignore_errors=True)


def _read_journal(folder: Path) -> list[str] | None:
    """Return the name of the staging folder and those of its files, None where there is no journal."""
    try:
        journal = json.loads((folder / _JOURNAL).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        journal = []
    names = journal if isinstance(journal, list) and all(_is_plain_name(name) for name in journal) else []
    # The folder named first is removed in the end, so it must be one of ours.
    if names and names[0].startswith(_STAGING):
        return names
    raise DataError(f"{_JOURNAL}: the file is damaged; remove it and run the alignment again")


def _plain_or_none(name: object) -> str:
    return str(name) if _is_plain_name(name) else ""


def _is_plain_name(name: object) -> bool:
    return isinstance(name, str) and name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _remove_unless_committed(folder: Path, staging: Path) -> None:
    if not (folder / _JOURNAL).exists():
        shutil.rmtree(staging, ignore_errors=True)


def _remove_leftovers(folder: Path) -> None:
    """Remove copies of the data that a killed writer left before its journal."""
    for leftover in folder.glob(f"{_STAGING}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a folder, None where it has none (files that a user brought himself).

    Raises
    ------
    DataError
        There is one, but not as `write_split` writes it.
    """
    try:
        raw = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        return Manifest(
            str(raw["task"]),
            int(raw["n_train"]),
            int(raw["n_test"]),
            tuple(str(name) for name in raw["columns"]),
            str(raw["fingerprint"]),
            _plain_or_none(raw.get("aligned", "")),
            str(raw.get("run", "")),
            raw.get("repeats") is True,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise DataError(f"{_MANIFEST}: the file is damaged; run the alignment again, or remove it to use the files alone")
