"""Steps give what scikit-learn's transformers give, on training rows and on others, and are read back without loss."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from fedray.data.words import Vocabulary, word_of
from fedray.errors import DataError
from fedray.features.constants import Constants
from fedray.features.imputation import Imputation
from fedray.features.logistic import PROBABILITY, Logistic, Settings
from fedray.features.one_hot import OneHot
from fedray.features.rescaling import Scaling
from fedray.features.selection import Bound, Selection
from fedray.features.steps import Steps, Table

Float = npt.NDArray[np.float64]
NAN = float("nan")
KINDS: Any = {
    "constant": Constants.from_dict,
    "logistic_regression": Logistic.from_dict,
    "imputation": Imputation.from_dict,
    "one_hot": OneHot.from_dict,
    "scaling": Scaling.from_dict,
    "selection": Selection.from_dict,
}


def numbers(rows: int = 60, seed: int = 0, gaps: bool = False) -> Float:
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(rows, 3)) * (1.0, 30.0, 1e-3) + (0.0, 500.0, 7.0), 6)
    x[:, 1] = np.round(x[:, 1], -1)
    if gaps:
        x[rng.random(x.shape) < 0.2] = NAN
    return x


def table_of(x: Float) -> Table:
    return Table(tuple("abc"[: x.shape[1]]), x, {})


def of_words(cells: Sequence[str], vocabulary: Vocabulary) -> Table:
    return Table(("w",), np.array([[vocabulary.code("w", cell)] for cell in cells]), vocabulary.words())


def read_back(step: Any) -> Any:
    facts = json.loads(json.dumps(step.as_dict()))
    read = KINDS[facts["step"]](facts)
    assert read == step
    return read


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
def test_gaps_are_filled_as_scikit_learn_does(strategy: str) -> None:
    train, other = numbers(gaps=True), numbers(40, 1, gaps=True)
    step = read_back(Imputation.fit(table_of(train), None, strategy, -3.0 if strategy == "constant" else None))
    theirs = SimpleImputer(strategy=strategy, fill_value=-3.0 if strategy == "constant" else None).fit(train)
    for x in (train, other):
        made, counts = step.apply(table_of(x))
        np.testing.assert_allclose(made.values, theirs.transform(x), rtol=1e-13)
        assert counts["filled"] == np.isnan(x).sum()


def test_scaling_is_that_of_scikit_learn_for_a_constant_column_too() -> None:
    train, other = numbers(), numbers(40, 1)
    train[:, 2] = 7.1
    step = read_back(Scaling.fit(table_of(train), None, "standard"))
    theirs = StandardScaler().fit(train)
    for x in (train, other):
        np.testing.assert_allclose(step.apply(table_of(x))[0].values, theirs.transform(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("clip", [False, True])
def test_scaling_to_a_range_is_that_of_scikit_learn_to_the_last_bit(clip: bool) -> None:
    train, other = numbers(), numbers(40, 1)
    train[:, 2] = 7.1
    step = read_back(Scaling.fit(table_of(train), None, "minmax", (-1.0, 3.0), clip))
    theirs = MinMaxScaler(feature_range=(-1.0, 3.0), clip=clip).fit(train)
    for x in (train, other):
        assert np.array_equal(step.apply(table_of(x))[0].values, theirs.transform(x))


def one_hot(train: Sequence[str], other: Sequence[str], most: int | None) -> tuple[OneHot, list[Float], int]:
    words = Vocabulary(["w"])
    first = of_words(train, words)
    step = read_back(OneHot.fit(first, ["w"], most))
    again, counts = step.apply(of_words(other, words))
    return step, [step.apply(first)[0].values, again.values], counts["unseen"]


@given(
    st.lists(st.sampled_from(["a", "b", "c", "10", "9", "x y"]), min_size=1, max_size=30),
    st.lists(st.sampled_from(["a", "b", "10", "z"]), min_size=1, max_size=9),
    st.none() | st.integers(1, 7),
)
def test_categories_are_those_of_scikit_learn(train: list[str], other: list[str], most: int | None) -> None:
    # numbers sort by value here, and as text there: so their order is told
    order = [sorted(set(train), key=lambda word: (not word.isdigit(), float(word) if word.isdigit() else 0, word))]
    theirs = OneHotEncoder(categories=order, max_categories=most, handle_unknown="ignore", sparse_output=False)
    column = np.array(train, dtype=object)[:, None]
    theirs.fit(column)
    _, made, unseen = one_hot(train, other, most)
    assert np.array_equal(made[0], theirs.transform(column))
    assert np.array_equal(made[1], theirs.transform(np.array(other, dtype=object)[:, None]))
    assert unseen == sum(word not in train for word in other)


@given(st.lists(st.sampled_from([1.0, 2.5, 10.0, NAN]), min_size=1, max_size=30), st.none() | st.integers(1, 5))
def test_categories_that_are_numbers_and_gaps_are_those_of_scikit_learn(train: list[float], most: int | None) -> None:
    theirs = OneHotEncoder(max_categories=most, handle_unknown="ignore", sparse_output=False)
    expected = theirs.fit_transform(np.array(train)[:, None])
    step, made, _ = one_hot(["" if np.isnan(x) else f"{x:.3f}" for x in train], ["7"], most)
    assert np.array_equal(made[0], expected)
    assert not made[1].any()
    names = step.categories["w"].names("w")
    assert len(set(names)) == len(names) == expected.shape[1]
    assert not any("10" in name or "2.5" in name for name in names)  # no value of a cell is in a name


def test_words_of_numbers_do_not_depend_on_how_they_are_written() -> None:
    assert {word_of(text) for text in ("7", " 7.0", "+7", "0.7e1")} == {"7"}
    assert word_of("007a") == "007a"
    assert word_of("1e999") == "1e999"


def test_words_are_filled_by_the_most_frequent_or_by_a_constant() -> None:
    words = Vocabulary(["w"])
    table = of_words(["b", "a", "", "b", "a", ""], words)
    assert Imputation.fit(table, ["w"], "most_frequent").fills == {"w": "a"}  # the first of two in their order
    step = read_back(Imputation.fit(table, ["w"], "constant", "none at all"))
    made, counts = step.apply(table)
    assert [made.words["w"][int(k)] for k in made.values[:, 0]] == ["b", "a", "none at all", "b", "a", "none at all"]
    assert counts["filled"] == 2
    assert Imputation.fit(table, ["w"], "constant").fills == {"w": "missing_value"}


def test_steps_follow_each_other_and_count() -> None:
    words = Vocabulary(["w"])
    codes = [words.code("w", cell) for cell in ("u", "v", "", "u", "z")]
    x = np.array([[1.0, codes[0]], [NAN, codes[1]], [3.0, codes[2]], [5.0, codes[3]], [NAN, codes[4]]])
    train = Table(("n", "w"), x[:4], words.words())
    fits: Any = [
        lambda table: Imputation.fit(table, None, "mean"),
        lambda table: OneHot.fit(table, ["w"], None),
        lambda table: Scaling.fit(table, ["n"], "minmax"),
        lambda table: Selection(("w_missing",)),
    ]
    steps = Steps.fit(train, fits)
    assert (steps.given, steps.words, steps.columns) == (("n", "w"), ("w",), ("n", "w_cat1", "w_cat2"))
    steps = Steps.from_dict(json.loads(json.dumps(steps.as_dict())), KINDS)
    columns, counts = steps.code({"train": x[:4], "test": x[4:]}, words.words())
    made = {
        column.name: [np.array(column.values)[column.codes[part]] for part in ("train", "test")] for column in columns
    }
    assert made["n"][0].tolist() == [0.0, 0.5, 0.5, 1.0]
    assert made["w_cat1"][0].tolist() == [1.0, 0.0, 0.0, 1.0]
    assert [made[name][1].tolist() for name in made] == [[0.5], [0.0], [0.0]]
    assert counts == {"filled": 2, "unseen": 1}


def test_what_cannot_be_done_is_said() -> None:
    gaps, words = numbers(gaps=True), Vocabulary(["w"])
    letters = of_words(["a", "b"], words)
    many = Vocabulary(["w"])
    cases: list[tuple[Any, str]] = [
        (
            lambda: Scaling.fit(table_of(gaps), None, "standard"),
            "column 'a' has 1. gaps; fill them by a step imputation",
        ),
        (lambda: Scaling.fit(letters, ["w"], "standard"), "column 'w' holds categories"),
        (lambda: Imputation.fit(letters, ["w"], "mean"), "expected most_frequent or constant, got mean"),
        (lambda: Imputation.fit(table_of(gaps), ["z"], "mean"), "there is no column 'z'; known are 'a', 'b', 'c'"),
        (lambda: Imputation.fit(table_of(gaps * NAN), None, "median"), "column 'a' has no value in the train part"),
        (lambda: Imputation.fit(table_of(gaps), ["a"], "constant", "x"), "expected a number as fill_value"),
        (lambda: OneHot.fit(of_words([f"v{k}" for k in range(1001)], many), ["w"], None), "more than 1000 categories"),
        (lambda: Steps.fit(letters, []), "column 'w' still holds categories"),
        (lambda: Steps.fit(table_of(gaps), [lambda t: Scaling.fit(t, None, "minmax")]), r"steps\[0\]: column 'a' has"),
    ]
    for act, said in cases:
        with pytest.raises(DataError, match=said):
            act()
    with pytest.raises(DataError, match="two columns would be named 'w_cat1'"):
        table = Table(("w", "w_cat1"), np.zeros((2, 2)), {"w": ("a",)})
        OneHot.fit(table, ["w"], None).apply(table)
    with pytest.raises(DataError, match="as they were written"):
        Steps.from_dict({"given": ["a"]}, KINDS)


def test_columns_of_one_value_are_put_behind_the_others() -> None:
    table = table_of(numbers())
    step = read_back(Constants.fit(table, {"d": 2, "e": -0.5}))
    made, counts = step.apply(table)
    assert made.columns == ("a", "b", "c", "d", "e")
    assert np.array_equal(made.values[:, :3], table.values)
    assert np.array_equal(made.values[:, 3:], np.tile([2.0, -0.5], (60, 1)))
    assert not counts
    with pytest.raises(DataError, match="there is a column 'b' already"):
        Constants.fit(table, {"b": 1.0})


@pytest.mark.parametrize(
    "settings",
    [Settings(), Settings(c=3.0, fit_intercept=False), Settings(class_weight={"0": 0.5, "1": 2.0}, max_iter=500)],
)
def test_probabilities_are_those_of_scikit_learn(settings: Settings) -> None:
    x = numbers(200)
    y = (x[:, 0] + (x[:, 2] - 7.0) * 300 > 0.1).astype(np.float64)
    step = read_back(Logistic.fit(table_of(x), y, settings))
    made, _ = step.apply(table_of(x))
    weights = {0: 0.5, 1: 2.0} if settings.class_weight else None
    options = {"C": settings.c, "fit_intercept": settings.fit_intercept, "max_iter": settings.max_iter}
    model = LogisticRegression(class_weight=weights, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # columns are not scaled, so it may not come to its end
        model.fit(x, y)
    assert made.columns == (PROBABILITY,)
    np.testing.assert_allclose(made.values[:, 0], model.predict_proba(x)[:, 1], atol=1e-12)
    far, _ = step.apply(table_of(np.array([[1e300, 0.0, 0.0], [-1e300, 0.0, 0.0]])))
    assert sorted(far.values[:, 0]) == [0.0, 1.0]


def test_a_regression_wants_numbers_and_both_labels() -> None:
    table = table_of(numbers())
    for labels in (np.ones(60), np.arange(60) % 3):
        with pytest.raises(DataError, match="takes a label that is 0 or 1, and both of them"):
            Logistic.fit(table, labels.astype(np.float64), Settings())
    with pytest.raises(DataError, match="column 'a' has 1 gap"):
        values = table.values.copy()
        values[3, 0] = NAN
        Logistic.fit(table_of(values), (np.arange(60) % 2).astype(np.float64), Settings())
    with pytest.raises(DataError, match="takes columns of numbers, at least one"):
        Logistic.fit(Table((), np.empty((60, 0)), {}), (np.arange(60) % 2).astype(np.float64), Settings())


BOUNDS: list[tuple[Bound, set[str]]] = [
    (Bound("mean", least=1.0), {"a", "d"}),
    (Bound("mean", most=1.0), {"b", "c"}),
    (Bound("std", least=0.5), {"d"}),
    (Bound("min", least=0.0), {"a"}),
    (Bound("median", least=1.0, most=5.5), {"a", "c", "d"}),
    (Bound("max", most=9.0), {"b"}),
    (Bound("range", least=1e-5), {"d"}),
    (Bound("variation", least=0.5), {"c", "d"}),
    (Bound("mode_part", most=0.5), {"d"}),
    (Bound("quantile", most=8.5, quantile=0.9), {"b"}),
]


@pytest.mark.parametrize(("bound", "out"), BOUNDS, ids=[one.statistic for one, _ in BOUNDS])
def test_columns_are_left_out_whose_values_are_out_of_bounds(bound: Bound, out: set[str]) -> None:
    """Columns: a from -1 to 1, b from 0 to 10, c from 2 to 9 with a gap, d of one value."""
    n = np.arange(11.0)
    c = np.where(n == 4, NAN, np.linspace(2.0, 9.0, 11))
    values = np.column_stack([n / 5 - 1, n, c, np.full(11, 0.5)])
    table = Table(("a", "b", "c", "d"), values, {})
    assert set(bound.against(table)) == out
    gaps = Table(("g",), np.full((5, 1), NAN), {})
    assert bound.against(gaps) == ["g"]


def test_a_statistic_that_is_unknown() -> None:
    with pytest.raises(DataError, match="statistic: expected quantile, vif or one of mean, std"):
        Bound("skewness", least=1.0).against(table_of(numbers()))


def test_columns_that_the_others_explain_are_left_out() -> None:
    """The third column is nearly the sum of the others; the fourth is on its own; few rows of the fifth differ."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(300, 5))
    x[:, 2] = x[:, 0] + x[:, 1] + 0.1 * x[:, 2]
    x[:, 4] = np.arange(300) < 10
    table = Table(("a", "b", "c", "d", "e"), x, {})
    assert Bound("vif", most=5.0).against(table) == ["a", "b", "c"]
    assert Bound("vif", least=5.0).against(table) == ["d", "e"]
    assert Bound("vif", most=5.0).against(Table((), np.empty((300, 0)), {})) == []
