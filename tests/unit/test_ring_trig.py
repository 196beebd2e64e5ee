"""Sine and cosine with fixed bits: error bounds, and compiled against NumPy bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.ring import Ring, series, trig
from tests import plain

element = st.one_of(st.integers(0, plain.MODULUS - 1), st.sampled_from(plain.EDGES))
points = st.lists(element, min_size=1, max_size=12).map(lambda values: np.array(values, dtype=np.uint64))
periods = st.integers(10, 64)


@given(points, periods)
def test_turn_is_the_signed_remainder(x: Ring, bits: int) -> None:
    for value, turn in zip(x.tolist(), trig.turn(x, bits).tolist(), strict=True):
        low = value % 2**bits
        expected = low - 2**bits if low >= 2 ** (bits - 1) else low
        assert abs(turn - expected / 2**bits) <= 2.0**-54


def test_sine_and_cosine_within_1e_15() -> None:
    eighths = np.arange(-4, 5) / 8.0
    near = np.concatenate([eighths[1:-1] + d for d in (-1e-9, -1e-17, 1e-17, 1e-9)])
    turns = np.concatenate([np.linspace(-0.5, 0.5, 20_001), eighths, near])
    sine, cosine = trig.sincos(turns)
    exact = turns.astype(np.longdouble) * 8 * np.arctan(np.longdouble(1))
    assert np.max(np.abs(sine - np.sin(exact))) < 1e-15
    assert np.max(np.abs(cosine - np.cos(exact))) < 1e-15


def test_quarters_are_exact() -> None:
    sine, cosine = trig.sincos(np.array([-0.5, -0.25, 0.0, 0.25, 0.5]))
    assert np.abs(sine).tolist() == [0.0, 1.0, 0.0, 1.0, 0.0]
    assert cosine.tolist()[::2] == [-1.0, 1.0, -1.0]
    assert sine.tolist()[1::2] == [-1.0, 1.0]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("count", [1, 2, 12, 32])
def test_harmonics_within_their_bound(count: int, stride: int) -> None:
    turns = np.random.default_rng(0).integers(-(2**51), 2**51, 400) / 2.0**52
    sines, cosines = trig.harmonics(turns, count, stride)
    assert sines.shape == cosines.shape == (count, 400)
    for place in range(count):
        k = 1 + stride * place
        exact = np.array([plain.sine_of(turn, k) for turn in turns.tolist()])
        assert np.max(np.abs(sines[place] - exact[:, 0])) < k**2 * 1e-15
        assert np.max(np.abs(cosines[place] - exact[:, 1])) < k**2 * 1e-15


strides = st.sampled_from([1, 2])


@given(points, periods, st.sampled_from([1, 2, 12, 32]), strides, st.sampled_from([2.0**8, 2.0**24, 12345.678]))
def test_tables_are_the_same_bits(x: Ring, bits: int, count: int, stride: int, scale: float) -> None:
    steps = np.stack([x, x[::-1]])
    by_numpy = series.tables(steps, bits, count, scale, stride=stride, compiled=False)
    compiled = series.tables(steps, bits, count, scale, stride=stride, compiled=True)
    for one, other in zip(by_numpy, compiled, strict=True):
        assert one.shape == (2, count, x.size)
        np.testing.assert_array_equal(one, other)


@given(points, periods, st.sampled_from([1, 12, 32]), strides, st.integers(1, 3), st.integers(0, 2**32))
def test_combinations_are_the_same_bits(x: Ring, bits: int, count: int, stride: int, functions: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shares = tuple(rng.integers(0, plain.MODULUS, (count, x.size), dtype=np.uint64) for _ in range(2))
    odd, even = rng.uniform(-(2.0**40), 2.0**40, (2, functions, count))
    by_numpy = series.combine(x, bits, (shares[0], shares[1]), (odd, even), stride=stride, compiled=False)
    compiled = series.combine(x, bits, (shares[0], shares[1]), (odd, even), stride=stride, compiled=True)
    assert by_numpy.shape == (functions, x.size)
    np.testing.assert_array_equal(by_numpy, compiled)


def test_combination_is_the_addition_theorem() -> None:
    rng = np.random.default_rng(5)
    bits, count, table_scale = 40, 24, 2.0**20
    z, r = rng.integers(0, 1 << bits, (2, 200), dtype=np.uint64)
    cosines, sines = series.tables(r[None], bits, count, table_scale)
    tables = cosines[0], sines[0]
    odd, even = rng.normal(size=(2, 1, count))
    scale = 2.0**34
    factors = odd * scale / table_scale, even * scale / table_scale
    found = series.combine(z + r, bits, tables, factors)[0].view(np.int64) / scale
    sines, cosines = trig.harmonics(trig.turn(z, bits), count)
    expected = odd[0] @ sines + even[0] @ cosines
    # half a unit of each table entry and of each factor, at most
    bound = (np.abs(odd) + np.abs(even)).sum() / table_scale + 2 * count / scale * table_scale
    assert np.max(np.abs(found - expected)) < bound
    assert np.max(np.abs(found - expected)) > 0


def test_points_of_several_blocks_are_the_same_bits() -> None:
    x = np.random.default_rng(6).integers(0, plain.MODULUS, 1300, dtype=np.uint64)
    found = [series.tables(x[None], 50, 3, 2.0**20, stride=2, compiled=way) for way in (False, True)]
    np.testing.assert_array_equal(found[0], found[1])
    shares = found[0][0][0], found[0][1][0]
    odd, even = np.full((1, 3), 9.5), np.full((1, 3), -3.25)
    ends = [series.combine(x, 50, shares, (odd, even), stride=2, compiled=way) for way in (False, True)]
    np.testing.assert_array_equal(ends[0], ends[1])
