"""The schedule of correlations: public, made alike by dealer and parties, so nothing is ever asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fedray.mpc.correlation import Correlation


@dataclass(frozen=True)
class Segment:
    """A run of equal steps, dealt in one go.

    Attributes
    ----------
    label
        Unique in the task: it names the masks, and a mask is used once.
    steps
        Number of steps, T.
    correlations
        What each step takes.
    rows
        Row indices of private matrices, each of shape (T, B), by the name that correlations use.
    """

    label: str
    steps: int
    correlations: tuple[Correlation, ...]
    rows: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
