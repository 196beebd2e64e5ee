"""A party's part of a model on disk, sealed with its key: its own shares and transforms, a manifest."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.sealed_folder import SealedFolder
from fedray.errors import DataError

__all__ = ["FORMAT", "MANIFEST", "SHARES", "load_model", "save_model"]

FORMAT = 3
SHARES = "shares.npz"
MANIFEST = "manifest.json"

_ONE_READER = threading.Lock()
"""NumPy reads the heads of arrays by Python's parser, which in 3.11 may fail where several threads parse at once."""


def save_model(folder: SealedFolder, manifest: Mapping[str, object], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a party's part of a model; the manifest comes last, so a folder that has one is complete.

    Beside what the caller says, the manifest tells the ``format``, the version of ``fedray`` and the ``digest`` of the
    shares that belong to it.

    Parameters
    ----------
    folder
        The party's own folder for this model; it exists.
    manifest
        Public facts and the party's own transforms, JSON values.
    arrays
        My summands, by name.

    Raises
    ------
    PartyKeyError
        The party's key cannot be used.
    OSError
        A file cannot be written.
    """
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    data = buffer.getvalue()
    facts = {"format": FORMAT, "fedray": _version(), "digest": hashlib.sha256(data).hexdigest(), **manifest}
    folder.write(SHARES, data)
    folder.write(MANIFEST, json.dumps(facts, indent=2, sort_keys=True).encode())


def load_model(folder: SealedFolder) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Return manifest and arrays of a party's part.

    Raises
    ------
    DataError
        No model is there, it is of another version, a file of it is damaged, or its shares are not those of the
        manifest but of another training.
    PartyKeyError
        It is sealed with another key, or the party's key cannot be used.
    """
    try:
        text = folder.read(MANIFEST)
        data = folder.read(SHARES)
    except OSError:
        raise DataError("the model's folder holds no complete model; train it again") from None
    facts = _manifest(text)
    if facts.get("digest") != hashlib.sha256(data).hexdigest():
        raise DataError(
            f"the model's shares do not belong to its manifest: {SHARES} is of another training; put the right file "
            "back or train the model again"
        )
    with _ONE_READER, np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return facts, {name: archive[name] for name in archive.files}


def _manifest(text: bytes) -> dict[str, Any]:
    try:
        facts = json.loads(text)
    except ValueError:
        facts = None
    if isinstance(facts, dict) and type(facts.get("format")) is int and facts["format"] != FORMAT:
        raise DataError(
            f"the model is of format {facts['format']}, from another version of fedray; this one reads format "
            f"{FORMAT}: train the model again, or use the version that wrote it"
        )
    if not isinstance(facts, dict):
        raise DataError(f"the model's manifest is none; put the right {MANIFEST} back or train the model again")
    return facts


def _version() -> str:
    try:
        return version("fedray")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
