"""The documented use, over HTTP, on the whole product."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import alignment, linear_training, seed, training, tree_training
from tests.e2e.tables import COMMON
from tests.server import FedrayServer

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(240)]


def fedray(server: FedrayServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serve_api.cli", "--server", server.url, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        env={**os.environ, "COLUMNS": "100"},
    )


@pytest.fixture(scope="module")
def trained(aligned: FedrayServer) -> tuple[FedrayServer, str]:
    done = aligned.run(training("lr", max_iter=303, test_per_batches=101, learning_rate=0.5))
    assert done["status"] == "finished", done
    return aligned, "lr"


def test_the_documented_request_runs_as_it_is_written(server: FedrayServer) -> None:
    assert server.get("/queryStatus", task_name="test-datagen") == {"status": "ok", "msg": "NotExist"}
    assert server.get("/queryDataset", task_name="test-datagen") == {"status": "err", "msg": "NotExist"}
    created = server.ask("POST", "/createTask", content=seed("test-datagen").encode())
    assert (created.status_code, created.json()["status"]) == (200, "ok")
    assert server.get("/queryStatus", task_name="test-datagen") == {"status": "ok", "msg": "Created"}
    assert server.get("/startTask", task_name="test-datagen")["status"] == "ok"
    assert server.get("/queryStatus", task_name="test-datagen")["msg"] in ("Running", "Finished")
    server.wait("test-datagen")
    assert server.get("/queryStatus", task_name="test-datagen") == {"status": "ok", "msg": "Finished"}
    assert server.get("/queryDataset", task_name="test-datagen") == {"status": "ok", "msg": [400, 100]}
    for folder, width in (("test-f1", 3), ("test-f2", 3), ("test-l", 1)):
        files = server.root / "generated" / folder
        for file, rows in (("train.csv", 400), ("test.csv", 100)):
            lines = (files / file).read_text().splitlines()
            assert len(lines) == rows
            assert {len(line.split(",")) for line in lines} == {width}
    ids = [aligned_ids(server.root / "generated" / folder) for folder in ("test-f1", "test-f2", "test-l")]
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids[0])) == COMMON


def aligned_ids(folder: Path) -> list[str]:
    (file,) = folder.glob("*_aligned.csv")
    return [line.split(",")[0] for line in file.read_text().splitlines()[1:]]


@pytest.mark.parametrize("path", ["/CreateTask", "/createtask", "/CREATETASK"])
def test_paths_are_written_in_any_case(server: FedrayServer, path: str) -> None:
    assert server.post(path, "{")["status"] == "err"
    assert server.ask("POST", path, content=b"{").status_code == 200
    assert server.ask("GET", "/HELLOWORLD").text.startswith("Hello World")
    assert server.get("/querystatus", task_name="nobody")["msg"] == "NotExist"


def test_the_record_of_a_training(trained: tuple[FedrayServer, str]) -> None:
    server, name = trained
    rows = server.get("/queryTask", task_name=name, query="record", client=-1)["msg"]
    assert [row[1] for row in rows] == [101, 202, 303]
    assert all(len(row) == 5 and all(math.isfinite(cell) for cell in row) for row in rows)
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert rows[-1][2] < rows[0][2]
    assert rows[-1][3] > 0.95
    assert server.get("/queryRecord", task_name=name) == {"status": "ok", "msg": rows}
    for client in (0, 4, -5):
        assert server.get("/queryTask", task_name=name, query="record", client=client)["msg"] == rows
    for client in (5, -6):
        reply = server.get("/queryTask", task_name=name, query="record", client=client)
        assert reply == {"status": "err", "msg": "Client not exist"}
    assert server.get("/queryTask", task_name=name, query="n_batches") == {"status": "ok", "msg": 303}
    assert server.get("/queryTask", task_name=name, query="status") == {"status": "ok", "msg": "Finished"}
    assert server.get("/queryTask", task_name="nobody", query="status") == {"status": "err", "msg": "Task not exist"}
    assert server.get("/queryTask", task_name=name, query="secrets")["status"] == "err"
    native = server.get(f"/api/v1/tasks/{name}/record")
    assert native == {"columns": ["time", "n_batches", "loss", "auc", "ks"], "rows": rows}


def test_a_linear_model_with_weights_of_classes_and_early_stopping(aligned: FedrayServer) -> None:
    numbers = {"class_weight": "balanced", "early_stopping": True, "tol": 0.0, "max_iter": 200}
    done = aligned.run(linear_training("linear", **numbers, learning_rate_init=0.05))
    assert (done["status"], done["kind"]) == ("finished", "linear"), done
    record = aligned.get("/api/v1/tasks/linear/record")
    assert record["columns"] == ["time", "n_batches", "loss", "auc"]
    assert record["rows"][-1][3] > 0.95
    tags = {entry["tag"] for entry in aligned.get("/api/v1/tasks/linear/report")["leakage"]}
    assert tags == {"shapes", "test_predictions", "test_loss", "test_metrics", "range_guard"}


def test_boosted_trees(aligned: FedrayServer) -> None:
    """Over the fast transport; those of test_predict.py are trained over Ray's."""
    name = "trees"
    config = {"max_iteration": 3, "max_depth": 2, "learning_rate": 0.5, "reg_lambda": 1, "sync_info": {"seed": 1}}
    done = aligned.run(tree_training(name, metric="auc_ks", transport="fast", config=config))
    assert (done["status"], done["kind"]) == ("finished", "secure_xgboost"), done
    rows = aligned.get("/queryRecord", task_name=name)["msg"]
    assert [row[1] for row in rows] == [1, 2, 3]
    assert rows[-1][2] < rows[0][2]
    assert rows[-1][3] > 0.8
    told = {entry["tag"]: entry for entry in aligned.get(f"/api/v1/tasks/{name}/report")["leakage"]}
    assert told.keys() == {
        "shapes",
        "split_owner",
        "split",
        "test_predictions",
        "test_loss",
        "test_metrics",
        "range_guard",
    }
    assert set(told["split"]["to"]) == {"127.0.0.1:8084", "127.0.0.1:8082"}


