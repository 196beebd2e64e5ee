"""Truncation: for every |x| < 2^62 and every shift, off by at most one unit, for any number of parties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.channel import codec
from fedray.errors import LocalProtocolError
from fedray.mpc import Session, Share
from fedray.mpc.beaver import close_mul, open_mul
from fedray.mpc.correlation import Triple, TruncMask
from fedray.mpc.dealer import Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.trunc import close_trunc, open_trunc, trunc
from fedray.ring import Ring
from tests import plain
from tests.parties import Played, compute, joined, split, words

LIMIT = 1 << 62
EDGES = sorted(
    {sign * (value + d) for value in (0, 1, 1 << 20, 1 << 61, LIMIT) for sign in (1, -1) for d in (-1, 0, 1)}
)
INSIDE = [x for x in EDGES if abs(x) < LIMIT]


def truncate(size: int, xs: list[Ring], shifts: list[int]) -> tuple[list[Ring], Played[list[Share]]]:
    masks = tuple(TruncMask(f"t{k}", x.shape, t) for k, (x, t) in enumerate(zip(xs, shifts, strict=True)))
    summands = [split(x, size, np.random.default_rng(k)) for k, x in enumerate(xs)]

    def protocol(s: Session, supply: Supply) -> list[Share]:
        parts = supply.step("trunc")
        mine = [Share(summand[s.rank], 2.0**40) for summand in summands]
        return trunc(s, mine, shifts, [parts[mask.name] for mask in masks])

    played = compute(size, protocol, [Segment("trunc", 1, masks)], corrected=size - 1)
    results = played.all()[:size]
    return [joined(party[k] for party in results) for k in range(len(xs))], played


def as_ring(values: list[int]) -> Ring:
    return np.array([value % plain.MODULUS for value in values], dtype=np.uint64)


def assert_close(x: Ring, shift: int, found: Ring) -> None:
    for before, after in zip(plain.signed(x), plain.signed(found), strict=True):
        assert after - (before >> shift) in (0, 1)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_edges_at_every_shift(size: int) -> None:
    x = as_ring(INSIDE)
    shifts = list(range(1, 62))
    found, _ = truncate(size, [x] * 61, shifts)
    for shift, made in zip(shifts, found, strict=True):
        assert_close(x, shift, made)


@pytest.mark.parametrize("size", [2, 3])
def test_many_uniform_values(size: int) -> None:
    """A hundred thousand masks: the local shift would fail at once, a wrong carry in half of them."""
    x = words(np.random.default_rng(size), 100_000) >> np.uint64(1)
    x -= np.uint64(1 << 62)
    found, _ = truncate(size, [x], [17])
    difference = (found[0] - (x.view(np.int64) >> 17).view(np.uint64)).astype(np.int64)
    assert set(np.unique(difference)) == {0, 1}


@settings(max_examples=25)
@given(st.lists(st.integers(1 - LIMIT, LIMIT - 1), min_size=1, max_size=20), st.integers(1, 61), st.integers(2, 4))
def test_any_value(values: list[int], shift: int, size: int) -> None:
    x = as_ring(values)
    found, _ = truncate(size, [x], [shift])
    assert_close(x, shift, found[0])


def test_exact_multiples_stay_exact_on_average() -> None:
    """The unit that may be added depends on bits shifted out: a multiple of 2^t has none."""
    x = as_ring([k << 20 for k in range(-500, 500)])
    found, _ = truncate(3, [x], [20])
    assert plain.signed(found[0]) == list(range(-500, 500))


def test_scale_falls() -> None:
    _, played = truncate(2, [as_ring([4])], [3])
    assert played.results[0][0].scale == 2.0**37


@pytest.mark.parametrize("size", [2, 3, 4])
def test_cost(size: int) -> None:
    shapes = [(4, 5), (7,)]
    xs = [np.zeros(shape, dtype=np.uint64) for shape in shapes]
    _, played = truncate(size, xs, [8, 30])
    frame = codec.encode(codec.Frame("trunc", tuple(xs)))
    totals = [channel.cost.total() for channel in played.channels[:size]]
    assert [total.rounds for total in totals] == [1] * size
    assert sum(total.labels["trunc"] for total in totals) == size * (size - 1) * len(frame)
    assert 8 * (20 + 7) <= len(frame) <= 8 * (20 + 7) + 64


@pytest.mark.parametrize("size", [2, 3])
def test_products_and_truncations_share_a_round(size: int) -> None:
    x, y = as_ring([3 << 20, -5 << 20, LIMIT - 1]), as_ring([7, -11, 2])
    xs, ys = (split(value, size, np.random.default_rng(9)) for value in (x, y))

    def protocol(s: Session, supply: Supply) -> tuple[Share, Share]:
        parts = supply.step("both")
        a, b = Share(xs[s.rank], 4.0), Share(ys[s.rank], 2.0)
        with s.round("both") as r:
            product = open_mul(r, a, b, parts["m"])
            shifted = open_trunc(r, a, 20, parts["t"])
        return close_mul(s, product, parts["m"]), close_trunc(s, shifted, parts["t"])

    segment = Segment("both", 1, (Triple("m", (3,)), TruncMask("t", (3,), 20)))
    played = compute(size, protocol, [segment])
    results = played.all()[:size]
    np.testing.assert_array_equal(joined(party[0] for party in results), x * y)
    assert_close(x, 20, joined(party[1] for party in results))
    assert (results[0][0].scale, results[0][1].scale) == (8.0, 4.0 / 2**20)
    for channel in played.channels[:size]:
        assert channel.cost.total().rounds == 1
        assert channel.cost.total().labels["both"] == (size - 1) * len(codec.encode(codec.Frame("both", (x, y, x))))


@pytest.mark.parametrize("shift", [0, 62])
def test_shifts_outside_the_ring_are_refused(shift: int) -> None:
    def protocol(s: Session, supply: Supply) -> None:
        with pytest.raises(LocalProtocolError, match=f"1 to 61 bits, not by {shift}"), s.round("trunc") as r:
            open_trunc(r, Share(as_ring([1]), 1.0), shift, {})

    compute(2, protocol).all()
