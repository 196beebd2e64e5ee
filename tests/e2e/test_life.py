"""One server's life, in order: a queue, an end by signal, a start on the same root, a crash, another start."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.documents import alignment, training
from tests.e2e.tables import write_tables
from tests.server import FedrayServer, free_port, patience, until

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(240)]

REGISTRY = """
[parties.main]
addr = "127.0.0.1"
http_port = 8377
resource = "party_local"

[parties.far]
addr = "127.0.0.1"
http_port = 8084

[parties.second]
addr = "127.0.0.1"
http_port = 8082
resource = "party_local"

[parties.label]
addr = "127.0.0.1"
http_port = 8884
resource = "party_local"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FedrayServer]:
    root = tmp_path_factory.mktemp("life") / "root"
    write_tables(root / "raw")
    with FedrayServer(root, "--max-tasks", "1") as running:
        assert running.run(alignment("aligned"))["status"] == "finished"
        yield running


def train_for_long(server: FedrayServer, name: str) -> None:
    server.begin(training(name, max_iter=10**7, test_per_batches=10))
    server.wait_training(name)
    until(lambda: server.get("/queryRecord", task_name=name)["msg"], 60)


def test_tasks_wait_their_turn(server: FedrayServer) -> None:
    names = ["first", "second", "third"]
    for name in names:
        server.create(training(name, max_iter=60, test_per_batches=60))
    for name in names:
        assert server.get("/startTask", task_name=name)["status"] == "ok"
        assert server.get("/queryStatus", task_name=name)["msg"] == "Running"
    until(lambda: server.get("/api/v1/queue")["queue"] == ["second", "third"], 20)
    assert [server.task(name)["queue_position"] for name in names] == [None, 1, 2]
    assert len(server.roles()) <= 5
    done = [server.wait(name) for name in names]
    assert [task["status"] for task in done] == ["finished"] * 3
    assert done[0]["ended_at"] <= done[1]["started_at"]
    assert done[1]["ended_at"] <= done[2]["started_at"]
    assert server.get("/api/v1/queue") == {"queue": []}


def test_cancel(server: FedrayServer) -> None:
    train_for_long(server, "running")
    server.begin(training("waiting"))
    assert server.post("/api/v1/tasks/waiting/cancel")["status"] == "cancelled"
    assert server.get("/api/v1/queue") == {"queue": []}
    assert server.post("/api/v1/tasks/running/cancel")["status"] == "cancelled"
    until(lambda: not server.roles(), patience(5), lambda: f"{server.roles()}")
    assert server.ask("POST", "/api/v1/tasks/running/cancel").status_code == 409
    assert server.get("/startTask", task_name="waiting")["status"] == "err"
    for name in ("waiting", "running"):
        assert server.task(name)["status"] == "cancelled"
        assert server.get("/queryStatus", task_name=name)["msg"] == "Failed"


@pytest.mark.parametrize("pause_s", [0.0, 0.3, 1.0])
def test_cancel_while_it_starts(server: FedrayServer, pause_s: float) -> None:
    name = server.begin(training(f"early-{pause_s}", max_iter=10**7))
    time.sleep(pause_s)
    assert server.post(f"/api/v1/tasks/{name}/cancel")["status"] == "cancelled"
    until(lambda: not server.roles(), patience(8), lambda: f"{server.roles()}")
    assert server.task(name)["status"] == "cancelled"


def test_tasks_cancelled_early_leave_nothing_behind(server: FedrayServer) -> None:
    assert server.run(training("after-early", max_iter=5))["status"] == "finished"
    until(lambda: not server.roles(), patience(5), lambda: f"{server.roles()}")


