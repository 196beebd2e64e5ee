"""A folder of a party's own whose files are sealed with its key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fedray.data.private_file import replace_file
from fedray.data.sealing import PartyKey

__all__ = ["SealedFolder"]


@dataclass(frozen=True)
class SealedFolder:
    """A folder below a party's state folder.

    Attributes
    ----------
    path
        Where it is.
    place
        Its name below the state folder, to which its files are bound.
    key
        Gives the party's key, and makes one if it is told so and there is none; asked when a file is read or written.
    """

    path: Path
    place: str
    key: Callable[[bool], PartyKey]

    def write(self, file: str, content: bytes) -> None:
        """Write a file, as a whole or not at all, for its owner only.

        Raises
        ------
        PartyKeyError
            The party's key cannot be used.
        OSError
            The file cannot be written.
        """
        replace_file(self.path / file, self.key(True).seal(f"{self.place}/{file}", content))

    def read(self, file: str) -> bytes:
        """Return a file's content.

        Raises
        ------
        PartyKeyError
            The party's key cannot be used, or is another than that of the file.
        DataError
            The file is damaged, not sealed, or was put there from elsewhere.
        OSError
            It is not there or cannot be read.
        """
        sealed = (self.path / file).read_bytes()
        return self.key(False).open(f"{self.place}/{file}", sealed)

    def below(self, name: str) -> SealedFolder:
        """Return a folder in this one."""
        return SealedFolder(self.path / name, f"{self.place}/{name}", self.key)
