"""What the oracles of all models have in common: they go through the batches of the training on shares."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt

from fedray.ml.batches import Batches
from fedray.ml.parity import Points
from fedray.ml.schedule import Rows

__all__ = ["Twin"]


class Twin(ABC):
    """A model trained in clear, on the same batches as the one on shares.

    Parameters
    ----------
    design
        The public numbers.

    Attributes
    ----------
    done
        Steps so far.
    """

    def __init__(self, design: Batches) -> None:
        self._rows = Rows(design)
        self.done = 0

    def train(self, steps: int) -> None:
        """Run `steps` steps of gradient descent."""
        for rows in self._rows.steps(self.done, steps):
            self._step(rows)
        self.done += steps

    def step(self) -> Points:
        """Run one step and return the values at its points, see `fedray.ml.parity`."""
        (rows,) = self._rows.steps(self.done, 1)
        points = self._step(rows)
        self.done += 1
        return points

    @abstractmethod
    def predict(self) -> npt.NDArray[np.float64]:
        """Return the predictions of the test rows, shape (n_test, outputs)."""

    @abstractmethod
    def _step(self, rows: npt.NDArray[np.int64]) -> Points:
        """Learn from some training rows; return the values at the step's points."""
