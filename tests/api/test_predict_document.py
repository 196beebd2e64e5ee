"""The documented example of predictions: it is accepted once its model is known, and runs after the training's."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from fastapi.testclient import TestClient

from fedray.data.root import DataRoot
from fedray.parties.context import PartyOutcome
from fedray.parties.run import run_local
from fedray.task.plan import make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse_text
from tests.docs.blocks import ROOT, blocks

BLOCKS = [block.text for block in blocks(ROOT / "docs" / "api.md")]
TRAINING = next(text for text in BLOCKS if "linear_main" in text)
EXAMPLE = next(text for text in BLOCKS if "predict_main" in text)


def test_the_example_is_accepted_when_its_model_is_known(client: TestClient) -> None:
    unknown = client.post("/createTask", content=EXAMPLE).json()
    assert unknown["status"] == "err"
    assert 'clients[0].client_config.model: no task has the name "claims"' in unknown["msg"]
    assert client.post("/api/v1/tasks", content=TRAINING).status_code == 201
    created = client.post("/api/v1/tasks", content=EXAMPLE)
    assert (created.status_code, created.json()["kind"]) == (201, "predict")
    early = client.post("/api/v1/tasks/claims-scores/start")
    assert early.status_code == 409
    assert 'needs the model of task "claims", which is created' in early.json()["error"]["message"]


def run(document: str, root: Path) -> list[PartyOutcome]:
    return run_local(make_plan(parse_text(document), Registry.local(), "seed"), DataRoot(root))


def test_the_example_runs(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 4))
    tables = {"f1": x[:, :2], "f2": x[:, 2:], "l": rng.poisson(3.0 * np.exp(0.4 * x[:, :1] - 0.3 * x[:, 3:]))}
    for name, table in tables.items():
        folder = tmp_path / "generated" / name
        folder.mkdir(parents=True)
        np.savetxt(folder / "train.csv", table[:160], delimiter=",")
        np.savetxt(folder / "test.csv", table[160:], delimiter=",")
    trained: Any = run(TRAINING, tmp_path)[0].result
    result: Any = run(EXAMPLE, tmp_path)[0].result
    assert (result["model"], result["rows"], result["receiver"]) == ("claims", 40, "127.0.0.1:8884")
    (found,) = result["evaluation"]["outputs"]
    assert abs(found["metrics"]["d2"] - trained["metrics"]["d2"]) < 1e-3
    assert set(found["metrics"]) == {"rmse", "mae", "r2", "deviance", "d2"}
    with (tmp_path / "generated/predictions/claims-scores/predictions.csv").open() as handle:
        rows = list(csv.reader(handle))
    assert rows[0] == ["row", "prediction"]
    assert len(rows) == 41
