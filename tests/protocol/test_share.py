"""Local operations on shares: exact in the ring, for any number of summands, with the scales that follow."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.errors import LocalProtocolError, RangeGuardError
from fedray.mpc import Session, Share
from fedray.mpc.dealer import Supply
from fedray.ring import Ring
from tests import plain
from tests.parties import compute, joined, split, words

EDGES = np.array(plain.EDGES, dtype=np.uint64)
SIZES = st.integers(2, 4)
VALUES = st.lists(st.integers(0, plain.MODULUS - 1), min_size=1, max_size=12)


def shared(x: Ring, size: int, scale: float = 4.0) -> list[Share]:
    return [Share(part, scale) for part in split(x, size, np.random.default_rng(size))]


@given(SIZES, VALUES)
def test_sum_negation_and_difference(size: int, values: list[int]) -> None:
    x = np.array(values, dtype=np.uint64)
    shares = shared(x, size)
    assert int(joined(share.sum() for share in shares)) == sum(values) % plain.MODULUS
    np.testing.assert_array_equal(joined(-share for share in shares), np.zeros_like(x) - x)
    np.testing.assert_array_equal(joined(share - -share for share in shares), x + x)
    assert {(-share).scale for share in shares} == {4.0}


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_mean_changes_the_scale_and_nothing_else(axis: int | None) -> None:
    x = words(np.random.default_rng(0), 3, 5) >> np.uint64(8)
    means = [share.mean(axis) for share in shared(x, 3, 2.0**10)]
    total = np.asarray(x.sum(axis=axis, dtype=np.uint64))
    count = x.size if axis is None else x.shape[axis]
    np.testing.assert_array_equal(joined(means), total)
    assert {mean.scale for mean in means} == {count * 2.0**10}


def test_the_mean_of_nothing_is_refused() -> None:
    with pytest.raises(LocalProtocolError, match="mean of no values"):
        Share(np.zeros((0, 3), np.uint64), 1.0).mean(0)


@given(SIZES, VALUES, st.floats(0.001, 1000.0), st.booleans())
def test_division_by_a_public_number_is_exact(size: int, values: list[int], divisor: float, negative: bool) -> None:
    x = np.array(values, dtype=np.uint64)
    quotients = [share.over(-divisor if negative else divisor) for share in shared(x, size, 1.0)]
    expected = [-value if negative else value for value in values]
    assert joined(quotients).tolist() == [value % plain.MODULUS for value in expected]
    assert {quotient.scale for quotient in quotients} == {divisor}


@pytest.mark.parametrize("divisor", [0.0, -0.0, np.inf, -np.inf, np.nan])
def test_division_by_no_number_is_refused(divisor: float) -> None:
    with pytest.raises(LocalProtocolError, match="other than 0"):
        Share(EDGES, 1.0).over(divisor)


@pytest.mark.parametrize("size", [2, 3])
def test_products_with_public_numbers(size: int) -> None:
    numbers = np.array([[-3.0], [0.5], [1.0 / 3.0]])
    scaled = [share.scaled(numbers, 2.0**20) for share in shared(EDGES, size)]
    factors = [round(Fraction(float(number)) * 2**20) for number in numbers.reshape(-1)]
    expected = [[(factor * int(x)) % plain.MODULUS for x in EDGES] for factor in factors]
    assert joined(scaled).tolist() == expected
    assert {share.scale for share in scaled} == {2.0**22}


def test_integers_at_scale_one_are_exact() -> None:
    scaled = [share.scaled([-7], 1.0) for share in shared(EDGES, 2)]
    np.testing.assert_array_equal(joined(scaled), EDGES * np.array([-7]).view(np.uint64))
    assert scaled[0].scale == 4.0


def test_public_numbers_too_large_are_refused() -> None:
    with pytest.raises(RangeGuardError, match="a public factor"):
        Share(EDGES, 1.0).scaled(2.0**40, 2.0**22)


@pytest.mark.parametrize("size", [2, 3])
def test_public_constants_are_added_once(size: int) -> None:
    xs = split(EDGES, size, np.random.default_rng(0))

    def protocol(s: Session, supply: Supply) -> Share:
        x = Share(xs[s.rank], 8.0)
        return x + s.constant(2.5, x.scale, x.shape) - s.constant(0.25, x.scale, x.shape)

    played = compute(size, protocol)
    np.testing.assert_array_equal(joined(played.all()[:size]), EDGES + np.uint64(18))
    assert played.channels[0].cost.total().rounds == 0


def test_scales_must_agree() -> None:
    with pytest.raises(LocalProtocolError, match="scales 2 and 1 cannot be added"):
        Share(EDGES, 2.0) + Share(EDGES, 1.0)


@pytest.mark.parametrize("shape", [(1,), (2, EDGES.size), ()])
def test_a_mask_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    """NumPy would repeat it in silence, and a mask that hides two values hides neither."""
    with pytest.raises(LocalProtocolError, match="cannot hide a share of shape"):
        Share(EDGES, 1.0).value_for(np.zeros(shape, np.uint64))
    assert Share(EDGES, 1.0).value_for(np.zeros(EDGES.shape, np.uint64)) is EDGES
