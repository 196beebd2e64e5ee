"""Small files of a party's own, replaced as a whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["replace_file"]


def replace_file(path: Path, data: bytes) -> None:
    """Write a file that its owner alone may read, in one step: a reader finds the old one or the new one.

    Raises
    ------
    OSError
        It cannot be written.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:32]}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
