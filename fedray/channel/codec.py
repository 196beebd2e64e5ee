"""The wire form of what parties say: arrays of a few types, bounded, with nothing executable in it.

A frame::

    u32 length of the rest | u8 label length | label (ASCII) | u8 number of arrays | padding to 8
    for each array:  u8 type | u8 dimensions | padding to 8 | u64 per dimension | data, padded to 8

Little-endian. An envelope is a run of frames. Whatever does not fit exactly is refused with RemoteProtocolError.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from fedray.errors import LocalProtocolError, RemoteProtocolError

Array = npt.NDArray[Any]

TYPES: tuple[np.dtype[Any], ...] = tuple(np.dtype(t) for t in ("<u1", "<u4", "<u8", "<i8", "<f8"))
MAX_DIMENSIONS = 8
MAX_ARRAYS = 255
MAX_LABEL = 100
MAX_FRAME = 1 << 31
SMALL_FRAME = 1 << 16
"""Frames up to this size are copied into one piece."""

Blob: TypeAlias = bytes | memoryview
"""Bytes that nobody writes to any more."""

LENGTH = struct.Struct("<I")
"""What stands before each envelope on a stream."""

_HEAD = struct.Struct("<IBB")
_ARRAY = struct.Struct("<BB6x")
_CODES = {dtype: code for code, dtype in enumerate(TYPES)}
_SIZES = tuple(dtype.itemsize for dtype in TYPES)
_SHAPES = tuple(struct.Struct(f"<{dimensions}Q") for dimensions in range(MAX_DIMENSIONS + 1))


class Frame(NamedTuple):
    """One thing said: a label and its arrays."""

    label: str
    arrays: tuple[Array, ...]


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame; raises as `pieces`."""
    return b"".join(pieces(frame))


def pieces(frame: Frame) -> list[Blob]:
    """Return the bytes of a frame, a large one in pieces with views of its arrays: nobody may write to them meanwhile.

    Raises
    ------
    LocalProtocolError
        The frame breaks the bounds above: a bug of the caller.
    """
    size, between = _layout(frame.label, tuple([(array.dtype, array.shape) for array in frame.arrays]))
    small = size <= SMALL_FRAME
    parts: list[Blob] = [between[0]]
    for array, after in zip(frame.arrays, between[1:], strict=True):
        parts.append(_data(array, small))
        parts.append(after)
    return [b"".join(parts)] if small else parts


@lru_cache(maxsize=1 << 12)
def _layout(label: str, kinds: tuple[tuple[np.dtype[Any], tuple[int, ...]], ...]) -> tuple[int, tuple[bytes, ...]]:
    """Return a frame's size, and its bytes before, between and after the data of arrays of these types and shapes.

    A protocol says frames of the same form over and over, so they are worked out once.
    """
    title = label.encode("ascii", errors="replace")
    if len(title) > MAX_LABEL or len(kinds) > MAX_ARRAYS:
        raise LocalProtocolError(f"frame {label[:40]!r} has a label or a number of arrays over the bounds")
    if not (label.isascii() and label.isprintable()):
        raise LocalProtocolError("a frame's label must be printable ASCII")
    between, size = [title + b"\0" * (-(_HEAD.size + len(title)) % 8)], 0
    for dtype, shape in kinds:
        code = _CODES.get(dtype.newbyteorder("<"))
        if code is None or len(shape) > MAX_DIMENSIONS:
            raise LocalProtocolError(f"frame {label!r}: an array of {dtype} with {len(shape)} dimensions cannot travel")
        data = prod(shape) * _SIZES[code]
        between[-1] += _ARRAY.pack(code, len(shape)) + _SHAPES[len(shape)].pack(*shape)
        between.append(b"\0" * (-data % 8))
        size += data
    size += _HEAD.size + sum(map(len, between))
    if size > MAX_FRAME:
        raise LocalProtocolError(f"frame {label!r} has {size} bytes; the most is {MAX_FRAME}: send it in parts")
    return size, (_HEAD.pack(size - 4, len(title), len(kinds)) + between[0], *between[1:])


def _data(array: Array, small: bool) -> Blob:
    """Return an array's bytes, little-endian; a large one's without copying them where they lie in order."""
    if array.dtype not in _CODES:
        array = array.astype(array.dtype.newbyteorder("<"))
    return array.tobytes() if small else np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def decode(data: bytes | memoryview) -> list[Frame]:
    """Return the frames of an envelope; arrays are read-only views of it.

    Raises
    ------
    RemoteProtocolError
        The bytes are no run of frames, to the last byte.
    """
    view = memoryview(data)
    frames: list[Frame] = []
    at = 0
    while at < len(view):
        frame, at = _decode_frame(view, at)
        frames.append(frame)
    return frames


def _decode_frame(view: memoryview, start: int) -> tuple[Frame, int]:
    if len(view) - start < _HEAD.size:
        raise RemoteProtocolError("a frame ends within its head")
    size, label_size, count = _HEAD.unpack_from(view, start)
    end = start + 4 + size
    at = start + _HEAD.size
    if end > len(view) or label_size > MAX_LABEL or at + label_size > end:
        raise RemoteProtocolError("a frame is longer than its envelope, or its label than the frame")
    label = _label(bytes(view[at : at + label_size]))
    at += label_size
    at += -(at - start) % 8
    arrays: list[Array] = []
    for _ in range(count):
        array, at = _decode_array(view, at, end)
        arrays.append(array)
    if at != end:
        raise RemoteProtocolError("a frame has bytes after its last array")
    return Frame(label, tuple(arrays)), end


@lru_cache(maxsize=1 << 10)
def _label(raw: bytes) -> str:
    try:
        label = raw.decode("ascii")
    except UnicodeDecodeError:
        raise RemoteProtocolError("a frame's label is not ASCII") from None
    if not label.isprintable():
        raise RemoteProtocolError("a frame's label has control characters")
    return label


def _decode_array(view: memoryview, at: int, end: int) -> tuple[Array, int]:
    if end - at < _ARRAY.size:
        raise RemoteProtocolError("an array ends within its head")
    code, dimensions = _ARRAY.unpack_from(view, at)
    at += _ARRAY.size
    if code >= len(TYPES) or dimensions > MAX_DIMENSIONS or end - at < 8 * dimensions:
        raise RemoteProtocolError("an array has an unknown type or too many dimensions")
    shape: Sequence[int] = _SHAPES[dimensions].unpack_from(view, at)
    at += 8 * dimensions
    count = prod(shape)  # Python integers: no overflow to slip through
    size = count * _SIZES[code]
    padded = size + -size % 8
    if padded > end - at:
        raise RemoteProtocolError("an array is longer than its frame")
    if padded > size and any(view[at + size : at + padded]):
        raise RemoteProtocolError("an array's padding is not zero")
    if count == 0:
        return _empty(TYPES[code], shape), at
    array = np.frombuffer(view, TYPES[code], count, at)
    return array if dimensions == 1 else array.reshape(shape), at + padded


def _empty(dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
    try:
        array = np.empty(shape, dtype)
    except ValueError:  # no elements, but a length beyond NumPy's
        raise RemoteProtocolError("an array has a length that no array can have") from None
    array.flags.writeable = False
    return array
