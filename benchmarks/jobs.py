"""FATE jobs submitted at once: seconds until all have ended, and what the server needs meanwhile."""

from __future__ import annotations

import csv
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.lines import Line, line
from benchmarks.memory import free_port
from benchmarks.processes import family, pss_mib
from fedray.errors import FedrayError

__all__ = ["job", "run", "write_tables"]

Json = dict[str, Any]
ENDS = ("success", "failed", "canceled", "timeout")
NAMESPACE = "benchmarks"
WATCH_S = 2.0
END_S = 3600.0

LR: Json = {
    "penalty": "L2",
    "alpha": 0.01,
    "optimizer": "sgd",
    "learning_rate": 0.15,
    "batch_size": 128,
}


def run(count: int, per_node: int, iterations: int) -> Line:
    """Start a server, upload two tables, submit the jobs at once and watch them to their end; return one line."""
    with tempfile.TemporaryDirectory() as folder, _server(Path(folder) / "root", per_node) as http:
        for role, path in write_tables(Path(folder) / "root" / "exchange").items():
            _ended(http, [_upload(http, role, path)])
        dsl, conf = job(iterations)
        started = time.monotonic()
        jobs = [_asked(http, "job/submit", {"job_dsl": dsl, "job_runtime_conf": conf})["jobId"] for _ in range(count)]
        submitted = time.monotonic() - started
        watched = _ended(http, jobs)
        seconds = time.monotonic() - started
    return {
        **line("jobs", "ray"),
        "count": count,
        "max_tasks": per_node,
        "iterations": iterations,
        "seconds": seconds,
        "submit_seconds": submitted,
        "seconds_per_job": seconds / count,
        **watched,
    }


def write_tables(folder: Path) -> dict[str, Path]:
    """Write the guest's and the host's part of scikit-learn's breast cancer table: 569 rows, 10 + 20 columns."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    features = (found.data - found.data.mean(0)) / found.data.std(0)
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for role, columns in (("guest", range(10)), ("host", range(10, 30))):
        label = role == "guest"
        paths[role] = folder / f"{role}.csv"
        with paths[role].open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", *(["y"] if label else []), *(f"x{place}" for place in range(len(columns)))])
            for row in np.random.default_rng(7 + label).permutation(len(features)):
                values = [f"{value:.6f}" for value in features[row, list(columns)]]
                writer.writerow([f"s{row:04}", *([found.target[row]] if label else []), *values])
    return paths


def job(iterations: int) -> tuple[Json, Json]:
    """Return DSL and configuration of a job that aligns, trains a logistic regression, and evaluates it."""
    components = {
        "dataio_0": _component("DataIO", "data", "args.train_data", model="dataio"),
        "intersection_0": _component("Intersection", "data", "dataio_0.train"),
        "hetero_lr_0": _component("HeteroLR", "train_data", "intersection_0.train", model="hetero_lr"),
        "evaluation_0": _component("Evaluation", "data", "hetero_lr_0.train"),
    }
    conf = {
        "initiator": {"role": "guest", "party_id": 9999},
        "job_parameters": {"work_mode": 0},
        "role": {"guest": [9999], "host": [10000], "arbiter": [10000]},
        "role_parameters": {role: _read(role) for role in ("guest", "host")},
        "algorithm_parameters": {
            "hetero_lr_0": {**LR, "max_iter": iterations},
            "evaluation_0": {"eval_type": "binary"},
        },
    }
    return {"components": components}, conf


def _component(module: str, key: str, source: str, model: str | None = None) -> Json:
    output = {"data": ["train"], **({} if model is None else {"model": [model]})}
    return {"module": module, "input": {"data": {key: [source]}}, "output": output}


def _read(role: str) -> Json:
    table = [{"name": role, "namespace": NAMESPACE}]
    dataio = {"with_label": [role == "guest"], "label_name": ["y"], "label_type": ["int"], "output_format": ["dense"]}
    return {"args": {"data": {"train_data": table}}, "dataio_0": dataio}


def _upload(http: httpx.Client, role: str, path: Path) -> str:
    conf = {"file": str(path), "head": 1, "partition": 1, "work_mode": 0, "use_local_data": 0}
    told = _asked(http, "data/upload", {**conf, "namespace": NAMESPACE, "table_name": role})
    return str(told["jobId"])


def _ended(http: httpx.Client, jobs: list[str]) -> Line:
    """Watch jobs until all have ended; return how, and the most that was seen at a time."""
    deadline = time.monotonic() + END_S
    memory, processes, waiting = 0.0, 0, 0
    while True:
        seen = Counter(_status(http, job_id) for job_id in jobs)
        found = family()
        memory = max(memory, sum(pss_mib(pid) for pid in found))
        processes, waiting = max(processes, len(found)), max(waiting, seen["waiting"])
        if set(seen) <= set(ENDS):
            break
        if time.monotonic() > deadline:
            raise FedrayError(f"jobs did not end within {END_S:g} s: {dict(seen)}")
        time.sleep(WATCH_S if len(jobs) > 1 else 0.1)
    if set(seen) != {"success"}:
        raise FedrayError(f"expected that every job succeeds, got {dict(seen)}")
    return {"success": seen["success"], "pss_mb": memory, "processes": processes, "most_waiting": waiting}


def _status(http: httpx.Client, job_id: str) -> str:
    return str(_asked(http, "job/query", {"job_id": job_id})["data"][0]["f_status"])


def _asked(http: httpx.Client, path: str, body: Json) -> Json:
    told: Json = http.post(path, json=body).json()
    if told["retcode"]:
        raise FedrayError(f"{path} was refused: {told['retmsg'][:200]}")
    return told


@contextmanager
def _server(root: Path, per_node: int) -> Iterator[httpx.Client]:
    """Run a server with FATE's API for the time of the block; give a client of it."""
    from serve_api import deploy
    from serve_api.fate_flow.settings import FateSettings

    port = free_port()
    settings = deploy.ServerSettings(root, port=port, per_node=per_node, fate=FateSettings(root))
    deploy.prepare(settings)
    deploy.start(settings)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/v1/", trust_env=False, timeout=60.0) as http:
            yield http
    finally:
        deploy.stop("the benchmark ended")
