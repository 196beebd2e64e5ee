"""Bins, weights of evidence, statistics and advice, each against plain arithmetic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedray.errors import DataError, RemoteProtocolError
from fedray.features.advice import MOST_INFLATED, advise, inflation
from fedray.features.cutting import cut, slots
from fedray.features.describing import LEAST_ROWS, describe, standardise
from fedray.features.evidence import Evidence, Grouped, join_locally, weigh

NAN = float("nan")


def column(*values: float) -> Any:
    return np.array(values, dtype=np.float64)[:, None]


def test_quantile_bins_have_about_as_many_rows_and_missing_values_a_slot_of_their_own() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1000, 1))
    x[:50] = NAN
    found = slots(cut(x, ("a",), 5, "quantile"), x)[:, 0]
    assert np.bincount(found).tolist() == [50, 190, 190, 190, 190, 190]


def test_bins_of_equal_width_are_those_of_pandas() -> None:
    rng = np.random.default_rng(1)
    x = np.round(rng.exponential(size=(500, 1)), 3)
    binning = cut(x, ("a",), 7, "equal_width")
    wanted = pd.cut(x[:, 0], np.linspace(x.min(), x.max(), 8), labels=False, include_lowest=True)
    assert np.array_equal(slots(binning, x)[:, 0] - 1, wanted)


@pytest.mark.parametrize("method", ["quantile", "equal_width"])
def test_columns_of_one_value_are_left_out_and_noted(method: str) -> None:
    x = np.hstack([column(1, 2, 3, 4), column(7, 7, 7, 7), column(NAN, 5, 5, 5), column(NAN, NAN, NAN, NAN)])
    binning = cut(x, ("a", "b", "c", "d"), 2, method)
    assert binning.columns == ("a", "c")
    assert [note.split("'")[1] for note in binning.notes()] == ["b", "d"]
    assert slots(binning, x).tolist() == [[1, 0], [1, 1], [2, 1], [2, 1]]


def test_equal_width_of_numbers_at_the_ends_of_floats() -> None:
    x = column(-1.7e308, 1.7e308, 0.0, 1.0)
    binning = cut(x, ("a",), 4, "equal_width")
    assert slots(binning, x)[:, 0].tolist() == [1, 4, 2, 3]
    close = column(1.0, np.nextafter(1.0, 2.0))
    assert slots(cut(close, ("a",), 64, "equal_width"), close)[:, 0].tolist() == [1, 2]


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=80),
    st.integers(1, 6),
)
def test_joined_bins_are_neighbours_that_have_enough_of_both(rows: list[tuple[int, bool]], least: int) -> None:
    codes = np.array([slot for slot, _ in rows])
    y = np.array([float(label) for _, label in rows])
    made = join_locally(codes, y, 7, least)
    assert made.ends[-1] == 6
    assert sum(made.positives) == y.sum()
    starts = (0, *(end + 1 for end in made.ends[:-1]))
    for start, end, positives in zip(starts, made.ends, made.positives, strict=True):
        inside = (codes >= start) & (codes <= end)
        assert y[inside].sum() == positives
        assert len(made.ends) == 1 or least <= positives <= inside.sum() - least
    # and they are the first that do: one slot less would be too few, but for the last one
    for start, end in list(zip(starts, made.ends, strict=True))[:-1]:
        inside = (codes >= start) & (codes < end)
        assert min(y[inside].sum(), inside.sum() - y[inside].sum()) < least


def test_weights_and_information_value_are_the_textbook_s() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 4, 2000)
    y = (rng.random(2000) < np.array([0.2, 0.3, 0.5, 0.6])[codes]).astype(np.float64)
    grouped = join_locally(codes, y, 4, 20)
    made = weigh(codes, 4, grouped, (int((1 - y).sum()), int(y.sum())))
    table = pd.crosstab(codes, y)
    good, bad = table[0.0] / table[0.0].sum(), table[1.0] / table[1.0].sum()
    woe = np.log(bad / good)
    assert made.woe == pytest.approx(woe.tolist(), rel=1e-12)
    assert made.iv == pytest.approx(float(((bad - good) * woe).sum()), rel=1e-12)
    assert made.rows == tuple(table.sum(axis=1))
    assert made.by_slot.tolist() == list(made.woe)
    assert made.missing == made.woe[0]


def test_a_value_that_was_never_missing_weighs_nothing_where_it_is() -> None:
    codes = np.array([1, 1, 2, 2] * 20)
    y = np.array([0.0, 1.0, 1.0, 1.0] * 10 + [0.0, 0.0, 1.0, 0.0] * 10)
    made = weigh(codes, 3, join_locally(codes, y, 3, 5), (int((1 - y).sum()), int(y.sum())))
    assert made.missing == 0.0
    assert made.by_slot.tolist() == [0.0, *made.woe]


def test_bins_that_cannot_be_are_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="rows of one label only"):
        weigh(np.array([0, 0, 1, 1]), 2, Grouped((0, 1), (2, 1)), (1, 3))
    with pytest.raises(RemoteProtocolError, match="rows of one label only"):
        weigh(np.array([0, 0, 1, 1]), 2, Grouped((0, 1), (0, 1)), (3, 1))


def evidence(iv_min: float = 0.0) -> tuple[Evidence, Any]:
    rng = np.random.default_rng(3)
    x = np.hstack([rng.normal(size=(400, 2)), np.ones((400, 1))])
    x[::9, 1] = NAN
    y = (x[:, 0] + rng.normal(size=400) > 0).astype(np.float64)
    binning = cut(x, ("a", "b", "c"), 4, "quantile")
    label = (int((1 - y).sum()), int(y.sum()))
    codes = slots(binning, x).T
    weighed = tuple(weigh(one, 5, join_locally(one, y, 5, 20), label) for one in codes)
    return Evidence(binning, weighed, iv_min), x


def test_a_map_is_read_back_without_loss_and_gives_the_same_weights() -> None:
    made, x = evidence()
    read = Evidence.from_dict(made.as_dict())
    assert read == made
    assert read.columns == ("a_woe", "b_woe")
    columns, _ = read.code({"train": x}, {})
    for column, weighed in zip(columns, made.weighed, strict=True):
        codes = column.codes["train"]
        assert set(codes) == {0, 1, 2, 3, 4} if np.isnan(x[:, 1]).any() and 0 in codes else {1, 2, 3, 4}
        assert column.values == weighed.by_slot.tolist()


def test_columns_below_the_least_information_value_are_left_out_and_noted() -> None:
    made, x = evidence(iv_min=0.3)
    assert made.columns == ("a_woe",)
    assert len(made.code({"train": x}, {})[0]) == 1
    assert [told["selected"] for told in made.told()] == [True, False]
    notes = list(made.notes())
    assert "'c' has one value only" in notes[0]
    assert "'b': its information value" in notes[1]


@pytest.mark.parametrize("change", ["ends", "woe", "binning", "weighed", "nan"])
def test_damaged_maps_are_refused(change: str) -> None:
    facts: Any = evidence()[0].as_dict()
    if change in ("binning", "weighed"):
        del facts[change]
    elif change == "nan":
        facts["weighed"][0]["woe"] = [NAN] * len(facts["weighed"][0]["woe"])
    else:
        facts["weighed"][0][change] = facts["weighed"][0][change][:-1]
    with pytest.raises(DataError, match="transform: expected binning"):
        Evidence.from_dict(facts)


def test_statistics_are_those_of_pandas() -> None:
    rng = np.random.default_rng(4)
    x = np.round(rng.normal(3.0, 2.0, 300), 1)
    x[::10] = NAN
    series = pd.Series(x)
    told = describe("a", x)
    assert told["column"] == "a"
    assert (told["count"], told["missing"], told["distinct"]) == (300, 30, series.nunique())
    numbers = [told[name] for name in ("mean", "std", "min", "q25", "median", "q75", "max")]
    wanted = [series.mean(), series.std(ddof=0), series.min(), *series.quantile([0.25, 0.5, 0.75]), series.max()]
    assert numbers == pytest.approx(wanted, rel=1e-12)


def test_statistics_of_a_column_without_values_and_of_one_value() -> None:
    nothing = describe("a", np.array([NAN, NAN]))
    assert (nothing["missing"], nothing["distinct"], nothing["mean"], nothing["max"]) == (2, 0, None, None)
    same = describe("a", np.array([1e300, 1e300]))
    assert (same["mean"], same["std"], same["distinct"]) == (1e300, 0.0, 1)


def test_columns_that_single_out_few_rows_are_not_correlated() -> None:
    rng = np.random.default_rng(5)
    rows = 100
    flag = np.zeros(rows)
    flag[: LEAST_ROWS - 1] = 1.0
    enough = np.zeros(rows)
    enough[:LEAST_ROWS] = 1.0
    gaps = np.full(rows, NAN)
    gaps[: LEAST_ROWS - 1] = rng.normal(size=LEAST_ROWS - 1)
    x = np.stack([flag, enough, np.ones(rows), gaps, rng.normal(size=rows)], axis=1)
    made = standardise(x, ("flag", "enough", "same", "gaps", "good"))
    assert made.columns == ("enough", "good")
    assert made.left_out == ("flag", "same", "gaps")
    assert all("fewer than 20 rows" in note for note in made.notes())
    assert made.values.mean(axis=0) == pytest.approx(0.0, abs=1e-12)
    assert made.values.std(axis=0) == pytest.approx(1.0)
    assert standardise(x[:, :1], ("flag",)).values.shape == (rows, 0)


def test_a_missing_value_counts_as_the_mean() -> None:
    x = np.random.default_rng(6).normal(size=(90, 1))
    x[::5] = NAN
    made = standardise(x, ("a",)).values[:, 0]
    filled = np.where(np.isnan(x[:, 0]), np.nanmean(x), x[:, 0])
    assert made == pytest.approx((filled - filled.mean()) / filled.std())


def test_inflation_is_that_of_the_regression_on_the_others() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(500, 5))
    x[:, 4] = x[:, 0] + 0.5 * x[:, 1] + 0.3 * rng.normal(size=500)
    x -= x.mean(axis=0)
    found = inflation(np.corrcoef(x.T))
    for k in range(5):
        others = np.delete(x, k, axis=1)
        residual = x[:, k] - others @ np.linalg.lstsq(others, x[:, k], rcond=None)[0]
        assert found[k] == pytest.approx(x[:, k].var() / residual.var(), rel=1e-6)
    assert len(inflation(np.zeros((0, 0)))) == 0


def test_columns_that_depend_on_each_other_do_not_spoil_the_others() -> None:
    rng = np.random.default_rng(8)
    x = rng.normal(size=(500, 4))
    x = np.hstack([x, x[:, :1] - x[:, 1:2]])
    alone = inflation(np.corrcoef(x[:, [2, 3]].T))
    found = inflation(np.corrcoef(x.T))
    assert found[[0, 1, 4]].min() > 1e5
    assert found.max() <= MOST_INFLATED
    assert found[2:4] == pytest.approx(alone, abs=0.02)


def test_what_is_left_keeps_both_bounds_and_nothing_is_left_out_without_need() -> None:
    rng = np.random.default_rng(9)
    x = rng.normal(size=(400, 6))
    x[:, 1] = x[:, 0] + 0.1 * rng.normal(size=400)
    x[:, 5] = x[:, 2] + x[:, 3] + 0.2 * rng.normal(size=400)
    matrix = np.corrcoef(x.T)
    out = advise(matrix, 0.8, 5.0)
    left = [k for k in range(6) if k not in out]
    now = matrix[np.ix_(left, left)]
    assert len(out) == 2
    assert inflation(now).max() <= 5.0
    assert np.abs(now - np.eye(len(left))).max() <= 0.8
    assert advise(matrix, None, None) == []
    assert set(advise(matrix, 0.8, None)) < {0, 1}
    assert advise(np.eye(3), 0.8, 5.0) == []
    assert math.isclose(inflation(np.eye(3)).max(), 1.0)
