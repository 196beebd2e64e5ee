"""What the guard of a model looks at and when: public, worked out alike by the parties and the dealer.

A test goes through slices of rows: all test rows, whose predictions are opened, and of the training rows a sample, or
all of them at the last test. Linear outputs, weights and residuals wait on shares until a comparison takes them all;
there is one comparison at the end of a test, or more where that would take too much memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fedray.ml.batches import Batches
from fedray.ml.design import NetDesign
from fedray.prg import Stream

SAMPLE = 4096
"""Training rows that a test looks at; the last one looks at all."""

SLICE_ROWS = 10_000
SLICE_VALUES = 1 << 18
"""Most rows, and most linear outputs, of a slice of training rows."""

BATCH_VALUES = 1 << 18
"""Values from which a comparison waits for no more; each takes some 200 bytes for a moment."""

SIDES = 2
"""Comparisons of a value: with the lower and with the upper bound."""


@dataclass(frozen=True, eq=False)
class Slice:
    """Some rows that go through the model at a test.

    Attributes
    ----------
    matrix
        ``test`` or ``train``.
    rows
        Their indices.
    """

    matrix: str
    rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Compare:
    """A comparison of everything that waits: so many values."""

    values: int


class GuardPlan:
    """What a test of a model does, in order.

    Parameters
    ----------
    design
        The public numbers.
    outputs
        Linear outputs of a row, in all layers.
    standing
        Values that wait for a comparison before any row has gone through: weights and others.
    """

    def __init__(self, design: Batches, outputs: int, standing: int) -> None:
        self._design, self._outputs, self._standing = design, outputs, standing

    def at(self, done: int) -> Iterator[Slice | Compare]:
        """Yield what the test after `done` steps does after the weights have been taken."""
        waiting = self._standing
        for part in self._slices(done):
            if waiting >= BATCH_VALUES:
                yield Compare(waiting)
                waiting = 0
            yield part
            waiting += part.rows.size * self._outputs
        yield Compare(waiting)

    def sampled(self, done: int) -> int:
        """Return how many training rows the test after `done` steps looks at."""
        n_train = self._design.rows[0]
        return n_train if done == self._design.steps else min(n_train, SAMPLE)

    def _slices(self, done: int) -> Iterator[Slice]:
        design = self._design
        n_test = design.rows[1]
        for start in range(0, n_test, design.test_batch):
            yield Slice("test", np.arange(start, min(start + design.test_batch, n_test), dtype=np.int64))
        rows = self._training_rows(done)
        step = max(1, min(SLICE_ROWS, SLICE_VALUES // self._outputs))
        for start in range(0, rows.size, step):
            yield Slice("train", rows[start : start + step])

    def _training_rows(self, done: int) -> npt.NDArray[np.int64]:
        """Return all rows, or those whose turn it is: tests go through a common order, so each row has its turn."""
        n_train, count = self._design.rows[0], self.sampled(done)
        if count == n_train:
            return np.arange(n_train, dtype=np.int64)
        first = (done // self._design.test_every - 1) * count
        return self._order[(first + np.arange(count)) % n_train]

    @cached_property
    def _order(self) -> npt.NDArray[np.int64]:
        words = Stream.from_seed(f"{self._design.seed}/guard").words("rows", (self._design.rows[0],))
        return np.argsort(words, kind="stable").astype(np.int64)


def network_plan(design: NetDesign) -> GuardPlan:
    """Return the plan of a network's tests."""
    return GuardPlan(design, sum(design.widths), weights_size(design) + residuals_size(design))


def deep_weights_size(design: NetDesign) -> int:
    """Return the number of weights of the layers after the first, additive terms among them."""
    return sum((below + 1) * width for below, width in zip(design.widths, design.widths[1:], strict=False))


def weights_size(design: NetDesign) -> int:
    """Return the number of all weights."""
    return (design.columns + 1) * design.widths[0] + deep_weights_size(design)


def residuals_size(design: NetDesign) -> int:
    """Return the number of a step's residuals that the guard looks at."""
    return design.batch * sum(design.widths[index] for index in design.limits.watched)
