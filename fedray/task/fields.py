"""The kinds of fields that a task document has: each states in words what it expects.

pydantic calls these before its own conversion; nothing is converted silently, so ``"64"`` and ``true`` are no
numbers, and an error always carries the whole expectation, not the one bound that failed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from sys import float_info

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

__all__ = [
    "EXPECTED",
    "address",
    "choice",
    "class_weights",
    "column",
    "column_name",
    "constant",
    "flag",
    "interval",
    "named_numbers",
    "nothing",
    "number",
    "optional",
    "optional_choice",
    "optional_path",
    "optional_title",
    "optional_within",
    "pattern",
    "relative_path",
    "title",
    "whole",
    "within",
]

EXPECTED = "expected"
"""The type of every error raised here; its context holds ``wanted``."""


def _field(wanted: str, fits: Callable[[object], bool]) -> BeforeValidator:
    def check(value: object) -> object:
        if fits(value):
            return value
        raise PydanticCustomError(EXPECTED, "{wanted}", {"wanted": wanted})

    return BeforeValidator(check)


def whole(low: int, high: int) -> BeforeValidator:
    """Return the check for an integer from ``low`` to ``high``; ``true`` is no integer."""
    return _field(
        f"an integer from {low} to {high}",
        lambda value: type(value) is int and low <= value <= high,
    )


def optional(low: int, high: int) -> BeforeValidator:
    """Return the check for null or an integer from ``low`` to ``high``."""
    return _field(
        f"null or an integer from {low} to {high}",
        lambda value: value is None or (type(value) is int and low <= value <= high),
    )


def number(above: float, high: float) -> BeforeValidator:
    """Return the check for a finite number greater than ``above`` and at most ``high``."""
    return _field(
        f"a number greater than {above:g} and at most {high:g}",
        lambda value: type(value) in (int, float) and _within(value, above, high),
    )


def within(low: float, high: float) -> BeforeValidator:
    """Return the check for a finite number from ``low`` to ``high``."""
    return _field(
        f"a number from {low:g} to {high:g}",
        lambda value: type(value) in (int, float) and (value == low or _within(value, low, high)),
    )


def optional_within(low: float, high: float) -> BeforeValidator:
    """Return the check for null or a finite number from ``low`` to ``high``."""
    return _field(
        f"null or a number from {low:g} to {high:g}",
        lambda value: value is None or (type(value) in (int, float) and (value == low or _within(value, low, high))),
    )


def optional_number(above: float, high: float) -> BeforeValidator:
    """Return the check for null or a finite number greater than ``above`` and at most ``high``."""
    return _field(
        f"null or a number greater than {above:g} and at most {high:g}",
        lambda value: value is None or (type(value) in (int, float) and _within(value, above, high)),
    )


def nothing(why: str) -> BeforeValidator:
    """Return the check for null, for a field that only documents of others have; the reason is told."""
    return _field(f"null ({why})", lambda value: value is None)


def class_weights(low: float, high: float) -> BeforeValidator:
    """Return the check for null, ``balanced``, or an object with a number from ``low`` to ``high`` for "0" and "1"."""

    def fits(value: object) -> bool:
        if not isinstance(value, dict):
            return value is None or value == "balanced"
        numbers = [type(number) in (int, float) and low <= number <= high for number in value.values()]
        return set(value) == {"0", "1"} and all(numbers)

    return _field(f'null, balanced, or an object with a number from {low:g} to {high:g} for each of "0" and "1"', fits)


def flag() -> BeforeValidator:
    """Return the check for true or false."""
    return _field("true or false", lambda value: type(value) is bool)


def choice(*words: str) -> BeforeValidator:
    """Return the check for one of some words."""
    return _field(f"one of {', '.join(words)}", lambda value: isinstance(value, str) and value in words)


def optional_choice(*words: str) -> BeforeValidator:
    """Return the check for null or one of some words."""
    return _field(
        f"null or one of {', '.join(words)}",
        lambda value: value is None or (isinstance(value, str) and value in words),
    )


def title() -> BeforeValidator:
    """Return the check for a task's name: printable, so that it fits in a log line and in a path."""
    return _field(
        "a name of 1 to 128 printable characters without / and \\, not . or .., no blank at either end",
        _is_title,
    )


