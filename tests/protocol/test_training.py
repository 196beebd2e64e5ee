"""Training from files to shares: what comes out, and what every bad table leads to, at every party, soon."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.data.model_files import load_model
from fedray.data.root import DataRoot
from fedray.data.scaling import Standardizer
from fedray.errors import DataError, FedrayError, RangeGuardError, RemoteProtocolError, SpecError, TaskAborted
from fedray.ml import metrics
from fedray.ml.design import FEATURE_SCALE, NetDesign
from fedray.ml.oracle import Oracle
from fedray.parties import training
from fedray.parties.context import PartyContext
from fedray.ring import decode
from fedray.task.record import EventKind
from tests.parties import joined
from tests.sealed import folder_at
from tests.tasks import Training, made_up


def scaled(task: Training) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], ...]:
    """Return train and test features as the parties scale and round them."""
    x = np.hstack([*task.features, task.label[:, 1:]])
    standard = Standardizer.fit(x[: task.n_train], [str(k) for k in range(x.shape[1])])
    rounded = np.rint(standard.apply(x) * FEATURE_SCALE) / FEATURE_SCALE
    return rounded[: task.n_train], rounded[task.n_train :]


def test_result_record_and_model_equal_the_oracle(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"max_iter": 40, "test_per_batches": 15}, own=1)
    outcomes = task.succeed()
    design = NetDesign((3, 2, 1), 2, (96, 24), (1,), 16, 10_000, 15, 40, 0.5, "bce", task.plan().seed)
    train, test = scaled(task)
    oracle = Oracle(design, train, task.label[: task.n_train, :1], test)
    rows: list[Any] = [event.data["row"] for event in task.events if event.kind == EventKind.RECORD]
    y = task.label[task.n_train :, :1]
    assert [row[1] for row in rows] == [15, 30, 40]
    for row in rows:
        oracle.train(row[1] - oracle.done)
        p = oracle.predict()
        assert abs(row[2] - metrics.loss("bce", y, p)) < 1e-3
        assert row[3:] == pytest.approx(list(metrics.evaluate("auc_ks", y, p).values()), abs=0.02)
    assert outcomes[0].result == outcomes[2].result == outcomes[4].result
    assert outcomes[0].result["n_batches"] == 40
    models = [load_model(folder_at(root.path / ".fedray" / "models" / "t" / folder)) for folder, root in folders(task)]
    learned = np.vstack([decode(joined(m[1][f"first_{k}"] for m in models), 2.0**48) for k in range(3)])
    assert np.max(np.abs(learned - oracle.weights[0])) < 1e-3
    bias = decode(joined(m[1]["first_bias"] for m in models), models[0][0]["bias_scale"])
    assert np.max(np.abs(bias - oracle.biases[0])) < 1e-3


def folders(task: Training) -> list[tuple[str, DataRoot]]:
    names = {2: "0-feature_client", 3: "1-feature_client", 4: "2-label_client"}
    return [(names[index], root) for index, root in task.roots.items()]


def test_models_hold_no_other_partys_scaling(tmp_path: Path) -> None:
    task = made_up(tmp_path)
    task.succeed()
    for index, (folder, root) in zip(task.roots, folders(task), strict=True):
        facts, _ = load_model(folder_at(root.path / ".fedray" / "models" / "t" / folder))
        assert len(facts["scaling"]["mean"]) == {2: 3, 3: 2, 4: 0}[index]


def test_constant_feature_is_noted_and_harmless(tmp_path: Path) -> None:
    task = made_up(tmp_path)
    task.features[0][:, 1] = 7.25
    task.__post_init__()
    task.succeed()
    notes = [event for event in task.events if event.kind == EventKind.NOTE]
    assert ["'c1' has one value only" in str(note.data["text"]) for note in notes] == [True]
    assert notes[0].party == task.plan().names[2]


def text(task: Training) -> None:
    task.path(2, "train.csv").write_text("1,2,3\n1,planted,3\n")


def nan(task: Training) -> None:
    task.path(2, "test.csv").write_text("1,2,3\n1,nan,3\n")


def empty(task: Training) -> None:
    task.path(2, "train.csv").write_text("")


def missing(task: Training) -> None:
    task.path(2, "test.csv").unlink()


def constant_label(task: Training) -> None:
    task.write(4, "train.csv", np.ones((task.n_train, 1)))


def constant_test_label(task: Training) -> None:
    task.write(4, "test.csv", np.zeros((24, 1)))


def other_label(task: Training) -> None:
    task.write(4, "train.csv", np.arange(task.n_train, dtype=float)[:, None] % 3)


def fewer_rows(task: Training) -> None:
    task.write(3, "train.csv", task.features[1][: task.n_train - 1])


def fewer_test_rows(task: Training) -> None:
    task.write(4, "test.csv", task.label[task.n_train + 1 :])


def manifest(task: Training, index: int, fingerprint: str, columns: int) -> None:
    facts = {"task": "a", "n_train": 96, "n_test": 24, "columns": [f"x{k}" for k in range(columns)]}
    task.path(index, "dataset.json").write_text(json.dumps({**facts, "fingerprint": fingerprint}))


def two_alignments(task: Training) -> None:
    manifest(task, 2, "a" * 32, 3)
    manifest(task, 3, "b" * 32, 2)


def huge_test_feature(task: Training) -> None:
    table = task.features[0].copy()
    table[-1, 2] = 1e9
    task.write(2, "test.csv", table[task.n_train :])


BAD: dict[str, tuple[Callable[[Training], None], int | None, type[FedrayError], str]] = {
    "text": (text, 2, DataError, "train.csv: row 2, column 'c1': the cell is text"),
    "nan": (nan, 2, DataError, "test.csv: row 2, column 'c1': the value is missing"),
    "empty file": (empty, 2, DataError, "train.csv is empty"),
    "no test file": (missing, 2, DataError, "the folder has no test.csv"),
    "constant label": (constant_label, 4, DataError, "train.csv: label column 'c0' has one value only"),
    "constant test label": (constant_test_label, 4, DataError, "test.csv: label column 'c0' has one value only"),
    "label of 0, 1, 2": (other_label, 4, DataError, "must hold 0 and 1 only; row 3 holds something else"),
    "fewer rows": (fewer_rows, None, DataError, "different numbers of rows"),
    "fewer test rows": (fewer_test_rows, None, DataError, "96 + 23"),
    "two alignments": (two_alignments, None, DataError, "come from different alignments"),
    "huge test feature": (huge_test_feature, 2, RangeGuardError, "column 'c2': 1 of 24 values are larger than 65536"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_tables_end_every_party_soon(
    tmp_path: Path, bad: tuple[Callable[[Training], None], int | None, type[FedrayError], str]
) -> None:
    spoil, where, kind, words = bad
    task = made_up(tmp_path)
    spoil(task)
    assert task.run() == {}
    assert max(task.ended.values()) < 2.0
    own = {index: error for index, error in task.errors.items() if not isinstance(error, TaskAborted)}
    assert {type(error) for error in own.values()} == {kind}
    if where is not None:
        assert list(own) == [where]
    for error in task.errors.values():
        assert words in error.message
        assert "planted" not in str(error)
        if where is not None:
            assert error.party == task.plan().names[where]
    said = {frame.label for view in task.views for _, frame in view}
    assert said <= {"shapes"}  # nothing but row counts has left


def test_a_feature_client_without_a_column(tmp_path: Path) -> None:
    task = made_up(tmp_path)
    task.path(2, "train.csv").write_text("\n" * 96)
    task.run()
    assert "blank line" in task.errors[2].message


@pytest.mark.parametrize("rows", [[], {}, None, 3])
def test_a_lie_about_the_alignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: object) -> None:
    task = made_up(tmp_path)
    prepare = training.prepare

    def lying(ctx: PartyContext) -> training.Prepared:
        made = prepare(ctx)
        return replace(made, shapes={**made.shapes, "rows": rows}) if ctx.me == 3 else made

    monkeypatch.setattr(training, "prepare", lying)
    task.run()
    errors = [error for error in task.errors.values() if not isinstance(error, TaskAborted)]
    assert {type(error) for error in errors} <= {RemoteProtocolError, DataError, FedrayError}
    assert any("expected the name of its alignment" in error.message for error in errors)


@pytest.mark.parametrize("values", ["text", {"auc": "high"}, [1.0], None])
def test_a_lie_about_the_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, values: object) -> None:
    task = made_up(tmp_path)
    monkeypatch.setattr(metrics, "evaluate", lambda *_: values)
    task.run()
    errors = [error for error in task.errors.values() if isinstance(error, RemoteProtocolError)]
    assert errors
    assert all("expected loss and metrics of a test" in error.message for error in errors)


def test_only_the_label_client_has_features(tmp_path: Path) -> None:
    task = made_up(tmp_path, features=(2,), own=3)
    assert task.succeed()[0].result["n_batches"] == 6


def test_a_rate_too_fine_is_refused_by_all_before_features_leave(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"learning_rate": 1e-8})
    task.run()
    assert {type(error) for error in task.errors.values()} <= {SpecError, TaskAborted}
    assert all("finer than the fixed point" in error.message for error in task.errors.values())
    assert {frame.label for view in task.views for _, frame in view} == {"shapes"}


def test_a_silly_rate_fails_with_layer_and_batch(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"learning_rate": 100.0, "batch_size": 1, "max_iter": 40, "test_per_batches": 20})
    task.run()
    assert len(task.errors) >= 4  # the dealer may have dealt everything by then
    for error in task.errors.values():
        assert re.search(r"layer 1 after batch 20: \d+ of 24 test rows have a linear output beyond", error.message)


@pytest.mark.parametrize(("loss", "layers"), [("mse", []), ("bce", [1]), ("mse", [3, 1])])
def test_every_kind_runs(tmp_path: Path, loss: str, layers: list[int]) -> None:
    task = made_up(tmp_path, main={"in_dim": 4 if layers else 1, "layers": layers}, labeler={"loss": loss})
    outcomes = task.succeed()
    assert outcomes[1].result == {"features": 5}
    assert sorted(outcomes) == [0, 1, 2, 3, 4]
