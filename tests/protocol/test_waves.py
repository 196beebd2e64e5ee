"""Periodic series on shares: their tables, their error, and what the masked opening shows."""

from __future__ import annotations

import numpy as np
import pytest

from fedray.errors import LocalProtocolError
from fedray.mpc import Session, Share, waves
from fedray.mpc.correlation import WaveMask
from fedray.mpc.dealer import Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.waves import HALF_PERIOD, Wave
from fedray.ring import Ring, encode
from tests import plain
from tests.parties import compute, joined, split

GRID = np.linspace(-24.0, 24.0, 4001)
Float = plain.Float


def basis(z: Float, count: int, *, cosines: bool) -> Float:
    angles = np.pi / HALF_PERIOD * z[:, None] * (np.arange(1, count + 1) if count == 32 else np.arange(1, 2 * count, 2))
    made: Float = np.cos(angles) if cosines else np.sin(angles)
    return np.hstack([np.ones((len(z), 1)), made]) if cosines and count == 32 else made


@pytest.mark.parametrize(("count", "bound"), [(12, 4.1e-4), (32, 7e-5)])
def test_sigmoid_series(count: int, bound: float) -> None:
    wave = waves.sigmoid_wave(count)
    assert np.max(np.abs(wave(GRID) - plain.sigmoid(GRID))) < bound
    fitted = plain.least_squares(basis(GRID, count, cosines=False), plain.sigmoid(GRID) - 0.5, 1e-8 * len(GRID))
    np.testing.assert_allclose(wave.odd, fitted, rtol=0, atol=1e-6)
    assert wave.constant == 0.5
    assert not wave.even.any()


@pytest.mark.parametrize(("count", "bound"), [(12, 1.1e-3), (32, 8e-5)])
def test_slope_series(count: int, bound: float) -> None:
    wave = waves.slope_wave(count)
    assert np.max(np.abs(wave(GRID) - plain.slope(GRID))) < bound
    fitted = plain.least_squares(basis(GRID, count, cosines=True), plain.slope(GRID), 1e-8 * len(GRID))
    np.testing.assert_allclose([wave.constant, *wave.even] if count == 32 else wave.even, fitted, rtol=0, atol=1e-6)
    assert not wave.odd.any()


def test_pull_series() -> None:
    wave = waves.pull_wave(12)
    assert np.max(np.abs(wave(GRID) - plain.sigmoid(GRID) * plain.slope(GRID))) < 1.6e-3
    odd = (plain.sigmoid(GRID) - 0.5) * plain.slope(GRID)
    fitted = plain.least_squares(basis(GRID, 12, cosines=False), odd, 1e-8 * len(GRID))
    np.testing.assert_allclose(wave.odd, fitted, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(wave.even, waves.slope_wave(12).even / 2)


def test_unknown_series_are_refused() -> None:
    for make in (waves.sigmoid_wave, waves.slope_wave, waves.pull_wave):
        with pytest.raises(LocalProtocolError, match="no series of 7 harmonics"):
            make(7)


def evaluate(
    size: int, z: Ring, z_scale: float, wanted: list[tuple[Wave, float]], table: float
) -> tuple[list[list[Share]], list[Ring]]:
    """Return each party's shares of the results, and the opened c at each party."""
    bits = int(np.log2(2 * HALF_PERIOD * z_scale))
    count = wanted[0][0].odd.size
    segment = Segment("w", 1, (WaveMask("wave", z.shape, bits, count, table, wanted[0][0].stride),))
    summands = split(z, size, np.random.default_rng(size))

    def protocol(s: Session, supply: Supply) -> tuple[list[Share], Ring]:
        parts = supply.step("w")["wave"]
        with s.round("open") as r:
            pending = waves.open_masked(r, Share(summands[s.rank], z_scale), parts)
        return waves.evaluate(s, pending.value, bits, table, parts, wanted), pending.value

    played = compute(size, protocol, [segment])
    results = played.all()[:size]
    assert [channel.cost.total().rounds for channel in played.channels[:size]] == [1] * size
    return [shares for shares, _ in results], [c for _, c in results]


@pytest.mark.parametrize(("size", "z_bits"), [(2, 58), (3, 36), (4, 28), (5, 58)])
def test_result_within_series_and_rounding(size: int, z_bits: int) -> None:
    z = np.concatenate([np.linspace(-24, 24, 301), [-24.0, 0.0, 24.0]])
    count, table, scale = 12, 2.0**16, 2.0**36
    ours = [(waves.sigmoid_wave(count), scale), (waves.slope_wave(count), 3.0 * scale)]
    shares, _ = evaluate(size, encode(z, 2.0 ** (z_bits - 6)) << np.uint64(6), 2.0**z_bits, ours, table)
    for k, (wave, at) in enumerate(ours):
        found = joined(party[k] for party in shares).view(np.int64) / at
        # half a unit of each table entry times its coefficient; half a unit of each factor times a table entry
        rounding = (np.abs(wave.odd) + np.abs(wave.even)).sum() * 2 / table + 2 * count * table / at
        assert np.max(np.abs(found - wave(z))) < rounding
        assert shares[0][k].scale == at


@pytest.mark.parametrize("turns", [-3, 1])
def test_the_series_is_periodic_in_the_ring(turns: int) -> None:
    z, scale = np.array([-20.0, -1.0, 0.5, 23.0]), 2.0**30
    wave = [(waves.sigmoid_wave(12), 2.0**36)]
    shares, _ = evaluate(2, encode(z + 64.0 * turns, scale), scale, wave, 2.0**16)
    found = joined(party[0] for party in shares).view(np.int64) / 2.0**36
    assert np.max(np.abs(found - plain.sigmoid(z))) < 5e-4


def test_the_opened_value_is_uniform_in_the_whole_ring() -> None:
    """Also above the period, where a mask shorter than the ring would show the sign of z."""
    z = np.full(20_000, -5.0)
    _, opened = evaluate(2, encode(z, 2.0**30), 2.0**30, [(waves.sigmoid_wave(12), 2.0**36)], 2.0**16)
    np.testing.assert_array_equal(opened[0], opened[1])
    for place in range(8):
        counts = np.bincount(opened[0].view(np.uint8).reshape(-1, 8)[:, place], minlength=256)
        expected = len(z) / 256
        # 255 degrees of freedom: 420 is beyond seven standard deviations
        assert ((counts - expected) ** 2 / expected).sum() < 420
