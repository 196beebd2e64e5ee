"""Whole tasks of boosted trees on made-up tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from fedray.task.plan import TaskPlan, make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.tasks import Training, client

Json = dict[str, Any]


@dataclass(eq=False)
class TreeTask(Training):
    """A task of boosted trees: parties 0 main, 1 dealer, then the feature clients and the label client.

    Parameters
    ----------
    clients
        By index, further fields of a client's configuration.
    """

    clients: Mapping[int, Mapping[str, object]] = field(default_factory=dict)

    def document(self) -> Json:
        """Return the body of createTask."""
        main = {"n_estimators": 3, "max_depth": 2, "max_bin": 8, **self.main}
        clients = [
            client("main_client", 8000, client_type="secure_xgboost_main", **main),
            client("crypto_producer", 8010, client_type="triplet_producer"),
        ]
        for k in range(len(self.features)):
            own = self.clients.get(k + 2, {})
            feature = {"client_type": "secure_xgboost_feature", "data_path": "d", **self.feature, **own}
            clients.append(client("feature_client", 8020 + 2 * k, **feature))
        label = {"client_type": "secure_xgboost_label", "data_path": "d", **self.labeler}
        clients.append(client("label_client", 8090, **label))
        return {"task_name": "t", "clients": clients}

    def plan(self) -> TaskPlan:
        """Return the plan."""
        return make_plan(parse(self.document()), Registry(None), self.seed)


def made_up(root: Path, features: Sequence[int] = (3, 2), own: int = 0, rows: int = 400, **main: Any) -> TreeTask:
    """Return a task whose labels depend on the features; `own` columns are the label client's."""
    rng = np.random.default_rng(3)
    x = np.round(rng.normal(size=(rows, sum(features) + own)), 4)
    scores = np.sin(2.0 * x) @ rng.normal(size=x.shape[1]) + x[:, 0] * x[:, -1]
    if main.get("objective") == "reg:squarederror":
        y = np.round(50.0 + 7.0 * scores + 2.0 * rng.normal(size=rows), 3)
    else:
        y = (scores + 0.3 * rng.normal(size=rows) > 0.4).astype(np.float64)
    bounds = np.cumsum((0, *features))
    tables = [x[:, a:b] for a, b in pairwise(bounds)]
    label = np.hstack([y[:, None], x[:, bounds[-1] :]])
    return TreeTask(root, tables, label, rows - rows // 5, main)
