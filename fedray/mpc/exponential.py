"""The exponential in one round, at any input scale: a Fourier series at a masked opening, as in `fedray.mpc.waves`."""

from __future__ import annotations

from functools import cache

import numpy as np

from fedray.errors import LocalProtocolError
from fedray.mpc import exp_tables
from fedray.mpc.waves import Wave

EXP_HALF_PERIOD = 8.0
"""L: the period is 2 L = 16 in real units, so an input at scale f has 16 f = 2^period_bits."""

EXP_DOMAIN = 6.0
"""Largest |z| for which the series hold."""

_TABLES = {16: exp_tables.EXP_16, 24: exp_tables.EXP_24, 32: exp_tables.EXP_32}


@cache
def exp_wave(count: int) -> Wave:
    """Return e^z as a series of `count` harmonics, 16, 24 or 32, with a period of 16.

    Open z with a `WaveMask` of as many harmonics and a period of 16 z.scale = 2^period_bits, which any scale that is a
    power of two gives, then `waves.evaluate`. A factor is free: a result at scale g is also e^(z + a) at scale g / e^a.

    Domain: |z| <= 6; beyond it the result is wrong, and from |z| = 8 on it comes back from the other side.
    Error: 2e-4 (1 + e^z) with 16 harmonics, 2e-6 (1 + e^z) with 24, 1.1e-6 (1 + e^z) with 32. To it comes the rounding
    in `waves.evaluate`; the sum of |coefficients| is below 1300, so tables want a scale of 2^20 or more.
    """
    if count not in _TABLES:
        raise LocalProtocolError(f"no exponential of {count} harmonics; there are {sorted(_TABLES)}")
    table = np.array(_TABLES[count])
    return Wave(float(table[0]), table[1 : count + 1], table[count + 1 :], half_period=EXP_HALF_PERIOD)
