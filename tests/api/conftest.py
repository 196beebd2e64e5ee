"""The real service over SQLite, with a runner that only writes down what it was told."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from fedray.errors import FedrayError
from fedray.pipeline.service import PipelineService
from fedray.task.plan import TaskPlan
from fedray.task.record import Event, Status
from fedray.task.registry import PartyRef, Registry
from fedray.task.service import TaskService
from fedray.task.standing import Standing
from fedray.task.store import Store
from fedray.task.usage import Usage
from serve_api.app import build_app
from tests.api.documents import alignment, training

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the test client prefers another HTTP package; both do
    from fastapi.testclient import TestClient


@dataclass
class ScriptedRunner:
    """Runs nothing: keeps what it was given, refuses what it is told to refuse."""

    submitted: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    resources: list[str] = field(default_factory=lambda: ["party_bank"])
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)
    approved: list[tuple[str, str, str]] = field(default_factory=list)
    refusal: Exception | None = None
    not_ready: Exception | None = None
    used: Usage = field(default_factory=Usage)
    on_submit: Callable[[str], None] = lambda name: None

    def check(self, plan: TaskPlan) -> Sequence[Standing]:
        if self.refusal is not None:
            raise self.refusal
        return self.standings

    def ready(self, plan: TaskPlan) -> Sequence[Standing]:
        if self.not_ready is not None:
            raise self.not_ready
        return self.standings

    def approve(self, plan: TaskPlan, party: str, who: str) -> None:
        self.approved.append((plan.digest, party, who))

    def forget(self, plan: TaskPlan) -> list[dict[str, object]]:
        if self.refusal is not None:
            raise self.refusal
        names = [(member.index, member.role.value, member.party.name) for member in plan.data]
        return [{"index": index, "role": role, "party": party, "digest": "0f"} for index, role, party in names]

    def ask(self, plan: TaskPlan, ids: Sequence[str]) -> list[list[float]]:
        self.asked.append((plan.task, tuple(ids)))
        if self.refusal is not None:
            raise self.refusal
        return [[len(name) / 8] for name in ids]

    def submit(self, plan: TaskPlan) -> None:
        self.submitted.append(plan.task)
        self.on_submit(plan.task)

    def checkpoint(self, plan: TaskPlan) -> int:
        if self.refusal is not None:
            raise self.refusal
        return 500

    def resume(self, plan: TaskPlan) -> None:
        self.resumed.append(plan.task)

    def cancel(self, name: str) -> None:
        self.cancelled.append(name)

    def offered(self) -> list[str]:
        return self.resources

    def queue(self) -> list[str]:
        return self.waiting

    def usage(self) -> Usage:
        return self.used


ROW = [32.0, 101, 0.25, 0.5, 0.125]
COLUMNS = ["time", "n_batches", "loss", "auc", "ks"]


@dataclass
class World:
    """A service, what stands behind it, and ways to move its tasks."""

    store: Store
    runner: ScriptedRunner
    service: TaskService

    def create(self, name: str = "t", kind: str = "shared_nn") -> str:
        self.service.create(training(name) if kind == "shared_nn" else alignment(name))
        return name

    def run(self, name: str = "t", kind: str = "shared_nn") -> str:
        self.create(name, kind)
        self.service.start(name)
        self.store.transition(name, Status.RUNNING)
        return name

    def finish(self, name: str) -> None:
        self.store.transition(name, Status.FINISHED)

    def fail(self, name: str, error: FedrayError) -> None:
        self.store.transition(name, Status.FAILED, error.as_dict())

    def tell(self, name: str, kind: str, data: dict[str, Any], party: str = "") -> None:
        self.store.events.add(name, [Event(kind, data, party, 1.0)])

    def train(self, name: str) -> None:
        """Let a running training tell its progress and two rows of its record."""
        self.tell(name, "phase", {"phase": "train"}, "bank")
        for batches, seconds in ((101, 32.0), (202, 63.5)):
            data = {"phase": "train", "done": batches, "total": 303, "loss": 0.25, "rounds": 7, "bytes": 2_500_000}
            self.tell(name, "progress", data, "bank")
            self.tell(name, "record", {"row": [seconds, batches, *ROW[2:]], "columns": COLUMNS}, "bank")


@pytest.fixture
def runner() -> ScriptedRunner:
    return ScriptedRunner()


@pytest.fixture
def registry() -> Registry:
    return Registry.local()


@contextmanager
def opened_world(folder: Path, runner: ScriptedRunner, registry: Registry) -> Iterator[World]:
    seeds = itertools.count()
    with Store(f"sqlite:///{folder}/tasks.db") as store:
        service = TaskService(store, runner, registry, new_seed=lambda: f"seed{next(seeds)}")
        yield World(store, runner, service)


@pytest.fixture
def world(tmp_path: Path, runner: ScriptedRunner, registry: Registry) -> Iterator[World]:
    with opened_world(tmp_path, runner, registry) as opened:
        yield opened


@pytest.fixture
def app(world: World) -> FastAPI:
    pipelines = PipelineService(world.store, world.service)
    return build_app(lambda: world.service, version="9.8.7", pipeline_service=pipelines)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as made:
        yield made


BANK = PartyRef("bank", "10.0.0.1", 8084, "party_bank")
SHOP = PartyRef("shop", "10.0.0.2", 8084, "party_shop")
