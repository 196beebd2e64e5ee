"""Binning from files to weights of evidence: oracle, kept bins, derived data sets, later trainings, bad input."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fedray.data.load import load_split
from fedray.errors import DataError, FedrayError, TaskAborted
from fedray.features.cutting import cut, slots
from fedray.features.evidence import join_locally, weigh
from tests import linear_tasks
from tests.feature_tasks import FeatureTask, made_up
from tests.predictions import data_set, prediction
from tests.sealed import folder_at, read_document

Float = npt.NDArray[np.float64]

MAIN, DEALER, ONE, TWO, LABEL = range(5)
PLACES = {ONE: "0-feature_client", TWO: "1-feature_client", LABEL: "2-label_client"}
WRITES = {"feature": {"out_data_path": "w"}, "labeler": {"out_data_path": "w"}}


def oracle(table: Float, y: Float, n_train: int, bins: int, method: str, least: int = 20) -> list[tuple[Any, Float]]:
    """Return by column its bins and weights, and the weight of every row: worked out in clear, by another way."""
    names = tuple(f"c{k}" for k in range(table.shape[1]))
    binning = cut(table[:n_train], names, bins, method)
    found = slots(binning, table)
    label = (int((1 - y[:n_train]).sum()), int(y[:n_train].sum()))
    made = []
    for codes in found.T:
        grouped = join_locally(codes[:n_train], y[:n_train], bins + 1, least)
        weighed = weigh(codes[:n_train], bins + 1, grouped, label)
        made.append((weighed, weighed.by_slot[codes]))
    return made


@pytest.mark.parametrize("method", ["quantile", "equal_width"])
def test_weights_and_information_values_equal_those_in_clear(tmp_path: Path, method: str) -> None:
    task = made_up(tmp_path, own=1, main={"max_bin": 5, "method": method, "transport": "fast"}, **WRITES)
    task.feature = {**task.feature, "missing": "bin"}
    task.features[0][::7, 1] = np.nan
    task.__post_init__()
    outcomes = task.succeed()
    y, tables = task.label[:, 0], {ONE: task.features[0], TWO: task.features[1], LABEL: task.label[:, 1:]}
    reported: Any = {(line["party"], line["column"]): line for line in outcomes[MAIN].result["columns"]}
    assert len(reported) == 6
    for index, table in tables.items():
        kept = task.document_of(index, f"transforms/t/{PLACES[index]}/transform.json")
        split = load_split(task.roots[index].path / "generated/w")
        written = np.vstack([split.train, split.test])
        first = 1 if index == LABEL else 0
        assert index != LABEL or np.array_equal(written[:, 0], y)
        names = [f"c{k + first}" for k in range(table.shape[1])]
        assert split.columns == (*(["c0"] if first else []), *(f"{name}_woe" for name in names))
        for k, (weighed, coded) in enumerate(oracle(table, y, task.n_train, 5, method)):
            assert kept["evidence"]["weighed"][k]["positives"] == list(weighed.grouped.positives)
            assert kept["evidence"]["weighed"][k]["ends"] == list(weighed.grouped.ends)
            assert np.array_equal(written[:, k + first], coded)
            line = reported[task.plan().names[index], names[k]]
            assert abs(line["iv"] - weighed.iv) <= 5.1e-5
            assert line["bins"] == len(weighed.rows)
    ranked = [line["iv"] for line in outcomes[MAIN].result["columns"]]
    assert ranked == sorted(ranked, reverse=True)


def test_what_is_kept_is_for_its_owner_only(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"max_bin": 4})
    task.succeed()
    for index, place in PLACES.items():
        path = task.roots[index].path / f".fedray/transforms/t/{place}/transform.json"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert read_document(path)["party"] == task.plan().names[index]
    assert not list(tmp_path.rglob("generated/w"))


def test_columns_below_iv_min_are_left_out_and_a_party_without_any_writes_nothing(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"max_bin": 4}, **WRITES)
    rng = np.random.default_rng(1)
    task.features[1][:] = rng.normal(size=task.features[1].shape)
    task.features[0][:, 1] = task.label[:, 0] + rng.normal(size=600)
    task.features[0][:, 2] = 5.0
    task.main = {"max_bin": 4, "iv_min": 0.2}
    task.__post_init__()
    outcomes = task.succeed()
    lines: Any = outcomes[MAIN].result["columns"]
    assert {line["selected"] for line in lines} == {True, False}
    assert all(line["selected"] == (line["iv"] >= 0.2) for line in lines)
    notes = [str(note["text"]) for note in task.told()]
    assert any("'c2' has one value only" in note for note in notes)
    assert any("below iv_min" in note for note in notes)
    assert any("no column of this party is kept, so no data set is written" in note for note in notes)
    assert not (task.roots[TWO].path / "generated/w/train.csv").exists()
    assert load_split(task.roots[LABEL].path / "generated/w").columns == ("c0",)


def test_too_few_rows_for_two_bins_are_told_as_a_column_that_is_left_out(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"max_bin": 4, "min_bin": 100})
    task.features[0][:, 0] = np.arange(600) < 60
    task.__post_init__()
    outcomes = task.succeed()
    lines: Any = {(line["party"], line["column"]): line for line in outcomes[MAIN].result["columns"]}
    first = lines[task.plan().names[ONE], "c0"]
    assert (first["iv"], first["bins"], first["selected"]) == (0.0, 1, False)
    assert any("too few rows of either label for two bins" in str(note["text"]) for note in task.told())


def named(root: Path, **more: Any) -> FeatureTask:
    """Return a task on aligned tables with names, ``d``, and other rows of the same columns, ``new``."""
    task = made_up(root, main={"max_bin": 4}, **{**WRITES, **more})
    columns = {ONE: ("a0", "a1", "a2"), TWO: ("b0", "b1"), LABEL: ("y",)}
    rng = np.random.default_rng(8)
    for index, table in zip(task.roots, [*task.features, task.label], strict=True):
        data_set(task, index, "d", table, columns[index], n_test=len(table) - task.n_train)
        if index != LABEL:
            data_set(task, index, "new", np.round(rng.normal(size=(50, table.shape[1])), 3), columns[index], n_test=10)
    return task


def other_rows(task: FeatureTask, **clients: Any) -> FeatureTask:
    """Return a task that codes new rows with the bins of a binning."""
    rows = {"data_path": "new", "out_data_path": "newly"}
    fields = {ONE: rows, TWO: rows, LABEL: {"data_path": None, "out_data_path": None}}
    made = FeatureTask(task.root, task.features, task.label, task.n_train, name="again", main={"transform": "t"})
    made.clients = {**fields, **{int(index[1:]): {**fields[int(index[1:])], **c} for index, c in clients.items()}}
    return made


def test_a_training_and_predictions_on_weights_of_evidence(tmp_path: Path) -> None:
    task = named(tmp_path)
    task.succeed()
    for index in (ONE, TWO, LABEL):
        facts, before = (
            json.loads((task.roots[index].path / f"generated/{name}/dataset.json").read_text()) for name in ("w", "d")
        )
        assert (facts["fingerprint"], facts["task"]) == (before["fingerprint"], "t")
        assert [row[0] for row in task.table(index, "raw_aligned.csv", "w")] == [
            row[0] for row in task.table(index, "raw_aligned.csv", "d")
        ]
    assert task.table(ONE, "raw_aligned.csv", "w")[0] == ["customer", "a0_woe", "a1_woe", "a2_woe"]
    trained = linear_tasks.made_up(tmp_path / "unused", "logistic", max_iter=30, test_per_batches=30)
    trained.roots = task.roots
    trained.feature, trained.labeler = {"data_path": "w", "scale": "none"}, {**trained.labeler, "data_path": "w"}
    outcomes = trained.succeed()
    assert outcomes[MAIN].result["metrics"]["auc"] > 0.7  # type: ignore[index]
    # new rows, without labels, through the same bins
    coding = other_rows(task)
    outcomes = coding.succeed()
    assert outcomes[MAIN].result == {"transform": "t", "rows": 50}
    assert {entry["tag"] for outcome in outcomes.values() for entry in outcome.reveals} == {"shapes"}
    kept = task.document_of(ONE, f"transforms/t/{PLACES[ONE]}/transform.json")["evidence"]
    assert {float(row[0]) for row in task.table(ONE, "train.csv", "newly")} <= set(kept["weighed"][0]["woe"])
    fields = {ONE: {"data_path": "newly"}, TWO: {"data_path": "newly"}, LABEL: None}
    made = prediction(trained, main={"model": "t"}, clients=fields)
    made.succeed()
    _, ids, values = made.predicted(LABEL)
    assert len(ids) == len(values) == 50


def test_rows_that_are_coded_again_get_the_same_weights(tmp_path: Path) -> None:
    task = named(tmp_path)
    task.succeed()
    again = {"data_path": "d", "out_data_path": "again"}
    other_rows(task, c2=again, c3=again, c4=again).succeed()
    for index in (ONE, TWO, LABEL):
        for name in ("train.csv", "test.csv", "raw_aligned.csv"):
            assert task.table(index, name, "again") == task.table(index, name, "w")


def renamed(task: FeatureTask) -> None:
    data_set(task, ONE, "new", np.ones((50, 3)), ("a0", "other", "a2"), n_test=10)


def narrow(task: FeatureTask) -> None:
    data_set(task, ONE, "new", np.ones((50, 2)), ("a0", "a1"), n_test=10)


def short(task: FeatureTask) -> None:
    data_set(task, ONE, "new", np.ones((40, 3)), ("a0", "a1", "a2"), n_test=10)


def damaged(task: FeatureTask) -> None:
    path = task.roots[ONE].path / f".fedray/transforms/t/{PLACES[ONE]}/transform.json"
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def gone(task: FeatureTask) -> None:
    (task.roots[ONE].path / f".fedray/transforms/t/{PLACES[ONE]}/transform.json").unlink()


def of_another_run(task: FeatureTask) -> None:
    path = task.roots[ONE].path / f".fedray/transforms/t/{PLACES[ONE]}/transform.json"
    before = path.read_bytes()
    task.feature = task.labeler = {}
    task.succeed()
    path.write_bytes(before)


def of_another_party(task: FeatureTask) -> None:
    source, target = (task.roots[k].path / f".fedray/transforms/t/{PLACES[k]}/transform.json" for k in (TWO, ONE))
    folder_at(target.parent).write(target.name, folder_at(source.parent).read(source.name))


REFUSED: dict[str, tuple[Callable[[FeatureTask], None], str]] = {
    "a column of another name": (renamed, "column 2 of the rows is 'other', but the transform was made of 'a1'"),
    "too few columns": (narrow, "the transform was made of 3 columns of this party, the rows have 2"),
    "other rows": (short, "different numbers of rows"),
    "a damaged file": (damaged, "transform 't': transform.json is damaged"),
    "no file": (gone, "transform 't': there is no transform.json"),
    "another run": (of_another_run, "parts of transform 't' come from different runs"),
    "another party": (of_another_party, "transform 't': the part in this party's folder is that of another rank"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_rows_or_bins_that_do_not_fit_are_refused(tmp_path: Path, case: str) -> None:
    change, words = REFUSED[case]
    task = named(tmp_path)
    task.succeed()
    change(task)
    with pytest.raises(DataError) as caught:
        other_rows(task).succeed()
    assert words in caught.value.message
    assert not list(tmp_path.rglob("newly/train.csv"))


def test_a_transform_that_nobody_made(tmp_path: Path) -> None:
    task = named(tmp_path)
    with pytest.raises(DataError, match="transform 't': this party has no part of such a transform"):
        other_rows(task).succeed()


def three(task: FeatureTask) -> None:
    task.label[5, 0] = 3.0


def gap_in_label(task: FeatureTask) -> None:
    task.label[5, 0] = np.nan
    task.labeler = {"missing": "bin"}


def rare(task: FeatureTask) -> None:
    task.label[:, 0] = 0.0
    task.label[:15, 0] = task.label[-3:, 0] = 1.0


def constant(task: FeatureTask) -> None:
    for table in task.features:
        table[:] = 1.0


def gap(task: FeatureTask) -> None:
    task.features[0][4, 1] = np.nan


BAD: dict[str, tuple[Callable[[FeatureTask], None], str]] = {
    "a label that is no class": (three, "label column 'c0' must hold 0 and 1 only; row 6 holds something else"),
    "a label that is missing": (gap_in_label, "label column 'c0' must hold 0 and 1 only; row 6 holds something else"),
    "too few of a class": (rare, "fewer rows of one class than min_bin = 20"),
    "constant columns": (constant, "no feature client has a column that varies"),
    "a gap that is not expected": (gap, "row 5, column 'c1': the value is missing"),
}


@pytest.mark.parametrize("case", BAD)
def test_tables_that_cannot_be_binned_are_refused_before_anything_leaves(tmp_path: Path, case: str) -> None:
    change, words = BAD[case]
    task = made_up(tmp_path, own=1, main={"max_bin": 4}, **WRITES)
    change(task)
    task.__post_init__()
    task.run()
    (error,) = [error for error in task.errors.values() if not isinstance(error, TaskAborted)][:1]
    assert words in error.message
    assert {frame.label for view in task.views for _, frame in view} <= {"shapes"}
    assert not list(tmp_path.rglob("w/train.csv"))
    assert not list(tmp_path.rglob("transform.json"))


def test_two_parties_cannot_share_a_folder(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"max_bin": 4}, **WRITES)
    task.roots[TWO] = task.roots[ONE]
    task.run()
    errors: list[FedrayError] = [e for e in task.errors.values() if not isinstance(e, TaskAborted)]
    assert len(errors) == 1
    assert "another party" in errors[0].message


def test_a_folder_that_links_to_the_source_is_refused(tmp_path: Path) -> None:
    task = made_up(tmp_path, main={"max_bin": 4}, **WRITES)
    (task.roots[ONE].path / "generated/w").symlink_to("d")
    with pytest.raises(DataError, match="expected another folder than data_path"):
        task.succeed()
    assert len(task.table(ONE, "train.csv")[0]) == 3
