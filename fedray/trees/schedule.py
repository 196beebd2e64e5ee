"""The schedule of a training of trees: which correlations each tree, each level and each test takes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fedray.mpc import waves
from fedray.mpc.compare import MsbMask
from fedray.mpc.correlation import Correlation, ElementMask, WaveMask
from fedray.mpc.dealer import PrivateShape
from fedray.mpc.schedule import Segment
from fedray.ring.bits import words_for
from fedray.trees.bins import bin_matrices, histogram_masks
from fedray.trees.design import WEIGHT_SCALE, TreeDesign
from fedray.trees.gains import GainPlan
from fedray.trees.guard import watched_rows
from fedray.trees.leaves import LeafPlan
from fedray.trees.masks import BitAnds, BitProducts
from fedray.trees.splits import tournament

__all__ = [
    "HARMONICS",
    "Curve",
    "curve_chunks",
    "level_masks",
    "matrices",
    "members_mask",
    "segments",
    "train_curve",
]

HARMONICS = 32
"""Of the series: their error (8e-5) shifts sums of hessians by less than the bins do."""

CURVE_ROWS = 1 << 15
"""Rows that go through a curve at a time: 64 words of corrections each."""

SERIES_BITS = 2
"""A table's rounding is that of the factors at about half of the result's bits."""


@dataclass(frozen=True)
class Curve:
    """Scales of a sigmoid, as exponents: of the result, of the dealer's tables, of the period."""

    result: int
    table: int
    period: int


def train_curve(design: TreeDesign) -> Curve:
    """Return the scales of gradients; what weights of rows add comes after."""
    result = design.scales.row - (int(math.log2(WEIGHT_SCALE)) if design.weighted else 0)
    return Curve(result, min(24, (result - SERIES_BITS) // 2), _period(design))


def _period(design: TreeDesign) -> int:
    return design.scales.z + int(math.log2(2.0 * waves.HALF_PERIOD))


def curve_chunks(count: int) -> list[slice]:
    """Return slices of rows that go through a curve one after the other."""
    return [slice(start, min(start + CURVE_ROWS, count)) for start in range(0, count, CURVE_ROWS)]


def matrices(design: TreeDesign) -> tuple[PrivateShape, ...]:
    """Return every private matrix: the bins, and the weights of the rows if they have any."""
    shapes = bin_matrices(design)
    return (*shapes, PrivateShape(design.label, "weight", (design.rows[0], 1))) if design.weighted else shapes


def members_mask(design: TreeDesign, level: int) -> BitProducts:
    """Return what turns the bits of a level's children into numbers.

    Left children only, over the training rows; at the last level both, over all rows, first the left ones.
    """
    nodes, n_train = 1 << level, design.rows[0]
    last = level == design.depth - 1
    shape = (2 * nodes, design.all_rows) if last else (nodes, n_train)
    return BitProducts("members", shape, 2, (nodes, n_train))


def level_masks(design: TreeDesign, tree: int, level: int) -> tuple[Correlation, ...]:
    """Return what a level of a tree takes."""
    nodes = 1 << level
    plan = GainPlan(design, tree, nodes)
    return (
        *histogram_masks(design, tree, 2 * max(1, nodes // 2)),
        *plan.correlations(),
        *tournament(plan).correlations(),
        BitAnds("and", (nodes, words_for(design.all_rows))),
        members_mask(design, level),
    )


def segments(design: TreeDesign, done: int = 0) -> Iterator[Segment]:
    """Yield the schedule from so many trees on: trees, and tests between them."""
    while done < design.steps:
        until = design.next_test(done)
        for tree in range(done, until):
            yield from _tree(design, tree)
        done = until
        yield from _test(design, done)


def _tree(design: TreeDesign, tree: int) -> Iterator[Segment]:
    label = f"tree/{tree}"
    for number, rows in enumerate(curve_chunks(design.rows[0])):
        masks, count = _gradient_masks(design, rows.stop - rows.start), np.arange(rows.start, rows.stop)
        if masks:
            yield Segment(f"{label}/rows/{number}", 1, masks, {"rows": count[None]} if design.weighted else {})
    for level in range(design.depth):
        yield Segment(f"{label}/level/{level}", 1, level_masks(design, tree, level))
    yield Segment(f"{label}/leaves", 1, LeafPlan(design).correlations())


def _gradient_masks(design: TreeDesign, count: int) -> tuple[Correlation, ...]:
    weights = (ElementMask("weight", design.label, "weight", "rows", (count, 2)),) if design.weighted else ()
    return (_wave(train_curve(design), count), *weights) if design.curved else weights


def _wave(curve: Curve, count: int) -> WaveMask:
    return WaveMask("wave", (count,), curve.period, HARMONICS, 2.0**curve.table)


def _test(design: TreeDesign, done: int) -> Iterator[Segment]:
    yield Segment(f"test/{done}/guard", 1, (MsbMask("range", (2, watched_rows(design, done).size)),))
