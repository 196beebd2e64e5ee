"""What a party keeps for itself as one JSON document: written as a whole, readable by its owner only, sealed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedray.data.private_file import replace_file
from fedray.errors import DataError

__all__ = ["load_document", "save_document"]

FORMAT = 1


def save_document(path: Path, facts: Mapping[str, object]) -> None:
    """Write a document, with its format and a seal over it.

    Parameters
    ----------
    path
        In an existing folder of the party's own.
    facts
        JSON values.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    whole = json.loads(json.dumps({"format": FORMAT, **facts}))  # lists for tuples, as it is read back
    data = json.dumps({**whole, "seal": _seal(whole)}, indent=2, sort_keys=True).encode()
    try:
        replace_file(path, data)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise DataError(f"{path.name} cannot be written ({reason}); check space and permissions")


def load_document(path: Path) -> dict[str, Any]:
    """Return what `save_document` wrote.

    Raises
    ------
    DataError
        There is none, it is damaged, or it is of another version.
    """
    try:
        facts = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"there is no {path.name}") from None
    except (OSError, ValueError):
        facts = None
    if not isinstance(facts, dict) or facts.pop("seal", None) != _seal(facts):
        raise DataError(f"{path.name} is damaged; run the task that wrote it again")
    if facts.get("format") != FORMAT:
        raise DataError(f"{path.name} is from another version of fedray; run the task that wrote it again")
    return facts


def _seal(facts: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
