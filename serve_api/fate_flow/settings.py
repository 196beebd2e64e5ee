"""How the FATE-Flow API is set, by the operator."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

__all__ = ["EXCHANGE", "FateSettings"]

EXCHANGE: Final = "exchange"
"""Folder below the data root that server-side uploads and downloads may use when no other is named."""


@dataclass(frozen=True)
class FateSettings:
    """The settings of the API.

    Attributes
    ----------
    root
        The server's data root, in which all parties of FATE's jobs have their tables.
    address
        HOST:PORT of this server, as jobs say it.
    folders
        Folders of the server's disk from which a request may upload a file, and into which it may download a table.
    most_bytes
        Of one uploaded table or model.
    """

    root: Path = field(default_factory=Path)
    address: str = "127.0.0.1:9380"
    folders: tuple[Path, ...] = ()
    most_bytes: int = 4 << 30

    @property
    def exchange(self) -> tuple[Path, ...]:
        """The folders that requests may name."""
        return self.folders or (self.root / EXCHANGE,)
