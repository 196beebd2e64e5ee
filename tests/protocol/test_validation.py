"""Further trainings that leave rows out: their scores against the same in float64, on shares, at every rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.errors import DataError, FedrayError, RangeGuardError, SpecError
from fedray.ml.validation import Rule, averages, binary_scores, held_out, regression_scores, trained_with
from tests.linear_tasks import LinearTask
from tests.paddledtx_trainer import diabetes, emulate, in_order_of_ids, iris
from tests.protocol.test_linear_cost import LINE, VL, untested

SHORT = {**LINE, "cost_tol": 0.02, "test_per_batches": 20}


def emulated(x: np.ndarray, y: np.ndarray, rule: Rule, *, logistic: bool, **numbers: Any) -> list[dict[str, Any]]:
    """Return the scores of each training, in float64."""
    found = []
    for out in held_out(rule, len(x)):
        rows = trained_with(len(x), out)
        model = emulate(x[rows], y[rows], logistic=logistic, **numbers)
        assert model.margin > 1e-4
        u = model.scores(x[out])
        if logistic:
            found.append(binary_scores(y[out], 1.0 / (1.0 + np.exp(-u))))
        else:
            found.append(regression_scores(y[out], y[rows].mean() + y[rows].std() * u))
    return found


def test_folds_of_iris(tmp_path: Path) -> None:
    x, y = in_order_of_ids(*iris()[:2])
    task = untested(tmp_path, [x[:, :2], x[:, 2:]], y[:, None], **SHORT, validation="folds", validation_folds=5)
    task.labeler = {"validation_path": "scores"}
    outcomes = task.succeed()
    wanted = emulated(x, y, Rule("folds", 30, 5, shuffle=False, seed=""), logistic=True, amplitude=0.02)
    told = outcomes[0].result["validation"]
    assert (told["trainings"], told["live"]) == (5, [])
    assert told["scores"] == pytest.approx(averages(wanted), abs=1e-9)  # so every row is at its place of the order
    kept = json.loads(task.path(4, "..").resolve().joinpath("scores/evaluation.json").read_text())
    folds = kept["Payload"]["BinaryClassCaseMetricScores"]["metricsPerFold"]
    for number, scores in enumerate(wanted):
        assert np.abs(np.array([point["p"] for point in folds[str(number)]["ROC"]]) - scores["roc"]).max() < 1e-4


@pytest.mark.parametrize("parts", [{"validation": "leave_one_out"}, {"validation": "split", "validation_percent": 40}])
def test_a_regression_with_a_live_validation(tmp_path: Path, parts: dict[str, Any]) -> None:
    x, y = in_order_of_ids(*(one[:20] for one in diabetes()))
    numbers = {**VL, "objective": "linear", "cost_tol": 0.05, "learning_rate_init": 0.05, "test_per_batches": 10}
    main = {**numbers, **parts, "live_validation_percent": 25, "validation_seed": "a task"}
    task = untested(tmp_path, [x[:, :2]], np.hstack([y[:, None], x[:, 2:4]]), **main)
    task.labeler = {"validation_path": "deep/scores"}
    result = task.succeed()[0].result
    rule = Rule(parts["validation"], 40, 10, shuffle=True, seed="a task")
    wanted = emulated(x[:, :4], y, rule, logistic=False, alpha=0.05, amplitude=0.05)
    told = result["validation"]
    assert told["scores"] == pytest.approx(averages(wanted), rel=1e-4)
    live = Rule("split", 25, 10, shuffle=True, seed="a task")
    (last,) = emulated(x[:, :4], y, live, logistic=False, alpha=0.05, amplitude=0.05)
    assert told["live"][-1][1]["rmse"] == pytest.approx(last["rmse"], rel=1e-4)
    assert [row[0] for row in told["live"][:-1]] == list(range(5, 5 * len(told["live"]), 5))
    kept = json.loads(task.path(3, "..").resolve().joinpath("deep/scores/evaluation.json").read_text())
    scores = kept["Payload"]["RegressionCaseMetricScores"]
    assert list(scores["RMSEs"]) == sorted(str(k) for k in range(told["trainings"]))
    assert scores["meanRMSE"] == told["scores"]["rmse"]
    assert ("stdDevRMSE" in scores) == (told["trainings"] > 1)


def test_what_is_learned_and_by_whom(tmp_path: Path) -> None:
    x, y = in_order_of_ids(*iris()[:2])
    task = untested(tmp_path, [x[:, :2], x[:, 2:]], y[:, None], **SHORT, validation="split")
    outcomes = task.succeed()
    tags = {reveal["tag"] for outcome in outcomes.values() for reveal in outcome.reveals}
    assert tags == {"shapes", "cost_stop", "range_guard", "test_predictions", "validation"}
    assert tags <= {reveal.tag for reveal in task.plan().reveals}
    told = [one for one in outcomes[4].reveals if one["tag"] == "validation"]
    assert [one["to"] for one in told] == [[0]]
    for party in (2, 3):
        assert "validation" not in outcomes[party].result


@pytest.mark.parametrize(
    ("main", "told"),
    [
        ({"objective": "poisson", "validation": "folds"}, "validation: expected null for objective poisson"),
        ({"early_stopping": True, "live_validation_percent": 3}, "early_stopping: expected false with validation"),
        ({"validation": "bootstrap"}, "validation: expected null or one of split, folds, leave_one_out"),
        ({"validation": "split", "validation_percent": 100}, "validation_percent: expected an integer from 1 to 99"),
    ],
)
def test_documents_that_cannot_be(tmp_path: Path, main: dict[str, object], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        untested(tmp_path, [np.zeros((4, 1))], np.zeros((4, 1)), **main).plan()


@pytest.mark.parametrize(
    ("rows", "rule", "told"),
    [
        (9, {"validation": "folds"}, "9 training rows are too few for the rule folds"),
        (3, {"live_validation_percent": 30}, "3 training rows are too few for the rule split"),
        (1001, {"validation": "leave_one_out"}, "leave_one_out of 1001 rows is 1001 trainings, more than 1000"),
    ],
)
def test_rows_that_do_not_fit_a_rule(tmp_path: Path, rows: int, rule: dict[str, object], told: str) -> None:
    table = np.arange(2.0 * rows).reshape(rows, 2)
    task = untested(tmp_path, [table], np.arange(rows)[:, None] % 2.0, **{**LINE, "batch_size": 2}, **rule)
    with pytest.raises(FedrayError, match=told):
        task.succeed()


def small(root: Path, **main: Any) -> LinearTask:
    """Return a task of 40 rows, half of them positive."""
    rows = np.arange(40.0)[:, None]
    return untested(root, [np.hstack([np.sin(rows), np.cos(rows)])], np.mod(rows, 2.0), **{**LINE, **main})


def refused(task: LinearTask, party: int) -> FedrayError:
    """Run a task; return a party's error, of which all others hear before more than shapes was said."""
    task.run()
    assert set(task.errors) == {member.index for member in task.plan().members}
    assert {frame.label for view in task.views for _, frame in view} <= {"shapes"}
    return task.errors[party]


