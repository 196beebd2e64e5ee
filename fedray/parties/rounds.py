"""How many rounds a training takes at the party that has the most: the costs of docs/protocols.md, added up. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from fedray.ml.batches import Batches
from fedray.ml.design import NetDesign
from fedray.ml.guard_plan import Compare, GuardPlan, network_plan
from fedray.ml.kmeans_design import KMeansDesign, training_rows
from fedray.ml.linear_curves import curve_of
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_penalty import SIGN_ROUNDS
from fedray.ml.linear_schedule import guard_plan
from fedray.parties.recipes import Design
from fedray.trees.design import TreeDesign
from fedray.trees.gains import GainPlan

__all__ = ["ALIGNMENT_ROUNDS", "clustering_rounds", "training_rounds"]

ALIGNMENT_ROUNDS = 2
SHAPES = 1
WEIGHTS = 1
COMPARISON = 8
TRUNCATION = 1
COUNTS = 1
LATER_LAYER = 5
SPARED_BY_ONE_OUTPUT = 1
TREE_LEVEL = 20
TOURNAMENT_LEVEL = 9
LEAVES = 16
SQUARES = 1
MEANS = 12
KEPT = 1


def training_rounds(design: Design, done: int = 0) -> int | None:
    """Return the rounds of a training, from so many steps on; None of a kind of training that is not known here."""
    if isinstance(design, TreeDesign):
        return SHAPES + _several(design) + _trees(design, done)
    if isinstance(design, NetDesign):
        later = design.depth - 1
        looks = sum(design.looks_after(step) for step in range(done + 1, design.steps + 1)) if later else 0
        each = LATER_LAYER * later - SPARED_BY_ONE_OUTPUT * design.widths[1:].count(1)
        extra, plan, curve = COMPARISON * looks, network_plan(design), 1
    elif isinstance(design, LinearDesign):
        later, each, plan = 0, SIGN_ROUNDS * design.takes_signs, guard_plan(design)
        extra = 0 if design.cost_tol is None else (COMPARISON + COUNTS) * len(list(_stops(design, done)))
        curve = 0 if curve_of(design.objective) is None else 1
    else:
        return None
    steps = (design.steps - done) * (1 + _several(design) + each)
    return SHAPES + _several(design) + WEIGHTS + steps + extra + _tests(design, plan, later, curve, done)


def clustering_rounds(design: KMeansDesign) -> int:
    """Return the rounds of a clustering that goes on to its last iteration: `docs/protocols.md`, clusters."""
    several = _several(design)
    blocks = len(list(training_rows(design).blocks()))
    look = SQUARES + blocks * (several + TOURNAMENT_LEVEL * (design.clusters - 1).bit_length())
    update = several + MEANS + TRUNCATION + KEPT + (SQUARES + COMPARISON + COUNTS if design.tol else 0)
    ends = COMPARISON + 2 * COUNTS + 2  # at an owner that is the receiver too: its centroids, and the clusters
    return SHAPES + several + design.steps * (look + update) + look + ends


def _several(design: Batches | KMeansDesign) -> int:
    """Return 1 where several parties own features; the only owner does not wait for what others would say to it."""
    return int(len(design.owners) > 1)


def _stops(design: Batches, done: int) -> Iterable[int]:
    while done < design.steps:
        done = design.next_test(done)
        yield done


def _tests(design: Batches, plan: GuardPlan, later: int, curve: int, done: int) -> int:
    """Return the rounds of all tests: a slice of rows takes the weights, and two rounds for each later layer.

    Parameters
    ----------
    curve
        Rounds of the last layer's curve, which test rows go through.
    """
    rounds = 0
    for stop in _stops(design, done):
        rounds += TRUNCATION + COUNTS
        for part in plan.at(stop):
            if isinstance(part, Compare):
                rounds += COMPARISON
            elif part.matrix == "test":
                rounds += _several(design) + 2 * later + curve
            else:
                rounds += WEIGHTS + 2 * later
    return rounds


def _trees(design: TreeDesign, done: int) -> int:
    """Return the rounds of trees and tests: `docs/protocols.md`, boosted trees."""
    tests = len(list(_stops(design, done)))
    gradients = int(design.curved) + int(design.weighted)
    rounds = tests * (COMPARISON + COUNTS)
    for tree in range(done, design.steps):
        for level in range(design.depth):
            candidates = GainPlan(design, tree, 1 << level).candidates
            rounds += (
                TREE_LEVEL + 2 * _several(design) + TOURNAMENT_LEVEL * candidates.bit_length()
            )  # ceil(log2(candidates + 1))
        rounds += gradients + LEAVES
    return rounds
