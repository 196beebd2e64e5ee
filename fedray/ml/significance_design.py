"""The public numbers of the z values of a linear model's coefficients: blocks of rows, fixed-point scales, schedule.

With features x (the intercept's is 1), weights w and u = p (1 - p) of each row, or u = 1 for the squared error,

    h = 1/n sum u x x^T       d = diag(h)^(-1/2)       R = d h d       z = sqrt(n) w sqrt(diag h) diag(R^-1)^(-1/2)

and for the squared error z / s, s^2 being the sum of the squared residuals over n - k. So nothing is inverted but a
matrix whose diagonal is 1, whatever the units of the columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fedray.ml.guard_plan import SIDES
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_scales import INTERCEPT_FACTOR
from fedray.ml.linear_schedule import period_bits
from fedray.mpc.compare import MsbMask
from fedray.mpc.correlation import (
    BackwardMask,
    Correlation,
    ElementMask,
    ForwardMask,
    SquareMask,
    Triple,
    WaveMask,
)
from fedray.mpc.cut import Cut
from fedray.mpc.dealer import PrivateShape
from fedray.mpc.inverse import BITS, Inverse
from fedray.mpc.normal import Span
from fedray.mpc.roots import Root
from fedray.mpc.schedule import Segment

__all__ = ["BLOCK_ROWS", "HARMONICS", "LEFT", "MOST_SQUARE", "SLOPE_SCALE", "SPREAD", "TABLE", "SignificanceDesign"]

BLOCK_ROWS = 1 << 12
MOST_SQUARE = 64.0
"""Largest mean square of a column of features over a block of rows: their products stay in the ring."""

HARMONICS = 32
SLOPE_SCALE, TABLE = 2.0**34, 2.0**17
"""Of p (1 - p) as it comes from its series, and of the dealer's tables for it."""

SPREAD = (2.0**-12, MOST_SQUARE)
"""Diagonal of h: the mean of u x^2 of a column."""

ERROR = (2.0**-16, 2.0**4)
"""s^2, in deviations of the label."""

LEFT = 2.0**-12
"""What an element of R R^-1 - 1 may be."""

_SLOPE_BITS = 24
_SUM_BITS = 30
_ROOT_BITS = 22
_FACTOR_BITS = 26
_RESIDUAL_BITS = 14


