"""Private features of several owners, masked once, and their products with shared columns.

X is the owners' features side by side; [X W] and [X^T d] are sums and stacks of one product per owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from fedray.mpc import private
from fedray.mpc.dealer import Bundle, PrivateShape, Supply
from fedray.mpc.private import MaskedMatrix, Rows
from fedray.mpc.session import Pending, Round, Session
from fedray.mpc.share import Share
from fedray.ring import Ring, encode


@dataclass(frozen=True, eq=False)
class Columns:
    """My summands of the weights of each owner's features, and of the additive term at the scale of the outputs."""

    weights: Mapping[int, Ring]
    bias: Share


class Features:
    """One party's view of all private matrices of a training.

    Parameters
    ----------
    shapes
        Of all private matrices: ``train`` and ``test`` of every owner, and perhaps others.
    inputs
        My own encoded matrices by name, where I own them.

    Attributes
    ----------
    masked
        By owner and name.
    owners
        Ranks with features.
    """

    def __init__(self, s: Session, supply: Supply, shapes: Iterable[PrivateShape], inputs: Mapping[str, Ring]) -> None:
        self._rank = s.rank
        self.masked: dict[tuple[int, str], MaskedMatrix] = {
            (shape.owner, shape.matrix): private.share_matrix(
                s, supply, shape, inputs[shape.matrix] if shape.owner == s.rank else None
            )
            for shape in shapes
        }
        self.owners = tuple(owner for owner, name in self.masked if name == "train")

    def offer(self, r: Round, weights: Mapping[int, Ring], bundle: Bundle, matrix: str) -> dict[int, Pending]:
        """Send every owner its weights' masked summands, in the round `r`."""
        return {
            owner: private.send_weights(r, self.masked[owner, matrix], self._rank, w, bundle[f"F{owner}"])
            for owner, w in weights.items()
        }

    def accept(self, offered: Mapping[int, Pending]) -> Ring | None:
        """Return what came for me as an owner: the sum of the others' masked summands."""
        mine = offered.get(self._rank)
        return None if mine is None else mine.value

    def output(self, rows: Rows, columns: Columns, given: Ring | None, bundle: Bundle, matrix: str) -> Share:
        """Return [X[rows] W + b], shape (B, h); local.

        Parameters
        ----------
        columns
            Of one owner at least.
        given
            What `accept` returned.
        """
        products = (
            private.product(self.masked[owner, matrix], self._rank, rows, w, given, bundle[f"F{owner}"])
            for owner, w in columns.weights.items()
        )
        return Share(reduce(np.add, products, columns.bias.value), columns.bias.scale)

    def send_residual(self, r: Round, d: Ring, bundle: Bundle) -> dict[int, Pending]:
        """Open the residual less its mask to every owner, in the round `r`."""
        return {
            owner: private.send_residual(r, self.masked[owner, "train"], self._rank, d, bundle[f"B{owner}"])
            for owner in self.owners
        }

    def gradient_elsewhere(self, rows: Rows, bundle: Bundle) -> dict[int, Ring]:
        """Return my summands of X[rows]^T d at the other owners, which need no answer; local."""
        return {
            owner: private.transposed_elsewhere(self.masked[owner, "train"], rows, bundle[f"B{owner}"])
            for owner in self.owners
            if owner != self._rank
        }

    def gradient_here(self, rows: Rows, opened: Mapping[int, Pending], bundle: Bundle) -> Ring:
        """Return my summand of X[rows]^T d for my own features, from what `send_residual` brought; local."""
        masked, parts = self.masked[self._rank, "train"], bundle[f"B{self._rank}"]
        return private.transposed_at_owner(masked, rows, opened[self._rank].value, parts)


def encoded(features: Mapping[str, npt.NDArray[np.float64]], scale: float) -> dict[str, Ring]:
    """Return an owner's matrices by name, given in real units, as `Features` takes them.

    Parameters
    ----------
    scale
        Ring units per 1.0.

    Raises
    ------
    RangeGuardError
        A value does not fit.
    """
    return {part: encode(x, scale, f"a {part} feature") for part, x in features.items()}
