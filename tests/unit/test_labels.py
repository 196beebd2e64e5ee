"""Labels in a model's units, weights of classes, and the judge of early stopping."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.data.load import Split
from fedray.errors import DataError
from fedray.ml import metrics
from fedray.parties.labels import Target, binary, counted, measured
from fedray.parties.stopping import Stopping


def split(train: list[float], test: list[float]) -> Split:
    return Split(np.array(train)[:, None], np.array(test)[:, None], ("y",), "")


def test_a_measured_label_is_standardised_on_the_training_rows() -> None:
    target = measured(split([1.0, 3.0, 5.0], [7.0, 9.0]))
    assert target.centre == 3.0
    assert target.unit == pytest.approx(np.std([1.0, 3.0, 5.0]))
    assert target.train[:, 0] * target.unit + target.centre == pytest.approx([1.0, 3.0, 5.0])
    assert target.test[:, 0].tolist() == [7.0, 9.0]


def test_a_count_is_taken_over_its_mean() -> None:
    target = counted(split([0.0, 1.0, 5.0], [2.0, 0.0]))
    assert (target.centre, target.unit) == (0.0, 2.0)
    assert target.train[:, 0].tolist() == [0.0, 0.5, 2.5]


def test_there_must_be_a_label() -> None:
    empty = Split(np.zeros((2, 0)), np.zeros((2, 0)), (), "")
    with pytest.raises(DataError, match="have 0 columns; the model has 1 outputs"):
        measured(empty)


@given(st.integers(1, 199))
def test_balanced_weights_make_both_classes_alike(positive: int) -> None:
    y = (np.arange(200) < positive).astype(np.float64)
    target = Target(y[:, None], y[:, None]).weighed(None)
    assert target.weights is not None
    w = target.weights[:, 0]
    assert w[y == 1].sum() == pytest.approx(w[y == 0].sum(), rel=4e-3)
    assert w.mean() == pytest.approx(1.0, rel=4e-3)
    assert np.array_equal(w * 256, np.rint(w * 256))


@pytest.mark.parametrize(("zero", "one"), [(1.0, 5.0), (5.0, 1.0), (0.1, 1000.0), (3.0, 3.0)])
def test_given_weights_keep_their_ratio(zero: float, one: float) -> None:
    y = np.array([[0.0], [1.0]])
    target = binary(Split(y, y, ("y",), ""), 1).weighed({"0": zero, "1": one})
    assert target.weights is not None
    a, b = target.weights[:, 0]
    assert a / b == pytest.approx(zero / one, rel=4e-3)
    assert a == pytest.approx(zero, rel=2e-2)


def test_stopping_counts_tests_without_gain() -> None:
    judge = Stopping("auc", 0.1, 2)
    told = [judge.judge({"auc": score, "loss": 0.0}) for score in (0.5, 0.7, 0.75, 0.86, 0.9, 0.85)]
    assert [verdict["best"] for verdict in told] == [True, True, True, True, True, False]
    assert [verdict["stop"] for verdict in told] == [False, False, False, False, False, True]


def test_a_score_that_is_no_number_is_no_gain() -> None:
    judge = Stopping("r2", 0.0, 1)
    assert judge.judge({"r2": math.nan}) == {"best": False, "stop": True}


def test_metrics_of_regressions() -> None:
    y, p = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [3.0], [2.0]])
    found = metrics.evaluate("regression", y, p)
    assert found == pytest.approx({"rmse": math.sqrt(5 / 3), "mae": 1.0, "r2": 1 - 5 / np.var(y) / 3})
    deviance = 2 * np.mean(y * np.log(y / p) - y + p)
    null = 2 * np.mean(y * np.log(y / y.mean()))
    assert metrics.loss("poisson", y, p) == pytest.approx(deviance)
    assert metrics.evaluate("poisson", y, p) == pytest.approx({"deviance": deviance, "d2": 1 - deviance / null})