@dataclass(frozen=True)
class SignificanceDesign:
    """What the parties and the dealer know; `model` is the training's."""

    model: LinearDesign

    @property
    def size(self) -> int:
        """Coefficients: one for each column, and the intercept's as the last."""
        return self.model.columns + self.model.intercept

    @property
    def curved(self) -> bool:
        """Whether rows weigh p (1 - p)."""
        return self.model.objective == "logistic"

    @property
    def one(self) -> int:
        """The intercept's feature in ring units, at the features' scale: 1.0, or nearly so."""
        return round(self.model.scales.x)

    def blocks(self) -> Iterator[slice]:
        """Yield the rows that are multiplied at a time."""
        rows = self.model.rows[0]
        for start in range(0, rows, BLOCK_ROWS):
            yield slice(start, min(start + BLOCK_ROWS, rows))

    @property
    def matrices(self) -> tuple[PrivateShape, ...]:
        """The private matrices: the training rows of each owner."""
        model = self.model
        return tuple(PrivateShape(owner, "train", (model.rows[0], model.features[owner])) for owner in model.owners)

    @cached_property
    def block(self) -> Cut:
        """How the sum of a block of rows is cut."""
        scale = self.model.scales.x**2 * (2.0**_SLOPE_BITS if self.curved else 1.0)
        return Cut("block", (self.size, self.size), scale, _SUM_BITS)

    @cached_property
    def mean(self) -> Cut:
        """How h is cut: a sum, at the scale of a mean."""
        return Cut("mean", (self.size, self.size), self.block.after * self.model.rows[0], _SUM_BITS)

    @cached_property
    def spread(self) -> Root:
        """How d comes from the diagonal of h."""
        low, high = SPREAD
        span = Span(_SUM_BITS + _exponent(low), _SUM_BITS + 1 + _exponent(high))
        return Root("spread", "inverse sqrt", (self.size,), span)

    @cached_property
    def deviation(self) -> Cut:
        """How d is cut."""
        return Cut("deviation", (self.size,), self.spread.scale(self.mean.after), _ROOT_BITS)

    @cached_property
    def pair(self) -> Cut:
        """How products of two d are cut."""
        return Cut("pair.cut", (self.size, self.size), self.deviation.after**2, 24)

    @cached_property
    def ratio(self) -> Cut:
        """How R is cut."""
        return Cut("ratio.cut", (self.size, self.size), self.mean.after * self.pair.after, BITS)

    @cached_property
    def inverse(self) -> Inverse:
        """How R is inverted."""
        return Inverse("inverse", self.size, self.ratio.after)

    @cached_property
    def inflation(self) -> Root:
        """How diag(R^-1)^(-1/2) is worked out; the diagonal is 1 or more."""
        return Root("inflation", "inverse sqrt", (self.size,), Span(BITS - 1, BITS + 11))

    @cached_property
    def factors(self) -> tuple[Cut, Cut, Cut]:
        """How sqrt(diag h), diag(R^-1)^(-1/2) and their product are cut."""
        shape, inverse = (self.size,), self.inverse.cuts()[-2][1].after
        root = Cut("root.cut", shape, self.mean.after * self.deviation.after, _FACTOR_BITS)
        shrunk = Cut("shrunk", shape, self.inflation.scale(inverse), _FACTOR_BITS)
        return root, shrunk, Cut("factor.cut", shape, root.after * shrunk.after, _FACTOR_BITS)

    @property
    def error_scale(self) -> float:
        """Of s^2: a sum of squares, at the scale of a mean."""
        return self.residual(1).after ** 2 * (self.model.rows[0] - self.size)

    @cached_property
    def error(self) -> Root:
        """How 1 / s is worked out."""
        exponent = _exponent(self.error_scale)
        return Root("error", "inverse sqrt", (1,), Span(exponent + _exponent(ERROR[0]), exponent + 1 + 4))

    @cached_property
    def last(self) -> tuple[Cut, Cut]:
        """How 1 / s, and the product of all factors, are cut."""
        inverse = Cut("error.cut", (1,), self.error.scale(self.error_scale), 20)
        return inverse, Cut("over.cut", (self.size,), self.factors[-1].after * inverse.after, _FACTOR_BITS)

    @cached_property
    def weights(self) -> tuple[Cut, ...]:
        """How the weights of columns, and the intercept, are cut."""
        model = self.model
        columns = Cut("weights", (model.columns,), model.scales.w, _FACTOR_BITS)
        intercept = Cut("intercept", (1,), model.scales.z / INTERCEPT_FACTOR, _FACTOR_BITS)
        return (columns, intercept) if model.intercept else (columns,)

    @property
    def watched(self) -> int:
        """Values that the guard looks at."""
        return self.size + self.size**2 + (not self.curved)

    def segments(self) -> Iterator[Segment]:
        """Yield the schedule: a step for each block of rows, those of the inverse, and two around them."""
        for number, rows in enumerate(self.blocks()):
            masks = self._block(rows.stop - rows.start)
            yield Segment(f"rows/{number}", 1, masks, {"rows": np.arange(rows.start, rows.stop)[None]})
        square = (self.size, self.size)
        cuts = (self.mean, self.deviation, self.pair, self.ratio)
        yield Segment(
            "scaled",
            1,
            (*_all(cuts), *self.spread.correlations(), Triple("pair", square), Triple("ratio", square)),
        )
        yield from self.inverse.segments()
        yield Segment("z", 1, (*self._factors(), MsbMask("range", (SIDES * self.watched,))))

    def _block(self, count: int) -> tuple[Correlation, ...]:
        model, made = self.model, list(self.block.correlations())
        for owner in model.owners:
            width = model.features[owner]
            made.append(ForwardMask(f"F{owner}", owner, "train", "rows", (count, width, 1)))
            made.append(BackwardMask(f"B{owner}", owner, "train", "rows", (count, width, self.size)))
            if self.curved:
                made.append(ElementMask(f"U{owner}", owner, "train", "rows", (count, width)))
        if self.curved:
            wave = WaveMask("wave", (count, 1), period_bits(model), HARMONICS, TABLE)
            return (*made, wave, *self.slope(count).correlations())
        return (*made, *self.residual(count).correlations(), SquareMask("square", (count, 1)))

    def slope(self, count: int) -> Cut:
        """Return how p (1 - p) of so many rows is cut."""
        return Cut("slope", (count, 1), SLOPE_SCALE, _SLOPE_BITS)

    def residual(self, count: int) -> Cut:
        """Return how residuals of the squared error of so many rows are cut."""
        return Cut("residual", (count, 1), self.model.scales.z, _RESIDUAL_BITS)

    def _factors(self) -> tuple[Correlation, ...]:
        shape = (self.size,)
        made = (
            *self.inflation.correlations(),
            *_all((*self.factors, *self.weights)),
            *(Triple(name, shape) for name in ("root", "factor", "z")),
        )
        if self.curved:
            return made
        return (*made, *self.error.correlations(), *_all(self.last), Triple("over", shape))


def _all(cuts: tuple[Cut, ...]) -> tuple[Correlation, ...]:
    return tuple(mask for one in cuts for mask in one.correlations())


def _exponent(x: float) -> int:
    """Return the largest e with 2^e <= x."""
    return int(np.frexp(x)[1]) - 1
