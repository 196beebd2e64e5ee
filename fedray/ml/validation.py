"""Validation: which rows each further training leaves out, and the scores of what it says of them.

Rules and scores are PaddleDTX's, to the last digit: rows have the numbers 1, 2, ... as ids, and are put in the order of
these as texts (1, 10, 11, 2, ...) before a shuffle and in each training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fedray.errors import DataError
from fedray.prg.go_random import shuffled, text_seed

__all__ = ["THRESHOLD", "Rule", "averages", "binary_scores", "held_out", "regression_scores", "trained_with"]

Float = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Scores = dict[str, Any]
RuleName = Literal["split", "folds", "leave_one_out"]

THRESHOLD = 0.5
"""A row counts as positive above it."""


@dataclass(frozen=True)
class Rule:
    """How rows are left out.

    Attributes
    ----------
    name
        ``split`` leaves out a part of the rows once, ``folds`` each part of them once, ``leave_one_out`` each row.
    percent
        Of ``split``: so many of a hundred rows are left out.
    folds
        Number of ``folds``.
    shuffle
        Whether folds are of shuffled rows; a split always is.
    seed
        Of the shuffle, a text.
    """

    name: RuleName
    percent: int
    folds: int
    shuffle: bool
    seed: str

    def trainings(self, rows: int) -> int:
        """Return how many trainings there are with so many rows."""
        return {"split": 1, "folds": self.folds, "leave_one_out": rows}[self.name]


def held_out(rule: Rule, rows: int) -> list[Rows]:
    """Return the rows that each training leaves out, counted from 0.

    Raises
    ------
    DataError
        There are too few rows for the rule.
    """
    ordered = by_text(np.arange(rows))
    if rule.name == "leave_one_out":
        parts = list(ordered[:, None])
    elif rule.name == "split":
        count = rows * rule.percent // 100
        parts = [shuffled(ordered, text_seed(rule.seed))[:count]] if 0 < count < rows else []
    else:
        every = shuffled(ordered, text_seed(rule.seed)) if rule.shuffle else np.arange(rows)
        parts = np.array_split(every, rule.folds)  # the first of them are one row longer
    if not parts or rows < 2 or min(map(len, parts)) == 0:
        raise DataError(f"validation: {rows} training rows are too few for the rule {rule.name}; leave it out")
    return parts


def by_text(places: Rows) -> Rows:
    """Return places by the texts of their numbers, counted from 1."""
    return np.array(sorted(places.tolist(), key=lambda place: str(place + 1)), np.int64)


def trained_with(rows: int, out: Rows) -> Rows:
    """Return the rows that a training has which leaves some out."""
    return by_text(np.setdiff1d(np.arange(rows), out))


def regression_scores(labels: Float, predictions: Float) -> Scores:
    """Return the scores of a regression's predictions, each of shape (rows,)."""
    return {"rmse": math.sqrt(float(np.mean((labels - predictions) ** 2)))}


def binary_scores(labels: Float, predictions: Float) -> Scores:
    """Return the scores of probabilities against labels 0 and 1, each of shape (rows,).

    ``precision``, ``recall`` and ``f1`` are missing where no row is positive. ``roc`` has [rate of false positives,
    rate of true ones, threshold] for each row from the largest prediction on; a rate is 1 where there are no such rows.
    """
    said, positive = predictions > THRESHOLD, labels == 1.0
    made: Scores = {"accuracy": float(np.mean(said == positive))}
    if positive.any():
        right, found = int(np.sum(said & positive)), int(np.sum(said))
        precision = right / found if found else 0.0
        recall = right / int(positive.sum())
        f1 = 2.0 * (precision * recall) / (precision + recall) if right else 0.0
        made |= {"precision": precision, "recall": recall, "f1": f1}
    points = _roc(positive, predictions)
    area = sum((b[0] - a[0]) * ((a[1] + b[1]) / 2.0) for a, b in pairwise(points))
    return {**made, "auc": area, "roc": points}


def _roc(positive: npt.NDArray[np.bool_], predictions: Float) -> list[list[float]]:
    falling = np.sort(predictions)[::-1]
    rising, positives = np.sort(predictions), np.sort(predictions[positive])
    above = len(rising) - np.searchsorted(rising, falling)
    true = len(positives) - np.searchsorted(positives, falling)
    points = [[0.0, 0.0, float(falling[0]) + 1.0]]
    for all_of, true_of, threshold in zip(above.tolist(), true.tolist(), falling.tolist(), strict=True):
        negatives = len(rising) - len(positives)
        wrong = (all_of - true_of) / negatives if negatives else 1.0
        points.append([wrong, true_of / len(positives) if len(positives) else 1.0, threshold])
    return points


def averages(found: Sequence[Scores]) -> dict[str, float]:
    """Return the mean of each score over the trainings that have it, and of an rmse the sample's deviation too."""
    made: dict[str, float] = {}
    for name in ("rmse", "accuracy", "precision", "recall", "f1", "auc"):
        values = [scores[name] for scores in found if name in scores]
        if values:
            made[name] = sum(values) / len(values)
    if "rmse" in made:
        spread = sum((scores["rmse"] - made["rmse"]) ** 2 for scores in found)
        made["rmse_deviation"] = math.sqrt(spread / (len(found) - 1)) if len(found) > 1 else 0.0
    return made
