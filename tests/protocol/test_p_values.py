"""p-values of coefficients as a training's option: each party gets its own, and nobody else anything."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.data.model_files import load_model
from fedray.data.root import DataRoot
from fedray.data.scaling import Standardizer
from fedray.errors import DataError, RangeGuardError, SpecError
from fedray.ml.significance_design import BLOCK_ROWS
from fedray.parties.context import PartyOutcome
from fedray.parties.kept import Columns
from fedray.parties.p_values import check_columns
from fedray.parties.recipes import Data
from fedray.ring import decode
from fedray.task.record import EventKind
from fedray.task.spec import parse
from tests.linear_tasks import LinearTask, made_up
from tests.parties import joined
from tests.plain import z_values
from tests.sealed import folder_at

ROLES = ("feature_client", "feature_client", "label_client")
TRAINED: dict[str, Any] = {"p_values": True, "max_iter": 60, "test_per_batches": 30, "batch_size": 64}


def table(task: LinearTask, index: int) -> dict[str, tuple[float, float]]:
    """Return a party's z values and p-values by column; empty where it has none."""
    place = f"{index - 2}-{ROLES[index - 2]}"
    path = task.roots[index].path / "generated" / "p_values" / "t" / place / "p_values.csv"
    if not path.exists():
        return {}
    with path.open(newline="") as handle:
        return {row["column"]: (float(row["z"]), float(row["p_value"])) for row in csv.DictReader(handle)}


def parts(task: LinearTask) -> list[tuple[dict[str, Any], Any]]:
    folders = [task.roots[r + 2].path / ".fedray/models/t" / f"{r}-{ROLES[r]}" for r in range(3)]
    return [load_model(folder_at(folder)) for folder in folders]


def in_clear(task: LinearTask, own: int, objective: str) -> tuple[list[np.ndarray[Any, Any]], float]:
    """Return, from the opened model and all tables, the z values of each party's columns, and the intercept's."""
    kept = parts(task)
    facts = kept[0][0]
    names = [f"weights_{rank}" for rank in range(3) if f"weights_{rank}" in kept[0][1]]
    w = np.vstack([decode(joined(arrays[name] for _, arrays in kept), facts["weight_scale"]) for name in names])
    intercept = decode(joined(arrays["intercept"] for _, arrays in kept), facts["intercept_scale"])[0]
    x = np.hstack([*task.features, task.label[:, 1:]])[: task.n_train]
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    y = task.label[: task.n_train, :1]
    y = (y - y.mean()) / y.std() if objective == "linear" else y
    z, of_intercept = z_values(x, y, w, float(intercept), objective)
    widths = [*(one.shape[1] for one in task.features), own]
    return np.split(z, np.cumsum(widths)[:-1]), of_intercept


@pytest.mark.parametrize("objective", ["logistic", "linear"])
@pytest.mark.parametrize("own", [0, 1])
def test_each_party_gets_those_of_its_own_columns(tmp_path: Path, objective: str, own: int) -> None:
    task = made_up(tmp_path, objective, own=own, rows=400, **TRAINED)
    outcomes = task.succeed()
    expected, of_intercept = in_clear(task, own, objective)
    for rank, values in enumerate(expected):
        found = list(table(task, rank + 2).values())
        if rank == 2:
            assert found.pop()[0] == pytest.approx(of_intercept, rel=2e-3, abs=2e-3)
        assert np.allclose([z for z, _ in found], values, rtol=2e-3, atol=2e-3)
        assert all(0.0 <= p <= 1.0 for _, p in found)
    assert list(table(task, 4))[-1] == "(intercept)"
    kept = parts(task)
    assert [len(facts["p_values"]) for facts, _ in kept] == [3, 2, own + 1]
    assert outcomes[0].result["p_values"] is True
    assert_told_to_nobody_else(task, outcomes, own)


