"""Boosted trees from files to shares: records, models, early stopping, missing values, reports, bad tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.data.model_files import load_model
from fedray.errors import DataError, FedrayError, RangeGuardError, SpecError, TaskAborted
from fedray.ml import metrics
from fedray.parties.oracle import insecure_oracle
from fedray.task.record import EventKind
from fedray.trees.binning import Binning
from fedray.trees.oracle import TreeOracle
from tests.parties import joined
from tests.sealed import folder_at
from tests.tree_tasks import TreeTask, made_up

NUMBERS: dict[str, dict[str, Any]] = {
    "binary:logistic": {"scale_pos_weight": 2, "metric": "auc_ks"},
    "reg:squarederror": {"eta": 0.5, "base_score": 45.0},
}


@pytest.mark.parametrize("objective", NUMBERS)
def test_result_record_and_model_equal_the_oracle(tmp_path: Path, objective: str) -> None:
    task = made_up(tmp_path, own=1, objective=objective, test_per_trees=2, **NUMBERS[objective])
    outcomes = task.succeed()
    oracle, design, y = insecure_oracle(task.plan(), task.roots)
    assert isinstance(oracle, TreeOracle)
    curved = objective == "binary:logistic"
    rows: list[Any] = [event.data["row"] for event in task.events if event.kind == EventKind.RECORD]
    assert [row[1] for row in rows] == [2, 3]
    for row in rows:
        oracle.train(row[1] - oracle.done)
        p = oracle.predict()
        assert row[2] == pytest.approx(metrics.loss("bce" if curved else "mse", y, p), rel=2e-3)
        found = metrics.evaluate("auc_ks" if curved else "regression", y, p)
        assert row[3:] == pytest.approx(list(found.values()), abs=0.005, rel=1e-3)
    assert outcomes[0].result == outcomes[2].result == outcomes[4].result
    parts = [
        load_model(folder_at(task.roots[k].path / ".fedray" / "models" / "t" / f"{k - 2}-{role(k)}"))
        for k in task.roots
    ]
    leaves = joined(arrays["leaves"] for _, arrays in parts).view(np.int64) / parts[0][0]["score_scale"]
    values = np.array([tree.values for tree in oracle.trees])
    assert np.max(np.abs(leaves - values)[np.abs(values) > 1e-6]) < 1e-3
    assert design.steps == 3
    for facts, arrays in parts:
        assert facts["kind"] == "secure_xgboost"
        assert arrays["split_owner"].shape == (3, 3)
        assert Binning.from_dict(facts["scaling"]).bins == 8


@pytest.mark.parametrize("objective", NUMBERS)
def test_parity_compares_the_scores_after_every_tree(tmp_path: Path, objective: str) -> None:
    task = made_up(tmp_path, own=1, objective=objective, test_per_trees=2, parity=True, **NUMBERS[objective])
    outcomes = task.succeed()
    found: Any = outcomes[4].result["parity"]
    (line,) = found["layers"]
    assert (found["steps"], line["layer"], line["what"], line["first_noticed"]) == (3, 1, "score", None)
    assert line["error"] < 4e-3
    told: Any = outcomes[0].result
    assert {name: pair["shared"] for name, pair in found["test"]["metrics"].items()} == {
        "loss": told["loss"],
        **told["metrics"],
    }
    assert all(abs(pair["difference"]) < 0.005 for pair in found["test"]["metrics"].values())
    to = {(entry["tag"], tuple(entry["to"])) for entry in outcomes[3].reveals}  # type: ignore[arg-type]
    assert to >= {("parity_features", (4,)), ("parity_values", (4,))}


def role(index: int) -> str:
    return "label_client" if index == 4 else "feature_client"


def test_names_and_places_of_parameters_do_not_matter(tmp_path: Path) -> None:
    task = made_up(tmp_path)
    task.main = {"config": {"max_iteration": 2, "row_sample_ratio": 0.5, "sync_info": {"seed": 3}, "batch_size": None}}
    document = task.document()
    del document["clients"][0]["client_config"]["n_estimators"]
    task.document = lambda: document  # type: ignore[method-assign]
    main: Any = task.plan().main.config
    assert (main.n_estimators, main.subsample, main.seed) == (2, 0.5, 3)
    assert task.plan().seed == "seed 3"


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ({"eta": 0.1, "learning_rate": 0.1}, "client_config: expected learning_rate once, and not under two names"),
        ({"config": 3}, "client_config: expected an object under config"),
        (
            {"batch_size": 64},
            "batch_size: expected null (every tree sees all rows; to see fewer, lower subsample), got 64",
        ),
        ({"max_dept": 3}, "max_dept: unknown field, did you mean max_depth?"),
        ({"subsample": 0}, "subsample: expected a number greater than 0 and at most 1, got 0"),
        ({"metric": "regression"}, "metric: expected auc or auc_ks or metrics_pack1 for objective binary:logistic"),
        ({"objective": "reg:squarederror", "scale_pos_weight": 2}, "scale_pos_weight: expected 1 for objective"),
        ({"base_score": 1.5}, "base_score: expected null or a probability"),
        ({"base_score": 1e13}, "base_score: expected null or a number from -1e+12 to 1e+12"),
    ],
)
def test_bad_parameters_are_named(tmp_path: Path, main: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError) as raised:
        made_up(tmp_path, **main).plan()
    assert words in raised.value.message


def test_missing_values_have_a_bin_where_the_client_says_so(tmp_path: Path) -> None:
    task = made_up(tmp_path, n_estimators=2)
    gaps = np.random.default_rng(0).random(task.features[0].shape) < 0.2
    task.features[0][gaps] = np.nan
    task.__post_init__()
    task.run()
    assert "the value is missing (NaN)" in task.errors[2].message
    task.feature = {"missing": "bin"}
    outcomes = task.succeed()
    oracle, _, y = insecure_oracle(task.plan(), task.roots)
    oracle.train(2)
    loss: Any = outcomes[0].result["loss"]
    assert loss == pytest.approx(metrics.loss("bce", y, oracle.predict()), abs=0.005)


def test_constant_columns_are_left_out_with_a_note(tmp_path: Path) -> None:
    task = made_up(tmp_path, n_estimators=1)
    task.features[1][:, 0] = 4.0
    task.__post_init__()
    outcomes = task.succeed()
    notes = [str(event.data["text"]) for event in task.events if event.kind == EventKind.NOTE]
    assert notes == ["column 'c0' has one value only in the train part: it is left out"]
    assert outcomes[1].result == {"features": 4}


def test_early_stopping_ends_everybody_and_keeps_the_best(tmp_path: Path) -> None:
    task = made_up(tmp_path, n_estimators=500, early_stopping_rounds=2, learning_rate=1.0)
    outcomes = task.succeed()
    assert sorted(outcomes) == [0, 1, 2, 3, 4]
    rows: list[Any] = [event.data["row"] for event in task.events if event.kind == EventKind.RECORD]
    scores = [row[3] for row in rows]
    best = int(np.argmax(scores))
    assert len(rows) == best + 3 < 500
    assert outcomes[0].result["n_batches"] == best + 1
    _, arrays = load_model(folder_at(task.roots[2].path / ".fedray" / "models" / "t" / "0-feature_client"))
    assert len(arrays["leaves"]) == best + 1


def test_progress_is_told_inside_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedray.parties.training_run.PROGRESS_EVERY_S", 0.0)
    task = made_up(tmp_path, n_estimators=2, test_per_trees=2)
    task.succeed()
    told = [event.data for event in task.events if event.kind == EventKind.PROGRESS]
    parts = [(data["done"], data["part"], data["parts"]) for data in told if "part" in data]
    assert parts == [(0, 1, 2), (0, 2, 2), (1, 1, 2), (1, 2, 2)]
    assert told[-1]["done"] == told[-1]["total"] == 2


def test_what_was_opened_to_whom(tmp_path: Path) -> None:
    task = made_up(tmp_path, n_estimators=2)
    outcomes = task.succeed()
    to = {(entry["tag"], tuple(entry["to"])) for entry in outcomes[3].reveals}  # type: ignore[arg-type]
    assert to >= {("split_owner", (2, 3, 4)), ("split", (2,)), ("split", (3,)), ("test_predictions", (4,))}
    assert {tag for tag, _ in to} <= {reveal.tag for reveal in task.plan().reveals}


def no_label(task: TreeTask) -> None:
    task.write(4, "train.csv", np.where(np.arange(task.n_train)[:, None] == 6, np.nan, 1.0))


def far_label(task: TreeTask) -> None:
    label = np.zeros((task.n_train, 1))
    label[17] = 1.0
    task.write(4, "train.csv", label)


BAD: dict[str, tuple[dict[str, Any], int, Callable[[TreeTask], None], type[FedrayError], str]] = {
    "a missing label": ({}, 400, no_label, DataError, "train.csv: the label of row 7 is missing"),
    "a far label": ({"objective": "reg:squarederror"}, 3000, far_label, RangeGuardError, "the label of row 18 is more"),
    "gamma": ({"gamma": 1e9}, 400, lambda _: None, SpecError, "do not fit the fixed point"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_what_cannot_be_used_ends_every_party(tmp_path: Path, bad: Any) -> None:
    main, rows, spoil, kind, words = bad
    task = made_up(tmp_path, rows=rows, **main)
    task.labeler = {"missing": "bin"}
    spoil(task)
    assert task.run() == {}
    own = {type(error) for error in task.errors.values() if not isinstance(error, TaskAborted)}
    assert own == {kind}
    assert all(words in error.message for error in task.errors.values())
