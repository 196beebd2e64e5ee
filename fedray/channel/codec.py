"""The wire form of what parties say: arrays of a few types, bounded, with nothing executable in it.

A frame::

    u32 length of the rest | u16 length of the form | u8 label length | u8 number of arrays
    form:  label (ASCII) | for each array: u8 type, u8 dimensions, u64 per dimension | padding to 8
    for each array:  data, padded to 8

Little-endian. An envelope is a run of frames. Whatever does not fit exactly is refused with RemoteProtocolError.

The form stands before all data because a protocol says frames of the same form over and over: it is worked out once.
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

_HEAD = struct.Struct("<IHBB")
_ARRAY = struct.Struct("<BB")
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


class _Place(NamedTuple):
    """Where one array's data lies, from the end of its frame's form."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    elements: int
    at: int
    size: int
    padding: int


class _Form(NamedTuple):
    """What a frame says of itself before its data."""

    label: str
    places: tuple[_Place, ...]
    data_bytes: int


def pieces(frame: Frame) -> list[Blob]:
    """Return the bytes of a frame, a large one in pieces with views of its arrays: nobody may write to them meanwhile.

    Raises
    ------
    LocalProtocolError
        The frame breaks the bounds above: a bug of the caller.
    """
    size, start, paddings = _layout(frame.label, tuple([(array.dtype, array.shape) for array in frame.arrays]))
    small = size <= SMALL_FRAME
    parts: list[Blob] = [start]
    for array, padding in zip(frame.arrays, paddings, strict=True):
        parts.append(_data(array, small))
        if padding:
            parts.append(bytes(padding))
    return [b"".join(parts)] if small else parts


@lru_cache(maxsize=1 << 12)
def _layout(label: str, kinds: tuple[tuple[np.dtype[Any], tuple[int, ...]], ...]) -> tuple[int, bytes, tuple[int, ...]]:
    """Return the size of a frame of such arrays, its bytes before their data, and the padding after each."""
    title = label.encode("ascii", errors="replace")
    if len(title) > MAX_LABEL or len(kinds) > MAX_ARRAYS:
        raise LocalProtocolError(f"frame {label[:40]!r} has a label or a number of arrays over the bounds")
    if not (label.isascii() and label.isprintable()):
        raise LocalProtocolError("a frame's label must be printable ASCII")
    form, paddings, data_bytes = title, [], 0
    for dtype, shape in kinds:
        code = _CODES.get(dtype.newbyteorder("<"))
        if code is None or len(shape) > MAX_DIMENSIONS:
            raise LocalProtocolError(f"frame {label!r}: an array of {dtype} with {len(shape)} dimensions cannot travel")
        form += _ARRAY.pack(code, len(shape)) + _SHAPES[len(shape)].pack(*shape)
        data = prod(shape) * _SIZES[code]
        paddings.append(-data % 8)
        data_bytes += data + paddings[-1]
    form += bytes(-len(form) % 8)
    size = _HEAD.size + len(form) + data_bytes
    if size > MAX_FRAME:
        raise LocalProtocolError(f"frame {label!r} has {size} bytes; the most is {MAX_FRAME}: send it in parts")
    return size, _HEAD.pack(size - 4, len(form), len(title), len(kinds)) + form, tuple(paddings)


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
    at, end = 0, len(view)
    while at < end:
        frame, at = _decode_frame(view, at, end)
        frames.append(frame)
    return frames


def _decode_frame(view: memoryview, at: int, end: int) -> tuple[Frame, int]:
    if end - at < _HEAD.size:
        raise RemoteProtocolError("a frame ends within its head")
    rest, form_size, label_size, count = _HEAD.unpack_from(view, at)
    start, stop = at + _HEAD.size + form_size, at + 4 + rest
    if stop > end or start > stop:
        raise RemoteProtocolError("a frame is longer than its envelope, or its form than the frame")
    form = _form(bytes(view[at + _HEAD.size : start]), label_size, count)
    if start + form.data_bytes != stop:
        raise RemoteProtocolError("a frame's arrays do not end where the frame ends")
    return Frame(form.label, tuple([_array(view, start, place) for place in form.places])), stop


def _array(view: memoryview, start: int, place: _Place) -> Array:
    at = start + place.at
    if place.padding and any(view[at + place.size : at + place.size + place.padding]):
        raise RemoteProtocolError("an array's padding is not zero")
    if place.elements == 0:
        return _empty(place.dtype, place.shape)
    array = np.frombuffer(view, place.dtype, place.elements, at)
    return array if len(place.shape) == 1 else array.reshape(place.shape)


@lru_cache(maxsize=1 << 10)
def _form(form: bytes, label_size: int, count: int) -> _Form:
    if label_size > min(MAX_LABEL, len(form)):
        raise RemoteProtocolError("a frame's label is longer than its form, or than any may be")
    label, at, data_bytes = _label(form[:label_size]), label_size, 0
    places: list[_Place] = []
    for _ in range(count):
        place, at = _place(form, at, data_bytes)
        places.append(place)
        data_bytes += place.size + place.padding
    if at + -at % 8 != len(form) or any(form[at:]):
        raise RemoteProtocolError("a frame's form has bytes after its last array")
    return _Form(label, tuple(places), data_bytes)


def _place(form: bytes, at: int, data_at: int) -> tuple[_Place, int]:
    if len(form) - at < _ARRAY.size:
        raise RemoteProtocolError("a frame's form ends within an array")
    code, dimensions = _ARRAY.unpack_from(form, at)
    at += _ARRAY.size
    if code >= len(TYPES) or dimensions > MAX_DIMENSIONS or len(form) - at < 8 * dimensions:
        raise RemoteProtocolError("an array has an unknown type or too many dimensions")
    shape: tuple[int, ...] = _SHAPES[dimensions].unpack_from(form, at)
    count = prod(shape)  # Python integers: no overflow to slip through
    size = count * _SIZES[code]
    return _Place(TYPES[code], shape, count, data_at, size, -size % 8), at + 8 * dimensions


def _label(raw: bytes) -> str:
    try:
        label = raw.decode("ascii")
    except UnicodeDecodeError:
        raise RemoteProtocolError("a frame's label is not ASCII") from None
    if not label.isprintable():
        raise RemoteProtocolError("a frame's label has control characters")
    return label


def _empty(dtype: np.dtype[Any], shape: Sequence[int]) -> Array:
    try:
        array = np.empty(shape, dtype)
    except ValueError:  # no elements, but a length beyond NumPy's
        raise RemoteProtocolError("an array has a length that no array can have") from None
    array.flags.writeable = False
    return array
