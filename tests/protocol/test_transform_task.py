"""Steps from files to files: oracle, kept steps, other rows, later tasks and predictions, views, bad input."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.errors import DataError
from tests import linear_tasks
from tests.feature_tasks import FeatureTask
from tests.predictions import data_set, prediction
from tests.transforms import COLUMNS, LABEL, MAIN, ONE, ROWS, TESTS, TWO, TransformTask, made_up

Json = dict[str, Any]

STEPS: list[Json] = [
    {"step": "imputation", "strategy": "median"},
    {"step": "one_hot", "columns": ["town"]},
    {"step": "scaling", "columns": ["age"]},
]
PLAIN: Mapping[int, Json] = {ONE: {"steps": STEPS}, TWO: {"steps": [{"step": "scaling", "method": "minmax"}]}}


def table(task: TransformTask, index: int, path: str) -> list[list[str]]:
    with task.file(index, path).open(newline="") as handle:
        return list(csv.reader(handle))


def numbers(task: TransformTask, index: int, folder: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array(table(task, index, f"{folder}/train.csv") + table(task, index, f"{folder}/test.csv"), dtype=float)


def again(task: TransformTask, **main: object) -> TransformTask:
    """Return the task that brings the other rows through the same steps."""
    rows: Json = {"data_path": "new", "out_data_path": "newly"}
    none: Json = {"data_path": None, "out_data_path": None}
    return TransformTask(
        task.root,
        [],
        np.empty(0),
        0,
        main={"transform": "t", **main},
        clients={ONE: rows, TWO: rows, LABEL: none},
        name="again",
    )


def test_columns_are_changed_kept_and_changed_again(tmp_path: Path) -> None:
    task = made_up(tmp_path, PLAIN)
    outcomes = task.succeed()
    raw = table(task, ONE, "d/train.csv") + table(task, ONE, "d/test.csv")
    ages = np.array([float(row[0] or "nan") for row in raw])
    train = ages[: ROWS - TESTS]
    filled = np.where(np.isnan(ages), np.nanmedian(train), ages)
    made = numbers(task, ONE, "t")
    towns = ["Bonn", "Kiel", "Ulm"]
    mean, std = filled[: len(train)].mean(), filled[: len(train)].std()
    assert json.loads(task.file(ONE, "t/dataset.json").read_text())["columns"] == [
        "age",
        "town_cat1",
        "town_cat2",
        "town_cat3",
        "limit",
    ]
    np.testing.assert_allclose(made[:, 0], (filled - mean) / std, rtol=1e-12, atol=1e-12)
    assert np.array_equal(made[:, 1:4], [[row[1] == town for town in towns] for row in raw])
    assert not np.isnan(made[:, 4]).any()
    assert numbers(task, TWO, "t")[: ROWS - TESTS].min() == 0.0
    assert np.array_equal(numbers(task, LABEL, "t"), numbers(task, LABEL, "d"))
    assert [row[0] for row in table(task, ONE, "t/raw_aligned.csv")] == [
        row[0] for row in table(task, ONE, "d/raw_aligned.csv")
    ]
    gaps = sum(cell == "" for row in raw for cell in row)
    names = task.plan().names
    assert outcomes[MAIN].result == {
        "rows": ROWS,
        "counts": [
            {"party": names[ONE], "columns": 5, "filled": gaps, "unseen": 0},
            {"party": names[TWO], "columns": 2, "filled": 0, "unseen": 0},
            {"party": names[LABEL], "columns": 0, "filled": 0, "unseen": 0},
        ],
    }
    path = task.roots[ONE].path / ".fedray/transforms/t/0-feature_client/transform.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    other = again(task)
    outcomes = other.succeed()
    newly = numbers(task, ONE, "newly")
    raw = table(task, ONE, "new/train.csv") + table(task, ONE, "new/test.csv")
    ages = np.array([float(row[0] or "nan") for row in raw])
    np.testing.assert_allclose(
        newly[:, 0], (np.where(np.isnan(ages), np.nanmedian(train), ages) - mean) / std, rtol=1e-12, atol=1e-12
    )
    assert raw[3][1] == "Trier"
    assert not newly[3, 1:4].any()
    counts: Any = outcomes[MAIN].result["counts"]
    assert (outcomes[MAIN].result["transform"], counts[0]["unseen"]) == ("t", 1)
    assert not task.file(LABEL, "newly").exists()


def test_nothing_of_a_table_is_said(tmp_path: Path) -> None:
    """A view of everybody: no name, no category, no value; counts to the main client, under a tag."""
    task = made_up(tmp_path, PLAIN)
    outcomes = task.succeed()
    said = (
        b"".join(array.tobytes() for view in task.views for _, frame in view for array in frame.arrays)
        + repr([[frame for _, frame in view] for view in task.views]).encode()
    )
    for word in (b"Ulm", b"Bonn", b"town", b'"age"', b"limit", b'"b0"'):
        assert word not in said
    tags = [{entry["tag"] for entry in outcomes[k].reveals} for k in (MAIN, ONE, TWO, LABEL)]
    assert tags == [set(), *[{"shapes", "cell_counts"}] * 3]
    texts = json.dumps([event.data for event in task.events])
    assert "Ulm" not in texts
    assert "town" not in texts


def train_on(task: TransformTask, folders: Mapping[int, str]) -> Any:
    """Return a training that has run on data sets of the parties of a task."""
    trained = linear_tasks.made_up(task.root / "unused", "logistic", rows=60, max_iter=10, test_per_batches=10)
    trained.root = task.root
    trained.roots = {index + 1: root for index, root in task.roots.items()}
    trained.feature, trained.labeler = {"data_path": folders[ONE]}, {"data_path": folders[LABEL]}
    trained.succeed()
    return trained


def test_predictions_of_raw_rows_are_those_of_rows_that_were_changed_before(tmp_path: Path) -> None:
    task = made_up(tmp_path, PLAIN)
    task.succeed()
    again(task).succeed()
    trained = train_on(task, {ONE: "t", LABEL: "t"})
    values = []
    for rows in ({"data_path": "newly"}, {"data_path": "new", "transforms": ["t"]}):
        made = prediction(trained, main={"model": "t"}, clients={2: rows, 3: rows, 4: None}, name=rows["data_path"])
        made.succeed()
        values.append(made.predicted(4)[2])
        notes = [str(event.data["text"]) for event in made.events if event.kind == "note"]
    np.testing.assert_allclose(values[0], values[1], atol=1e-4)  # two predictions differ by their rounding
    assert notes == ["1 cell with a category that the training rows do not have"]
    # a file with a header is read in the same way
    rows = {"data_path": "new/raw_aligned.csv", "transforms": ["t"]}
    made = prediction(trained, main={"model": "t"}, clients={2: rows, 3: rows, 4: None}, name="file")
    made.succeed()
    np.testing.assert_allclose(made.predicted(4)[2], values[0], atol=1e-4)


def binned(task: TransformTask, name: str, source: str, **main: Any) -> FeatureTask:
    made = FeatureTask.__new__(FeatureTask)
    made.__dict__.update(vars(linear_tasks.made_up(task.root / "unused", "logistic", rows=60)))
    made.root, made.kind, made.name, made.main = task.root, "binning", name, {"max_bin": 3, **main}
    made.roots = {index + 1: root for index, root in task.roots.items()}
    made.feature = made.labeler = {"data_path": source, "out_data_path": f"{source}-{name}"}
    made.clients = {}
    return made


def test_a_chain_of_transforms_is_replayed_in_a_prediction(tmp_path: Path) -> None:
    """Gaps are filled, then a category that is a number becomes columns; then all are binned."""
    first = made_up(tmp_path, {ONE: {"steps": [STEPS[0], {"step": "one_hot", "columns": ["town"]}]}})
    first.succeed()
    second_steps = [{"step": "one_hot", "columns": ["limit"], "max_categories": 2}]
    sources = {index: {"data_path": "t", "out_data_path": "u"} for index in (TWO, LABEL)}
    clients = {**sources, ONE: {"data_path": "t", "out_data_path": "u", "steps": second_steps}}
    TransformTask(tmp_path, [], np.empty(0), 0, clients=clients, name="u").succeed()
    binned(first, "bins", "u").succeed()
    trained = train_on(first, {ONE: "u-bins", LABEL: "u"})
    rows = {"data_path": "new", "transforms": ["t", "u", "bins"]}
    made = prediction(trained, main={"model": "t"}, clients={2: rows, 3: rows, 4: None})
    made.succeed()
    assert len(made.predicted(4)[2]) == 40
    rows = {"data_path": "new", "transforms": ["t", "bins"]}
    made = prediction(trained, main={"model": "t"}, clients={2: rows, 3: rows, 4: None}, name="wrong")
    with pytest.raises(DataError, match="the transform was made of"):
        made.succeed()
    rows = {"data_path": "new", "transforms": ["no"]}
    made = prediction(trained, main={"model": "t"}, clients={2: rows, 3: rows, 4: None}, name="wrong")
    with pytest.raises(DataError, match=r"transforms\[0\]: transform 'no': this party has no part of such a transform"):
        made.succeed()


def columns_of(task: TransformTask, index: int) -> list[str]:
    """Return the columns that a party has written; it writes nothing where none is left."""
    path = task.file(index, "t/dataset.json")
    return list(json.loads(path.read_text())["columns"]) if path.exists() else []


def test_columns_are_left_out_that_earlier_tasks_speak_against(tmp_path: Path) -> None:
    """Of equal columns of two parties one goes by the advice, and what tells nothing by its information value."""
    task = made_up(tmp_path, {})
    rng = np.random.default_rng(2)
    x = np.round(rng.normal(size=(400, 2)), 3)
    y = (0.6 * x[:, 0] + rng.normal(size=400) > 0).astype(np.float64)[:, None]
    one = np.column_stack([x[:, 0], rng.normal(size=400), x[:, 1]])
    for index, values in ((ONE, one), (TWO, x), (LABEL, y)):
        data_set(task, index, "d", values, COLUMNS[index], n_test=80)  # type: ignore[arg-type]
        facts = task.file(index, "d/dataset.json")
        facts.write_text(facts.read_text().replace("of d", "of all"))
    looked = binned(task, "looked", "d")
    looked.kind, looked.main = "statistics", {"correlation": "all", "vif_max": None}
    looked.feature = looked.labeler = {"data_path": "d"}
    outcomes = looked.succeed()
    advised: Any = outcomes[MAIN].result["leave_out"]
    binned(task, "bins", "d").succeed()
    step = {"step": "selection", "statistics": "looked", "binning": "bins", "iv_min": 0.1}
    task.clients = {index: {"steps": [step]} for index in (ONE, TWO)}
    task.succeed()
    kept = {index: columns_of(task, index) for index in (ONE, TWO)}
    names = task.plan().names
    out = {(name, column) for name in (names[ONE], names[TWO]) for column in COLUMNS[ONE] + COLUMNS[TWO]}
    out -= {(names[index], column) for index, columns in kept.items() for column in columns}
    assert {(line["party"], line["column"]) for line in advised} < out
    assert len(advised) == 2
    assert "town" not in kept[ONE]
    assert "column 'town' is left out by a step selection" in task.notes()
    for fields, said in (
        ({"statistics": "nothing"}, r"steps\[0\]: statistics 'nothing': this party has nothing of such a task"),
        ({"binning": "t", "iv_min": 0.1}, r"steps\[0\]: binning 't': that task is no binning"),
    ):
        task.clients = {ONE: {"steps": [{"step": "selection", **fields}]}}
        with pytest.raises(DataError, match=said):
            task.succeed()


def gap_in_label(task: TransformTask) -> None:
    data_set(task, LABEL, "d", np.array([[None]] * ROWS, dtype=object), ("y",), n_test=TESTS)  # type: ignore[arg-type]


def text_in_numbers(task: TransformTask) -> None:
    task.clients = {ONE: {"steps": []}}


def other_rows(task: TransformTask) -> None:
    data_set(task, TWO, "d", np.ones((ROWS, 2)), COLUMNS[TWO], n_test=TESTS)


def no_such_column(task: TransformTask) -> None:
    task.clients = {**task.clients, TWO: {"steps": [{"step": "one_hot", "columns": ["b9"]}]}}


def gaps_left(task: TransformTask) -> None:
    task.clients = {ONE: {"steps": [*STEPS[1:], {"step": "scaling"}]}}


REFUSED: dict[str, tuple[Callable[[TransformTask], None], str]] = {
    "gaps in the label": (gap_in_label, "the label column has gaps"),
    "text where numbers are expected": (text_in_numbers, "column 'town': the cell is text"),
    "rows of another alignment": (other_rows, "different alignments"),
    "a column that is not there": (no_such_column, "steps: there is no column 'b9' for one_hot"),
    "gaps where a column is scaled": (gaps_left, "steps[1]: column 'age' has"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_changed_is_refused_before_anything_is_written(tmp_path: Path, case: str) -> None:
    change, words = REFUSED[case]
    task = made_up(tmp_path, PLAIN)
    change(task)
    with pytest.raises(DataError) as caught:
        task.succeed()
    assert words in caught.value.message
    assert not list(tmp_path.rglob("generated/t/train.csv"))
    assert not list(tmp_path.rglob("transform.json"))


def test_a_part_of_the_rows_and_columns_by_name(tmp_path: Path) -> None:
    leave = {"steps": [{"step": "selection", "columns": ["b1"]}]}
    task = made_up(tmp_path, {ONE: {"steps": [{"step": "one_hot", "columns": ["town"]}]}, TWO: leave})
    task.main = {"rows": {"start": 0.25, "stop": 0.5, "seed": 4}}
    task.succeed()
    wanted = (ROWS - TESTS) // 4
    ids = {tuple(row[0] for row in table(task, index, "t/raw_aligned.csv")[1:]) for index in (ONE, TWO)}
    assert [len(rows) for rows in ids] == [wanted]
    assert len(table(task, TWO, "t/train.csv")) == len(table(task, TWO, "t/test.csv")) == wanted
    assert len(table(task, TWO, "t/train.csv")[0]) == 1
    facts = [json.loads(task.file(index, "t/dataset.json").read_text()) for index in (ONE, TWO)]
    assert facts[0]["fingerprint"] == facts[1]["fingerprint"] != "of d"
    assert facts[0]["repeats"] is True


def test_a_column_to_leave_out_must_be_there(tmp_path: Path) -> None:
    task = made_up(tmp_path, {**PLAIN, TWO: {"steps": [{"step": "selection", "columns": ["none"]}]}})
    with pytest.raises(DataError, match="there is no column 'none' for selection"):
        task.succeed()
