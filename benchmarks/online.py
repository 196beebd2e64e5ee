"""Predictions of single rows over HTTP: milliseconds of one request after the other, and of several callers."""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.credit import (
    DEALER_PORT,
    LABEL_PORT,
    MAIN_PORT,
    alignment_document,
    feature_port,
    write_tables,
)
from benchmarks.lines import Line, line
from benchmarks.machine import limited_threads
from benchmarks.memory import free_port
from benchmarks.tasks import client, make_root
from fedray.data.new_rows import load_ids
from fedray.data.root import DataRoot
from fedray.errors import FedrayError

__all__ = [
    "KINDS",
    "PARTIES",
    "begin",
    "document",
    "percentile",
    "run",
    "server",
    "serving_document",
    "training_document",
]

PARTIES = 3
WARM = 20
"""Requests before the first that counts."""

END_S = 300.0

Json = dict[str, Any]
KINDS: dict[str, tuple[str, Json]] = {
    "linear": ("linear", {"objective": "logistic", "batch_size": 256, "max_iter": 200, "test_per_batches": 200}),
    "network": ("shared_nn", {"in_dim": 8, "layers": [1], "batch_size": 256, "max_iter": 50, "test_per_batches": 50}),
}


def run(data: Path, transport: str, model: str, requests: int, rows: int, at_once: int) -> Line:
    """Start a server, align, train, serve, and ask; return one line."""
    if model not in KINDS or transport not in ("ray", "fast"):
        raise FedrayError(f"expected --model {' or '.join(KINDS)} and --transport ray or fast")
    with tempfile.TemporaryDirectory() as folder:
        root = make_root(Path(folder))
        write_tables(data, root, PARTIES)
        with server(root) as http:
            _finish(http, alignment_document(PARTIES))
            _finish(http, training_document(model))
            _serve(http, transport)
            return {**_measured(http, root, transport, requests, rows, at_once), "model": model}


def _measured(http: httpx.Client, root: DataRoot, transport: str, requests: int, rows: int, at_once: int) -> Line:
    found = load_ids(root.path / "generated" / "l", "all")
    names = itertools.cycle(found.values if found else ())

    def ask(_: int) -> float:
        wanted = [next(names) for _ in range(rows)]
        started = time.perf_counter()
        answer = http.post("/tasks/online/predictions", json={"ids": wanted})
        if answer.status_code != 200:
            raise FedrayError(f"a request was refused: {answer.text[:200]}")
        return 1000.0 * (time.perf_counter() - started)

    for k in range(WARM):
        ask(k)
    one_by_one = sorted(ask(k) for k in range(requests))
    with ThreadPoolExecutor(at_once) as pool:
        started = time.perf_counter()
        together = sorted(pool.map(ask, range(requests)))
        seconds = time.perf_counter() - started
    return {
        **line("online", transport),
        "parties": PARTIES,
        "rows": len(found.values) if found else 0,
        "requests": requests,
        "ids": rows,
        "p50_ms": statistics.median(one_by_one),
        "p95_ms": percentile(one_by_one, 0.95),
        "least_ms": one_by_one[0],
        "per_s": 1000.0 * requests / sum(one_by_one),
        "at_once": at_once,
        "p50_ms_at_once": statistics.median(together),
        "p95_ms_at_once": percentile(together, 0.95),
        "per_s_at_once": requests / seconds,
    }


def percentile(numbers: list[float], part: float) -> float:
    """Return the number below which that part of rising numbers is."""
    return numbers[min(len(numbers) - 1, int(part * len(numbers)))]


@contextmanager
def server(root: DataRoot, **settings: Any) -> Iterator[httpx.Client]:
    """Run a server for the time of the block, with some settings of its own; give a client of its /api/v1."""
    from serve_api import deploy

    port = free_port()
    with limited_threads(PARTIES + 1):  # Ray hands its environment on to the actors
        deploy.start(deploy.ServerSettings(root.path, port=port, **settings))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False, timeout=60.0) as http:
            yield http
    finally:
        deploy.stop("the benchmark ended")


def _finish(http: httpx.Client, task: Json) -> None:
    begin(http, task, lambda found: found["status"] == "finished")


def begin(http: httpx.Client, wanted: Json, ready: Callable[[Json], bool]) -> None:
    """Create and start a task, and wait until it is where it should be."""
    made = http.post("/tasks", params={"start": "true"}, json=wanted)
    if made.status_code != 201:
        raise FedrayError(f"a task was refused: {made.text[:200]}")
    deadline = time.monotonic() + END_S
    while not ready(task := http.get(f"/tasks/{wanted['task_name']}").json()):
        if task["status"] in ("failed", "cancelled") or time.monotonic() > deadline:
            raise FedrayError(f"task {wanted['task_name']} is {task['status']}: {task['error']}")
        time.sleep(0.1)


def training_document(model: str) -> Json:
    """Return the task that trains the model."""
    kind, main = KINDS[model]
    label = {"loss": "bce"} if kind == "shared_nn" else {}
    return document("model", kind, main, label)


def serving_document(transport: str) -> Json:
    """Return the task that answers."""
    return document("online", "serve", {"model": "model", "transport": transport, "max_rows": 10_000}, {})


def _serve(http: httpx.Client, transport: str) -> None:
    begin(http, serving_document(transport), lambda task: (task["progress"] or {}).get("phase") == "serve")


def document(name: str, kind: str, main: Json, label: Json) -> Json:
    """Return a task of a kind over the data sets f1, f2, ... and l."""
    features = [
        client("feature_client", feature_port(k), client_type=f"{kind}_feature", data_path=f"f{k}")
        for k in range(1, PARTIES)
    ]
    clients = [
        client("main_client", MAIN_PORT, client_type=f"{kind}_main", **main),
        client("crypto_producer", DEALER_PORT, client_type="triplet_producer"),
        *features,
        client("label_client", LABEL_PORT, client_type=f"{kind}_label", data_path="l", **label),
    ]
    return {"task_name": name, "clients": clients}
