"""Documents of linear models: defaults, and what every wrong field is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedray.errors import SpecError
from fedray.task.config_bases import Kind
from fedray.task.linear_configs import LinearLabel, LinearMain
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.linear_tasks import LinearTask, made_up


def task(tmp_path: Path, objective: str = "logistic", **labeler: Any) -> LinearTask:
    made = made_up(tmp_path, objective)
    made.labeler = labeler
    return made


def test_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    document = task(tmp_path).document()
    document["clients"][0]["client_config"] = {"client_type": "linear_main", "computation_port": 1}
    spec = parse(document)
    assert spec.kind is Kind.LINEAR
    main, label = spec.clients[0].client_config, spec.clients[-1].client_config
    assert isinstance(main, LinearMain)
    assert isinstance(label, LinearLabel)
    assert (main.objective, main.alpha, main.class_weight, main.learning_rate_init) == ("logistic", 1e-4, None, 0.01)
    assert (main.momentum, main.nesterovs_momentum, main.fit_intercept) == (0.9, True, True)
    assert (main.early_stopping, main.n_iter_no_change, main.tol, main.random_state) == (False, 10, 1e-4, None)
    assert (main.penalty, main.penalize_intercept, main.cost_penalty) == ("l2", False, False)
    assert label.metric is None


@pytest.mark.parametrize("weights", [None, "balanced", {"0": 1, "1": 2.5}])
def test_plans_survive_json(tmp_path: Path, weights: object) -> None:
    made = task(tmp_path)
    made.main = {**made.main, "class_weight": weights, "random_state": 7}
    plan = make_plan(parse(made.document()), Registry(None), "drawn")
    assert plan.seed == "seed 7"
    assert TaskPlan.from_json(plan.to_json()) == plan
    assert [reveal.tag for reveal in plan.reveals] == [
        "shapes",
        "test_predictions",
        "test_loss",
        "test_metrics",
        "range_guard",
        "cost_stop",
        "validation",
    ]


WEIGHTS = 'expected null, balanced, or an object with a number from 0.1 to 1000 for each of "0" and "1"'
WRONG: dict[str, tuple[dict[str, object], str]] = {
    "objective": ({"objective": "hinge"}, 'objective: expected one of linear, logistic, poisson, got "hinge"'),
    "alpha": ({"alpha": -1}, "alpha: expected a number from 0 to 1000, got -1"),
    "penalty": ({"penalty": "elasticnet"}, 'penalty: expected null or one of l2, l1, got "elasticnet"'),
    "penalty of no loss": (
        {"cost_penalty": True},
        "cost_penalty: expected false without cost_tol, which compares losses",
    ),
    "rate": ({"learning_rate_init": 0}, "learning_rate_init: expected a number greater than 0 and at most 100, got 0"),
    "momentum": ({"momentum": 1}, "momentum: expected a number from 0 to 0.999, got 1"),
    "nesterov": ({"nesterovs_momentum": 1}, "nesterovs_momentum: expected true or false, got 1"),
    "patience": ({"n_iter_no_change": 0}, "n_iter_no_change: expected an integer from 1 to 1000000, got 0"),
    "tol": ({"tol": "small"}, 'tol: expected a number from 0 to 1000, got "small"'),
    "seed": ({"random_state": -1}, "random_state: expected null or an integer from 0"),
    "weights, a word": ({"class_weight": "even"}, f"class_weight: {WEIGHTS}"),
    "weights, one class": ({"class_weight": {"0": 1}}, f"class_weight: {WEIGHTS}"),
    "weights, another": ({"class_weight": {"0": 1, "1": 1, "2": 1}}, f"class_weight: {WEIGHTS}"),
    "weights, zero": ({"class_weight": {"0": 0, "1": 1}}, f"class_weight: {WEIGHTS}"),
    "weights, flag": ({"class_weight": {"0": True, "1": 1}}, f"class_weight: {WEIGHTS}"),
    "weights of no classes": (
        {"objective": "poisson", "class_weight": "balanced"},
        "class_weight: expected null for objective poisson",
    ),
    "unknown": ({"learning_rate": 1}, "learning_rate: unknown field, did you mean learning_rate_init?"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_fields(tmp_path: Path, wrong: tuple[dict[str, object], str]) -> None:
    made = task(tmp_path)
    made.main = {**made.main, **wrong[0]}
    with pytest.raises(SpecError) as caught:
        parse(made.document())
    assert wrong[1] in caught.value.message
    assert caught.value.message.startswith("clients[0].client_config.")


@pytest.mark.parametrize(
    ("objective", "metric", "wanted"),
    [
        ("linear", "auc", "regression"),
        ("poisson", "regression", "poisson"),
        ("logistic", "regression", "auc or auc_ks"),
    ],
)
def test_a_metric_of_another_objective(tmp_path: Path, objective: str, metric: str, wanted: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(task(tmp_path, objective, metric=metric).document())
    assert f"clients[4].client_config.metric: expected {wanted}" in caught.value.message
    assert f"for objective {objective}, got {metric}" in caught.value.message


def test_kinds_do_not_mix(tmp_path: Path) -> None:
    document = task(tmp_path).document()
    document["clients"][2]["client_config"]["client_type"] = "shared_nn_feature"
    with pytest.raises(SpecError, match=r"clients\[2\].client_config.client_type: expected linear_feature, got shared"):
        parse(document)
