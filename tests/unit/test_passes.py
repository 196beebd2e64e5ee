"""Rows of batches in passes over the table."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from fedray.ml.passes import Passes


def test_a_pass_in_the_order_of_the_table_leaves_out_what_fills_no_batch() -> None:
    rows = Passes(7, 2, hashed=False).steps(0, 4)
    assert rows.tolist() == [[0, 1], [2, 3], [4, 5], [0, 1]]


def test_a_hashed_pass_builds_on_the_one_before() -> None:
    def places(k: int) -> list[int]:
        return sorted(range(5), key=lambda p: hashlib.sha256(f"{p}+{k}".encode()).hexdigest())

    first = places(0)
    second = [first[p] for p in places(2)]
    rows = Passes(5, 2, hashed=True).steps(0, 4)
    assert rows.tolist() == [first[:2], first[2:4], second[:2], second[2:4]]


@pytest.mark.parametrize("hashed", [False, True])
def test_steps_are_the_same_from_wherever_one_asks(hashed: bool) -> None:
    whole = Passes(11, 3, hashed=hashed).steps(0, 12)
    other = Passes(11, 3, hashed=hashed)
    assert np.array_equal(other.steps(7, 5), whole[7:])
    assert np.array_equal(other.steps(2, 3), whole[2:5])  # back again
