"""A logistic regression of the label party's own columns: what it could do alone; scikit-learn's, in clear."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fedray.errors import DataError
from fedray.features.rescaling import refuse_gaps
from fedray.features.steps import Counts, Table

__all__ = ["PROBABILITY", "Logistic", "Settings"]

Float = npt.NDArray[np.float64]

PROBABILITY = "probability"
"""Name of the column that takes the place of the others."""


@dataclass(frozen=True)
class Settings:
    """How the model is fitted: scikit-learn's parameters of these names.

    Attributes
    ----------
    c
        Its ``C``.
    fit_intercept, max_iter
        As there.
    class_weight
        None, ``balanced``, or a weight of "0" and of "1".
    """

    c: float = 1.0
    fit_intercept: bool = True
    class_weight: str | Mapping[str, float] | None = None
    max_iter: int = 100

    def weights(self) -> str | dict[float, float] | None:
        """Return the weights of classes as scikit-learn takes them."""
        told = self.class_weight
        return {float(label): one for label, one in told.items()} if isinstance(told, Mapping) else told


@dataclass(frozen=True)
class Logistic:
    """The fitted model.

    Attributes
    ----------
    weights
        By column.
    intercept
        0 where none was asked for.
    iterations
        That it took.
    converged
        Whether it had come to an end by then.
    """

    weights: Mapping[str, float]
    intercept: float
    iterations: int
    converged: bool

    @classmethod
    def fit(cls, table: Table, labels: Float, settings: Settings) -> Self:
        """Fit the model to training rows.

        Parameters
        ----------
        table
            Columns of numbers without gaps.
        labels
            Of its rows, 0 or 1, both present; shape (n,).

        Raises
        ------
        DataError
            There is no column, or one has gaps; or labels are others.
        """
        from sklearn.exceptions import ConvergenceWarning  # scikit-learn costs 100 MiB, and hardly any task needs it
        from sklearn.linear_model import LogisticRegression

        names = table.numbers(None)
        if len(names) != len(table.columns) or not names:
            raise DataError("logistic_regression takes columns of numbers, at least one, of the label client")
        if not np.array_equal(np.unique(labels), (0.0, 1.0)):
            raise DataError("logistic_regression takes a label that is 0 or 1, and both of them")
        for name in names:
            refuse_gaps(name, table.column(name))
        model = LogisticRegression(
            C=settings.c,
            fit_intercept=settings.fit_intercept,
            class_weight=settings.weights(),
            max_iter=settings.max_iter,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # `converged` says so
            model.fit(table.values, labels)
        iterations = int(model.n_iter_[0])
        weights = dict(zip(names, map(float, model.coef_[0]), strict=True))
        intercept = float(np.ravel(model.intercept_)[0])
        return cls(weights, intercept, iterations, iterations < settings.max_iter)

    def apply(self, table: Table) -> tuple[Table, Counts]:
        """Put the probability of the label 1 in the place of the columns; counts nothing."""
        scores = np.full(len(table.values), self.intercept)
        for name, weight in self.weights.items():
            refuse_gaps(name, table.column(name))
            scores += weight * table.column(name)
        # of the larger of both, so that nothing overflows
        small = np.exp(-np.abs(scores))
        chances = np.where(scores >= 0, 1.0, small) / (1.0 + small)
        return Table((PROBABILITY,), chances[:, None], {}), Counter()

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        facts = {"intercept": self.intercept, "iterations": self.iterations, "converged": self.converged}
        return {"step": "logistic_regression", "weights": dict(self.weights), **facts}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `as_dict` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError`` for something else."""
        weights = {str(name): float(weight) for name, weight in data["weights"].items()}
        return cls(weights, float(data["intercept"]), int(data["iterations"]), data["converged"] is True)
