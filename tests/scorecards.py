"""Whole tasks of scorecards: bins of made-up tables, a training on their weights of evidence, points of new rows."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fedray.channel import Timeouts
from fedray.data.root import DataRoot
from tests import linear_tasks
from tests.feature_tasks import FeatureTask, made_up
from tests.predictions import data_set
from tests.tasks import Training, client

Json = dict[str, Any]

MAIN, ONE, TWO, LABEL = range(4)
LOADING = Timeouts(connect_s=60.0, receive_s=60.0)
"""A first training of a process waits for compiled kernels."""


@dataclass(eq=False)
class ScorecardTask(Training):
    """A task of a scorecard: parties 0 main, 1 and 2 feature clients, 3 the label client; no dealer.

    Parameters
    ----------
    clients
        By index, fields of a client's configuration.
    """

    clients: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    name: str = "s"

    def __post_init__(self) -> None:
        # folders as other kinds of task have them, whose party 1 is the dealer
        self.roots = {index: DataRoot(self.root / f"p{index + 1}") for index in (ONE, TWO, LABEL)}
        self.forget()

    def document(self) -> Json:
        """Return the body of createTask."""
        fields = {"model": "t", "binning": "b", **self.main}
        made = [client("main_client", 8000, client_type="scorecard_main", **fields)]
        for index, port in ((ONE, 8020), (TWO, 8022)):
            made.append(client("feature_client", port, client_type="scorecard_feature", **self.clients.get(index, {})))
        made.append(client("label_client", 8090, client_type="scorecard_label", **self.clients.get(LABEL, {})))
        return {"task_name": self.name, "clients": made}

    def lines(self, index: int, name: str, folder: str = "") -> list[list[str]]:
        """Return the lines of a party's file, with its header."""
        own = f"scorecards/{self.name}/{index - 1}-{'label' if index == LABEL else 'feature'}_client"
        path = self.roots[index].path / "generated" / (folder or own) / name
        with path.open(newline="") as handle:
            return list(csv.reader(handle))


def binned(root: Path, own: int = 1) -> FeatureTask:
    """Return a binning that has run, with gaps in one column, and other rows ``new`` with a gap in another."""
    task = made_up(root, own=own, main={"max_bin": 4}, name="b", feature={"missing": "bin"})
    task.feature = task.labeler = {"missing": "bin", "out_data_path": "w"}
    task.features[0][::9, 1] = np.nan
    rng = np.random.default_rng(6)
    columns = {2: ("a0", "a1", "a2"), 3: ("b0", "b1"), 4: ("y", "own")[: 1 + own]}
    for index, table in zip(task.roots, [*task.features, task.label], strict=True):
        data_set(task, index, "d", table, columns[index], n_test=len(table) - task.n_train)
        new = np.round(rng.normal(size=(50, table.shape[1])), 3)
        new[3, -1] = np.nan
        first = 1 if index == 4 else 0
        if table.shape[1] > first:
            data_set(task, index, "new", new[:, first:], columns[index][first:], n_test=10)
    for path in root.rglob("dataset.json"):
        path.write_text(path.read_text().replace(f"of {path.parent.name}", f"of all {path.parent.name}"))
    task.succeed()
    return task


def train(task: FeatureTask, **fields: Any) -> Training:
    """Return a training on the weights of evidence of a binning, that has run."""
    own = task.label.shape[1] - 1
    numbers: Json = {"max_iter": 60, "test_per_batches": 60, "learning_rate_init": 0.2, "batch_size": 64}
    numbers |= fields.pop("main", {})
    trained = linear_tasks.made_up(task.root / "unused", fields.pop("objective", "logistic"), own=own, **numbers)
    trained.roots = task.roots
    trained.feature = {"data_path": "w", "scale": "none", **fields}
    trained.labeler = {**trained.labeler, **trained.feature}
    trained.succeed(timeouts=LOADING)
    return trained
