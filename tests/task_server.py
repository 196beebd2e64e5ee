"""A server's service of tasks, over a real store and a runner that only notes what it was told."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fedray.task.plan import TaskPlan
from fedray.task.record import Status
from fedray.task.registry import Registry
from fedray.task.service import TaskService
from fedray.task.standing import Standing
from fedray.task.store import Store


class Notes:
    """A runner that runs nothing; ``errors`` holds what a method raises."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.errors: dict[str, Exception] = {}
        self.standings: list[Standing] = []

    def _note(self, call: str, name: str) -> None:
        self.calls.append(f"{call} {name}")
        if call in self.errors:
            raise self.errors[call]

    def check(self, plan: TaskPlan) -> Sequence[Standing]:
        self._note("check", plan.task)
        return self.standings

    def ready(self, plan: TaskPlan) -> Sequence[Standing]:
        self._note("ready", plan.task)
        return self.standings

    def approve(self, plan: TaskPlan, party: str, who: str) -> None:
        self._note("approve", f"{plan.task} {party} {who}")

    def forget(self, plan: TaskPlan) -> list[dict[str, object]]:
        self._note("forget", plan.task)
        return [{"index": 2, "role": "feature_client", "party": "bank", "digest": "0f"}]

    def ask(self, plan: TaskPlan, ids: Sequence[str]) -> list[list[float]]:
        self._note("ask", plan.task)
        return [[0.5] for _ in ids]

    def submit(self, plan: TaskPlan) -> None:
        self._note("submit", plan.task)

    def checkpoint(self, plan: TaskPlan) -> int:
        self._note("checkpoint", plan.task)
        return 500

    def resume(self, plan: TaskPlan) -> None:
        self._note("resume", plan.task)

    def cancel(self, name: str) -> None:
        self._note("cancel", name)

    def offered(self) -> list[str]:
        return ["party_bank"]

    def queue(self) -> list[str]:
        return ["x", "y"]


class Server:
    def __init__(self, folder: Path, registry: Registry | None = None, trust_mode: str = "lab") -> None:
        self.now = 100.0
        self.store = Store(f"sqlite:///{folder}/store.db", lambda: self.now)
        self.runner = Notes()
        self.service = TaskService(
            self.store,
            self.runner,
            registry or Registry.local(),
            new_seed=lambda: "seed",
            clock=lambda: self.now,
            trust_mode=trust_mode,
        )


def network(name: str = "net", **main: object) -> dict[str, Any]:
    configs: list[tuple[str, dict[str, object]]] = [
        ("main_client", {"client_type": "shared_nn_main", "in_dim": 1, **main}),
        ("crypto_producer", {"client_type": "triplet_producer"}),
        ("feature_client", {"client_type": "shared_nn_feature", "data_path": "f"}),
        ("label_client", {"client_type": "shared_nn_label", "data_path": "l"}),
    ]
    clients = [
        {"role": role, "addr": "a", "http_port": port, "client_config": {"computation_port": 9, **config}}
        for port, (role, config) in enumerate(configs, start=1)
    ]
    return {"task_name": name, "clients": clients}


def advance(server: Server, *ways: Status) -> None:
    for way in ways:
        server.store.transition("net", way)
