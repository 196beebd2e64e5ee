"""The text of a task document becomes plain JSON values, bounded in size and depth.

Strict JSON is tried first. When that fails, the dialect of the documented examples is read: ``#`` comments
outside strings and trailing commas are blanked out, so that line and column numbers stay those of the sender.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import NoReturn

from fedray.errors import SpecError

__all__ = ["MAX_BYTES", "check_json", "load_json", "show"]

MAX_BYTES = 1 << 20
"""The largest body, in bytes."""
MAX_DEPTH = 16
MAX_VALUES = 100_000
_SHOWN = 80
# The end is optional and nothing is given back, so that text full of open strings takes linear time.
_STRING = r'"(?:[^"\\\n]|\\.)*+"?'
_COMMENT = re.compile(rf"({_STRING})|#[^\n]*")
_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])")


def show(value: object) -> str:
    """Return what a requester typed, as JSON of at most 80 characters that any client can print."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and abs(value) >= 10**_SHOWN:
        return f"an integer of {value.bit_length()} bits"
    if not isinstance(value, str | int | float | None):
        return f"a value of type {type(value).__name__}"
    text = json.dumps(value[: 2 * _SHOWN] if isinstance(value, str) else value, ensure_ascii=False)
    # A lone surrogate cannot be sent as UTF-8 and a control character may act on a terminal.
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return safe if len(safe) <= _SHOWN else safe[: _SHOWN - 3] + "..."


def load_json(text: str | bytes) -> object:
    """Return the values that a document's text holds.

    Parameters
    ----------
    text
        At most 1 MiB of JSON in UTF-8, or of the dialect with comments and trailing commas.

    Raises
    ------
    SpecError
        Not UTF-8, too large, no JSON (with line and column), a key given twice, NaN or Infinity.
    """
    body = _decode(text)
    try:
        return _loads(body)
    except json.JSONDecodeError:
        return _load_dialect(body)


def _load_dialect(body: str) -> object:
    plain = _COMMA.sub(_blank, _COMMENT.sub(_blank, body))
    try:
        return _loads(plain)
    except json.JSONDecodeError as exc:
        raise SpecError(
            f"the body: expected JSON, got something else at line {exc.lineno}, column {exc.colno} ({exc.msg})"
        ) from None


def check_json(value: object) -> None:
    """Refuse whatever JSON could not have carried, and what is too deep or too large.

    Raises
    ------
    SpecError
        A value that is no JSON, more than 16 levels, or more than 100,000 values.
    """
    level, depth, seen = [value], 0, 0
    while level:
        if depth > MAX_DEPTH:
            raise SpecError(f"the body: expected at most {MAX_DEPTH} levels of lists and objects, got more")
        below: list[object] = []
        for item in level:
            below.extend(_inside(item))
            seen += 1
            if seen + len(below) > MAX_VALUES:
                raise SpecError(f"the body: expected at most {MAX_VALUES} values, got more")
        level, depth = below, depth + 1


def _inside(item: object) -> Iterator[object]:
    if isinstance(item, dict):
        for key in item:
            if not isinstance(key, str):
                raise SpecError(f"the body: expected names of fields to be text, got {show(key)}")
        yield from item.values()
    elif isinstance(item, list | tuple):
        yield from item
    elif isinstance(item, float) and not math.isfinite(item):
        raise SpecError("the body: expected finite numbers, got NaN, Infinity or a number too large")
    elif not isinstance(item, str | int | float | None):
        raise SpecError(f"the body: expected JSON values only, got {show(item)}")


def _decode(text: str | bytes) -> str:
    size = len(text)
    if size > MAX_BYTES:
        raise SpecError(f"the body: expected at most {MAX_BYTES} bytes, got {size}")
    if isinstance(text, str):
        return text.removeprefix("\ufeff")
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise SpecError(f"the body: expected UTF-8 text, got another byte at position {exc.start}") from None


def _loads(body: str) -> object:
    try:
        value: object = json.loads(body, object_pairs_hook=_no_doubles, parse_constant=_no_constant)
    except json.JSONDecodeError:
        raise
    except RecursionError:
        raise SpecError(f"the body: expected at most {MAX_DEPTH} levels of lists and objects, got more") from None
    except ValueError:
        raise SpecError("the body: expected integers of at most 4300 digits, got a longer one") from None
    return value


def _no_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise SpecError(f"the body: expected each field once, got {show(key)} twice in one object")
        found[key] = value
    return found


def _no_constant(word: str) -> NoReturn:
    raise SpecError(f"the body: expected finite numbers, got {word}")


def _blank(match: re.Match[str]) -> str:
    return match[1] or " " * len(match[0])
