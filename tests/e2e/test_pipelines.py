"""Pipelines on a real cluster: one to its end, one that is refused, one cancelled, one over the end of its server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.documents import alignment, changing, linear_training, prediction, training
from tests.e2e.tables import write_tables
from tests.pipelines import output, step
from tests.server import FedrayServer, patience, until

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(400)]

Json = dict[str, Any]
API = "/api/v1/pipelines"
ENDS = ("finished", "failed", "cancelled")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FedrayServer]:
    root = tmp_path_factory.mktemp("pipelines") / "root"
    write_tables(root / "raw")
    with FedrayServer(root, "--max-tasks", "2") as running:
        yield running


def fed(task: Json, **paths: object) -> Json:
    """Return a task whose clients with data, by the last digit of their port, read something else."""
    for client in task["clients"]:
        place = {8084: "f1", 8082: "f2", 8884: "l"}.get(client["http_port"])
        if place in paths:
            client["client_config"]["data_path"] = paths[place]
    return task


def whole() -> Json:
    """Return alignment, a transform, two trainings side by side, a prediction that is evaluated."""
    align = alignment("a")
    for client in align["clients"][1:]:
        del client["client_config"]["out_data_path"]
    data, changed = output("align", "data"), output("scale", "data")
    scale = changing("s", {"step": "scaling"})
    for client in scale["clients"][1:]:
        del client["client_config"]["out_data_path"]
    predict = prediction("p", "m", {"labels_path": data}, part="test")
    predict["clients"][0]["client_config"]["model"] = output("linear", "model")
    for client in predict["clients"][2:4]:
        client["client_config"]["transforms"] = [output("scale", "transform")]
    linear = linear_training("l", max_iter=40, test_per_batches=40)
    network = training("n", max_iter=20, test_per_batches=20)
    steps = [
        step("align", align),
        step("scale", fed(scale, f1=data, f2=data)),
        step("linear", fed(linear, f1=changed, f2=changed, l=data)),
        step("network", fed(network, f1=changed, f2=changed, l=data)),
        step("predict", fed(predict, f1=data, f2=data)),
    ]
    return {"name": "whole", "steps": steps}


def folders() -> dict[str, str]:
    """Return the data sets that the pipeline `whole` left."""
    return {name: f"pipelines/whole.align/{place}" for place, name in enumerate(("f1", "f2", "l"), start=1)}


def states(server: FedrayServer, name: str) -> dict[str, str]:
    return {one["name"]: one["status"] for one in server.get(f"{API}/{name}")["steps"]}


def wait(server: FedrayServer, name: str) -> Json:
    until(
        lambda: server.get(f"{API}/{name}")["status"] in ENDS,
        patience(150),
        lambda: f"{server.get(f'{API}/{name}')}",
        longest_s=0.5,
    )
    found: Json = server.get(f"{API}/{name}")
    return found


def test_from_tables_to_predictions(server: FedrayServer, tmp_path: Path) -> None:
    file = tmp_path / "whole.json"
    file.write_text(json.dumps(whole()))
    command = [sys.executable, "-m", "serve_api.cli", "--server", server.url, "pipeline", "run", str(file), "--watch"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=patience(200))
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert states(server, "whole") == dict.fromkeys(("align", "scale", "linear", "network", "predict"), "finished")
    told = server.get("/api/v1/tasks/whole.predict/report")["result"]
    assert (told["model"], told["rows"]) == ("whole.linear", 100)
    (measured,) = told["evaluation"]["outputs"]
    assert measured["metrics"]["auc"] > 0.7
    assert (server.root / "generated/predictions/whole.predict/predictions.csv").is_file()
    assert server.task("whole.network")["started_at"] >= server.task("whole.scale")["ended_at"]


def test_a_step_that_cannot_begin(server: FedrayServer) -> None:
    steps = [
        step("gone", linear_training("x", max_iter=5)),
        step("after", prediction("p", "whole.linear"), "gone"),
    ]
    assert server.post(API, {"name": "refused", "steps": steps})["status"] == "running"
    failed = wait(server, "refused")
    assert failed["status"] == "failed"
    assert states(server, "refused") == {"gone": "failed", "after": "skipped"}
    assert (
        "clients[2].client_config.data_path 'f1': no train.csv and no test.csv there" in failed["steps"][0]["message"]
    )


def test_cancelled_in_the_middle(server: FedrayServer) -> None:
    long = fed(linear_training("x", max_iter=10**6, test_per_batches=10**6), **folders())
    steps = [step("long", long), step("after", fed(prediction("p", "whole.linear"), **folders()), "long")]
    server.post(API, {"name": "stopped", "steps": steps})
    until(lambda: server.roles("LabelClient"), patience(60), lambda: f"{server.get(f'{API}/stopped')}")
    cancelled = server.post(f"{API}/stopped/cancel")
    assert (cancelled["status"], states(server, "stopped")) == ("cancelled", {"long": "cancelled", "after": "skipped"})
    until(lambda: not server.roles(), patience(8), lambda: f"{server.roles()}")
    assert server.get("/api/v1/queue") == {"queue": []}


def test_the_server_ends_in_the_middle(server: FedrayServer) -> None:
    settings = {"max_iter": 600, "test_per_batches": 600, "checkpoint_every": 5}
    predict = prediction("p", "m", part="test")
    predict["clients"][0]["client_config"]["model"] = output("train", "model")
    steps = [
        step("train", fed(linear_training("x", **settings), **folders())),
        step("predict", fed(predict, **folders())),
    ]
    server.post(API, {"name": "broken", "steps": steps})
    until(lambda: server.get(f"{API}/broken")["steps"][0]["task"], patience(30))
    until(lambda: server.task("broken.train").get("checkpoint"), patience(60), lambda: f"{server.task('broken.train')}")
    assert server.stop(timeout_s=patience(20)) == 0
    server.start()
    failed = wait(server, "broken")
    assert states(server, "broken") == {"train": "failed", "predict": "skipped"}
    assert "the server was stopped while this task was running" in failed["steps"][0]["message"]
    assert server.post(f"{API}/broken/resume")["status"] == "running"
    done = wait(server, "broken")
    assert [(one["task"], one["status"]) for one in done["steps"]] == [
        ("broken.train", "finished"),
        ("broken.predict", "finished"),
    ]
    assert server.get(f"{API}/whole")["status"] == "finished"
    assert server.get(API)["total"] == 4
