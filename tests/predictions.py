"""Tasks that predict with the model of a made-up training: documents, data sets, and runs of every party in threads."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fedray.data.root import DataRoot
from fedray.parties.linear_recipe import LinearRecipe
from fedray.parties.network_recipe import NetworkRecipe
from fedray.parties.tree_recipe import TreeRecipe
from tests import linear_tasks
from tests.tasks import Training, client

Float = npt.NDArray[np.float64]
Json = dict[str, Any]


@dataclass(eq=False)
class Prediction(Training):
    """A task that predicts with the model of a training, in the same folders and with the same clients.

    Parameters
    ----------
    main
        Fields of the main client's configuration.
    clients
        By index, fields of other clients' configurations; None leaves `data_path` out.
    """

    clients: Mapping[int, Mapping[str, object] | None] = field(default_factory=dict)
    name: str = "p"

    def __post_init__(self) -> None:
        self.roots = {}
        self.forget()

    def document(self) -> Json:
        """Return the body of createTask."""
        made = [
            client("main_client", 8000, client_type="predict_main", **{"model": "t", **self.main}),
            client("crypto_producer", 8010, client_type="triplet_producer"),
        ]
        for k in range(len(self.features)):
            made.append(client("feature_client", 8020 + 2 * k, client_type="predict_feature", **self._fields(k + 2)))
        made.append(client("label_client", 8090, client_type="predict_label", **self._fields(len(made))))
        return {"task_name": self.name, "clients": made}

    def _fields(self, index: int) -> Mapping[str, object]:
        fields = self.clients.get(index, {})
        return {} if fields is None else {"data_path": "d", **fields}

    def predicted(self, index: int, folder: str = "") -> tuple[list[str], list[str], Float]:
        """Return header, first column and predictions of a party's file."""
        path = self.roots[index].path / "generated" / (folder or f"predictions/{self.name}") / "predictions.csv"
        with path.open(newline="") as handle:
            header, *rows = list(csv.reader(handle))
        return header, [row[0] for row in rows], np.array([[float(cell) for cell in row[1:]] for row in rows])

    def files(self) -> list[int]:
        """Return the parties that have predictions."""
        return [index for index, root in self.roots.items() if list(root.path.rglob("predictions.csv"))]


def prediction(trained: Training, **other: Any) -> Prediction:
    """Return a task that predicts with the model of a training that has run."""
    made = Prediction(trained.root, trained.features, trained.label, trained.n_train, **other)
    made.roots = trained.roots
    return made


def data_set(task: Training, index: int, name: str, table: Float, columns: Sequence[str], n_test: int = 0) -> None:
    """Write new rows of a party as an alignment would: ids r0, r1, ... ."""
    folder = task.roots[index].path / "generated" / name
    folder.mkdir(parents=True, exist_ok=True)
    n_train = len(table) - n_test
    for file, part in (("train.csv", table[:n_train]), ("test.csv", table[n_train:])):
        with (folder / file).open("w", newline="") as handle:
            csv.writer(handle).writerows(part.tolist())
    with (folder / "raw_aligned.csv").open("w", newline="") as handle:
        rows = [["customer", *columns], *([f"r{k}", *row] for k, row in enumerate(table.tolist()))]
        csv.writer(handle).writerows(rows)
    facts = {"task": "a", "n_train": n_train, "n_test": n_test, "columns": list(columns), "fingerprint": f"of {name}"}
    (folder / "dataset.json").write_text(json.dumps({**facts, "aligned": "raw_aligned.csv"}))


def seen_in_tests(monkeypatch: pytest.MonkeyPatch) -> list[Float]:
    """Return a list that takes the predictions of every test of a training, in the units of the label's table."""
    seen: list[Float] = []
    for recipe in (LinearRecipe, NetworkRecipe, TreeRecipe):
        measure: Any = recipe.measure

        def noting(self: Any, target: Any, predictions: Float, measure: Any = measure) -> Any:
            seen.append(self.values(predictions, target.centre, target.unit))
            return measure(self, target, predictions)

        monkeypatch.setattr(recipe, "measure", noting)
    return seen


COLUMNS = {2: ("a0", "a1", "a2"), 3: ("b0", "b1"), 4: ("y", "own")}


def train_named(root: Path) -> Training:
    """Return a training that has run, on aligned data sets ``d`` with names, and copies of these, ``new``."""
    numbers: Json = {"max_iter": 20, "test_per_batches": 20, "learning_rate_init": 0.05}
    trained = linear_tasks.made_up(root, "logistic", own=1, **numbers)
    for index, table in zip(trained.roots, [*trained.features, trained.label], strict=True):
        for name in ("d", "new"):
            data_set(trained, index, name, table, COLUMNS[index], n_test=24)
    trained.succeed()
    return trained


def copied(trained: Training, folder: Path) -> Training:
    """Return a training with a copy of all its files."""
    made = copy(trained)
    made.root, made.features, made.label = (
        folder / "copy",
        [one.copy() for one in trained.features],
        trained.label.copy(),
    )
    shutil.copytree(trained.root, made.root)
    made.roots = {index: DataRoot(made.root / f"p{index}") for index in trained.roots}
    return made


def new_rows(trained: Training, index: int, rows: int = 30, columns: tuple[str, ...] | None = None) -> None:
    """Write other new rows of a party."""
    rng = np.random.default_rng(index)
    names = columns or COLUMNS[index]
    data_set(trained, index, "new", np.round(rng.normal(size=(rows, len(names))), 3), names)
