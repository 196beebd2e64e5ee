"""JSON as Go prints it: clients read it, and signatures are over a text that is made of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from fedray.export.go_text import go_text

__all__ = ["as_go", "canonical", "go_text", "shortest"]

_LEAST_G: Final = -4
_LARGE_G: Final = 6
"""Exponents from which and below which ``%g`` writes none."""


def as_go(message: Message) -> dict[str, Any]:
    """Return a message as Go's JSON has it: its own names, no zeros, bytes in base64, enums as numbers."""
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            found[field.name] = {str(key): value[key] for key in sorted(value)}
        elif field.is_repeated:
            found[field.name] = [_value(field, one) for one in value]
        else:
            found[field.name] = _value(field, value)
    return found


def _value(field: FieldDescriptor, value: Any) -> Any:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        return as_go(value)
    return base64.b64encode(value).decode() if field.type == FieldDescriptor.TYPE_BYTES else value


def canonical(fields: Mapping[str, Any]) -> str:
    """Return the text that is signed for an object: its fields by name, without ``signature`` and nulls."""
    parts = [f"{name}={_signed(fields[name])}" for name in sorted(fields) if _is_signed(name, fields[name])]
    return "&".join(parts).rstrip("&")


def _is_signed(name: str, value: object) -> bool:
    return name != "signature" and value is not None


def _signed(value: object) -> str:
    return value if isinstance(value, str) else go_text(_sorted(value))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def shortest(value: float) -> str:
    """Return a finite double as Go's shortest ``%g`` does: an exponent, of two digits, below 1e-4 and from 1e6 on."""
    exact = Decimal(repr(value))
    if value == 0 or _LEAST_G <= exact.adjusted() < _LARGE_G:
        return format(exact, "f").removesuffix(".0")
    digits = "".join(map(str, exact.normalize().as_tuple().digits))
    mantissa = f"{digits[0]}.{digits[1:]}" if digits[1:] else digits
    return f"{'-' if value < 0 else ''}{mantissa}e{exact.adjusted():+03d}"
