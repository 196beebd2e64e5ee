"""Tasks that open the model of a made-up training: documents, and runs of every party in threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.predictions import Prediction
from tests.tasks import Training, client

Json = dict[str, Any]


@dataclass(eq=False)
class Export(Prediction):
    """A task that opens the model of a training: party 0 main, then its clients with data, in the same folders."""

    name: str = "x"

    def document(self) -> Json:
        """Return the body of createTask."""
        last = len(self.features) + 1
        made = [client("main_client", 8000, client_type="export_main", **{"model": "t", **self.main})]
        for k in range(1, last):
            made.append(client("feature_client", 8018 + 2 * k, client_type="export_feature", **self._fields(k)))
        made.append(client("label_client", 8090, client_type="export_label", **self._fields(last)))
        return {"task_name": self.name, "clients": made}

    def _fields(self, index: int) -> Json:
        return dict(self.clients.get(index) or {})

    def consent(self, text: str = "export = true", indices: Sequence[int] = ()) -> None:
        """Write a policy at some parties with data, without `indices` at all of them."""
        for index in indices or self.roots:
            (self.roots[index].path / "policy.toml").write_text(text)

    def exported(self) -> list[Path]:
        """Return the files of models below all parties' generated data."""
        return [path for root in self.roots.values() for path in (root.path / "generated").rglob("model.*")]


def export(trained: Training, **other: Any) -> Export:
    """Return a task that opens the model of a training that has run."""
    made = Export(trained.root, trained.features, trained.label, trained.n_train, **other)
    made.roots = dict(enumerate(trained.roots.values(), start=1))
    return made
