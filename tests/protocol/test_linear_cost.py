"""Linear models that end by their loss: the round and the weights of PaddleDTX's trainers, on shares and in float64."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fedray.errors import FedrayError, RangeGuardError, SpecError
from fedray.parties.kept import load_kept
from fedray.parties.linear_recipe import LinearRecipe
from fedray.ring import decode
from tests.linear_tasks import LinearTask
from tests.paddledtx_trainer import Emulated, diabetes, emulate, in_order_of_ids, iris
from tests.predictions import prediction

Float = npt.NDArray[np.float64]

VL: dict[str, Any] = {
    "cost_tol": 1e-4,
    "batch_order": "hashed",
    "batch_size": 4,
    "learning_rate_init": 0.1,
    "momentum": 0,
    "alpha": 0,
    "max_iter": 3000,
    "test_per_batches": 100,
}
LINE = {**VL, "objective": "logistic", "sigmoid": "taylor"}


def untested(root: Path, tables: Sequence[Float], label: Float, **main: Any) -> LinearTask:
    """Return a task whose data sets have no test rows, as an alignment writes them."""
    made = LinearTask(root, tables, label, len(label), main)
    for index, table in zip(made.roots, [*tables, label], strict=True):
        facts = {"task": "a", "n_train": len(table), "n_test": 0, "columns": [f"c{k}" for k in range(table.shape[1])]}
        made.path(index, "dataset.json").write_text(json.dumps({**facts, "fingerprint": "f", "aligned": ""}))
    return made


def weights(task: LinearTask) -> tuple[int, float, Float]:
    """Return steps, intercept and weights, put together from the files of all parties."""
    plan = task.plan()
    parts = [load_kept(task.roots[m.index], "t", rank, m) for rank, m in enumerate(plan.data)]
    recipe = LinearRecipe(plan)
    shares = [recipe.shares(part.trained, part.arrays) for part in parts]

    def opened(pick: Any) -> Float:
        total = pick(shares[0]).value.copy()
        for one in shares[1:]:
            total += pick(one).value
        found: Float = decode(total, pick(shares[0]).scale)
        return found

    columns = [opened(lambda share, owner=owner: share[0][owner])[:, 0] for owner in shares[0][0]]
    return parts[0].trained.steps, float(opened(lambda share: share[1])[0]), np.concatenate(columns)


def check(task: LinearTask, wanted: Emulated) -> None:
    outcomes = task.succeed()
    assert outcomes[0].result == {"n_batches": wanted.round, "loss": None, "metrics": {}}
    steps, intercept, found = weights(task)
    assert steps == wanted.round
    assert abs(intercept - wanted.intercept) < 1e-4
    assert np.abs(found - wanted.weights).max() < 1e-4
    tags = {reveal["tag"] for outcome in outcomes.values() for reveal in outcome.reveals}
    assert tags == {"shapes", "cost_stop", "range_guard"}


def test_iris_stops_in_the_round_of_the_original(tmp_path: Path) -> None:
    x, y, _, _ = iris()
    x, y = in_order_of_ids(x, y)
    wanted = emulate(x, y, logistic=True)
    assert wanted.round == 329  # that of the original's documents
    check(untested(tmp_path, [x[:, :2], x[:, 2:]], y[:, None], **LINE), wanted)


def test_iris_of_one_feature_party_predicts_every_new_row_rightly(tmp_path: Path) -> None:
    x, y, new, known = iris()
    x, y = in_order_of_ids(x, y)
    task = untested(tmp_path, [x[:, :2]], np.hstack([y[:, None], x[:, 2:]]), **LINE)
    task.succeed()
    wanted = emulate(x, y, logistic=True)
    rows = prediction(task, main={"part": "train"}, clients={3: {"data_path": "new"}, 2: {"data_path": "new"}})
    for index, table, names in ((2, new[:, :2], ["c0", "c1"]), (3, new[:, 2:], ["c1", "c2"])):
        folder = task.path(index, "..").resolve() / "new"
        folder.mkdir()
        np.savetxt(folder / "train.csv", table, delimiter=",")
        facts = {"task": "b", "n_train": len(new), "n_test": 0, "columns": names, "fingerprint": "g", "aligned": ""}
        (folder / "dataset.json").write_text(json.dumps(facts))
    rows.succeed()
    _, _, found = rows.predicted(3)
    assert np.abs(found[:, 0] - 1.0 / (1.0 + np.exp(-wanted.scores(new)))).max() < 1e-4
    assert np.mean((found[:, 0] > 0.5) == known) == 1.0


@pytest.mark.parametrize(("alpha", "batch", "wanted_round"), [(0.02, 16, 256)])
def test_a_regression_stops_in_the_round_of_float64(
    tmp_path: Path, alpha: float, batch: int, wanted_round: int
) -> None:
    x, y = in_order_of_ids(*diabetes())
    wanted = emulate(x, y, logistic=False, alpha=alpha, batch=batch)
    assert wanted.round == wanted_round
    numbers = {**VL, "objective": "linear", "learning_rate_init": alpha, "batch_size": batch}
    check(untested(tmp_path, [x[:, :4], x[:, 4:7]], np.hstack([y[:, None], x[:, 7:]]), **numbers), wanted)


def test_a_penalty_moves_the_gradient_alone(tmp_path: Path) -> None:
    x, y, _, _ = iris()
    x, y = in_order_of_ids(x, y)
    wanted = emulate(x, y, logistic=True, penalty=0.1)
    check(untested(tmp_path, [x[:, :2], x[:, 2:]], y[:, None], **{**LINE, "alpha": 0.1 / 4}), wanted)


# algorithm, norm, lambda, learning rate, rows of a batch, the round: in all of them every change of the cost is 3e-5 or
# more from the amplitude, and every weight whose sign is taken 4e-4 or more from 0
PENALTIES = [
    (True, "l1", 0.25, 0.1, 8, 140),
    (True, "l2", 0.1, 0.1, 4, 32),
    (False, "l1", 0.08, 0.1, 8, 60),
    (False, "l2", 0.3, 0.05, 16, 103),
]


@pytest.mark.parametrize("case", PENALTIES)
def test_penalties_of_the_original(tmp_path: Path, case: tuple[bool, str, float, float, int, int]) -> None:
    """They are on the intercept too; those of a regression are part of the cost, of a classification not."""
    logistic, norm, penalty, rate, batch, rounds = case
    x, y = in_order_of_ids(*(iris()[:2] if logistic else diabetes()))
    numbers: dict[str, Any] = {"alpha": rate, "batch": batch, "penalty": penalty, "norm": norm}
    wanted = emulate(x, y, logistic=logistic, intercept_too=True, **numbers)
    assert wanted.round == rounds
    main = {**(LINE if logistic else {**VL, "objective": "linear"}), "learning_rate_init": rate, "batch_size": batch}
    main |= {"alpha": penalty / batch, "penalty": norm, "penalize_intercept": True, "cost_penalty": not logistic}
    main["test_per_batches"] = 40
    check(untested(tmp_path, [x[:, :2], x[:, 2:-1]], np.hstack([y[:, None], x[:, -1:]]), **main), wanted)


@pytest.mark.parametrize("every", [7, 1000])
def test_how_often_one_looks_changes_nothing(tmp_path: Path, every: int) -> None:
    x, y, _, _ = iris()
    x, y = in_order_of_ids(x, y)
    main = {**LINE, "test_per_batches": every, "cost_tol": 0.002}
    wanted = emulate(x, y, logistic=True, amplitude=0.002)
    check(untested(tmp_path, [x[:, :2], x[:, 2:]], y[:, None], **main), wanted)


def test_a_training_without_a_stop_takes_all_its_steps(tmp_path: Path) -> None:
    x, y, _, _ = iris()
    task = untested(tmp_path, [x], y[:, None], **{**LINE, "cost_tol": 1e-4, "max_iter": 20, "test_per_batches": 10})
    assert task.succeed()[0].result["n_batches"] == 20


def test_the_first_batches_are_compared_as_the_original_does(tmp_path: Path) -> None:
    """Nothing comes before the first; the second is compared with 0, so a tolerance above its loss ends there."""
    x, y, _, _ = iris()
    task = untested(tmp_path, [x], y[:, None], **{**LINE, "cost_tol": 5.0, "test_per_batches": 1})
    assert task.succeed()[0].result["n_batches"] == 1


def test_test_rows_are_measured_with_the_model_that_is_kept(tmp_path: Path) -> None:
    x, y, new, known = iris()
    x, y = in_order_of_ids(x, y)
    task = LinearTask(tmp_path, [np.vstack([x, new])], np.concatenate([y, known])[:, None], len(y), LINE)
    result = task.succeed()[0].result
    assert (result["n_batches"], result["metrics"]) == (329, {"auc": 1.0})
    wanted = emulate(x, y, logistic=True).scores(new)
    loss = float(np.mean(np.logaddexp(0.0, -wanted * (2 * known - 1))))
    assert result["loss"] == pytest.approx(loss, abs=1e-4)


def test_it_goes_on_from_a_checkpoint_between_two_tests(tmp_path: Path) -> None:
    x, y, _, _ = iris()
    x, y = in_order_of_ids(x, y)
    main = {**LINE, "checkpoint_every": 130, "test_per_batches": 100}
    task = untested(tmp_path, [x[:, :2], x[:, 2:]], y[:, None], **main)
    task.run(stop=(2, 600))
    assert task.errors
    outcomes = task.succeed(resumes=True)
    assert outcomes[0].result["resumed_from"] in (130, 260)
    assert outcomes[0].result["n_batches"] == 329
    wanted = emulate(x, y, logistic=True)
    assert np.abs(weights(task)[2] - wanted.weights).max() < 1e-4


@pytest.mark.parametrize(
    ("main", "told"),
    [
        ({"objective": "logistic"}, "cost_tol: expected null, or objective linear, or logistic with sigmoid taylor"),
        ({"objective": "poisson"}, "cost_tol: expected null"),
        ({"objective": "linear", "sigmoid": "taylor"}, "sigmoid: expected series; taylor is for objective logistic"),
        ({"sigmoid": "taylor", "class_weight": "balanced"}, "sigmoid: expected series"),
        ({"sigmoid": "taylor", "early_stopping": True}, "early_stopping: expected false where cost_tol ends"),
        ({"sigmoid": "taylor", "parity": True}, "parity: expected false where cost_tol ends the training"),
        ({"sigmoid": "taylor", "test_per_batches": 10_001}, "test_per_batches: expected at most 10000 with cost_tol"),
        ({"sigmoid": "taylor", "cost_tol": 0}, "cost_tol: expected null or a number greater than 0 and at most 1000"),
    ],
)
def test_documents_that_cannot_be(tmp_path: Path, main: dict[str, object], told: str) -> None:
    with pytest.raises(SpecError, match=told):
        untested(tmp_path, [np.zeros((4, 1))], np.zeros((4, 1)), **{"cost_tol": 1e-4, **main}).plan()


def test_the_signs_of_weights_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    x, y, _, _ = iris()
    main = {**LINE, "alpha": 0.01, "penalty": "l1", "checkpoint_every": 7, "test_per_batches": 20, "max_iter": 20}
    task = untested(tmp_path, [x], y[:, None], **main)
    task.run(stop=(2, 120))
    assert task.errors
    assert task.succeed(resumes=True)[0].result["n_batches"] == 20


def test_a_constant_column_has_no_weight_and_no_sign(tmp_path: Path) -> None:
    x, y, _, _ = iris()
    x = np.hstack([x, np.ones((len(x), 1))])
    task = untested(tmp_path, [x], y[:, None], **{**LINE, "alpha": 0.1, "penalty": "l1", "max_iter": 30})
    task.succeed()
    assert weights(task)[2][-1] == 0.0


@pytest.mark.parametrize(
    ("main", "told"),
    [
        ({"penalty": "l1", "alpha": 1e-11}, "alpha 1e-11 with learning_rate_init 0.1 is finer than the fixed point"),
        ({"batch_size": 200}, "batch_size 200 is more than the 135 training rows"),
        ({"cost_tol": 1e-13}, "cost_tol 1e-13 with batch_size 4 is finer than the fixed point"),
    ],
)
def test_numbers_that_do_not_fit_the_tables(tmp_path: Path, main: dict[str, object], told: str) -> None:
    x, y, _, _ = iris()
    with pytest.raises(SpecError, match=told):
        untested(tmp_path, [x], y[:, None], **{**LINE, **main}).succeed()


def worded(task: LinearTask, words: Sequence[str]) -> LinearTask:
    """Let the label column hold words."""
    task.path(max(task.roots), "train.csv").write_text("".join(f"{word}\n" for word in words))
    return task


def test_a_label_of_words(tmp_path: Path) -> None:
    x, y, _, _ = iris()
    words = ["Iris-setosa" if one else f"Iris-other{k % 2}" for k, one in enumerate(y)]
    main = {**LINE, "max_iter": 20, "test_per_batches": 20}
    numbers = untested(tmp_path / "a", [x], y[:, None], **main)
    task = worded(untested(tmp_path / "b", [x], y[:, None], **main), words)
    task.labeler = {"pos_label": "Iris-setosa"}
    for one in (numbers, task):
        one.succeed()
    assert np.abs(weights(task)[2] - weights(numbers)[2]).max() < 1e-4


@pytest.mark.parametrize("where", ["d", "labels.csv"])
@pytest.mark.parametrize(("other", "one"), [("Iris-other", "Iris-setosa"), ("1", "0")])
def test_predictions_are_measured_with_the_same_labels(tmp_path: Path, where: str, other: str, one: str) -> None:
    x, y, _, _ = iris()
    words = [one if wanted else other for wanted in y]
    task = worded(untested(tmp_path, [x], y[:, None], **{**LINE, "max_iter": 40, "test_per_batches": 40}), words)
    task.labeler = {"pos_label": one}
    task.succeed()
    file = task.roots[3].path / "generated/labels.csv"
    file.write_text("id,kind\n" + "".join(f"r{k},{word}\n" for k, word in enumerate(words)))
    asked = prediction(task, clients={3: {"labels_path": where, "data_path": None}})
    (evaluation,) = asked.succeed()[0].result["evaluation"]["outputs"]
    assert evaluation["metrics"]["auc"] > 0.95
    file.write_text("no table")
    refused = prediction(task, clients={3: {"labels_path": "labels.csv", "data_path": None}})
    with pytest.raises(FedrayError, match=r"read: labels_path: 'labels.csv' must be CSV"):
        refused.succeed()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a", "b", "a"], "pos_label: the label column 'c0' has 'yes' in no row"),
        (["yes", "NA", "no"], "train.csv: label column 'c0' has no value in row 2"),
        (["yes", "yes", "yes"], "has one value only"),
    ],
)
def test_labels_of_words_that_cannot_be(tmp_path: Path, words: list[str], told: str) -> None:
    task = worded(untested(tmp_path, [np.ones((3, 1))], np.zeros((3, 1)), **{**LINE, "batch_size": 2}), words)
    task.labeler = {"pos_label": "yes"}
    with pytest.raises(FedrayError, match=told):
        task.succeed()


def test_a_number_that_counts_as_one_is_for_classes(tmp_path: Path) -> None:
    task = untested(tmp_path, [np.zeros((4, 1))], np.zeros((4, 1)), objective="linear")
    task.labeler = {"pos_label": "1"}
    with pytest.raises(SpecError, match="pos_label: expected null for objective linear"):
        task.plan()


def test_a_table_of_many_columns_stays_in_range(tmp_path: Path) -> None:
    """The guard works linear outputs out again from coarse weights: those of many columns must not add up to errors."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 400))
    y = (x[:, 0] > 0).astype(np.float64)
    task = untested(tmp_path, [x[:, :200], x[:, 200:]], y[:, None], **{**LINE, "max_iter": 30, "test_per_batches": 10})
    assert task.succeed()[0].result["n_batches"] == 30


def test_a_feature_that_the_finer_numbers_do_not_hold_is_refused(tmp_path: Path) -> None:
    x, y, _, _ = iris()
    task = untested(tmp_path, [x * 300], y[:, None], **LINE)
    task.feature = {"scale": "none"}
    with pytest.raises(RangeGuardError, match="a scaled train feature of row 1 is larger than 1024 in magnitude"):
        task.succeed()


def test_early_stopping_needs_test_rows(tmp_path: Path) -> None:
    x, y, _, _ = iris()
    with pytest.raises(FedrayError, match="early_stopping and parity need test rows"):
        untested(tmp_path, [x], y[:, None], objective="logistic", early_stopping=True).succeed()
