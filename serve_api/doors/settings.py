"""How a server's doors are set; needs no other package, so that commands start fast."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["DEFAULT_RATE", "DoorSettings", "state_files"]

DEFAULT_RATE: Final = 50.0
"""Requests a second for each caller, where others than this machine's own users may come."""


@dataclass(frozen=True)
class DoorSettings:
    """How a server's doors are set.

    Attributes
    ----------
    tokens
        The file of tokens; None is a server without.
    audit
        The audit log; None keeps none.
    required
        Whether a token is needed even if the file has none (any more).
    names
        Names by which the server is asked, beside localhost and addresses.
    rate
        Requests a second for each token, and for each address without one; 0 is no limit.
    """

    tokens: Path | None = None
    audit: Path | None = None
    required: bool = False
    names: tuple[str, ...] = ()
    rate: float = 0.0


def state_files(root: Path) -> tuple[Path, Path]:
    """Return where a server with this root has its tokens and its audit log."""
    return root / ".fedray" / "tokens.json", root / ".fedray" / "audit.jsonl"
