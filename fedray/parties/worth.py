"""What joining was worth: at the receiver, numbers of the joint model, without each party, of the label party alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.parties.alone import Alone
from fedray.parties.contribution import Pairs
from fedray.parties.predictors import Measured

__all__ = ["Joined", "worth"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Joined:
    """What the receiver has of the joint model.

    Attributes
    ----------
    measured
        What labels are.
    values, labels
        Predictions in the label's units, and labels, shape (rows, outputs).
    rows
        The receiver's own rows in the model's units; None where the model has no features of it.
    names, features
        Of the clients with data, in order: names, and columns of features.
    in_units
        Brings what is opened to the label's units.
    """

    measured: Measured
    values: Float
    labels: Float
    rows: Float | None
    names: tuple[str, ...]
    features: tuple[int, ...]
    in_units: Callable[[Float], Float]


def worth(joined: Joined, pairs: Sequence[Pairs], alone: Alone | str) -> list[dict[str, object]]:
    """Return, for each output, what the report says of it, as JSON values; local.

    ``joint`` are two numbers of the model as it is. ``alone`` are those of the same kind of model on the label party's
    own columns, trained in clear, or of the mean label where there is none; ``why`` says so. ``parties`` has for each
    party with features its name and columns, the numbers with its rows in another order, and their change; null where
    predictions left their range.
    """
    from fedray.ml.evaluation import headline  # scikit-learn costs 100 MiB, and only a receiver with labels measures

    measured = joined.measured
    own = alone.predict(joined.rows) if isinstance(alone, Alone) and joined.rows is not None else None
    permuted = [(one, None if one.opened is None else joined.in_units(one.opened)) for one in pairs]
    made: list[dict[str, object]] = []
    for k, labels in enumerate(joined.labels.T):
        joint = headline(measured, labels, joined.values[:, k])
        single = np.full(len(labels), labels.mean()) if own is None else own[:, k]
        parties: list[dict[str, object]] = []
        for one, values in permuted:
            told: dict[str, object] = {"party": joined.names[one.owner], "features": joined.features[one.owner]}
            numbers = None
            if values is not None and one.labels is not None:
                numbers = headline(measured, one.labels[:, k], values[:, k])
            change = None if numbers is None else {name: numbers[name] - value for name, value in joint.items()}
            parties.append({**told, "metrics": numbers, "change": change})
        columns = alone.features if own is not None and isinstance(alone, Alone) else 0
        why = alone if isinstance(alone, str) else None
        told_alone = {"features": columns, "metrics": headline(measured, labels, single), "why": why}
        made.append({"joint": joint, "alone": told_alone, "parties": parties})
    return made
