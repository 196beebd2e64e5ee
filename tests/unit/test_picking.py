"""Parts of rows by a public seed: disjoint, complete, the same at all parties."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fedray.data.load import Split
from fedray.errors import DataError
from fedray.features.picking import Pick


def split(n: int, fingerprint: str = "f") -> Split:
    table = np.arange(2.0 * n).reshape(n, 2)
    return Split(table, table, ("a", "b"), fingerprint)


@pytest.mark.parametrize("n", [1, 7, 100])
def test_parts_are_disjoint_and_complete(n: int) -> None:
    ends = (0.0, 0.5, 0.7, 1.0)
    parts = [Pick(a, b, 3).rows(n) for a, b in pairwise(ends)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    assert all((np.diff(rows) > 0).all() for rows in parts)


def test_the_seed_makes_the_parts() -> None:
    assert Pick(0.0, 0.5, 3).rows(100).tolist() == Pick(0.0, 0.5, 3).rows(100).tolist()
    assert Pick(0.0, 0.5, 3).rows(100).tolist() != Pick(0.0, 0.5, 4).rows(100).tolist()


def test_fingerprints_tell_parts_apart_and_none_stays_none() -> None:
    found = {Pick(a, b, seed).of(split(10))[1].fingerprint for a, b, seed in ((0, 0.5, 1), (0.5, 1, 1), (0, 0.5, 2))}
    assert len(found) == 3
    assert "f" not in found
    assert Pick(0.0, 0.5, 1).of(split(10, ""))[1].fingerprint == ""


def test_no_rows_are_refused() -> None:
    with pytest.raises(DataError, match=r"no row of 3 lies between the parts 0 and 0\.1"):
        Pick(0.0, 0.1, 1).of(split(3))


@pytest.mark.parametrize("n", [5, 30])
def test_rows_that_are_held_out_are_for_testing_and_all_others_for_training(n: int) -> None:
    folds = [Pick(k / 5, (k + 1) / 5, 3, held_out=True).of(split(n)) for k in range(5)]
    every = split(n).train
    for found, picked in folds:
        assert np.array_equal(np.vstack([found.train, found.test]), every[picked.rows])
        assert sorted(picked.rows.tolist()) == list(range(n))
        assert picked.held_out == len(found.test) == n // 5
    assert len({picked.fingerprint for _, picked in folds}) == 5
    assert np.array_equal(np.sort(np.vstack([found.test for found, _ in folds]), axis=0), every)
    with pytest.raises(DataError, match="all 5 rows are held out"):
        Pick(0.0, 1.0, 3, held_out=True).of(split(5))
