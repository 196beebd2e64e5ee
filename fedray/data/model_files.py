"""A party's part of a model on disk: its own shares and transforms, a manifest, never another party's part."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.private_file import replace_file
from fedray.errors import DataError

__all__ = ["FORMAT", "MANIFEST", "SHARES", "load_model", "save_model"]

FORMAT = 2
SHARES = "shares.npz"
MANIFEST = "manifest.json"


def save_model(folder: Path, manifest: Mapping[str, object], arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a party's part of a model; the manifest comes last, so a folder that has one is complete.

    Beside what the caller says, the manifest tells the ``format``, the version of ``fedray``, the ``digest`` of the
    file of shares, and a ``seal``, the digest of the manifest without it.

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
    facts = {"format": FORMAT, "fedray": _version(), "digest": hashlib.sha256(data).hexdigest(), **manifest}
    replace_file(folder / SHARES, data)
    replace_file(folder / MANIFEST, json.dumps({**facts, "seal": _seal(facts)}, indent=2, sort_keys=True).encode())


def load_model(folder: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Return manifest and arrays of a party's part.

    Raises
    ------
    DataError
        No model is there, it is of another version, its manifest is damaged, or its shares are not those of the
        manifest: damaged, or of another training.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        data = (folder / SHARES).read_bytes()
    except OSError:
        raise DataError("the model's folder holds no complete model; train it again") from None
    facts = _manifest(text)
    if facts.get("digest") != hashlib.sha256(data).hexdigest():
        raise DataError(
            f"the model's shares do not belong to its manifest: {SHARES} is damaged or of another training; put the "
            "right file back or train the model again"
        )
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
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
    if not isinstance(facts, dict) or facts.pop("seal", None) != _seal(facts):
        raise DataError(f"the model's manifest is damaged; put the right {MANIFEST} back or train the model again")
    return facts


def _seal(facts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _version() -> str:
    try:
        return version("fedray")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
