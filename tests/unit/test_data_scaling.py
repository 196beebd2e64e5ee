"""Scaling: fitted once, replayed to the last digit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fedray.data.scaling import Standardizer
from fedray.errors import DataError, RangeGuardError

VALUES = st.floats(-1e6, 1e6, allow_subnormal=False)


def test_by_hand() -> None:
    train = np.array([[1.0, 5.0, -2.0], [3.0, 5.0, 2.0]])
    fit = Standardizer.fit(train, ["a", "b", "c"])
    assert fit.mean == (2.0, 5.0, 0.0)
    assert fit.std == (1.0, 1.0, 2.0)
    assert fit.constant == (False, True, False)
    assert fit.apply(train).tolist() == [[-1, 0, -1], [1, 0, 1]]
    assert fit.apply(np.array([[4.0, 7.0, 4.0]])).tolist() == [[2, 0, 2]]
    assert fit.notes() == ("column 'b' has one value only in the train part: it counts as 0",)


@given(arrays(np.float64, (7, 3), elements=VALUES))
def test_mean_zero_deviation_one(train: np.ndarray) -> None:
    scaled = Standardizer.fit(train, "abc").apply(train)
    for k in range(3):
        spread = np.ptp(train[:, k])
        if spread == 0:
            assert not scaled[:, k].any()
        elif spread > 1e-3 * np.abs(train[:, k]).max():
            assert abs(scaled[:, k].mean()) < 1e-9
            assert abs(scaled[:, k].std() - 1) < 1e-9


@pytest.mark.parametrize("factor", [1e308, 1e-300, 5e-324])
def test_extreme_magnitudes(factor: float) -> None:
    train = np.array([[-1.0], [1.0], [0.0], [0.0]]) * factor
    scaled = Standardizer.fit(train, ["x"]).apply(train)
    assert np.allclose(scaled[:, 0], [-np.sqrt(2), np.sqrt(2), 0, 0], rtol=0.5)
    assert np.isfinite(scaled).all()


def test_a_constant_that_is_no_binary_fraction() -> None:
    train = np.full((1001, 1), 0.1)
    fit = Standardizer.fit(train, ["x"])
    assert fit.constant == (True,)
    assert not fit.apply(train).any()


def test_one_row() -> None:
    assert Standardizer.fit(np.array([[3.0]]), ["x"]).apply(np.array([[4.0]])).tolist() == [[0.0]]


def test_none_changes_nothing() -> None:
    train = np.array([[1.0, 7.5], [1.0, -2.0]])
    fit = Standardizer.fit(train, ["one", "x"], scale="none")
    assert fit.apply(train).tolist() == train.tolist()
    assert fit.notes() == ()


def test_bound_names_the_column_and_no_value() -> None:
    fit = Standardizer.fit(np.array([[1.0, 1.0], [2.0, -1.0]]), ["a", "income"])
    x = np.array([[1.0, 0.0], [2.0, 77.125], [1.0, -88.5]])
    words = r"column 'income': 2 of 3 values are larger than 64 in magnitude after scaling, first at row 2"
    with pytest.raises(RangeGuardError, match=words) as caught:
        fit.apply(x, bound=64)
    assert "77" not in caught.value.message
    assert fit.apply(x, bound=88.5).shape == (3, 2)


def test_overflow_is_out_of_range() -> None:
    fit = Standardizer.fit(np.array([[1e-10], [2e-10]]), ["x"])
    with pytest.raises(RangeGuardError, match="'x'"):
        fit.apply(np.array([[1e305]]))
    wide = Standardizer.fit(np.array([[-1e308], [-1e308], [1e308]]), ["x"])
    with pytest.raises(RangeGuardError):
        wide.apply(np.array([[1.7e308]]))


def test_wrong_width() -> None:
    with pytest.raises(DataError, match="expected a table of 1 columns, got 2"):
        Standardizer.fit(np.array([[1.0], [2.0]]), ["x"]).apply(np.zeros((1, 2)))


@given(arrays(np.float64, (5, 2), elements=VALUES))
def test_dict_round_trip(train: np.ndarray) -> None:
    fit = Standardizer.fit(train, ["ä", "b"])
    assert Standardizer.from_dict(json.loads(json.dumps(fit.as_dict()))) == fit


@pytest.mark.parametrize(
    "change",
    [
        {"mean": [1.0]},
        {"mean": None},
        {"std": [0.0, 1.0]},
        {"std": [float("nan"), 1.0]},
        {"mean": ["x", 1.0]},
        {"mean": [float("inf"), 1.0]},
        {"columns": "ab"},
    ],
)
def test_bad_dicts(change: dict[str, object]) -> None:
    fit = Standardizer.fit(np.array([[1.0, 2.0], [3.0, 4.0]]), ["a", "b"])
    with pytest.raises(DataError, match=r"^scaling: "):
        Standardizer.from_dict({**fit.as_dict(), **change})
