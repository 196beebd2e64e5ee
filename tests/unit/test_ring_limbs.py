"""Products by limbs: exact where sums of floats are largest, over blocks, halves and odd shapes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.ring import Ring, kernels, limb_steps, limbs
from tests import plain
from tests.parties import words

COMPILED = pytest.mark.parametrize("compiled", [False, True])
Float = npt.NDArray[np.float64]
WIDTHS = (22, 20, 22)


def element(low: int, middle: int, high: int) -> int:
    """Return the ring element with these limbs."""
    return (low + (middle << 22) + (high << 42)) % plain.MODULUS


MOST = [(1 << (width - 1)) - 1 for width in WIDTHS]
LEAST = [-(1 << (width - 1)) for width in WIDTHS]
EXTREMES = sorted(
    {
        element(*(pair[k] for pair, k in zip(zip(LEAST, MOST, strict=True), bits, strict=True)))
        for bits in np.ndindex(2, 2, 2)
    }
)


def cut(x: Ring, compiled: bool) -> list[Float]:
    made: list[Float] = [np.empty(x.shape) for _ in range(4)]
    (kernels if compiled else limb_steps).cut(x, *made)
    return made


@COMPILED
@given(x=st.lists(st.one_of(st.integers(0, plain.MODULUS - 1), st.sampled_from([*plain.EDGES, *EXTREMES])), min_size=1))
def test_limbs_add_up_and_stay_inside_their_widths(compiled: bool, x: list[int]) -> None:
    limb = cut(np.array([x], dtype=np.uint64), compiled)
    for found, least, most in zip(limb, LEAST, MOST, strict=False):
        assert found.min() >= least
        assert found.max() <= most
    whole = [[int(value) for value in found[0]] for found in limb]
    assert [element(*three) for three in zip(*whole[:3], strict=True)] == x
    np.testing.assert_array_equal(limb[3], limb[0] + limb[1])


def test_the_bound_of_a_sum_is_the_one_that_floats_hold() -> None:
    both = -(LEAST[0] + LEAST[1])
    sums = (limbs.TERMS * LEAST[0] ** 2, limbs.TERMS * both**2, 2 * limbs.TERMS * LEAST[0] * LEAST[2])
    assert max(sums) == 2**53


@COMPILED
@pytest.mark.parametrize("terms", [1, limbs.TERMS - 1, limbs.TERMS, limbs.TERMS + 1, 2 * limbs.TERMS + 3])
@pytest.mark.parametrize("left", EXTREMES)
def test_extreme_limbs(left: int, terms: int, compiled: bool) -> None:
    a = np.full((2, terms), left, dtype=np.uint64)
    b = np.empty((terms, len(EXTREMES)), dtype=np.uint64)
    b[:] = np.array(EXTREMES, dtype=np.uint64)
    np.testing.assert_array_equal(limbs.matmul(a, b, compiled=compiled), np.matmul(a, b))


@COMPILED
def test_extreme_limbs_mixed(compiled: bool) -> None:
    rng = np.random.default_rng(3)
    extremes = np.array(EXTREMES, dtype=np.uint64)
    a, b = extremes[rng.integers(0, 8, (9, limbs.TERMS))], extremes[rng.integers(0, 8, (limbs.TERMS, 7))]
    np.testing.assert_array_equal(limbs.matmul(a, b, compiled=compiled), np.matmul(a, b))


@COMPILED
@pytest.mark.parametrize(
    ("m", "k", "n"), [(1, 1, 1), (3, 1, 2), (513, 17, 3), (2, 1025, 1), (5, 7, 1027), (64, 65, 66)]
)
def test_odd_shapes_and_blocks(m: int, k: int, n: int, compiled: bool) -> None:
    rng = np.random.default_rng(m)
    a, b = words(rng, m, k), words(rng, k, n)
    kept = a.copy(), b.copy()
    np.testing.assert_array_equal(limbs.matmul(a, b, compiled=compiled), np.matmul(a, b))
    np.testing.assert_array_equal(limbs.matmul(b.T, a.T, compiled=compiled), np.matmul(b.T, a.T))
    np.testing.assert_array_equal(a, kept[0])
    np.testing.assert_array_equal(b, kept[1])


@pytest.mark.parametrize("halves", [1, 2, 5, 16])
@pytest.mark.parametrize(("m", "k", "n"), [(2, 2, 2), (33, 35, 37), (40, 80, 47), (64, 32, 10)])
def test_halves(monkeypatch: pytest.MonkeyPatch, m: int, k: int, n: int, halves: int) -> None:
    monkeypatch.setattr(limbs, "HALVES_FROM", halves)
    rng = np.random.default_rng(halves)
    a, b = words(rng, m, k), words(rng, k, n)
    np.testing.assert_array_equal(limbs.matmul(a, b), np.matmul(a, b))


@given(st.data())
def test_any_shape_any_block(data: st.DataObject) -> None:
    m, k, n = (data.draw(st.integers(1, 12)) for _ in range(3))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    extremes = np.array([*EXTREMES, *plain.EDGES], dtype=np.uint64)
    a, b = extremes[rng.integers(0, len(extremes), (m, k))], extremes[rng.integers(0, len(extremes), (k, n))]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TERMS", "ROWS", "COLUMNS", "HALVES_FROM"):
            patch.setattr(limbs, name, data.draw(st.integers(1, 8)))
        np.testing.assert_array_equal(limbs.matmul(a, b), plain.matmul(a, b))
