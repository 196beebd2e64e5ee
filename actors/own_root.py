"""A party's data root as its own node has it."""

from __future__ import annotations

import os
from pathlib import Path

from fedray.data.party_key import KeySetting
from fedray.data.root import DataRoot

__all__ = ["own_root"]


def own_root(path: str) -> DataRoot:
    """Return the data root; the environment of this node may say where the party's key is."""
    return DataRoot(Path(path), KeySetting.from_environment(os.environ))
