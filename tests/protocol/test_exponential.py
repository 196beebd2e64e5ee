"""The exponential on shares: its tables, its error at several scales, and periods of any power of two."""

from __future__ import annotations

import numpy as np
import pytest

from fedray.errors import LocalProtocolError
from fedray.mpc import Session, Share, waves
from fedray.mpc.correlation import WaveMask
from fedray.mpc.dealer import Supply
from fedray.mpc.exponential import EXP_DOMAIN, EXP_HALF_PERIOD, exp_wave
from fedray.mpc.schedule import Segment
from fedray.ring import Ring, encode
from tests import plain
from tests.parties import Played, compute, joined, split

Float = plain.Float
GRID = np.linspace(-6.0, 6.0, 4001)
BOUNDS = {16: 2.0e-4, 24: 2.0e-6, 32: 1.1e-6}


@pytest.mark.parametrize("count", BOUNDS)
def test_error_of_the_series(count: int) -> None:
    assert (EXP_HALF_PERIOD, EXP_DOMAIN) == (8.0, 6.0)
    error = np.abs(exp_wave(count)(GRID) - np.exp(GRID)) / (1.0 + np.exp(GRID))
    assert BOUNDS[count] / 5 < error.max() < BOUNDS[count]
    wave = exp_wave(count)
    assert np.abs(wave.odd).sum() + np.abs(wave.even).sum() < 1300
    assert wave.odd.shape == wave.even.shape == (count,)


@pytest.mark.parametrize("count", BOUNDS)
def test_the_table_is_the_fit(count: int) -> None:
    """A new fit differs by less than the bound everywhere, although the equations are nearly singular."""
    angles = np.pi / 8.0 * GRID[:, None] * np.arange(1, count + 1)
    basis = np.hstack([np.ones((len(GRID), 1)), np.sin(angles), np.cos(angles)])
    weight = 1.0 / (1.0 + np.exp(GRID)) / np.sqrt(len(GRID))
    ridge = {16: 1e-17, 24: 1e-18, 32: 1e-18}[count] ** 0.5
    rows = np.vstack([basis * weight[:, None], ridge * np.eye(2 * count + 1)])
    target = np.concatenate([np.exp(GRID) * weight, np.zeros(2 * count + 1)])
    fitted = np.linalg.lstsq(rows, target, rcond=None)[0]
    assert np.max(np.abs(basis @ fitted - exp_wave(count)(GRID)) / (1.0 + np.exp(GRID))) < BOUNDS[count] / 2


def test_unknown_series_are_refused() -> None:
    with pytest.raises(LocalProtocolError, match="no exponential of 7 harmonics"):
        exp_wave(7)


def exponential(
    size: int, z: Ring, z_scale: float, count: int, table: float, scale: float
) -> tuple[Float, Played[Share]]:
    bits = round(np.log2(2 * EXP_HALF_PERIOD * z_scale))
    summands = split(z, size, np.random.default_rng(size))

    def protocol(s: Session, supply: Supply) -> Share:
        parts = supply.step("e")["exp"]
        with s.round("open") as r:
            pending = waves.open_masked(r, Share(summands[s.rank], z_scale), parts)
        return waves.evaluate(s, pending.value, bits, table, parts, [(exp_wave(count), scale)])[0]

    played = compute(size, protocol, [Segment("e", 1, (WaveMask("exp", z.shape, bits, count, table),))])
    return joined(played.all()[:size]).view(np.int64) / scale, played


@pytest.mark.parametrize(("size", "z_bits", "count"), [(2, 20, 16), (3, 58, 24), (2, 4, 32), (4, 30, 24)])
def test_result_within_series_and_rounding(size: int, z_bits: int, count: int) -> None:
    exact = np.round(np.linspace(-6.0, 6.0, 193) * 16) / 16
    found, played = exponential(size, encode(exact, 2.0**z_bits), 2.0**z_bits, count, 2.0**22, 2.0**44)
    rounding = 1300 / 2.0**22 + 2 * count / 2.0**22
    assert np.all(np.abs(found - np.exp(exact)) < BOUNDS[count] * (1.0 + np.exp(exact)) + rounding)
    assert [channel.cost.total().rounds for channel in played.channels[:size]] == [1] * size


def test_another_period_in_the_ring_comes_out_the_same() -> None:
    z = np.array([-6.0, -0.5, 0.0, 6.0])
    near, _ = exponential(2, encode(z, 2.0**20), 2.0**20, 16, 2.0**20, 2.0**40)
    far, _ = exponential(2, encode(z - 48.0, 2.0**20), 2.0**20, 16, 2.0**20, 2.0**40)
    np.testing.assert_allclose(near, far, atol=5e-3)
