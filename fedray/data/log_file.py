"""Lines that several processes add to one file, which begins anew when it has grown: owner's eyes only."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from fedray.data.private_file import make_folder

__all__ = ["LogFile"]


class LogFile:
    """A file of lines, and those before it as ``NAME.1``, the newest, to ``NAME.<kept>``.

    Parameters
    ----------
    path
        Of the file; its folder is made.
    most_bytes
        The file begins anew before a line that would make it longer.
    kept
        How many files before it are kept.
    """

    def __init__(self, path: Path, most_bytes: int, kept: int) -> None:
        self._path, self._most_bytes, self._kept = path, most_bytes, kept

    def append(self, line: bytes) -> None:
        """Add a line, which ends with a newline; other processes wait meanwhile.

        Raises
        ------
        OSError
            It cannot be written.
        """
        make_folder(self._path.parent)
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._make_room(len(line))
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line)
            finally:
                os.close(file)
        finally:
            os.close(lock)

    def _make_room(self, size: int) -> None:
        there = self._path.stat().st_size if self._path.exists() else 0
        if not there or there + size <= self._most_bytes:
            return
        for number in range(self._kept, 0, -1):
            before = self._numbered(number - 1)
            if before.exists():
                before.replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}") if number else self._path
