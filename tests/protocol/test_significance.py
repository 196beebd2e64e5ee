"""z values of coefficients on shares: against float64, and what leaves its domain."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from fedray.ml.linear_design import LinearDesign
from fedray.ml.significance import TAG, Found, Significance
from fedray.ml.significance_design import SignificanceDesign
from fedray.mpc import Session
from fedray.mpc.cut import Cut, cut
from fedray.mpc.dealer import Supply
from fedray.mpc.inverse import BITS, Inverse, invert
from fedray.mpc.schedule import Segment
from fedray.mpc.share import Share
from fedray.ring import Ring, decode, encode
from tests.linears import Linear, design
from tests.parties import Played, compute, joined, split
from tests.plain import z_values
from tests.uniform import assert_words_uniform, sent

Float = npt.NDArray[np.float64]


def given(made: LinearDesign, w: Float, intercept: float) -> list[dict[str, Ring]]:
    """Return each party's summands of known weights."""
    rng, size = np.random.default_rng(1), len(made.features)
    parts: list[dict[str, Ring]] = [{} for _ in range(size)]
    for owner, place in made.places.items():
        for part, mine in zip(parts, split(encode(w[place], made.scales.w), size, rng), strict=True):
            part[f"weights_{owner}"] = mine
    for part, mine in zip(parts, split(encode([intercept], made.scales.intercept), size, rng), strict=True):
        part["intercept"] = mine
    return parts


def fitted(task: Linear, intercept: bool = True) -> tuple[Float, float]:
    """Return the weights of the best fit, by Newton's method in float64."""
    x = np.hstack([task.train, np.ones((len(task.train), 1))]) if intercept else task.train
    w = np.zeros((x.shape[1], 1))
    for _ in range(20):
        if task.design.objective == "linear":
            w = np.linalg.lstsq(x, task.labels, rcond=None)[0]
            break
        p = 1.0 / (1.0 + np.exp(-x @ w))
        w += np.linalg.solve(x.T @ (x * p * (1.0 - p)), x.T @ (task.labels - p))
    return (w[:-1], float(w[-1, 0])) if intercept else (w, 0.0)


def found(task: Linear, w: Float, intercept: float) -> Played[Found]:
    """Work z values out on shares."""
    made, parts = task.design, given(task.design, w, intercept)
    plan = SignificanceDesign(made)

    def protocol(s: Session, supply: Supply) -> Found:
        return Significance(s, made, supply, task.inputs(s.rank), parts[s.rank]).find()

    tags, segments = (TAG, "range_guard"), list(plan.segments())
    return compute(len(made.features), protocol, segments, plan.matrices, corrected=made.label, reveals=tags)


CASES: dict[str, dict[str, Any]] = {
    "logistic": {"objective": "logistic", "rows": (700, 5)},
    "three parties": {"objective": "logistic", "features": (2, 3, 1), "rows": (400, 5)},
    "blocks": {"objective": "logistic", "rows": (4500, 5)},
    "linear": {"objective": "linear", "rows": (600, 5)},
    "few rows": {"objective": "linear", "rows": (40, 5)},
    "a label without columns": {"objective": "linear", "features": (3, 2, 0), "rows": (300, 5)},
    "no intercept": {"objective": "logistic", "rows": (500, 5), "intercept": False},
    "fine": {"objective": "linear", "rows": (300, 5), "cost_tol": 1e-4},
}


@pytest.mark.parametrize("case", CASES)
def test_z_values_are_those_in_clear(case: str) -> None:
    other = {"features": (3, 2), **CASES[case]}
    made = design(other.pop("features"), other.pop("objective"), **other)
    task = Linear.made_up(made)
    w, intercept = fitted(task, made.intercept)
    played = found(task, w, intercept)
    results = played.all()[:-1]
    expected, of_intercept = z_values(task.train, task.labels, w, intercept if made.intercept else None, made.objective)
    for rank, columns in enumerate(made.features):
        mine = results[rank].columns
        assert (mine is None) == (columns == 0)
        if mine is not None:
            assert np.allclose(mine, expected[made.places[rank]], rtol=2e-3, atol=2e-3)
        told = results[rank].intercept
        if rank == made.label and made.intercept:
            assert told == pytest.approx(of_intercept, rel=2e-3, abs=2e-3)
        else:
            assert told is None
    assert all(not one.why_not for one in results)


def test_the_reference_is_that_of_textbooks() -> None:
    """One column: the standard errors have formulas of their own."""
    x = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [6.0], [7.0]])
    y = np.array([0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0])[:, None]
    slope, offset = np.polyfit(x[:, 0], y[:, 0], 1)
    z, of_intercept = z_values(x, y, np.array([[slope]]), offset, "linear")
    residuals = y[:, 0] - offset - slope * x[:, 0]
    error = np.sqrt(residuals @ residuals / 6.0 / ((x[:, 0] - 3.5) ** 2).sum())
    assert z[0] == pytest.approx(slope / error)
    assert of_intercept == pytest.approx(offset / (error * np.sqrt((x[:, 0] ** 2).mean())))


