"""Words of messages about files and tables."""

from __future__ import annotations

__all__ = ["count", "shorten"]

_MAX_SHOWN = 80


def shorten(text: str) -> str:
    """Return what a requester typed, quoted, escaped and at most 80 characters long."""
    kept = text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."
    return repr(kept)


def count(n: int, noun: str) -> str:
    """Return a number with its noun, such as "1 row" or "2 rows"."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
