"""The example of boosted trees in the documentation is a task, under XGBoost's defaults."""

from __future__ import annotations

import json

from fedray.task.config_bases import Kind
from fedray.task.spec import parse
from fedray.task.tree_configs import TreeMain
from tests.docs.blocks import ROOT, blocks

EXAMPLE = next(block.text for block in blocks(ROOT / "docs" / "api.md") if "secure_xgboost_main" in block.text)


def test_the_documented_example_is_a_task() -> None:
    spec = parse(json.loads(EXAMPLE))
    main = spec.clients[0].client_config
    assert spec.kind is Kind.TREES
    assert isinstance(main, TreeMain)
    assert (main.n_estimators, main.max_depth, main.max_bin) == (3, 2, 16)
    assert (main.learning_rate, main.reg_lambda, main.gamma, main.min_child_weight) == (0.3, 1.0, 0.0, 1.0)
