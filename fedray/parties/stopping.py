"""Early stopping: the label client's judgement of the tests, as scikit-learn judges its validation scores."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Stopping"]


@dataclass
class Stopping:
    """Judges one test after the other.

    Parameters
    ----------
    score
        Name of the metric to look at; higher is better.
    tol
        What a test must add to the best score to count as better.
    patience
        Tests in a row without that after which the training stops.
    """

    score: str
    tol: float
    patience: int
    _best: float = -math.inf
    _idle: int = 0

    def state(self) -> dict[str, float | int | None]:
        """Return how it stands, as JSON values that `restore` reads back."""
        return {"best": None if self._best == -math.inf else self._best, "idle": self._idle}

    def restore(self, state: Mapping[str, float | int | None]) -> None:
        """Take what `state` gave."""
        best, idle = state["best"], state["idle"]
        self._best, self._idle = -math.inf if best is None else float(best), int(idle or 0)

    def judge(self, metrics: Mapping[str, float]) -> dict[str, bool]:
        """Return whether this test is the ``best`` so far, and whether to ``stop`` after it."""
        score = metrics[self.score]
        self._idle = 0 if score >= self._best + self.tol else self._idle + 1  # a score that is no number is no gain
        best = score > self._best
        if best:
            self._best = score
        return {"best": best, "stop": self._idle >= self.patience}