def test_another_server_on_the_same_root_is_refused(server: FedrayServer) -> None:
    command = [sys.executable, "-m", "serve_api.cli", "serve", "--root", str(server.root), "--port", str(free_port())]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "another fedray server runs on this root" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_signal_ends_the_server_in_order(server: FedrayServer) -> None:
    train_for_long(server, "interrupted")
    server.begin(training("not-begun"))
    assert server.stop(timeout_s=patience(20)) == 0
    until(lambda: not server.processes(), patience(5), lambda: f"{server.processes()}")
    assert server.err == ""
    assert server.out.splitlines()[-1] == "fedray ends"


def test_a_server_on_the_same_root_knows_every_task(server: FedrayServer) -> None:
    server.start("--max-tasks", "3")
    for name in ("interrupted", "not-begun"):
        task = server.task(name)
        assert (task["status"], task["error"]["message"]) == (
            "failed",
            "the server was stopped while this task was running",
        )
    assert server.get("/queryRecord", task_name="interrupted")["msg"]
    assert server.get("/queryDataset", task_name="aligned") == {"status": "ok", "msg": [400, 100]}
    assert server.get("/queryStatus", task_name="third")["msg"] == "Finished"
    assert server.get("/queryTask", task_name="third", query="n_batches")["msg"] == 60
    assert server.get("/api/v1/tasks/third/report")["status"] == "finished"
    assert server.get("/startTask", task_name="third")["status"] == "err"


def test_many_tasks_at_once(server: FedrayServer) -> None:
    names = [f"many-{number}" for number in range(4)]
    for name in names:
        server.begin(training(name, max_iter=20, test_per_batches=20))
    assert len(server.roles()) <= 15
    done = [server.wait(name, timeout_s=120) for name in names]
    assert [task["status"] for task in done] == ["finished"] * 4, done
    for begun in (task["started_at"] for task in done):
        assert sum(task["started_at"] <= begun < task["ended_at"] for task in done) <= 3


def test_the_server_crashes_and_is_started_again(server: FedrayServer, tmp_path: Path) -> None:
    train_for_long(server, "crashed")
    record = server.get("/queryRecord", task_name="crashed")["msg"]
    server.crash()
    # Ray's two agents of the node hold no data and end by themselves after a minute, as they wait for its head.
    agents = set(server.processes("ray::DashboardAgent", "ray::RuntimeEnvAgent"))
    until(lambda: not set(server.processes()) - agents, patience(10), lambda: f"{server.processes()}")
    registry = tmp_path / "fedray.toml"
    registry.write_text(REGISTRY)
    server.start("--registry", str(registry))
    task = server.task("crashed")
    assert task["status"] == "failed"
    assert task["error"]["message"].startswith("the server ended while this task was running")
    assert server.get("/queryRecord", task_name="crashed")["msg"][: len(record)] == record
    assert server.get("/queryStatus", task_name="third")["msg"] == "Finished"
    assert server.get("/queryDataset", task_name="aligned")["msg"] == [400, 100]
    assert not server.roles()


def test_a_party_that_no_node_offers_is_refused_at_once(server: FedrayServer) -> None:
    started = time.monotonic()
    reply = server.post("/createTask", alignment("far"))
    assert time.monotonic() - started < patience(5)
    assert reply["status"] == "err"
    assert "no node offers party_far (offered: party_local)" in reply["msg"]
    assert server.get("/queryStatus", task_name="far")["msg"] == "NotExist"
    unknown = alignment("unknown")
    unknown["clients"][1]["http_port"] = 9999
    assert 'no party at addr "127.0.0.1", http_port 9999' in server.post("/createTask", unknown)["msg"]
    offered = {party["name"]: party["offered"] for party in server.get("/api/v1/parties")["parties"]}
    assert offered == {"main": True, "far": False, "second": True, "label": True}
    near = alignment("near")
    del near["clients"][1]
    assert server.run(near)["status"] == "finished"


@pytest.mark.timeout(300)
def test_nothing_of_a_crashed_server_stays(server: FedrayServer) -> None:
    assert server.stop(timeout_s=patience(20)) == 0
    until(lambda: not server.processes(), 120, lambda: f"{server.processes()}")
