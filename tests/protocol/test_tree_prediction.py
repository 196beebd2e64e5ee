"""Predicting with trees: sums of leaves to the last unit, whatever the owners, the shapes and the splits."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fedray.data.model_files import load_model, save_model
from fedray.errors import FedrayError, SpecError
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.parties.kept import load_kept
from fedray.parties.oracle import insecure_oracle
from fedray.parties.predictors import Trained, predictor_of
from fedray.ring import Ring
from fedray.trees import prediction as planning
from fedray.trees.candidates import Split, goes_left
from fedray.trees.design import TreeDesign
from fedray.trees.grown import UNKNOWN
from fedray.trees.prediction import TreePrediction
from fedray.trees.scorer import TreeScorer
from tests.parties import compute, split, words
from tests.predictions import data_set, prediction
from tests.sealed import folder_at
from tests.tree_tasks import TreeTask, made_up
from tests.trees import design

Codes = npt.NDArray[np.int64]


class Forest:
    """Trees with splits and leaves drawn at random, and rows for them."""

    def __init__(self, made: TreeDesign, trees: int, rows: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.made, nodes = made, made.leaves - 1
        owners = np.array(made.owners)
        self.splits: list[list[tuple[int, Split | None]]] = []
        for _ in range(trees):
            chosen = [int(owner) for owner in rng.choice(owners, nodes)]
            self.splits.append([(owner, self._split(owner, rng)) for owner in chosen])
        self.codes: dict[int, Codes] = {
            owner: rng.integers(0, made.bins + made.gaps(owner), size=(rows, made.features[owner])) for owner in owners
        }
        self.leaves = words(rng, trees, made.leaves)
        self.base = words(rng, 1)
        size = len(made.features)
        self._shares = list(zip(split(self.leaves, size, rng), split(self.base, size, rng), strict=True))

    def _split(self, owner: int, rng: np.random.Generator) -> Split | None:
        if rng.random() < 0.2:
            return None
        column = int(rng.integers(self.made.features[owner]))
        missing = self.made.gaps(owner) and rng.random() < 0.5
        return Split(owner, column, int(rng.integers(self.made.thresholds(owner))), missing)

    def arrays(self, rank: int) -> dict[str, Ring]:
        """Return a party's part."""
        mine = [[_numbers(one if owner == rank else None) for owner, one in tree] for tree in self.splits]
        leaves, base = self._shares[rank]
        owners = np.array([[owner for owner, _ in tree] for tree in self.splits], np.uint64)
        return {"split_owner": owners, "split_mine": np.array(mine, np.uint64), "leaves": leaves, "base": base}

    def walked(self) -> Ring:
        """Return the sums of leaves of a walk down the trees, shape (rows,)."""
        rows = len(next(iter(self.codes.values())))
        total = np.repeat(self.base, rows)
        for tree, leaves in zip(self.splits, self.leaves, strict=True):
            node = np.zeros(rows, np.int64)
            for _ in range(self.made.depth):
                left = np.array([self._left(tree[at], row) for row, at in enumerate(node)])
                node = 2 * node + np.where(left, 1, 2)
            total += leaves[node - (self.made.leaves - 1)]
        return total

    def _left(self, node: tuple[int, Split | None], row: int) -> bool:
        owner, found = node
        return found is None or bool(goes_left(self.made, found, self.codes[owner][row : row + 1, found.column])[0])


def _numbers(found: Split | None) -> tuple[int, int, int]:
    return (UNKNOWN,) * 3 if found is None else (found.column, found.threshold, int(found.missing_left))


CASES: dict[str, tuple[TreeDesign, int, int, int]] = {
    "two owners": (design((3, 2, 0)), 5, 130, 1000),
    "one owner": (design((0, 4)), 2, 64, 1000),
    "three owners with gaps": (design((2, 3, 1), missing=(True, False, True)), 3, 65, 1000),
    "five owners, deep": (design((1, 2, 1, 1, 1), depth=5), 2, 33, 1000),
    "a split": (design((2, 2), depth=1), 1, 1, 1000),
    "slices of rows": (design((3, 2)), 4, 150, 64),
}


