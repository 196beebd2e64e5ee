"""Tasks that answer requests: documents, and runs of every party in threads while a test asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.errors import FedrayError
from fedray.parties.context import PartyOutcome
from fedray.parties.desk import Desk
from tests.predictions import Prediction
from tests.tasks import Training, client

Float = npt.NDArray[np.float64]
Json = dict[str, Any]

ANSWER_S = 30.0


@dataclass(eq=False)
class Serving(Prediction):
    """A task that answers requests with the model of a training, in the same folders and with the same clients."""

    name: str = "s"

    def document(self) -> Json:
        """Return the body of createTask."""
        made = [
            client("main_client", 8000, client_type="serve_main", **{"model": "t", **self.main}),
            client("crypto_producer", 8010, client_type="triplet_producer"),
        ]
        for k in range(len(self.features)):
            made.append(client("feature_client", 8020 + 2 * k, client_type="serve_feature", **self._fields(k + 2)))
        made.append(client("label_client", 8090, client_type="serve_label", **self._fields(len(made))))
        return {"task_name": self.name, "clients": made}

    @property
    def desk(self) -> Desk:
        """The receiver's desk."""
        answering = self.plan().answering
        assert answering is not None
        return self.desks.setdefault(answering.index, Desk())

    def ask(self, *ids: str) -> Float:
        """Ask as a request from outside does."""
        return self.desk.ask(ids, ANSWER_S)


def served(trained: Training, main: Mapping[str, object] | None = None, **other: Any) -> Serving:
    """Return a task that answers requests with the model of a training that has run."""
    made = Serving(trained.root, trained.features, trained.label, trained.n_train, main=main or {}, **other)
    made.roots = trained.roots
    return made


class Run:
    """A task that runs in threads of its own."""

    def __init__(self, task: Serving) -> None:
        self.outcomes: dict[int, PartyOutcome] = {}
        self._task = task
        _ = task.desk  # made before the parties begin
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.outcomes.update(self._task.run())

    def wait(self) -> dict[int, PartyOutcome]:
        """Wait for every party's end."""
        self._thread.join(60)
        if self._thread.is_alive():
            raise TimeoutError("a party hangs")
        return self.outcomes


@contextmanager
def answering(task: Serving) -> Iterator[Run]:
    """Run a task for the time of the block, end it in order, and raise the first error if there is one."""
    run = Run(task)
    try:
        yield run
    finally:
        task.desk.end()
        run.wait()
    for error in task.errors.values():
        raise error


def refused(task: Serving, ids: Sequence[str]) -> FedrayError:
    """Return the error with which a request is refused."""
    try:
        task.ask(*ids)
    except FedrayError as error:
        return error
    raise AssertionError("the request was answered")
