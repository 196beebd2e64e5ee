"""What an aligned data set is, as the file beside its tables says it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from fedray.errors import DataError

__all__ = ["MANIFEST", "TEST", "TRAIN", "Manifest", "is_plain_name", "read_manifest"]

TRAIN = "train.csv"
TEST = "test.csv"
MANIFEST = "dataset.json"


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


def read_manifest(folder: Path) -> Manifest | None:
    """Return the manifest of a folder, None where it has none (files that a user brought himself).

    Raises
    ------
    DataError
        There is one, but not as `write_set` writes it.
    """
    try:
        raw = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
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
    raise DataError(f"{MANIFEST}: the file is damaged; run the alignment again, or remove it to use the files alone")


def _plain_or_none(name: object) -> str:
    return str(name) if is_plain_name(name) else ""


def is_plain_name(name: object) -> bool:
    """Return whether something is the name of a file in a folder, and no path."""
    return isinstance(name, str) and name not in ("", ".", "..") and "/" not in name and "\0" not in name
