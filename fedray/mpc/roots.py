"""Reciprocals, square roots and quotients of shared numbers: normalise, one series on the mantissa, scale back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import frexp, sqrt

import numpy as np

from fedray.errors import LocalProtocolError
from fedray.mpc import root_tables, waves
from fedray.mpc.beaver import close_mul, open_mul
from fedray.mpc.correlation import Correlation, Triple, TruncMask, WaveMask
from fedray.mpc.dealer import Bundle
from fedray.mpc.normal import Normal, Span, normal_masks, normalise, power
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import OpenedTrunc, close_trunc, open_trunc
from fedray.mpc.turns import Turns, turn
from fedray.mpc.waves import Wave

COUNT = 16
"""Harmonics of the series."""

TABLE_BITS, SERIES_BITS = 28, 57
"""Scales of the dealer's tables and of the series' value, as exponents: both roundings are below 1e-7."""

FINE = 30
"""Bits that are kept of a mantissa's function where the ring has room for them."""

LEAST = 8
"""The fewest bits that are worth while."""

RING_BITS = 61
"""Products stay below 2 to this power, so that they can be added and truncated."""

_TABLES: Mapping[str, tuple[float, ...]] = {
    "reciprocal": root_tables.RECIPROCAL,
    "inverse sqrt": root_tables.INVERSE_SQRT,
    "sqrt": root_tables.SQRT,
}


@cache
def root_wave(kind: str) -> Wave:
    """Return 1/m, 1/sqrt(m) or sqrt(m) as a series of 16 harmonics with a period of 2.

    Parameters
    ----------
    kind
        "reciprocal", "inverse sqrt" or "sqrt".

    Domain: 1/4 <= m <= 1.
    Error: relative, 5e-9, 1.1e-9 and 1.6e-10.
    """
    if kind not in _TABLES:
        raise LocalProtocolError(f"no series for {kind[:80]!r}; there are {sorted(_TABLES)}")
    table = np.array(_TABLES[kind])
    return Wave(float(table[0]), table[1 : COUNT + 1], table[COUNT + 1 :], half_period=1.0)


@dataclass(frozen=True)
class Root:
    """The plan of a `root`: what it takes and how fine it is.

    Attributes
    ----------
    name
        Of the correlations, unique in a step.
    kind
        "reciprocal", "inverse sqrt" or "sqrt".
    shape, span
        Of the argument.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    span: Span

    def __post_init__(self) -> None:
        root_wave(self.kind)
        if self.bits < LEAST:
            raise LocalProtocolError(
                f"a reciprocal from 2^{self.span.low} to 2^{self.span.high} would have {self.bits} bits, "
                f"and {LEAST} is the least: narrow the span"
            )

    @property
    def bits(self) -> int:
        """Bits that are kept of the mantissa's function."""
        if self.kind == "reciprocal":
            return min(FINE, RING_BITS - 2 * self.span.steps - 2)
        return FINE

    def scale(self, given: float) -> float:
        """Return the scale of the result for an argument at a scale."""
        return 2.0**self.bits * _unit(self, given)

    def correlations(self) -> tuple[Correlation, ...]:
        """Return what a step takes."""
        scaled_back = (Triple(f"{self.name}.back", self.shape),) if self.span.steps else ()
        normal = normal_masks(f"{self.name}.normal", self.shape, self.span)
        return (*normal, *_series_masks(self.name, self.shape, self.span, self.bits), *scaled_back)


def root(s: Session, plan: Root, x: Share, bundle: Bundle) -> Turns[Share]:
    """Return [1/x], [1/sqrt(x)] or [sqrt(x)], by the plan's kind.

        X 4^j = m 2^high, 1/4 <= m < 1                  (normalise)
        [f(m)] by a series at a masked opening, truncated to the plan's bits
        1/X = 4^j (1/m) / 2^high,  1/sqrt(X) = 2^j (1/sqrt(m)) / 2^(high/2),  sqrt(X) = 2^-j sqrt(m) 2^(high/2)

    Parameters
    ----------
    x
        Of the plan's shape, at any scale; its ring elements lie in the plan's span.
    bundle
        A step with `plan.correlations()`.

    Returns
    -------
    Share
        Of x's shape; its scale follows from x's scale and the plan, and no result reaches 2^62.

    Domain: 2^low <= X < 2^high in ring units, X = x scale; elsewhere the result is wrong and nobody is told.
    Error: relative, 2e-7 + 2^(1 - bits): 2e-7 for roots, and for reciprocals in spans up to 31 bits wide; beyond,
    a reciprocal's bits are 61 less the width (made even).
    Cost: 12 rounds (2 if the span is at most 2 bits wide); section 14 for elements.
    Leaks: nothing.
    Ref: protocols, section 14.
    """
    none = Share(np.zeros((0, *x.shape), np.uint64), 1.0)
    normal = yield from normalise(s, x, none, plan.span, bundle, f"{plan.name}.normal")
    value, _ = yield from _series(s, plan.name, (plan.kind, plan.span, plan.bits), (normal, 0), bundle)
    scale = plan.scale(x.scale)
    if not plan.span.steps:
        return Share(value.value, scale)
    factor, parts = _factor(s, plan, normal.behind), bundle[f"{plan.name}.back"]
    opened = yield from turn(lambda r: open_mul(r, value, factor, parts))
    return Share(close_mul(s, opened, parts).value, scale)


def _factor(s: Session, plan: Root, behind: Share) -> Share:
    """Return [4^j], [2^j] or [2^(steps - j)]."""
    if plan.kind != "sqrt":
        return power(s, behind, 4 if plan.kind == "reciprocal" else 2)
    passed = s.constant(1.0, 1.0, behind.shape) - behind
    return power(s, Share(passed.value[::-1], 1.0), 2)  # the smallest threshold is the first to be passed


