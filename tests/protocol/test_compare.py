"""Comparison: exact for every ring element, for any number of parties, at the stated cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.mpc import Session, Share
from fedray.mpc.compare import MsbMask, levels, lt, msb, relu, relu_masks, select
from fedray.mpc.correlation import Triple
from fedray.mpc.dealer import Supply
from fedray.mpc.schedule import Segment
from fedray.ring import Ring
from fedray.ring.bits import words_for
from tests import plain
from tests.parties import Played, compute, joined, split, words

TOP = 1 << 63
EDGES = sorted({(value + d) % (1 << 64) for value in (0, 1 << 31, 1 << 62, TOP) for d in (-2, -1, 0, 1, 2)})


def signs(size: int, x: Ring) -> tuple[Ring, Played[Share]]:
    mask = MsbMask("m", x.shape)
    summands = split(x, size, np.random.default_rng(1))

    def protocol(s: Session, supply: Supply) -> Share:
        return msb(s, Share(summands[s.rank], 1.0), supply.step("msb")["m"])

    played = compute(size, protocol, [Segment("msb", 1, (mask,))], corrected=size - 1)
    return joined(played.all()[:size]), played


@pytest.mark.parametrize("size", [2, 3, 4])
def test_edges(size: int) -> None:
    x = np.array(EDGES, dtype=np.uint64)
    found, _ = signs(size, x)
    assert found.tolist() == [int(value >= TOP) for value in EDGES]


@pytest.mark.parametrize("shape", [(1,), (63,), (64,), (65,), (7, 11), (3, 2, 5)])
def test_shapes(shape: tuple[int, ...]) -> None:
    x = words(np.random.default_rng(2), *shape)
    found, _ = signs(2, x)
    assert np.array_equal(found, x >> np.uint64(63))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=70))
def test_any_values(values: list[int]) -> None:
    x = np.array(values, dtype=np.uint64)
    found, _ = signs(2, x)
    assert np.array_equal(found, x >> np.uint64(63))


@pytest.mark.parametrize("size", [2, 3])
def test_cost(size: int) -> None:
    x = words(np.random.default_rng(3), 130)
    _, played = signs(size, x)
    for channel in played.channels[:size]:
        assert channel.cost.total().rounds == 8
    plane = words_for(130)
    elements = [130, *(3 * pairs * plane for pairs in levels()), plane]
    assert sum(levels()) == 62
    for party, view in enumerate(played.views[:size]):
        for peer in set(range(size)) - {party}:
            came = [sum(a.size for a in f.arrays) for frm, f in view if (frm, f.label) == (peer, "msb")]
            assert came == elements


def test_view_is_uniform() -> None:
    """Bits of everything that a party sees are balanced although x is one constant."""
    _, played = signs(2, np.zeros(6400, dtype=np.uint64))
    frames = [frame for frm, frame in played.views[0] if (frm, frame.label) == (1, "msb")]
    assert len(frames) == 8
    for turn, frame in enumerate(frames):
        seen = np.concatenate([a.reshape(-1) for a in frame.arrays])
        ones = int(np.bitwise_count(seen).sum())
        bits = 64 * seen.size
        assert abs(ones - bits / 2) < 6 * np.sqrt(bits) / 2, turn


@pytest.mark.parametrize("size", [2, 3])
def test_lt_select_relu(size: int) -> None:
    rng = np.random.default_rng(4)
    x, y = (
        (words(rng, 100) >> np.uint64(2)) - np.uint64(1 << 61),
        (words(rng, 100) >> np.uint64(2)) - np.uint64(1 << 61),
    )
    x[:3], y[:3] = y[:3], y[:3] + np.array([0, 1, -1], dtype=np.int64).view(np.uint64)
    xs, ys = split(x, size, rng), split(y, size, rng)
    masks = (MsbMask("lt", (100,)), Triple("select", (100,)), *relu_masks("relu", (100,)))

    def protocol(s: Session, supply: Supply) -> tuple[Share, Share, Share]:
        bundle = supply.step("all")
        a, b = Share(xs[s.rank], 2.0**20), Share(ys[s.rank], 2.0**20)
        less = lt(s, a, b, bundle["lt"])
        smaller = select(s, less, a, b, bundle["select"])
        return less, smaller, relu(s, a, bundle, "relu")

    results = compute(size, protocol, [Segment("all", 1, masks)], corrected=0).all()[:size]
    less, smaller, positive = (joined(party[k] for party in results) for k in range(3))
    plain_x, plain_y = plain.signed(x), plain.signed(y)
    assert less.tolist() == [int(a < b) for a, b in zip(plain_x, plain_y, strict=True)]
    assert plain.signed(smaller) == [min(a, b) for a, b in zip(plain_x, plain_y, strict=True)]
    assert plain.signed(positive) == [max(a, 0) for a in plain_x]
    assert {party[1].scale for party in results} == {2.0**20}
