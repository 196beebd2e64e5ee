"""Linear models from files to shares: records, models, early stopping, scikit-learn's coefficients, bad tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LogisticRegression, PoissonRegressor, Ridge

from fedray.channel.channel import Channel
from fedray.data.model_files import load_model
from fedray.errors import DataError, FedrayError, RangeGuardError, RemoteProtocolError, SpecError, TaskAborted
from fedray.ml import metrics
from fedray.ml.linear_oracle import LinearOracle
from fedray.parties.oracle import insecure_oracle
from fedray.ring import decode
from fedray.task.record import EventKind, record_columns
from tests.linear_tasks import LinearTask, made_up
from tests.parties import joined
from tests.sealed import folder_at

LOSSES = {"linear": "mse", "logistic": "bce", "poisson": "poisson"}
METRICS = {"linear": "regression", "logistic": "auc", "poisson": "poisson"}


def models(task: LinearTask) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return manifest and shares of every data client."""
    roles = {index: "label_client" if index == max(task.roots) else "feature_client" for index in task.roots}
    return [
        load_model(folder_at(root.path / ".fedray" / "models" / "t" / f"{k - 2}-{roles[k]}"))
        for k, root in task.roots.items()
    ]


def coefficients(task: LinearTask) -> tuple[np.ndarray[Any, np.dtype[np.float64]], float]:
    """Return weights and intercept that the parties' files hold together."""
    parts = models(task)
    facts = parts[0][0]
    owners = [rank for rank, columns in enumerate(facts["features"]) if columns]
    w = [decode(joined(arrays[f"weights_{k}"] for _, arrays in parts), facts["weight_scale"]) for k in owners]
    b = decode(joined(arrays["intercept"] for _, arrays in parts), facts["intercept_scale"])
    return np.vstack(w)[:, 0], float(b[0])


@pytest.mark.parametrize("objective", LOSSES)
def test_result_record_and_model_equal_the_oracle(tmp_path: Path, objective: str) -> None:
    task = made_up(tmp_path, objective, own=1, max_iter=40, test_per_batches=15, learning_rate_init=0.05)
    outcomes = task.succeed()
    oracle, design, y = insecure_oracle(task.plan(), task.roots)
    assert isinstance(oracle, LinearOracle)
    records = [event.data for event in task.events if event.kind == EventKind.RECORD]
    rows: list[Any] = [data["row"] for data in records]
    assert records[0]["columns"] == record_columns(METRICS[objective])
    assert [row[1] for row in rows] == [15, 30, 40]
    for row in rows:
        oracle.train(row[1] - oracle.done)
        p = oracle.predict()
        assert row[2] == pytest.approx(metrics.loss(LOSSES[objective], y, p), rel=1e-3, abs=1e-3)
        assert row[3:] == pytest.approx(list(metrics.evaluate(METRICS[objective], y, p).values()), rel=1e-3, abs=2e-3)
    assert outcomes[0].result == outcomes[2].result == outcomes[4].result
    assert outcomes[1].result == {"features": 6}
    w, b = coefficients(task)
    assert np.max(np.abs(w - oracle.w[:, 0])) < 1e-3
    assert abs(b - oracle.b[0]) < 1e-3
    assert design.steps == 40


def test_only_the_label_client_keeps_the_labels_units(tmp_path: Path) -> None:
    task = made_up(tmp_path, "linear")
    task.succeed()
    found = [facts for facts, _ in models(task)]
    assert ["label" in facts for facts in found] == [False, False, True]
    assert found[2]["label"]["centre"] == pytest.approx(task.label[:96, 0].mean())
    assert found[2]["label"]["unit"] == pytest.approx(task.label[:96, 0].std())
    for facts in found:
        assert (facts["kind"], facts["objective"]) == ("linear", "linear")
        assert facts["parameters"]["alpha"] == 0.0001


def standardised(task: LinearTask) -> tuple[Any, Any]:
    x, n = np.hstack(task.features), task.n_train
    return (x[:n] - x[:n].mean(axis=0)) / x[:n].std(axis=0), task.label[:n, 0]


