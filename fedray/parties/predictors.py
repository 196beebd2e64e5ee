"""What a kind of model brings into predicting with it; the flow itself is in `fedray.parties.prediction`.

A kind of model that can predict has a class with the methods of `Predictor`, a line in `predictor_of`, and its kind in
`fedray.task.model_rules.PREDICTING`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from fedray.errors import SpecError
from fedray.ml.scored import Scorer
from fedray.mpc.dealer import PrivateShape, Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.session import Session
from fedray.ring import Ring
from fedray.task.config_bases import DataTable, Kind
from fedray.task.plan import TaskPlan

__all__ = ["Predictor", "Scoring", "Trained", "predictor_of"]

Float = npt.NDArray[np.float64]
Measured = Literal["binary", "regression", "count", "cluster"]


@dataclass(frozen=True)
class Trained:
    """What all parties know of a kept model beside the plan of its training.

    Attributes
    ----------
    features
        Columns of features at each data client, in the plan's order.
    rows
        Training rows.
    steps
        Steps of the test whose weights were kept.
    """

    features: tuple[int, ...]
    rows: int
    steps: int


@dataclass(frozen=True)
class Scoring:
    """Predictions that everybody has agreed on.

    Attributes
    ----------
    label
        Rank of the label client, which takes the dealer's corrections.
    matrices
        The private matrices whose masks the dealer knows.
    segments
        Makes the schedule of correlations.
    scorer
        Makes my part of the model from my rows in its units, None where I have no features, and what I kept; talks.
    """

    label: int
    matrices: tuple[PrivateShape, ...]
    segments: Callable[[], Iterator[Segment]]
    scorer: Callable[[Session, Supply, Float | None, Mapping[str, Ring]], Scorer]


class Predictor(Protocol):
    """How a kind of model predicts; made from the plan of the training, the same at every party."""

    @property
    def outputs(self) -> int:
        """Predictions of a row."""

    @property
    def limit(self) -> float:
        """Largest magnitude of a scaled value."""

    @property
    def measured(self) -> Measured:
        """What labels are, and so how predictions are evaluated."""

    def gaps(self, config: DataTable) -> bool:
        """Return whether a client of the training, by its configuration, may have missing values."""

    def scoring(self, trained: Trained, rows: int, batch: int) -> Scoring:
        """Work out the predictions from everybody's shapes; pure.

        Parameters
        ----------
        trained
            What is known of the model.
        rows
            New rows.
        batch
            Rows that go through the model at once.
        """

    def finish(self, opened: Float) -> Float:
        """Return predictions from what a scorer opens: the same, or a curve of it that is left to the receiver."""

    def values(self, predictions: Float, centre: float, unit: float) -> Float:
        """Return predictions in the units of the label's table, within the range that they can have.

        Parameters
        ----------
        predictions
            Of the model, shape (rows, outputs).
        centre, unit
            A label of the table is centre + unit times the model's.
        """


def predictor_of(training: TaskPlan) -> Predictor:
    """Return how the model of a training predicts.

    Raises
    ------
    SpecError
        Models of this kind cannot predict.
    """
    if training.kind is Kind.SHARED_NN:
        from fedray.parties.network_recipe import NetworkRecipe

        return NetworkRecipe(training)
    if training.kind is Kind.LINEAR:
        from fedray.parties.linear_recipe import LinearRecipe

        return LinearRecipe(training)
    if training.kind is Kind.TREES:
        from fedray.parties.tree_recipe import TreeRecipe

        return TreeRecipe(training)
    if training.kind is Kind.KMEANS:
        from fedray.parties.kmeans_recipe import KMeansRecipe

        return KMeansRecipe(training)
    raise SpecError(f"a model of kind {training.kind} cannot predict yet")
