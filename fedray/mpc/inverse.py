"""The inverse of a shared symmetric matrix whose diagonal is 1: Newton's iteration, which needs products only."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log2

import numpy as np

from fedray.mpc.beaver import forward, open_layer
from fedray.mpc.correlation import Correlation, DenseTriple
from fedray.mpc.cut import Cut, cut
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.session import Session
from fedray.mpc.share import Share

__all__ = ["BITS", "LEAST_EIGENVALUE", "Inverse", "Inverted", "invert"]

BITS = 25
"""Of matrix and inverse: their products stay in the ring."""

LEAST_EIGENVALUE = 2.0**-8
"""Of the matrix: below it the inverse has not come to its end."""

_CUT = ".cut"

_LEFT = 2.0**-20
"""What may be left of 1 - x a in the direction of the least eigenvalue a."""


@dataclass(frozen=True)
class Inverse:
    """The plan of an `invert`.

    Attributes
    ----------
    label
        Start of the segments' labels.
    size
        Rows of the matrix.
    scale
        Of the matrix: at least 2^BITS, and less than twice that.
    """

    label: str
    size: int
    scale: float

    @property
    def start(self) -> float:
        """The first guess is this times the unit matrix; no eigenvalue is above the size, which is their sum."""
        return 2.0 / (self.size + LEAST_EIGENVALUE)

    @property
    def rounds(self) -> int:
        """Iterations: each squares what is left of 1 - x a in every direction."""
        return ceil(log2(-np.log(_LEFT) / (self.start * LEAST_EIGENVALUE)))

    def cuts(self) -> list[tuple[Cut, Cut]]:
        """Return, for each iteration, how its two products are cut; the last product is that with the inverse."""
        shape, x, made = (self.size, self.size), 2.0**BITS, []
        for _ in range(self.rounds + 1):
            error = Cut(f"error{_CUT}", shape, self.scale * x, BITS)
            better = Cut(f"better{_CUT}", shape, x * error.after, BITS)
            made.append((error, better))
            x = better.after
        return made

    def segments(self) -> list[Segment]:
        """Return what it takes."""
        shape = (self.size, self.size, self.size)
        made = []
        for number, (error, better) in enumerate(self.cuts()):
            masks: tuple[Correlation, ...] = (DenseTriple("error", shape, training=False), *error.correlations())
            if number < self.rounds:
                masks = (*masks, DenseTriple("better", shape, training=False), *better.correlations())
            made.append(Segment(f"{self.label}/{number}", 1, masks))
        return made


@dataclass(frozen=True, eq=False)
class Inverted:
    """What `invert` found: the inverse, and what the matrix times it is off the unit matrix."""

    inverse: Share
    left: Share


def invert(s: Session, plan: Inverse, a: Share, supply: Supply) -> Inverted:
    """Return [A^-1] of a symmetric matrix with a diagonal of ones, and [A A^-1 - 1].

        X = start 1;   X' = X (2 - A X), for so many iterations

    Parameters
    ----------
    a
        Shape (size, size), at the plan's scale.

    Domain: all eigenvalues of A from 2^-8 up. Where one is much smaller, and where A is none such matrix, what is left
    is far from 0, which is for the caller to see.
    Error: of an element of the inverse some 2^-25 size / (the least eigenvalue)^2.
    Cost: 4 rounds for each iteration and 2 more, 14 iterations for 5 rows and 19 for 128; each 2 products of matrices.
    Leaks: nothing.
    Ref: protocols, section 24.
    """
    eye = np.eye(plan.size)
    x = s.constant(plan.start * eye, 2.0**BITS)
    *iterations, last = plan.cuts()
    for number, (error_cut, better_cut) in enumerate(iterations):
        bundle = supply.step(f"{plan.label}/{number}")
        product = _product(s, a, x, bundle, error_cut)
        error = s.constant(2.0 * eye, product.scale) - product
        x = _product(s, x, error, bundle, better_cut)
    product = _product(s, a, x, supply.step(f"{plan.label}/{plan.rounds}"), last[0])
    return Inverted(x, product - s.constant(eye, product.scale))


def _product(s: Session, x: Share, y: Share, bundle: Bundle, plan: Cut) -> Share:
    parts = bundle[plan.name.removesuffix(_CUT)]
    opened = open_layer(s, x, y, parts)
    return cut(s, plan, forward(s, opened, x.scale * y.scale, parts), bundle)
