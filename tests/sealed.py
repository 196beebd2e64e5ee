"""What parties keep sealed on their disks, read and written by tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fedray.data.party_key import KeySetting
from fedray.data.root import sealed_folder_at
from fedray.data.sealed_folder import SealedFolder

__all__ = ["folder_at", "read_document"]


def folder_at(path: Path) -> SealedFolder:
    """Return the sealed folder at a path below some party's state folder."""
    return sealed_folder_at(path, KeySetting())


def read_document(path: Path) -> Any:
    """Return the JSON document in a sealed file."""
    return json.loads(folder_at(path.parent).read(path.name))