def optional_title() -> BeforeValidator:
    """Return the check for null or a task's name."""
    return _field(
        "null or a name of 1 to 128 printable characters without / and \\, not . or .., no blank at either end",
        lambda value: value is None or _is_title(value),
    )


def optional_word() -> BeforeValidator:
    """Return the check for null or a short text."""
    return _field(
        "null or a text of 1 to 128 printable characters",
        lambda value: value is None or (isinstance(value, str) and 0 < len(value) <= 128 and _printable(value)),
    )


def address() -> BeforeValidator:
    """Return the check for a host name or an IP address."""
    return _field(
        "a host name or IP address of 1 to 253 printable characters without blanks",
        lambda value: isinstance(value, str) and 0 < len(value) <= 253 and _printable(value) and " " not in value,
    )


def pattern() -> BeforeValidator:
    """Return the check for a name in which ``*`` stands for any text."""
    return _field(
        "a name of 1 to 256 printable characters, in which * stands for any text",
        lambda value: isinstance(value, str) and 0 < len(value) <= 256 and _printable(value),
    )


def column() -> BeforeValidator:
    """Return the check for a column: its name, or its position from 0."""
    return _field(
        "the name of a column (1 to 256 printable characters) or its position from 0 to 99999",
        _is_column,
    )


def column_name() -> BeforeValidator:
    """Return the check for the name of a column."""
    return _field(
        "the name of a column, 1 to 256 printable characters",
        lambda value: isinstance(value, str) and _is_column(value),
    )


def constant() -> BeforeValidator:
    """Return the check for null, a finite number, or a word for a cell."""
    return _field(
        "null, a finite number, or a word of 1 to 256 printable characters",
        lambda value: (
            value is None
            or (isinstance(value, str) and _is_column(value))
            or (type(value) in (int, float) and _within(value, -math.inf, float_info.max))
        ),
    )


def interval() -> BeforeValidator:
    """Return the check for two finite numbers, the smaller one first."""

    def fits(value: object) -> bool:
        if not isinstance(value, list | tuple) or len(value) != 2:
            return False
        return all(type(end) in (int, float) and abs(end) <= 1e6 for end in value) and value[0] < value[1]

    return _field("two numbers from -1e+06 to 1e+06, the smaller one first", fits)


def named_numbers(most: int) -> BeforeValidator:
    """Return the check for an object of 1 to ``most`` finite numbers, each under the name of a column."""

    def fits(value: object) -> bool:
        if not isinstance(value, dict) or not 0 < len(value) <= most:
            return False
        numbers = [type(one) in (int, float) and _within(one, -math.inf, float_info.max) for one in value.values()]
        return all(isinstance(name, str) and _is_column(name) for name in value) and all(numbers)

    return _field(f"an object of 1 to {most} finite numbers, each under the name of a column", fits)


def relative_path() -> BeforeValidator:
    """Return the check for a path below a party's own root."""
    return _field(
        "a relative path of 1 to 1024 printable characters with /, without .. and \\",
        _is_relative_path,
    )


def optional_path() -> BeforeValidator:
    """Return the check for null or a path below a party's own root."""
    return _field(
        "null or a relative path of 1 to 1024 printable characters with /, without .. and \\",
        lambda value: value is None or _is_relative_path(value),
    )


def _is_title(value: object) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= 128
        and _printable(value)
        and value.strip() == value
        and value not in (".", "..")
        and not set(value) & set("/\\")
    )


def _is_column(value: object) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= 256 and _printable(value)
    return type(value) is int and 0 <= value < 100_000


def _is_relative_path(value: object) -> bool:
    if not isinstance(value, str) or not 0 < len(value) <= 1024 or not _printable(value):
        return False
    parts = [part for part in value.split("/") if part not in ("", ".")]
    return bool(parts) and ".." not in parts and not value.startswith("/") and "\\" not in value


def _printable(value: str) -> bool:
    # False for control characters, NUL, line ends and lone surrogates, none of which a file or a database takes.
    return value.isprintable()


def _within(value: object, above: float, high: float) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    return isinstance(value, int | float) and above < value <= high
