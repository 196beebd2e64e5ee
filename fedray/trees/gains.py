"""Gains of all candidates of a level, on shares.

    gain = G_l^2 / (H_l + lambda) + G_r^2 / (H_r + lambda) - G^2 / (H + lambda), or 0 where a child is too light

Reciprocals, not cross-multiplication: a fraction of two sums of three factors has 60 bits for each of its parts at 20
bits a factor, and comparing two such takes twice as many as the ring has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedray.mpc.beaver import close_mul, mul, open_mul
from fedray.mpc.compare import MsbMask, msb_turns
from fedray.mpc.correlation import Correlation, Triple, TruncMask
from fedray.mpc.dealer import Bundle
from fedray.mpc.roots import root
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import trunc
from fedray.mpc.turns import play, side_by_side
from fedray.ring import Ring
from fedray.trees.candidates import blocks
from fedray.trees.design import HESSIAN_BITS, TreeDesign
from fedray.trees.inverse import Inverse, inverse

__all__ = ["GainPlan", "Sums", "gains", "left_sums"]


@dataclass(frozen=True)
class Sums:
    """Shared sums of gradients and hessians, at the scale of rows.

    Attributes
    ----------
    g, h
        My summands: first those left of each candidate, then of the node; shape (candidates + 1, nodes).
    """

    g: Ring
    h: Ring


@dataclass(frozen=True)
class GainPlan:
    """What the gains of a level take.

    Attributes
    ----------
    design, tree, nodes
        The public numbers, the tree's number, the nodes of the level.
    """

    design: TreeDesign
    tree: int
    nodes: int

    @property
    def candidates(self) -> int:
        """Candidates of a node."""
        return int(max(block.stop for block in blocks(self.design, self.tree).values()))

    @property
    def inverse(self) -> Inverse:
        """The reciprocals: left, right, node."""
        least = self.design.least_hessian + self.design.lambda_units
        return inverse(self.design, "inverse", (2 * self.candidates + 1, self.nodes), least)

    @property
    def shifts(self) -> tuple[int, int, int]:
        """Bits that are cut off sums of gradients, sums of hessians, quotients."""
        scales = self.design.scales
        quotient = scales.gradient + scales.inverse - scales.quotient
        return scales.row - scales.gradient, scales.row - HESSIAN_BITS, quotient

    def correlations(self) -> tuple[Correlation, ...]:
        """Return what a step takes."""
        count, nodes, (of_g, of_h, of_q) = self.candidates, self.nodes, self.shifts
        one, two, every = (count, nodes), (2 * count, nodes), (2 * count + 1, nodes)
        return (
            TruncMask("cut.g", (count + 1, nodes), of_g),
            TruncMask("cut.h", (count + 1, nodes), of_h),
            *self.inverse.correlations(),
            MsbMask("light", two),
            Triple("heavy", one),
            Triple("quotient", every),
            TruncMask("cut.q", every, of_q),
            Triple("score", every),
            Triple("allowed", one),
        )


def left_sums(design: TreeDesign, by_owner: Mapping[int, Ring], totals: Ring) -> Sums:
    """Return the sums left of every candidate from histograms; local.

    Parameters
    ----------
    by_owner
        My summands of the histograms of a tree's columns, shape (columns of X, 2, nodes).
    totals
        My summands of the nodes' sums, shape (2, nodes).
    """
    made = []
    for owner, histogram in by_owner.items():
        cuts = design.thresholds(owner)
        left = histogram.reshape(-1, 1, cuts, *totals.shape).cumsum(axis=2, dtype=np.uint64)
        if design.gaps(owner):
            missing = totals - left[:, :, -1:]
            left = np.concatenate([left, left + missing], axis=1)
        made.append(left.reshape(-1, *totals.shape))
    every = np.concatenate([*made, totals[None]])
    return Sums(every[:, 0], every[:, 1])


def gains(s: Session, plan: GainPlan, sums: Sums, bundle: Bundle) -> Share:
    """Return the gain of every candidate, shape (candidates, nodes), at the design's scale of gains.

        [G], [H] cut to fewer bits
        [r] = [1 / (H + lambda)],  [light] = [H < min_child_weight]        in the same rounds
        [q] = [G r],  [heavy] = [not light_l] [not light_r]
        [score] = [G] [q cut]
        [gain] = [heavy] ([score_l] + [score_r] - [score])

    Parameters
    ----------
    bundle
        A step with `plan.correlations()`.

    Domain: |G / (H + lambda)| < 2^8, and scores below 2^3 times rows times weights (2^12 in a regression).
    Error: what 2^-24 of a reciprocal's mantissa, G cut to 2^-16 and a quotient cut to 2^-26 make: 1e-3 for 24,000 rows.
    Cost: 17 rounds; reciprocals of 2 c + 1 and 3 c comparisons for c candidates, 7 c products and 4 c truncations.
    Leaks: nothing.
    Ref: [Che16], protocols, section 18.
    """
    of_g, of_h, of_q = plan.shifts
    scale = 2.0**plan.design.scales.row
    g, h = trunc(s, [Share(sums.g, scale), Share(sums.h, scale)], [of_g, of_h], [bundle["cut.g"], bundle["cut.h"]])
    every_g, every_h = _with_right(g), _with_right(h)
    below = every_h + s.constant(plan.design.lambda_units / every_h.scale, every_h.scale, every_h.shape)
    children = every_h[:-1]
    least = s.constant(plan.design.least_hessian / children.scale, children.scale, children.shape)
    together = side_by_side(root(s, plan.inverse, below, bundle), msb_turns(s, children - least, bundle["light"]))
    r, light = play(s, "inverse", together)
    heavy = s.constant(1.0, 1.0, light.shape) - light
    with s.round("quotient") as turn:
        quotient = open_mul(turn, every_g, r, bundle["quotient"])
        both = open_mul(turn, heavy[: plan.candidates], heavy[plan.candidates :], bundle["heavy"])
    allowed = close_mul(s, both, bundle["heavy"])
    (q,) = trunc(s, [close_mul(s, quotient, bundle["quotient"])], [of_q], [bundle["cut.q"]])
    score = mul(s, every_g, q, bundle["score"])
    count = plan.candidates
    gain = score[:count] + score[count:-1] - Share(np.broadcast_to(score.value[-1:], allowed.shape), score.scale)
    return mul(s, allowed, gain, bundle["allowed"])


def _with_right(x: Share) -> Share:
    """Return left, right and node from left and node, along the first axis; local."""
    left, node = x.value[:-1], x.value[-1:]
    return Share(np.concatenate([left, node - left, node]), x.scale)