def assert_told_to_nobody_else(task: LinearTask, outcomes: dict[int, PartyOutcome], own: int) -> None:
    opened = {(r["tag"], tuple(r["to"])) for index in (2, 3, 4) for r in outcomes[index].reveals}
    assert {entry for entry in opened if entry[0] == "coefficient_z"} == {("coefficient_z", (k,)) for k in (2, 3, 4)}
    for index, width in ((2, 3), (3, 2), (4, own + 1)):
        shares = [frame for _, frame in task.views[index] if frame.label == "reveal.coefficient_z"]
        assert sum(array.size for frame in shares for array in frame.arrays) == 2 * width
    for index in (0, 1):
        assert not [frame for _, frame in task.views[index] if "coefficient" in frame.label]
    mine = [repr(z) for index in (2, 3, 4) for z, _ in table(task, index).values()]
    said = " ".join(str(event.data) for event in task.events) + str({k: o.result for k, o in outcomes.items()})
    assert not any(z in said for z in mine)


def test_parties_with_one_root_have_a_file_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = made_up(tmp_path, "logistic", own=1, rows=400, **TRAINED)
    root, document = DataRoot(tmp_path / "one"), task.document()
    clients: Any = document["clients"]
    for index, made in task.roots.items():
        shutil.copytree(made.path / "generated/d", root.path / f"generated/d{index}")
        clients[index]["client_config"]["data_path"] = f"d{index}"
    monkeypatch.setattr(task, "document", lambda: document)
    task.roots = dict.fromkeys(task.roots, root)
    task.succeed()
    assert [len(table(task, index)) for index in task.roots] == [3, 2, 2]


def test_after_an_early_end(tmp_path: Path) -> None:
    """The dealer was ahead of the parties; what it had dealt is not taken for what comes."""
    stops = {"early_stopping": True, "n_iter_no_change": 1, "tol": 1.0, "max_iter": 2000, "test_per_batches": 5}
    task = made_up(tmp_path, "logistic", rows=400, **{**TRAINED, **stops})
    outcomes = task.succeed()
    assert outcomes[0].result["n_batches"] < 100
    expected, _ = in_clear(task, 0, "logistic")
    assert np.allclose([z for z, _ in table(task, 2).values()], expected[0], rtol=2e-3, atol=2e-3)


def test_after_a_checkpoint(tmp_path: Path) -> None:
    task = made_up(tmp_path, "logistic", rows=400, **TRAINED, checkpoint_every=10)
    task.run(stop=(3, 120))
    assert task.succeed(resumes=True)[0].result["p_values"] is True
    expected, _ = in_clear(task, 0, "logistic")
    assert np.allclose([z for z, _ in table(task, 3).values()], expected[1], rtol=2e-3, atol=2e-3)


def test_columns_that_say_the_same_have_a_note_and_a_model(tmp_path: Path) -> None:
    task = made_up(tmp_path, "logistic", rows=400, **TRAINED)
    for index, part in ((3, "train.csv"), (3, "test.csv")):
        rows = slice(None, task.n_train) if part == "train.csv" else slice(task.n_train, None)
        task.write(index, part, task.features[0][rows, :2])
    outcomes = task.succeed()
    assert outcomes[0].result["p_values"] is False
    notes = [str(event.data["text"]) for event in task.events if event.kind == EventKind.NOTE]
    assert sum("no p-values: some columns are nearly sums of others" in text for text in notes) == 1
    assert all(table(task, index) == {} for index in (2, 3, 4))
    assert all("p_values" not in facts for facts, _ in parts(task))


def test_nothing_of_it_without_the_option(tmp_path: Path) -> None:
    task = made_up(tmp_path, "logistic", rows=200)
    outcomes = task.succeed()
    assert not {reveal.tag for reveal in task.plan().reveals} & {"coefficient_z", "p_values"}
    assert "p_values" not in outcomes[0].result
    assert table(task, 2) == {}


