"""The schedule of a linear model's training: which correlations each step and each test takes."""

from __future__ import annotations

import math
from collections.abc import Iterator

from fedray.ml.design import TEST_HARMONICS
from fedray.ml.linear_curves import curve_of
from fedray.ml.linear_design import LinearDesign
from fedray.ml.schedule import backward_masks, feature_matrices, forward_masks, runs
from fedray.mpc.correlation import Correlation, ElementMask, TruncMask, WaveMask
from fedray.mpc.dealer import PrivateShape
from fedray.mpc.schedule import Segment

RING_BITS = 64


def matrices(design: LinearDesign) -> tuple[PrivateShape, ...]:
    """Return every private matrix: the features for training and test, and the weights of the rows if they have any."""
    shapes = feature_matrices(design)
    return (*shapes, PrivateShape(design.label, "weight", (design.rows[0], 1))) if design.weighted else shapes


def segments(design: LinearDesign) -> Iterator[Segment]:
    """Yield the schedule."""

    def of_test(count: int) -> tuple[Correlation, ...]:
        return (*forward_masks(design, count, "test", 1), *_test_waves(design, count))

    return runs(design, forward_masks(design, design.batch, "train", 1), train_correlations(design), of_test)


def train_correlations(design: LinearDesign) -> tuple[Correlation, ...]:
    """Return what one training step takes."""
    b, factors = design.batch, design.factors
    made = [_residual_mask(design)]
    if factors.momentum_shift:
        made.append(TruncMask("momentum", (design.columns + 1, 1), factors.momentum_shift))
    if factors.decay_shift:
        made.append(TruncMask("decay", (design.columns, 1), factors.decay_shift))
    if design.weighted:
        made.append(ElementMask("weight", design.label, "weight", "this", (b, 1)))
    return (*made, *backward_masks(design, 1), *forward_masks(design, b, "train", 1))


def period_bits(design: LinearDesign) -> int:
    """Return the bits of the series' period at the scale of the linear outputs; the whole ring where no curve is."""
    curve = curve_of(design.objective)
    return RING_BITS if curve is None else int(math.log2(2.0 * curve.half_period * design.scales.z))


def _residual_mask(design: LinearDesign) -> Correlation:
    curve, shape = curve_of(design.objective), (design.batch, 1)
    if curve is None:
        return TruncMask("residual", shape, design.scales.shift)
    quick = curve.quick
    return WaveMask("wave", shape, period_bits(design), quick.odd.size, design.table, quick.stride)


def _test_waves(design: LinearDesign, count: int) -> tuple[Correlation, ...]:
    table = design.test_table
    rows = WaveMask("wave", (count, 1), period_bits(design), TEST_HARMONICS, table)
    guarded = guarded_columns(design)
    if not guarded:
        return (rows,)
    return (rows, WaveMask("weights", (design.columns + 1, guarded), RING_BITS, TEST_HARMONICS, table))


def guarded_columns(design: LinearDesign) -> int:
    """Return how many columns of weights and velocities a step truncates, so that a test must look at their range."""
    factors = design.factors
    return bool(factors.decay_shift) + bool(factors.momentum_shift)