def test_the_report_tells_result_cost_and_leakage(trained: tuple[FedrayServer, str]) -> None:
    server, name = trained
    report = server.get(f"/api/v1/tasks/{name}/report")
    assert (report["task"], report["kind"], report["status"], report["trust_mode"]) == (
        name,
        "shared_nn",
        "finished",
        "lab",
    )
    assert report["result"]["metrics"]["auc"] > 0.95
    assert report["cost"]["total"]["bytes"] > 0
    assert set(report["cost"]["by_party"]) == {f"127.0.0.1:{port}" for port in (8377, 8999, 8084, 8082, 8884)}
    told = {entry["tag"]: entry for entry in report["leakage"]}
    assert {"shapes", "test_loss", "test_metrics"} <= told.keys()
    assert all(entry["what"] and entry["to"] and entry["count"] > 0 for entry in told.values())


def test_events_come_in_order_and_end_with_the_end(trained: tuple[FedrayServer, str]) -> None:
    server, name = trained
    events = server.get(f"/api/v1/tasks/{name}/events", limit=1000)["events"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    status = [event["data"]["status"] for event in events if event["kind"] == "status"]
    assert status == ["queued", "running", "finished"]
    assert events[-1]["kind"] == "status"
    assert sum(event["kind"] == "record" for event in events) == 3


def test_a_network_with_a_hidden_layer(aligned: FedrayServer) -> None:
    done = aligned.run(training("nn", in_dim=16, layers=[1], max_iter=200, test_per_batches=100, seed=1))
    assert done["status"] == "finished", done
    rows = aligned.get("/queryRecord", task_name="nn")["msg"]
    assert [row[1] for row in rows] == [100, 200]
    assert rows[-1][3] > 0.6


def test_the_command_line_submits_and_watches(aligned: FedrayServer, tmp_path: Path) -> None:
    file = tmp_path / "task.json"
    file.write_text(json.dumps(training("by-command")))
    done = fedray(aligned, "submit", str(file), "--watch", "--json")
    assert (done.returncode, done.stderr) == (0, ""), done
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[-1]["data"]["status"] == "finished"
    record = fedray(aligned, "record", "by-command", "--json")
    assert [row[1] for row in json.loads(record.stdout)["rows"]] == [20, 40, 60]
    again = fedray(aligned, "submit", str(file))
    assert (again.returncode, again.stdout) == (3, "")
    assert "Task with name by-command already exists" in again.stderr
    shown = fedray(aligned, "report", "by-command")
    assert shown.returncode == 0
    assert "Traceback" not in shown.stdout + shown.stderr


def test_the_command_line_tells_a_failure(aligned: FedrayServer, tmp_path: Path) -> None:
    shutil.copytree(aligned.root / "generated" / "l", aligned.root / "generated" / "l-short")
    (aligned.root / "generated" / "l-short" / "dataset.json").unlink(missing_ok=True)
    path = aligned.root / "generated" / "l-short" / "train.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    file = tmp_path / "task.json"
    file.write_text(json.dumps(training("fails", ("f1", "f2", "l-short"))))
    done = fedray(aligned, "submit", str(file), "--watch")
    assert done.returncode == 1
    assert "different numbers of rows" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_terminal_of_the_server_shows_its_own_lines_only(server: FedrayServer) -> None:
    lines = server.out.splitlines()
    assert lines[0].startswith(f"fedray listens on http://127.0.0.1:{server.port}")
    assert [line.split(":")[0] for line in lines[1:]] == ["no token is needed; trust mode lab"]
    assert server.err == ""


@pytest.mark.shared
@pytest.mark.timeout(240)
def test_the_credit_data(server: FedrayServer, shared_data: Path) -> None:
    shutil.copytree(shared_data / "Splitted_Indexed_Data", server.root / "raw" / "credit")
    done: Any = server.run(alignment("credit", "credit", "credit-"), timeout_s=120)
    assert done["status"] == "finished", done
    assert server.get("/queryDataset", task_name="credit") == {"status": "ok", "msg": [20926, 5231]}
    paths = ("credit-f1", "credit-f2", "credit-l")
    lr = training("credit-lr", paths, max_iter=981, test_per_batches=327, learning_rate=0.05, seed=1)
    assert server.run(lr, timeout_s=200)["status"] == "finished"
    assert server.get("/queryRecord", task_name="credit-lr")["msg"][-1][3] >= 0.722
