"""The label client's labels: checked, and brought to the units in which a model is trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split
from fedray.errors import DataError

__all__ = ["Target", "binary"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Target:
    """Labels at the label client; they and their units never leave it.

    Attributes
    ----------
    train
        In the model's units, shape (n_train, outputs).
    test
        As they are in the table, shape (n_test, outputs).
    centre, unit
        A value of the table is centre + unit times the model's.
    """

    train: Float
    test: Float
    centre: float = 0.0
    unit: float = 1.0


def binary(split: Split, outputs: int) -> Target:
    """Return the first columns of the label client's tables, each 0 or 1, both present in both parts.

    Raises
    ------
    DataError
        There are too few columns, or one holds something else or one value only.
    """
    for file, name, found in _columns(split, outputs):
        wrong = ~np.isin(found, (0.0, 1.0))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0]) + 1
            raise DataError(f"{file}: label column {name!r} must hold 0 and 1 only; row {row} holds something else")
        if found.min() == found.max():
            raise DataError(f"{file}: label column {name!r} has one value only; nothing can be learned or measured")
    return Target(split.train[:, :outputs], split.test[:, :outputs])


def _columns(split: Split, outputs: int) -> Iterator[tuple[str, str, Float]]:
    """Yield file, name and values of each column of labels."""
    if len(split.columns) < outputs:
        raise DataError(
            f"the label client's tables have {len(split.columns)} columns; the network has {outputs} outputs"
        )
    for file, table in (("train.csv", split.train), ("test.csv", split.test)):
        for column, name in enumerate(split.columns[:outputs]):
            yield file, name, table[:, column]
