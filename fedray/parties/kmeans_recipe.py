"""Clustering by k-means: its course, and how its centroids predict the clusters of new rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from fedray.data.scaling import Standardizer
from fedray.errors import LocalProtocolError
from fedray.ml.kmeans_design import KMeansDesign, Rows, counted_segments, matrices, segments, training_rows
from fedray.ml.kmeans_scorer import KMeansScorer, scorer_segments
from fedray.mpc.dealer import PrivateShape, Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.session import Session
from fedray.parties.predictors import Measured, Scoring, Trained
from fedray.ring import Ring, encode
from fedray.task.config_bases import DataTable, TableConfig
from fedray.task.kmeans_configs import KMeansMain
from fedray.task.plan import TaskPlan

__all__ = ["Clustering", "KMeansRecipe"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Clustering:
    """A clustering that everybody has agreed on: its numbers, its private matrices, its schedule."""

    design: KMeansDesign

    @property
    def matrices(self) -> tuple[PrivateShape, ...]:
        """The private matrices whose masks the dealer knows."""
        return matrices(training_rows(self.design))

    def segments(self, done: int = 0) -> Iterator[Segment]:
        """Make the schedule of correlations, from so many iterations on."""
        return segments(self.design, done)

    def counted(self) -> Iterator[tuple[Segment, int]]:
        """Make the schedule of a look and of an update, with how often each segment comes."""
        return counted_segments(self.design)


class KMeansRecipe:
    """How a plan's rows are clustered, and how new ones are; the same at every party.

    Parameters
    ----------
    plan
        Of the clustering.
    """

    def __init__(self, plan: TaskPlan) -> None:
        main = plan.main.config
        if not isinstance(main, KMeansMain):
            raise LocalProtocolError("the plan is no plan of a clustering")
        self._main, self._seed = main, plan.seed

    @property
    def outputs(self) -> int:
        """Predictions of a row: its cluster."""
        return 1

    @property
    def limit(self) -> float:
        """Largest magnitude of a scaled value."""
        return self._main.limit

    @property
    def measured(self) -> Measured:
        """What labels are."""
        return "cluster"

    def gaps(self, config: DataTable) -> bool:  # noqa: ARG002 - the interface
        """Return False: a distance needs every value."""
        return False

    def fit(self, config: TableConfig, train: Float, columns: Sequence[str]) -> Standardizer:
        """Fit what scales a party's columns; distances do not change when a mean is taken away."""
        fitted = Standardizer.fit(train, columns)
        if config.scale == "standard":
            return fitted
        return Standardizer(fitted.columns, fitted.mean, (1.0,) * len(columns), (False,) * len(columns))

    def course(self, features: tuple[int, ...], rows: tuple[int, int]) -> Clustering:
        """Work out the clustering from everybody's shapes; pure.

        Raises
        ------
        SpecError
            The numbers of the task do not fit together or into the fixed point.
        """
        main = self._main
        return Clustering(KMeansDesign(features, rows, main.clusters, main.max_iter, main.tol, main.limit, self._seed))

    def scoring(self, trained: Trained, rows: int, batch: int) -> Scoring:
        """Work out the predictions of new rows."""
        design = self.course(trained.features, (trained.rows, 0)).design
        new = Rows(design, "new", rows, min(batch, training_rows(design).batch))
        return Scoring(design.label, matrices(new), partial(scorer_segments, new), partial(_scorer, new))

    def finish(self, opened: Float) -> Float:
        """Return the numbers of clusters as they were opened."""
        return opened

    def values(self, predictions: Float, centre: float, unit: float) -> Float:  # noqa: ARG002 - the interface
        """Return the numbers of clusters; they have no units."""
        return np.rint(predictions)


def _scorer(new: Rows, s: Session, supply: Supply, rows: Float | None, arrays: Mapping[str, Ring]) -> KMeansScorer:
    mine = None if rows is None else encode(rows, new.design.scale, "a value")
    return KMeansScorer(s, new, supply, mine, arrays)
