"""Masked bins, and an owner's own ones, at all processes of a party: each keeps some rows and adds up over them.

Sums modulo 2^64 do not depend on the order of their summands, so results are the same to the last bit however many
processes there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from fedray.data.scratch import Scratch
from fedray.pool import Array, Arrays, Facts, Line, Order, Pool, Shelf, summed
from fedray.ring import Ring
from fedray.trees.masks import HistogramMask, Shard

__all__ = ["MaskedBins", "OwnBins", "SortedBins", "keep_bins", "keep_codes", "product_of_bins", "sums_of_codes"]

Codes = npt.NDArray[np.int64]

PIECE_ROWS = 1 << 18
"""Rows of an owner that go to another process at once, and most of the rows that are added up there at once."""


class MaskedBins:
    """The masked bins of other parties: block k of each is at process k modulo their number, 0 this one.

    Parameters
    ----------
    scratch
        What this process may keep; each further one may take as much memory.
    pool
        The further processes of my party.
    """

    def __init__(self, scratch: Scratch, pool: Pool) -> None:
        self._own, self._pool, self._memory_bytes = scratch.blocks(), pool, scratch.memory_bytes
        self._line = Line(pool)

    @property
    def file_bytes(self) -> int:
        """How much of the blocks of this process lies in its file."""
        return self._own.file_bytes

    def put(self, owner: int, number: int, name: str, block: Ring) -> None:
        """Keep an owner's block, which is never written to; waits where its process has not taken earlier ones."""
        process = number % (self._pool.count + 1)
        if process == 0:
            self._own.put((owner, name), block)
            return
        facts = {"owner": owner, "name": name, "memory_bytes": self._memory_bytes}
        self._line.give(process - 1, Order("bins.keep", facts, (block,)))

    def product(self, mask: HistogramMask, m: Ring) -> Ring:
        """Return E^T M for an owner's blocks and M^T of shape (h, n), for the wanted lines."""

        def order(shard: Shard) -> Order:
            return Order("bins.product", shard.mask.facts(), (shard.rows_of(m),))

        while self._line.oldest() is not None:
            continue  # what could not be kept is told now
        return mask.product_at(self._pool, lambda name: self._own[mask.owner, name], m, order)


def keep_bins(shelf: Shelf, facts: Facts, block: Ring) -> Arrays:
    """Keep a block of masked bins, in memory or sealed in a file; raises as `ScratchBlocks.put`."""
    if "bins" not in shelf.kept:
        shelf.kept["bins"] = Scratch(facts["memory_bytes"], shelf.folder).blocks()
    shelf.kept["bins"].put((facts["owner"], facts["name"]), shelf.own(block))
    return ()


def product_of_bins(shelf: Shelf, facts: Facts, m: Ring) -> Arrays:
    """Return E^T M for some blocks that are kept here; the facts are their `HistogramMask`'s."""
    mask, blocks = HistogramMask.from_facts(facts), shelf.kept["bins"]
    return (mask.product(lambda name: blocks[mask.owner, name], m),)


class SortedBins:
    """Rows of an owner in the order of their bins, column by column.

    Parameters
    ----------
    codes
        Their bins, shape (rows, columns).
    cuts
        Bins of a column but the last, whose rows are left out.
    """

    def __init__(self, codes: Array, cuts: int) -> None:
        self._cuts = cuts
        self._columns = [_sorted(column, cuts) for column in codes.T]

    def sums(self, columns: Sequence[int], c: Ring) -> Ring:
        """Return the sums of C^T, shape (h, rows), over the rows of each bin: shape (len(columns) cuts, h)."""
        made = np.zeros((len(columns), self._cuts, len(c)), np.uint64)
        for place, column in enumerate(columns):
            order, bins, starts = self._columns[column]
            if bins.size:
                made[place, bins] = np.add.reduceat(c[:, order], starts, axis=1).T
        return made.reshape(-1, len(c))


def _sorted(codes: Array, cuts: int) -> tuple[Codes, Codes, Codes]:
    """Return the rows in the order of their bins, those of the last bin left out; the bins that occur; their starts."""
    order = np.argsort(codes, kind="stable")
    inside = order[codes[order] < cuts]
    bins, starts = np.unique(codes[inside], return_index=True)
    return inside, bins.astype(np.int64), starts.astype(np.int64)


class OwnBins:
    """The bins of an owner's training rows, in pieces of rows round robin at all processes of its party.

    Parameters
    ----------
    codes
        Shape (rows, columns).
    cuts
        As for `SortedBins`.
    pool
        The further processes of my party.
    """

    def __init__(self, codes: Codes, cuts: int, pool: Pool) -> None:
        self._pool, self._cuts = pool, cuts
        processes, n = pool.count + 1, len(codes)
        size = max(1, n if processes == 1 else min(PIECE_ROWS, -(-n // processes)))
        self._spans = [slice(start, min(n, start + size)) for start in range(0, n, size)]
        self._own: dict[int, SortedBins] = {}
        few, line = np.min_scalar_type(int(codes.max(initial=0))), Line(pool)
        for piece, span in enumerate(self._spans):
            if worker := piece % processes:
                order = Order("codes.keep", {"piece": piece, "cuts": cuts}, (codes[span].astype(few),))
                line.give(worker - 1, order)
            else:
                self._own[piece] = SortedBins(codes[span], cuts)
        while line.oldest() is not None:
            continue

    def sums(self, columns: Sequence[int], c: Ring) -> Ring:
        """Return the sums of C^T, shape (h, rows), over the rows of each bin: shape (len(columns) cuts, h)."""
        processes = self._pool.count + 1
        mine = (bins.sums(columns, c[:, self._spans[piece]]) for piece, bins in self._own.items())
        theirs = [
            (piece % processes - 1, partial(self._order, columns, c, piece))
            for piece in range(len(self._spans))
            if piece % processes
        ]
        return summed(self._pool, (len(columns) * self._cuts, len(c)), mine, theirs)

    def _order(self, columns: Sequence[int], c: Ring, piece: int) -> Order:
        known = {"piece": piece, "columns": list(columns)}
        return Order("codes.sums", known, (np.ascontiguousarray(c[:, self._spans[piece]]),))


def keep_codes(shelf: Shelf, facts: Facts, codes: Array) -> Arrays:
    """Sort a piece of an owner's rows by their bins, shape (rows, columns), and keep that."""
    shelf.kept["codes", facts["piece"]] = SortedBins(codes, facts["cuts"])
    return ()


def sums_of_codes(shelf: Shelf, facts: Facts, c: Ring) -> Arrays:
    """Return the sums of C^T over the bins of a piece that is kept here, as `SortedBins.sums`."""
    return (shelf.kept["codes", facts["piece"]].sums(facts["columns"], c),)
