"""Parity mode as a task: what the label client is shown and reports, and that nothing of it happens when it is off."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fedray.data.scaling import Standardizer
from fedray.errors import LocalProtocolError, RangeGuardError, RemoteProtocolError
from fedray.ml import metrics
from fedray.ml.oracle import Oracle
from fedray.ml.parity import NOTICEABLE
from fedray.parties.context import PartyOutcome
from fedray.parties.recipes import Data
from fedray.task.plan import TaskPlan
from fedray.task.record import EventKind, Status
from fedray.task.report import build_report
from tests.networks import design
from tests.tasks import Training, made_up

Float = npt.NDArray[np.float64]
FIRST, SECOND, LABEL = 2, 3, 4


def watched(root: Path, own: int = 1, **main: Any) -> Training:
    numbers = {"max_iter": 12, "test_per_batches": 5, **main}
    return made_up(root, main={"parity": True, **numbers}, own=own)


def parity(outcomes: dict[int, PartyOutcome]) -> dict[str, Any]:
    found: Any = outcomes[LABEL].result["parity"]
    return dict(found)


def twin(task: Training) -> Oracle:
    """Return the same training in clear, on the unrounded features."""
    x = np.hstack([*task.features, task.label[:, 1:]])
    train, test = x[: task.n_train], x[task.n_train :]
    scaling = Standardizer.fit(train, [str(k) for k in range(x.shape[1])])
    numbers = {"rows": (96, 24), "batch": 16, "test_batch": 10_000, "test_every": 5, "steps": 12, "label": 2}
    same = design((3, 2, task.label.shape[1] - 1), (1,), "bce", **numbers, seed=task.plan().seed)
    return Oracle(same, scaling.apply(train), task.label[: task.n_train, :1], scaling.apply(test))


def test_it_reports_errors_by_layer_and_the_difference_of_metrics(tmp_path: Path) -> None:
    task = watched(tmp_path)
    outcomes = task.succeed()
    found = parity(outcomes)
    assert found["steps"] == 12
    assert [(line["layer"], line["what"]) for line in found["layers"]] == [
        (1, "z"),
        (1, "prediction"),
        (1, "weights"),
        (1, "bias"),
    ]
    assert all(0 < line["error"] < NOTICEABLE and 1 <= line["step"] <= 12 for line in found["layers"])
    assert all(line["first_noticed"] is None for line in found["layers"])
    clear = twin(task)
    clear.train(12)
    y = task.label[task.n_train :, :1]
    expected = {"loss": metrics.loss("bce", y, clear.predict()), **metrics.evaluate("auc_ks", y, clear.predict())}
    told: Any = outcomes[0].result
    shared = {"loss": told["loss"], **told["metrics"]}
    assert found["test"]["n_batches"] == 12
    assert 0 < found["test"]["predictions"] < 2e-3
    assert found["test"]["metrics"].keys() == expected.keys()
    for name, line in found["test"]["metrics"].items():
        assert line["shared"] == shared[name]
        assert line["clear"] == pytest.approx(expected[name], abs=1e-12)
        assert line["difference"] == line["shared"] - line["clear"]
    assert json.loads(json.dumps(found)) == found
    assert "parity" not in outcomes[0].result
    assert outcomes[FIRST].result == outcomes[0].result


def test_the_label_client_is_shown_the_scaled_features_once(tmp_path: Path) -> None:
    task = watched(tmp_path)
    task.succeed()
    shown = [(frm, frame.arrays) for frm, frame in task.views[LABEL] if frame.label == "parity.features"]
    assert [frm for frm, _ in shown] == [FIRST, SECOND]
    for (_, (train, test)), x in zip(shown, task.features, strict=True):
        scaling = Standardizer.fit(x[: task.n_train], [str(k) for k in range(x.shape[1])])
        assert np.array_equal(train, scaling.apply(x[: task.n_train]))
        assert np.array_equal(test, scaling.apply(x[task.n_train :]))
    for index in (0, 1, FIRST, SECOND):
        assert not any("parity" in frame.label for _, frame in task.views[index])


def test_the_leakage_report_says_it_in_plain_words(tmp_path: Path) -> None:
    task = watched(tmp_path)
    outcomes = task.succeed()
    plan = task.plan()
    sent = {
        index: {"result": o.result, "cost": o.cost, "reveals": o.reveals, "seconds": o.seconds}
        for index, o in outcomes.items()
    }
    made: dict[str, Any] = build_report(plan, sent, status=Status.FINISHED, seconds=1.0, trust_mode="lab")
    listed = {entry["tag"]: entry for entry in made["leakage"]}
    assert listed["parity_features"]["to"] == listed["parity_values"]["to"] == [plan.names[LABEL]]
    assert "All scaled features of all feature clients" in listed["parity_features"]["what"]
    assert "must not use parity mode" in listed["parity_features"]["attack"]
    assert [96, 3] in listed["parity_features"]["shapes"] or [96, 2] in listed["parity_features"]["shapes"]
    assert listed["parity_values"]["count"] == 12 * 4
    assert made["parity"] == parity(outcomes)
    assert "parity" not in made["result"]
    notes = [str(event.data["text"]) for event in task.events if event.kind == EventKind.NOTE]
    assert notes[0] == "parity mode: all features, and every value of this training, are shown to the label client"
    assert [note[:27] for note in notes[1:]] == ["parity: largest error so far"[:27]] * 3


def test_off_nothing_of_it_is_said_listed_or_reported(tmp_path: Path) -> None:
    task = made_up(tmp_path)
    outcomes = task.succeed()
    assert not task.plan().parity
    assert not any("parity" in reveal.tag for reveal in task.plan().reveals)
    assert not any("parity" in frame.label for view in task.views for _, frame in view)
    assert all("parity" not in outcome.result for outcome in outcomes.values())
    assert not any("parity" in str(event.data) for event in task.events)


@pytest.mark.parametrize("tag", ["parity_features", "parity_values"])
def test_what_the_plan_does_not_list_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tag: str) -> None:
    task = watched(tmp_path)
    whole = task.plan()
    less = replace(whole, reveals=tuple(reveal for reveal in whole.reveals if reveal.tag != tag))
    monkeypatch.setattr(Training, "plan", lambda _: less)
    task.run()
    errors = [error for error in task.errors.values() if isinstance(error, LocalProtocolError)]
    assert any(f"{tag!r}, which the plan does not list" in error.message for error in errors)
    said = {frame.label for view in task.views for _, frame in view}
    assert ("parity.features" if tag == "parity_features" else "reveal.parity_values") not in said


def test_a_plan_with_parity_is_another_plan(tmp_path: Path) -> None:
    on, off = watched(tmp_path).plan(), watched(tmp_path, parity=False).plan()
    assert on.parity
    assert not off.parity
    assert on.digest != off.digest
    assert TaskPlan.from_json(on.to_json()).parity
    assert {reveal.tag for reveal in on.reveals} - {reveal.tag for reveal in off.reveals} == {
        "parity_features",
        "parity_values",
    }


def test_the_label_client_may_have_no_feature_and_layers_may_be_many(tmp_path: Path) -> None:
    found = parity(watched(tmp_path, own=0, in_dim=3, layers=[1]).succeed())
    assert {line["layer"] for line in found["layers"]} == {1, 2}
    assert max(line["error"] for line in found["layers"]) < NOTICEABLE


SPOILT: dict[str, Callable[[Float], Any]] = {
    "no number": lambda table: np.where(table == table[3, 0], np.nan, table),
    "fewer rows": lambda table: table[1:],
    "whole numbers": lambda table: np.rint(table).astype(np.int64),
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_feature_client_that_shows_something_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    from fedray.parties import parity as module

    task = watched(tmp_path)
    show = module._show

    def wrong(ctx: Any, label: int, data: Data) -> None:
        bad = replace(data, features={**data.features, "train": SPOILT[spoil](data.features["train"])})
        show(ctx, label, bad if ctx.me == SECOND else data)

    monkeypatch.setattr(module, "_show", wrong)
    task.run()
    error = task.errors[LABEL]
    assert isinstance(error, RemoteProtocolError)
    assert f"{task.plan().names[SECOND]}: expected its training and test features for parity" in error.message


def test_the_largest_error_is_told_before_a_test_that_fails(tmp_path: Path) -> None:
    task = watched(tmp_path, own=0, learning_rate=100.0, batch_size=1, max_iter=40, test_per_batches=20)
    task.run()
    assert any(isinstance(error, RangeGuardError) for error in task.errors.values())
    assert "layer 1 after batch 20" in task.errors[LABEL].message  # its own finding, or that of a quicker party
    notes = [str(event.data["text"]) for event in task.events if event.kind == EventKind.NOTE]
    assert any(note.startswith("parity: largest error so far") for note in notes)
