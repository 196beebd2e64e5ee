"""What a test of a model opens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tested:
    """What a test opens.

    Attributes
    ----------
    predictions
        Shape (n_test, outputs), at the label party; None elsewhere.
    out_of_range
        Estimated number of values outside the domain of the model's approximations, by layer.
    notes
        A sentence for each place at which some were, though not enough to fail.
    """

    predictions: Float | None
    out_of_range: Float
    notes: tuple[str, ...] = ()
