"""Reciprocals, roots and quotients: relative errors over whole spans, powers of two and their neighbours included."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.errors import LocalProtocolError
from fedray.mpc import Session, Share
from fedray.mpc.compare import levels
from fedray.mpc.dealer import Supply
from fedray.mpc.normal import Span, normal_masks, normalise, power
from fedray.mpc.roots import Quotient, Root, divide, root, root_wave
from fedray.mpc.schedule import Segment
from fedray.mpc.turns import Turns, play
from fedray.ring import Ring
from fedray.ring.bits import words_for
from tests import plain
from tests.parties import Played, compute, joined, split

Float = plain.Float
KINDS: dict[str, tuple[Callable[[Float], Float], float]] = {
    "reciprocal": (lambda x: 1.0 / x, 5e-9),
    "inverse sqrt": (lambda x: x**-0.5, 1.1e-9),
    "sqrt": (lambda x: x**0.5, 1.6e-10),
}


def around(span: Span) -> list[int]:
    """Every power of two of a span and its neighbours, and numbers between them."""
    powers = [1 << k for k in range(span.low, span.high + 1)]
    near = {x + d for x in powers for d in (-1, 0, 1)} | {x * 3 // 2 for x in powers}
    return sorted(x for x in near if 1 << span.low <= x < 1 << span.high)


@pytest.mark.parametrize("kind", KINDS)
def test_series_and_their_fit(kind: str) -> None:
    f, bound = KINDS[kind]
    wave = root_wave(kind)
    m = np.linspace(0.25, 1.0, 5001)
    angles = np.pi * m[:, None] * np.arange(1, 17)
    basis = np.hstack([np.ones((len(m), 1)), np.sin(angles), np.cos(angles)])
    made = wave(m)
    error = np.max(np.abs(made / f(m) - 1))
    assert bound / 10 < error < bound
    nodes = 0.625 + 0.375 * np.cos(np.pi * (np.arange(6001) + 0.5) / 6001)
    angles = np.pi * nodes[:, None] * np.arange(1, 17)
    weighted = np.hstack([np.ones((6001, 1)), np.sin(angles), np.cos(angles)]) / f(nodes)[:, None] / np.sqrt(6001)
    rows = np.vstack([weighted, 1e-9 * np.eye(33)])
    target = np.concatenate([np.full(6001, 1 / np.sqrt(6001)), np.zeros(33)])
    fitted = np.linalg.lstsq(rows, target, rcond=None)[0]
    assert np.max(np.abs((basis @ fitted - made) / f(m))) < bound


def run_root(size: int, kind: str, span: Span, x: Ring, scale: float) -> tuple[Float, Played[Share], Root]:
    plan = Root("r", kind, x.shape, span)
    xs = split(x, size, np.random.default_rng(size))

    def protocol(s: Session, supply: Supply) -> Share:
        return play(s, "root", root(s, plan, Share(xs[s.rank], scale), supply.step("root")))

    played = compute(size, protocol, [Segment("root", 1, plan.correlations())], corrected=size - 1)
    shares = played.all()[:size]
    whole = joined(shares)
    assert max(abs(value) for value in plain.signed(whole)) < 1 << 62
    return whole.view(np.int64) / shares[0].scale, played, plan


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("span", [Span(0, 40), Span(3, 30), Span(7, 22), Span(59, 61), Span(5, 8), Span(12, 13)])
def test_relative_error_over_the_span(kind: str, size: int, span: Span) -> None:
    f, _ = KINDS[kind]
    x, scale = np.array(around(span), dtype=np.uint64), 1000.0 * 2.0**10
    found, _, plan = run_root(size, kind, span, x, scale)
    assert plan.bits == (21 if kind == "reciprocal" and span.high == 40 else 30)
    relative = found / f(x.astype(np.float64) / scale) - 1
    assert np.max(np.abs(relative)) < 2e-7 + 2.0 ** (1 - plan.bits)


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_any_value_in_any_span(data: st.DataObject) -> None:
    low = data.draw(st.integers(0, 60))
    span = Span(low, data.draw(st.integers(low + 1, min(61, low + 53 - low % 2))))
    inside = st.integers(1 << span.low, (1 << span.high) - 1)
    x = np.array(data.draw(st.lists(inside, min_size=1, max_size=8)), dtype=np.uint64)
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    if kind == "reciprocal" and 2 * span.steps > 51:
        span = Span(span.high - 52, span.high)
        x = np.maximum(x, np.uint64(1 << span.low))
    found, _, plan = run_root(2, kind, span, x, 2.0**16)
    relative = found / KINDS[kind][0](x.astype(np.float64) / 2.0**16) - 1
    assert np.max(np.abs(relative)) < 2e-7 + 2.0 ** (1 - plan.bits)


def test_shapes() -> None:
    x = np.arange(1, 25, dtype=np.uint64).reshape(2, 3, 4)
    found, _, _ = run_root(3, "sqrt", Span(0, 5), x, 1.0)
    np.testing.assert_allclose(found, np.sqrt(x.astype(float)), rtol=3e-7)


def comparison(elements: int) -> int:
    return elements + (3 * sum(levels()) + 1) * words_for(elements)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(("span", "rounds"), [(Span(0, 10), 12), (Span(4, 6), 2)])
def test_cost_of_a_root(size: int, span: Span, rounds: int) -> None:
    x = np.full(70, 33, dtype=np.uint64)
    _, played, plan = run_root(size, "inverse sqrt", span, x, 1.0)
    for channel in played.channels[:size]:
        assert channel.cost.total().rounds == rounds
    normal = comparison(plan.span.steps * 70) + 2 * 70 + 2 * 70 if plan.span.steps else 0
    assert received(played, size, "root") == [(size - 1) * (normal + 2 * 70)] * size


def received(played: Played[Share], size: int, label: str) -> list[int]:
    return [
        sum(a.size for frm, frame in view for a in frame.arrays if frame.label == label and frm < size)
        for view in played.views[:size]
    ]


def run_division(
    size: int, plan: Quotient, a: Ring, x: Ring, scales: tuple[float, float] = (1.0, 1.0)
) -> tuple[Float, Played[Share]]:
    rng = np.random.default_rng(size)
    parts, divisors = split(a, size, rng), split(x, size, rng)

    def protocol(s: Session, supply: Supply) -> Share:
        dividend, divisor = Share(parts[s.rank], scales[0]), Share(divisors[s.rank], scales[1])
        return play(s, "divide", divide(s, plan, dividend, divisor, supply.step("divide")))

    played = compute(size, protocol, [Segment("divide", 1, plan.correlations())], corrected=0)
    shares = played.all()[:size]
    whole = joined(shares)
    assert max(abs(value) for value in plain.signed(whole)) < 1 << 62
    return whole.view(np.int64) / shares[0].scale, played


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("bits", [30, 20, 10])
@pytest.mark.parametrize(("span", "most"), [(Span(0, 40), 1.0), (Span(0, 30), 900.0), (Span(8, 10), 0.001)])
def test_quotients_over_the_span(size: int, bits: int, span: Span, most: float) -> None:
    x = np.array(around(span), dtype=np.uint64)
    rows = [(np.trunc(part * most * x.astype(np.float64))).astype(np.int64) for part in (-1, -0.3, 0, 1e-4, 0.9)]
    a = np.stack(rows).view(np.uint64)
    plan = Quotient("q", x.shape, span, most, len(rows), bits)
    scales = (2.0**20, 3.0)
    found, _ = run_division(size, plan, a, x, scales)
    real = (a.view(np.int64) / scales[0]) / (x / scales[1])
    bound = (2e-7 + 2.0 ** (1 - bits)) * np.abs(real) + 2.0 ** (3 - bits) * most * scales[1] / scales[0]
    assert np.all(np.abs(found - real) <= bound)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 4), st.lists(st.tuples(st.integers(1, 2**25 - 1), st.floats(-1, 1)), min_size=1, max_size=9))
def test_any_quotient(size: int, pairs: list[tuple[int, float]]) -> None:
    x = np.array([value for value, _ in pairs], dtype=np.uint64)
    a = np.array([int(part * value * 4096) for value, part in pairs], dtype=np.int64)
    plan = Quotient("q", x.shape, Span(0, 25), 4096.0)
    found, _ = run_division(size, plan, a.view(np.uint64), x)
    assert np.all(np.abs(found - a / x) <= 2.1e-7 * np.abs(a / x) + 8e-9 * 4096)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(("span", "rounds", "shift"), [(Span(0, 10), 12, 0), (Span(40, 42), 3, 11)])
def test_cost_of_a_quotient(size: int, span: Span, rounds: int, shift: int) -> None:
    x = np.full(30, 1 << (span.high - 1), dtype=np.uint64)
    a = np.stack([x, x])
    plan = Quotient("q", x.shape, span, 1.0, 2)
    assert plan.shift == shift
    _, played = run_division(size, plan, a, x)
    for channel in played.channels[:size]:
        assert channel.cost.total().rounds == rounds
    normal = comparison(span.steps * 30) + (2 + 2) * 30 if span.steps else 0
    cut = 2 * 30 if shift else 0
    assert received(played, size, "divide") == [(size - 1) * (normal + cut + 30 + 30 + 3 * 30)] * size


def test_views_are_uniform_and_alike() -> None:
    """What is seen of the smallest and of the largest divisors: the same shapes, and noise in every ring element."""
    views = []
    for value in (1, 1023):
        x = np.full(4096, value, dtype=np.uint64)
        plan = Quotient("q", x.shape, Span(0, 10), 2.0**40)
        _, played = run_division(2, plan, x, x)
        frames = [frame for frm, frame in played.views[0] if frm == 1 and frame.label == "divide"]
        views.append([[array.shape for array in frame.arrays] for frame in frames])
        for turn, frame in enumerate(frames):
            seen = np.concatenate([array.reshape(-1) for array in frame.arrays])
            bits = 64 * seen.size
            assert abs(int(np.bitwise_count(seen).sum()) - bits / 2) < 6 * np.sqrt(bits) / 2, (value, turn)
    assert views[0] == views[1]


@pytest.mark.parametrize("size", [2, 3])
def test_normalisation_is_exact(size: int) -> None:
    span = Span(2, 33)
    x = np.array(around(span), dtype=np.uint64)
    others = np.stack([x, np.uint64(7) - x])
    xs, ys = (split(value, size, np.random.default_rng(k)) for k, value in enumerate((x, others)))

    def turns(s: Session, supply: Supply) -> Turns[list[Share]]:
        along = Share(ys[s.rank], 5.0)
        normal = yield from normalise(s, Share(xs[s.rank], 1.0), along, span, supply.step("n"), "n")
        return [normal.mantissa, normal.others, power(s, normal.behind, 2), normal.behind.sum(0)]

    def protocol(s: Session, supply: Supply) -> list[Share]:
        return play(s, "normal", turns(s, supply))

    results = compute(size, protocol, [Segment("n", 1, normal_masks("n", x.shape, span, 2))]).all()[:size]
    mantissa, along, power_of_two, shifts = (joined(party[k] for party in results) for k in range(4))
    assert (results[0][0].scale, results[0][1].scale) == (2.0**33, 5.0)
    expected = [(33 - int(value).bit_length()) // 2 for value in x]
    assert shifts.tolist() == expected
    assert power_of_two.tolist() == [2**j for j in expected]
    np.testing.assert_array_equal(mantissa, x << (2 * shifts))
    np.testing.assert_array_equal(along, others << (2 * shifts))
    assert int(mantissa.min()) >= 1 << 31
    assert int(mantissa.max()) < 1 << 33


@pytest.mark.parametrize(("low", "high"), [(-1, 4), (4, 4), (5, 4), (0, 62)])
def test_spans_outside_the_ring_are_refused(low: int, high: int) -> None:
    with pytest.raises(LocalProtocolError, match="is not one of 0 <= low < high <= 61"):
        Span(low, high)


def test_plans_that_do_not_fit_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match="would have 5 bits, and 8 is the least"):
        Root("r", "reciprocal", (1,), Span(0, 55))
    with pytest.raises(LocalProtocolError, match="no series for 'cube'"):
        Root("r", "cube", (1,), Span(0, 4))
    for most, bits in ((2.0**21.5, 30), (0.0, 30), (math.nan, 30), (1.0, 31), (1.0, 7)):
        with pytest.raises(LocalProtocolError, match="a quotient keeps 8 to 30 bits"):
            Quotient("q", (1,), Span(0, 40), most, 1, bits)
