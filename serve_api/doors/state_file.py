"""A small file of the server's own: readable by its owner only, replaced as a whole, read again when it has changed."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from fedray.data.private_file import make_folder, replace_file
from fedray.errors import DataError

__all__ = ["StateFile"]

Entry = TypeVar("Entry")


class StateFile(Generic[Entry]):
    """A file of entries.

    Parameters
    ----------
    path
        Made by the first `write`.
    what
        What its entries are, for messages.
    read
        Takes the file's document apart; raises ValueError, KeyError or TypeError where it is none of ours.
    """

    def __init__(self, path: Path, what: str, read: Callable[[object], tuple[Entry, ...]]) -> None:
        self._path, self._what, self._read = path, what, read
        self._seen: tuple[int, int, int] | None = None
        self._entries: tuple[Entry, ...] = ()

    def all(self) -> tuple[Entry, ...]:
        """Return every entry; none where there is no file.

        Raises
        ------
        DataError
            The file cannot be read, is none of ours, or others may read it.
        """
        try:
            facts = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            self._seen, self._entries = None, ()
            return ()
        except OSError as error:
            raise DataError(f"{self._path}: the file of {self._what} cannot be read ({error.strerror})") from None
        if facts.st_mode & 0o077:
            raise DataError(f"{self._path}: expected a file that only its owner may read; chmod 600 it")
        now = _marks(facts)
        if now != self._seen:
            self._entries = self._load()
            self._seen = now
        return self._entries

    def known(self) -> tuple[Entry, ...] | None:
        """Return every entry as `all` has read them; None where it has to read the file, or to say what is wrong."""
        try:
            facts = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return () if self._seen is None else None
        except OSError:
            return None
        return None if facts.st_mode & 0o077 or _marks(facts) != self._seen else self._entries

    def _load(self) -> tuple[Entry, ...]:
        try:
            return self._read(json.loads(self._path.read_text(encoding="utf-8")))
        except OSError as error:
            raise DataError(f"{self._path}: the file of {self._what} cannot be read ({error.strerror})") from None
        except (ValueError, KeyError, TypeError):
            raise DataError(
                f"{self._path}: expected the file of {self._what} as fedray wrote it; bring that back"
            ) from None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep other writers out; raises ``DataError`` where the file cannot be written."""
        try:
            make_folder(self._path.parent)
            with self._path.with_suffix(".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise DataError(f"{self._path}: the file of {self._what} cannot be written ({error.strerror})") from None

    def write(self, document: object) -> None:
        """Replace the file; within `writing`."""
        replace_file(self._path, f"{json.dumps(document, indent=2)}\n".encode())


def _marks(facts: os.stat_result) -> tuple[int, int, int]:
    return facts.st_ino, facts.st_mtime_ns, facts.st_size
