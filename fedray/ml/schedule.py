"""The schedule of a training: which rows each step and each test takes, and which correlations those of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto

import numpy as np
import numpy.typing as npt

from fedray.ml.batches import Batches
from fedray.ml.design import TEST_HARMONICS, TEST_TABLE_SCALE, NetDesign
from fedray.ml.guard_plan import SIDES, Compare, GuardPlan, deep_weights_size, network_plan, residuals_size
from fedray.ml.passes import Passes
from fedray.mpc import layout, waves
from fedray.mpc.compare import MsbMask
from fedray.mpc.correlation import (
    BackwardMask,
    ColumnTriple,
    Correlation,
    DenseTriple,
    ElementMask,
    ForwardMask,
    Triple,
    TruncMask,
    WaveMask,
)
from fedray.mpc.dealer import PrivateShape
from fedray.mpc.schedule import Segment
from fedray.prg import Stream

SEGMENT_WORDS = 1 << 17
"""Ring elements that a segment's corrections should not exceed: one mebibyte."""

LONGEST_SEGMENT = 64
ROWS_BLOCK = 64


class Use(Enum):
    """What rows go through a network for."""

    TRAIN = auto()
    PREDICT = auto()
    GUARD = auto()


class Rows:
    """The rows of every training batch: drawn with replacement from the public seed, or in passes over the table."""

    def __init__(self, design: Batches) -> None:
        self._design = design
        self._stream = Stream.from_seed(f"{design.seed}/rows")
        self._drawn: tuple[int, npt.NDArray[np.int64]] | None = None  # the latest block, which short runs ask for again
        self._passes = (
            None if design.order == "random" else Passes(design.rows[0], design.batch, hashed=design.order == "hashed")
        )

    def steps(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Return the rows of `count` steps from `first` on, shape (count, batch)."""
        if self._passes is not None:
            return self._passes.steps(first, count)
        blocks = range(first // ROWS_BLOCK, (first + count - 1) // ROWS_BLOCK + 1)
        drawn = [self._block(block) for block in blocks]
        start = first - blocks[0] * ROWS_BLOCK
        whole = drawn[0] if len(drawn) == 1 else np.concatenate(drawn)
        return whole[start : start + count]

    def _block(self, number: int) -> npt.NDArray[np.int64]:
        if self._drawn is None or self._drawn[0] != number:
            shape = (ROWS_BLOCK, self._design.batch)
            self._drawn = number, self._stream.below(str(number), self._design.rows[0], shape)
        return self._drawn[1]


def matrices(design: NetDesign) -> tuple[PrivateShape, ...]:
    """Return every private matrix: features for training and test, and for mse the training labels."""
    shapes = feature_matrices(design)
    if design.loss == "mse":
        return (*shapes, PrivateShape(design.label, "label", (design.rows[0], design.widths[-1])))
    return shapes


def feature_matrices(design: Batches) -> tuple[PrivateShape, ...]:
    """Return the private matrices of features, for training and test."""
    parts = tuple(zip(("train", "test"), design.rows, strict=True))
    return tuple(
        PrivateShape(owner, name, (rows, design.features[owner]))
        for owner in design.owners
        for name, rows in parts
        if rows
    )


def prediction_matrices(design: Batches) -> tuple[PrivateShape, ...]:
    """Return the private matrices of predictions: new rows, which go through a model as those of a test do."""
    return tuple(shape for shape in feature_matrices(design) if shape.matrix == "test")


def prediction_segments(design: NetDesign) -> Iterator[Segment]:
    """Yield the schedule of a network's predictions: that of a test whose rows are the new ones."""
    yield from _network_test(design, prediction_plan(design), 0)


def prediction_plan(design: NetDesign) -> GuardPlan:
    """Return what a network's predictions do, in order; the guard looks at no weights again."""
    return GuardPlan(design, sum(design.widths), 0)


def segments(design: NetDesign, done: int = 0) -> Iterator[Segment]:
    """Yield the schedule of a network from so many steps on: steps, looks of the guard between them, and tests."""
    plan = network_plan(design)
    looked = MsbMask("range", (SIDES * (deep_weights_size(design) + residuals_size(design)),))

    def at(step: int) -> Iterator[Segment]:
        if design.looks_after(step):
            yield Segment(f"guard/{step}", 1, (looked,))
        else:
            yield from _network_test(design, plan, step)

    later = range(done + 1, design.steps + 1)
    stops = (step for step in later if design.tests_after(step) or design.looks_after(step))
    first = forward_masks(design, design.batch, "train", design.widths[0])
    return between(design, first, train_correlations(design), stops, at, done)


def _network_test(design: NetDesign, plan: GuardPlan, done: int) -> Iterator[Segment]:
    columns, width = design.columns, design.widths[0]
    of_weights, of_bias = design.coarse_shifts
    coarse = (TruncMask("coarse.weights", (columns, width), of_weights), TruncMask("coarse.bias", (width,), of_bias))
    yield Segment(f"test/{done}/coarse", 1, coarse)
    yield from tested_rows(design, plan, done, width, lambda use, count: tuple(_layers(design, count, use)))


def tested_rows(
    design: Batches,
    plan: GuardPlan,
    done: int,
    width: int,
    after: Callable[[Use, int], tuple[Correlation, ...]],
) -> Iterator[Segment]:
    """Yield what a test takes once the weights are coarse: the guard's plan, and the predictions of the test rows.

    Parameters
    ----------
    width
        Of the weights that the features are multiplied by.
    after
        What so many rows take after that product, to be predicted or to be looked at by the guard.
    """
    for number, part in enumerate(plan.at(done)):
        label = f"test/{done}/{number}"
        if isinstance(part, Compare):
            yield Segment(label, 1, (MsbMask("range", (SIDES * part.values,)),))
            continue
        count, rows = part.rows.size, {"next": part.rows[None, :]}
        masks = forward_masks(design, count, part.matrix, width)
        if part.matrix == "test":  # what comes after is looked at on the way to the predictions
            yield Segment(f"{label}/exact", 1, (*masks, *after(Use.PREDICT, count)), rows)
            yield Segment(f"{label}/guard", 1, masks, rows)
        else:
            yield Segment(f"{label}/guard", 1, (*masks, *after(Use.GUARD, count)), rows)


def between(
    design: Batches,
    first: tuple[Correlation, ...],
    per_step: tuple[Correlation, ...],
    stops: Iterable[int],
    at: Callable[[int], Iterator[Segment]],
    done: int = 0,
) -> Iterator[Segment]:
    """Yield the first weights' opening, runs of steps up to each stop, and what is taken there.

    Parameters
    ----------
    stops
        Rising, all after `done`.
    done
        Steps before the first.
    """
    rows = Rows(design)
    yield Segment("init", 1, first, {"next": rows.steps(done, 1)})
    longest = max(1, min(LONGEST_SEGMENT, SEGMENT_WORDS // layout.size_of(layout.corrections(per_step, 1))))
    for until in stops:
        while done < until:
            count = design.keystream(done, min(longest, until - done))
            drawn = rows.steps(done, count + 1)
            yield Segment(f"train/{done}", count, per_step, {"this": drawn[:-1], "next": drawn[1:]})
            done += count
        yield from at(done)


def forward_masks(design: Batches, batch: int, matrix: str, width: int) -> tuple[Correlation, ...]:
    """Return the masks of all owners' features times weights of some width, for the next rows."""
    return tuple(
        ForwardMask(f"F{owner}", owner, matrix, "next", (batch, design.features[owner], width))
        for owner in design.owners
    )


def backward_masks(design: Batches, width: int) -> tuple[Correlation, ...]:
    """Return the masks of all owners' transposed features times a residual of some width, for this step's rows."""
    return tuple(
        BackwardMask(f"B{owner}", owner, "train", "this", (design.batch, design.features[owner], width))
        for owner in design.owners
    )


def train_correlations(design: NetDesign) -> tuple[Correlation, ...]:
    """Return what one training step takes."""
    b, h = design.batch, design.widths[0]
    made: list[Correlation] = list(_layers(design, b, Use.TRAIN))
    for index in range(1, design.depth):
        below, width = design.widths[index - 1 : index + 1]
        _, shift = design.slope(index - 1)
        if width > 1:
            made.append(Triple(f"mul{index}", (b, below)))
        made.append(TruncMask(f"trunc{index}", (b, below), shift))
        made.append(TruncMask(f"low{index}", (below + 1, width), design.scales[index].low_shift))
    if design.loss == "mse":
        made.append(ElementMask("label", design.label, "label", "this", (b, design.widths[-1])))
    return (*made, *backward_masks(design, h), *forward_masks(design, b, "train", h))


def _layers(design: NetDesign, batch: int, use: Use) -> Iterator[Correlation]:
    last = design.depth - 1
    for index, (width, scales) in enumerate(zip(design.widths, design.scales, strict=True)):
        if index:
            inputs = design.widths[index - 1] + 1
            if use is Use.TRAIN and width == 1:
                yield ColumnTriple(f"dense{index}", (batch, inputs))
            else:
                yield DenseTriple(f"dense{index}", (batch, inputs, width), use is Use.TRAIN)
        if use is Use.GUARD and index == last:
            return
        table = TEST_TABLE_SCALE if use is Use.PREDICT and index == last else scales.table
        wave = waves.sigmoid_wave(TEST_HARMONICS if use is Use.PREDICT else waves.HARMONICS)
        bits = design.guard_period_bits if use is Use.GUARD and not index else scales.period_bits
        yield WaveMask(f"wave{index}", (batch, width), bits, wave.odd.size, table, wave.stride)
