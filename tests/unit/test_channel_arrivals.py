"""What may arrive on a stream: in any pieces the same, and whatever a peer says, envelopes or a refusal."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.channel import codec
from fedray.channel.codec import LENGTH, MAX_FRAME
from tests.wires import arrive, check_arrivals, check_frames, sealed

BOUNDED = settings(max_examples=60, deadline=None, derandomize=True)
cuts = st.lists(st.integers(0, 1 << 16), max_size=8)
envelopes = st.lists(st.binary(max_size=40), max_size=6)
lengths = st.one_of(st.integers(0, 50), st.sampled_from([MAX_FRAME, MAX_FRAME + 1, (1 << 32) - 1]))
contents = st.one_of(st.binary(max_size=40), st.tuples(lengths, st.binary(max_size=40)).map(lambda x: prefixed(*x)))


def prefixed(length: int, body: bytes) -> bytes:
    return LENGTH.pack(length) + body


@BOUNDED
@given(envelopes, cuts)
def test_envelopes_come_whole_however_they_are_cut(said: list[bytes], where: list[int]) -> None:
    stream = sealed([prefixed(len(one), one) for one in said])
    assert arrive(stream, where) == (said, "")


@BOUNDED
@given(st.lists(contents, max_size=6), cuts)
def test_a_peer_that_says_what_it_likes_is_understood_or_refused(said: list[bytes], where: list[int]) -> None:
    check_arrivals(said, where)


@BOUNDED
@given(envelopes.filter(bool), st.integers(0), st.integers(1, 255), cuts)
def test_a_changed_byte_ends_the_stream(said: list[bytes], at: int, by: int, where: list[int]) -> None:
    stream = bytearray(sealed([prefixed(len(one), one) for one in said]))
    stream[at % len(stream)] ^= by
    found, _ = arrive(bytes(stream), where)  # a length that is larger now waits for what never comes
    assert found == said[: len(found)]
    assert len(found) < len(said)


@BOUNDED
@given(st.binary(max_size=200), cuts)
def test_bytes_of_a_stranger_are_never_an_envelope(stream: bytes, where: list[int]) -> None:
    assert arrive(stream, where)[0] == []


@BOUNDED
@given(st.binary(max_size=120))
def test_bytes_are_frames_in_one_way_only_or_none(data: bytes) -> None:
    check_frames(data)


@BOUNDED
@given(
    st.integers(0, 1 << 32),
    st.integers(0, 1 << 16),
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(st.tuples(st.integers(0, 8), st.lists(st.sampled_from([0, 1, 2, 1 << 31, (1 << 64) - 1]), max_size=9))),
    st.binary(max_size=32),
)
def test_heads_that_lie_are_refused(
    rest: int, form: int, label: int, count: int, shapes: list[tuple[int, list[int]]], data: bytes
) -> None:
    arrays = b"".join(struct.pack(f"<BB{len(shape)}Q", code, len(shape), *shape) for code, shape in shapes)
    whole = b"x" + arrays
    whole += bytes(-len(whole) % 8)
    for told in ((rest, form, label, count), (4 + len(whole) + len(data), len(whole), 1, len(shapes))):
        size, width = min(told[0], (1 << 32) - 1), min(told[1], (1 << 16) - 1)
        check_frames(codec._HEAD.pack(size, width, told[2], min(told[3], 255)) + whole + data)
