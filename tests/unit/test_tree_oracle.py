"""The float64 trees against scikit-learn's histogram boosting, and each parameter's own meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score

from fedray.errors import SpecError
from fedray.trees.binning import Binning
from fedray.trees.candidates import blocks, split_at, split_of
from fedray.trees.design import TreeDesign
from fedray.trees.oracle import TreeOracle
from tests.trees import Boosting, design

Float = npt.NDArray[np.float64]
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "Splitted_Indexed_Data"


def twin(task: Boosting, kind: Any) -> Float:
    """Return scikit-learn's scores of the test rows; every value has its bin."""
    made = task.design
    model = kind(
        learning_rate=made.learning_rate,
        max_iter=made.steps,
        max_depth=made.depth,
        max_leaf_nodes=None,
        min_samples_leaf=1,
        l2_regularization=made.reg_lambda,
        early_stopping=False,
    ).fit(task.train, task.labels[:, 0])
    found: Float = model.decision_function(task.test) if made.curved else model.predict(task.test)
    return found


@pytest.mark.parametrize(("objective", "missing"), [("logistic", False), ("logistic", True), ("squared", True)])
def test_scores_are_those_of_scikit_learn(objective: str, missing: bool) -> None:
    made = design(
        (3, 4), objective, missing=(missing, False), bins=12, rows=(600, 200), steps=6, depth=3, min_child_weight=0.001
    )
    task = Boosting.made_up(made, values=9)
    oracle = task.in_clear()
    kind = HistGradientBoostingClassifier if made.curved else HistGradientBoostingRegressor
    difference = np.abs(oracle.z[600:] - twin(task, kind))
    # ties between splits may be broken otherwise, which moves few rows
    assert np.median(difference) < 0.01
    assert np.mean(difference > 0.05) < 0.05


def test_a_gain_not_above_gamma_sends_all_rows_left() -> None:
    task = Boosting.made_up(design((3, 2), gamma=1e4, depth=2))
    oracle = task.in_clear()
    assert oracle.trees[0].splits == (None,) * 3
    assert np.unique(oracle.z).size == 1


def test_min_child_weight_bounds_the_hessians_of_children() -> None:
    made = design((3, 2), min_child_weight=20.0, depth=3, steps=1, learning_rate=1.0, rows=(400, 50))
    oracle = Boosting.made_up(made).in_clear()
    leaf = {float(z): int(np.sum(oracle.z[:400] == z)) for z in np.unique(oracle.z[:400])}
    assert len(leaf) > 1
    assert all(count * 0.26 >= 20.0 for count in leaf.values())


def test_samples_are_public_repeatable_and_as_large_as_asked() -> None:
    made = design((5, 3), subsample=0.5, colsample=0.4, rows=(100, 10))
    rows = [made.sampled_rows(tree) for tree in range(3)]
    assert [int(chosen.sum()) for chosen in rows] == [50, 50, 50]
    assert (rows[0] != rows[1]).any()
    assert (rows[0] == made.sampled_rows(0)).all()
    assert [sum(len(c) for c in made.sampled_columns(tree).values()) for tree in range(3)] == [3, 3, 3]
    assert design((5, 3)).sampled_rows(0).all()


def test_places_of_candidates_are_counted_owner_by_owner() -> None:
    made = design((2, 3), missing=(True, False), bins=4, depth=1)
    found = [split_at(made, 0, place) for place in range(blocks(made, 0)[1].stop)]
    assert len(found) == 2 * 2 * 4 + 3 * 3
    assert len(set(found)) == len(found)
    assert (found[0].owner, found[0].column, found[0].threshold, found[0].missing_left) == (0, 0, 0, False)
    assert (found[7].column, found[7].threshold, found[7].missing_left) == (0, 3, True)
    assert found[16] == split_of(made, 0, 1, 0)


@pytest.mark.parametrize(
    "numbers", [{"rows": (2**40, 1)}, {"largest_weight": 2.0**30, "weighted": True}, {"gamma": 1e15}]
)
def test_numbers_beyond_the_fixed_point_are_refused(numbers: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="do not fit the fixed point"):
        _ = design((3, 2), **numbers).scales


@pytest.mark.parametrize("rows", [100, 24_000, 500_000, 1_000_000])
@pytest.mark.parametrize("objective", ["logistic", "squared"])
def test_sums_over_all_rows_fit_the_ring(rows: int, objective: str) -> None:
    made = design((3, 2), objective, rows=(rows, 10))
    scales = made.scales
    largest = 1.0 if made.curved else 2.0**7
    assert rows * largest * 2.0**scales.row < 2.0**62
    assert (rows * (0.25 if made.curved else 1.0) + 1.0) * 2.0**12 < 2.0**scales.hessian_high
    assert scales.gradient + scales.inverse + 8 <= 62
    assert scales.gain >= 24


@pytest.mark.shared
@pytest.mark.skipif(not DATA.is_dir(), reason="the credit data is not beside the checkout")
def test_credit_data_reaches_the_known_auc() -> None:
    files = [pd.read_csv(DATA / f"credit_default_{name}.csv", index_col=0) for name in ("data1", "data2", "label")]
    joined = files[0].join(files[1:], how="inner").sort_index()
    n_train, width = len(joined) - len(joined) // 5, files[0].shape[1]
    x, y = joined.to_numpy(dtype=np.float64)[:, :-1], joined.to_numpy(dtype=np.float64)[:, -1:]
    codes = {}
    for owner, table in enumerate((x[:, :width], x[:, width:])):
        binning = Binning.fit(table[:n_train], [str(k) for k in range(table.shape[1])], 32)
        codes[owner] = binning.apply(table).astype(np.int64)
    made = TreeDesign((width, x.shape[1] - width, 0), 2, (n_train, len(y) - n_train), "logistic", 10, depth=4)
    oracle = TreeOracle(made, codes, y[:n_train], 0.0)
    oracle.train(10)
    model = HistGradientBoostingClassifier(
        learning_rate=0.3,
        max_iter=10,
        max_depth=4,
        max_leaf_nodes=None,
        max_bins=32,
        l2_regularization=1.0,
        min_samples_leaf=1,
        early_stopping=False,
    ).fit(x[:n_train], y[:n_train, 0])
    ours, theirs = (roc_auc_score(y[n_train:], s) for s in (oracle.predict(), model.decision_function(x[n_train:])))
    assert ours == pytest.approx(theirs, abs=0.005)
    assert ours > 0.777
