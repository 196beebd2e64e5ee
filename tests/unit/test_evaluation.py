"""Evaluation of predictions: scikit-learn's numbers, groups of at least 20 rows, nothing that depends on row order."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from fedray.data.new_rows import NewRows
from fedray.errors import DataError
from fedray.ml.evaluation import CURVE_POINTS, evaluate
from fedray.ml.groups import LEAST, TABLE_GROUPS, groups
from fedray.parties.answers import Answers, answers_of


def scores(n: int = 500, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    p = rng.random(n)
    return (rng.random(n) < p).astype(np.float64), p


def test_numbers_are_those_of_scikit_learn() -> None:
    y, p = scores()
    found: Any = evaluate("binary", y, p)["metrics"]
    false, true, _ = metrics.roc_curve(y, p)
    assert found == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(y, p > 0.5),
            "precision": metrics.precision_score(y, p > 0.5),
            "recall": metrics.recall_score(y, p > 0.5),
            "f1": metrics.f1_score(y, p > 0.5),
            "log_loss": metrics.log_loss(y, p),
            "auc": metrics.roc_auc_score(y, p),
            "ks": np.max(true - false),
            "brier": metrics.brier_score_loss(y, p),
        }
    )


def test_regressions_and_counts() -> None:
    rng = np.random.default_rng(1)
    y = rng.poisson(3.0, 200).astype(np.float64)
    p = y + rng.random(200) + 0.1
    found: Any = evaluate("regression", y, p)
    assert found["metrics"] == pytest.approx(
        {
            "rmse": metrics.root_mean_squared_error(y, p),
            "mae": metrics.mean_absolute_error(y, p),
            "r2": metrics.r2_score(y, p),
        }
    )
    assert set(found) == {"metrics", "calibration"}
    counted: Any = evaluate("count", y, p)["metrics"]
    assert counted["deviance"] == pytest.approx(metrics.mean_poisson_deviance(y, p))
    assert set(counted) == {"rmse", "mae", "r2", "deviance", "d2"}


@settings(max_examples=60, deadline=None)
@given(st.integers(LEAST, 400), st.integers(1, 40), st.integers(1, 120), st.randoms(use_true_random=False))
def test_groups_are_large_ordered_and_never_part_equal_predictions(n: int, values: int, most: int, draw: Any) -> None:
    p = np.array([draw.randrange(values) / values for _ in range(n)])
    found = list(groups(p, most))
    assert sorted(np.concatenate(found).tolist()) == list(range(n))
    assert len(found) <= max(1, min(most, n // LEAST))
    assert all(len(group) >= LEAST for group in found)
    for above, below in pairwise(found):
        assert p[above].min() > p[below].max()


def test_tables_add_up() -> None:
    y, p = scores()
    found: Any = evaluate("binary", y, p)
    gains = found["gains"]
    assert len(gains) == TABLE_GROUPS
    assert sum(row["rows"] for row in gains) == gains[-1]["cumulative_rows"] == 500
    assert sum(row["positives"] for row in gains) == y.sum()
    assert gains[-1]["cumulative_gain"] == pytest.approx(1.0)
    assert gains[-1]["cumulative_lift"] == pytest.approx(1.0)
    top = np.argsort(-p)[: gains[0]["rows"]]
    assert gains[0]["lift"] == pytest.approx(y[top].mean() / y.mean())
    weighted = sum(row["rows"] * row["observed"] for row in found["calibration"])
    assert weighted == pytest.approx(y.sum())
    assert [row["predicted"] for row in found["calibration"]] == sorted(
        (row["predicted"] for row in found["calibration"]), reverse=True
    )
    json.dumps(found, allow_nan=False)


def test_curves_lie_on_the_exact_ones() -> None:
    y, p = scores(2000)
    points: Any = evaluate("binary", y, p)["curve"]
    assert len(points) == CURVE_POINTS + 1
    assert (points[0]["true_positive_rate"], points[0]["false_positive_rate"]) == (0.0, 0.0)
    assert (points[-1]["true_positive_rate"], points[-1]["false_positive_rate"]) == (1.0, 1.0)
    false, true, _ = metrics.roc_curve(y, p, drop_intermediate=False)
    exact = set(zip(np.round(false, 12), np.round(true, 12), strict=True))
    assert {
        (round(point["false_positive_rate"], 12), round(point["true_positive_rate"], 12)) for point in points
    } <= exact
    area = np.trapezoid(
        [point["true_positive_rate"] for point in points], [point["false_positive_rate"] for point in points]
    )
    assert area == pytest.approx(metrics.roc_auc_score(y, p), abs=2e-3)


def test_confusion_leaves_at_least_twenty_rows_between_thresholds() -> None:
    y, p = scores(300)
    rows: Any = evaluate("binary", y, p)["confusion"]
    chosen = [row["tp"] + row["fp"] for row in rows]
    assert all(before - after >= LEAST for before, after in zip([300, *chosen], chosen, strict=False))
    assert chosen[-1] >= LEAST
    for row in rows:
        assert row["tp"] == ((p > row["threshold"]) & (y == 1)).sum()
        assert row["tp"] + row["fp"] + row["tn"] + row["fn"] == 300


def test_the_order_of_the_rows_does_not_matter() -> None:
    y, p = scores(200)
    p = np.round(p, 1)
    order = np.random.default_rng(2).permutation(200)
    one, other = evaluate("binary", y, p), evaluate("binary", y[order], p[order])
    tables: Any = [one, other]
    for name in ("gains", "curve", "confusion", "calibration"):
        for row, again in zip(*(table[name] for table in tables), strict=True):
            assert row == pytest.approx(again)


def table(labels: Any, fingerprint: str = "") -> NewRows:
    values = np.asarray(labels, dtype=np.float64).reshape(len(labels), -1)
    return NewRows(values, tuple(f"y{k}" for k in range(values.shape[1])), fingerprint, named=False)


BAD: dict[str, tuple[Any, Any, str]] = {
    "few": ([0, 1] * 9, "binary", "expected at least 20 rows, so that no number tells of single ones, got 18"),
    "one class": ([0] * 20, "binary", "label column 'y0' has one value only"),
    "three classes": ([0, 1, 2, 0] * 5, "binary", "label column 'y0' must hold 0 and 1 only; row 3 holds something"),
    "below zero": ([0, 1, 2, -1] * 5, "count", "must hold counts from 0; row 4 holds something else"),
    "constant": ([2.5] * 20, "regression", "has one value only; nothing can be measured"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_labels_that_cannot_be_used(bad: tuple[Any, Any, str]) -> None:
    with pytest.raises(DataError) as caught:
        answers_of(table(bad[0]), 1, bad[1])
    assert caught.value.message.startswith("labels_path: ")
    assert bad[2] in caught.value.message


def test_too_few_columns() -> None:
    with pytest.raises(DataError, match="expected 2 columns of labels first, got 1"):
        answers_of(table([0, 1] * 10), 2, "binary")


def test_labels_of_other_rows() -> None:
    answers = answers_of(table([0, 1] * 10, "one"), 1, "binary")
    answers.check(20, "one")
    answers.check(20, "")
    with pytest.raises(DataError, match="the tables have 20 rows; 21 are predicted"):
        answers.check(21, "one")
    with pytest.raises(DataError, match="come from another alignment than the rows"):
        answers.check(20, "other")


def test_every_output_is_evaluated() -> None:
    y, p = scores(60)
    answers: Answers = answers_of(table(np.column_stack([y, 1.0 - y])), 2, "binary")
    found: Any = answers.evaluate(np.column_stack([p, 1.0 - p]))
    assert len(found) == 2
    aucs = [output["metrics"]["auc"] for output in found]
    assert aucs[0] == pytest.approx(aucs[1])
