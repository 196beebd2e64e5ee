"""Files that their owner alone may read, and that nobody sees half written; folders of the same kind."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["make_folder", "replace_file"]


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner only; what is there stays as it is.

    Raises
    ------
    OSError
        It cannot be made.
    """
    # Parents that mkdir makes on its own would get the default mode, so each is made by itself.
    for folder in reversed(path.parents):
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)


def replace_file(path: Path, data: bytes | bytearray) -> None:
    """Write a file in one step: a reader finds the old one or the new one, also after a crash.

    Raises
    ------
    OSError
        It cannot be written.
    """
    temporary = path.with_suffix(path.suffix + ".new")
    temporary.unlink(missing_ok=True)  # what a crash left there may not be for its owner alone
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
