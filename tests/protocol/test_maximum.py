"""Tournaments: the largest number and its place, exactly, for any count, any party count and many ties."""

from __future__ import annotations

from math import ceil, log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.errors import LocalProtocolError
from fedray.mpc import Session, Share
from fedray.mpc.compare import levels
from fedray.mpc.dealer import Supply
from fedray.mpc.maximum import Largest, Tournament, bracket, largest, smallest
from fedray.mpc.schedule import Segment
from fedray.mpc.turns import play
from fedray.ring import Ring
from fedray.ring.bits import words_for
from tests.parties import Played, compute, joined, split

LIMIT = 1 << 62


def run(size: int, plan: Tournament, x: Ring, *, least: bool = False) -> Played[Largest]:
    xs = split(x, size, np.random.default_rng(size))

    def protocol(s: Session, supply: Supply) -> Largest:
        find = smallest if least else largest
        return play(s, "largest", find(s, plan, Share(xs[s.rank], 8.0), supply.step("l")))

    return compute(size, protocol, [Segment("l", 1, plan.correlations())], corrected=size - 1)


def opened(played: Played[Largest], size: int, what: str) -> Ring:
    shares = [getattr(found, what) for found in played.all()[:size]]
    assert {share.scale for share in shares} == {8.0 if what == "value" else 1.0}
    return joined(shares)


def check(size: int, x: Ring, axis: int, *, least: bool = False) -> None:
    plan = Tournament("t", x.shape, axis, place=True)
    played = run(size, plan, x, least=least)
    signed = x.view(np.int64)
    best = signed.min(axis) if least else signed.max(axis)
    first = signed.argmin(axis) if least else signed.argmax(axis)
    np.testing.assert_array_equal(opened(played, size, "value").view(np.int64), best)
    np.testing.assert_array_equal(opened(played, size, "index"), first)
    onehot = opened(played, size, "onehot")
    assert onehot.shape == x.shape
    np.testing.assert_array_equal(np.moveaxis(onehot, axis, -1), np.eye(x.shape[axis])[first])


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7, 8, 11])
def test_any_count(size: int, count: int) -> None:
    rng = np.random.default_rng(count)
    check(size, rng.integers(-3, 4, (9, count)).view(np.uint64), -1)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("least", [False, True])
def test_any_axis(axis: int, least: bool) -> None:
    check(2, np.random.default_rng(0).integers(-2, 3, (3, 4, 5)).view(np.uint64), axis, least=least)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 3), st.booleans(), st.lists(st.integers(1 - LIMIT, LIMIT - 1), min_size=1, max_size=9))
def test_any_values(size: int, least: bool, values: list[int]) -> None:
    check(size, np.array(values, dtype=np.int64).view(np.uint64), 0, least=least)


@pytest.mark.parametrize("least", [False, True])
def test_edges_and_ties(least: bool) -> None:
    edges = [LIMIT - 1, 1 - LIMIT, 0, -1, 1]
    rows = [[a, b, c] for a in edges for b in edges for c in edges]
    check(3, np.array(rows, dtype=np.int64).view(np.uint64), 1, least=least)


def test_the_value_alone() -> None:
    x = np.array([[1, 5, 3]], dtype=np.uint64)
    played = run(2, Tournament("t", x.shape), x)
    assert opened(played, 2, "value").tolist() == [5]
    assert (played.all()[0].onehot, played.all()[0].index) == (None, None)


@given(st.integers(1, 200))
def test_brackets(count: int) -> None:
    """Every level halves, keeps the order, and names every leaf of those who meet."""
    made = bracket(count)
    assert len(made) == ceil(log2(count))
    left = count
    for level in made:
        assert level.pairs == left // 2
        left -= level.pairs
        assert sorted(level.leaves) == list(level.leaves)
        assert set(level.leaves) == set(range(level.pairs))
        assert len(level.leaves) == len(level.right) <= count
        for pair in range(level.pairs):
            sides = [second for leaf, second in zip(level.leaves, level.right, strict=True) if leaf == pair]
            assert sides == sorted(sides)
            assert set(sides) == {False, True}
    assert left == 1


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("place", [False, True])
def test_cost(size: int, place: bool) -> None:
    count, others = 5, 20
    plan = Tournament("t", (others, count), 1, place)
    played = run(size, plan, np.zeros((others, count), np.uint64))
    elements = 0
    for number, (pairs, leaves) in enumerate([(2, 4), (1, 4), (1, 5)]):
        elements += pairs * others + (3 * sum(levels()) + 1) * words_for(pairs * others)
        elements += (2 * pairs + (leaves if place and number else 0)) * others
    for channel, view in zip(played.channels[:size], played.views[:size], strict=True):
        assert channel.cost.total().rounds == 9 * 3
        assert sum(a.size for frm, f in view for a in f.arrays if frm < size) == (size - 1) * elements


def test_views_do_not_depend_on_the_values() -> None:
    shapes = []
    for values in ([0] * 6, [5, -1, LIMIT - 1, 2, 7, 9]):
        x = np.tile(np.array(values, dtype=np.int64).view(np.uint64), (2000, 1))
        played = run(2, Tournament("t", x.shape, 1, place=True), x)
        frames = [frame for frm, frame in played.views[1] if frm == 0]
        shapes.append([[a.shape for a in frame.arrays] for frame in frames])
        for turn, frame in enumerate(frames):
            seen = np.concatenate([array.reshape(-1) for array in frame.arrays])
            bits = 64 * seen.size
            assert abs(int(np.bitwise_count(seen).sum()) - bits / 2) < 6 * np.sqrt(bits) / 2, turn
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(("shape", "axis"), [((2, 3), 2), ((2, 0), 1), ((), 0), ((4,), -2)])
def test_axes_without_numbers_are_refused(shape: tuple[int, ...], axis: int) -> None:
    with pytest.raises(LocalProtocolError, match="no largest number along axis"):
        Tournament("t", shape, axis)
