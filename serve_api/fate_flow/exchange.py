"""Files on the server's own disk that a request may name: those in the folders that the operator has opened."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path

from serve_api.fate_flow.faults import REFUSED, FateError

__all__ = ["readable", "writable"]


def readable(folders: Sequence[Path], named: str, most_bytes: int) -> Path:
    """Return the file that a request names, to be read.

    Raises
    ------
    FateError
        It is in none of the folders, or no ordinary file, or too large.
    """
    path = _inside(folders, "file", named)
    try:
        found = path.stat()
    except OSError as error:
        raise FateError(REFUSED, f"file: there is none of this name on the server ({error.strerror})") from None
    if not stat.S_ISREG(found.st_mode):
        raise FateError(REFUSED, "file: expected an ordinary file")
    if found.st_size > most_bytes:
        raise FateError(REFUSED, f"file: expected at most {most_bytes} bytes, got {found.st_size}")
    return path


def writable(folders: Sequence[Path], named: str) -> Path:
    """Return the path that a request names, to be written.

    Raises
    ------
    FateError
        It is in none of the folders, or there is something that is no ordinary file.
    """
    path = _inside(folders, "output_path", named)
    if path.exists() and not path.is_file():
        raise FateError(REFUSED, "output_path: expected the name of a file, there is something else")
    return path


def _inside(folders: Sequence[Path], field: str, named: str) -> Path:
    """Resolve every link on the way, and see that the path is then still inside."""
    try:
        path = Path(named).resolve() if Path(named).is_absolute() else (folders[0] / named).resolve()
        inside = any(path != folder.resolve() and path.is_relative_to(folder.resolve()) for folder in folders)
    except (OSError, RuntimeError, ValueError):
        inside = False
    if not inside:
        raise FateError(
            REFUSED,
            f"{field}: expected a path on the server below {', '.join(map(str, folders))}, got another; the operator "
            "may open further folders with --fate-folder",
        )
    return path
