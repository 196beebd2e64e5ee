"""Statistics and correlations from files to reports: who learns what, numbers against NumPy, bad input."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.errors import DataError, TaskAborted
from fedray.features.advice import advise, inflation
from tests.feature_tasks import FeatureTask, made_up

MAIN, DEALER, ONE, TWO, LABEL = range(5)
PLACES = {ONE: "0-feature_client", TWO: "1-feature_client", LABEL: "2-label_client"}
CLOSE = 2.0**-20
"""How far a correlation may be off: two standardised columns rounded to 2^-20."""


def kept(task: FeatureTask, index: int) -> Any:
    return task.document_of(index, f"statistics/t/{PLACES[index]}/statistics.json")


def tags(outcomes: Any) -> set[str]:
    return {entry["tag"] for outcome in outcomes.values() for entry in outcome.reveals}


def test_correlations_of_all_go_to_everybody_with_factors_and_advice(tmp_path: Path) -> None:
    main = {"correlation": "all", "correlation_max": 0.4, "vif_max": 5}
    task = made_up(tmp_path, "statistics", own=2, main=main)
    outcomes = task.succeed()
    x = np.hstack([*task.features, task.label[:, 1:]])[: task.n_train]
    wanted = np.corrcoef(x.T)
    result: Any = outcomes[MAIN].result
    parties = [task.plan().names[index] for index in (ONE, TWO, LABEL)]
    assert result["columns"] == dict(zip(parties, (3, 2, 2), strict=True))
    columns = [
        {"party": party, "column": f"c{k}"}
        for party, places in zip(parties, (range(3), range(2), range(1, 3)), strict=True)
        for k in places
    ]
    assert result["correlation"]["columns"] == columns
    assert np.abs(np.array(result["correlation"]["values"]) - wanted).max() <= 5e-5 + CLOSE
    assert [line["vif"] for line in result["vif"]] == pytest.approx(inflation(wanted).tolist(), abs=1e-4)
    assert result["leave_out"] == [columns[k] for k in advise(wanted, 0.4, 5.0)] != []
    assert "statistics" not in result
    for index in (ONE, TWO, LABEL):
        found = kept(task, index)["correlation"]
        assert found["columns"] == columns
        assert np.abs(np.array(found["values"]) - wanted).max() <= CLOSE
    assert tags(outcomes) == {"shapes", "correlation_matrix"}


def test_correlations_of_two_parties_go_to_these_two_alone(tmp_path: Path) -> None:
    task = made_up(tmp_path, "statistics", own=1)
    outcomes = task.succeed()
    result: Any = outcomes[MAIN].result
    assert set(result) == {"rows", "columns"}
    tables = {ONE: task.features[0], TWO: task.features[1], LABEL: task.label[:, 1:]}
    train = {index: table[: task.n_train] for index, table in tables.items()}
    names = task.plan().names
    for index, table in train.items():
        found = kept(task, index)["correlation"]
        assert [other["party"] for other in found["others"]] == [names[k] for k in train if k != index]
        assert np.array(found["own"]) == pytest.approx(np.corrcoef(table.T).reshape(table.shape[1], -1), abs=1e-12)
        for other, k in zip(found["others"], [k for k in train if k != index], strict=True):
            whole = np.corrcoef(np.hstack([table, train[k]]).T)
            wanted = whole[: table.shape[1], table.shape[1] :]
            assert np.abs(np.array(other["values"]) - wanted).max() <= CLOSE
    learned = {tuple(e["to"]) for o in outcomes.values() for e in o.reveals if e["tag"] == "correlation"}
    assert learned == {(ONE, TWO), (ONE, LABEL), (TWO, LABEL)}
    assert tags(outcomes) == {"shapes", "correlation"}
    # names of columns and summands of correlations come from those who have such columns, or from all as summands
    assert not any(frame.label in {"names", "reveal.correlation"} for _, frame in task.views[MAIN])


def test_statistics_stay_with_a_party_that_does_not_share_them(tmp_path: Path) -> None:
    task = made_up(tmp_path, "statistics", main={"correlation": "none"}, clients={TWO: {"share": True}})
    task.features[0][::6, 0] = np.nan
    task.__post_init__()
    outcomes = task.succeed()
    result: Any = outcomes[MAIN].result
    name = task.plan().names[TWO]
    assert list(result["statistics"]) == [name]
    assert [line["column"] for line in result["statistics"][name]] == ["c0", "c1"]
    first = kept(task, ONE)["columns"][0]
    train = task.features[0][: task.n_train, 0]
    assert (first["count"], first["missing"]) == (480, 80)
    assert first["mean"] == pytest.approx(np.nanmean(train))
    assert first["q75"] == pytest.approx(np.nanquantile(train, 0.75))
    assert "correlation" not in kept(task, ONE)
    assert tags(outcomes) == {"shapes", "column_statistics"}
    path = task.roots[ONE].path / f".fedray/statistics/t/{PLACES[ONE]}/statistics.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = {frame.label for view in task.views for _, frame in view}
    assert said <= {"shapes", "done"}


def test_how_far_columns_have_moved_stays_with_a_party_but_for_the_index(tmp_path: Path) -> None:
    clients = {TWO: {"share": True, "reference_path": "r"}, ONE: {"reference_path": "r"}}
    task = made_up(tmp_path, "statistics", main={"correlation": "none", "stability_bins": 4}, clients=clients)
    for index, table in ((ONE, task.features[0]), (TWO, task.features[1])):
        folder = task.roots[index].path / "generated" / "r"
        folder.mkdir()
        for name in ("train.csv", "test.csv"):
            np.savetxt(folder / name, table[:100] - 0.5, delimiter=",")
    result: Any = task.succeed()[MAIN].result
    found = [column["stability"] for column in kept(task, TWO)["columns"]]
    assert all(one["psi"] > 0.1 and sum(group["rows"] for group in one["groups"]) == 480 for one in found)
    assert [column["stability"] for column in result["statistics"][task.plan().names[TWO]]] == [
        one["psi"] for one in found
    ]
    assert len(kept(task, ONE)["columns"][2]["stability"]["groups"]) == 4
    assert all("stability" not in column for column in kept(task, LABEL)["columns"])
    task.clients = {ONE: {"reference_path": "d"}, TWO: {"reference_path": "nothing"}}
    with pytest.raises(DataError, match="reference_path"):
        task.succeed()
    np.savetxt(folder / "train.csv", np.ones((19, 2)), delimiter=",")
    task.clients = {TWO: {"reference_path": "r"}}
    with pytest.raises(DataError, match="reference_path: expected at least 20 rows to compare, got 19"):
        task.succeed()


def test_a_label_that_is_the_only_column_takes_part_without_any(tmp_path: Path) -> None:
    task = made_up(tmp_path, "statistics", main={"correlation": "all"})
    result: Any = task.succeed()[MAIN].result
    assert list(result["columns"].values()) == [3, 2, 0]
    assert len(result["vif"]) == 5
    assert kept(task, LABEL)["columns"] == []


def test_columns_that_single_out_rows_are_left_out_and_noted(tmp_path: Path) -> None:
    task = made_up(tmp_path, "statistics", main={"correlation": "all"})
    task.features[0][:, 1] = 0.0
    task.features[0][7, 1] = 1.0
    task.__post_init__()
    result: Any = task.succeed()[MAIN].result
    assert [line["column"] for line in result["correlation"]["columns"]] == ["c0", "c2", "c0", "c1"]
    (note,) = task.told()
    assert "column 'c1': fewer than 20 rows" in str(note["text"])


def few(task: FeatureTask) -> None:
    task.n_train = 19


def one_sided(task: FeatureTask) -> None:
    task.features[1][:] = 0.0


def text(task: FeatureTask) -> None:
    task.path(ONE, "train.csv").write_text("a,b,c\n" * 480)


BAD: dict[str, tuple[Callable[[FeatureTask], None], str]] = {
    "few rows": (few, "train.csv: expected at least 20 rows, so that no number tells of single ones, got 19"),
    "one party": (one_sided, "correlations need columns of two parties that vary"),
    "text": (text, "train.csv: row 1, column 'c0': the cell is text"),
}


@pytest.mark.parametrize("case", BAD)
def test_tables_that_cannot_be_used_are_refused_before_anything_leaves(tmp_path: Path, case: str) -> None:
    change, words = BAD[case]
    task = made_up(tmp_path, "statistics")
    change(task)
    if case != "text":
        task.__post_init__()
    task.run()
    (error,) = [error for error in task.errors.values() if not isinstance(error, TaskAborted)][:1]
    assert isinstance(error, DataError)
    assert words in error.message
    assert {frame.label for view in task.views for _, frame in view} <= {"shapes"}
    assert not list(tmp_path.rglob("statistics.json"))
