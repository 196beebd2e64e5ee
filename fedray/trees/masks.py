"""Correlated randomness that trees take beside the common kinds: for histograms of private bins, and for bits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from fedray.mpc.correlation import MaskRows, Part, Parts
from fedray.mpc.dealer import HeldMasks, PrivateShape
from fedray.pool import Arrays, Facts, Order, Pool, Shelf, summed
from fedray.prg import Stream
from fedray.ring import Ring, matmul
from fedray.ring.bits import from_plane, words_for

__all__ = ["BitAnds", "BitProducts", "BitSums", "HistogramMask", "Shard", "product_of_masks"]

Blocks: TypeAlias = Callable[[str], Ring]
"""A matrix in blocks: each by its name."""

SHARD_BYTES = 1 << 25
"""Of M that travel at once to another process of the party, where a block has no more."""


@dataclass(frozen=True)
class HistogramMask:
    """For [X^T d] with X private to `owner`, X^T kept in blocks of rows: M without the owner's summand, and U^T M.

    Attributes
    ----------
    blocks
        Name and number of rows of each block, in order.
    lines
        Rows of X^T that are wanted, rising; None for all.
    shape
        Rows of X^T in all, rows of X, columns of d.
    """

    name: str
    owner: int
    blocks: tuple[tuple[str, int], ...]
    lines: tuple[int, ...] | None
    shape: tuple[int, int, int]

    def uniform(self) -> tuple[Part, ...]:
        """M^T, shape (h, n)."""
        _, n, h = self.shape
        return (Part("M", (h, n), without=self.owner),)

    def derived(self) -> tuple[Part, ...]:
        """U^T M, shape (lines, h)."""
        width, _, h = self.shape
        return (Part("UtM", (width if self.lines is None else len(self.lines), h)),)

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:
        """U^T M, a block after the other, per step."""
        return {"UtM": np.stack([self._masked(m, rows) for m in totals["M"]])}

    def _masked(self, m: Ring, rows: MaskRows) -> Ring:
        helped = rows.helped

        def order(shard: Shard) -> Order:
            known = {**shard.mask.facts(), "memory_bytes": helped.memory_bytes}
            return Order("masks.product", known, (np.frombuffer(helped.keys[self.owner], np.uint8), shard.rows_of(m)))

        return self.product_at(helped.pool, lambda name: rows.masks[self.owner, name], m, order)

    def product(self, block: Blocks, m: Ring) -> Ring:
        """Return B^T M for a matrix B^T in blocks and M^T of shape (h, n), for the wanted lines."""
        total = np.zeros(self._shape, np.uint64)
        at = 0
        for name, count in self.blocks:
            here = block(name) if self.lines is None else block(name)[list(self.lines)]
            total += matmul(here, m[:, at : at + count].T)
            at += count
        return total

    def product_at(self, pool: Pool, block: Blocks, m: Ring, order: Callable[[Shard], Order]) -> Ring:
        """Return the same, where blocks lie round robin at this process and at its party's further ones.

        Parameters
        ----------
        block
            Gives this process' own ones.
        order
            Makes what a further process is asked for: the product of its blocks.
        """
        if not pool.count:
            return self.product(block, m)
        mine = (shard.mask.product(block, shard.rows_of(m)) for shard in self.shards(0, pool.count + 1))
        theirs = [
            (worker, partial(order, shard))
            for worker in range(pool.count)
            for shard in self.shards(worker + 1, pool.count + 1)
        ]
        return summed(pool, self._shape, mine, theirs)

    @property
    def _shape(self) -> tuple[int, int]:
        return self.shape[0] if self.lines is None else len(self.lines), self.shape[2]

    def shards(self, process: int, processes: int) -> Iterator[Shard]:
        """Yield the blocks of one of several processes, as few of them at a time as SHARD_BYTES of M have rows."""
        starts = np.cumsum([0, *(count for _, count in self.blocks)]).tolist()
        mine = range(process, len(self.blocks), processes)
        most = max(1, SHARD_BYTES // (8 * self.shape[2] * max((count for _, count in self.blocks), default=1)))
        for first in range(0, len(mine), most):
            numbers = mine[first : first + most]
            spans = tuple((starts[k], starts[k + 1]) for k in numbers)
            rows = sum(stop - start for start, stop in spans)
            some = tuple(self.blocks[k] for k in numbers)
            yield Shard(replace(self, blocks=some, shape=(self.shape[0], rows, self.shape[2])), spans)

    def facts(self) -> Facts:
        """Return what `from_facts` reads back, of what JSON holds."""
        lines = None if self.lines is None else list(self.lines)
        blocks = [[name, count] for name, count in self.blocks]
        return {"name": self.name, "owner": self.owner, "blocks": blocks, "lines": lines, "shape": list(self.shape)}

    @classmethod
    def from_facts(cls, facts: Facts) -> Self:
        """Return the mask that such facts are of."""
        lines = None if facts["lines"] is None else tuple(facts["lines"])
        width, rows, numbers = facts["shape"]
        blocks = tuple((name, count) for name, count in facts["blocks"])
        return cls(facts["name"], facts["owner"], blocks, lines, (width, rows, numbers))


@dataclass(frozen=True)
class Shard:
    """Some blocks of a histogram's matrix.

    Attributes
    ----------
    mask
        Of these blocks alone.
    spans
        Where the rows of each are among all.
    """

    mask: HistogramMask
    spans: tuple[tuple[int, int], ...]

    def rows_of(self, m: Ring) -> Ring:
        """Return the columns of M^T that belong to these blocks, shape (h, their rows)."""
        return np.concatenate([m[:, start:stop] for start, stop in self.spans], axis=1)


def product_of_masks(shelf: Shelf, facts: Facts, key: npt.NDArray[np.uint8], m: Ring) -> Arrays:
    """Return U^T M for some blocks, at a further process of the dealer, which expands U from the owner's key.

    Parameters
    ----------
    facts
        Of the blocks' `HistogramMask`, and ``memory_bytes``: what may be kept of U.
    m
        The columns of M^T of these blocks, shape (h, their rows).
    """
    mask, known = HistogramMask.from_facts(facts), key.tobytes()
    stream = shelf.kept.setdefault(("stream", known), Stream(known))
    held = shelf.kept.setdefault("masks", HeldMasks(facts["memory_bytes"]))
    counts = dict(mask.blocks)

    def block(name: str) -> Ring:
        u: Ring = held.mask(stream, PrivateShape(mask.owner, name, (mask.shape[0], counts[name])))
        return u

    return (mask.product(block, m),)


@dataclass(frozen=True)
class BitAnds:
    """For the and of bits in words, shared by exclusive or: A, B and A B."""

    name: str
    shape: tuple[int, ...]

    def uniform(self) -> tuple[Part, ...]:
        """Give A and B."""
        return (Part("A", self.shape, xor=True), Part("B", self.shape, xor=True))

    def derived(self) -> tuple[Part, ...]:
        """Give A and B together."""
        return (Part("AB", self.shape, xor=True),)

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:  # noqa: ARG002 - the interface
        """Join A and B."""
        return {"AB": totals["A"] & totals["B"]}


@dataclass(frozen=True)
class BitProducts:
    """For bits as numbers, and for the products of the first of them with shared numbers.

    A bit S for each node and row, in words and as numbers s; masks A of `factors` numbers for each of the first
    `multiplied[1]` rows; and s A for the first `multiplied[0]` nodes.

    Attributes
    ----------
    shape
        Nodes and rows.
    factors
        Numbers of a row.
    multiplied
        How many nodes and how many rows, from the first.
    """

    name: str
    shape: tuple[int, int]
    factors: int
    multiplied: tuple[int, int]

    def uniform(self) -> tuple[Part, ...]:
        """S and A."""
        nodes, rows = self.shape
        return (Part("S", (nodes, words_for(rows)), xor=True), Part("A", (self.factors, self.multiplied[1])))

    def derived(self) -> tuple[Part, ...]:
        """Give s and s A."""
        return (Part("s", self.shape), Part("sA", (self.multiplied[0], self.factors, self.multiplied[1])))

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:  # noqa: ARG002 - the interface
        """Unpack S, multiply; per step."""
        count = self.shape[1]
        s = np.stack([np.stack([from_plane(plane, count) for plane in step]) for step in totals["S"]])
        nodes, some = self.multiplied
        return {"s": s, "sA": s[:, :nodes, None, :some] * totals["A"][:, None]}


@dataclass(frozen=True)
class BitSums:
    """For sums over nodes of bits times shared numbers that are the same for all rows.

    A bit S for each node and row, in words and as numbers s; a mask A for each node's number; and s A.

    Attributes
    ----------
    shape
        Nodes and rows.
    """

    name: str
    shape: tuple[int, int]

    def uniform(self) -> tuple[Part, ...]:
        """S and A."""
        nodes, rows = self.shape
        return (Part("S", (nodes, words_for(rows)), xor=True), Part("A", (nodes,)))

    def derived(self) -> tuple[Part, ...]:
        """Give s and s A."""
        return (Part("s", self.shape), Part("sA", self.shape))

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:  # noqa: ARG002 - the interface
        """Unpack S, multiply; per step."""
        count = self.shape[1]
        s = np.stack([np.stack([from_plane(plane, count) for plane in step]) for step in totals["S"]])
        return {"s": s, "sA": s * totals["A"][:, :, None]}
