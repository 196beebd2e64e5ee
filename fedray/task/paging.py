"""Whether what a query asks for is a page, and a word that it may name."""

from __future__ import annotations

from collections.abc import Sequence

from fedray.errors import SpecError
from fedray.task.text import show

__all__ = ["MAX_PAGE", "check_page", "one_of"]

MAX_PAGE = 1000
"""Most entries of a page."""

_MAX_START = 2**53


def check_page(limit: int, start: int, name: str = "offset") -> None:
    """See that a page's size and start can be; `name` is the start's.

    Raises
    ------
    SpecError
        They cannot.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise SpecError(f"limit: expected an integer from 1 to {MAX_PAGE}, got {show(limit)}")
    if not 0 <= start <= _MAX_START:
        raise SpecError(f"{name}: expected an integer from 0 to {_MAX_START}, got {show(start)}")


def one_of(name: str, value: str, words: Sequence[str]) -> str:
    """Return the value of a parameter that is one of these words.

    Raises
    ------
    SpecError
        It is none of them.
    """
    if value not in words:
        raise SpecError(f"{name}: expected one of {', '.join(words)}, got {show(value)}")
    return value