def test_fewer_rows_than_coefficients(tmp_path: Path) -> None:
    task = made_up(tmp_path, "linear", features=(5, 4), rows=12, **{**TRAINED, "batch_size": 4})
    task.run()
    assert any(isinstance(error, SpecError) for error in task.errors.values())
    assert all("more training rows than the 10 coefficients, got 10" in e.message for e in task.errors.values())


def test_a_column_that_is_too_large_is_refused_by_its_owner(tmp_path: Path) -> None:
    task = made_up(tmp_path, "logistic", rows=200, **TRAINED)
    task.feature = {"scale": "none"}
    task.write(3, "train.csv", task.features[1][: task.n_train] * 9.0)
    task.run()
    assert isinstance(task.errors[3], RangeGuardError)
    assert "p_values: the column" in task.errors[3].message
    assert "has squares with a mean above 64, over all training rows or over 4096 of them" in task.errors[3].message


def test_a_constant_column_is_refused_by_its_owner(tmp_path: Path) -> None:
    task = made_up(tmp_path, "logistic", rows=200, **TRAINED)
    table = task.features[1][: task.n_train].copy()
    table[:, 1] = 7.0
    task.write(3, "train.csv", table)
    task.run()
    assert isinstance(task.errors[3], DataError)
    assert "has one value only in the training rows" in task.errors[3].message
    said = {(frm, frame.label) for view in task.views for frm, frame in view if frame.label != "abort"}
    assert 3 not in {frm for frm, _ in said}, "the owner has said something"
    assert {label for _, label in said} <= {"shapes"}, "the others, whose tables are in order, have gone on"


ONES = [(1.0, True, True), (1.0, False, False), (0.0, False, True)]


@pytest.mark.parametrize(("value", "intercept", "refused"), ONES)
def test_a_column_of_ones_may_stand_for_the_intercept(
    tmp_path: Path, value: float, intercept: bool, refused: bool
) -> None:
    x = np.hstack([np.random.default_rng(1).normal(size=(50, 1)), np.full((50, 1), value)])
    task = made_up(tmp_path, "logistic", rows=50, **TRAINED, fit_intercept=intercept)
    if refused:
        with pytest.raises(DataError, match="p_values: the column 'c1' has one value only"):
            check_columns(task.plan(), *seen(x))
    else:
        check_columns(task.plan(), *seen(x))


def seen(x: np.ndarray[Any, Any]) -> tuple[Data, Columns]:
    """Return a party's scaled rows, and its columns."""
    names = [f"c{k}" for k in range(x.shape[1])]
    return Data({"train": x}, None), Columns((), Standardizer.fit(x, names, "none"), named=True)


def test_what_counts_of_squares_is_their_sum_over_a_block(tmp_path: Path) -> None:
    plan = made_up(tmp_path, "logistic", **TRAINED).plan()
    x = np.random.default_rng(1).normal(size=(BLOCK_ROWS + 2, 2))
    x[-1, 1] = 30.0
    check_columns(plan, *seen(x))  # a mean of 450 over the last two rows
    x[: BLOCK_ROWS // 2, 1] = 11.5
    with pytest.raises(RangeGuardError, match="the column 'c1', as the model sees it"):
        check_columns(plan, *seen(x))
    x = np.concatenate([x, np.zeros((BLOCK_ROWS, 2))])
    with pytest.raises(RangeGuardError, match="the column 'c1'"):
        check_columns(plan, *seen(x))  # a mean of 33 over all rows


@pytest.mark.parametrize(
    "other", [{"objective": "poisson"}, {"class_weight": "balanced"}, {"sigmoid": "taylor"}, {"penalty": "l1"}]
)
def test_where_there_are_none(tmp_path: Path, other: dict[str, Any]) -> None:
    document = made_up(tmp_path, "logistic", **TRAINED).document()
    document["clients"][0]["client_config"].update(other)
    with pytest.raises(SpecError, match=r"clients\[0\].client_config.p_values: expected false"):
        parse(document)
