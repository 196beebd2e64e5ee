"""Correlated randomness that trees take beside the common kinds: for histograms of private bins, and for bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from fedray.mpc.correlation import MaskRows, Part, Parts
from fedray.ring import Ring, matmul
from fedray.ring.bits import from_plane, words_for

__all__ = ["BitAnds", "BitProducts", "BitSums", "HistogramMask"]

Blocks: TypeAlias = Callable[[str], Ring]
"""A matrix in blocks: each by its name."""


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
        return {"UtM": np.stack([self.product(lambda name: rows.masks[self.owner, name], m) for m in totals["M"]])}

    def product(self, block: Blocks, m: Ring) -> Ring:
        """Return B^T M for a matrix B^T in blocks and M^T of shape (h, n), for the wanted lines."""
        _, _, h = self.shape
        total = np.zeros((self.derived()[0].shape[0], h), np.uint64)
        at = 0
        for name, count in self.blocks:
            here = block(name) if self.lines is None else block(name)[list(self.lines)]
            total += matmul(here, m[:, at : at + count].T)
            at += count
        return total


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
