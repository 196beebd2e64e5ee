"""Many HTTP clients while a task trains: errors, milliseconds of queryStatus, and how much slower the training gets."""

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
from benchmarks.online import PARTIES, begin, document, percentile, server
from benchmarks.tasks import make_root
from fedray.data.root import DataRoot
from fedray.errors import FedrayError

__all__ = ["TASK", "run", "training_document"]

TASK = "trains"
ROWS, COLUMNS = 4000, 12
WARM_BATCHES = 200
ALONE_S = 15.0
"""Seconds for which the training is watched alone, before the clients come and after they have gone."""

MAIN: dict[str, Any] = {
    "objective": "logistic",
    "batch_size": 256,
    "max_iter": 10_000_000,
    "test_per_batches": 500,
    "learning_rate_init": 1e-4,
}


def run(clients: int, seconds: float, pause_s: float, transport: str) -> Line:
    """Start a server, train without end, let clients ask, cancel; return one line."""
    if transport not in ("ray", "fast"):
        raise FedrayError("expected --transport ray or fast")
    with tempfile.TemporaryDirectory() as folder:
        root = make_root(Path(folder))
        _write(root)
        with server(root) as http:
            begin(http, training_document(transport), lambda task: (task["n_batches"] or 0) >= WARM_BATCHES)
            before = _batches_per_s(http, ALONE_S)
            callers = _start(http, clients, seconds, pause_s)
            loaded = _batches_per_s(http, seconds)
            told = _told(callers, seconds)
            alone = statistics.mean([before, _batches_per_s(http, ALONE_S)])
            http.post(f"/tasks/{TASK}/cancel")
    return {
        **line("load", transport),
        "parties": PARTIES,
        "clients": clients,
        "seconds": seconds,
        "pause_s": pause_s,
        **_numbers(told, seconds),
        "batches_per_s_alone": alone,
        "batches_per_s": loaded,
        "slow_down": alone / loaded if loaded else float("inf"),
    }


def training_document(transport: str) -> dict[str, Any]:
    """Return a task that trains for longer than anybody watches."""
    return document(TASK, "linear", {**MAIN, "transport": transport}, {})


def _numbers(told: dict[str, Any], seconds: float) -> Line:
    asked = sorted(told["status_ms"])
    if not asked:
        raise FedrayError(f"queryStatus was not answered: {told['errors']}")
    requests = len(asked) + len(told["other_ms"])
    return {
        "requests": requests,
        "per_s": requests / seconds,
        "errors": sum(told["errors"].values()),
        "what": told["errors"],
        "p50_ms": statistics.median(asked),
        "p99_ms": percentile(asked, 0.99),
        "most_ms": asked[-1],
        "p99_ms_others": percentile(sorted(told["other_ms"]) or [0.0], 0.99),
    }


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


def _start(http: httpx.Client, clients: int, seconds: float, pause_s: float) -> subprocess.Popen[str]:
    given = [str(http.base_url.port), TASK, str(clients), str(seconds), str(pause_s)]
    return subprocess.Popen([sys.executable, "-m", "benchmarks.callers", *given], stdout=subprocess.PIPE, text=True)


def _told(callers: subprocess.Popen[str], seconds: float) -> dict[str, Any]:
    try:
        out, _ = callers.communicate(timeout=seconds + 120)
    finally:
        callers.kill()
    if callers.returncode:
        raise FedrayError("the clients' process failed; its error is above")
    told: dict[str, Any] = json.loads(out)
    return told
