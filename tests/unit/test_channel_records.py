"""Records of the fast transport: what goes in comes out, in order, and nothing else opens."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.channel.arrivals import Arrivals
from fedray.channel.codec import LENGTH
from fedray.channel.records import CONTENT_BYTES, KEY_BYTES, SEALED_BYTES, Reader, Writer
from fedray.errors import RemoteProtocolError

KEY = bytes(range(KEY_BYTES))
SIZES = st.one_of(
    st.integers(0, 40), st.sampled_from([CONTENT_BYTES + change for change in (-5, -4, -3, 0, 1)]), st.just(600_000)
)


def received(wire: bytes) -> list[bytes]:
    """Send bytes through a real socket and return the envelopes that arrive."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        arrivals, found = Arrivals(theirs, KEY), []
        ours.settimeout(5.0)
        for at in range(0, len(wire), 50_000):
            ours.sendall(wire[at : at + 50_000])
            found += [bytes(blob) for blob in arrivals.take()]
        return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(SIZES, min_size=1, max_size=4), min_size=1, max_size=4))
def test_envelopes_of_any_pieces_arrive_whole_and_in_order(envelopes: list[list[int]]) -> None:
    writer = Writer(KEY)
    said = [
        [bytes([17 * place + number & 255]) * size for number, size in enumerate(sizes)]
        for place, sizes in enumerate(envelopes)
    ]
    records = [record for pieces in said for record in writer.records(pieces)]
    assert received(b"".join(records)) == [b"".join(pieces) for pieces in said]
    assert max(map(len, records)) <= LENGTH.size + SEALED_BYTES


def test_a_record_costs_a_length_and_a_tag() -> None:
    (record,) = Writer(KEY).records([b"four", b"teen bytes"])
    assert len(record) == LENGTH.size + LENGTH.size + 14 + 16
    assert b"teen" not in record


def sealed(count: int) -> list[bytes]:
    writer = Writer(KEY)
    return [record[LENGTH.size :] for number in range(count) for record in writer.records([b"%d" % number])]


@pytest.mark.parametrize("order", [(1,), (0, 0), (0, 2), (0, 1, 1)], ids=str)
def test_a_record_that_is_not_the_next_does_not_open(order: tuple[int, ...]) -> None:
    records, reader = sealed(3), Reader(KEY)
    for number in order[:-1]:
        reader.open(records[number])
    with pytest.raises(RemoteProtocolError, match="changed on the way"):
        reader.open(records[order[-1]])


@pytest.mark.parametrize("place", [0, 4, -1])
def test_a_changed_byte_is_seen(place: int) -> None:
    changed = bytearray(sealed(1)[0])
    changed[place] ^= 1
    with pytest.raises(RemoteProtocolError, match="changed on the way"):
        Reader(KEY).open(bytes(changed))


def test_another_key_does_not_open() -> None:
    with pytest.raises(RemoteProtocolError, match="changed on the way"):
        Reader(bytes(KEY_BYTES)).open(sealed(1)[0])


def raw(*contents: bytes) -> bytes:
    """Return records with these contents, whatever they are."""
    writer = Writer(KEY)
    return b"".join(map(writer._sealed, contents))


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ((b"abc",), "ends within the length"),
        ((LENGTH.pack(5) + b"123456",), "more than the rest"),
        ((LENGTH.pack(5) + b"123", b"456"), "more than the rest"),
        ((LENGTH.pack(0xFFFFFFFF) + b"1",), "the most is"),
    ],
    ids=["short", "long", "long in the second", "giant"],
)
def test_records_that_hold_no_envelopes_are_refused(contents: tuple[bytes, ...], expected: str) -> None:
    with pytest.raises(RemoteProtocolError, match=expected):
        received(raw(*contents))
