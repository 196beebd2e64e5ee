"""Normalisation: a positive shared number times a shared power of four, so that it lies between 1/4 and 1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedray.errors import LocalProtocolError
from fedray.mpc.beaver import close_mul, open_mul
from fedray.mpc.compare import MsbMask, msb_turns
from fedray.mpc.correlation import Correlation, Triple
from fedray.mpc.dealer import Bundle
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.turns import Turns, turn
from fedray.ring import Ring

MOST_BITS = 61
"""Largest exponent of a span's end: normalised numbers and those multiplied along stay below 2^62."""


@dataclass(frozen=True)
class Span:
    """A range of positive ring elements, 2^low <= X < 2^high, which the parties know.

    The narrower the span, the fewer the comparisons: one for every two bits of its width after the first two.

    Raises
    ------
    LocalProtocolError
        Not 0 <= low < high <= 61.
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if not 0 <= self.low < self.high <= MOST_BITS:
            raise LocalProtocolError(
                f"a span from 2^{self.low} to 2^{self.high} is not one of 0 <= low < high <= {MOST_BITS}"
            )

    @property
    def steps(self) -> int:
        """The largest exponent of 4 that an element is multiplied by, which is the number of comparisons."""
        return (self.high - self.low + 1) // 2 - 1

    def thresholds(self) -> Ring:
        """Return the powers of two that elements are compared with, from the largest; shape (steps,)."""
        return np.array([1 << (self.high - 2 * k) for k in range(1, self.steps + 1)], dtype=np.uint64)


@dataclass(frozen=True, eq=False)
class Normal:
    """A number X normalised: X 4^j in [2^high / 4, 2^high).

    Attributes
    ----------
    mantissa
        X 4^j, at scale 2^high: a number from 1/4 to 1.
    others
        Each other operand times 4^j, at its own scale, of its own shape.
    behind
        [1] for each threshold that X is below, shape (steps, *X.shape): j is their sum.
    """

    mantissa: Share
    others: Share
    behind: Share


def power(s: Session, behind: Share, base: int) -> Share:
    """Return [base^j] at scale 1, base 2 or 4, j the number of ones in `behind` along axis 0, ones first; local."""
    rises = np.array([base**k - base ** (k - 1) for k in range(1, behind.shape[0] + 1)], dtype=np.uint64)
    mine = np.asarray(np.tensordot(rises, behind.value, axes=1), dtype=np.uint64)
    return Share(mine, 1.0) + s.constant(1.0, 1.0, mine.shape)


def normal_masks(name: str, shape: tuple[int, ...], span: Span, others: int = 0) -> tuple[Correlation, ...]:
    """Return what `normalise` of an array of `shape` takes, with `others` further arrays of that shape."""
    if not span.steps:
        return ()
    rows = (0,) * (1 + others)
    return (
        MsbMask(f"{name}.below", (span.steps, *shape)),
        Triple(f"{name}.shift", (1 + others, *shape), rows),
    )


def normalise(s: Session, x: Share, others: Share, span: Span, bundle: Bundle, name: str) -> Turns[Normal]:
    """Return x normalised, and other numbers multiplied along.

        [b_k] = [X < 2^high / 4^k], k = 1 .. steps      one batch of comparisons
        [4^j] = 1 + sum_k (4^k - 4^(k-1)) [b_k]
        [X 4^j], [Y 4^j]                                4^j is opened once for all products

    Parameters
    ----------
    x
        Any shape and scale; its ring elements X in the span.
    others
        Shape (q, *x.shape), q at least 0; their products with 4^j must stay in the ring.
    bundle, name
        A step with the correlations of `normal_masks(name, x.shape, span, q)`.

    Domain: 2^low <= X < 2^high; elsewhere the mantissa is not between 1/4 and 1, and nobody is told.
    Cost: 9 rounds, none if the span is 2 bits wide or less; the comparison of steps |x| numbers (section 9), and
    n (n - 1) (2 + q) |x| elements.
    Leaks: nothing.
    Ref: protocols, sections 9 and 14.
    """
    if not span.steps:
        none = Share(np.zeros((0, *x.shape), np.uint64), 1.0)
        return Normal(Share(x.value, 2.0**span.high), others, none)
    limits = span.thresholds().reshape(-1, *[1] * len(x.shape))
    less = x.value - limits if s.rank == 0 else np.broadcast_to(x.value, (span.steps, *x.shape))
    behind = yield from msb_turns(s, Share(less, 1.0), bundle[f"{name}.below"])
    factor = power(s, behind, 4)
    operands = Share(np.concatenate([x.value[None], others.value]), 1.0)
    parts, rows = bundle[f"{name}.shift"], (0,) * operands.shape[0]
    opened = yield from turn(lambda r: open_mul(r, Share(factor.value[None], 1.0), operands, parts, rows))
    products = close_mul(s, opened, parts).value
    return Normal(Share(products[0], 2.0**span.high), Share(products[1:], others.scale), behind)