# objective, class_weight or the penalty l1, scikit-learn's model for alpha and labels, largest error of a coefficient
TWINS: dict[str, tuple[str, Any, Callable[[float, int, float], Any], float]] = {
    "LogisticRegression": ("logistic", None, lambda a, n, _: LogisticRegression(C=1.0 / (a * n)), 0.02),
    "LogisticRegression, balanced": (
        "logistic",
        "balanced",
        lambda a, n, _: LogisticRegression(C=1.0 / (a * n), class_weight="balanced"),
        0.02,
    ),
    "Ridge": ("linear", None, lambda a, n, _: Ridge(alpha=a * n), 0.02),
    "Lasso": ("linear", "l1", lambda a, _n, _mean: Lasso(alpha=a), 0.02),
    "PoissonRegressor": ("poisson", None, lambda a, _, mean: PoissonRegressor(alpha=a * mean, tol=1e-8), 0.02),
}


@pytest.mark.parametrize("twin", TWINS.values(), ids=TWINS.keys())
def test_coefficients_are_those_of_scikit_learn(
    tmp_path: Path, twin: tuple[str, Any, Callable[[float, int, float], Any], float]
) -> None:
    """Batches are drawn with replacement, so steps are small and batches large; alpha by the documented rule."""
    objective, weights, make, bound = twin
    numbers: dict[str, Any] = {"batch_size": 1024, "max_iter": 300, "test_per_batches": 300, "learning_rate_init": 0.03}
    numbers |= {"penalty": "l1"} if weights == "l1" else {"class_weight": weights}
    task = made_up(tmp_path, objective, rows=500, alpha=0.05, **numbers)
    task.succeed()
    x, y = standardised(task)
    if objective == "linear":
        y = (y - y.mean()) / y.std()
    model = make(0.05, len(y), float(y.mean())).fit(x, y)
    intercept = float(np.ravel(model.intercept_)[0]) - (np.log(y.mean()) if objective == "poisson" else 0.0)
    w, b = coefficients(task)
    assert np.max(np.abs(w - np.ravel(model.coef_))) < bound
    assert abs(b - intercept) < bound
    assert np.max(np.abs(w)) > 0.2


@pytest.mark.parametrize("objective", LOSSES)
def test_early_stopping_ends_everybody_and_keeps_the_best(tmp_path: Path, objective: str) -> None:
    numbers: dict[str, Any] = {"max_iter": 100_000, "test_per_batches": 10, "learning_rate_init": 0.05}
    stopping: dict[str, Any] = {"early_stopping": True, "n_iter_no_change": 3, "tol": 0.01}
    task = made_up(tmp_path, objective, **numbers, **stopping)
    outcomes = task.succeed()
    assert sorted(outcomes) == [0, 1, 2, 3, 4]  # the dealer too
    rows: list[Any] = [event.data["row"] for event in task.events if event.kind == EventKind.RECORD]
    score = record_columns(METRICS[objective]).index({"linear": "r2", "logistic": "auc", "poisson": "d2"}[objective])
    scores = [row[score] for row in rows]
    best, idle, stopped = -np.inf, 0, 0
    for number, found in enumerate(scores, start=1):  # scikit-learn's rule
        idle = 0 if found >= best + 0.01 else idle + 1
        best = max(best, found)
        stopped = stopped or (number if idle == 3 else 0)
    assert len(rows) == stopped < 200
    at = rows[int(np.argmax(scores))][1]
    assert outcomes[0].result["n_batches"] == outcomes[2].result["n_batches"] == outcomes[4].result["n_batches"] == at
    oracle, _, _ = insecure_oracle(task.plan(), task.roots)
    assert isinstance(oracle, LinearOracle)
    oracle.train(at)
    w, _ = coefficients(task)
    assert np.max(np.abs(w - oracle.w[:, 0])) < 2e-3
    progress = [event.data for event in task.events if event.kind == EventKind.PROGRESS]
    assert progress[-1]["done"] == progress[-1]["total"] == rows[-1][1]


@pytest.mark.parametrize("verdict", ["yes", 1, None])
def test_a_verdict_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: object) -> None:
    task = made_up(tmp_path, "logistic", early_stopping=True)
    send = Channel.send_json

    def lying(self: Channel, to: int, label: str, value: Any) -> None:
        send(self, to, label, {**value, "stop": verdict} if label == "test" else value)

    monkeypatch.setattr(Channel, "send_json", lying)
    task.run()
    errors = [error for error in task.errors.values() if isinstance(error, RemoteProtocolError)]
    assert errors
    assert all("expected a verdict of true or false" in error.message for error in errors)


