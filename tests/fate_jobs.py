"""FATE jobs compiled and run, every task in threads over the memory transport, on tables of one server."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.documents import load_document
from fedray.data.root import DataRoot
from fedray.parties.run import run_local
from fedray.pipeline.bodies import bodies
from fedray.pipeline.document import parse
from fedray.task.plan import make_plan
from fedray.task.record import Event, EventKind, Status
from fedray.task.registry import Registry
from fedray.task.report import build_report
from fedray.task.spec import TaskSpec
from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.compiling import compile_job
from serve_api.fate_flow.dsl import read_job
from serve_api.fate_flow.interfaces import ComponentOutcome, TableEntry
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes import outcome
from tests.tasks import PATIENT

Json = dict[str, Any]
GUEST, HOST, ARBITER = PartyId("guest", "9999"), PartyId("host", "10000"), PartyId("arbiter", "10000")


class World:
    """A server's tables, and what came of the steps that ran: `Tables` and `Results` at once."""

    def __init__(self, root: Path) -> None:
        self.root = DataRoot(root)
        self.entries: dict[tuple[str, str], TableEntry] = {}
        self.reports: dict[str, Json] = {}
        self.records: dict[str, list[list[float]]] = {}

    # tables

    def add(
        self, name: str, columns: Mapping[str, Sequence[object]], ids: Sequence[str], namespace: str = "ns"
    ) -> None:
        """Upload a table."""
        path = self.root.path / "raw" / "fate" / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as handle:
            rows = zip(ids, *columns.values(), strict=True)
            csv.writer(handle).writerows([["id", *columns], *rows])
        self.entries[namespace, name] = TableEntry(
            namespace, name, f"fate/{name}.csv", "id", tuple(columns), len(ids), 4
        )

    def find(self, namespace: str, name: str) -> TableEntry | None:
        """Return a table."""
        return self.entries.get((namespace, name))

    # results

    def report(self, step: str) -> Json | None:
        """Return a step's report."""
        return self.reports.get(step)

    def record(self, step: str) -> list[list[float]]:
        """Return a step's record."""
        return self.records.get(step, [])

    def status(self, step: str) -> str:
        """Return a step's status."""
        return "finished" if step in self.reports else "waiting"

    def kept(self, party: PartyId, folder: str, file: str) -> Json | None:
        """Return what a party keeps."""
        return load_document(self.root.sealed_dir(folder, create=False), file)

    def table(self, party: PartyId, file: str) -> Path | None:
        """Return a party's file."""
        path = self.root.path / file
        return path if path.exists() else None

    # jobs

    def compile(self, dsl: object, conf: object, job_id: str = "1", trained: CompiledJob | None = None) -> CompiledJob:
        """Compile a job; it goes through JSON on the way, as in the store."""
        compiled = compile_job(read_job(dsl, conf), job_id, self, trained)
        return CompiledJob.from_json(compiled.to_json())

    def run(self, compiled: CompiledJob) -> None:
        """Run the steps of a job one after the other."""
        if compiled.pipeline is None:
            return
        spec = parse(dict(compiled.pipeline))
        made = bodies(spec.name, spec.steps, spec.order, {})
        self.reports, self.records = {}, {}
        for step in spec.order:
            self._run_step(step.name, made[step.name].spec)

    def outcome(self, compiled: CompiledJob, name: str) -> ComponentOutcome:
        """Return what a component has to show."""
        return outcome(compiled.component(name), self)

    def _run_step(self, step: str, spec: TaskSpec) -> None:
        plan = make_plan(spec, Registry.local(), "seed")
        events: list[Event] = []
        outcomes = run_local(plan, self.root, emit=events.append, timeouts=PATIENT)
        told = {
            index: {"result": one.result, "cost": {}, "reveals": [], "estimate": one.estimate, "policy": {}}
            for index, one in enumerate(outcomes)
        }
        self.reports[step] = build_report(plan, told, status=Status.FINISHED, seconds=1.0, trust_mode="lab")
        self.records[step] = [event.data["row"] for event in events if event.kind == EventKind.RECORD]  # type: ignore[misc]


