"""The documented example of a linear model: it is accepted, shown, and runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from fedray.data.root import DataRoot
from fedray.parties.run import run_local
from fedray.task.plan import make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse_text
from tests.docs.blocks import ROOT, blocks

EXAMPLE = next(block.text for block in blocks(ROOT / "docs" / "api.md") if "linear_main" in block.text)


def test_the_example_is_accepted_and_shown(client: TestClient) -> None:
    created = client.post("/api/v1/tasks", content=EXAMPLE)
    assert created.status_code == 201
    assert created.json()["kind"] == "linear"
    assert [task["task_name"] for task in client.get("/api/v1/tasks", params={"kind": "linear"}).json()["tasks"]] == [
        "claims"
    ]
    status = client.get("/queryStatus", params={"task_name": "claims"}).json()
    assert status == {"status": "ok", "msg": "Created"}


def test_a_wrong_field_is_answered_in_words(client: TestClient) -> None:
    wrong = EXAMPLE.replace('"poisson"', '"poisson", "class_weight": "balanced"')
    answer = client.post("/createTask", content=wrong).json()
    assert answer["status"] == "err"
    assert "clients[0].client_config.class_weight: expected null for objective poisson" in answer["msg"]


def test_the_example_runs(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4))
    tables = {"f1": x[:, :2], "f2": x[:, 2:], "l": rng.poisson(3.0 * np.exp(0.4 * x[:, :1] - 0.3 * x[:, 3:]))}
    for name, table in tables.items():
        folder = tmp_path / "generated" / name
        folder.mkdir(parents=True)
        np.savetxt(folder / "train.csv", table[:160], delimiter=",")
        np.savetxt(folder / "test.csv", table[160:], delimiter=",")
    outcomes = run_local(make_plan(parse_text(EXAMPLE), Registry.local(), "seed"), DataRoot(tmp_path))
    found = outcomes[0].result["metrics"]
    assert isinstance(found, dict)
    assert set(found) == {"deviance", "d2"}
    assert found["d2"] > 0.1
