"""Shuffling shared rows, one party after the other, so that nobody who did not shuffle can follow a row.

An order comes from the key of its party and the dealer: a one-time mask of one column, whose places by size it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.mpc.correlation import MaskRows, Part, Parts
from fedray.mpc.dealer import Bundle, PrivateShape, Supply
from fedray.mpc.session import Session
from fedray.ring import Ring

__all__ = ["ShuffleMask", "shuffle"]


@dataclass(frozen=True)
class ShuffleMask:
    """For rows in the order of `owner`: A without the owner's summand, and B, A in that order.

    Attributes
    ----------
    shape
        Rows and columns.
    """

    owner: int
    shape: tuple[int, int]

    @property
    def name(self) -> str:
        """Unique within a step."""
        return f"shuffle{self.owner}"

    @property
    def order(self) -> PrivateShape:
        """The mask from which the order comes."""
        return PrivateShape(self.owner, "order", (self.shape[0], 1))

    def uniform(self) -> tuple[Part, ...]:
        """Give A."""
        return (Part("A", self.shape, without=self.owner),)

    def derived(self) -> tuple[Part, ...]:
        """Give B."""
        return (Part("B", self.shape),)

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:
        """Bring A into the order; per step."""
        return {"B": totals["A"][:, _by_size(rows.masks[self.owner, self.order.matrix])]}


def shuffle(s: Session, supply: Supply, masks: Sequence[ShuffleMask], x: Ring, bundle: Bundle) -> Ring:
    """Return the rows of x, shared anew, in an order to which the owner of every mask has added its own.

    The owner of a mask, with [A] from the dealer of which it has no summand and [B] = [A in its order]:

        open to it  x - A
        owner       (x - A) in its order + [B]
        others      [B]

    Parameters
    ----------
    x
        My summands, shape (rows, columns), at any scales.
    bundle
        A step with the masks.

    Cost: 1 round a mask; |x| elements from each other party to its owner.
    Leaks: nothing (x - A is uniform); who owns no mask learns no order, the dealer knows all of them and no row.
    Ref: protocols, section 21.
    """
    for mask in masks:
        parts = bundle[mask.name]
        mine = s.rank == mask.owner
        with s.round("shuffle") as r:
            opened = r.gather(mask.owner, x if mine else x - parts["A"])
        x = opened.value[_by_size(supply.mask(mask.order))] + parts["B"] if mine else parts["B"]
    return x


def _by_size(words: Ring) -> npt.NDArray[np.int64]:
    return np.argsort(words[:, 0], kind="stable").astype(np.int64)
