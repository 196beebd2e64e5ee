"""Files that their owner alone may read, and that nobody sees half written."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["replace_file"]


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
