"""What the leaves of a tree add to the scores of the rows: both stay shared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedray.mpc import beaver
from fedray.mpc.beaver import mul
from fedray.mpc.compare import MsbMask, msb_turns
from fedray.mpc.correlation import Correlation, DenseTriple, Triple, TruncMask
from fedray.mpc.dealer import Bundle
from fedray.mpc.roots import root
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import trunc
from fedray.mpc.turns import play, side_by_side
from fedray.ring import Ring
from fedray.trees.design import HESSIAN_BITS, QUOTIENT_BITS, STEP_BITS, TreeDesign
from fedray.trees.inverse import Inverse, inverse

__all__ = ["LeafPlan", "Values", "add_scores", "leaf_values"]

SIDES = 2


@dataclass(frozen=True)
class Values:
    """What leaves add to scores, and how many of them are beyond the range in which that is right, both shared."""

    added: Share
    beyond: Share


@dataclass(frozen=True)
class LeafPlan:
    """What the leaves of a tree take."""

    design: TreeDesign

    @property
    def inverse(self) -> Inverse:
        """The reciprocals: even a leaf without rows has one."""
        return inverse(self.design, "inverse", (self.design.leaves,), self.below)

    @property
    def below(self) -> int:
        """What is added to sums of hessians: lambda, or the least that keeps them from 0."""
        return max(1, self.design.lambda_units)

    @property
    def shifts(self) -> tuple[int, int, int]:
        """Bits that are cut off sums of gradients, sums of hessians, quotients."""
        scales = self.design.scales
        quotient = scales.gradient + scales.inverse - STEP_BITS
        return scales.row - scales.gradient, scales.row - HESSIAN_BITS, quotient

    @property
    def step(self) -> int:
        """The learning rate, in units that bring a quotient to the scale of scores."""
        return round(self.design.learning_rate * 2.0 ** (self.design.scales.z - STEP_BITS))

    def correlations(self) -> tuple[Correlation, ...]:
        """Return what a step takes."""
        leaves, (of_g, of_h, of_q) = self.design.leaves, self.shifts
        return (
            TruncMask("cut.g", (leaves,), of_g),
            TruncMask("cut.h", (leaves,), of_h),
            *self.inverse.correlations(),
            MsbMask("beyond", (SIDES, leaves)),
            Triple("quotient", (leaves,)),
            TruncMask("cut.q", (leaves,), of_q),
            DenseTriple("scores", (self.design.all_rows, leaves, 1), training=False),
        )


def leaf_values(s: Session, plan: LeafPlan, sums: Ring, bundle: Bundle) -> Values:
    """Return - learning_rate G / (H + lambda) of every leaf, at the scale of scores.

    Parameters
    ----------
    sums
        My summands of G and H, shape (2, leaves), at the scale of rows.
    bundle
        A step with `plan.correlations()`.

    Domain: |G / (H + lambda)| < 2^8; what is beyond 2^7 is counted.
    Error: 2^-20 and 2^-23 of the value, and what G cut to 2^-16 makes.
    Cost: 15 rounds; a reciprocal, two comparisons, a product and three truncations a leaf.
    Leaks: nothing.
    Ref: [Che16], protocols, section 18.
    """
    of_g, of_h, of_q = plan.shifts
    scale = 2.0**plan.design.scales.row
    cut = [Share(sums[0], scale), Share(sums[1], scale)]
    g, h = trunc(s, cut, [of_g, of_h], [bundle["cut.g"], bundle["cut.h"]])
    below = h + s.constant(plan.below / h.scale, h.scale, h.shape)
    together = side_by_side(root(s, plan.inverse, below, bundle), msb_turns(s, _room(g, below), bundle["beyond"]))
    r, beyond = play(s, "inverse", together)
    (q,) = trunc(s, [mul(s, g, r, bundle["quotient"])], [of_q], [bundle["cut.q"]])
    added = Share(np.uint64(0) - q.value * np.uint64(plan.step), 2.0**plan.design.scales.z)
    return Values(added, beyond.sum())


def _room(g: Share, below: Share) -> Share:
    """Return what is left of 2^7 (H + lambda) on both sides of G, shape (2, leaves); local."""
    ratio = round(2.0 ** (QUOTIENT_BITS - 1) * g.scale)  # both in units of 1 / (scale of G times scale of H)
    limit, value = below.value * np.uint64(ratio), g.value * np.uint64(round(below.scale))
    return Share(np.stack([limit - value, limit + value]), g.scale * below.scale)


def add_scores(s: Session, z: Share, members: Ring, added: Share, bundle: Bundle) -> Share:
    """Return the scores of all rows after a tree.

    Parameters
    ----------
    z
        Shape (rows,).
    members
        My summands of which leaf a row is in, shape (leaves, rows).
    added
        Shape (leaves,), at z's scale.

    Cost: 1 round; n (n - 1) leaves (rows + 1) elements; one dense triple.
    Leaks: nothing.
    Ref: [Bea91].
    """
    parts = bundle["scores"]
    here = Share(np.ascontiguousarray(members.T), 1.0)
    opened = beaver.open_layer(s, here, Share(added.value[:, None], added.scale), parts)
    return z + Share(beaver.forward(s, opened, added.scale, parts).value[:, 0], added.scale)