def test_a_part_with_labels_of_one_value_is_refused_before_the_training(tmp_path: Path) -> None:
    task = small(tmp_path, validation="leave_one_out")
    task.write(3, "train.csv", np.eye(40)[:, 5:6])
    error = refused(task, 3)
    assert isinstance(error, DataError)
    assert error.message.startswith("validation, a training (it counts its rows anew): train.csv: ")
    assert "label column 'c0' has one value only" in error.message
    assert not any("37" in one.message for one in task.errors.values())  # it would tell which row is the positive one


@pytest.mark.parametrize("outlier", [10.0, 1000.0])
def test_an_outlier_among_rows_left_out_is_refused_before_the_training(tmp_path: Path, outlier: float) -> None:
    task = small(tmp_path, validation="folds", validation_folds=5)
    table = 1e-3 * np.sin(np.arange(80.0)).reshape(40, 2)
    table[17, 1] = outlier
    task.write(2, "train.csv", table)
    error = refused(task, 2)
    assert isinstance(error, RangeGuardError)
    assert error.message.startswith("validation, training 3 (it counts its rows anew): ")


def test_numbers_that_do_not_fit_a_part_are_refused_by_all_before_the_training(tmp_path: Path) -> None:
    task = small(tmp_path, validation="split", validation_percent=90, batch_size=40, cost_tol=1e-11)
    error = refused(task, 0)
    assert isinstance(error, SpecError)
    assert "validation, training 1 (" in error.message
    assert "cost_tol 1e-11 with batch_size 4 is finer than the fixed point" in error.message
