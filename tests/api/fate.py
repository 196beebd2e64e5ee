"""The FATE-Flow API over the real services and a scripted runner, asked as its clients do."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fedray.pipeline.service import PipelineService
from fedray.task.record import Status
from serve_api.app import build_app
from serve_api.fate_flow.desk import FateDesk
from serve_api.fate_flow.settings import FateSettings
from tests.api.conftest import TestClient, World
from tests.fate_jobs import dsl_1

__all__ = ["HETERO_LR", "Fate", "conf_v1", "conf_v2", "dsl_v2", "fate_desk"]

Json = dict[str, Any]
PARTIES = {"guest": [9999], "host": [10000], "arbiter": [10000]}


def fate_desk(world: World, root: Path, **settings: Any) -> FateDesk:
    """Return a desk over a world's services."""
    pipelines = PipelineService(world.store, world.service)
    return FateDesk(world.store.papers, lambda: world.service, pipelines, FateSettings(root, **settings))


class Fate:
    """The API."""

    def __init__(self, world: World, root: Path, **settings: Any) -> None:
        self.world, self.root = world, root
        self.pipelines = PipelineService(world.store, world.service)
        self.desk = fate_desk(world, root, **settings)
        app = build_app(lambda: world.service, version="9", pipeline_service=self.pipelines, fate_desk=self.desk)
        self.http = TestClient(app, base_url="http://127.0.0.1")

    def post(self, path: str, body: object = None) -> Json:
        reply = self.http.post(f"/v1/{path}", json=body)
        assert reply.status_code == 200, reply.text
        found: Json = reply.json()
        return found

    def get(self, path: str, body: object) -> Any:
        """Ask for a file: GET with a JSON body."""
        return self.http.request("GET", f"/v1/{path}", json=body)

    def upload(self, text: str | bytes, name: str = "guest", **more: object) -> Json:
        """Upload as `flow` does: the configuration as JSON in the query string."""
        conf = {"file": "/client/x.csv", "head": 1, "partition": 4, "work_mode": 0, "namespace": "exp"}
        conf |= {"table_name": name, "drop": 2, **more}
        content = text.encode() if isinstance(text, str) else text
        reply = self.http.post(
            f"/v1/data/upload?{quote(json.dumps(conf), safe='')}",
            files={"file": ("x.csv", content, "application/octet-stream")},
        )
        assert reply.status_code == 200, reply.text
        found: Json = reply.json()
        return found

    def table(self, text: str, name: str = "guest", **more: object) -> Json:
        """Upload a table and wait for it."""
        told = self.upload(text, name, **more)
        assert told["retcode"] == 0, told
        row = self.ended(told["jobId"])
        assert row["f_status"] == "success", row
        return told

    def ended(self, job_id: str) -> Json:
        """Wait for the end of a chore, and return its row."""
        while True:
            row: Json = self.post("job/query", {"job_id": job_id})["data"][0]
            if row["f_status"] not in ("waiting", "running"):
                return row
            time.sleep(0.01)

    def tables(self) -> None:
        """Upload a guest's and a host's table."""
        rows = range(40)
        guest = "".join(f"{row},{row % 2},{row * 0.5},{row % 7}\n" for row in rows)
        host = "".join(f"{row},{row % 5},{row % 3}\n" for row in rows)
        self.table(f"id,y,x0,x1\n{guest}", "guest")
        self.table(f"id,x0,x1\n{host}", "host")

    def submit(self, version: int, *, check: bool = True) -> Json:
        """Submit the hetero LR of a generation."""
        dsl, conf = (HETERO_LR, conf_v1()) if version == 1 else (dsl_v2(), conf_v2())
        told = self.post("job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})
        assert told["retcode"] == 0 or not check, told
        return told

    def rows(self, job_id: str) -> list[Json]:
        """Return the rows of a job."""
        found: list[Json] = self.post("job/query", {"job_id": job_id})["data"]
        return found

    def tasks_of(self, job_id: str) -> list[str]:
        """Return how the components of a job stand, to be shown where it went wrong."""
        job = self.desk.book.get(job_id)
        return (
            []
            if job is None
            else [f"{one.component} {one.status} {one.message}" for one in self.desk.states.of(job).tasks]
        )

    def advance(self) -> None:
        """Let pipelines go as far as they can."""
        while self.pipelines.step():
            pass

    def run_all(self) -> None:
        """Bring every task of the pipelines to a good end."""
        while True:
            self.advance()
            begun = [name for name in self.world.runner.submitted if not self.world.store.get(name).status.is_final]
            if not begun:
                return
            for name in begun:
                if self.world.store.get(name).status is Status.QUEUED:
                    self.world.store.transition(name, Status.RUNNING)
                self.world.store.transition(name, Status.FINISHED)


HETERO_LR: Json = dsl_1(
    (
        "hetero_lr_0",
        {
            "module": "HeteroLR",
            "input": {"data": {"train_data": ["intersection_0.train"]}},
            "output": {"data": ["train"], "model": ["hetero_lr"]},
        },
    ),
    (
        "evaluation_0",
        {
            "module": "Evaluation",
            "input": {"data": {"data": ["hetero_lr_0.train"]}},
            "need_deploy": False,
        },
    ),
)


def dsl_v2() -> Json:
    """Return the same DSL for FATE 1.6, with a reader."""
    components = HETERO_LR["components"]
    dataio = {**components["dataio_0"], "input": {"data": {"data": ["reader_0.data"]}}}
    reader = {"module": "Reader", "output": {"data": ["data"]}}
    return {"components": {"reader_0": reader, **components, "dataio_0": dataio}}


def conf_v1(**parameters: object) -> Json:
    """Return a configuration of FATE 1.4."""
    table = lambda name: {"args": {"data": {"train_data": [{"name": name, "namespace": "exp"}]}}}  # noqa: E731
    labelled = {"with_label": [True], "label_name": ["y"], "label_type": ["int"]}
    return {
        "initiator": {"role": "guest", "party_id": 9999},
        "job_parameters": {"work_mode": 0, **parameters},
        "role": PARTIES,
        "role_parameters": {
            "guest": {**table("guest"), "dataio_0": labelled},
            "host": {**table("host"), "dataio_0": {"with_label": [False]}},
        },
        "algorithm_parameters": {"hetero_lr_0": {"max_iter": 3, "learning_rate": 0.1}},
    }


def conf_v2(**parameters: object) -> Json:
    """Return a configuration of FATE 1.6."""
    reader = lambda name: {"reader_0": {"table": {"name": name, "namespace": "exp"}}}  # noqa: E731
    return {
        "dsl_version": 2,
        "initiator": {"role": "guest", "party_id": 9999},
        "job_parameters": {"common": {"work_mode": 0, "job_type": "train", **parameters}},
        "role": PARTIES,
        "component_parameters": {
            "common": {"hetero_lr_0": {"max_iter": 3, "learning_rate": 0.1}},
            "role": {
                "guest": {"0": {**reader("guest"), "dataio_0": {"with_label": True, "label_name": "y"}}},
                "host": {"0": {**reader("host"), "dataio_0": {"with_label": False}}},
            },
        },
    }
