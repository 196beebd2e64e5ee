"""Boosted trees on shares against the same trees in float64; costs; the guard."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedray.channel import Channel
from fedray.data.scratch import Scratch
from fedray.errors import RangeGuardError
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.mpc.schedule import Segment
from fedray.ring import Ring
from fedray.ring.bits import from_plane
from fedray.trees.bins import AHEAD
from fedray.trees.grown import UNKNOWN
from fedray.trees.guard import watched_rows
from fedray.trees.masks import BitAnds, BitProducts
from fedray.trees.membership import and_bits, as_numbers, packed
from fedray.trees.model import TreeModel
from tests.parties import compute, joined, split, words
from tests.pools import InProcess
from tests.trees import Boosting, design

CASES: dict[str, tuple[tuple[int, ...], str, dict[str, Any]]] = {
    "two owners, a label party without features": (
        (3, 2, 0),
        "logistic",
        {"rows": (1500, 200), "min_child_weight": 4.0},
    ),
    "missing values, labels with features": (
        (3, 2, 1),
        "logistic",
        {"rows": (1500, 200), "min_child_weight": 4.0, "missing": (True, False, True), "bins": 6, "seed": "9"},
    ),
    "a regression": ((3, 4), "squared", {"rows": (1000, 200), "min_child_weight": 10.0}),
    "weights, samples, gamma, no lambda, four parties": (
        (3, 0, 2, 1),
        "logistic",
        {
            "label": 1,
            "rows": (1200, 100),
            "min_child_weight": 6.0,
            "weighted": True,
            "largest_weight": 3.5,
            "subsample": 0.6,
            "colsample": 0.5,
            "steps": 5,
            "test_every": 2,
            "gamma": 1.0,
            "reg_lambda": 0.0,
        },
    ),
}


def scores(models: list[TreeModel]) -> Any:
    z = [m._z for m in models]
    return joined(z).view(np.int64) / z[0].scale


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_splits_scores_and_predictions_are_the_oracles(case: tuple[tuple[int, ...], str, dict[str, Any]]) -> None:
    features, objective, numbers = case
    made = design(features, objective, **numbers)
    task = Boosting.made_up(made, int(made.seed) if made.seed.isdigit() else 0)
    ends = task.on_shares().all()[: len(features)]
    models, oracle = [model for model, _ in ends], task.in_clear()
    arrays = [model.arrays() for model in models]
    for t, tree in enumerate(oracle.trees):
        for k, (expected, (best, second)) in enumerate(zip(tree.splits, tree.gains, strict=True)):
            assert min(abs(best - second), abs(best - made.gamma)) > 1e-3 or best == 0.0, "a tie: change the data"
            owner = {int(a["split_owner"][t, k]) for a in arrays}
            assert owner == {made.owners[0] if expected is None else expected.owner}
            told = (UNKNOWN,) * 3
            if expected is not None:
                told = (expected.column, expected.threshold, int(expected.missing_left))
            for rank, mine in enumerate(arrays):
                known = tuple(int(x) for x in mine["split_mine"][t, k])
                assert known == (told if expected is not None and rank == expected.owner else (UNKNOWN,) * 3)
    assert any(split is not None for tree in oracle.trees for split in tree.splits)
    assert np.max(np.abs(scores(models) - oracle.z)) < 4e-4
    predictions = ends[made.label][1][-1].predictions
    assert predictions is not None
    assert np.max(np.abs(predictions - oracle.predict())) < 2e-4
    assert all(tests[-1].predictions is None for rank, (_, tests) in enumerate(ends) if rank != made.label)
    leaves = joined(a["leaves"] for a in arrays).view(np.int64) / 2.0**made.scales.z
    inhabited = np.abs(leaves) < 10.0  # a leaf without rows may hold anything
    assert np.max(np.abs(leaves - [tree.values for tree in oracle.trees])[inhabited]) < 2e-4


def test_rounds_and_bytes_depend_on_the_plan_alone() -> None:
    made = design((2, 2), depth=2, steps=1, bins=4, rows=(100, 20))
    ends = [Boosting.made_up(made, seed).on_shares() for seed in (1, 2)]
    costs = [[channel.cost.total().bytes for channel in end.channels] for end in ends]
    assert costs[0] == costs[1]
    train = ends[0].channels[0].cost.phases["train"]
    candidates = 4 * 3 + 1
    levels = int(np.ceil(np.log2(candidates)))
    # each turn is said and heard; a party without an answer to wait for has fewer
    assert train.rounds <= 1 + 2 * (22 + 9 * levels) + 18
    assert train.rounds >= 2 * 9 * levels


@pytest.fixture
def same_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    def same(channel: Channel, peer: int, purpose: str) -> bytes:
        # fresh keys round anew: only with the same keys are two runs one
        return hashlib.sha256(f"{sorted((channel.me, peer))} {purpose}".encode()).digest()

    monkeypatch.setattr(Channel, "secret", same)


@pytest.mark.usefixtures("same_keys")
def test_bins_in_a_file_make_the_same_trees_to_the_last_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedray.trees.bins.ROWS_BLOCK", 64)
    made = design((2, 3, 1), depth=2, steps=2, rows=(300, 40), missing=(True, False, False), colsample=0.5)
    task = Boosting.made_up(made)
    stores = [Scratch(size, lambda: tmp_path) for size in (None, 0, 5000)]
    played = [task.on_shares(scratch) for scratch in stores]
    first, *others = [one.all()[:3] for one in played]
    taken = [sum(frame.label == "private.taken" for _, frame in view) for view in played[0].views]
    assert taken == [2 * (5 - AHEAD)] * 3 + [0]  # an owner hears so of each of five blocks but the last ones
    for other in others:
        assert_same(first, other)
    assert [model._bins._masked.file_bytes > 0 for model, _ in others[0]] == [True] * 3


def assert_same(first: Sequence[tuple[TreeModel, Any]], other: Sequence[tuple[TreeModel, Any]]) -> None:
    """Two runs left the same shares, to the last bit."""
    for (expected, _), (found, _) in zip(first, other, strict=True):
        states = expected.state(), found.state()
        assert states[0].keys() == states[1].keys()
        assert all((states[0][name] == states[1][name]).all() for name in states[0])


@pytest.mark.usefixtures("same_keys")
@pytest.mark.parametrize(("memory_bytes", "colsample"), [(None, 1.0), (5000, 0.5)])
def test_several_nodes_make_the_same_trees_to_the_last_bit(
    memory_bytes: int | None, colsample: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedray.trees.bins.ROWS_BLOCK", 32)
    monkeypatch.setattr("fedray.trees.spread.PIECE_ROWS", 20)
    monkeypatch.setattr("fedray.trees.masks.SHARD_BYTES", 8 * 32 * 4)
    made = design((2, 3, 1), depth=2, steps=2, rows=(300, 40), missing=(True, False, False), colsample=colsample)
    task, scratch = Boosting.made_up(made), Scratch(memory_bytes, lambda: tmp_path)
    pools = {rank: InProcess(3, tmp_path, late=bool(rank % 2)) for rank in range(4)}
    alone, spread = task.on_shares(scratch), task.on_shares(scratch, pools)
    assert_same(alone.all()[:3], spread.all()[:3])
    for rank in range(3):
        for work in ("bins.keep", "bins.product", "codes.keep", "codes.sums"):
            assert pools[rank].busy(work) == 3, (rank, work)
    assert pools[3].busy("masks.product") == 3
    # of 10 blocks of each of two other owners, the first, fifth and ninth stay here
    assert [pools[0].done[worker, "bins.keep"] for worker in range(3)] == [6, 4, 4]


def test_scores_beyond_the_range_end_everybody() -> None:
    made = design((2, 2), "logistic", depth=1, steps=1, learning_rate=0.001)
    task = replace(Boosting.made_up(made), base=25.0)
    played = task.on_shares()
    errors = [error for error in played.errors.values() if isinstance(error, RangeGuardError)]
    assert {0, 1} <= set(played.errors)  # whoever heard of it first, aborts
    assert "300 of 300 scores are beyond +-24 after tree 1" in errors[0].message


@pytest.mark.parametrize(("done", "stops_early", "watched"), [(1, False, 1124), (1, True, 2100), (3, False, 2100)])
def test_all_training_rows_are_watched_where_trees_may_be_kept(done: int, stops_early: bool, watched: int) -> None:
    made = design((2, 2), rows=(2000, 100), steps=3, stops_early=stops_early)
    found = watched_rows(made, done)
    assert len(set(found.tolist())) == found.size == watched
    assert set(range(2000, 2100)) <= set(found.tolist())


@pytest.mark.parametrize("size", [2, 3])
def test_ands_of_bits(size: int) -> None:
    rng = np.random.default_rng(0)
    x, y = words(rng, 3, 2), words(rng, 3, 2)

    def protocol(s: Session, supply: Supply) -> Ring:
        mine = [x if s.rank == 1 else np.zeros_like(x), y if s.rank == 0 else np.zeros_like(y)]
        return and_bits(s, mine[0], mine[1], supply.step("x")["and"])

    found = compute(size, protocol, [Segment("x", 1, (BitAnds("and", (3, 2)),))]).all()[:size]
    assert (np.bitwise_xor.reduce(found) == x & y).all()


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 4), st.integers(1, 130), st.integers(2, 3))
def test_bits_become_numbers_and_products(nodes: int, rows: int, size: int) -> None:
    rng = np.random.default_rng(rows)
    some, few = max(1, nodes - 1), max(1, rows // 2)
    bits, x = rng.random((nodes, rows)) < 0.5, words(rng, 2, few)
    mask = BitProducts("b", (nodes, rows), 2, (some, few))
    shares = split(x, size, rng)

    def protocol(s: Session, supply: Supply) -> tuple[Ring, Ring]:
        mine = packed(bits) if s.rank == 0 else np.zeros_like(packed(bits))
        return as_numbers(s, mask, mine, shares[s.rank], supply.step("x")["b"])

    found = compute(size, protocol, [Segment("x", 1, (mask,))]).all()[:size]
    assert (joined(numbers for numbers, _ in found) == bits).all()
    assert (joined(products for _, products in found) == bits[:some, None, :few] * x).all()


def test_packed_bits_are_read_back() -> None:
    bits = np.random.default_rng(0).random((2, 70)) < 0.5
    assert packed(bits).shape == (2, 2)
    assert (np.stack([from_plane(plane, 70) for plane in packed(bits)]) == bits).all()
