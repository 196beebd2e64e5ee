"""Steps that make columns, data sets one below the other, and a column compared with the label; from files to files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from fedray.errors import DataError, SpecError
from fedray.features.logistic import PROBABILITY
from fedray.ml.evaluation import evaluate
from fedray.task.spec import parse
from tests.predictions import data_set
from tests.transforms import LABEL, MAIN, ONE, ROWS, TESTS, TWO, TransformTask, made_up

Json = dict[str, Any]
TOWNS: Json = {"step": "one_hot", "columns": ["town"]}


def table(task: TransformTask, index: int, path: str) -> list[list[str]]:
    return [line.split(",") for line in task.file(index, path).read_text().splitlines()]


def ids(task: TransformTask, index: int, folder: str) -> list[str]:
    return [row[0] for row in table(task, index, f"{folder}/raw_aligned.csv")[1:]]


def test_rows_of_more_data_sets_come_below_and_each_id_once(tmp_path: Path) -> None:
    """The second set has ids of the first, so that only its training rows below these remain."""
    steps: Json = {"steps": [{"step": "imputation"}, TOWNS]}
    task = made_up(tmp_path, {})
    more = {"more_data_paths": ["new"]}
    task.clients = {ONE: {**steps, **more}, TWO: more, LABEL: more}
    first, second = ids(task, ONE, "d")[: ROWS - TESTS], ids(task, ONE, "new")[:32]
    assert set(second) < set(first)
    outcomes = task.succeed()
    assert outcomes[MAIN].result["rows"] == 2 * (ROWS - TESTS)
    path = task.file(TWO, "new/raw_aligned.csv")
    for index in (ONE, TWO, LABEL):
        path = task.file(index, "new/raw_aligned.csv")
        header, *lines = path.read_text().splitlines()
        path.write_text("\n".join([header, *(f"new-{line}" for line in lines)]) + "\n")
    outcomes = task.succeed()
    assert outcomes[MAIN].result["rows"] == 2 * (ROWS - TESTS + 32)
    for index in (ONE, TWO, LABEL):
        assert ids(task, index, "t") == [*first, *(f"new-{one}" for one in second)]
        assert table(task, index, "t/train.csv") == table(task, index, "t/test.csv")
    wanted = np.array(table(task, TWO, "d/train.csv") + table(task, TWO, "new/train.csv"), dtype=float)
    assert np.array_equal(np.array(table(task, TWO, "t/train.csv"), dtype=float), wanted)
    header = table(task, ONE, "t/raw_aligned.csv")[0]
    assert "town_cat4" in header  # a category of the second set alone


def test_the_training_rows_of_another_data_set_are_for_testing(tmp_path: Path) -> None:
    fields = {"test_data_path": "new"}
    task = made_up(tmp_path, {ONE: {"steps": [{"step": "imputation"}, TOWNS], **fields}, TWO: fields, LABEL: fields})
    outcomes = task.succeed()
    assert outcomes[MAIN].result["rows"] == ROWS - TESTS + 32
    for index in (ONE, TWO, LABEL):
        assert ids(task, index, "t") == [*ids(task, index, "d")[: ROWS - TESTS], *ids(task, index, "new")[:32]]
    for name, source in (("train", "d"), ("test", "new")):
        assert table(task, TWO, f"t/{name}.csv") == table(task, TWO, f"{source}/train.csv")
    assert len(table(task, ONE, "t/test.csv")[0]) == 5  # the category of row 3 there is none of the training's


def test_a_part_of_the_rows_is_held_out(tmp_path: Path) -> None:
    task = made_up(tmp_path, {ONE: {"steps": [TOWNS]}}, main={"rows": {"start": 0.25, "stop": 0.5, "held_out": True}})
    task.succeed()
    found = ids(task, TWO, "t")
    assert sorted(found) == sorted(ids(task, TWO, "d")[: ROWS - TESTS])
    assert len(table(task, TWO, "t/test.csv")) == (ROWS - TESTS) // 4
    rows = table(task, TWO, "t/train.csv") + table(task, TWO, "t/test.csv")
    assert [row[1:] for row in table(task, TWO, "t/raw_aligned.csv")[1:]] == rows
    assert ids(task, ONE, "t") == ids(task, LABEL, "t") == found


def test_other_columns_are_no_part_of_a_data_set(tmp_path: Path) -> None:
    task = made_up(tmp_path, {ONE: {"steps": [TOWNS]}, TWO: {"more_data_paths": ["new"]}})
    data_set(task, TWO, "new", np.ones((40, 2)), ("b0", "b9"), n_test=8)
    with pytest.raises(DataError, match=r"more_data_paths\[0\]: expected the columns of data_path"):
        task.succeed()


@pytest.fixture
def labelled(tmp_path: Path) -> TransformTask:
    """Return a task whose label party has three columns of its own."""
    task = made_up(tmp_path, {ONE: {"steps": [TOWNS]}})
    rng = np.random.default_rng(6)
    for name, rows in (("d", ROWS), ("new", 40)):
        x = np.round(rng.normal(size=(rows, 3)), 3)
        y = (x[:, 0] + 0.5 * rng.normal(size=rows) > 0).astype(np.float64)
        data_set(
            task, LABEL, name, np.column_stack([y, x]), ("y", "l0", "l1", "l2"), n_test=TESTS if name == "d" else 8
        )
        facts = task.file(LABEL, f"{name}/dataset.json")
        facts.write_text(facts.read_text().replace(f"of {name}", f"of all {name}"))
    return task


def test_a_regression_of_the_label_partys_own_columns(labelled: TransformTask) -> None:
    step = {"step": "logistic_regression", "C": 0.5, "class_weight": "balanced"}
    labelled.clients = {**labelled.clients, LABEL: {"steps": [step], "evaluate": True}}
    outcomes = labelled.succeed()
    found, test = (np.array(table(labelled, LABEL, f"d/{name}.csv"), dtype=float) for name in ("train", "test"))
    plain = LogisticRegression(C=0.5, class_weight="balanced").fit(found[:, 1:], found[:, 0])
    for name, rows in (("train", found), ("test", test)):
        written = np.array(table(labelled, LABEL, f"t/{name}.csv"), dtype=float)
        assert np.array_equal(written[:, 0], rows[:, 0])
        np.testing.assert_allclose(written[:, 1], plain.predict_proba(rows[:, 1:])[:, 1], atol=1e-12)
    assert table(labelled, LABEL, "t/raw_aligned.csv")[0] == ["customer", "y", PROBABILITY]
    told: Any = outcomes[MAIN].result["evaluation"]
    chances = np.array(table(labelled, LABEL, "t/train.csv"), dtype=float)[:, 1]
    assert told["outputs"] == [evaluate("binary", found[:, 0], chances)]
    assert [{entry["tag"] for entry in outcomes[k].reveals} for k in (MAIN, ONE, TWO, LABEL)] == [
        set(),
        {"shapes", "cell_counts"},
        {"shapes", "cell_counts"},
        {"shapes", "cell_counts", "evaluation"},
    ]

    rows: Json = {"data_path": "new", "out_data_path": "newly"}
    clients = {ONE: rows, TWO: rows, LABEL: {**rows, "evaluate": True}}
    again = TransformTask(
        labelled.root, [], np.empty(0), 0, main={"transform": "t"}, clients=clients, name="again"
    ).succeed()
    new = np.array(table(labelled, LABEL, "new/train.csv"), dtype=float)
    written = np.array(table(labelled, LABEL, "newly/train.csv"), dtype=float)
    np.testing.assert_allclose(written[:, 1], plain.predict_proba(new[:, 1:])[:, 1], atol=1e-12)
    assert again[MAIN].result["evaluation"]["outputs"] == [evaluate("binary", new[:, 0], written[:, 1])]  # type: ignore[index]


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "evaluate: expected numbers from 0 to 1 in the first column that is written"),
        ([{"step": "selection", "columns": ["l0", "l1", "l2"]}], "evaluate: expected rows with a label and a column"),
    ],
)
def test_only_chances_are_compared_with_the_label(labelled: TransformTask, steps: list[Json], words: str) -> None:
    labelled.clients = {**labelled.clients, LABEL: {"steps": steps, "evaluate": True}}
    with pytest.raises(DataError, match=words):
        labelled.succeed()


@pytest.mark.parametrize(
    ("main", "clients", "words"),
    [
        ({}, {ONE: {"steps": [{"step": "logistic_regression"}]}}, "only the label client has a label to fit to"),
        ({"rows": {"stop": 0.5}}, {TWO: {"more_data_paths": ["new"]}}, "more_data_paths: expected none with transform"),
        ({"transform": "u"}, {TWO: {"more_data_paths": ["new"]}}, "more_data_paths: expected none with transform"),
        ({}, {TWO: {"more_data_paths": ["t"]}}, "out_data_path: expected another folder than those that are"),
        ({"transform": "u"}, {TWO: {"test_data_path": "new"}}, "test_data_path: expected null with transform"),
        ({}, {LABEL: {"evaluate": True, "out_data_path": None}}, "out_data_path: expected a folder with evaluate"),
    ],
)
def test_what_does_not_go_together(tmp_path: Path, main: Json, clients: dict[int, Json], words: str) -> None:
    task = TransformTask(tmp_path, [], np.empty(0), 0, main=main, clients=clients)
    with pytest.raises(SpecError, match=words):
        parse(task.document())
