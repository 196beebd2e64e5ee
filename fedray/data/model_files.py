"""A party's part of a model on disk: its own shares and transforms, a manifest, never another party's part."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.errors import DataError

FORMAT = 1
SHARES = "shares.npz"
MANIFEST = "manifest.json"


def save_model(folder: Path, manifest: Mapping[str, object], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a party's part of a model; the manifest comes last, so a folder that has one is complete.

    Parameters
    ----------
    folder
        The party's own folder for this model; it exists.
    manifest
        Public facts and the party's own transforms, JSON values.
    arrays
        My summands, by name.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    data = buffer.getvalue()
    facts = {"format": FORMAT, "digest": hashlib.sha256(data).hexdigest(), **manifest}
    _replace(folder / SHARES, data)
    _replace(folder / MANIFEST, json.dumps(facts, indent=2, sort_keys=True).encode())


def load_model(folder: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Return manifest and arrays of a party's part.

    Raises
    ------
    DataError
        No model is there, it is of another format, or its shares are not those of the manifest.
    """
    try:
        facts = json.loads((folder / MANIFEST).read_bytes())
        data = (folder / SHARES).read_bytes()
    except (OSError, ValueError):
        raise DataError("the model's folder holds no complete model; train it again") from None
    if not isinstance(facts, dict):
        raise DataError("the model's manifest is damaged; train the model again")
    if facts.get("format") != FORMAT or facts.get("digest") != hashlib.sha256(data).hexdigest():
        raise DataError("the model's shares do not belong to its manifest, or are of another version of fedray")
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return facts, {name: archive[name] for name in archive.files}


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_suffix(path.suffix + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
