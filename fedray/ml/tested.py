"""What a test of a model opens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]

OUT_OF_RANGE = 1e-3
"""Share of test rows that may leave a curve's domain before the task fails; at least one row must."""

HALF_A_ROW = 0.5


@dataclass(frozen=True, eq=False)
class Tested:
    """What a test opens.

    Attributes
    ----------
    predictions
        Shape (n_test, outputs), at the label party; None elsewhere.
    out_of_range
        Number of values outside the range in which the arithmetic is right: by layer, or of a linear model test rows,
        training rows, and weights with velocities.
    notes
        A sentence for each place at which some were, though not enough to fail.
    stopped
        Whether the training has ended by its own rule, perhaps with the weights of an earlier step.
    """

    predictions: Float | None
    out_of_range: Float
    notes: tuple[str, ...] = ()
    stopped: bool = False
