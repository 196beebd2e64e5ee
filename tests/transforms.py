"""Whole tasks that change columns, on made-up tables with gaps and categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fedray.data.root import DataRoot
from tests.predictions import data_set
from tests.tasks import Training, client

Json = dict[str, Any]

MAIN, ONE, TWO, LABEL = range(4)
COLUMNS = {ONE: ("age", "town", "limit"), TWO: ("b0", "b1"), LABEL: ("y",)}
ROWS, TESTS = 360, 60


@dataclass(eq=False)
class TransformTask(Training):
    """A task of steps: parties 0 main, 1 and 2 feature clients, 3 the label client; no dealer.

    Parameters
    ----------
    clients
        By index, fields of a client's configuration beside those of all.
    """

    clients: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    name: str = "t"

    def __post_init__(self) -> None:
        # folders as other kinds of task have them, whose party 1 is the dealer
        self.roots = {index: DataRoot(self.root / f"p{index + 1}") for index in (ONE, TWO, LABEL)}
        self.forget()

    def document(self) -> Json:
        """Return the body of createTask."""
        made = [client("main_client", 8000, client_type="transform_main", **self.main)]
        for index, port in ((ONE, 8020), (TWO, 8022)):
            made.append(client("feature_client", port, client_type="transform_feature", **self._fields(index)))
        made.append(client("label_client", 8090, client_type="transform_label", **self._fields(LABEL)))
        return {"task_name": self.name, "clients": made}

    def _fields(self, index: int) -> Json:
        return {"data_path": "d", "out_data_path": "t", **self.clients.get(index, {})}

    def notes(self) -> list[str]:
        """Return the texts of the notes."""
        return [str(event.data["text"]) for event in self.events if event.kind == "note"]

    def file(self, index: int, name: str) -> Path:
        """Return the path of a party's file."""
        return self.roots[index].path / "generated" / name


def made_up(root: Path, clients: Mapping[int, Mapping[str, object]], **more: Any) -> TransformTask:
    """Return a task over tables ``d``, and other rows ``new`` with a category that no training row has."""
    rng = np.random.default_rng(4)
    task = TransformTask(root, [], np.empty(0), ROWS - TESTS, clients=clients, **more)
    for name, rows in (("d", ROWS), ("new", 40)):
        one = np.empty((rows, 3), dtype=object)
        one[:, 0] = np.round(rng.normal(40.0, 9.0, rows), 1)
        one[:, 1] = rng.choice(["Ulm", "Bonn", "Kiel"], rows, p=[0.5, 0.3, 0.2])
        one[:, 2] = rng.choice([100.0, 200.0, 500.0], rows)
        one[::7, 0] = one[::11, 2] = None
        two = np.round(rng.normal(size=(rows, 2)), 3)
        score = two[:, 0] + 0.02 * (one[:, 2] == 500.0) + 0.5 * rng.normal(size=rows)
        if name == "new":
            one[3, 1] = "Trier"
        tables = {ONE: one, TWO: two, LABEL: (score > 0.2).astype(np.float64)[:, None]}
        for index, table in tables.items():
            data_set(task, index, name, table, COLUMNS[index], n_test=TESTS if name == "d" else 8)
            facts = task.file(index, f"{name}/dataset.json")
            facts.write_text(facts.read_text().replace(f"of {name}", f"of all {name}"))
    return task
