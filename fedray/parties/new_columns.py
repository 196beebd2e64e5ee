"""Whether the columns of new rows are those that a model was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fedray.data.new_rows import NewRows
from fedray.data.wording import count, shorten
from fedray.errors import DataError
from fedray.parties.kept import Columns

__all__ = ["features_of"]

_LISTED = 10


def features_of(columns: Columns, table: NewRows) -> npt.NDArray[np.float64]:
    """Return the columns of features of new rows, in the training's order, shape (n, columns).

    The table has the features alone, or behind the labels as in the training. Names are compared where both tables have
    names; else only numbers of columns are.

    Raises
    ------
    DataError
        The columns are others.
    """
    wanted, labels = columns.scaling.given, columns.labels
    before = len(table.columns) - len(wanted)
    if before not in (0, len(labels)):
        behind = f", or these behind {count(len(labels), 'column')} of labels" if labels else ""
        raise DataError(
            f"data_path: the model was trained on {count(len(wanted), 'column')} of this party "
            f"({_listed(wanted)}){behind}; the new rows have {len(table.columns)} ({_listed(table.columns)})"
        )
    expected = (*labels, *wanted) if before else wanted
    if columns.named and table.named and table.columns != expected:
        place = next(k for k, (one, other) in enumerate(zip(expected, table.columns, strict=True)) if one != other)
        raise DataError(
            f"data_path: column {place + 1} of the new rows is {shorten(table.columns[place])}, but the model was "
            f"trained on {shorten(expected[place])} there; align the new rows with the training's columns, in its order"
        )
    return table.values[:, before:]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(shorten(name) for name in names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"
