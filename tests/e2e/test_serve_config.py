"""`serve deploy` with the repository's config file, and again with another while a task trains and is asked for."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.documents import alignment, linear_training
from tests.e2e.tables import write_tables
from tests.server import FedrayServer, free_port, patience, until

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(1260)]

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_S = 5.0
"""Stated seconds that a query waits at most while replicas are replaced."""


class ConfiguredServer(FedrayServer):
    """A Ray head with its dashboard, on which Serve's own command deploys a config file."""

    greeting = "Ray runtime started"

    def command(self) -> list[str]:
        """Return the command that starts Ray."""
        self.dashboard = free_port()
        ports = [f"--port={free_port()}", f"--dashboard-port={self.dashboard}", "--include-dashboard=true"]
        offers = ["--num-cpus=1", "--resources", '{"party_local": 1}', "--object-store-memory=200000000"]
        lean = ["--no-monitor", "--include-log-monitor=false"]
        return [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", *ports, *offers, *lean]

    def start(self, *options: str) -> None:
        """Start Ray, which gives itself 30 s: up to three times where the machine is too busy for that."""
        for _ in range(2):
            with contextlib.suppress(AssertionError):
                return super().start(*options)
            for pid in self.processes():
                os.kill(pid, signal.SIGKILL)
        return super().start(*options)

    def deploy(self, **args: object) -> None:
        """Deploy the file, with the data root and the port of this test."""
        document: Any = yaml.safe_load((CHECKOUT / "deploy" / "serve.yaml").read_text())
        document["http_options"]["port"] = self.port
        document["applications"][0]["args"] = {"root": str(self.root), "insecure": True, "rate": 0, **args}
        file = self.root.parent / "serve.yaml"
        file.write_text(yaml.safe_dump(document))
        command = [str(Path(sys.executable).with_name("serve")), "deploy", "-a", f"http://127.0.0.1:{self.dashboard}"]
        done = subprocess.run([*command, str(file)], env=self._environment, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr

    def answers(self) -> bool:
        """Whether the application answers."""
        try:
            return self.get("/healthz").get("status") == "ok"
        except (httpx.HTTPError, ValueError):
            return False

    @property
    def replicas(self) -> set[int]:
        """The processes of the replicas."""
        return set(self.processes("ray::ServeReplica"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConfiguredServer]:
    root = tmp_path_factory.mktemp("configured") / "root"
    write_tables(root / "raw")
    from actors.environment import SETTINGS

    token = {"RAY_AUTH_TOKEN": "of this test only"}
    with ConfiguredServer(root, environment={**SETTINGS, **token, "PYTHONPATH": str(CHECKOUT)}) as running:
        running.deploy()
        until(running.answers, patience(90), lambda: running.out + running.err)
        yield running


def test_replicas_are_replaced_while_a_task_trains(server: ConfiguredServer) -> None:
    """No query fails, and none waits for longer than is stated; the task and its record go on."""
    assert server.run(alignment("aligned"))["status"] == "finished"
    small = {"learning_rate_init": 1e-6, "checkpoint_every": 0}  # so that it stays in range, however long it takes
    name = server.begin(linear_training("rolling", max_iter=10**7, test_per_batches=10, **small))
    server.wait_training(name)
    before, asked, over = server.replicas, list[tuple[str, float]](), threading.Event()

    def ask() -> None:
        while not over.is_set():
            begun = time.monotonic()
            asked.append((server.get("/queryStatus", task_name=name)["msg"], time.monotonic() - begun))
            time.sleep(0.1)

    asking = threading.Thread(target=ask)
    asking.start()
    server.deploy(max_tasks=3)
    until(
        lambda: len(server.replicas) == 2 and not server.replicas & before, patience(90), lambda: f"{server.replicas}"
    )
    over.set()
    asking.join(60)
    assert {status for status, _ in asked} == {"Running"}, server.task(name)["error"]
    assert max(seconds for _, seconds in asked) < patience(LONGEST_S)
    told = server.task(name)["n_batches"]
    until(lambda: server.task(name)["n_batches"] > told, patience(30))
    assert server.post(f"/api/v1/tasks/{name}/cancel")["status"] == "cancelled"
    record = [row[1] for row in server.get("/queryRecord", task_name=name)["msg"]]
    assert record == [10 * (place + 1) for place in range(len(record))]
