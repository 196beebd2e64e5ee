"""The label client's labels: checked, and brought to the units in which a model is trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split
from fedray.data.words import Vocabulary, word_of
from fedray.errors import DataError
from fedray.ml.linear_design import CLASS_WEIGHT_SCALE

__all__ = ["Target", "binary", "counted", "measured", "positives"]

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
    weights
        Of the training rows, shape (n_train, 1); None where all weigh alike.
    """

    train: Float
    test: Float
    centre: float = 0.0
    unit: float = 1.0
    weights: Float | None = None

    def weighed(self, by_class: Mapping[str, float] | None) -> Target:
        """Return the same labels, 0 and 1, with a weight for each row.

        The smaller weight is rounded to 1 / 256, and the larger so that their ratio is kept.

        Parameters
        ----------
        by_class
            Weights of the labels "0" and "1"; None gives both classes the same sum, and the rows a mean of 1.
        """
        positive = float(self.train.mean())
        of = by_class or {"0": 0.5 / (1.0 - positive), "1": 0.5 / positive}
        small, large = min(of.values()), max(of.values())
        unit = max(1, round(small * CLASS_WEIGHT_SCALE))
        held = {small: unit, large: round(unit * large / small)}
        weights = np.where(self.train == 1.0, held[of["1"]], held[of["0"]])
        return replace(self, weights=weights / CLASS_WEIGHT_SCALE)


def positives(column: Float, words: Vocabulary, positive: str, file: str) -> Float:
    """Return 1 where a column of labels has the positive one, and 0 elsewhere.

    Parameters
    ----------
    column
        The places of its words, shape (n,).
    words
        Of this one column.
    file
        For messages.

    Raises
    ------
    DataError
        A row has no label.
    """
    ((name, found),) = words.words().items()
    gaps = np.flatnonzero(np.isnan(column))
    if gaps.size:
        raise DataError(f"{file}: label column {name!r} has no value in row {int(gaps[0]) + 1}")
    wanted = word_of(positive)
    places: Float = column == (found.index(wanted) if wanted in found else -1)
    return places.astype(np.float64)


def binary(split: Split, outputs: int) -> Target:
    """Return the first columns of the label client's tables, each 0 or 1, both present in each part with rows.

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
        _check_spread(file, name, found)
    return Target(split.train[:, :outputs], split.test[:, :outputs])


def measured(split: Split) -> Target:
    """Return the first column of the label client's tables, any numbers, standardised on the training rows.

    Raises
    ------
    DataError
        There is no column, or it has one value only.
    """
    for file, name, found in _columns(split, 1):
        _check_spread(file, name, found)
    train = split.train[:, :1]
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused below
        centre, unit = float(train.mean()), float(train.std())
    if not 0.0 < unit < math.inf:
        raise DataError("train.csv: the label's values are too large or too close to each other for 64-bit floats")
    return Target((train - centre) / unit, split.test[:, :1], centre, unit)


def counted(split: Split) -> Target:
    """Return the first column of the label client's tables, numbers from 0, over their mean on the training rows.

    Raises
    ------
    DataError
        There is no column, or it holds a number below 0 or one value only.
    """
    for file, name, found in _columns(split, 1):
        if found.min() < 0.0:
            row = int(np.flatnonzero(found < 0.0)[0]) + 1
            raise DataError(f"{file}: label column {name!r} must hold counts from 0; row {row} holds something below 0")
        _check_spread(file, name, found)
    train = split.train[:, :1]
    with np.errstate(over="ignore"):  # an infinite mean is refused below
        unit = float(train.mean())
    if not 0.0 < unit < math.inf:
        raise DataError("train.csv: the label's values are too large or too small for 64-bit floats")
    return Target(train / unit, split.test[:, :1], 0.0, unit)


def _check_spread(file: str, name: str, found: Float) -> None:
    if found.min() == found.max():
        raise DataError(f"{file}: label column {name!r} has one value only; nothing can be learned or measured")


def _columns(split: Split, outputs: int) -> Iterator[tuple[str, str, Float]]:
    """Yield file, name and values of each column of labels."""
    if len(split.columns) < outputs:
        raise DataError(f"the label client's tables have {len(split.columns)} columns; the model has {outputs} outputs")
    tables = [("train.csv", split.train), *([("test.csv", split.test)] if len(split.test) else [])]
    for file, table in tables:
        for column, name in enumerate(split.columns[:outputs]):
            yield file, name, table[:, column]
