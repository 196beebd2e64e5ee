"""Clusterings: made-up tables of several parties, and the same clustering in float64."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.ml.kmeans_design import KMeansDesign
from tests.feature_tasks import FeatureTask

Float = npt.NDArray[np.float64]
Clusters = npt.NDArray[np.int64]

SEED = 2
"""Of three rows from which k-means takes three iterations, without a near tie in any."""
LIMIT = 1024.0

TIE = 0.05
"""Squared distances that differ by more are told apart, however centroids were rounded."""


def blobs(rows: int, columns: int, clusters: int = 3, apart: float = 4.0) -> tuple[Float, Clusters]:
    """Return rows around points that are apart, and whose each is; in thousandths."""
    rng = np.random.default_rng(11)
    group = rng.integers(0, clusters, rows)
    points = apart * np.linalg.qr(rng.normal(size=(max(columns, clusters),) * 2))[0][:clusters, :columns]
    return np.round(points[group] + rng.normal(size=(rows, columns)), 3), group


def made_up(root: Path, features: Sequence[int] = (3, 2), own: int = 1, rows: int = 300, **more: Any) -> FeatureTask:
    """Return a clustering of blobs in the columns of all parties; labels are the blobs, `own` columns behind them."""
    x, group = blobs(rows, sum(features) + own)
    bounds = np.cumsum((0, *features))
    label = np.hstack([group[:, None].astype(np.float64), x[:, bounds[-1] :]])
    main = {"clusters": 3, "max_iter": 10, "seed": SEED, "receiver": 2, **more.pop("main", {})}
    data = {"scale": "none", **more.pop("data", {})}
    tables = [x[:, a:b] for a, b in pairwise(bounds)]
    return FeatureTask(
        root, tables, label, rows - rows // 5, kind="kmeans", main=main, feature=data, labeler=data, **more
    )


def values(task: FeatureTask) -> Float:
    """Return the columns of all parties side by side."""
    return np.hstack([*task.features, task.label[:, 1:]])


def design(task: FeatureTask) -> KMeansDesign:
    """Return the public numbers of a clustering, as its parties work them out."""
    main = {"clusters": 5, "max_iter": 100, "tol": 1e-4, "limit": LIMIT, **task.main}
    features = (*(table.shape[1] for table in task.features), task.label.shape[1] - 1)
    rows = (task.n_train, len(task.label) - task.n_train)
    k, steps, tol, limit = (float(str(main[name])) for name in ("clusters", "max_iter", "tol", "limit"))
    return KMeansDesign(features, rows, int(k), int(steps), tol, limit, task.plan().seed)


def nearest(x: Float, centroids: Float) -> Clusters:
    """Return the nearest centroid of each row; of equal distances the first."""
    found: Clusters = ((x[:, None] - centroids[None]) ** 2).sum(axis=2).argmin(axis=1)
    return found


def twin(x: Float, starts: Clusters, steps: int, tol: float) -> tuple[Float, int, bool]:
    """Return centroids, iterations and whether they stood still, of k-means in float64; never with a near tie."""
    centroids = x[starts].copy()
    for done in range(1, steps + 1):
        assert margin(x, centroids) > TIE, "a row lies between two clusters"
        near, before = nearest(x, centroids), centroids.copy()
        for k in np.unique(near):
            centroids[k] = x[near == k].mean(axis=0)
        if tol and float(((centroids - before) ** 2).sum()) < tol:
            return centroids, done, True
    return centroids, steps, False


def margin(x: Float, centroids: Float) -> float:
    """Return by how much, at least, another centroid is further than the nearest, as squared distances."""
    different = np.unique(centroids, axis=0)  # of equal ones the first is nearer, exactly
    apart = np.sort(((x[:, None] - different[None]) ** 2).sum(axis=2), axis=1)
    return float((apart[:, 1] - apart[:, 0]).min())


def off(centroids: Float, bits: int, limit: float = LIMIT) -> Float:
    """Return by how much a centroid on shares may be off: docs/protocols.md, clusters."""
    bound: Float = 2.0 * 2.0**-bits + 4e-7 * np.abs(centroids) + limit * 2.0**-27
    return bound
