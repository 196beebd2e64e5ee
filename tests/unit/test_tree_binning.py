"""Bins of columns: quantiles, few values, missing values, constant columns, and the way to disk and back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.errors import DataError
from fedray.trees.binning import Binning


def test_few_values_have_a_bin_each() -> None:
    x = np.array([[3.0], [1.0], [2.0], [1.0]])
    binning = Binning.fit(x, ["a"], 8)
    assert binning.apply(x)[:, 0].tolist() == [2, 0, 1, 0]
    assert binning.apply(np.array([[-5.0], [1.4], [1.6], [9.0]]))[:, 0].tolist() == [0, 0, 1, 2]


def test_many_values_have_bins_of_about_equal_counts() -> None:
    x = np.random.default_rng(0).normal(size=(10_000, 1)) ** 3
    counts = np.bincount(Binning.fit(x, ["a"], 32).apply(x)[:, 0].astype(int))
    assert counts.size == 32
    assert counts.min() > 300
    assert counts.max() < 320


def test_one_frequent_value_takes_one_bin() -> None:
    x = np.concatenate([np.zeros(900), np.arange(1, 101)])[:, None]
    binning = Binning.fit(x, ["a"], 4)
    assert binning.edges[0] == (0.0,)
    assert np.unique(binning.apply(x)).tolist() == [0, 1]


def test_missing_values_have_the_last_bin() -> None:
    x = np.array([[1.0], [np.nan], [2.0]])
    binning = Binning.fit(x, ["a"], 5)
    assert binning.apply(x)[:, 0].tolist() == [0, 5, 1]


def test_constant_columns_are_left_out_with_a_note() -> None:
    gap = np.nan
    x = np.array([[7.0, 1.0, gap, 4.0], [7.0, 2.0, gap, gap], [7.0, 2.0, gap, 4.0]])
    binning = Binning.fit(x, ["same", "varies", "nothing", "gaps"], 4)
    assert binning.columns == ("varies", "gaps")
    assert [note.split()[1] for note in binning.notes()] == ["'same'", "'nothing'"]
    assert binning.apply(x).tolist() == [[0, 0], [1, 4], [1, 0]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40), st.integers(2, 9))
def test_bins_keep_the_order_and_survive_json(values: list[float], bins: int) -> None:
    x = np.array(values)[:, None]
    binning = Binning.fit(x, ["a"], bins)
    again = Binning.from_dict(json.loads(json.dumps(binning.as_dict())))
    assert again == binning
    codes = binning.apply(x)
    if not binning.kept:
        assert np.unique(x).size == 1
        return
    assert codes.min() >= 0
    assert codes.max() < bins
    order = np.argsort(x[:, 0], kind="stable")
    assert (np.diff(codes[order, 0]) >= 0).all()
    if np.unique(x).size <= bins:
        assert np.unique(codes).size == np.unique(x).size


def test_another_width_is_refused() -> None:
    with pytest.raises(DataError, match="a table of 1 columns, got 2"):
        Binning.fit(np.array([[1.0], [2.0]]), ["a"], 4).apply(np.zeros((3, 2)))


@pytest.mark.parametrize("change", [{"kept": [1]}, {"edges": [[2.0, 1.0]]}, {"edges": None}, {"kept": []}])
def test_a_damaged_document_is_refused(change: dict[str, object]) -> None:
    good = Binning.fit(np.array([[1.0], [2.0]]), ["a"], 4).as_dict()
    with pytest.raises(DataError, match="binning: expected"):
        Binning.from_dict({**good, **change})
