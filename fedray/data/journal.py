"""Writing a data set as a whole: all of its files, or none of them.

New files are made in a folder beside the old ones; then a journal that names them is written, and from that moment the
new set counts: whoever finds a journal finishes it. A crash before it leaves the old set, a crash after it the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from fedray.data.manifest import MANIFEST, TEST, TRAIN, Manifest, is_plain_name, read_manifest
from fedray.errors import DataError

__all__ = ["finish_writing", "write_set"]

_JOURNAL = ".dataset.journal"
_STAGING = ".dataset-"


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
    names = [*([manifest.aligned] if manifest.aligned else []), TRAIN, TEST, MANIFEST]
    try:
        with _lock(folder):
            finish_writing(folder)
            _refuse_another_party(folder, manifest)
            _remove_leftovers(folder)
            staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=folder))
            try:
                write(staging)
                (staging / MANIFEST).write_text(json.dumps(asdict(manifest)), encoding="utf-8")
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
        The journal is not one that `write_set` wrote.
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
    names = journal if isinstance(journal, list) and all(is_plain_name(name) for name in journal) else []
    # The folder named first is removed in the end, so it must be one of ours.
    if names and names[0].startswith(_STAGING):
        return names
    raise DataError(f"{_JOURNAL}: the file is damaged; remove it and run the alignment again")


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
