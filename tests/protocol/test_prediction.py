"""Predicting with a kept model: the same as the training's own tests, for the receiver alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.channel import Frame
from fedray.ml.metrics import evaluate
from fedray.ml.stability import stability
from fedray.parties.oracle import insecure_oracle
from fedray.task.record import Status
from fedray.task.report import build_report
from tests import linear_tasks, tasks, tree_tasks
from tests.predictions import prediction, seen_in_tests
from tests.tasks import Training

NETWORKS: dict[str, dict[str, Any]] = {
    "bce": {"in_dim": 1, "layers": []},
    "deep": {"in_dim": 4, "layers": [3, 1]},
    "wide": {"in_dim": 3, "layers": [1], "bias": False},
}
OBJECTIVES = ("linear", "logistic", "poisson")
TREES = {"trees": "binary:logistic", "trees of a regression": "reg:squarederror"}
KINDS = (*OBJECTIVES, *NETWORKS, *TREES)

UNIT = {
    "linear": 0.0,
    "logistic": 1e-5,
    "poisson": 1e-3,
    "bce": 2e-5,
    "deep": 2e-3,
    "wide": 2e-3,
    **dict.fromkeys(TREES, 0.0),
}
"""How far two runs over the same rows may be apart: tables of the curves are rounded anew in each. Scores of trees are
sums of leaves, to the last unit."""

TREE_BOUNDS = {"trees": 1e-3, "trees of a regression": 1e-2}


def training(root: Path, kind: str, own: int = 1) -> Training:
    if kind in NETWORKS:
        return tasks.made_up(root, own=own, main={**NETWORKS[kind], "max_iter": 20, "test_per_batches": 10})
    if kind in TREES:
        return tree_tasks.made_up(root, own=own, rows=120, objective=TREES[kind], n_estimators=2)
    return linear_tasks.made_up(root, kind, own=own, max_iter=20, test_per_batches=10, learning_rate_init=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_those_of_the_trainings_last_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    seen = seen_in_tests(monkeypatch)
    trained = training(tmp_path, kind)
    trained.succeed()
    task = prediction(trained, main={"part": "test", "batch_size": 10})
    outcomes = task.succeed()
    header, rows, found = task.predicted(4)
    assert header == ["row", "prediction"]
    assert rows == [str(k + 1) for k in range(24)]
    assert np.max(np.abs(found - seen[-1])) <= UNIT[kind]
    assert np.std(found) > 3.0 * UNIT[kind]
    assert task.files() == [4]
    assert outcomes[0].result == {"model": "t", "rows": 24, "receiver": task.plan().names[4]}


@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_those_of_the_oracle(tmp_path: Path, kind: str) -> None:
    trained = training(tmp_path, kind)
    trained.succeed()
    task = prediction(trained, main={"part": "test"})
    task.succeed()
    oracle, design, _ = insecure_oracle(trained.plan(), trained.roots)
    oracle.train(design.steps)
    expected = oracle.predict()
    bound = {"deep": 6e-3, "wide": 6e-3, "linear": 1e-2, "poisson": 1e-2, **TREE_BOUNDS}.get(kind, 1e-3)
    assert np.max(np.abs(task.predicted(4)[2] - expected)) < bound


def test_all_rows_come_in_the_order_of_the_files(tmp_path: Path) -> None:
    trained = training(tmp_path, "linear")
    trained.succeed()
    parts = {}
    for part in ("all", "train", "test"):
        task = prediction(trained, main={"part": part}, name=part)
        task.succeed()
        parts[part] = task.predicted(4)[2]
    assert [len(parts[part]) for part in ("all", "train", "test")] == [120, 96, 24]
    np.testing.assert_array_equal(parts["all"], np.vstack([parts["train"], parts["test"]]))


@pytest.mark.parametrize("kind", (*OBJECTIVES, *TREES))
def test_a_feature_client_may_receive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    seen = seen_in_tests(monkeypatch)
    trained = training(tmp_path, kind, own=0)
    trained.succeed()
    task = prediction(trained, main={"part": "test", "receiver": 3}, clients={4: None, 3: {"out_data_path": "x/y"}})
    outcomes = task.succeed()
    assert task.files() == [3]
    assert np.max(np.abs(task.predicted(3, "x/y")[2] - seen[-1])) <= UNIT[kind]
    tags = {entry["tag"]: entry["to"] for outcome in outcomes.values() for entry in outcome.reveals}
    assert tags["predictions"] == [3]
    assert tags.get("label_units") == ([3] if kind in ("linear", "poisson", "trees of a regression") else None)


def test_nobody_else_hears_predictions(tmp_path: Path) -> None:
    """Only frames to the receiver hold summands that add up to them; everybody's log names the same learner."""
    trained = training(tmp_path, "linear")
    trained.succeed()
    task = prediction(trained, main={"part": "test", "receiver": 2})
    outcomes = task.succeed()
    report = build_report(
        task.plan(),
        {
            index: {"result": o.result, "cost": o.cost, "reveals": o.reveals, "seconds": 0.0}
            for index, o in outcomes.items()
        },
        status=Status.FINISHED,
        seconds=1.0,
        trust_mode="lab",
    )
    leakage: Any = report["leakage"]
    learned = {entry["tag"]: entry["to"] for entry in leakage}
    names = task.plan().names
    assert learned == {
        "shapes": list(names),
        "predictions": [names[2]],
        "label_units": [names[2]],
        "range_guard": list(names[2:]),
    }
    assert [index for index, view in enumerate(task.views) if any(heard(frame) for _, frame in view)] == [2]


