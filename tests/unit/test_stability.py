"""The population stability index: the textbook's number, groups of at least 20 rows, files that cannot be compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.data.new_rows import Ids, load_predictions, write_predictions
from fedray.data.root import DataRoot
from fedray.errors import DataError
from fedray.features.moving import moved
from fedray.ml.groups import LEAST
from fedray.ml.stability import stability
from fedray.parties.baseline import baseline_of
from fedray.parties.check import check_member
from fedray.task.config_bases import Role
from fedray.task.plan import Member
from fedray.task.predict_configs import PredictLabel
from fedray.task.registry import PartyRef


def normal(n: int, seed: int, shift: float = 0.0) -> Any:
    return np.random.default_rng(seed).normal(shift, size=n)


def test_the_index_is_that_of_the_textbook() -> None:
    before, now = normal(5000, 0), normal(3000, 1, 0.3)
    edges = np.quantile(before, np.linspace(0.1, 0.9, 9))
    p, q = (np.bincount(np.searchsorted(edges, x), minlength=10) / x.size for x in (before, now))
    found: Any = stability(before, now)
    assert found["psi"] == pytest.approx(float(((q - p) * np.log(q / p)).sum()), rel=0.02)
    assert len(found["groups"]) == 10
    assert sum(group["rows"] for group in found["groups"]) == 3000
    assert sum(group["baseline_part"] for group in found["groups"]) == pytest.approx(1.0)


def test_the_same_scores_have_not_moved() -> None:
    scores = np.round(normal(400, 2), 1)
    assert stability(scores, scores[::-1])["psi"] == 0.0
    assert stability(np.zeros(30), np.zeros(50)) == {
        "psi": 0.0,
        "groups": [{"baseline_rows": 30, "rows": 50, "baseline_part": 1.0, "part": 1.0}],
    }


def test_scores_that_moved_far_are_told_though_no_small_group_is() -> None:
    found: Any = stability(normal(1000, 0), normal(1000, 1, 8.0))
    assert found["psi"] > 5.0
    assert found["groups"] == [{"baseline_rows": 1000, "rows": 1000, "baseline_part": 1.0, "part": 1.0}]


@given(st.integers(20, 300), st.integers(20, 300), st.integers(0, 6), st.floats(-3.0, 3.0))
@settings(max_examples=60, deadline=None)
def test_groups_hold_every_row_and_at_least_twenty_of_both(m: int, n: int, digits: int, shift: float) -> None:
    before, now = np.round(normal(m, n), digits), np.round(normal(n, m, shift), digits)
    found: Any = stability(before, now)
    table = found["groups"]
    assert np.isfinite(found["psi"])
    assert found["psi"] >= -1e-12
    assert (sum(g["baseline_rows"] for g in table), sum(g["rows"] for g in table)) == (m, n)
    assert min(min(g["baseline_rows"], g["rows"]) for g in table) >= LEAST


def test_predictions_are_read_as_they_were_written(tmp_path: Path) -> None:
    predictions = np.random.default_rng(0).normal(size=(25, 2))
    write_predictions(tmp_path, Ids("id", tuple(f'a "{k}",\nb' for k in range(25))), predictions)
    np.testing.assert_array_equal(load_predictions(tmp_path, "x"), predictions)


@pytest.mark.parametrize(
    "text", ["", "row,prediction\n", "row\n1\n", "row,prediction\n1,high\n", "row,prediction\n1,\n"]
)
def test_a_file_that_no_task_wrote(tmp_path: Path, text: str) -> None:
    (tmp_path / "predictions.csv").write_text(text)
    with pytest.raises(DataError, match=r"x: predictions\.csv there is not as a task writes it"):
        load_predictions(tmp_path, "x")


def test_a_party_looks_for_the_baseline_before_the_start(tmp_path: Path) -> None:
    config = PredictLabel(client_type="predict_label", computation_port=1, baseline_path="old")
    member = Member(4, Role.LABEL_CLIENT, PartyRef("bank", "127.0.0.1", 8884, "party_bank"), config)
    check_member(member, DataRoot(tmp_path), ready=False)
    with pytest.raises(DataError, match=r"clients\[4\]\.client_config\.baseline_path 'old': no predictions\.csv there"):
        check_member(member, DataRoot(tmp_path), ready=True)
    folder = tmp_path / "generated" / "old"
    folder.mkdir(parents=True)
    write_predictions(folder, None, np.zeros((20, 1)))
    check_member(member, DataRoot(tmp_path), ready=True)


def test_what_cannot_be_a_baseline(tmp_path: Path) -> None:
    folder = tmp_path / "generated" / "old"
    folder.mkdir(parents=True)
    root = DataRoot(tmp_path)
    with pytest.raises(DataError, match=r"baseline_path: the folder has no predictions\.csv; name the out_data_path"):
        baseline_of(root, "old", 1)
    write_predictions(folder, None, np.zeros((19, 1)))
    with pytest.raises(DataError, match="baseline_path: expected at least 20 rows to compare, got 19 earlier ones"):
        baseline_of(root, "old", 1)
    with pytest.raises(DataError, match="the model makes 2 predictions for each row; the file there has 1"):
        baseline_of(root, "old", 2)
    with pytest.raises(DataError, match="baseline_path"):
        baseline_of(root, "../old", 1)
    write_predictions(folder, None, np.zeros((20, 1)))
    with pytest.raises(DataError, match="baseline_path: expected at least 20 rows to compare, got 19 new ones"):
        baseline_of(root, "old", 1).check(19)


def test_a_column_is_compared_over_its_bins() -> None:
    before, now = normal(1000, 2), normal(400, 3, 0.5)
    found: Any = moved("x", before, now, 5)
    edges = np.sort(before)[np.ceil(np.arange(1, 5) * 200).astype(int) - 1]
    p, q = (np.bincount(np.searchsorted(edges, x), minlength=5) / x.size for x in (before, now))
    parts = (q - p) * np.log(q / p)
    assert found["psi"] == pytest.approx(float(parts.sum()))
    groups = found["groups"]
    assert [(one["low"], one["high"]) for one in groups] == list(zip((None, *edges), (*edges, None), strict=True))
    assert [one["psi"] for one in groups] == pytest.approx(parts)
    assert [one["part"] for one in groups] == pytest.approx(q)
    assert not any(one["missing"] for one in groups)


def test_missing_values_have_a_bin_of_their_own() -> None:
    before, now = normal(500, 4), normal(500, 5)
    before[:100] = now[:300] = np.nan
    found: Any = moved("x", before, now, 4)
    first = found["groups"][0]
    assert (first["missing"], first["low"], first["high"]) == (True, None, None)
    assert (first["baseline_rows"], first["rows"]) == (100, 300)
    assert first["psi"] == pytest.approx(0.4 * np.log(3))
    assert moved("x", np.full(20, np.nan), now, 4) == {"psi": None, "groups": []}


def test_small_bins_are_told_together_and_a_column_of_one_value_is_compared_with_it() -> None:
    found: Any = moved("x", np.arange(30.0), np.arange(30.0), 10)
    assert [(one["low"], one["high"], one["rows"]) for one in found["groups"]] == [(None, None, 30)]
    assert found["psi"] == 0.0
    found = moved("x", np.ones(100), np.array([1.0] * 50 + [2.0] * 50), 10)
    p, q = np.array([100, 0.5]) / 100, np.array([0.5, 0.5])
    assert found["psi"] == pytest.approx(float(((q - p) * np.log(q / p)).sum()))
    assert found["groups"][0]["rows"] == 100
