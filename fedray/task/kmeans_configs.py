"""What the clients of a task may be told that clusters rows by k-means."""

from __future__ import annotations

from typing import Annotated, Literal

from fedray.task.config_bases import MainConfig, TableConfig
from fedray.task.fields import number, optional, optional_path, whole, within

__all__ = ["KMeansData", "KMeansFeature", "KMeansLabel", "KMeansMain"]


class KMeansMain(MainConfig):
    """How rows are clustered, and who learns their clusters.

    Attributes
    ----------
    clusters
        Number of clusters.
    max_iter
        Iterations at most.
    tol
        An iteration is the last when the squared ways of all centroids in it add up to less; 0 for `max_iter` of them,
        of which nobody learns when the centroids stood still.
    limit
        Largest magnitude of a value, as it is scaled: the smaller, the finer the arithmetic.
    seed
        Public seed of the rows that are the first centroids; None draws one.
    receiver
        Place in ``clients`` of the party, one with data, that learns the cluster of each row; None for nobody.
    """

    client_type: Literal["kmeans_main"]
    clusters: Annotated[int, whole(2, 256)] = 5
    max_iter: Annotated[int, whole(1, 10_000)] = 100
    tol: Annotated[float, within(0, 1e6)] = 1e-4
    limit: Annotated[float, number(0, 2**16)] = 1024.0
    seed: Annotated[int | None, optional(0, 2**63 - 1)] = None
    receiver: Annotated[int | None, optional(0, 63)] = None

    @property
    def common_seed(self) -> int | None:
        """The field `seed`."""
        return self.seed


class KMeansData(TableConfig):
    """A party with columns of the rows; with ``scale: none`` they keep their units, less their means.

    Attributes
    ----------
    out_data_path
        Folder below its generated-data folder for ``centroids.csv``, and at the receiver for ``predictions.csv``; None
        is ``clusters/<name of the task>/<place among the clients with data>-<role>``.
    """

    out_data_path: Annotated[str | None, optional_path()] = None


class KMeansFeature(KMeansData):
    """A party with columns of features."""

    client_type: Literal["kmeans_feature"]


class KMeansLabel(KMeansData):
    """A party with a label in the first column, which is no feature; any after it are."""

    client_type: Literal["kmeans_label"]
