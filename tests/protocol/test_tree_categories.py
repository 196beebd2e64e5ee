"""Columns of categories in boosted trees: the same as a table that its owner has coded by hand, and replayed."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fedray.data.model_files import load_model
from fedray.data.words import Vocabulary
from fedray.errors import DataError, SpecError
from fedray.features.categorical import MOST_ALONE, CategoricalBinning, Coding, ranked
from fedray.ml import metrics
from fedray.parties.kept import Columns
from fedray.parties.oracle import insecure_oracle
from fedray.task.record import EventKind
from fedray.task.spec import parse
from fedray.trees.binning import Binning
from fedray.trees.oracle import TreeOracle
from tests.exports import export
from tests.predictions import prediction, seen_in_tests
from tests.sealed import folder_at
from tests.tree_tasks import TreeTask, made_up

Float = npt.NDArray[np.float64]
Cells = list[list[str]]

WORDS = ("red", "blue", "green", "7", "grey")
CATEGORICAL: dict[str, Any] = {"missing": "bin", "categorical_columns": ["colour"]}


def write(task: TreeTask, index: int, name: str, cells: Cells, columns: Sequence[str], n_test: int) -> None:
    """Write texts as an alignment would."""
    folder = task.roots[index].path / "generated" / name
    folder.mkdir(parents=True, exist_ok=True)
    n_train = len(cells) - n_test
    for file, rows in (("train.csv", cells[:n_train]), ("test.csv", cells[n_train:])):
        with (folder / file).open("w", newline="") as handle:
            csv.writer(handle).writerows(rows)
    with (folder / "raw_aligned.csv").open("w", newline="") as handle:
        csv.writer(handle).writerows([["id", *columns], *([f"r{k}", *row] for k, row in enumerate(cells))])
    facts = {"task": "a", "n_train": n_train, "n_test": n_test, "columns": list(columns), "fingerprint": f"of {name}"}
    (folder / "dataset.json").write_text(json.dumps({**facts, "aligned": "raw_aligned.csv"}))


def colours(rows: int) -> list[str]:
    """Return words of different frequencies, and some gaps; the last word is rare and first."""
    rng = np.random.default_rng(8)
    drawn = rng.choice(len(WORDS), size=rows, p=[0.1, 0.35, 0.25, 0.2, 0.1])
    made = [WORDS[k] for k in drawn]
    return ["" if k % 17 == 3 else word for k, word in enumerate(made)]


def task_with_colours(root: Path, categories: str = "ordered", own: int = 1, **main: Any) -> TreeTask:
    """Return a task in which the second feature client has a column of colours, on which the label depends."""
    task = made_up(root, own=own, rows=300, **main)
    words = colours(300)
    shift = np.array([{"red": 2.0, "blue": -1.0, "green": 1.0, "7": -2.0}.get(word, 0.0) for word in words])
    task.label[:, 0] = (task.label[:, 0] + shift + 0.1 * task.features[1][:, 0] > 0.5).astype(float)
    columns = {2: ("a0", "a1", "a2"), 3: ("b0", "colour", "b1"), 4: ("y", "own")[: 1 + own]}
    for index, table in zip(task.roots, [*task.features, task.label], strict=True):
        cells = [[repr(value) for value in row] for row in table.tolist()]
        if index == 3:
            cells = [[row[0], word, row[1]] for row, word in zip(cells, words, strict=True)]
        write(task, index, "d", cells, columns[index], 60)
    for path in root.rglob("dataset.json"):
        path.write_text(path.read_text().replace("of d", "of all"))
    task.clients = {3: {**CATEGORICAL, "categories": categories}}
    return task


def by_hand(root: Path, task: TreeTask, categories: str, own: int = 1, **main: Any) -> TreeTask:
    """Return the same task on tables of numbers, the colours coded without the engine's code."""
    words = colours(300)
    counts = Counter(word for word in words[:240] if word)
    order = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    plain = made_up(root, own=own, rows=300, **main)
    plain.label[:] = task.label
    gap = "" if categories == "ordered" else [""] * len(order)
    made: list[Any] = []
    for word in words:
        if categories == "ordered":
            made.append([str(order.index(word))] if word else [gap])
        else:
            made.append([str(int(word == other)) for other in order] if word else gap)
    names = ["colour"] if categories == "ordered" else [f"colour{k}" for k in range(len(order))]
    columns = {2: ("a0", "a1", "a2"), 3: ("b0", *names, "b1"), 4: ("y", "own")[: 1 + own]}
    for index, table in zip(plain.roots, [*plain.features, plain.label], strict=True):
        cells = [[repr(value) for value in row] for row in table.tolist()]
        if index == 3:
            cells = [[row[0], *coded, row[1]] for row, coded in zip(cells, made, strict=True)]
        write(plain, index, "d", cells, columns[index], 60)
    for path in root.rglob("dataset.json"):
        path.write_text(path.read_text().replace("of d", "of all"))
    plain.clients = {3: {"missing": "bin"}}
    return plain


