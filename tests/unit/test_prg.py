"""Streams of masks and the agreement of keys."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given
from hypothesis import strategies as st

from fedray.errors import RemoteProtocolError
from fedray.prg import KEY_BYTES, PrivateKey, Stream

KEY = bytes(range(32))
KNOWN = ["0x6bec31a898367a5b", "0x86aa0ed9b768f0a3", "0xee87219dc3449ef5"]


def by_blocks(key: bytes, label: str, count: int) -> list[int]:
    """AES-256-CTR from the bare block cipher: the encrypted counters 0, 1, ... as little-endian words."""
    label_key = hashlib.blake2b(label.encode(), key=key, digest_size=32).digest()
    block = Cipher(AES256(label_key), ECB()).encryptor()
    stream = b"".join(block.update(counter.to_bytes(16, "big")) for counter in range(count // 2 + 1))
    return [int.from_bytes(stream[8 * k : 8 * k + 8], "little") for k in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 600, 2047, 2048, 2049, 40_000])
def test_words_are_aes_256_ctr(count: int) -> None:
    assert Stream(KEY).words("train/0/B1/M", (count,)).tolist() == by_blocks(KEY, "train/0/B1/M", count)


def test_words_of_one_label_never_change() -> None:
    """Written down once: a change here makes old runs unrepeatable."""
    assert [hex(word) for word in Stream(KEY).words("label", (3,)).tolist()] == KNOWN


@given(st.text(max_size=20), st.lists(st.integers(0, 4), max_size=3))
def test_shape_takes_the_first_words(label: str, lengths: list[int]) -> None:
    shape = tuple(lengths)
    made = Stream(KEY).words(label, shape)
    assert made.shape == shape
    assert made.dtype == np.uint64
    assert made.reshape(-1).tolist() == Stream(KEY).words(label, (100,))[: made.size].tolist()


@given(st.text(max_size=8), st.text(max_size=8))
def test_labels_and_keys_tell_streams_apart(one: str, other: str) -> None:
    same = (Stream(KEY).words(one, (4,)) == Stream(KEY).words(other, (4,))).all()
    assert same == (one == other)
    assert not (Stream(KEY).words(one, (4,)) == Stream(bytes(32)).words(one, (4,))).any()


def test_public_seed() -> None:
    one = Stream.from_seed("seed").words("x", (4,))
    np.testing.assert_array_equal(one, Stream.from_seed("seed").words("x", (4,)))
    assert not (one == Stream.from_seed("seed2").words("x", (4,))).any()
    as_key = hashlib.blake2b(b"seed", digest_size=32).digest()
    assert not (one == Stream(as_key).words("x", (4,))).any()


@pytest.mark.parametrize("bound", [1, 2, 3, 1000, 2**32])
def test_below_its_bound(bound: int) -> None:
    drawn = Stream(KEY).below("rows", bound, (4000,))
    assert drawn.dtype == np.int64
    assert drawn.min() >= 0
    assert drawn.max() < bound
    if bound <= 3:
        counts = np.bincount(drawn, minlength=bound)
        assert np.all(np.abs(counts - 4000 / bound) < 6 * np.sqrt(4000 / bound))


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_stream_needs_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match=f"32 bytes, got {length}"):
        Stream(bytes(length))


def test_both_sides_come_to_the_same_keys() -> None:
    a, b = PrivateKey(b"plan"), PrivateKey(b"plan")
    ours, theirs = a.agree(b.public), b.agree(a.public)
    assert ours.key("masks") == theirs.key("masks")
    assert len(ours.key("masks")) == KEY_BYTES
    assert len({ours.key("masks"), ours.key("seal 0->1"), ours.key("seal 1->0"), ours.key("")}) == 4


def test_context_and_pair_matter() -> None:
    a, b, c = (PrivateKey(b"plan") for _ in range(3))
    assert a.agree(b.public).key("x") != a.agree(c.public).key("x")
    a._context = b"other plan"
    assert a.agree(b.public).key("x") != b.agree(a.public).key("x")


def test_keys_are_fresh() -> None:
    assert len({PrivateKey(b"plan").public for _ in range(20)}) == 20


def test_the_top_bit_that_x25519_ignores_matters_here() -> None:
    a, b = PrivateKey(b"plan"), PrivateKey(b"plan")
    changed = b.public[:-1] + bytes([b.public[-1] ^ 0x80])
    assert a.agree(changed).key("x") != b.agree(a.public).key("x")


SMALL_ORDER = [
    "00" * 32,
    "01" + "00" * 31,
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_points_of_small_order_are_refused(point: str) -> None:
    with pytest.raises(RemoteProtocolError, match="no valid X25519 point"):
        PrivateKey(b"plan").agree(bytes.fromhex(point))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(RemoteProtocolError, match="no valid X25519 point"):
        PrivateKey(b"plan").agree(bytes([9]) * length)
