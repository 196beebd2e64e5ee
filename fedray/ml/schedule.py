"""The schedule of a network's training: which correlations each step and each test takes, and which rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fedray.ml.design import HARMONICS, TEST_HARMONICS, TEST_TABLE_SCALE, NetDesign
from fedray.mpc.correlation import (
    BackwardMask,
    Correlation,
    DenseTriple,
    ElementMask,
    ForwardMask,
    Part,
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


class Rows:
    """The rows of every training batch, drawn with replacement from the public seed."""

    def __init__(self, design: NetDesign) -> None:
        self._design = design
        self._stream = Stream.from_seed(f"{design.seed}/rows")

    def steps(self, first: int, count: int) -> npt.NDArray[np.int64]:
        """Return the rows of `count` steps from `first` on, shape (count, batch)."""
        blocks = range(first // ROWS_BLOCK, (first + count - 1) // ROWS_BLOCK + 1)
        drawn = [
            self._stream.below(str(block), self._design.rows[0], (ROWS_BLOCK, self._design.batch)) for block in blocks
        ]
        start = first - blocks[0] * ROWS_BLOCK
        return np.concatenate(drawn)[start : start + count]


def matrices(design: NetDesign) -> tuple[PrivateShape, ...]:
    """Return every private matrix: features for training and test, and for mse the training labels."""
    n_train, n_test = design.rows
    shapes = [
        PrivateShape(owner, name, (rows, design.features[owner]))
        for owner in design.owners
        for name, rows in (("train", n_train), ("test", n_test))
    ]
    if design.loss == "mse":
        shapes.append(PrivateShape(design.label, "label", (n_train, design.widths[-1])))
    return tuple(shapes)


def segments(design: NetDesign) -> Iterator[Segment]:
    """Yield the schedule: the first weights' opening, then runs of steps, each run up to a test followed by it."""
    rows = Rows(design)
    yield Segment("init", 1, forward_masks(design, design.batch, "train"), {"next": rows.steps(0, 1)})
    per_step = train_correlations(design)
    longest = max(1, min(LONGEST_SEGMENT, SEGMENT_WORDS // sum(_words(c) for c in per_step)))
    done = 0
    while done < design.steps:
        until = min((done // design.test_every + 1) * design.test_every, design.steps)
        while done < until:
            count = min(longest, until - done)
            drawn = rows.steps(done, count + 1)
            yield Segment(f"train/{done}", count, per_step, {"this": drawn[:-1], "next": drawn[1:]})
            done += count
        yield from test_segments(design, done)


def test_slices(design: NetDesign) -> list[slice]:
    """Return the slices of the test rows, `test_batch` rows each."""
    n_test = design.rows[1]
    return [slice(start, min(start + design.test_batch, n_test)) for start in range(0, n_test, design.test_batch)]


def test_segments(design: NetDesign, done: int) -> Iterator[Segment]:
    """Yield one segment per slice of the test rows."""
    for rows in test_slices(design):
        count = rows.stop - rows.start
        correlations = (*forward_masks(design, count, "test"), *_layers(design, count, training=False))
        indices = np.arange(rows.start, rows.stop, dtype=np.int64)[None, :]
        yield Segment(f"test/{done}/{rows.start}", 1, correlations, {"next": indices})


def forward_masks(design: NetDesign, batch: int, matrix: str) -> tuple[Correlation, ...]:
    """Return the masks of the first layer's products for the next rows."""
    return tuple(
        ForwardMask(f"F{owner}", owner, matrix, "next", (batch, design.features[owner], design.widths[0]))
        for owner in design.owners
    )


def train_correlations(design: NetDesign) -> tuple[Correlation, ...]:
    """Return what one training step takes."""
    b, h = design.batch, design.widths[0]
    made: list[Correlation] = list(_layers(design, b, training=True))
    for index in range(1, design.depth):
        below, width = design.widths[index - 1 : index + 1]
        _, shift = design.slope(index - 1)
        made.append(Triple(f"mul{index}", (b, below)))
        made.append(TruncMask(f"trunc{index}", (b, below), shift))
        made.append(TruncMask(f"low{index}", (below + 1, width), design.scales[index].low_shift))
    if design.loss == "mse":
        made.append(ElementMask("label", design.label, "label", "this", (b, design.widths[-1])))
    made.extend(
        BackwardMask(f"B{owner}", owner, "train", "this", (b, design.features[owner], h)) for owner in design.owners
    )
    return (*made, *forward_masks(design, b, "train"))


def _layers(design: NetDesign, batch: int, *, training: bool) -> Iterator[Correlation]:
    for index, (width, scales) in enumerate(zip(design.widths, design.scales, strict=True)):
        if index:
            yield DenseTriple(f"dense{index}", (batch, design.widths[index - 1] + 1, width), training)
        table = scales.table if training or index < design.depth - 1 else TEST_TABLE_SCALE
        count = HARMONICS if training else TEST_HARMONICS
        yield WaveMask(f"wave{index}", (batch, width), scales.period_bits, count, table)


def _words(correlation: Correlation) -> int:
    return sum(_size(part) for part in correlation.derived())


def _size(part: Part) -> int:
    size = 1
    for length in part.shape:
        size *= length
    return size