@pytest.mark.parametrize("categories", ["ordered", "one_hot"])
def test_trees_are_those_of_a_table_that_was_coded_by_hand(tmp_path: Path, categories: str) -> None:
    task = task_with_colours(tmp_path / "words", categories, n_estimators=4)
    plain = by_hand(tmp_path / "numbers", task, categories, n_estimators=4)
    oracles = [insecure_oracle(one.plan(), one.roots)[0] for one in (task, plain)]
    for oracle in oracles:
        assert isinstance(oracle, TreeOracle)
        oracle.train(4)
    assert np.array_equal(oracles[0].predict(), oracles[1].predict())
    # and the column is worth something
    without = made_up(tmp_path / "without", own=1, rows=300, n_estimators=4)
    without.label[:] = task.label
    for index, table in zip(without.roots, [*without.features, without.label], strict=True):
        without.write(index, "train.csv", table[:240])
        without.write(index, "test.csv", table[240:])
    bare, _, y = insecure_oracle(without.plan(), without.roots)
    bare.train(4)
    assert metrics.loss("bce", y, oracles[0].predict()) < 0.9 * metrics.loss("bce", y, bare.predict())


@pytest.mark.parametrize("categories", ["ordered", "one_hot"])
def test_on_shares_they_are_those_in_clear_and_predictions_those_of_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, categories: str
) -> None:
    """With public masks two candidates of nearly the same gain are decided alike in every run."""
    seen = seen_in_tests(monkeypatch)
    task = task_with_colours(tmp_path, categories, n_estimators=3, public_masks=True)
    outcomes = task.succeed()
    oracle, _, y = insecure_oracle(task.plan(), task.roots)
    oracle.train(3)
    loss: Any = outcomes[0].result["loss"]
    assert loss == pytest.approx(metrics.loss("bce", y, oracle.predict()), abs=0.05)
    predicting = prediction(task, main={"part": "test"})
    predicting.succeed()
    assert np.array_equal(predicting.predicted(4)[2], seen[-1])
    notes = [str(event.data) for event in predicting.events if event.kind == EventKind.NOTE]
    assert not any("category" in text for text in notes)


@pytest.mark.parametrize("categories", ["ordered", "one_hot"])
def test_a_category_that_is_not_known_is_a_missing_value(tmp_path: Path, categories: str) -> None:
    task = task_with_colours(tmp_path, categories, n_estimators=3)
    task.succeed()
    made = {}
    for name, word in (("unknown", "violet"), ("gap", ""), ("known", "red")):
        for index, table in zip(task.roots, [*task.features, task.label[:, 1:]], strict=True):
            cells = [[repr(value) for value in row] for row in table[240:].tolist()]
            if index == 3:
                cells = [[row[0], word, row[1]] for row in cells]
            columns = {2: ("a0", "a1", "a2"), 3: ("b0", "colour", "b1"), 4: ("own",)}[index]
            write(task, index, name, cells, columns, 0)
            path = task.roots[index].path / "generated" / name / "dataset.json"
            path.write_text(path.read_text())
        predicting = prediction(task, clients={k: {"data_path": name} for k in (2, 3, 4)}, name=f"p{name}")
        predicting.succeed()
        made[name] = predicting.predicted(4)[2]
        notes = [str(event.data["text"]) for event in predicting.events if event.kind == EventKind.NOTE]
        unseen = [text for text in notes if "60 cells with a category that the training rows do not have" in text]
        assert len(unseen) == (name == "unknown")
    assert np.array_equal(made["unknown"], made["gap"])
    assert not np.array_equal(made["unknown"], made["known"])


def test_words_stay_with_their_owner(tmp_path: Path) -> None:
    task = task_with_colours(tmp_path, "one_hot", n_estimators=2)
    outcomes = task.succeed()
    parts = {}
    for index, role in ((2, "feature_client"), (3, "feature_client"), (4, "label_client")):
        folder = task.roots[index].path / ".fedray/models/t" / f"{index - 2}-{role}"
        parts[index] = load_model(folder_at(folder))[0]
    own = json.dumps(parts[3])
    assert all(word in own for word in WORDS)
    said = [json.dumps(parts[index]) for index in (2, 4)] + [str(e.data) for e in task.events]
    said += [str(outcome.result) for outcome in outcomes.values()]
    said += [
        bytes(array.tobytes()).decode("latin1")
        for index in (0, 1, 2, 4)
        for _, frame in task.views[index]
        for array in frame.arrays
        if array.dtype == np.uint8
    ]
    assert not any(word in text for text in said for word in ("blue", "green", "grey"))
    kept = Columns.from_dict(parts[3]).scaling
    assert kept.given == ("b0", "colour", "b1")
    assert kept.columns == ("b0", *(f"colour_cat{k + 1}" for k in range(5)), "b1")


