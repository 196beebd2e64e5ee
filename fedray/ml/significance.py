"""The z values of a linear model's coefficients on shares, each opened to its column's owner and to nobody else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.ml.features import Features
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_schedule import period_bits
from fedray.ml.linear_weights import LinearWeights
from fedray.ml.significance_design import (
    ERROR,
    HARMONICS,
    LEFT,
    SLOPE_SCALE,
    SPREAD,
    TABLE,
    SignificanceDesign,
)
from fedray.ml.tally import Tally
from fedray.ml.tested import HALF_A_ROW
from fedray.mpc import private, waves
from fedray.mpc.beaver import mul, square
from fedray.mpc.cut import cut
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.inverse import Inverted, invert
from fedray.mpc.roots import root
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.turns import play
from fedray.ring import Ring, decode

__all__ = ["TAG", "Found", "Significance"]

Float = npt.NDArray[np.float64]

TAG = "coefficient_z"

SPREADS, COLLINEAR, ERRORS = range(3)
_WHY = {
    SPREADS: "p (1 - p) times the square of a column, or of 1 for the intercept, has a mean outside of "
    f"{SPREAD[0]:.2g} to {SPREAD[1]:.0f}; scale the columns, or train with rows of both labels",
    COLLINEAR: "some columns are nearly sums of others, so that their coefficients say nothing; leave such columns out",
    ERRORS: "the residuals are next to nothing beside the label, or far larger",
}


@dataclass(frozen=True, eq=False)
class Found:
    """What came of it at one party.

    Attributes
    ----------
    columns
        z of my own columns; None where I have none, or where there are none.
    intercept
        At the label party, that of the intercept; else None.
    why_not
        Sentences that say why there are none; empty where there are.
    """

    columns: Float | None
    intercept: float | None
    why_not: tuple[str, ...] = ()


class Significance:
    """One computing party's part.

    Parameters
    ----------
    inputs
        My own encoded matrices as for the model: ``train`` features, and for the squared error ``label``.
    arrays
        My summands of the weights, as `LinearModel.arrays` gave them.
    """

    def __init__(
        self, s: Session, design: LinearDesign, supply: Supply, inputs: Mapping[str, Ring], arrays: Mapping[str, Ring]
    ) -> None:
        self._s, self._supply, self._plan = s, supply, SignificanceDesign(design)
        self._model, self._inputs = design, inputs
        self._features = Features(s, supply, self._plan.matrices, inputs)
        self._weights = LinearWeights(s, design)
        self._weights.put(arrays)
        self._tally = Tally(s, "p_values.guard", (len(_WHY),))

    def find(self) -> Found:
        """Work the z values out, and open each to its column's owner.

        Domain: columns with a mean square of at most 64 in each block of 4,096 rows; eigenvalues of the weighted
        correlations of all columns, the intercept's among them, from 2^-8 up; linear outputs within the model's domain.
        Error: relative, 4e-5 / the mean of p (1 - p), by the series of p (1 - p), and 1e-3.
        Cost: for a block of rows 5 rounds and one for each owner of features; some 140 more, whatever the rows, for up
        to 24 columns.
        Leaks: coefficient_z to the owner of the column, that of the intercept to the label party; range_guard to all.
        Ref: protocols, section 24.
        """
        sums, squares = self._sums()
        mean, deviation, inverted = self._inverted(sums)
        bundle = self._supply.step("z")
        factor = self._factor(mean, deviation, inverted, bundle)
        self._watch(mean, inverted)
        if squares is not None:
            factor = self._over_error(factor, squares, bundle)
        self._tally.compare(bundle["range"])
        counts = self._tally.reveal()
        if (counts > HALF_A_ROW).any():
            return Found(None, None, tuple(_WHY[kind] for kind in _WHY if counts[kind] > HALF_A_ROW))
        return self._open(factor, bundle)

    def _sums(self) -> tuple[Share, Share | None]:
        """Return [sum u x x^T] over all rows at the scale of their mean, and the sum of squared residuals, if any."""
        plan, n = self._plan, self._model.rows[0]
        total, squares = np.zeros((plan.size, plan.size), np.uint64), np.zeros(1, np.uint64)
        for number, rows in enumerate(plan.blocks()):
            bundle = self._supply.step(f"rows/{number}")
            weighted, squared = self._weighted(rows, bundle)
            block = Share(self._products(rows, weighted, bundle), plan.block.scale)
            total = total + cut(self._s, plan.block, block, bundle).value
            squares = squares if squared is None else squares + squared
        errors = None if plan.curved else Share(squares, plan.error_scale)
        return Share(total, plan.block.after * n), errors

    def _weighted(self, rows: slice, bundle: Bundle) -> tuple[Ring, Ring | None]:
        """Return [u x] of some rows, the intercept's as the last column; and their sum of squared residuals, if any."""
        s, plan, features = self._s, self._plan, self._features
        with s.round("weights") as r:
            offered = features.offer(r, self._weights.by_owner(), bundle, "train")
        z = features.output(rows, self._weights.columns, features.accept(offered), bundle, "train")
        if not plan.curved:
            return self._plain(rows), self._squares(z, rows, bundle)
        with s.round("p_values.curve") as r:
            opened = waves.open_masked(r, z, bundle["wave"])
        wanted = [(waves.slope_wave(HARMONICS), SLOPE_SCALE)]
        (fine,) = waves.evaluate(s, opened.value, period_bits(self._model), TABLE, bundle["wave"], wanted)
        u = cut(s, plan.slope(fine.shape[0]), fine, bundle)
        columns = []
        for owner in features.owners:
            masked = features.masked[owner, "train"]
            wide = np.repeat(u.value, self._model.features[owner], axis=1)
            columns.append(private.mul_private(s, masked, rows, Share(wide, u.scale), bundle[f"U{owner}"]).value)
        return np.hstack([*columns, *([u.value * np.uint64(plan.one)] if self._model.intercept else [])]), None

    def _plain(self, rows: slice) -> Ring:
        """Return my summand of the features of some rows, 1 as the last column: they are their owners'."""
        made = np.zeros((rows.stop - rows.start, self._plan.size), np.uint64)
        place = self._model.places.get(self._s.rank)
        if place is not None:
            made[:, place] = self._inputs["train"][rows]
        if self._model.intercept and self._s.rank == 0:
            made[:, -1] = self._plan.one
        return made

    def _squares(self, z: Share, rows: slice, bundle: Bundle) -> Ring:
        labels = self._inputs.get("label")
        mine = np.zeros(z.shape, np.uint64) if labels is None else labels[rows]
        residual = cut(self._s, self._plan.residual(rows.stop - rows.start), z - Share(mine, z.scale), bundle)
        return np.asarray(square(self._s, residual, bundle["square"]).value.sum(axis=0, dtype=np.uint64))

    def _products(self, rows: slice, weighted: Ring, bundle: Bundle) -> Ring:
        """Return my summand of sum u x x^T over some rows."""
        features, made = self._features, np.zeros((self._plan.size, self._plan.size), np.uint64)
        elsewhere = features.gradient_elsewhere(rows, bundle)
        with self._s.round("p_values.products") as r:
            opened = features.send_residual(r, weighted, bundle)
        for owner, place in self._model.places.items():
            here = owner == self._s.rank
            made[place] = features.gradient_here(rows, opened, bundle) if here else elsewhere[owner]
        if self._model.intercept:
            made[-1] = weighted.sum(axis=0, dtype=np.uint64) * np.uint64(self._plan.one)
        return made

    def _inverted(self, sums: Share) -> tuple[Share, Share, Inverted]:
        """Return [diag h], [d], and the inverse of R = d h d."""
        s, plan, bundle = self._s, self._plan, self._supply.step("scaled")
        h = cut(s, plan.mean, sums, bundle)
        mean = Share(np.ascontiguousarray(np.diagonal(h.value)), h.scale)
        d = cut(s, plan.deviation, play(s, "p_values", root(s, plan.spread, mean, bundle)), bundle)
        across = Share(np.repeat(d.value[:, None], plan.size, axis=1), d.scale)
        down = Share(np.repeat(d.value[None], plan.size, axis=0), d.scale)
        pairs = cut(s, plan.pair, mul(s, across, down, bundle["pair"]), bundle)
        ratio = cut(s, plan.ratio, mul(s, h, pairs, bundle["ratio"]), bundle)
        return mean, d, invert(s, plan.inverse, ratio, self._supply)

    def _factor(self, mean: Share, deviation: Share, inverted: Inverted, bundle: Bundle) -> Share:
        """Return [sqrt(diag h) diag(R^-1)^(-1/2)]: what w is multiplied by, but for sqrt(n) and s."""
        s, plan, x = self._s, self._plan, inverted.inverse
        diagonal = Share(np.ascontiguousarray(np.diagonal(x.value)), x.scale)
        root_cut, shrunk_cut, factor_cut = plan.factors
        shrunk = cut(s, shrunk_cut, play(s, "p_values", root(s, plan.inflation, diagonal, bundle)), bundle)
        roots = cut(s, root_cut, mul(s, mean, deviation, bundle["root"]), bundle)
        return cut(s, factor_cut, mul(s, roots, shrunk, bundle["factor"]), bundle)

    def _over_error(self, factor: Share, squares: Share, bundle: Bundle) -> Share:
        """Return the factor over s, the deviation of the residuals."""
        s, (error_cut, over_cut) = self._s, self._plan.last
        self._watch_span(ERRORS, squares, ERROR)
        inverse = cut(s, error_cut, play(s, "p_values", root(s, self._plan.error, squares, bundle)), bundle)
        wide = Share(np.repeat(inverse.value, self._plan.size), inverse.scale)
        return cut(s, over_cut, mul(s, factor, wide, bundle["over"]), bundle)

    def _watch(self, mean: Share, inverted: Inverted) -> None:
        self._watch_span(SPREADS, mean, SPREAD)
        self._tally.watch((COLLINEAR,), inverted.left.value, LEFT * inverted.left.scale)

    def _watch_span(self, kind: int, x: Share, span: tuple[float, float]) -> None:
        middle, half = (span[0] + span[1]) / 2.0, (span[1] - span[0]) / 2.0
        self._tally.watch((kind,), (x - self._s.constant(middle, x.scale, x.shape)).value, half * x.scale)

    def _open(self, factor: Share, bundle: Bundle) -> Found:
        s, plan, model = self._s, self._plan, self._model
        kept = [self._weights.w[:-1, 0], *([self._weights.intercept] if model.intercept else [])]
        short = [cut(s, one, Share(mine, one.scale), bundle) for one, mine in zip(plan.weights, kept, strict=True)]
        ring = Share(np.concatenate([one.value for one in short]), 1.0)
        z = mul(s, ring, factor, bundle["z"]).value
        scales = [one.scale * factor.scale / np.sqrt(model.rows[0]) for one in short]
        wanted = [(owner, z[place], scales[0]) for owner, place in model.places.items()]
        if model.intercept:
            wanted.append((model.label, z[-1:], scales[1] * plan.one / model.scales.x))
        mine = self._opened(wanted)
        columns = mine[0] if model.features[s.rank] else None
        return Found(columns, float(mine[-1][0]) if model.intercept and s.rank == model.label else None)

    def _opened(self, wanted: list[tuple[int, Ring, float]]) -> list[Float]:
        """Open each array to one party; return mine."""
        s = self._s
        for rank, z, _ in wanted:
            s.channel.reveals.add(TAG, (s.computing[rank],), z.shape)
        with s.round(f"reveal.{TAG}") as r:
            pending = [(rank, r.gather(rank, z), scale) for rank, z, scale in wanted]
        return [decode(one.value, scale) for rank, one, scale in pending if rank == s.rank]