@pytest.mark.parametrize("objective", LOSSES)
def test_parity_of_a_linear_model(tmp_path: Path, objective: str) -> None:
    weights = "balanced" if objective == "logistic" else None
    task = made_up(tmp_path, objective, own=1, max_iter=12, parity=True, class_weight=weights, alpha=0.01)
    found = task.succeed()[4].result["parity"]
    assert isinstance(found, dict)
    assert found["steps"] == 12
    assert [line["what"] for line in found["layers"]] == ["z", "residual", "weights", "bias"]
    for line in found["layers"]:
        assert line["error"] < 0.03
        assert line["first_noticed"] is None
    for metric in found["test"]["metrics"].values():
        assert metric["difference"] == pytest.approx(0.0, abs=2e-2)


def constant(task: LinearTask) -> None:
    task.write(4, "train.csv", np.full((task.n_train, 1), 2.5))


def constant_test(task: LinearTask) -> None:
    task.write(4, "test.csv", np.full((24, 1), 2.5))


def below_zero(task: LinearTask) -> None:
    task.write(4, "train.csv", np.arange(task.n_train, dtype=float)[:, None] - 1.0)


def three_classes(task: LinearTask) -> None:
    task.write(4, "train.csv", np.arange(task.n_train, dtype=float)[:, None] % 3)


def too_large(task: LinearTask) -> None:
    task.write(4, "train.csv", np.arange(task.n_train, dtype=float)[:, None] * 1e306)


BAD: dict[str, tuple[str, Callable[[LinearTask], None], type[FedrayError], str]] = {
    "constant": ("linear", constant, DataError, "train.csv: label column 'c0' has one value only"),
    "constant test": ("linear", constant_test, DataError, "test.csv: label column 'c0' has one value only"),
    "constant counts": ("poisson", constant, DataError, "train.csv: label column 'c0' has one value only"),
    "a count below 0": ("poisson", below_zero, DataError, "must hold counts from 0; row 1 holds something below 0"),
    "three classes": ("logistic", three_classes, DataError, "must hold 0 and 1 only; row 3 holds something else"),
    "overflow": ("linear", too_large, DataError, "the label's values are too large"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_labels_end_every_party(
    tmp_path: Path, bad: tuple[str, Callable[[LinearTask], None], type[FedrayError], str]
) -> None:
    objective, spoil, kind, words = bad
    task = made_up(tmp_path, objective)
    spoil(task)
    assert task.run() == {}
    own = {index: error for index, error in task.errors.items() if not isinstance(error, TaskAborted)}
    assert {index: type(error) for index, error in own.items()} == {4: kind}
    assert all(words in error.message for error in task.errors.values())


def test_a_label_out_of_reach_is_named_by_its_row(tmp_path: Path) -> None:
    task = made_up(tmp_path, "linear", rows=6000, learning_rate_init=3e-6, momentum=0.0, max_iter=1)
    label = np.zeros((task.n_train, 1))
    label[17] = 1.0
    task.write(4, "train.csv", label)
    task.run()
    assert isinstance(task.errors[4], RangeGuardError)
    assert "train.csv: the label of row 18 is more than" in task.errors[4].message


STRONG: dict[str, Any] = {"penalty": "l1", "alpha": 600.0, "learning_rate_init": 20.0, "momentum": 0}


@pytest.mark.parametrize(
    ("main", "words"),
    [
        ({"learning_rate_init": 1e-9}, "finer than the fixed point; use at least"),
        ({"learning_rate_init": 10.0, "alpha": 0.1}, "times alpha 0.1 is 1 or more"),
        ({"alpha": 1e-12}, "alpha 1e-12 with learning_rate_init 0.01 is finer than the fixed point"),
        ({**STRONG, "learning_rate_init": 2.0, "penalize_intercept": True}, "times alpha 600 is more than the fixed"),
        ({**STRONG, "sigmoid": "taylor", "cost_tol": 0.1, "cost_penalty": True}, "makes a penalty too large for the"),
    ],
)
def test_numbers_that_do_not_fit_are_refused_by_all_before_features_leave(
    tmp_path: Path, main: dict[str, Any], words: str
) -> None:
    task = made_up(tmp_path, "logistic", **main)
    task.run()
    assert {type(error) for error in task.errors.values()} <= {SpecError, TaskAborted}
    assert all(words in error.message for error in task.errors.values())
    assert {frame.label for view in task.views for _, frame in view} == {"shapes"}
