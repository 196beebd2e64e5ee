"""Walks over sorted lists against Python sets; the compiled one equals the NumPy one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.psi import merge
from fedray.psi.merge import find, intersect, is_sorted

# Few high halves, so that low halves decide often; the top bit must not be taken for a sign.
TOKEN = st.tuples(st.sampled_from([0, 1, 2**63, 2**64 - 1]), st.sampled_from([0, 1, 2, 2**63, 2**64 - 1]))
TOKENS = st.sets(TOKEN, max_size=20)


def listed(tokens: set[tuple[int, int]]) -> np.ndarray:
    return np.array(sorted(tokens), dtype=np.uint64).reshape(-1, 2)


def pairs(tokens: np.ndarray) -> list[tuple[int, int]]:
    return [(int(high), int(low)) for high, low in tokens]


@given(st.lists(TOKENS, min_size=1, max_size=5))
def test_intersection_equals_sets(sets: list[set[tuple[int, int]]]) -> None:
    assert pairs(intersect([listed(tokens) for tokens in sets])) == sorted(set.intersection(*sets))


@given(TOKENS, TOKENS)
def test_positions(wanted: set[tuple[int, int]], tokens: set[tuple[int, int]]) -> None:
    place = {token: k for k, token in enumerate(sorted(tokens))}
    expected = [place.get(token, -1) for token in sorted(wanted)]
    assert find(listed(wanted), listed(tokens)).tolist() == expected
    assert merge._find_numpy(listed(wanted), listed(tokens)).tolist() == expected
    assert merge._find_compiled.py_func(listed(wanted), listed(tokens)).tolist() == expected


def test_compiled_equals_numpy_on_long_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    drawn = np.unique(rng.integers(0, 2**64, 60_000, dtype=np.uint64))
    tokens = np.stack([drawn >> np.uint64(50), drawn], axis=1)
    wanted = np.concatenate([tokens[rng.random(len(tokens)) < 0.5], tokens[::7] + np.uint64(1)])
    wanted = np.unique(wanted, axis=0)
    compiled = find(wanted, tokens)
    assert (compiled == merge._find_numpy(wanted, tokens)).all()
    assert (compiled >= 0).sum() > 20_000
    assert (compiled < 0).sum() > 5_000


def test_long_lists_take_the_compiled_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def walk(name: str) -> Callable[[np.ndarray, np.ndarray], None]:
        return lambda *_: taken.append(name)

    monkeypatch.setattr(merge, "_find_compiled", walk("compiled"))
    monkeypatch.setattr(merge, "_find_numpy", walk("numpy"))
    short = np.zeros((10, 2), np.uint64)
    find(short, short)
    find(short, np.zeros((50_000, 2), np.uint64))
    assert taken == ["numpy", "compiled"]


@pytest.mark.parametrize(
    ("tokens", "sorted_"),
    [
        ([], True),
        ([(1, 2)], True),
        ([(1, 2), (1, 3), (2, 0)], True),
        ([(0, 0), (2**63, 0), (2**64 - 1, 0)], True),
        ([(1, 2), (1, 2)], False),
        ([(1, 3), (1, 2)], False),
        ([(2, 0), (1, 9)], False),
    ],
)
def test_is_sorted(tokens: list[tuple[int, int]], sorted_: bool) -> None:
    assert is_sorted(np.array(tokens, dtype=np.uint64).reshape(-1, 2)) is sorted_
