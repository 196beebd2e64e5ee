"""Sigmoid and its relatives in one round, at any input scale: a Fourier series at a masked opening.

The period is a power of two in the ring, so reduction modulo it commutes with the sum of the shares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from fedray.errors import LocalProtocolError
from fedray.mpc import wave_tables
from fedray.mpc.session import Pending, Round, Session
from fedray.mpc.share import Share
from fedray.ring import Ring, encode, series

Float = npt.NDArray[np.float64]

HALF_PERIOD = 32.0
"""L: the series' period is 2 L = 64."""

DOMAIN = 0.75
"""Part of L on which the approximations hold: |z| <= 24."""

HARMONICS = 12
"""Odd harmonics of the quick series, those of training."""


ODD = 2
"""Stride of the odd harmonics. They suffice where f(z + L) is what f was at 0, less f(z): for steps and bumps that
are over well before L. Half the harmonics of a full series of the same accuracy, and so half the dealer's work."""


@dataclass(frozen=True, eq=False)
class Wave:
    """f(z) = constant + sum_k odd_k sin(pi k z / L) + even_k cos(pi k z / L), k = 1, 1 + stride, ...

    Attributes
    ----------
    half_period
        L, in real units.
    stride
        1 for all harmonics, 2 for the odd ones.
    """

    constant: float
    odd: Float
    even: Float
    half_period: float = HALF_PERIOD
    stride: int = 1

    def __call__(self, z: Float) -> Float:
        """Return f(z) in floats."""
        harmonics = 1 + self.stride * np.arange(self.odd.size)
        angles = np.pi / self.half_period * np.asarray(z)[..., None] * harmonics
        value: Float = self.constant + np.sin(angles) @ self.odd + np.cos(angles) @ self.even
        return value


@cache
def sigmoid_wave(count: int) -> Wave:
    """Return sigmoid as a series of 12 odd harmonics or of the first 32.

    Domain: |z| <= 24.
    Error: 4.1e-4 with 12 harmonics, 7e-5 with 32.
    """
    if count == HARMONICS:
        return _odd(0.5, sine=wave_tables.SIGMOID_ODD_12)
    return Wave(0.5, np.array(_pick(count, {32: wave_tables.SIGMOID_32})), np.zeros(count))


@cache
def slope_wave(count: int) -> Wave:
    """Return the derivative of sigmoid as a series of 12 odd harmonics or of the first 32.

    Domain: |z| <= 24.
    Error: 1.1e-3 with 12 harmonics, 8e-5 with 32.
    """
    if count == HARMONICS:
        return _odd(0.0, cosine=wave_tables.SLOPE_ODD_12)
    return _cosines(_pick(count, {32: wave_tables.SLOPE_32}))


@cache
def pull_wave(count: int) -> Wave:
    """Return sigmoid times its derivative, the pull of a squared error towards 0; `count` is 12, odd harmonics.

    Domain: |z| <= 24.
    Error: 1.6e-3.
    """
    # with h = sigmoid - 1/2: sigmoid sigmoid' = h' / 2 (even) + h h' (odd)
    sine = _pick(count, {HARMONICS: wave_tables.PULL_ODD_12})
    return _odd(0.0, sine=sine, cosine=tuple(x / 2.0 for x in wave_tables.SLOPE_ODD_12))


def _odd(constant: float, sine: tuple[float, ...] = (), cosine: tuple[float, ...] = ()) -> Wave:
    zeros = (0.0,) * HARMONICS
    return Wave(constant, np.array(sine or zeros), np.array(cosine or zeros), stride=ODD)


def _cosines(coefficients: tuple[float, ...]) -> Wave:
    even = np.array(coefficients[1:])
    return Wave(coefficients[0], np.zeros(even.size), even)


def _pick(count: int, tables: Mapping[int, tuple[float, ...]]) -> tuple[float, ...]:
    if count not in tables:
        raise LocalProtocolError(f"no series of {count} harmonics; there are {sorted(tables)}")
    return tables[count]


def open_masked(r: Round, z: Share, parts: Mapping[str, Ring]) -> Pending:
    """Open c = z + R in the round `r`; R is uniform in the whole ring, and the series takes c modulo the period.

    Cost: n (n - 1) |z| elements, in the caller's round.
    Leaks: nothing (c is uniform).
    Ref: protocols, section 6.
    """
    return r.open(z.value + parts["R"])


def evaluate(
    s: Session,
    c: Ring,
    period_bits: int,
    table_scale: float,
    parts: Mapping[str, Ring],
    waves: Sequence[tuple[Wave, float]],
) -> list[Share]:
    """Return a share of each f(z) from the opening c of `open_masked`; local.

        sin k(c - R) = sin kc [cos kR] - cos kc [sin kR],  cos k(c - R) = cos kc [cos kR] + sin kc [sin kR]

    Parameters
    ----------
    c
        Opened, any shape.
    table_scale
        Scale of the dealer's tables.
    parts
        R, cos, sin of the step.
    waves
        Each function with the scale of its result, at least 2^8 times `table_scale`.

    Returns
    -------
    list of Share
        In order, each of c's shape; error: the wave's own, and the rounding of tables and factors: at most
        sum |coefficients| / table_scale + K table_scale / scale, and typically a tenth of that.
    """
    odd, even, constants = _prepared(tuple(waves), table_scale)
    stride = _stride(waves, len(parts["cos"]))
    tables = (parts["cos"], parts["sin"])
    summands = series.combine(c.reshape(-1), period_bits, tables, (odd, even), stride=stride)
    if s.rank == 0:
        summands += constants
    return [Share(mine.reshape(c.shape), scale) for mine, (_, scale) in zip(summands, waves, strict=True)]


def _stride(waves: Sequence[tuple[Wave, float]], count: int) -> int:
    kinds = {(wave.odd.size, wave.stride) for wave, _ in waves}
    if len(kinds) != 1 or (count, waves[0][0].stride) not in kinds:
        raise LocalProtocolError(f"series of {sorted(kinds)} (harmonics, stride) at tables of {count} harmonics")
    return waves[0][0].stride


@lru_cache(maxsize=64)
def _prepared(waves: tuple[tuple[Wave, float], ...], table_scale: float) -> tuple[Float, Float, Ring]:
    """Return the coefficients times the ratio of scales, (S, K) each, and the encoded constants, (S, 1)."""
    odd = np.stack([wave.odd * (scale / table_scale) for wave, scale in waves])
    even = np.stack([wave.even * (scale / table_scale) for wave, scale in waves])
    constants = np.stack([encode([wave.constant], scale) for wave, scale in waves])
    return odd, even, constants