def test_such_a_model_is_not_opened_and_nothing_of_it_leaves(tmp_path: Path) -> None:
    task = task_with_colours(tmp_path, n_estimators=1)
    task.succeed()
    opening = export(task)
    opening.consent()
    opening.run()
    assert any("the model has categorical_columns" in error.message for error in opening.errors.values())
    assert not opening.exported()
    assert not any("reveal" in frame.label for view in opening.views for _, frame in view)


def test_rare_categories_have_a_column_in_common() -> None:
    words = tuple(f"w{k}" for k in range(MOST_ALONE + 5))
    coding = Coding.fit(("c",), {"c": words}, MOST_ALONE)
    assert len(coding.columns) == MOST_ALONE
    assert coding.columns[-1] == "c_rare"
    made = coding.expand(np.array([[0.0], [MOST_ALONE - 1.0], [MOST_ALONE + 4.0], [MOST_ALONE + 5.0], [np.nan]]))
    assert made[:3].argmax(axis=1).tolist() == [0, MOST_ALONE - 1, MOST_ALONE - 1]
    assert made[:3].sum() == 3.0
    assert np.isnan(made[3:]).all()


def test_the_order_is_that_of_frequency_and_then_of_value() -> None:
    column = np.array([0.0, 1.0, 1.0, 2.0, 2.0, 3.0, np.nan, 4.0, 5.0])
    assert ranked(column, ["b", "x", "a", "10", "9", "c", "never"]) == ("a", "x", "9", "10", "b", "c")


def test_places_of_a_table_become_those_of_the_order() -> None:
    coding = Coding.fit(("n", "c"), {"c": ("b", "a")}, None)
    table = np.array([[9.0, 1.0, 0.0], [9.0, 2.0, 1.0], [9.0, 3.0, np.nan], [9.0, 4.0, 2.0]])
    assert coding.recoded(table, {"c": ("a", "b", "only in test rows")})[:, 2].tolist()[:2] == [1.0, 0.0]
    assert np.isnan(coding.recoded(table, {"c": ("a", "b", "only in test rows")})[2:, 2]).all()


def test_a_vocabulary_that_knows_words_puts_new_ones_behind_them() -> None:
    words = Vocabulary.of({"c": ("b", "a")})
    assert [words.code("c", cell) for cell in ("a", "b", "z", " b ")] == [1.0, 0.0, 2.0, 0.0]


def test_what_is_kept_is_read_back() -> None:
    coding = Coding.fit(("n", "c"), {"c": ("b", "a")}, MOST_ALONE)
    table = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, np.nan], [4.0, 2.0]])
    made = CategoricalBinning(coding, Binning.fit(coding.expand(table), coding.columns, 4))
    back = CategoricalBinning.from_dict(json.loads(json.dumps(made.as_dict())))
    assert back.as_dict() == made.as_dict()
    assert np.array_equal(back.apply(table), made.apply(table))
    with pytest.raises(DataError, match="expected a table of 2 columns, got 3"):
        made.apply(np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("client", "words"),
    [
        ({"categorical_columns": ["colour"]}, "missing: expected bin with categorical_columns"),
        ({"missing": "bin", "categorical_columns": ["a", "a"]}, "categorical_columns: expected each column once"),
        ({"missing": "bin", "categorical_columns": [3]}, r"categorical_columns\[0\]: expected"),
        ({"missing": "bin", "categories": "hash"}, "categories: expected one of ordered, one_hot"),
    ],
)
def test_what_a_document_may_not_say(tmp_path: Path, client: dict[str, Any], words: str) -> None:
    task = made_up(tmp_path)
    task.clients = {3: client}
    with pytest.raises(SpecError, match=rf"clients\[3\].client_config.{words}"):
        parse(task.document())


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    task = task_with_colours(tmp_path, n_estimators=1)
    task.clients = {3: {"missing": "bin", "categorical_columns": ["colour", "shade"]}}
    task.run()
    assert isinstance(task.errors[3], DataError)
    assert "the table at data_path has no column 'shade' of features" in task.errors[3].message


def test_numbers_may_be_categories(tmp_path: Path) -> None:
    task = task_with_colours(tmp_path, n_estimators=1)
    task.clients = {3: {"missing": "bin", "categorical_columns": ["colour", "b0"]}}
    for file in ("train.csv", "test.csv"):
        path = task.path(3, file)
        rows = list(csv.reader(path.open(newline="")))
        with path.open("w", newline="") as handle:
            csv.writer(handle).writerows([[str(k % 5), *row[1:]] for k, row in enumerate(rows)])
    _, design, _ = insecure_oracle(task.plan(), task.roots)
    assert design.features == (3, 3, 1)


def test_too_many_categories_are_a_mistake() -> None:
    with pytest.raises(DataError, match="column 'c' has more than 1000 categories in the train part"):
        Coding.fit(("c",), {"c": tuple(str(k) for k in range(1001))}, None)


def test_without_names_of_columns_there_are_none(tmp_path: Path) -> None:
    task = made_up(tmp_path, n_estimators=1)
    task.clients = {3: {"missing": "bin", "categorical_columns": ["c0"]}}
    task.run()
    assert "the data set at data_path has no names of columns" in task.errors[3].message