def _unit(plan: Root, scale: float) -> float:
    """Return what f(m) times its factor is for f(x) = 1, x at `scale`."""
    whole = 2.0**plan.span.high / scale
    if plan.kind == "sqrt":
        return 2.0**plan.span.steps / sqrt(whole)
    return whole if plan.kind == "reciprocal" else sqrt(whole)


@dataclass(frozen=True)
class Quotient:
    """The plan of a `divide`: what it takes and how fine it is.

    Attributes
    ----------
    name
        Of the correlations, unique in a step.
    shape, span
        Of the divisor.
    most
        Bound of |A / X| in ring units: of |a / x| times a's scale / x's scale.
    count
        Number of dividends of the divisor's shape.
    bits
        Kept of the dividend and of the reciprocal, 8 .. 30; a result has up to twice as many.
    """

    name: str
    shape: tuple[int, ...]
    span: Span
    most: float
    count: int = 1
    bits: int = FINE

    def __post_init__(self) -> None:
        if not LEAST <= self.bits <= FINE or not 0 < self.most <= 2.0 ** (RING_BITS - self.span.high):
            raise LocalProtocolError(
                f"a quotient keeps {LEAST} to {FINE} bits, not {self.bits}, and its bound lies between 0 and "
                f"2^{RING_BITS - self.span.high} in ring units, not at {self.most:g}"
            )

    @property
    def shift(self) -> int:
        """Bits that are cut off the normalised dividend, or 0."""
        part, exponent = frexp(self.most)  # exact, so that no two machines shift differently
        return max(0, exponent - (part == 0.5) + self.span.high - self.bits - 1)

    def correlations(self) -> tuple[Correlation, ...]:
        """Return what a step takes."""
        several = (self.count, *self.shape)
        cut = (TruncMask(f"{self.name}.cut", several, self.shift),) if self.shift else ()
        return (
            *normal_masks(f"{self.name}.normal", self.shape, self.span, self.count),
            *_series_masks(self.name, self.shape, self.span, self.bits),
            *cut,
            Triple(f"{self.name}.back", several, (0,) * self.count),
        )


def divide(s: Session, plan: Quotient, a: Share, x: Share, bundle: Bundle) -> Turns[Share]:
    """Return [a / x] for x > 0 and any a within the plan's bound.

        X 4^j = m 2^high, 1/4 <= m < 1, and A 4^j, truncated to the plan's bits     (normalise)
        [1/m] by a series at a masked opening, truncated to the plan's bits
        A / X = (A 4^j) (1/m) / 2^high

    Parameters
    ----------
    a
        Shape (count, *x.shape), or x's shape for a single dividend.
    x
        Of the plan's shape; its ring elements lie in the plan's span.
    bundle
        A step with `plan.correlations()`.

    Returns
    -------
    Share
        Of a's shape; its scale follows from the scales and the plan, and no result reaches 2^62.

    Domain: 2^low <= X < 2^high and |A| <= most X in ring units; elsewhere the result is wrong and nobody is told.
    Error: (2e-7 + 2^(1 - bits)) |a / x| + 2^(3 - bits) of the largest quotient; with 30 bits, 2e-7 and 8e-9.
    Cost: 12 rounds (3 if the span is at most 2 bits wide); section 14 for elements.
    Leaks: nothing.
    Ref: protocols, section 14.
    """
    several = Share(a.value.reshape(plan.count, *x.shape), a.scale)
    normal = yield from normalise(s, x, several, plan.span, bundle, f"{plan.name}.normal")
    inverse, cut = yield from _series(s, plan.name, ("reciprocal", plan.span, plan.bits), (normal, plan.shift), bundle)
    parts, rows = bundle[f"{plan.name}.back"], (0,) * plan.count
    opened = yield from turn(lambda r: open_mul(r, Share(inverse.value[None], 1.0), cut, parts, rows))
    product = close_mul(s, opened, parts).value
    return Share(product.reshape(a.shape), 2.0 ** (plan.span.high - plan.shift + plan.bits) * a.scale / x.scale)


def _series_masks(name: str, shape: tuple[int, ...], span: Span, bits: int) -> tuple[Correlation, ...]:
    return (
        WaveMask(f"{name}.wave", shape, span.high + 1, COUNT, 2.0**TABLE_BITS),
        TruncMask(f"{name}.trunc", shape, SERIES_BITS - bits),
    )


def _series(
    s: Session, name: str, what: tuple[str, Span, int], operands: tuple[Normal, int], bundle: Bundle
) -> Turns[tuple[Share, Share]]:
    """Return [f(m)] at scale 2^bits, and the others cut by a shift in the round in which m is opened."""
    (kind, span, bits), (normal, shift), masks = what, operands, bundle[f"{name}.wave"]
    cut: OpenedTrunc | None = None
    if shift:
        c, cut = yield from turn(
            lambda r: (
                waves.open_masked(r, normal.mantissa, masks),
                open_trunc(r, normal.others, shift, bundle[f"{name}.cut"]),
            )
        )
    else:
        c = yield from turn(lambda r: waves.open_masked(r, normal.mantissa, masks))
    wanted = [(root_wave(kind), 2.0**SERIES_BITS)]
    value = waves.evaluate(s, c.value, span.high + 1, 2.0**TABLE_BITS, masks, wanted)[0]
    parts = bundle[f"{name}.trunc"]
    shortened = yield from turn(lambda r: open_trunc(r, value, SERIES_BITS - bits, parts))
    others = close_trunc(s, cut, bundle[f"{name}.cut"]) if cut else normal.others
    return close_trunc(s, shortened, parts), others
