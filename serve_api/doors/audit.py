"""The audit log of a server: a file to which lines are added, by several processes if need be.

Beside it lies its head, the number and digest of the last line, so that lines that are cut off are missed.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from fedray.data.private_file import make_folder
from fedray.errors import DataError
from serve_api.doors.chain import START, Head, Verdict, linked, text_of, verify

__all__ = ["AuditLog"]

_TAIL_BYTES: Final = 1 << 16
"""More than any line has."""


class AuditLog:
    """An append-only chain of entries.

    Parameters
    ----------
    path
        Made by the first entry, readable by its owner only; its head is kept beside it, as ``.head``.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._head_path = path.with_suffix(".head")
        self._clock = clock
        self._lock = threading.Lock()
        self._known = START
        self._size = -1  # of the file after my last entry

    def append(self, **fields: object) -> int:
        """Write an entry and return its number; it is with the operating system then.

        Raises
        ------
        DataError
            It cannot be written; nothing of it is left in the log.
        """
        try:
            with self._lock, self._open() as file:
                last = self._last(file)
                entry = linked({"time": _stamp(self._clock()), **fields}, last)
                _write_whole(file, text_of(entry).encode() + b"\n")
                self._known, self._size = Head(entry["seq"], entry["hash"]), file.seek(0, os.SEEK_END)
                self._write_head()
        except OSError as error:
            raise DataError(f"the audit log cannot be written ({error.strerror})") from None
        return self._known.seq

    def entries(self, after: int = 0, limit: int = 1000) -> list[dict[str, Any]]:
        """Return the entries with a larger number, as they lie in the file, at most `limit`."""
        wanted = (entry for entry in self._lines() if entry is not None and _number(entry) > after)
        return list(islice(wanted, limit))

    def head(self) -> Head:
        """Return the head that is kept beside the log; `START` where there is none.

        Raises
        ------
        DataError
            It cannot be read.
        """
        try:
            fields = json.loads(self._head_path.read_text(encoding="ascii"))
            return Head(int(fields["seq"]), str(fields["hash"]))
        except FileNotFoundError:
            return START
        except (OSError, ValueError, KeyError, TypeError):
            raise DataError(f"{self._head_path}: expected the head of the audit log as fedray wrote it") from None

    def verify(self, noted: Head | None = None) -> Verdict:
        """Follow the whole chain; raises ``DataError`` where files cannot be read."""
        head = self.head()  # first: the log may go on meanwhile, and be ahead
        return verify(self._lines(), head, noted)

    def _open(self) -> IO[bytes]:
        """Open the log alone: other writers wait until it is closed."""
        make_folder(self._path.parent)
        file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+b", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file

    def _last(self, file: IO[bytes]) -> Head:
        """Return what the next entry follows: the furthest of the file's end, the head beside it and what I wrote.

        When lines were cut off, the next one follows those that are missing, so that they stay missed; of two that
        say the same number the file's end is believed last.
        """
        if file.seek(0, os.SEEK_END) == self._size:
            return self._known
        return max(self._known, self.head(), _end_of(file), key=lambda head: head.seq)

    def _write_head(self) -> None:
        new = self._head_path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(json.dumps({"seq": self._known.seq, "hash": self._known.hash}) + "\n")
        new.replace(self._head_path)

    def _lines(self) -> Iterator[dict[str, Any] | None]:
        try:
            with self._path.open("rb") as file:
                for line in file:
                    yield _entry(line)
        except FileNotFoundError:
            return
        except OSError as error:
            raise DataError(f"{self._path}: the audit log cannot be read ({error.strerror})") from None


def _end_of(file: IO[bytes]) -> Head:
    """Return the last entry of the file; what follows its last newline was never acknowledged, and goes."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    whole, _, torn = tail.rpartition(b"\n")
    if torn:
        file.truncate(size - len(torn))
    entry = _entry(whole.rpartition(b"\n")[2])
    seq, digest = (entry or {}).get("seq"), (entry or {}).get("hash")
    return Head(seq, digest) if isinstance(seq, int) and isinstance(digest, str) else START


def _write_whole(file: IO[bytes], line: bytes) -> None:
    """Write a line as a whole or not at all."""
    size = file.seek(0, os.SEEK_END)
    written = 0
    try:
        written = file.write(line)
    finally:
        if written != len(line):
            file.truncate(size)
    if written != len(line):
        raise OSError(0, "the disk is full")


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    ours = isinstance(entry, dict) and text_of(entry).encode() == line.rstrip(b"\n")
    return entry if ours else None


def _number(entry: dict[str, Any]) -> int:
    seq = entry.get("seq")
    return seq if isinstance(seq, int) else 0


def _stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