def heard(frame: Frame) -> bool:
    return frame.label.endswith("predictions")


def test_predicting_changes_no_file_of_the_model(tmp_path: Path) -> None:
    trained = training(tmp_path, "deep")
    trained.succeed()
    before = {path: path.read_bytes() for path in tmp_path.rglob(".fedray/**/*") if path.is_file()}
    assert len(before) == 9, "of three parties two files of the model and the key"
    for name in ("one", "two"):
        prediction(trained, main={"part": "test"}, name=name).succeed()
    assert {path: path.read_bytes() for path in tmp_path.rglob(".fedray/**/*") if path.is_file()} == before


@pytest.mark.parametrize("kind", KINDS)
def test_the_receiver_evaluates_what_it_received(tmp_path: Path, kind: str) -> None:
    """Compared with the file of predictions: in another run rows whose scores are nearly equal may change places."""
    trained = training(tmp_path, kind)
    told: Any = trained.succeed()[0].result["metrics"]
    task = prediction(trained, main={"part": "test"}, clients={4: {"labels_path": "d"}})
    outcomes = task.succeed()
    result: Any = outcomes[0].result["evaluation"]
    assert result["rows"] == 24
    (found,) = result["outputs"]
    labels = np.loadtxt(task.roots[4].path / "generated" / "d" / "test.csv", delimiter=",", ndmin=2)[:, :1]
    pack = {"linear": "regression", "trees of a regression": "regression", "poisson": "poisson"}.get(
        kind, "metrics_pack1"
    )
    expected = evaluate(pack, labels, task.predicted(4)[2])
    assert {name: found["metrics"][name] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert set(told) <= set(found["metrics"])
    assert found["calibration"][0]["rows"] == 24
    tags = {entry["tag"] for outcome in outcomes.values() for entry in outcome.reveals}
    assert tags == {"shapes", "predictions", "evaluation", *([] if kind in TREES else ["range_guard"])}
    assert all("evaluation" not in outcomes[index].result for index in (1, 2, 3, 4))


def test_labels_that_cannot_be_used_end_the_task_before_anything_leaves(tmp_path: Path) -> None:
    trained = training(tmp_path, "logistic")
    trained.succeed()
    task = prediction(trained, main={"part": "test", "receiver": 2}, clients={2: {"labels_path": "d"}})
    assert task.run() == {}
    assert "labels_path: label column 'c0' must hold 0 and 1 only" in task.errors[2].message
    assert task.files() == []


def test_the_receiver_compares_with_its_earlier_predictions(tmp_path: Path) -> None:
    trained = training(tmp_path, "trees of a regression")
    trained.succeed()
    before = prediction(trained, main={"part": "train"}, name="before")
    assert "evaluation" not in before.succeed()[0].result
    task = prediction(trained, main={"part": "test"}, clients={4: {"baseline_path": "predictions/before"}})
    outcomes = task.succeed()
    told: Any = outcomes[0].result["evaluation"]
    assert (told["rows"], told["least_group"]) == (24, 20)
    (found,) = told["outputs"]
    assert found == {"stability": stability(before.predicted(4)[2][:, 0], task.predicted(4)[2][:, 0])}
    assert [entry["tag"] for entry in outcomes[4].reveals].count("evaluation") == 1
    labels = {"labels_path": "d", "baseline_path": "predictions/p"}
    again = prediction(trained, main={"part": "test"}, clients={4: labels}, name="again")
    (both,) = again.succeed()[0].result["evaluation"]["outputs"]  # type: ignore[index]
    assert both["stability"]["psi"] == 0.0
    assert set(both) == {"metrics", "calibration", "stability"}


def test_a_baseline_that_cannot_be_used_ends_the_task_before_anything_leaves(tmp_path: Path) -> None:
    trained = training(tmp_path, "linear")
    trained.succeed()
    task = prediction(trained, clients={4: {"baseline_path": "d"}})
    assert task.run() == {}
    assert "baseline_path: the folder has no predictions.csv" in task.errors[4].message
