"""Whole tasks that look at columns before a training: binning and statistics, on made-up tables."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.sealed import read_document
from tests.tasks import Training, client

Float = npt.NDArray[np.float64]
Json = dict[str, Any]


@dataclass(eq=False)
class FeatureTask(Training):
    """A task of columns: parties 0 main, 1 dealer, then the feature clients and the label client.

    Parameters
    ----------
    kind
        ``binning`` or ``statistics``.
    clients
        By index, fields of a client's configuration beside those of all.
    """

    kind: str = "binning"
    clients: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    name: str = "t"

    def document(self) -> Json:
        """Return the body of createTask."""
        made = [
            client("main_client", 8000, client_type=f"{self.kind}_main", **self.main),
            client("crypto_producer", 8010, client_type="triplet_producer"),
        ]
        for k in range(len(self.features)):
            made.append(client("feature_client", 8020 + 2 * k, **self._fields(k + 2, "feature", self.feature)))
        made.append(client("label_client", 8090, **self._fields(len(made), "label", self.labeler)))
        return {"task_name": self.name, "clients": made}

    def _fields(self, index: int, role: str, common: Mapping[str, object]) -> Json:
        return {"client_type": f"{self.kind}_{role}", "data_path": "d", **common, **self.clients.get(index, {})}

    def told(self) -> list[Json]:
        """Return the notes."""
        return [dict(event.data) for event in self.events if event.kind == "note"]

    def document_of(self, index: int, path: str) -> Json:
        """Return what a party keeps for itself."""
        made: Json = read_document(self.roots[index].path / ".fedray" / path)
        return made

    def table(self, index: int, name: str, folder: str = "d") -> list[list[str]]:
        """Return the rows of a party's file."""
        with (self.roots[index].path / "generated" / folder / name).open(newline="") as handle:
            return list(csv.reader(handle))


def made_up(
    root: Path, kind: str = "binning", features: Sequence[int] = (3, 2), own: int = 0, **more: Any
) -> FeatureTask:
    """Return a task whose labels depend on the features; `own` columns are the label client's."""
    rng = np.random.default_rng(5)
    rows = more.pop("rows", 600)
    x = np.round(rng.normal(size=(rows, sum(features) + own)), 3)
    x[:, -1] += 0.6 * x[:, 0]
    y = (x @ rng.normal(size=x.shape[1]) + rng.normal(size=rows) > 0.5).astype(np.float64)
    bounds = np.cumsum((0, *features))
    tables = [x[:, a:b] for a, b in pairwise(bounds)]
    label = np.hstack([y[:, None], x[:, bounds[-1] :]])
    return FeatureTask(root, tables, label, rows - rows // 5, kind=kind, **more)
