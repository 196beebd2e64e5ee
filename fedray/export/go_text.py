"""JSON as Go's encoding/json prints it, for texts that are compared byte by byte."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Final

__all__ = ["go_text"]

_LEAST_PLAIN: Final = 1e-6
_LEAST_LARGE: Final = 1e21
_ESCAPES: Final = str.maketrans(
    {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def go_text(value: object) -> str:
    """Return compact JSON text, names in the order that they have.

    Raises
    ------
    ValueError
        A number is not finite, which JSON has no word for.
    """
    if isinstance(value, dict):
        return "{" + ",".join(f"{go_text(name)}:{go_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(go_text(item) for item in value) + "]"
    if isinstance(value, float):
        return _go_float(value)
    return json.dumps(value, ensure_ascii=False).translate(_ESCAPES)


def _go_float(value: float) -> str:
    """Return a double as it is printed: plain from 1e-6 to 1e21, else with the shortest exponent."""
    if not math.isfinite(value):
        raise ValueError("expected a finite number")
    if value == 0 or _LEAST_PLAIN <= abs(value) < _LEAST_LARGE:
        plain = format(Decimal(repr(value)), "f")
        return plain.removesuffix(".0")
    digits, _, exponent = repr(value).partition("e")
    return f"{digits}e{exponent[0]}{exponent[1:].lstrip('0')}"
