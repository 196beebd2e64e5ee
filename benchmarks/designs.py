"""The design that a training of the benchmarks comes to, for what can be worked out and need not be measured."""

from __future__ import annotations

import numpy as np

from benchmarks.credit import Training
from fedray.ml.design import NetDesign
from fedray.ml.schedule import train_correlations
from fedray.mpc import layout

__all__ = ["WORD_BYTES", "correction_bytes", "design_of"]

WORD_BYTES = 8
STEPS = 2048


def design_of(training: Training, columns: int, rows: int) -> NetDesign:
    """Return the design of some steps and one test after them; the label client comes last and has no features."""
    shares = [len(mine) for mine in np.array_split(np.arange(columns), training.parties - 1)]
    return NetDesign(
        features=(*shares, 0),
        label=training.parties - 1,
        rows=(rows, rows // 4),
        widths=training.widths,
        batch=training.batch,
        test_batch=rows,
        test_every=STEPS,
        steps=STEPS,
        learning_rate=training.rate,
        loss=training.loss,
        seed="benchmark",
    )


def correction_bytes(training: Training, columns: int) -> int:
    """Return the bytes that the dealer sends for one batch, without those of frames, first opening and tests."""
    taken = train_correlations(design_of(training, columns, training.batch))
    return WORD_BYTES * layout.size_of(layout.corrections(taken, 1))
