"""The tasks of docs/features.md run as the page says, one after the other, on one data root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fedray.data.root import DataRoot
from fedray.parties.run import run_local
from fedray.task.plan import make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.docs.blocks import ROOT, blocks
from tests.feature_tasks import made_up
from tests.predictions import data_set

DOCUMENTS = [json.loads(block.text) for block in blocks(ROOT / "docs/features.md") if block.language == "json"]


def test_the_tasks_of_the_page_run(tmp_path: Path) -> None:
    task = made_up(tmp_path)
    root = DataRoot(tmp_path)
    task.roots = dict.fromkeys(task.roots, root)
    columns = {2: ("a0", "a1", "a2"), 3: ("b0", "b1"), 4: ("y",)}
    task.features[0][::9, 1] = np.nan
    for index, name in ((2, "f1"), (3, "f2"), (4, "l")):
        data_set(task, index, name, [*task.features, task.label][index - 2], columns[index], n_test=120)
    for index, name in ((2, "new1"), (3, "new2")):
        data_set(task, index, name, task.features[index - 2][:30], columns[index], n_test=6)
        path = tmp_path / f"generated/{name}/dataset.json"
        path.write_text(path.read_text().replace(f"of {name}", "of new rows"))
    for name in ("f1", "f2", "l"):
        path = tmp_path / f"generated/{name}/dataset.json"
        path.write_text(path.read_text().replace(f"of {name}", "of all"))
    results: dict[str, Any] = {}
    for document in DOCUMENTS:
        plan = make_plan(parse(document), Registry.local(), "seed")
        results[plan.task] = run_local(plan, root)[0].result
    assert list(results) == ["columns", "bins", "new-rows", "filled", "bins-model", "points"]
    assert len(results["columns"]["vif"]) == 5
    assert len(results["columns"]["statistics"]) == 1
    assert results["bins"]["columns"][0]["selected"]
    assert results["new-rows"] == {"transform": "bins", "rows": 30}
    assert results["filled"]["counts"][0]["filled"] == 67
    assert (results["points"]["rows"], results["points"]["pdo"]) == (30, 20.0)
    kept = [path.name for path in (tmp_path / "generated").glob("*-woe")]
    assert {"f1-woe", "l-woe", "new1-woe"} <= set(kept)
    assert len(list(tmp_path.glob("generated/scorecards/points/*/scorecard.csv"))) == 3
    assert (tmp_path / "generated/scorecards/points/2-label_client/points.csv").read_text().count("\n") == 31