@pytest.mark.parametrize("copy", ["column", "constant"])
def test_columns_that_say_the_same_have_none(copy: str) -> None:
    made = design((2, 1), "logistic", rows=(300, 5))
    task = Linear.made_up(made)
    task.train[:, 2] = task.train[:, 0] if copy == "column" else 1.0
    results = found(task, np.full((3, 1), 0.5), 0.0).all()[:-1]
    assert all(one.columns is None and one.intercept is None for one in results)
    assert all("nearly sums of others" in one.why_not[0] for one in results)


def test_a_column_of_next_to_nothing_has_none() -> None:
    made = design((2, 1), "linear", rows=(300, 5))
    task = Linear.made_up(made)
    task.train[:, 2] = np.rint(task.train[:, 2] * 2.0) / made.scales.x
    results = found(task, np.full((3, 1), 0.5), 0.0).all()[:-1]
    assert all(one.columns is None for one in results)
    assert any("outside of 0.00024 to 64" in text for one in results for text in one.why_not)


def test_a_fit_without_residuals_has_none() -> None:
    made = design((2, 1), "linear", rows=(300, 5))
    task = Linear.made_up(made)
    w = np.array([[0.5], [-1.0], [0.25]])
    task.labels[:] = task.train @ w
    results = found(task, w, 0.0).all()[:-1]
    assert all(one.why_not == ("the residuals are next to nothing beside the label, or far larger",) for one in results)


@pytest.mark.parametrize("objective", ["logistic", "linear"])
def test_what_each_party_sees_is_noise_but_for_its_own_values(objective: str) -> None:
    made = design((2, 1), objective, rows=(2100, 5))
    task = Linear.made_up(made)
    played = found(task, *fitted(task))
    played.all()
    opened = {"reveal.range_guard", f"reveal.{TAG}", "deal.credit"}
    tried = assert_words_uniform(sent(played.views, opened))
    assert tried >= {"private.train", "p_values.products", "deal", "p_values"}
    tags = {(entry["tag"], tuple(entry["to"])) for c in played.channels[:2] for entry in c.reveals.as_list()}
    assert tags == {(TAG, (0,)), (TAG, (1,)), ("range_guard", (0, 1))}
    to_first = [frame for _, frame in played.views[0] if frame.label == f"reveal.{TAG}"]
    assert [array.shape for frame in to_first for array in frame.arrays] == [(2,)]


def test_another_table_of_another_party_looks_the_same() -> None:
    """What a party gets is of the same labels and shapes, whatever the others have."""
    made = design((2, 1), "logistic", rows=(300, 5))
    task, other = Linear.made_up(made), Linear.made_up(made)
    other.train[:, 2] = other.train[::-1, 2]
    plays = [found(one, np.full((3, 1), 0.5), 0.25) for one in (task, other)]
    seen = [[(frm, f.label, [a.shape for a in f.arrays]) for frm, f in one.views[0]] for one in plays]
    assert sorted(map(str, seen[0])) == sorted(map(str, seen[1]))


@pytest.mark.parametrize("size", [1, 2, 6])
@pytest.mark.parametrize("scale", [2.0**25, 1.9 * 2.0**25])
def test_inverse(size: int, scale: float) -> None:
    rng = np.random.default_rng(size)
    x = rng.normal(size=(50, size)) + rng.normal(size=(50, 1))
    a = np.corrcoef(x.T).reshape(size, size)
    plan = Inverse("inverse", size, scale)
    parts = split(encode(a, scale), 2, rng)

    def protocol(s: Session, supply: Supply) -> tuple[Share, Share]:
        made = invert(s, plan, Share(parts[s.rank], scale), supply)
        return made.inverse, made.left

    results = compute(2, protocol, plan.segments()).all()[:-1]
    inverse = decode(joined(one for one, _ in results), results[0][0].scale)
    assert np.allclose(inverse, np.linalg.inv(a), rtol=0, atol=2.0**-BITS * size / np.linalg.eigvalsh(a)[0] ** 2 * 4)
    assert np.max(np.abs(decode(joined(left for _, left in results), results[0][1].scale))) < 2.0**-15


@pytest.mark.parametrize(("scale", "bits"), [(2.0**30, 20), (3.0 * 2.0**30, 20), (2.0**10, 20), (2.0**20, 20)])
def test_cut(scale: float, bits: int) -> None:
    plan = Cut("c", (50,), scale, bits)
    assert 2.0**bits <= plan.after < 2.0 ** (bits + 1)
    x = np.random.default_rng(0).normal(size=50)
    parts = split(encode(x, scale), 2, np.random.default_rng(1))

    def protocol(s: Session, supply: Supply) -> Share:
        return cut(s, plan, Share(parts[s.rank], scale), supply.step("c") if plan.correlations() else {})

    segments = [Segment("c", 1, plan.correlations())] if plan.correlations() else []
    results = compute(2, protocol, segments).all()[:-1]
    assert {one.scale for one in results} == {plan.after}
    assert np.max(np.abs(decode(joined(results), plan.after) - x)) <= 1.5 * max(1.0 / plan.after, 1.0 / scale)
