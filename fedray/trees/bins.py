"""Private bins of the owners as one-hot matrices, masked once, and histograms of shared numbers over them.

X, one column for each bin of each column of the table but its last bin, is kept transposed and in blocks of rows. Its
owner needs no mask after the beginning and keeps the bins themselves; the others keep E = X - U, what of it is too
much for the memory in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fedray.data.scratch import Scratch
from fedray.errors import LocalProtocolError
from fedray.mpc.dealer import Bundle, PrivateShape, Supply
from fedray.mpc.session import Session
from fedray.pool import Alone, Pool
from fedray.ring import Ring
from fedray.trees.design import ROWS_BLOCK
from fedray.trees.masks import HistogramMask
from fedray.trees.spread import MaskedBins, OwnBins

__all__ = ["BinDesign", "PrivateBins", "bin_matrices", "histogram_masks"]

Codes = npt.NDArray[np.int64]

AHEAD = 4
"""Blocks that an owner sends before it hears that the first of them has been taken: no transport bounds what waits."""

_TAKEN = "private.taken"


class BinDesign(Protocol):
    """The public numbers that bins need; those of trees are in `fedray.trees.design.TreeDesign`."""

    @property
    def features(self) -> tuple[int, ...]:
        """Columns at each computing party, by rank; 0 where it has none."""

    @property
    def rows(self) -> tuple[int, int]:
        """Training and test rows."""

    @property
    def owners(self) -> tuple[int, ...]:
        """Ranks with features."""

    def thresholds(self, owner: int) -> int:
        """Return the bins of each column of an owner but the last."""

    def onehot(self, owner: int) -> int:
        """Return the columns of an owner's one-hot matrix; what is in none of a column's is in its last bin."""

    def sampled_columns(self, tree: int) -> dict[int, npt.NDArray[np.int64]]:
        """Return, by owner, the columns whose histograms are wanted, rising; perhaps none."""


def bin_matrices(design: BinDesign) -> tuple[PrivateShape, ...]:
    """Return the private matrices: X^T of each owner's training rows, in blocks of rows."""
    return tuple(
        PrivateShape(owner, name, (design.onehot(owner), count))
        for owner in design.owners
        for name, count in _blocks(design)
    )


def _blocks(design: BinDesign) -> tuple[tuple[str, int], ...]:
    n_train = design.rows[0]
    starts = range(0, n_train, ROWS_BLOCK)
    return tuple((f"bins{k}", min(ROWS_BLOCK, n_train - start)) for k, start in enumerate(starts))


def histogram_masks(design: BinDesign, tree: int, numbers: int) -> tuple[HistogramMask, ...]:
    """Return what the histograms of so many numbers of a row take, over the columns of a tree."""
    return tuple(
        HistogramMask(
            f"H{owner}",
            owner,
            _blocks(design),
            _lines(design, owner, columns),
            (design.onehot(owner), design.rows[0], numbers),
        )
        for owner, columns in design.sampled_columns(tree).items()
        if columns.size
    )


def _lines(design: BinDesign, owner: int, columns: npt.NDArray[np.int64]) -> tuple[int, ...] | None:
    if columns.size == design.features[owner]:
        return None
    cuts = design.thresholds(owner)
    return tuple(int(column) * cuts + cut for column in columns for cut in range(cuts))


class PrivateBins:
    """One party's view of all owners' bins.

    Parameters
    ----------
    codes
        At an owner its bins, training rows before test rows, shape (rows, columns); None elsewhere.
    scratch
        Where the others' masked bins are kept.
    pool
        Further processes of my party, which keep some of all bins where there are many rows; None for none.
    """

    def __init__(
        self,
        s: Session,
        design: BinDesign,
        supply: Supply,
        codes: Codes | None,
        scratch: Scratch | None = None,
        pool: Pool | None = None,
    ) -> None:
        self._s, self._design = s, design
        self.codes = codes
        several = (pool or Alone()).worth(design.rows[0])
        self._own = None if codes is None else OwnBins(codes[: design.rows[0]], design.thresholds(s.rank), several)
        self._masked = MaskedBins(scratch or Scratch(), several)
        count = len(_blocks(design))
        for place, shape in enumerate(bin_matrices(design)):
            self._share(supply, shape, place % count, count)

    def _share(self, supply: Supply, shape: PrivateShape, number: int, count: int) -> None:
        """Send or take E = X - U of one of an owner's blocks."""
        s, label = self._s, f"private.{shape.matrix}"
        if s.rank != shape.owner or self.codes is None:
            with s.round(label) as r:
                pending = r.receive(shape.owner, shape.shape)
            self._masked.put(shape.owner, number, shape.matrix, pending.value)
            if number + AHEAD < count:
                s.channel.send(s.computing[shape.owner], _TAKEN)
            return
        if number >= AHEAD:
            for peer in s.others:
                s.channel.recv(s.computing[peer], _TAKEN)
        e = np.uint64(0) - supply.mask(shape)
        cuts = self._design.thresholds(s.rank)
        start = number * ROWS_BLOCK
        for column, codes in enumerate(self.codes[start : start + shape.shape[1]].T):
            inside = np.flatnonzero(codes < cuts)
            e[column * cuts + codes[inside], inside] += np.uint64(1)
        with s.round(label) as r:
            for peer in s.others:
                r.give(peer, e)

    def histograms(self, masks: tuple[HistogramMask, ...], d: Ring, bundle: Bundle) -> Mapping[int, Ring]:
        """Return my summands of X^T d by owner, each (columns of X, h), for the columns of a tree.

        With M from the dealer, C = d - M is opened to the owner:

            owner     X^T C + [U^T M]               X^T C is a sum of C over the rows of each bin
            others    E^T M_j + [U^T M]_j           while C travels

        Parameters
        ----------
        masks
            Those of the tree, with correlations of their names in the bundle.
        d
            My summands, shape (h, n_train).

        Cost: 1 round; h n_train elements from each other party to each owner; one histogram mask an owner.
        Leaks: nothing (C is uniform).
        Ref: protocols, sections 3 and 18.
        """
        rank = self._s.rank
        with self._s.round("histogram") as r:
            opened = {
                mask.owner: r.gather(mask.owner, d if rank == mask.owner else d - bundle[mask.name]["M"])
                for mask in masks
            }
            found = {mask.owner: self._elsewhere(mask, bundle) for mask in masks if mask.owner != rank}
        for mask in masks:
            if mask.owner == rank:
                found[rank] = self._here(mask, opened[rank].value) + bundle[mask.name]["UtM"]
        return found

    def _elsewhere(self, mask: HistogramMask, bundle: Bundle) -> Ring:
        parts = bundle[mask.name]
        return self._masked.product(mask, parts["M"]) + parts["UtM"]

    def _here(self, mask: HistogramMask, c: Ring) -> Ring:
        """Return X^T C at the owner."""
        if self._own is None:
            raise LocalProtocolError("only an owner adds up over its own bins")
        cuts = self._design.thresholds(self._s.rank)
        lines = range(mask.shape[0]) if mask.lines is None else mask.lines
        return self._own.sums([line // cuts for line in lines[::cuts]], c)
