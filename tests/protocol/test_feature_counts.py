"""Counts in private bins and correlations on shares: exact in the ring, opened to whom they belong; and their cost."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fedray.features.correlation import (
    ALL_TAG,
    BLOCK_ROWS,
    PAIR_TAG,
    CorrelationDesign,
    correlate,
    open_to_all,
    open_to_pairs,
)
from fedray.features.correlation import matrices as correlation_matrices
from fedray.features.correlation import segments as correlation_segments
from fedray.features.evidence import Grouped, join_locally
from fedray.features.joining import TAG, CountDesign, count_positives, join, joined_counts, matrices, segments
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.mpc.share import Share
from tests.parties import Played, compute, joined


class Count:
    """Slots of columns at the owners, a label at one party."""

    def __init__(self, features: tuple[int, ...], label: int, rows: int, bins: int, least: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.design = CountDesign(features, label, (rows, 0), bins, least)
        # slots of very different sizes, so that some are empty and many are too small
        weights = rng.dirichlet(np.full(bins + 1, 0.4), size=max(features))
        self.codes = {
            owner: np.stack([rng.choice(bins + 1, rows, p=weights[k]) for k in range(features[owner])], axis=1)
            for owner in self.design.owners
        }
        rates = rng.random(bins + 1)
        first = self.codes[self.design.owners[0]][:, 0]
        self.y = (rng.random(rows) < rates[first]).astype(np.uint64)
        self.told: list[tuple[int, int]] = []

    def protocol(self, s: Session, supply: Supply) -> tuple[Share, Share, tuple[Grouped, ...]]:
        design, mine = self.design, self.codes.get(s.rank)
        with s.channel.phase("share"):
            positives = count_positives(s, design, supply, mine, self.y if s.rank == design.label else None)
        rows = np.zeros((design.columns, design.slots), np.uint64)
        if mine is not None:
            rows[design.place(s.rank)] = [np.bincount(column, minlength=design.slots) for column in mine.T]
        tell = (lambda *done: self.told.append(done)) if s.rank == 0 else (lambda *done: None)
        with s.channel.phase("count"):
            found = join(s, design, supply, positives, Share(rows, 1.0), tell)
        with s.channel.phase("open"):
            return positives, found, joined_counts(s, design, found)

    def play(self) -> Played[Any]:
        size = len(self.design.features)
        plan = list(segments(self.design))
        return compute(size, self.protocol, plan, matrices(self.design), corrected=self.design.label, reveals=[TAG])


COUNTS = {
    "two parties": Count((3, 0), 1, 700, 8, 20),
    "the label party first": Count((0, 2), 0, 500, 5, 25, seed=1),
    "three owners": Count((2, 0, 3, 1), 1, 900, 6, 20, seed=2),
    "nothing is enough": Count((2, 0), 1, 60, 4, 50, seed=3),
    "two bins": Count((1, 1, 0), 2, 400, 2, 20, seed=4),
}


@pytest.mark.parametrize("case", COUNTS)
def test_counts_and_joined_bins_are_those_in_clear(case: str) -> None:
    count = COUNTS[case]
    design, y = count.design, count.y.astype(np.float64)
    results = count.play().all()[:-1]
    opened = joined(result[0] for result in results).view(np.int64)
    for owner, codes in count.codes.items():
        wanted = [np.bincount(column, weights=y, minlength=design.slots) for column in codes.T]
        assert np.array_equal(opened[design.place(owner)], np.array(wanted, dtype=np.int64))
        mine = tuple(join_locally(column, y, design.slots, design.least) for column in codes.T)
        assert results[owner][2] == mine
    assert [len(result[2]) for result in results] == list(design.features)


def test_what_is_opened_tells_of_no_bin_that_is_too_small() -> None:
    count = COUNTS["three owners"]
    design, y = count.design, count.y.astype(np.float64)
    found = joined(result[1] for result in count.play().all()[:-1]).view(np.int64)
    some = False
    for owner, codes in count.codes.items():
        for column, place in zip(codes.T, range(*design.place(owner).indices(99)), strict=True):
            grouped = join_locally(column, y, design.slots, design.least)
            closed, said, last = found[: design.slots, place], found[design.slots : -1, place], found[-1, place]
            # nothing but bits, 0, and the positives of the bins that stand
            assert set(closed.tolist()) <= {0, 1}
            assert [value for value in said.tolist() if value] == list(grouped.positives[:-1])
            assert last == grouped.positives[-1]
            some |= len(grouped.ends) < len(np.unique(column))
    assert some


def test_progress_is_told_slot_by_slot() -> None:
    count = Count((2, 0), 1, 100, 3, 20)
    count.play().all()
    assert count.told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_count_costs_what_its_docstrings_say() -> None:
    count = Count((2, 0, 1), 1, 300, 4, 20)
    played = count.play()
    played.all()
    design = count.design
    for channel in played.channels[:3]:
        rounds = {phase: line["rounds"] for phase, line in channel.cost.as_dict().items()}
        assert rounds["count"] == 10 * design.slots
        # who has spoken waits: the first owner for the other's matrix, both for what makes their counts
        assert rounds["share"] == {0: 2, 1: 0, 2: 1}[channel.me]
        assert rounds.get("open", 0) == (1 if channel.me in design.owners else 0)


class Correlation:
    """Standardised columns at some parties."""

    def __init__(self, features: tuple[int, ...], rows: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.design = CorrelationDesign(features, rows)
        x = rng.normal(size=(rows, sum(features))) @ rng.normal(size=(sum(features),) * 2)
        self.z = (x - x.mean(axis=0)) / x.std(axis=0)

    def protocol(self, s: Session, supply: Supply) -> tuple[dict[int, Share], Any, Any]:
        place = self.design.place(s.rank)
        mine = self.z[:, place] if self.design.features[s.rank] else None
        with s.channel.phase("correlate"):
            found = correlate(s, self.design, supply, mine)
        return found, open_to_all(s, self.design, found), open_to_pairs(s, self.design, found)

    def play(self) -> Played[Any]:
        plan, tags = list(correlation_segments(self.design)), [ALL_TAG, PAIR_TAG]
        return compute(len(self.design.features), self.protocol, plan, correlation_matrices(self.design), reveals=tags)


CORRELATIONS = {
    "two parties": Correlation((3, 2), 400),
    "more rows than a block": Correlation((1, 2), BLOCK_ROWS + 300, seed=1),
    "four parties, one without": Correlation((2, 0, 3, 1), 200, seed=2),
}


@pytest.mark.parametrize("case", CORRELATIONS)
def test_sums_of_products_are_exact_and_correlations_those_of_numpy(case: str) -> None:
    task = CORRELATIONS[case]
    design = task.design
    results = task.play().all()[:-1]
    whole = np.rint(task.z * design.scale).astype(np.int64)
    wanted = np.corrcoef(task.z.T)
    for owner in design.factors:
        mine, later = design.place(owner), slice(design.place(owner).stop, None)
        assert np.array_equal(joined(r[0][owner] for r in results).view(np.int64), whole[:, mine].T @ whole[:, later])
    for rank, (_, matrix, pairs) in enumerate(results):
        for one in design.owners:
            for other in design.owners:
                a, b = design.place(one), design.place(other)
                # a value is off by at most 2^-21, and so is a mean of products with values of mean square 1, twice
                assert one == other or np.abs(matrix[a, b] - wanted[a, b]).max() <= 2.0**-20
                if one == rank != other:
                    assert np.array_equal(pairs[other], matrix[a, b])
        assert set(pairs) == ({*design.owners} - {rank} if rank in design.owners else set())


def test_rows_of_any_number_fit_the_ring() -> None:
    for rows in (20, 10**5, 10**7, 2**40 - 1):
        scale = CorrelationDesign((1, 1), rows).scale
        assert rows * scale**2 < 2.0**61
        assert scale >= 2.0**10


def test_a_correlation_costs_a_round_a_block() -> None:
    task = CORRELATIONS["more rows than a block"]
    played = task.play()
    played.all()
    # party 0 is the only one that masks columns, and waits for a part of each block; party 1 waits for nothing it asked
    assert [channel.cost.as_dict()["correlate"]["rounds"] for channel in played.channels[:2]] == [2, 0]