def breast(world: World) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Upload scikit-learn's table as FATE's examples cut theirs: 569 rows, guest y and 10 columns, host 20."""
    from sklearn.datasets import load_breast_cancer

    x, y = load_breast_cancer(return_X_y=True)
    ids = [f"{k:04d}" for k in range(len(y))]
    guest = {"y": y.tolist(), **{f"x{k}": x[:, k].tolist() for k in range(10)}}
    host = {f"x{k}": x[:, 10 + k].tolist() for k in range(20)}
    world.add("breast_guest", guest, ids)
    world.add("breast_host", host, ids)
    return x, y


def small(world: World, rows: int = 80, labels: str = "binary") -> None:
    """Upload small tables: the guest's with y, x0, x1, the host's with x0, x1, x2; the last tenth is not in common."""
    rng = np.random.default_rng(5)
    x = np.round(rng.normal(size=(rows, 5)), 3)
    score = x @ np.array([1.0, -1.0, 0.5, 1.5, 0.0])
    y = (score > 0).astype(int) if labels == "binary" else np.round(score, 3)
    y = rng.poisson(np.exp(score / 4)) if labels == "counts" else y
    ids = [f"r{k:03d}" for k in range(rows)]
    left = rows - rows // 10
    world.add("guest", {"y": y[:left].tolist(), "x0": x[:left, 0].tolist(), "x1": x[:left, 1].tolist()}, ids[:left])
    world.add("host", {f"x{k}": x[:, 2 + k].tolist() for k in range(3)}, ids)


def conf_1(guest: str = "guest", host: str = "host", **algorithm: Json) -> Json:
    """Return a configuration of DSL 1."""
    return {
        "initiator": {"role": "guest", "party_id": 9999},
        "job_parameters": {"work_mode": 0},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "role_parameters": {
            "guest": {
                "args": {"data": {"train_data": [{"name": guest, "namespace": "ns"}]}},
                "dataio_0": {
                    "with_label": [True],
                    "label_name": ["y"],
                    "label_type": ["int"],
                    "output_format": ["dense"],
                },
            },
            "host": {
                "args": {"data": {"train_data": [{"name": host, "namespace": "ns"}]}},
                "dataio_0": {"with_label": [False], "output_format": ["dense"]},
            },
        },
        "algorithm_parameters": algorithm,
    }


def dsl_1(*more: tuple[str, Json]) -> Json:
    """Return a DSL 1 with a DataIO, an Intersection, and more."""
    first = {
        "dataio_0": {
            "module": "DataIO",
            "input": {"data": {"data": ["args.train_data"]}},
            "output": {"data": ["train"], "model": ["dataio"]},
        },
        "intersection_0": {
            "module": "Intersection",
            "input": {"data": {"data": ["dataio_0.train"]}},
            "output": {"data": ["train"]},
        },
    }
    return {"components": {**first, **dict(more)}}


def conf_2(guest: str = "guest", host: str = "host", **common: Json) -> Json:
    """Return a configuration of DSL 2."""
    return {
        "dsl_version": "2",
        "initiator": {"role": "guest", "party_id": 9999},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "job_parameters": {"common": {"job_type": "train", "work_mode": 0}},
        "component_parameters": {
            "common": common,
            "role": {
                "guest": {
                    "0": {
                        "reader_0": {"table": {"name": guest, "namespace": "ns"}},
                        "data_transform_0": {"with_label": True, "label_name": "y"},
                    }
                },
                "host": {
                    "0": {
                        "reader_0": {"table": {"name": host, "namespace": "ns"}},
                        "data_transform_0": {"with_label": False},
                    }
                },
            },
        },
    }


def dsl_2(*more: tuple[str, Json]) -> Json:
    """Return a DSL 2 with a Reader, a DataTransform, an Intersection, and more."""
    first = {
        "reader_0": {"module": "Reader", "output": {"data": ["data"]}},
        "data_transform_0": {
            "module": "DataTransform",
            "input": {"data": {"data": ["reader_0.data"]}},
            "output": {"data": ["data"], "model": ["model"]},
        },
        "intersection_0": {
            "module": "Intersection",
            "input": {"data": {"data": ["data_transform_0.data"]}},
            "output": {"data": ["data"]},
        },
    }
    return {"components": {**first, **dict(more)}}


def trainer(module: str, data: str, **more: Json) -> Json:
    """Return a component that trains."""
    inputs = {"data": {"train_data": [data]}}
    return {"module": module, "input": inputs, "output": {"data": ["data"], "model": ["model"]}, **more}


def applied(module: str, data: str, **more: Any) -> Json:
    """Return a component that takes data and gives data and a model."""
    inputs = {"data": {"data": [data]}}
    return {"module": module, "input": inputs, "output": {"data": ["data"], "model": ["model"]}, **more}


def evaluated(data: str) -> Json:
    """Return an evaluation."""
    return {"module": "Evaluation", "input": {"data": {"data": [data]}}, "output": {"data": ["data"]}}
