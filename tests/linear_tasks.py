"""Whole tasks of linear models on made-up tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tests.tasks import Training, client

Json = dict[str, Any]


@dataclass(eq=False)
class LinearTask(Training):
    """A task of a linear model: parties 0 main, 1 dealer, then the feature clients and the label client."""

    def document(self) -> Json:
        """Return the body of createTask."""
        main = {"max_iter": 6, "test_per_batches": 3, "batch_size": 16, **self.main}
        clients = [
            client("main_client", 8000, client_type="linear_main", **main),
            client("crypto_producer", 8010, client_type="triplet_producer"),
        ]
        for k in range(len(self.features)):
            feature = {"client_type": "linear_feature", "data_path": "d", **self.feature}
            clients.append(client("feature_client", 8020 + 2 * k, **feature))
        clients.append(client("label_client", 8090, client_type="linear_label", **{"data_path": "d", **self.labeler}))
        return {"task_name": "t", "clients": clients}


def made_up(
    root: Path, objective: str, features: Sequence[int] = (3, 2), own: int = 0, rows: int = 120, **main: Any
) -> LinearTask:
    """Return a task whose labels depend on the features; `own` columns are the label client's."""
    rng = np.random.default_rng(3)
    x = np.round(rng.normal(size=(rows, sum(features) + own)), 4)
    scores = x @ rng.normal(size=x.shape[1]) / np.sqrt(x.shape[1])
    if objective == "linear":
        y = np.round(50.0 + 7.0 * scores + 2.0 * rng.normal(size=rows), 3)
    elif objective == "poisson":
        y = rng.poisson(4.0 * np.exp(0.5 * scores)).astype(np.float64)
    else:
        y = (scores + 0.3 * rng.normal(size=rows) > 0.4).astype(np.float64)
    bounds = np.cumsum((0, *features))
    tables = [x[:, a:b] for a, b in pairwise(bounds)]
    label = np.hstack([y[:, None], x[:, bounds[-1] :]])
    return LinearTask(root, tables, label, rows - rows // 5, {"objective": objective, **main})
