"""Many clients while a task trains: errors, milliseconds, processor time, and how much slower the training gets."""

from __future__ import annotations

import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from benchmarks.lines import Line, line
from benchmarks.memory import free_port
from benchmarks.online import PARTIES, begin, document, percentile, server
from benchmarks.processes import processor_s
from benchmarks.tasks import make_root
from fedray.data.root import DataRoot
from fedray.errors import FedrayError

__all__ = ["TASK", "run", "run_lists", "training_document"]

TASK = "trains"
ROWS, COLUMNS = 4000, 12
WARM_BATCHES = 200
ALONE_S = 15.0
"""Seconds for which the training is watched alone, before the clients come and after they have gone."""

SERVERS = {"proxy": "ProxyActor", "replica": "ServeReplica"}
"""What answers: class names of Serve's actors."""

MAIN: dict[str, Any] = {
    "objective": "logistic",
    "batch_size": 256,
    "max_iter": 10_000_000,
    "test_per_batches": 500,
    "learning_rate_init": 1e-4,
}

Told = dict[str, Any]


def run(clients: int, seconds: float, interval_s: float, transport: str) -> Line:
    """Start a server, train without end, let HTTP clients ask, cancel; return one line."""
    with tempfile.TemporaryDirectory() as folder:
        root = _root(Path(folder), transport)
        with server(root) as http:
            given = [str(http.base_url.port), TASK, str(clients), str(seconds), str(interval_s)]
            told, beside = _beside_a_training(http, "benchmarks.callers", given, seconds, transport)
    asked = sorted(told["status_ms"])
    if not asked:
        raise FedrayError(f"queryStatus was not answered: {told['errors']}")
    answered = len(asked) + len(told["other_ms"])
    return {
        **line("load", transport),
        "parties": PARTIES,
        "clients": clients,
        "seconds": seconds,
        "interval_s": interval_s,
        "asked_per_s": clients / interval_s if interval_s else None,
        **_numbers(told, asked, answered, seconds),
        "p99_ms_others": percentile(sorted(told["other_ms"]) or [0.0], 0.99),
        **_per_request(told, beside, answered),
    }


def run_lists(rate: float, seconds: float, transport: str) -> Line:
    """Start a server, train without end, let ListTask be called so often, cancel; return one line."""
    from serve_api.paddledtx.keys import Keys
    from serve_api.paddledtx.settings import PaddleSettings

    with tempfile.TemporaryDirectory() as folder:
        root, port = _root(Path(folder), transport), free_port()
        with server(root, paddledtx=PaddleSettings(root.path, port)) as http:
            given = [str(port), Keys(root.path).server.hex(), str(rate), str(seconds)]
            told, beside = _beside_a_training(http, "benchmarks.listers", given, seconds, transport)
    taken = sorted(told["ms"])
    if not taken:
        raise FedrayError(f"ListTask was not answered: {told['errors']}")
    return {
        **line("list", transport),
        "parties": PARTIES,
        "seconds": seconds,
        "asked_per_s": rate,
        "sent_per_s": told["sent"] / seconds,
        **_numbers(told, taken, len(taken), told["took_s"]),
        **_per_request(told, beside, len(taken)),
    }


def training_document(transport: str) -> dict[str, Any]:
    """Return a task that trains for longer than anybody watches."""
    return document(TASK, "linear", {**MAIN, "transport": transport}, {})


def _root(folder: Path, transport: str) -> DataRoot:
    if transport not in ("ray", "fast"):
        raise FedrayError("expected --transport ray or fast")
    root = make_root(folder)
    _write(root)
    return root


def _beside_a_training(
    http: httpx.Client, module: str, given: list[str], seconds: float, transport: str
) -> tuple[Told, Line]:
    """Train without end, let a process of clients ask meanwhile; return what it was told, and what was seen beside."""
    begin(http, training_document(transport), lambda task: (task["n_batches"] or 0) >= WARM_BATCHES)
    before = _batches_per_s(http, ALONE_S)
    used = {name: processor_s(word) for name, word in SERVERS.items()}
    command = [sys.executable, "-m", module, *given]
    callers = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    loaded = _batches_per_s(http, seconds)
    told = _told(callers, seconds)
    used = {name: processor_s(word) - used[name] for name, word in SERVERS.items()}
    alone = statistics.mean([before, _batches_per_s(http, ALONE_S)])
    http.post(f"/tasks/{TASK}/cancel")
    slower = alone / loaded if loaded else float("inf")
    return told, {"used": used, "batches_per_s_alone": alone, "batches_per_s": loaded, "slow_down": slower}


def _numbers(told: Told, rising: list[float], answered: int, seconds: float) -> Line:
    return {
        "requests": answered,
        "answered_per_s": answered / seconds,
        "errors": sum(told["errors"].values()),
        "what": told["errors"],
        "p50_ms": statistics.median(rising),
        "p99_ms": percentile(rising, 0.99),
        "most_ms": rising[-1],
    }


def _per_request(told: Told, beside: Line, answered: int) -> Line:
    """Return the processor milliseconds of a request, by who took them, and what the training did meanwhile."""
    used = dict(beside.pop("used"))  # type: ignore[call-overload]  # the servers' seconds
    used["client"] = told["processor_s"]
    return {**{f"processor_ms_{name}": 1000.0 * taken / answered for name, taken in used.items()}, **beside}


def _write(root: DataRoot) -> None:
    """Write made-up tables for two feature clients and the label client."""
    rng = np.random.default_rng(0)
    x = np.round(rng.normal(size=(ROWS, COLUMNS)), 4)
    y = (x @ rng.normal(size=COLUMNS) > 0).astype(np.int64)[:, None]
    for name, table in (("f1", x[:, : COLUMNS // 2]), ("f2", x[:, COLUMNS // 2 :]), ("l", y)):
        folder = root.generated_dir(name, create=True)
        for file, part in (("train.csv", table[: ROWS * 4 // 5]), ("test.csv", table[ROWS * 4 // 5 :])):
            with (folder / file).open("w", newline="") as handle:
                csv.writer(handle).writerows(part.tolist())


def _batches_per_s(http: httpx.Client, seconds: float) -> float:
    """Watch the training for some seconds; progress is told twice a second, so both ends wait for it to change."""
    (first, began), end = _next(http), time.monotonic() + seconds
    time.sleep(max(0.0, end - time.monotonic() - 1.0))
    last, ended = _next(http)
    return (last - first) / (ended - began)


def _next(http: httpx.Client) -> tuple[int, float]:
    now = then = _done(http)
    while now == then:
        time.sleep(0.05)
        now = _done(http)
    return now, time.monotonic()


def _done(http: httpx.Client) -> int:
    task = http.get(f"/tasks/{TASK}").json()
    if task["status"] != "running":
        raise FedrayError(f"the training is {task['status']}: {task['error']}")
    return int(task["n_batches"])


def _told(callers: subprocess.Popen[str], seconds: float) -> Told:
    try:
        out, _ = callers.communicate(timeout=seconds + 120)
    finally:
        callers.kill()
    if callers.returncode:
        raise FedrayError("the clients' process failed; its error is above")
    told: Told = json.loads(out)
    return told
