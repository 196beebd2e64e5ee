"""The costs of a linear model's batches on shares: the training ends where two neighbouring ones are alike.

Nobody learns a cost. A step keeps the sum of its squared residuals and the weights that it began with; at a test all
differences since the last one are compared with the tolerance at once, and what is opened are the answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_fine import cost_units, tolerance_units
from fedray.ml.scored import kept_array
from fedray.mpc.beaver import OpenedSquare, close_square, open_square
from fedray.mpc.compare import msb
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.session import Round, Session
from fedray.mpc.share import Share
from fedray.ring import Ring

__all__ = ["LinearCosts", "Stopped"]

LAST, SUMS, BEGAN = "cost_last", "costs", "cost_weights"


@dataclass(frozen=True, eq=False)
class Stopped:
    """Where the training ends: before this step, with my summands of the weights that it began with."""

    step: int
    weights: Ring


class LinearCosts:
    """One party's summands of the costs; does nothing where the design compares none.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    """

    def __init__(self, s: Session, design: LinearDesign) -> None:
        self._s, self._design, self._wanted = s, design, design.cost_tol is not None
        self._last = np.zeros(1, np.uint64)
        self._sums: list[Ring] = []
        self._began: list[Ring] = []
        if design.cost_tol is not None:
            units = design.slope, design.batch, design.scales.residual
            self._bound = tolerance_units(design.cost_tol, *units)
            self._offset = cost_units(design.cost_offset, *units)

    def open(self, r: Round, residual: Share, bundle: Bundle) -> OpenedSquare | None:
        """Open what squares a step's residuals, in the round `r`.

        Cost: n (n - 1) elements for each row, in the caller's round; nothing where no costs are compared.
        Leaks: nothing.
        Ref: [Bea91].
        """
        return open_square(r, residual, bundle["cost"]) if self._wanted else None

    def close(self, opened: OpenedSquare | None, bundle: Bundle, weights: Ring, penalty: Ring) -> None:
        """Keep the cost of a step, and my summands of the weights that it began with; local.

        Parameters
        ----------
        penalty
            My summand of the penalty's part, see `fedray.ml.linear_penalty`, shape (1,).
        """
        if opened is not None:
            squares = close_square(self._s, opened, bundle["cost"]).value
            self._sums.append(squares.sum(axis=0, dtype=np.uint64) + penalty)
            self._began.append(weights)

    def look(self, supply: Supply, done: int) -> Stopped | None:
        """Compare the costs since the last look; return where the training ends, None where it goes on.

        The first cost that is compared is that of the second step, and it is compared with 0.

        Cost: 9 rounds, none where no costs are compared; that of `msb` for twice the steps since the last look.
        Leaks: cost_stop to the parties with data.
        Ref: protocols, sections 6 and 9.
        """
        if not self._wanted:
            return None
        first, sums = done - len(self._sums), np.concatenate(self._sums)
        alike = np.flatnonzero(self._beyond(self._changes(first, sums), supply) < 0.5)
        found = None if not alike.size else Stopped(first + int(alike[0]), self._began[int(alike[0])])
        self._last, self._sums, self._began = sums[-1:], [], []
        return found

    def _changes(self, first: int, sums: Ring) -> Ring:
        """Return by how much each cost from the step `first` on differs from the one before it; local."""
        changes: Ring = sums - np.concatenate([self._last, sums[:-1]])
        if first == 0:
            changes[:1] = self._public(self._bound + 1)  # nothing comes before the first: it never ends a training
        second = slice(max(0, 1 - first), max(0, 2 - first))
        changes[second] = sums[second] + self._public(self._offset)
        return changes

    def _public(self, number: int) -> Ring:
        return np.array([number if self._s.rank == 0 else 0], np.uint64)

    def _beyond(self, change: Ring, supply: Supply) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        """Return 1 where a change is larger than the bound, either way, and 0 elsewhere."""
        bound = self._public(self._bound)
        sides = Share(np.concatenate([bound - change, bound + change]), 1.0)
        negative = msb(self._s, sides, supply.step("cost")["cost"]).value
        return self._s.reveal("cost_stop", Share(negative[: change.size] + negative[change.size :], 1.0))

    def state(self) -> dict[str, Ring]:
        """Return my summands of what waits for the next look."""
        if not self._wanted:
            return {}
        shape = (len(self._sums), *self._weights_shape)
        began = np.array(self._began, np.uint64).reshape(shape)
        return {LAST: self._last, SUMS: np.array(self._sums, np.uint64).reshape(-1), BEGAN: began}

    def restore(self, arrays: Mapping[str, Ring]) -> None:
        """Take what `state` gave; local."""
        if not self._wanted:
            return
        waiting = len(arrays.get(SUMS, ()))
        self._last = kept_array(arrays, LAST, (1,))
        self._sums = list(kept_array(arrays, SUMS, (waiting,))[:, None])
        self._began = list(kept_array(arrays, BEGAN, (waiting, *self._weights_shape)))

    @property
    def _weights_shape(self) -> tuple[int, int]:
        return self._design.columns + 1, 1