@pytest.mark.parametrize("most", [1 << 20, 600])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_scores_are_the_sums_of_leaves_to_the_last_unit(monkeypatch: pytest.MonkeyPatch, case: Any, most: int) -> None:
    monkeypatch.setattr(planning, "MOST_BITS", most)
    made, trees, rows, batch = case
    forest = Forest(made, trees, rows)
    plan = TreePrediction(made, trees, rows, batch)
    opened: list[Any] = []

    def protocol(s: Session, supply: Supply) -> None:
        scorer = TreeScorer(s, plan, supply, forest.codes.get(s.rank), forest.arrays(s.rank))
        reveal_to = s.reveal_to

        def noting(rank: int, tag: str, share: Any) -> Any:
            opened.append((s.rank, share.value))
            return reveal_to(rank, tag, share)

        s.reveal_to = noting  # type: ignore[method-assign]
        scored = scorer.predict(1)
        assert (scored.predictions is not None) == (s.rank == 1)

    segments = list(plan.segments())
    assert len({segment.label for segment in segments}) == len(segments)
    compute(len(made.features), protocol, segments, corrected=made.label, reveals=["predictions"]).all()
    parts = [np.concatenate([x for rank, x in opened if rank == k]) for k in range(len(made.features))]
    np.testing.assert_array_equal(np.sum(parts, axis=0, dtype=np.uint64)[:, 0], forest.walked())


def test_groups_are_small_and_hold_every_tree_and_row_once() -> None:
    plan = TreePrediction(design((3, 2), depth=6), 100, 26_000, 10_000)
    seen = np.zeros((26_000, 100), int)
    for rows in plan.slices():
        for group in plan.groups(rows):
            seen[group.rows, group.trees] += 1
            assert plan.leaves(group) * group.count <= 1 << 20
    assert (seen == 1).all()
    deep = TreePrediction(design((3, 2), depth=10), 2, 5000, 10_000)
    assert max(deep.leaves(g) * g.count for rows in deep.slices() for g in deep.groups(rows)) <= 1 << 20


def test_trees_whose_scores_could_leave_the_ring_are_refused() -> None:
    TreePrediction(design((3, 2), learning_rate=0.2), 10_000, 5, 5).check()
    with pytest.raises(
        SpecError, match=r"the model has 10000 trees at a learning_rate of 0\.3, whose scores may leave"
    ):
        TreePrediction(design((3, 2), learning_rate=0.3), 10_000, 5, 5).check()


def gappy(root: Path, **feature: Any) -> TreeTask:
    """Return a training with missing values and a constant column at the first feature client."""
    task = made_up(root, own=1, rows=160, n_estimators=2)
    gaps = np.random.default_rng(0).random(task.features[0].shape) < 0.2
    task.features[0][gaps] = np.nan
    task.features[0][:, 1] = 7.0
    task.feature = {"missing": "bin", **feature}
    task.__post_init__()
    return task


def test_missing_values_constant_columns_and_other_numbers_of_rows(tmp_path: Path) -> None:
    """The rows are some of the training's in another order, so the oracle knows what comes out."""
    trained = gappy(tmp_path)
    trained.succeed()
    oracle: Any
    oracle, _, _ = insecure_oracle(trained.plan(), trained.roots)
    oracle.train(2)
    rows = np.random.default_rng(5).integers(0, 160, size=37)
    for index, table in zip(trained.roots, [*trained.features, trained.label], strict=True):
        data_set(trained, index, "new", table[rows], [f"c{k}" for k in range(table.shape[1])], n_test=5)
    task = prediction(trained, clients={index: {"data_path": "new"} for index in trained.roots})
    task.succeed()
    header, ids, found = task.predicted(4)
    assert header[0] == "customer"
    assert ids == [f"r{k}" for k in range(37)]
    expected = 1.0 / (1.0 + np.exp(-oracle.z[rows]))
    assert np.max(np.abs(found[:, 0] - expected)) < 1e-3


