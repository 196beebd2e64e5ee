"""What a ListTask asks for: two layouts of one message on one path, told apart by the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from google.protobuf.message import DecodeError

from serve_api.paddledtx.faults import Code, Fault
from serve_api.paddledtx.signing import PUBLIC_BYTES
from serve_api.paddledtx.wire.task_pb2 import ListTaskRequest, SeedListTaskRequest

__all__ = ["Dialect", "Listing", "layout_of", "listing_of", "read_listing"]

Dialect = Literal["auto", "master", "seed"]

_LEAST_TIME: Final = 10**15
"""Nanoseconds from which a number is a time, not a limit."""

_LEAST_NEGATIVE: Final = 1 << 63
"""Numbers from which on an int64 is below 0 on the wire."""

_VARINT: Final = 0
_FIXED64: Final = 1
_LENGTH: Final = 2
_FIXED32: Final = 5
_LONGEST_VARINT: Final = 10


@dataclass(frozen=True)
class Listing:
    """Which tasks to list; times are nanoseconds.

    Attributes
    ----------
    keys
        Whose tasks: keys that are requester or executor in any task to be listed; empty lists none.
    requester, executor
        Keys that must be requester, and among the executors; b"" is anybody.
    status
        Of the tasks; "" is any.
    start, end
        Bounds of their publication, both in; an end up to 0 is none.
    limit
        How many at most; up to 0 is all.
    """

    keys: tuple[bytes, ...]
    requester: bytes = b""
    executor: bytes = b""
    status: str = ""
    start: int = 0
    end: int = 0
    limit: int = 0


def read_listing(data: bytes, dialect: Dialect) -> Listing:
    """Return what a ListTask message asks for; raises ``Fault`` where it is none."""
    layout = layout_of(data) if dialect == "auto" else dialect
    try:
        if layout == "master":
            return listing_of(ListTaskRequest.FromString(data))
        old = SeedListTaskRequest.FromString(data)
    except DecodeError:
        raise Fault(Code.PARAMETER, "bad param:the message is no ListTaskRequest") from None
    keys = (old.pubKey,) if old.pubKey else ()
    return Listing(keys, b"", b"", old.status, old.timeStart, old.timeEnd, old.limit)


def listing_of(new: ListTaskRequest) -> Listing:
    """Return what a message in master's layout asks for."""
    keys = tuple(key for key in (new.pubKey, new.ePubKey) if key)
    roles = (new.pubKey, new.ePubKey) if len(keys) == 2 else (b"", b"")
    return Listing(keys, *roles, new.status, new.timeStart, new.timeEnd, new.limit)


def layout_of(data: bytes) -> Literal["master", "seed"]:
    """Return the layout of a ListTask message; raises ``Fault`` where it is cut off or no message."""
    fields = _fields(data)
    if 6 in fields or _kind(fields, 3) == _LENGTH:
        return "master"
    if _kind(fields, 3) == _VARINT:
        return "seed"
    if 2 in fields:
        return "master" if fields[2] == (_LENGTH, PUBLIC_BYTES) else "seed"
    if _kind(fields, 5) == _VARINT:
        return "master" if _LEAST_TIME <= fields[5][1] < _LEAST_NEGATIVE else "seed"
    return "seed"


def _kind(fields: dict[int, tuple[int, int]], number: int) -> int | None:
    return fields[number][0] if number in fields else None


def _fields(data: bytes) -> dict[int, tuple[int, int]]:
    """Return by number the wire type of each field and its value, or its length where it is bytes."""
    fields, place = {}, 0
    while place < len(data):
        tag, place = _varint(data, place)
        kind = tag & 7
        if kind in (_VARINT, _LENGTH):
            value, place = _varint(data, place)
            place += value if kind == _LENGTH else 0
        elif kind in (_FIXED64, _FIXED32):
            value, place = 0, place + (8 if kind == _FIXED64 else 4)
        else:
            raise _cut_off()
        fields[tag >> 3] = (kind, value)
    if place != len(data):
        raise _cut_off()
    return fields


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for count, byte in enumerate(data[place : place + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value, place + count + 1
    raise _cut_off()


def _cut_off() -> Fault:
    return Fault(Code.PARAMETER, "bad param:the message is cut off, or no ListTaskRequest")
