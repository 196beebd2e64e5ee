"""Softmax: its stated error for near, far and equal logits, along any axis, at any scale, for any party count."""

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
from fedray.mpc.schedule import Segment
from fedray.mpc.softmax import Softmax, softmax
from fedray.mpc.turns import play
from fedray.ring import Ring, decode, encode
from fedray.ring.bits import words_for
from tests import plain
from tests.parties import Played, compute, joined, split

Float = plain.Float


def reference(x: Float, axis: int) -> Float:
    powers: Float = np.exp(x - x.max(axis=axis, keepdims=True))
    made: Float = powers / powers.sum(axis=axis, keepdims=True)
    return made


def run(size: int, x: Ring, scale: float, axis: int = -1) -> tuple[Float, Played[Share], Softmax]:
    plan = Softmax("s", x.shape, scale, axis)
    xs = split(x, size, np.random.default_rng(size))

    def protocol(s: Session, supply: Supply) -> Share:
        return play(s, "softmax", softmax(s, plan, Share(xs[s.rank], scale), supply.step("s")))

    played = compute(size, protocol, [Segment("s", 1, plan.correlations())], corrected=size - 1)
    shares = played.all()[:size]
    return joined(shares).view(np.int64) / shares[0].scale, played, plan


def check(size: int, x: Ring, scale: float, axis: int = -1) -> None:
    found, _, _ = run(size, x, scale, axis)
    assert found.shape == x.shape
    bound = 7e-6 * (x.shape[axis] - 1) + 4e-6
    assert np.max(np.abs(found - reference(decode(x, scale), axis))) < bound


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 10, 17])
def test_any_count(size: int, count: int) -> None:
    x = np.random.default_rng(count).normal(0.0, 4.0, (40, count))
    x[0], x[1] = 0.0, np.arange(count)
    x[2] = -1000.0 * np.arange(count)
    x[3] = -12.0
    x[3, 0] = 0.0
    check(size, encode(x, 2.0**20), 2.0**20)


@pytest.mark.parametrize("scale_bits", [0, 1, 12, 40, 57])
def test_any_scale(scale_bits: int) -> None:
    x = np.array([[0.0, 8.0, 16.0], [8.0, 8.0, 8.0], [-8.0, 0.0, 8.0]])
    check(2, encode(x, 2.0**scale_bits), 2.0**scale_bits)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_any_axis(axis: int) -> None:
    check(2, encode(np.random.default_rng(0).normal(0.0, 3.0, (3, 4, 5)), 2.0**16), 2.0**16, axis)


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 3), st.lists(st.integers(-(1 << 61) + 1, (1 << 61) - 1), min_size=1, max_size=6))
def test_any_ring_elements(size: int, values: list[int]) -> None:
    """Differences up to 2^62: far beyond what the exponential could take unclamped."""
    check(size, np.array([values], dtype=np.int64).view(np.uint64), 2.0**20)


def test_the_most_classes() -> None:
    x = np.zeros((2, 256))
    x[1] = np.linspace(-11.0, 0.0, 256)
    found, _, _ = run(2, encode(x, 2.0**20), 2.0**20)
    assert np.max(np.abs(found - reference(x, -1))) < 4e-6
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)


def comparison(elements: int) -> int:
    return elements + (3 * sum(levels()) + 1) * words_for(elements)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize(("count", "steps"), [(2, 0), (3, 0), (4, 1), (5, 1), (9, 1)])
def test_cost(size: int, count: int, steps: int) -> None:
    rows = 30
    _, played, plan = run(size, encode(np.zeros((rows, count)), 2.0**20), 2.0**20)
    assert plan.quotient.span.steps == steps
    for channel in played.channels[:size]:
        assert channel.cost.total().rounds == 9 * ceil(log2(count)) + 22 - (0 if steps else 9)
    elements, left = 0, count
    while left > 1:
        elements += comparison(left // 2 * rows) + 2 * (left // 2) * rows
        left -= left // 2
    elements += comparison(count * rows) + 3 * count * rows
    elements += comparison(steps * rows) + (2 + count) * rows if steps else 0
    elements += (1 + count + 1 + 1 + count) * rows
    for view in played.views[:size]:
        assert sum(a.size for frm, f in view for a in f.arrays if frm < size) == (size - 1) * elements


def test_views_do_not_depend_on_the_logits() -> None:
    shapes = []
    for row in ([0.0, 0.0, 0.0, 0.0], [5.0, -400.0, 11.0, 3.0]):
        _, played, _ = run(2, encode(np.tile(row, (1000, 1)), 2.0**20), 2.0**20)
        frames = [frame for frm, frame in played.views[0] if frm == 1]
        shapes.append([[a.shape for a in frame.arrays] for frame in frames])
        for turn, frame in enumerate(frames):
            seen = np.concatenate([array.reshape(-1) for array in frame.arrays])
            bits = 64 * seen.size
            assert abs(int(np.bitwise_count(seen).sum()) - bits / 2) < 6 * np.sqrt(bits) / 2, turn
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("scale", [3.0, 0.5, 2.0**58, 0.0, -2.0])
def test_scales_that_are_no_power_of_two_are_refused(scale: float) -> None:
    with pytest.raises(LocalProtocolError, match="power of two"):
        Softmax("s", (2, 2), scale)


def test_too_many_classes_and_other_scales_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match="at most 256 classes, not 257"):
        Softmax("s", (2, 257), 1.0)
    with pytest.raises(LocalProtocolError, match="no largest number"):
        Softmax("s", (2, 2), 1.0, axis=2)

    def protocol(s: Session, supply: Supply) -> None:
        share = Share(np.zeros((1, 2), np.uint64), 4.0)
        with pytest.raises(LocalProtocolError, match="planned for logits of scale 2, not 4"):
            play(s, "softmax", softmax(s, Softmax("s", (1, 2), 2.0), share, {}))

    compute(2, protocol).all()
