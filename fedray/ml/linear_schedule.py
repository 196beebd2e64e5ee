"""The schedule of a linear model's training: which correlations each step and each test takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import chain

from fedray.ml.guard_plan import SIDES, GuardPlan
from fedray.ml.linear_curves import curve_of
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_penalty import penalty_masks
from fedray.ml.linear_scales import INTERCEPT_BITS
from fedray.ml.schedule import Use, backward_masks, between, feature_matrices, forward_masks, tested_rows
from fedray.mpc.compare import MsbMask
from fedray.mpc.correlation import Correlation, ElementMask, SquareMask, TruncMask, WaveMask
from fedray.mpc.dealer import PrivateShape
from fedray.mpc.schedule import Segment


def matrices(design: LinearDesign) -> tuple[PrivateShape, ...]:
    """Return every private matrix: the features for training and test, and the weights of the rows if they have any."""
    shapes = feature_matrices(design)
    return (*shapes, PrivateShape(design.label, "weight", (design.rows[0], 1))) if design.weighted else shapes


def segments(design: LinearDesign, done: int = 0) -> Iterator[Segment]:
    """Yield the schedule from so many steps on: the weights' opening, then steps up to a test, and the test."""
    first = forward_masks(design, design.batch, "train", 1)
    stops = chain(range(design.next_test(done), design.steps, design.test_every), [design.steps])
    plan = guard_plan(design)
    return between(
        design,
        first,
        train_correlations(design),
        stops,
        lambda after: chain(_cost_segments(design, after), _test_segments(design, plan, after)),
        done,
    )


def prediction_segments(design: LinearDesign) -> Iterator[Segment]:
    """Yield the schedule of predictions: that of a test whose rows are the new ones, without training rows."""
    yield from _test_segments(design, prediction_plan(design), 0)


def prediction_plan(design: LinearDesign) -> GuardPlan:
    """Return what predicting does, in order; the guard looks at no weights again."""
    return GuardPlan(design, 1, 0)


def guard_plan(design: LinearDesign) -> GuardPlan:
    """Return what a test does, in order."""
    return GuardPlan(design, 1, columns_watched(design) * (design.columns + 1))


def columns_watched(design: LinearDesign) -> int:
    """Return how many columns the guard looks at: the weights, and with momentum the velocities."""
    return 2 if design.factors.momentum_shift else 1


def _cost_segments(design: LinearDesign, done: int) -> Iterator[Segment]:
    if design.cost_tol is not None:
        yield Segment(f"cost/{done}", 1, (MsbMask("cost", (SIDES * design.since_test(done),)),))


def _test_segments(design: LinearDesign, plan: GuardPlan, done: int) -> Iterator[Segment]:
    shift = design.coarse_shift
    coarse = (
        TruncMask("coarse.weights", (design.columns, 1), shift),
        TruncMask("coarse.intercept", (1, 1), shift - INTERCEPT_BITS),
    )
    yield Segment(f"test/{done}/coarse", 1, coarse)
    yield from tested_rows(design, plan, done, 1, lambda use, count: _after(design, use, count))


def train_correlations(design: LinearDesign) -> tuple[Correlation, ...]:
    """Return what one training step takes."""
    b, factors = design.batch, design.factors
    made: list[Correlation] = [_residual_mask(design)]
    if factors.momentum_shift:
        made.append(TruncMask("momentum", (design.columns + 1, 1), factors.momentum_shift))
    if factors.decay_shift:
        made.append(TruncMask("decay", (design.penalized, 1), factors.decay_shift))
    made += penalty_masks(design)
    if design.cost_tol is not None:
        made.append(SquareMask("cost", (b, 1)))
    if design.weighted:
        made.append(ElementMask("weight", design.label, "weight", "this", (b, 1)))
    return (*made, *backward_masks(design, 1), *forward_masks(design, b, "train", 1))


def period_bits(design: LinearDesign) -> int:
    """Return the bits of the series' period at the scale of the linear outputs; 0 where no curve is."""
    curve = curve_of(design.objective)
    return 0 if curve is None else int(math.log2(2.0 * curve.half_period * design.scales.z))


def _residual_mask(design: LinearDesign) -> Correlation:
    curve, shape = curve_of(design.objective), (design.batch, 1)
    if curve is None:
        return TruncMask("residual", shape, design.scales.shift)
    quick = curve.quick
    return WaveMask("wave", shape, period_bits(design), quick.odd.size, design.table, quick.stride)


def _after(design: LinearDesign, use: Use, count: int) -> tuple[Correlation, ...]:
    curve = curve_of(design.objective)
    if curve is None or use is Use.GUARD:
        return ()
    exact = curve.exact
    return (WaveMask("wave", (count, 1), period_bits(design), exact.odd.size, design.test_table, exact.stride),)
