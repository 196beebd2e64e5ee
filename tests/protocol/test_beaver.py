"""Products of two shared values: exact in the ring, at the stated cost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.channel import codec
from fedray.mpc import Session, Share, beaver
from fedray.mpc.beaver import Opened
from fedray.mpc.correlation import ColumnTriple, DenseTriple, SquareMask, Triple
from fedray.mpc.dealer import Supply
from fedray.mpc.schedule import Segment
from fedray.ring import Ring
from tests import plain
from tests.parties import Played, compute, joined, split, words
from tests.uniform import assert_uniform

EDGES = np.array(plain.EDGES, dtype=np.uint64)
B, H, K = 5, 4, 3


def payload(label: str, *arrays: Ring) -> int:
    return len(codec.encode(codec.Frame(label, arrays)))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_mul_is_exact(size: int) -> None:
    x, y = (part.reshape(-1) for part in np.meshgrid(EDGES, EDGES))
    xs, ys = (split(value, size, np.random.default_rng(k)) for k, value in enumerate((x, y)))

    def protocol(s: Session, supply: Supply) -> Share:
        parts = supply.step("mul")["m"]
        return beaver.mul(s, Share(xs[s.rank], 8.0), Share(ys[s.rank], 4.0), parts)

    played = compute(size, protocol, [Segment("mul", 1, (Triple("m", x.shape),))])
    shares = played.all()[:size]
    np.testing.assert_array_equal(joined(shares), x * y)
    assert {share.scale for share in shares} == {32.0}
    totals = [channel.cost.total() for channel in played.channels[:size]]
    assert [total.rounds for total in totals] == [1] * size
    assert sum(total.labels["mul"] for total in totals) == size * (size - 1) * payload("mul", x, y)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_square_is_exact(size: int) -> None:
    xs = split(EDGES, size, np.random.default_rng(size))

    def protocol(s: Session, supply: Supply) -> Share:
        return beaver.square(s, Share(xs[s.rank], 8.0), supply.step("square")["q"])

    played = compute(size, protocol, [Segment("square", 1, (SquareMask("q", EDGES.shape),))])
    shares = played.all()[:size]
    np.testing.assert_array_equal(joined(shares), EDGES * EDGES)
    assert {share.scale for share in shares} == {64.0}
    totals = [channel.cost.total() for channel in played.channels[:size]]
    assert [total.rounds for total in totals] == [1] * size
    assert sum(total.labels["square"] for total in totals) == size * (size - 1) * payload("square", EDGES)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(2, 4),
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, plain.MODULUS - 1)), min_size=1, max_size=9),
    st.lists(st.integers(0, plain.MODULUS - 1), min_size=3, max_size=3),
)
def test_one_operand_in_several_products(size: int, right: list[tuple[int, int]], left: list[int]) -> None:
    """Rows of x that stand in many products, in one, or in none."""
    rows = tuple(row for row, _ in right)
    x = np.array(left[: 1 + max(rows)], dtype=np.uint64)
    y = np.array([value for _, value in right], dtype=np.uint64)
    xs, ys = (split(value, size, np.random.default_rng(k)) for k, value in enumerate((x, y)))

    def protocol(s: Session, supply: Supply) -> Share:
        parts = supply.step("rows")["t"]
        with s.round("rows") as r:
            opened = beaver.open_mul(r, Share(xs[s.rank], 2.0), Share(ys[s.rank], 8.0), parts, rows)
        return beaver.close_mul(s, opened, parts)

    played = compute(size, protocol, [Segment("rows", 1, (Triple("t", y.shape, rows),))])
    shares = played.all()[:size]
    np.testing.assert_array_equal(joined(shares), x[list(rows)] * y)
    assert {share.scale for share in shares} == {16.0}
    labels = played.channels[0].cost.total().labels
    assert labels["rows"] == (size - 1) * payload("rows", x, y)


def dense(size: int, seed: int) -> tuple[Played[tuple[Share, Share, Share]], Ring, Ring, Ring]:
    rng = np.random.default_rng(seed)
    x, w, d = words(rng, B, H), words(rng, H, K), words(rng, B, K)
    x.reshape(-1)[: EDGES.size] = EDGES
    xs, ws, ds = (split(value, size, rng) for value in (x, w, d))

    def protocol(s: Session, supply: Supply) -> tuple[Share, Share, Share]:
        parts = supply.step("dense")["d"]
        opened = beaver.open_layer(s, Share(xs[s.rank], 2.0), Share(ws[s.rank], 3.0), parts)
        forward = beaver.forward(s, opened, 6.0, parts)
        with s.round("residual") as r:
            pending = beaver.open_residual(r, Share(ds[s.rank], 5.0), parts)
        known = Opened(opened.a, opened.w, pending.value)
        return forward, *beaver.backward(s, known, (2.0, 3.0, 5.0), parts)

    segment = Segment("dense", 1, (DenseTriple("d", (B, H, K), training=True),))
    return compute(size, protocol, [segment]), x, w, d


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_dense_layer_is_exact(size: int) -> None:
    played, x, w, d = dense(size, size)
    results = played.all()[:size]
    expected = [plain.matmul(x, w), plain.matmul(x.T, d), plain.matmul(d, w.T)]
    for k, (value, scale) in enumerate(zip(expected, (6.0, 10.0, 15.0), strict=True)):
        np.testing.assert_array_equal(joined(party[k] for party in results), value)
        assert {party[k].scale for party in results} == {scale}


def column(size: int) -> tuple[Played[tuple[Share, Share, Share]], Ring, Ring, Ring, Ring]:
    rng = np.random.default_rng(size)
    x, w, d, slope = words(rng, B, H), words(rng, H, 1), words(rng, B, 1), words(rng, B, H - 1)
    slope.reshape(-1)[: EDGES.size] = EDGES[: slope.size]
    xs, ws, ds, slopes = (split(value, size, rng) for value in (x, w, d, slope))

    def protocol(s: Session, supply: Supply) -> tuple[Share, Share, Share]:
        parts = supply.step("column")["c"]
        below = Share(slopes[s.rank], 7.0)
        opened = beaver.open_layer(s, Share(xs[s.rank], 2.0), Share(ws[s.rank], 3.0), parts, below)
        forward = beaver.forward(s, opened, 6.0, parts)
        with s.round("residual") as r:
            pending = beaver.open_residual(r, Share(ds[s.rank], 5.0), parts)
        known = replace(opened, d=pending.value)
        return forward, *beaver.backward_column(s, known, (2.0, 3.0, 5.0, 7.0), parts)

    segment = Segment("column", 1, (ColumnTriple("c", (B, H)),))
    return compute(size, protocol, [segment]), x, w, d, slope


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_layer_of_one_output_is_exact(size: int) -> None:
    played, x, w, d, slope = column(size)
    results = played.all()[:size]
    back = plain.matmul(d, w[:-1].T) * slope
    expected = [plain.matmul(x, w), plain.matmul(x.T, d), back]
    for k, (value, scale) in enumerate(zip(expected, (6.0, 10.0, 105.0), strict=True)):
        np.testing.assert_array_equal(joined(party[k] for party in results), value)
        assert {party[k].scale for party in results} == {scale}


def test_layer_of_one_output_costs_two_rounds() -> None:
    size = 3
    played, x, w, d, slope = column(size)
    played.all()
    totals = [channel.cost.total() for channel in played.channels[:size]]
    assert [total.rounds for total in totals] == [2] * size
    pairs = size * (size - 1)
    assert sum(total.labels["layer.open"] for total in totals) == pairs * payload("layer.open", x, w, slope)
    assert sum(total.labels["residual"] for total in totals) == pairs * payload("residual", d)


@pytest.mark.parametrize("size", [2, 3])
def test_dense_layer_costs_two_rounds(size: int) -> None:
    played, x, w, d = dense(size, 0)
    totals = [channel.cost.total() for channel in played.channels[:size]]
    assert [total.rounds for total in totals] == [2] * size
    pairs = size * (size - 1)
    assert sum(total.labels["layer.open"] for total in totals) == pairs * payload("layer.open", x, w)
    assert sum(total.labels["residual"] for total in totals) == pairs * payload("residual", d)


def test_openings_are_uniform_and_the_same_everywhere() -> None:
    """Zero times zero opens bytes that look like noise."""
    size, n = 2, 8192
    zero = np.zeros(n, dtype=np.uint64)

    def protocol(s: Session, supply: Supply) -> Share:
        return beaver.mul(s, Share(zero, 1.0), Share(zero, 1.0), supply.step("mul")["m"])

    played = compute(size, protocol, [Segment("mul", 1, (Triple("m", (n,)),))])
    assert not joined(played.all()[:size]).any()
    for view in played.views[:size]:
        (frame,) = (frame for _, frame in view if frame.label == "mul")
        for array in frame.arrays:
            assert assert_uniform(array.view(np.uint8))


def test_backward_needs_what_was_opened() -> None:
    empty = np.zeros((1, 1), dtype=np.uint64)

    def protocol(s: Session, supply: Supply) -> None:
        with pytest.raises(ValueError, match="needs the opened residual"):
            beaver.backward(s, Opened(empty, empty), (1.0, 1.0, 1.0), {})
        with pytest.raises(ValueError, match="needs the opened slope"):
            beaver.backward_column(s, Opened(empty, empty, empty), (1.0, 1.0, 1.0, 1.0), {})

    compute(2, protocol).all()
