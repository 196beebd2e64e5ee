"""Envelopes: only the peer's own, unchanged, for this task and this direction, are opened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.channel.seal import HEAD_BYTES, TAG_BYTES, Head, Kind, Sealer, parse_head
from fedray.errors import RemoteProtocolError
from fedray.prg import PrivateKey
from fedray.prg.agreement import PairSecret

TASK = b"task-no1"


def pair(one: int = 0, other: int = 1, task: bytes = TASK) -> tuple[Sealer, Sealer]:
    a, b = PrivateKey(b"plan"), PrivateKey(b"plan")
    return Sealer(a.agree(b.public), one, other, task), Sealer(b.agree(a.public), other, one, task)


def test_head_is_24_bytes() -> None:
    head = Head(Kind.LAST, 3, 65535, 2**64 - 1, TASK)
    assert len(head.pack()) == HEAD_BYTES == 24
    assert parse_head(head.pack()) == head


@given(st.binary(max_size=300), st.sampled_from([Kind.PART, Kind.LAST, Kind.ABORT]))
def test_round_trip(body: bytes, kind: Kind) -> None:
    alice, bob = pair()
    for number in range(3):
        blob = alice.seal(kind, body)
        assert len(blob) == HEAD_BYTES + len(body) + TAG_BYTES
        assert bob.open(blob) == (Head(kind, 0, 1, number, TASK), body)


def test_body_is_hidden_and_equal_bodies_differ() -> None:
    alice, _ = pair()
    body = b"a planted secret" * 4
    blobs = [alice.seal(Kind.LAST, body) for _ in range(3)]
    assert len({blob[HEAD_BYTES:] for blob in blobs}) == 3
    assert not any(b"planted" in blob for blob in blobs)


def test_every_flipped_bit_is_refused() -> None:
    alice, bob = pair()
    blob = alice.seal(Kind.LAST, b"0123456789")
    for bit in range(8 * len(blob)):
        changed = bytearray(blob)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(RemoteProtocolError):
            bob.open(bytes(changed))
    assert bob.open(blob)[1] == b"0123456789"


def test_every_truncation_is_refused() -> None:
    alice, bob = pair()
    blob = alice.seal(Kind.LAST, b"0123456789")
    for end in range(len(blob)):
        with pytest.raises(RemoteProtocolError):
            bob.open(blob[:end])
    with pytest.raises(RemoteProtocolError):
        bob.open(blob + b"\0")


@given(st.binary(max_size=100))
def test_any_bytes_are_refused(data: bytes) -> None:
    _, bob = pair()
    for blob in (data, Head(Kind.LAST, 0, 1, 0, TASK).pack() + data):
        with pytest.raises(RemoteProtocolError):
            bob.open(blob)


def test_another_head_on_a_good_body_is_refused() -> None:
    alice, bob = pair()
    body = alice.seal(Kind.LAST, b"hello")[HEAD_BYTES:]
    heads = [
        Head(Kind.PART, 0, 1, 0, TASK),
        Head(Kind.ABORT, 0, 1, 0, TASK),
        Head(Kind.LAST, 0, 1, 1, TASK),
        Head(Kind.LAST, 1, 0, 0, TASK),
        Head(Kind.LAST, 2, 1, 0, TASK),
        Head(Kind.LAST, 0, 2, 0, TASK),
        Head(Kind.LAST, 0, 1, 0, b"task-no2"),
    ]
    for head in heads:
        with pytest.raises(RemoteProtocolError):
            bob.open(head.pack() + body)


def test_reflected_envelope_is_refused() -> None:
    alice, _ = pair()
    with pytest.raises(RemoteProtocolError):
        alice.open(alice.seal(Kind.LAST, b"hello"))


def test_directions_and_pairs_have_their_own_keys() -> None:
    a, b = PrivateKey(b"plan"), PrivateKey(b"plan")
    secret: PairSecret = a.agree(b.public)
    body = Sealer(secret, 0, 1, TASK).seal(Kind.LAST, b"hello")[HEAD_BYTES:]
    reflected = Head(Kind.LAST, 1, 0, 0, TASK).pack() + body
    for reader in (Sealer(secret, 0, 1, TASK), Sealer(secret, 2, 1, TASK)):
        with pytest.raises(RemoteProtocolError):
            reader.open(reflected)


def test_key_of_another_plan_is_refused() -> None:
    a, b = PrivateKey(b"plan"), PrivateKey(b"plan")
    alice = Sealer(a.agree(b.public), 0, 1, TASK)
    b._context = b"other plan"
    with pytest.raises(RemoteProtocolError, match="seal is broken"):
        Sealer(b.agree(a.public), 1, 0, TASK).open(alice.seal(Kind.LAST, b"hello"))


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_foreign_heads(place: int) -> None:
    head = bytearray(Head(Kind.LAST, 0, 1, 0, TASK).pack())
    head[place] = 0x77
    with pytest.raises(RemoteProtocolError, match="not of this protocol"):
        parse_head(bytes(head))
