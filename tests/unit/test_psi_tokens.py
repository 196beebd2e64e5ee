"""Tokens against CBC-MAC written out one id at a time."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.psi import tokens as module
from fedray.psi.tokens import dummies, is_size_class, size_class, task_key, token_order, tokens_of

KEY = bytes(range(32))
IDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def plain_token(text: str, key: bytes) -> int:
    data = text.encode()
    message = len(data).to_bytes(16, "big") + data + bytes(-len(data) % 16)
    encryptor = Cipher(AES256(key), CBC(bytes(16))).encryptor()
    return int.from_bytes(encryptor.update(message)[-16:], "big")


def numbers(tokens: np.ndarray) -> list[int]:
    return [(int(high) << 64) | int(low) for high, low in tokens]


def large(ids: list[str]) -> pa.LargeStringArray:
    return pa.array(ids, pa.large_string())


@given(st.lists(IDS, max_size=30), st.binary(min_size=32, max_size=32))
def test_equal_to_cbc_mac(ids: list[str], key: bytes) -> None:
    assert numbers(tokens_of(large(ids), key)) == [plain_token(i, key) for i in ids]


@given(st.lists(IDS, min_size=1, max_size=12), st.integers(0, 4), st.integers(1, 200))
def test_slices_and_small_portions(ids: list[str], start: int, at_once: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BYTES_AT_ONCE", at_once)
        got = numbers(tokens_of(large(ids).slice(start), KEY))
    assert got == [plain_token(i, KEY) for i in ids[start:]]


def test_lengths_around_a_block() -> None:
    ids = ["a" * n for n in (0, 1, 15, 16, 17, 31, 32, 33, 1024)]
    assert numbers(tokens_of(large(ids), KEY)) == [plain_token(i, KEY) for i in ids]


def test_zero_bytes_at_the_end_count() -> None:
    got = numbers(tokens_of(large(["a", "a\0", "a\0\0", "", "\0" * 16]), KEY))
    assert len(set(got)) == 5


def test_known_vector() -> None:
    assert numbers(tokens_of(large(["ID-00000001"]), KEY)) == [plain_token("ID-00000001", KEY)]
    assert plain_token("", bytes(32)) == int.from_bytes(
        Cipher(AES256(bytes(32)), CBC(bytes(16))).encryptor().update(bytes(16)), "big"
    )


def test_key_of_a_task() -> None:
    parts = {0: bytes(32), 2: b"\1" * 32, 1: b"\2" * 32}
    key = task_key(parts, b"plan")
    assert len(key) == 32
    assert task_key(dict(sorted(parts.items())), b"plan") == key
    assert task_key(parts, b"other plan") != key
    assert task_key({**parts, 1: b"\3" * 32}, b"plan") != key
    assert task_key({**parts, 1: parts[2], 2: parts[1]}, b"plan") != key


@given(st.integers(0, 10**9))
@settings(max_examples=300)
def test_size_class(n: int) -> None:
    count = size_class(n)
    assert count >= max(n, 1024)
    odd = count // (count & -count)
    assert odd in (1, 3)
    assert is_size_class(count)
    assert not is_size_class(count - 1)
    if n > 1024:
        assert (count - n) / count <= 1 / 3
        smaller = count // 4 * 3 if odd == 1 else count // 3 * 2
        assert smaller < n


@pytest.mark.parametrize(
    ("n", "count"),
    [(0, 1024), (1, 1024), (1024, 1024), (1025, 1536), (1536, 1536), (1537, 2048), (2049, 3072), (10**6, 1 << 20)],
)
def test_size_classes_by_hand(n: int, count: int) -> None:
    assert size_class(n) == count


def test_dummies() -> None:
    drawn = dummies(5000)
    assert drawn.shape == (5000, 2)
    assert drawn.dtype == np.uint64
    assert len(set(numbers(drawn))) == 5000
    assert dummies(0).shape == (0, 2)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1)), max_size=20))
def test_order_with_equal_high_halves(pairs: list[tuple[int, int]]) -> None:
    tokens = np.array(pairs, dtype=np.uint64).reshape(-1, 2)
    assert numbers(tokens[token_order(tokens)]) == sorted(numbers(tokens))


def test_order_of_random_tokens() -> None:
    tokens = dummies(10_000)
    assert numbers(tokens[token_order(tokens)]) == sorted(numbers(tokens))
