"""Rows on their way through a linear model: what tests and predictions have in common."""

from __future__ import annotations

from collections.abc import Sequence

from fedray.ml.design import TEST_SCALE
from fedray.ml.features import Columns, Features
from fedray.ml.guard_plan import Slice
from fedray.ml.linear_curves import curve_of
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_schedule import period_bits
from fedray.mpc import waves
from fedray.mpc.dealer import Bundle
from fedray.mpc.session import Session
from fedray.mpc.share import Share


class LinearOutputs:
    """One party's part.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    features
        The masked features.
    """

    def __init__(self, s: Session, design: LinearDesign, features: Features) -> None:
        self._s, self._design, self._features = s, design, features
        self._curve, self._period = curve_of(design.objective), period_bits(design)

    def of(self, part: Slice, wanted: Sequence[tuple[Bundle, Columns]]) -> list[Share]:
        """Return the linear outputs of some rows by each of some columns of weights; the weights share a round.

        Cost: 1 round at an owner of features; n - 1 elements to each owner for each of its weights.
        Leaks: nothing.
        Ref: protocols, section 6.
        """
        with self._s.round("weights") as r:
            offered = [self._features.offer(r, columns.weights, bundle, part.matrix) for bundle, columns in wanted]
        return [
            self._features.output(part.rows, columns, self._features.accept(one), bundle, part.matrix)
            for one, (bundle, columns) in zip(offered, wanted, strict=True)
        ]

    def predicted(self, z: Share, bundle: Bundle) -> Share:
        """Return the predictions of linear outputs, by the exact curve if the objective has one.

        Cost: 1 round with a curve, none without; n (n - 1) elements for each row.
        Leaks: nothing.
        Ref: protocols, section 17.
        """
        if self._curve is None:
            return z
        with self._s.round("linear.z") as r:
            masked = waves.open_masked(r, z, bundle["wave"])
        wanted, table = [(self._curve.exact, TEST_SCALE)], self._design.test_table
        (p,) = waves.evaluate(self._s, masked.value, self._period, table, bundle["wave"], wanted)
        return p
