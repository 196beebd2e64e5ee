"""Boosted trees on shares: gradients, histograms, gains, splits and leaves of one tree after the other.

Nobody learns a row's gradient, score, node or leaf. Of a split everybody learns its owner, and the owner which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from fedray.data.scratch import Scratch
from fedray.ml.parity import Observer
from fedray.ml.saved import Saved
from fedray.ml.scored import kept_array
from fedray.ml.tested import Tested
from fedray.mpc import private, waves
from fedray.mpc.dealer import Supply
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.pool import Pool
from fedray.ring import Ring, encode
from fedray.trees.bins import PrivateBins, histogram_masks
from fedray.trees.candidates import Split, goes_left
from fedray.trees.design import HESSIAN_FLOOR, WEIGHT_SCALE, TreeDesign
from fedray.trees.gains import GainPlan, gains, left_sums
from fedray.trees.grown import Grown
from fedray.trees.guard import TreeGuard
from fedray.trees.leaves import LeafPlan, add_scores, leaf_values
from fedray.trees.membership import and_bits, as_numbers, packed
from fedray.trees.schedule import (
    HARMONICS,
    Curve,
    curve_chunks,
    matrices,
    members_mask,
    train_curve,
)
from fedray.trees.splits import Chosen, choose

__all__ = ["TreeModel"]

Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Told = Callable[[int, int], None]
"""Is told the levels done of a tree, and all of them."""


class TreeModel:
    """One computing party's part of boosted trees on shares.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    supply
        My side of the dealer.
    codes
        At an owner its bins, training rows before test rows, shape (rows, columns); None elsewhere.
    inputs
        At the label party ``label`` (n_train, 1) in the model's units, ``base``, the first score, shape (1,), and with
        weights ``weight`` (n_train, 1); empty elsewhere.
    saved
        Where to go on; None to begin.
    scratch
        Where masked bins are kept; None for the memory.
    observer
        Sees the scores after every tree; None for nobody.
    pool
        Further processes of my party; None for none.
    """

    def __init__(
        self,
        s: Session,
        design: TreeDesign,
        supply: Supply,
        codes: Codes | None,
        inputs: Mapping[str, Float],
        saved: Saved | None = None,
        scratch: Scratch | None = None,
        observer: Observer | None = None,
        pool: Pool | None = None,
    ) -> None:
        self._s, self._design, self._supply, self._observer = s, design, supply, observer
        self._bins = PrivateBins(s, design, supply, codes, scratch, pool)
        self._weight = None
        if design.weighted:
            weight = encode(inputs["weight"], WEIGHT_SCALE, "a weight") if "weight" in inputs else None
            self._weight = private.share_matrix(s, supply, matrices(design)[-1], weight)
        scale = 2.0**design.scales.z
        base = encode(inputs["base"], scale, "base_score") if "base" in inputs else np.zeros(1, np.uint64)
        self._base = Share(base, scale)
        self._z = Share(np.repeat(base, design.all_rows), scale)
        self._labels = self._encoded_labels(inputs)
        self._guard, self._grown = TreeGuard(s, design), Grown(design)
        self._told: Told = lambda *_: None
        self.done = 0
        if saved is not None:
            self.done = saved.done
            self._z = Share(kept_array(saved.arrays, "z", (design.all_rows,)), scale)
            self._guard.restore(saved.arrays)
            self._grown.restore(saved.arrays, saved.done)

    def watch(self, told: Told) -> None:
        """Take what is called after every level."""
        self._told = told

    def _encoded_labels(self, inputs: Mapping[str, Float]) -> Share:
        design = self._design
        scale = 2.0 ** train_curve(design).result if design.curved else 2.0**design.scales.z
        if "label" not in inputs:
            return Share(np.zeros(design.rows[0], np.uint64), scale)
        return Share(encode(inputs["label"][:, 0], scale, "a label"), scale)

    def train(self, steps: int) -> None:
        """Grow some trees.

        Cost: 22 rounds a level and 9 for each doubling of its candidates; 18 for the leaves; 1 for gradients, or for
        each 32,768 rows; section 18 for elements.
        Leaks: split_owner to all, split to its owner.
        Ref: [Che16], protocols, section 18.
        """
        for _ in range(steps):
            self._grow()
            self.done += 1

    def _grow(self) -> None:
        s, design = self._s, self._design
        gh = self._gradients()
        histograms: dict[int, Ring] = {}
        products, totals = gh[None], gh.sum(axis=1, dtype=np.uint64)[:, None]
        nodes = packed(np.full((1, design.all_rows), s.rank == 0))
        numbers = np.zeros((0, 0), np.uint64)
        self._grown.begin()
        for level in range(design.depth):
            bundle = self._supply.step(f"tree/{self.done}/level/{level}")
            plan = GainPlan(design, self.done, 1 << level)
            masks = histogram_masks(design, self.done, products.shape[0] * 2)
            found = self._bins.histograms(masks, products.reshape(-1, design.rows[0]), bundle)
            histograms = {owner: _paired(mine, histograms.get(owner)) for owner, mine in sorted(found.items())}
            gain = gains(s, plan, left_sums(design, histograms, totals), bundle)
            chosen = choose(s, plan, gain, bundle)
            self._grown.split(chosen)
            left = and_bits(s, packed(self._left(chosen)), nodes, bundle["and"])
            mask = members_mask(design, level)
            bits = left[:, : -(-mask.shape[1] // 64)]
            if mask.shape[0] > len(left):
                bits = np.concatenate([left, left ^ nodes])
            numbers, products = as_numbers(s, mask, bits, gh, bundle["members"])
            below = products.sum(axis=2, dtype=np.uint64).T
            totals = _interleaved(below, totals - below)
            nodes = _interleaved(left.T, (left ^ nodes).T).T
            self._told(level + 1, design.depth)
        self._finish(numbers, totals)

    def _finish(self, members: Ring, totals: Ring) -> None:
        """Work out the leaves, whose members come left children first, and add them to the scores."""
        design, plan = self._design, LeafPlan(self._design)
        bundle = self._supply.step(f"tree/{self.done}/leaves")
        values = leaf_values(self._s, plan, totals, bundle)
        self._guard.note_leaves(values.beyond)
        half = design.leaves // 2
        rows = _interleaved(members[:half].T, members[half:].T).T
        self._z = add_scores(self._s, self._z, rows, values.added, bundle)
        self._grown.end(values.added.value)
        if self._observer is not None:
            self._observer.see(0, "score", self._z)

    def _left(self, chosen: Chosen) -> npt.NDArray[np.bool_]:
        """Return which rows my splits send left, shape (nodes, rows): none where a split is another's."""
        left = np.zeros((len(chosen.owners), self._design.all_rows), dtype=np.bool_)
        for node, split in chosen.mine.items():
            left[node] = self._sent_left(split)
        return left

    def _sent_left(self, split: Split | None) -> npt.NDArray[np.bool_]:
        if split is None or self._bins.codes is None:
            return np.ones(self._design.all_rows, dtype=np.bool_)
        return goes_left(self._design, split, self._bins.codes[:, split.column])

    def _gradients(self) -> Ring:
        """Return my summands of gradients and hessians of the training rows, shape (2, n_train); 0 off the sample."""
        design = self._design
        made = [self._chunk(rows) for rows in curve_chunks(design.rows[0])]
        return np.concatenate(made, axis=1) * design.sampled_rows(self.done).astype(np.uint64)

    def _chunk(self, rows: slice) -> Ring:
        s, design, label = self._s, self._design, f"tree/{self.done}/rows"
        bundle = self._supply.step(label) if design.curved or design.weighted else {}
        if design.curved:
            curve = train_curve(design)
            wanted = [waves.sigmoid_wave(HARMONICS), waves.slope_wave(HARMONICS)]
            p, slope = self._curve(self._z[rows], curve, wanted, bundle["wave"])
            pair = (p - self._labels[rows], slope + s.constant(HESSIAN_FLOOR, p.scale, p.shape))
        else:
            g = self._z[: design.rows[0]][rows] - self._labels[rows]
            pair = (g, s.constant(1.0, g.scale, g.shape))
        both = Share(np.stack([part.value for part in pair], axis=1), pair[0].scale)
        if self._weight is not None:
            at = np.arange(rows.start, rows.stop, dtype=np.int64)
            both = private.mul_private(s, self._weight, at, both, bundle["weight"])
        return np.ascontiguousarray(both.value.T)

    def _curve(self, z: Share, curve: Curve, wanted: list[waves.Wave], parts: Mapping[str, Ring]) -> list[Share]:
        with self._s.round("curve") as r:
            opened = waves.open_masked(r, z, parts)
        scaled = [(wave, 2.0**curve.result) for wave in wanted]
        return waves.evaluate(self._s, opened.value, curve.period, 2.0**curve.table, parts, scaled)

    def test(self) -> Tested:
        """Open the scores of the test rows to the label party, and counts of values out of range to all.

        A score says as much as its sigmoid, and those of rows in the same leaves are equal to the last bit.

        Cost: 1 round for the scores, 9 for the guard.
        Leaks: test_predictions to the label party; range_guard to all.
        Ref: protocols, sections 6 and 18.

        Raises
        ------
        RangeGuardError
            At every party alike: scores or leaves left the range in which the arithmetic is right.
        """
        design = self._design
        found = self._s.reveal_to(design.label, "test_predictions", self._z[design.rows[0] :])
        parts = self._supply.step(f"test/{self.done}/guard")["range"]
        counts, notes = self._guard.test(self.done, self._z, parts)
        if found is None:
            return Tested(None, counts, notes)
        predicted: Float = 1.0 / (1.0 + np.exp(-found)) if design.curved else found
        return Tested(predicted[:, None], counts, notes)

    def arrays(self) -> dict[str, Ring]:
        """Return my part of the trees, see `Grown.arrays`, and my summand of the first score, ``base``."""
        return {**self._grown.arrays(), "base": self._base.value}

    def state(self) -> dict[str, Ring]:
        """Return what `saved` takes: my part of the trees, my summands of scores and of the guard's count."""
        return {**self._grown.arrays(), **self._guard.state(), "z": self._z.value}


def _paired(left: Ring, above: Ring | None) -> Ring:
    """Return histograms of all nodes, shape (columns, 2, nodes), from those of left children or of the root.

    Parameters
    ----------
    left
        Shape (columns, nodes * 2), the numbers of a node side by side.
    above
        Those of the level above; None at the root.
    """
    mine = left.reshape(len(left), -1, 2).swapaxes(1, 2)
    if above is None:
        return mine
    return _interleaved(mine, above - mine)


def _interleaved(left: Ring, right: Ring) -> Ring:
    """Return left and right children in turn along the last axis."""
    return np.stack([left, right], axis=-1).reshape(*left.shape[:-1], -1)
