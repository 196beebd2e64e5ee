"""What a party keeps for itself as one JSON document: written as a whole, sealed with the party's key."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fedray.data.sealed_folder import SealedFolder
from fedray.errors import DataError

__all__ = ["load_document", "save_document"]

FORMAT = 2


def save_document(folder: SealedFolder, file: str, facts: Mapping[str, object]) -> None:
    """Write a document, with its format.

    Parameters
    ----------
    file
        Its name in the folder.
    facts
        JSON values.

    Raises
    ------
    DataError
        The file cannot be written, or the party's key not be used.
    """
    data = json.dumps({"format": FORMAT, **facts}, indent=2, sort_keys=True).encode()
    try:
        folder.write(file, data)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise DataError(f"{file} cannot be written ({reason}); check space and permissions")


def load_document(folder: SealedFolder, file: str) -> dict[str, Any]:
    """Return what `save_document` wrote.

    Raises
    ------
    DataError
        There is none, it is damaged, sealed with another key, or of another version.
    """
    try:
        facts = json.loads(folder.read(file))
    except FileNotFoundError:
        raise DataError(f"there is no {file}") from None
    except (OSError, ValueError):
        facts = None
    if not isinstance(facts, dict):
        raise DataError(f"{file} cannot be read; check its permissions, or run the task that wrote it again")
    if facts.get("format") != FORMAT:
        raise DataError(f"{file} is from another version of fedray; run the task that wrote it again")
    return facts
