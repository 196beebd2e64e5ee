"""Work that a party shares with its further processes: the same results, in order, with a bounded number ahead."""

from __future__ import annotations

from collections import deque

import numpy as np
import pyarrow as pa
import pytest

from fedray.data.scratch import Scratch
from fedray.errors import LocalProtocolError, PeerLost
from fedray.pool import Alone, Arrays, Line, Order, Pool, Shelf, carry_out, in_order, summed
from fedray.pool.sharing import AHEAD
from fedray.psi import tokens as tokens_module
from fedray.psi.tokens import tokens_of
from fedray.ring import matmul
from fedray.trees.binning import Binning
from fedray.trees.masks import HistogramMask
from fedray.trees.spread import MaskedBins, OwnBins, SortedBins
from tests.parties import words
from tests.pools import InProcess

KEY = bytes(range(32))


@pytest.mark.parametrize("late", [False, True])
def test_tokens_are_the_same_with_workers(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens_module, "PART_IDS", 7)  # else there would be 16 parts
    ids = pa.array([f"{'x' * (k % 40)}-{k}" for k in range(500)] + ["", "Zo\u00eb"], pa.large_string()).slice(3)
    pool = InProcess(3, late=late)
    assert np.array_equal(tokens_of(ids, KEY, pool), tokens_of(ids, KEY))
    assert pool.busy("tokens") == (3 if late else 1)  # who answers at once is asked again


def test_bins_are_the_same_with_workers() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(300, 9)).round(1)
    x[:, 2], x[::7, 3] = 1.0, np.nan
    names = [f"c{k}" for k in range(9)]
    pool = InProcess()
    alone, spread = Binning.fit(x, names, 8), Binning.fit(x, names, 8, pool)
    assert spread == alone
    assert np.array_equal(spread.apply(x), alone.apply(x))
    assert pool.busy("bins.edges") == pool.busy("bins.codes") == 3


@pytest.mark.parametrize("bins", [2, 200, 70_000])
def test_codes_hold_every_bin(bins: int) -> None:
    binning = Binning(("a",), (0,), (tuple(float(k) for k in range(bins - 1)),), bins)
    assert binning.apply(np.array([[-1.0], [bins], [np.nan]]))[:, 0].tolist() == [0, bins - 1, bins]


@pytest.mark.parametrize("lines", [None, (0, 2, 3)])
def test_products_of_masked_bins_are_the_same_with_workers(
    lines: tuple[int, ...] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedray.trees.masks.SHARD_BYTES", 8 * 5 * 2 * 2)
    rng = np.random.default_rng(2)
    names = [(f"bins{k}", 5) for k in range(9)] + [("bins9", 3)]
    mask = HistogramMask("H0", 0, tuple(names), lines, (4, 48, 2))
    e, m = words(rng, 4, 48), words(rng, 2, 48)
    pool = InProcess()
    bins = MaskedBins(Scratch(), pool)
    at = 0
    for number, (name, count) in enumerate(names):
        bins.put(0, number, name, np.ascontiguousarray(e[:, at : at + count]))
        at += count
    expected = matmul(e, m.T)
    assert np.array_equal(bins.product(mask, m), expected if lines is None else expected[list(lines)])
    assert pool.busy("bins.product") == 3
    assert pool.done[0, "bins.product"] == 2  # three blocks, two at a time


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_sums_of_an_owner_are_the_same_with_workers(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedray.trees.spread.PIECE_ROWS", 6)
    rng = np.random.default_rng(3)
    codes, c = rng.integers(0, 5, (rows, 4)), words(rng, 3, rows)
    expected = SortedBins(codes, 4).sums([0, 3], c)
    plain = [[c[:, codes[:, column] == cut].sum(axis=1, dtype=np.uint64) for cut in range(4)] for column in (0, 3)]
    assert np.array_equal(expected, np.array(plain).reshape(-1, 3))
    assert np.array_equal(OwnBins(codes, 4, InProcess()).sums([0, 3], c), expected)


class Counting:
    """One worker whose answers come when they are waited for; counts those that it owes."""

    count = 1

    def __init__(self) -> None:
        self.owed = self.most = 0

    def call(self, worker: int, order: Order) -> Owed:
        self.owed += 1
        self.most = max(self.most, self.owed)
        return Owed(self, order)

    def worth(self, rows: int) -> Pool:
        return self


class Owed:
    def __init__(self, pool: Counting, order: Order) -> None:
        self.pool, self.order = pool, order

    def ready(self) -> bool:
        return False

    def get(self) -> Arrays:
        self.pool.owed -= 1
        return carry_out(Shelf(), self.order)


def edges(k: int) -> Order:
    return Order("bins.edges", {"bins": 4}, (np.array([0.0, float(k)]),))


def test_orders_ahead_are_bounded_and_answers_come_in_order() -> None:
    pool = Counting()
    found = [float(edge[0]) for (edge,) in in_order(pool, (edges(k) for k in range(1, 101)))]
    assert found == [k / 2 for k in range(1, 101)]
    assert pool.most == AHEAD
    line = Line(pool)
    for k in range(1, 9):
        line.give(0, edges(k))
    assert pool.owed == pool.most == AHEAD


def test_sums_have_every_summand_once_and_few_ahead() -> None:
    pool = Counting()
    mine = deque(np.full(2, 2**63 + k, np.uint64) for k in range(3))

    def theirs(k: int) -> Order:
        ids = np.frombuffer(b"%d" % k, np.uint8)
        return Order("tokens", {}, (ids, np.array([0, ids.size]), np.frombuffer(KEY, np.uint8)))

    orders = [(0, lambda k=k: theirs(k)) for k in range(10)]
    total = summed(pool, (1, 2), (part[None] for part in mine), orders)
    tokens = tokens_of(pa.array([str(k) for k in range(10)], pa.large_string()), KEY)
    expected = tokens.sum(axis=0, dtype=np.uint64) + np.sum(list(mine), axis=0, dtype=np.uint64)
    assert np.array_equal(total, expected[None])
    assert pool.most == AHEAD
    assert pool.owed == 0


class Broken(Counting):
    """A worker that dies."""

    def call(self, worker: int, order: Order) -> Owed:
        class Gone(Owed):
            def get(self) -> Arrays:
                raise PeerLost("it died", "bank")

        return Gone(self, order)


def test_the_end_of_a_worker_is_an_error_for_who_waits() -> None:
    with pytest.raises(PeerLost, match="it died"):
        list(in_order(Broken(), (edges(k) for k in range(1, 9))))
    with pytest.raises(PeerLost, match="it died"):
        OwnBins(np.zeros((9, 1), np.int64), 2, Broken())


class Choosy(Counting):
    """A pool that says how many rows it was asked for."""

    def worth(self, rows: int) -> Pool:
        return self if rows >= 7 else Alone()


@pytest.mark.parametrize(("ids", "shared"), [(699, False), (700, True)])
def test_a_hundred_ids_count_as_a_row(ids: int, shared: bool) -> None:
    pool = Choosy()
    made = pa.array([str(k) for k in range(ids)], pa.large_string())
    assert np.array_equal(tokens_of(made, KEY, pool), tokens_of(made, KEY))
    assert (pool.most > 0) is shared


def test_only_known_works_are_done() -> None:
    with pytest.raises(LocalProtocolError, match=r"expected one of the works tokens.*got 'os.system'"):
        carry_out(Shelf(), Order("os.system", {}))
    with pytest.raises(LocalProtocolError, match="without workers"):
        Alone().call(0, edges(1))
