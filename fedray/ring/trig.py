"""Sine and cosine of ring elements read as angles, the same bits on every machine.

Parties multiply *shares* by public numbers that each computes for itself from an opened value. If two parties rounded
one of them differently, the result would be garbage of 64 bits, so library sines will not do: they differ between
processors and versions. Here only +, - and * on float64 are used, which IEEE 754 fixes to the last bit, in one order.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

# Taylor coefficients of sin(pi/2 t)/t and cos(pi/2 t) in t^2; for |t| <= 1/2 the first one left out is below 1e-17.
_HALF_PI = 1.5707963267948966
SIN_COEFFICIENTS = (
    _HALF_PI,
    -0.6459640975062462,
    0.07969262624616704,
    -0.004681754135318688,
    0.00016044118478735982,
    -3.5988432352120857e-06,
    5.692172921967926e-08,
    -6.688035109811467e-10,
    6.066935731106195e-12,
)
COS_COEFFICIENTS = (
    1.0,
    -1.2337005501361697,
    0.253669507901048,
    -0.020863480763352963,
    0.0009192602748394266,
    -2.5202042373060607e-05,
    4.710874778818172e-07,
    -6.386603083791822e-09,
    6.565963114979473e-11,
    -5.294400200734625e-13,
)


def turn(x: npt.NDArray[np.uint64], period_bits: int) -> Float:
    """Return x / 2^period_bits modulo 1, as a number in [-1/2, 1/2)."""
    top = np.left_shift(x, np.uint64(64 - period_bits)).view(np.int64)
    return top.astype(np.float64) * 2.0**-64


def sincos(turns: Float) -> tuple[Float, Float]:
    """Return sin and cos of 2 pi turns, |turns| <= 1/2; absolute error below 1e-15."""
    quarter = np.rint(turns * 4.0)  # -2 .. 2
    t = turns * 4.0 - quarter  # [-1/2, 1/2], exact
    u = t * t
    s = np.full_like(u, SIN_COEFFICIENTS[-1])
    for coefficient in reversed(SIN_COEFFICIENTS[:-1]):
        s = s * u + coefficient
    s = s * t
    c = np.full_like(u, COS_COEFFICIENTS[-1])
    for coefficient in reversed(COS_COEFFICIENTS[:-1]):
        c = c * u + coefficient
    odd = np.abs(quarter) == 1.0
    half = np.abs(quarter) == 2.0
    sine = np.where(odd, quarter * c, np.where(half, -s, s))
    cosine = np.where(odd, -quarter * s, np.where(half, -c, c))
    return sine, cosine


def harmonics(turns: Float, count: int, stride: int = 1) -> tuple[Float, Float]:
    """Return sin and cos of 2 pi k turns for `count` harmonics k = 1, 1 + stride, ...; stride is 1 or 2.

    Returns
    -------
    tuple
        Two arrays of shape ``(count, *turns.shape)``; by the Chebyshev recurrence, error below k^2 * 1e-15.
    """
    sines = np.empty((count, *turns.shape))
    cosines = np.empty((count, *turns.shape))
    sine, cosine = sincos(turns)
    before_s, before_c, twice = np.zeros_like(turns), np.ones_like(turns), cosine * 2.0
    if stride == 2:
        before_s, before_c, twice = -sine, cosine, cosine * cosine * 4.0 - 2.0
    for k in range(count):
        sines[k], cosines[k] = sine, cosine
        sine, before_s = twice * sine - before_s, sine
        cosine, before_c = twice * cosine - before_c, cosine
    return sines, cosines


def tables(
    turns: Float, stride: int, scale: float, cosines: npt.NDArray[np.uint64], sines: npt.NDArray[np.uint64]
) -> None:
    """NumPy twin of `fedray.ring.kernels.tables`: turns of shape (T, m), tables (T, K, m)."""
    by_sin, by_cos = harmonics(turns, cosines.shape[1], stride)
    for out, wave in ((cosines, by_cos), (sines, by_sin)):
        out[...] = np.rint(scale * wave).astype(np.int64).view(np.uint64).transpose(1, 0, 2)


def combine(
    turns: Float,
    table_cos: npt.NDArray[np.uint64],
    table_sin: npt.NDArray[np.uint64],
    odd: Float,
    even: Float,
    stride: int,
    out: npt.NDArray[np.uint64],
) -> None:
    """NumPy twin of `fedray.ring.kernels.combine`."""
    sines, cosines = harmonics(turns, table_cos.shape[0], stride)
    for series in range(odd.shape[0]):
        of_sine, of_cosine = odd[series][:, None], even[series][:, None]
        by_cos = np.rint(of_sine * sines + of_cosine * cosines).astype(np.int64).view(np.uint64)
        by_sin = np.rint(of_cosine * sines - of_sine * cosines).astype(np.int64).view(np.uint64)
        out[series] += (by_cos * table_cos + by_sin * table_sin).sum(axis=0, dtype=np.uint64)