def test_a_file_may_have_gaps_where_the_training_did(tmp_path: Path) -> None:
    trained = gappy(tmp_path)
    trained.succeed()
    for index, table in zip(trained.roots, [*trained.features, trained.label], strict=True):
        rows = [["id", *[f"c{k}" for k in range(table.shape[1])]]]
        rows += [[f"r{k}", *("" if np.isnan(x) else x for x in row)] for k, row in enumerate(table[:9].tolist())]
        with (trained.roots[index].path / "generated" / "new.csv").open("w", newline="") as handle:
            csv.writer(handle).writerows(rows)
    files = prediction(trained, clients={index: {"data_path": "new.csv"} for index in trained.roots}, name="files")
    files.succeed()
    folders = prediction(trained, main={"part": "train"}, name="folders")
    folders.succeed()
    np.testing.assert_array_equal(files.predicted(4)[2], folders.predicted(4)[2][:9])


def test_gaps_are_refused_where_the_training_had_none(tmp_path: Path) -> None:
    trained = made_up(tmp_path, rows=120, n_estimators=1)
    trained.succeed()
    table = trained.features[1].copy()
    table[3, 1] = np.nan
    trained.write(3, "test.csv", table)
    task = prediction(trained, main={"part": "test"})
    assert task.run() == {}
    assert "row 4, column 'c1': the value is missing (NaN)" in task.errors[3].message


def test_new_rows_need_the_constant_columns_too(tmp_path: Path) -> None:
    trained = gappy(tmp_path)
    trained.succeed()
    trained.write(2, "test.csv", trained.features[0][:, [0, 2]])
    task = prediction(trained, main={"part": "test"})
    assert task.run() == {}
    words = "the model was trained on 3 columns of this party ('c0', 'c1', 'c2'); the new rows have 2 ('c0', 'c1')"
    assert words in task.errors[2].message


def test_a_model_that_stopped_early_predicts_with_the_trees_that_it_kept(tmp_path: Path) -> None:
    numbers = {"n_estimators": 500, "early_stopping_rounds": 2, "learning_rate": 1.0, "metric": "auc"}
    trained = made_up(tmp_path, rows=200, **numbers)
    steps: Any = trained.succeed()[0].result["n_batches"]
    kept = load_kept(trained.roots[2], "t", 0, trained.plan().data[0])
    assert kept.trained == Trained((3, 2, 0), 160, steps)
    task = prediction(trained, main={"part": "test"})
    task.succeed()
    oracle: Any
    oracle, _, _ = insecure_oracle(trained.plan(), trained.roots)
    oracle.train(steps)
    assert np.max(np.abs(task.predicted(4)[2] - oracle.predict())) < 5e-3


def test_the_numbers_of_trees_must_agree(tmp_path: Path) -> None:
    """A part whose manifest names other steps is of another model."""
    trained = made_up(tmp_path, rows=120, n_estimators=2)
    trained.succeed()
    folder = trained.roots[3].path / ".fedray" / "models" / "t" / "1-feature_client"
    facts, arrays = load_model(folder_at(folder))
    save_model(folder_at(folder), {**facts, "steps": 1}, arrays)
    task = prediction(trained, main={"part": "test"})
    assert task.run() == {}
    assert "come from different trainings" in min(error.message for error in task.errors.values())


def test_how_a_kind_of_model_predicts_follows_from_the_plan_of_its_training(tmp_path: Path) -> None:
    plan = made_up(tmp_path, objective="reg:squarederror", learning_rate=0.3, n_estimators=10_000).plan()
    predictor = predictor_of(plan)
    assert (predictor.outputs, predictor.measured) == (1, "regression")
    scoring = predictor.scoring(Trained((3, 2, 0), 320, 7), 50, 20)
    assert scoring.matrices == ()
    assert len(list(scoring.segments())) == 3
    with pytest.raises(FedrayError):
        predictor.scoring(Trained((3, 2, 0), 2**30, 7), 50, 20)
