"""Frames on the wire: round trips, and what a hostile peer could send."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from fedray.channel import codec
from fedray.channel.codec import Frame
from fedray.errors import LocalProtocolError, RemoteProtocolError
from tests.wires import framed

labels = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=codec.MAX_LABEL)
arrays = st.sampled_from(codec.TYPES).flatmap(
    lambda dtype: st_np.arrays(dtype, st_np.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
)
frames = st.builds(Frame, labels, st.lists(arrays, max_size=4).map(tuple))

HEAD = struct.Struct("<IHBB")


def by_hand(shape: tuple[int, ...], code: int = 2, data: bytes = b"") -> bytes:
    """Return a frame labelled "x" with one array of a shape that need not fit its data."""
    array = struct.pack("<BB", code, len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
    return framed(b"x" + array, data, count=1)


def assert_same(one: Frame, other: Frame) -> None:
    assert one.label == other.label
    assert len(one.arrays) == len(other.arrays)
    for a, b in zip(one.arrays, other.arrays, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()


@given(st.lists(frames, max_size=4))
def test_round_trip(said: list[Frame]) -> None:
    data = b"".join(codec.encode(frame) for frame in said)
    assert len(data) % 8 == 0
    heard = codec.decode(data)
    assert len(heard) == len(said)
    for one, other in zip(said, heard, strict=True):
        assert_same(one, other)


@given(frames, st.data())
def test_whatever_is_cut_off_is_refused(frame: Frame, data: st.DataObject) -> None:
    whole = codec.encode(frame)
    end = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(RemoteProtocolError):
        codec.decode(whole[:end])


@given(frames, st.data())
def test_changed_bytes_are_refused_or_harmless(frame: Frame, data: st.DataObject) -> None:
    whole = bytearray(codec.encode(frame))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        heard = codec.decode(bytes(whole))
    except RemoteProtocolError:
        return
    assert sum(array.nbytes for one in heard for array in one.arrays) <= len(whole)


@settings(max_examples=400)
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=120).map(lambda b: framed(b, count=3))))
def test_any_bytes(data: bytes) -> None:
    try:
        heard = codec.decode(data)
    except RemoteProtocolError:
        return
    again = codec.decode(b"".join(codec.encode(frame) for frame in heard))
    for one, other in zip(heard, again, strict=True):
        assert_same(one, other)


HUGE = [
    (2**40,),
    (2**63,),
    (2**64 - 1, 2**64 - 1),
    (2**32, 2**32),
    (2**61, 8),
    (1,) * 7 + (2**50,),
    (2**63, 0),
    (0, 2**64 - 1),
    (2**62, 2**62, 0),
]


@pytest.mark.parametrize("shape", HUGE, ids=str)
def test_huge_shapes_are_refused_and_take_no_memory(shape: tuple[int, ...]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(RemoteProtocolError):
            codec.decode(by_hand(shape, data=bytes(8)) if 0 not in shape else by_hand(shape))
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


GOOD = by_hand((1,), data=bytes(8))
BAD = {
    "unknown type": by_hand((1,), code=5, data=bytes(8)),
    "nine dimensions": by_hand((1,) * 9, data=bytes(8)),
    "bytes after the last array": by_hand((1,), data=bytes(16)),
    "bytes after the last frame": GOOD + b"\0",
    "bytes after the form's last array": framed(
        b"x" + struct.pack("<BBQ", 2, 1, 1) + b"\0" * 5 + b"\1", bytes(8), count=1
    ),
    "a form with more padding than it needs": framed(b"x" + bytes(15)),
    "no array where one is announced": framed(b"x", count=1),
    "a form that ends within a shape": framed(b"x" + struct.pack("<BBI", 2, 1, 1), count=1),
    "padding that is not zero": by_hand((1,), code=0, data=b"\1" + b"\0" * 6 + b"\1"),
    "padding that is not zero, of the second array": framed(
        b"x" + struct.pack("<BBQ", 2, 1, 1) + struct.pack("<BBQ", 0, 1, 1), bytes(15) + b"\1", count=2
    ),
    "label longer than the form": framed(b"x", label=90),
    "form longer than the frame": HEAD.pack(4, 8, 1, 0) + b"x" + bytes(7),
    "label over the bound": framed(b"x" * 101, label=101),
    "label of no ASCII": GOOD.replace(b"x", b"\xe9"),
    "label with a line feed": GOOD.replace(b"x", b"\n"),
    "frame shorter than its head": HEAD.pack(0, 0, 0, 0),
    "frame of 4 GiB": HEAD.pack(2**32 - 1, 16, 1, 1) + GOOD[8:],
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_malformed(data: bytes) -> None:
    assert codec.decode(GOOD)[0].arrays[0].shape == (1,)
    with pytest.raises(RemoteProtocolError):
        codec.decode(data)


def test_arrays_are_read_only_views() -> None:
    data = codec.encode(Frame("x", (np.arange(1000),)))
    (array,) = codec.decode(data)[0].arrays
    assert not array.flags.writeable
    assert np.shares_memory(array, np.frombuffer(data, np.uint8))


def test_big_endian_and_strided_arrays_travel() -> None:
    x = np.arange(12, dtype=">f8").reshape(3, 4).T[::2]
    (array,) = codec.decode(codec.encode(Frame("x", (x,))))[0].arrays
    np.testing.assert_array_equal(array, x)
    assert array.dtype == np.dtype("<f8")


@pytest.mark.parametrize(
    "frame",
    [
        Frame("x" * 101, ()),
        Frame("é", ()),
        Frame("a\nb", ()),
        Frame("x", (np.zeros(1, np.uint8),) * 256),
        Frame("x", (np.zeros((1,) * 9),)),
        Frame("x", (np.zeros(1, np.float32),)),
        Frame("x", (np.zeros(1, bool),)),
        Frame("x", (np.array(["text"]),)),
        Frame("x", (np.array([object()]),)),
    ],
    ids=["long label", "no ASCII", "line feed", "256 arrays", "9 dimensions", "float32", "bool", "text", "object"],
)
def test_what_cannot_travel_is_our_own_fault(frame: Frame) -> None:
    with pytest.raises(LocalProtocolError):
        codec.encode(frame)


def test_a_frame_over_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "MAX_FRAME", 100)
    codec.encode(Frame("x", (np.zeros(9),)))
    with pytest.raises(LocalProtocolError, match="the most is 100"):
        codec.encode(Frame("x", (np.zeros(11),)))
