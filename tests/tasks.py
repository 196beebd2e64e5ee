"""Whole tasks on made-up tables: plans, data folders, and runs of every party in threads."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.channel import Channel, Frame, Timeouts
from fedray.channel.memory import Wire, connect
from fedray.data.root import DataRoot
from fedray.errors import FedrayError, PeerLost, TaskAborted
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.desk import Desk
from fedray.parties.run import run_party
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.record import Event
from fedray.task.registry import Registry
from fedray.task.spec import parse

Float = npt.NDArray[np.float64]

PATIENT = Timeouts(connect_s=60.0, receive_s=60.0)


def client(role: str, port: int, **config: object) -> dict[str, object]:
    """Return one entry of ``clients``."""
    return {
        "role": role,
        "addr": "127.0.0.1",
        "http_port": port,
        "client_config": {"computation_port": port + 1, **config},
    }


@dataclass(eq=False)
class Training:
    """A training task: parties 0 main, 1 dealer, then the feature clients and the label client.

    Parameters
    ----------
    root
        A folder for all parties' data roots.
    features
        Of each feature client, (rows, columns); the first `n_train` rows train.
    label
        Of the label client: labels first, then features if it has any.
    """

    root: Path
    features: Sequence[Float]
    label: Float
    n_train: int
    main: Mapping[str, object] = field(default_factory=dict)
    labeler: Mapping[str, object] = field(default_factory=dict)
    feature: Mapping[str, object] = field(default_factory=dict)
    seed: str = "seed"

    def __post_init__(self) -> None:
        tables = [*self.features, self.label]
        self.roots = {k + 2: DataRoot(self.root / f"p{k + 2}") for k in range(len(tables))}
        for index, table in zip(self.roots, tables, strict=True):
            self.write(index, "train.csv", table[: self.n_train])
            self.write(index, "test.csv", table[self.n_train :])
        self.forget()

    def forget(self) -> None:
        """Forget what earlier runs did and said."""
        self.events: list[Event] = []
        self.views: list[list[tuple[int, Frame]]] = []
        self.channels: list[Channel] = []
        self.errors: dict[int, FedrayError] = {}
        self.ended: dict[int, float] = {}
        self.desks: dict[int, Desk] = {}

    def path(self, index: int, name: str) -> Path:
        """Return the path of a party's file."""
        folder = self.roots[index].path / "generated" / "d"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    def write(self, index: int, name: str, table: Float) -> None:
        """Write a table as a party's file."""
        with self.path(index, name).open("w", newline="") as handle:
            csv.writer(handle).writerows(table.tolist())

    def document(self) -> dict[str, object]:
        """Return the body of createTask."""
        main = {
            "in_dim": 1,
            "layers": [],
            "max_iter": 6,
            "test_per_batches": 3,
            "batch_size": 16,
            "learning_rate": 0.5,
            **self.main,
        }
        clients = [
            client("main_client", 8000, client_type="shared_nn_main", **main),
            client("crypto_producer", 8010, client_type="triplet_producer"),
        ]
        for k in range(len(self.features)):
            feature = {"client_type": "shared_nn_feature", "data_path": "d", **self.feature}
            clients.append(client("feature_client", 8020 + 2 * k, **feature))
        label = {"client_type": "shared_nn_label", "data_path": "d", "loss": "bce", "metric": "auc_ks", **self.labeler}
        clients.append(client("label_client", 8090, **label))
        return {"task_name": "t", "clients": clients}

    def plan(self) -> TaskPlan:
        """Return the plan."""
        return make_plan(parse(self.document()), Registry(None), self.seed)

    def run(
        self,
        *,
        wire: Wire | None = None,
        timeouts: Timeouts = PATIENT,
        resumes: bool = False,
        stop: tuple[int, int] | None = None,
    ) -> dict[int, PartyOutcome]:
        """Run every party; keep views, errors and times. Raises if a thread hangs.

        Parameters
        ----------
        resumes
            Whether the parties go on from their checkpoints.
        stop
            A party and after how many answers of others it dies.
        """
        plan = self.plan()
        self.views = [[] for _ in plan.members]
        self.errors, self.ended = {}, {}
        outcomes: dict[int, PartyOutcome] = {}
        tags = [reveal.tag for reveal in plan.reveals]
        observers = [lambda frm, frame, view=view: view.append((frm, frame)) for view in self.views]
        self.channels = channels = connect(
            plan.names, plan.digest, tags, timeouts=timeouts, observers=observers, wire=wire
        )
        if stop is not None:
            die_after(channels[stop[0]], stop[1])
        started = time.monotonic()

        def party(index: int) -> None:
            root = self.roots.get(index, DataRoot(self.root / "none"))
            context = PartyContext(
                plan,
                index,
                channels[index],
                root,
                self.events.append,
                resumes=resumes,
                desk=self.desks.get(index, Desk()),
            )
            try:
                outcomes[index] = run_party(context)
            except FedrayError as error:
                self.errors[index] = error
            self.ended[index] = time.monotonic() - started

        threads = [threading.Thread(target=party, args=(m.index,), daemon=True) for m in plan.members]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        if any(thread.is_alive() for thread in threads):
            raise TimeoutError("a party hangs")
        return outcomes

    def succeed(self, **options: Any) -> dict[int, PartyOutcome]:
        """Run, and raise the first error that is not another party's, if there is one."""
        outcomes = self.run(**options)
        for error in sorted(self.errors.values(), key=lambda error: isinstance(error, TaskAborted)):
            raise error
        return outcomes


def die_after(channel: Channel, answers: int) -> None:
    """Let a party die when it waits for the next one after so many answers of others."""
    receive, left = channel.recv, iter(range(answers))

    def recv(*args: Any, **options: Any) -> Any:
        if next(left, None) is None:
            raise PeerLost("the process died")
        return receive(*args, **options)

    channel.recv = recv  # type: ignore[method-assign]


def made_up(root: Path, features: Sequence[int] = (3, 2), own: int = 0, rows: int = 120, **other: Any) -> Training:
    """Return a task whose labels depend on the features; `own` columns are the label client's."""
    rng = np.random.default_rng(3)
    x = np.round(rng.normal(size=(rows, sum(features) + own)), 4)
    y = (x @ rng.normal(size=x.shape[1]) + 0.3 * rng.normal(size=rows) > 0).astype(np.float64)
    bounds = np.cumsum((0, *features))
    tables = [x[:, a:b] for a, b in pairwise(bounds)]
    label = np.hstack([y[:, None], x[:, bounds[-1] :]])
    return Training(root, tables, label, rows - rows // 5, **other)
