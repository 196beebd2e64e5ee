"""The wire form of what parties say: arrays of a few types, bounded, with nothing executable in it.

A frame::

    u32 length of the rest | u8 label length | label (ASCII) | u8 number of arrays | padding to 8
    for each array:  u8 type | u8 dimensions | padding to 8 | u64 per dimension | data, padded to 8

Little-endian. An envelope is a run of frames. Whatever does not fit exactly is refused with RemoteProtocolError.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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

_HEAD = struct.Struct("<IBB")
_ARRAY = struct.Struct("<BB6x")
_CODES = {dtype: code for code, dtype in enumerate(TYPES)}
_SIZES = tuple(dtype.itemsize for dtype in TYPES)
_SHAPES = tuple(struct.Struct(f"<{dimensions}Q") for dimensions in range(MAX_DIMENSIONS + 1))


@dataclass(frozen=True)
class Frame:
    """One thing said: a label and its arrays."""

    label: str
    arrays: tuple[Array, ...]


def encode(frame: Frame) -> bytes:
    """Return the bytes of a frame; raises as `pieces`."""
    return b"".join(pieces(frame))


def pieces(frame: Frame) -> list[bytes | memoryview]:
    """Return the bytes of a frame, a large one in pieces with views of its arrays: nobody may write to them meanwhile.

    Raises
    ------
    LocalProtocolError
        The frame breaks the bounds above: a bug of the caller.
    """
    label = frame.label.encode("ascii", errors="replace")
    if len(label) > MAX_LABEL or len(frame.arrays) > MAX_ARRAYS:
        raise LocalProtocolError(f"frame {frame.label[:40]!r} has a label or a number of arrays over the bounds")
    if not (frame.label.isascii() and frame.label.isprintable()):
        raise LocalProtocolError("a frame's label must be printable ASCII")
    parts: list[bytes | memoryview] = [label, b"\0" * (-(_HEAD.size + len(label)) % 8)]
    for array in frame.arrays:
        parts.extend(_encode_array(array, frame.label))
    size = sum(map(len, parts)) + 2
    if size > MAX_FRAME:
        raise LocalProtocolError(f"frame {frame.label!r} has {size} bytes; the most is {MAX_FRAME}: send it in parts")
    parts.insert(0, _HEAD.pack(size, len(label), len(frame.arrays)))
    return parts if size > SMALL_FRAME else [b"".join(parts)]


def _encode_array(array: Array, label: str) -> Iterator[bytes | memoryview]:
    code = _CODES.get(array.dtype.newbyteorder("<"))
    if code is None or array.ndim > MAX_DIMENSIONS:
        raise LocalProtocolError(
            f"frame {label!r}: an array of {array.dtype} with {array.ndim} dimensions cannot travel"
        )
    yield _ARRAY.pack(code, array.ndim) + _SHAPES[array.ndim].pack(*array.shape)
    data = np.ascontiguousarray(array, dtype=TYPES[code]).reshape(-1).view(np.uint8).data
    yield data
    if len(data) % 8:
        yield b"\0" * (-len(data) % 8)


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
    size = _SIZES[code]
    for length in shape:  # Python integers: no overflow to slip through
        size *= length
    padded = size + -size % 8
    if padded > end - at:
        raise RemoteProtocolError("an array is longer than its frame")
    if padded > size and any(view[at + size : at + padded]):
        raise RemoteProtocolError("an array's padding is not zero")
    try:
        array = np.frombuffer(view[at : at + size], dtype=TYPES[code]).reshape(shape)
    except ValueError:  # no elements, but a length beyond NumPy's
        raise RemoteProtocolError("an array has a length that no array can have") from None
    return array, at + padded
