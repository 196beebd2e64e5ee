"""The receiver's labels of the rows that were predicted: checked before anything is said, compared at the end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.data.new_rows import NewRows
from fedray.data.wording import count, shorten
from fedray.errors import DataError
from fedray.ml.groups import LEAST
from fedray.parties.predictors import Measured

__all__ = ["Answers", "answers_of"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """Labels of new rows; they never leave the receiver.

    Attributes
    ----------
    labels
        As they are in the table, shape (n, outputs).
    measured
        What they are.
    fingerprint
        Of the alignment of their rows; "" where there is none.
    """

    labels: Float
    measured: Measured
    fingerprint: str

    def check(self, rows: int, fingerprint: str) -> None:
        """See that these are the labels of the rows that are predicted.

        Raises
        ------
        DataError
            They are others.
        """
        if len(self.labels) != rows:
            raise DataError(f"labels_path: the tables have {count(len(self.labels), 'row')}; {rows} are predicted")
        if self.fingerprint and fingerprint and self.fingerprint != fingerprint:
            raise DataError("labels_path: the labels come from another alignment than the rows, so they are of others")

    def evaluate(self, predictions: Float) -> list[dict[str, object]]:
        """Return what may be told of each output, as JSON values: numbers over all rows and over groups of 20."""
        from fedray.ml import evaluation  # scikit-learn costs 100 MiB, and only a receiver with labels measures

        outputs = range(self.labels.shape[1])
        return [evaluation.evaluate(self.measured, self.labels[:, k], predictions[:, k]) for k in outputs]


def answers_of(table: NewRows, outputs: int, measured: Measured) -> Answers:
    """Return the first columns of the receiver's tables.

    Raises
    ------
    DataError
        There are too few columns or rows, or the labels are none that the model could have been trained on.
    """
    if len(table.columns) < outputs:
        raise DataError(f"labels_path: expected {count(outputs, 'column')} of labels first, got {len(table.columns)}")
    if len(table.values) < LEAST:
        raise DataError(
            f"labels_path: expected at least {LEAST} rows, so that no number tells of single ones, got "
            f"{len(table.values)}; leave it out to predict only"
        )
    labels = table.values[:, :outputs]
    for name, column in zip(table.columns, labels.T, strict=False):
        _check(shorten(name), column, measured)
    return Answers(labels, measured, table.fingerprint)


def _check(name: str, column: Float, measured: Measured) -> None:
    wrong = {
        "binary": (~np.isin(column, (0.0, 1.0)), "0 and 1 only"),
        "count": (column < 0.0, "counts from 0"),
        "regression": (np.zeros(len(column), bool), "numbers"),
        "cluster": (np.zeros(len(column), bool), "numbers"),
    }[measured]
    if wrong[0].any():
        row = int(np.flatnonzero(wrong[0])[0]) + 1
        raise DataError(f"labels_path: label column {name} must hold {wrong[1]}; row {row} holds something else")
    if column.min() == column.max():
        raise DataError(f"labels_path: label column {name} has one value only; nothing can be measured")
