"""Trainings that are disturbed, and what each comes to when nobody disturbs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedray.data.root import DataRoot
from fedray.ml import metrics
from fedray.parties.oracle import insecure_oracle
from fedray.task.plan import make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.e2e.documents import linear_training, training, tree_training

__all__ = ["KINDS", "Twin", "document", "twin"]

Json = dict[str, Any]

STEPS = {"linear": 1000, "network": 500, "trees": 10}
KINDS = tuple(STEPS)
AUC_WITHIN, LOSS_WITHIN = 0.005, 0.01
"""How far the AUC of the last test, and its loss as a part of it, may be from the float64 twin's."""


@dataclass(frozen=True)
class Twin:
    """A training in float64, which nobody disturbs: its steps, and loss and AUC of the last test."""

    kind: str
    steps: int
    loss: float
    auc: float

    def compare(self, found: Mapping[str, Any]) -> tuple[float, float]:
        """Return how far a report's result is off in loss and AUC; AssertionError where it is no such model."""
        loss_off, auc_off = abs(found["loss"] / self.loss - 1.0), abs(found["metrics"]["auc"] - self.auc)
        assert loss_off < LOSS_WITHIN, (self, found)
        assert auc_off < AUC_WITHIN, (self, found)
        return loss_off, auc_off


def document(kind: str, name: str, part: float = 1.0) -> Json:
    """Return the training of a kind, or one with a part of its steps; always with the same seed, and two tests."""
    tests = round(part * STEPS[kind] / 2)
    if kind == "trees":
        return tree_training(name, n_estimators=2 * tests, max_depth=3, max_bin=16, seed=1, test_per_trees=tests)
    numbers: Json = {"max_iter": 2 * tests, "test_per_batches": tests, "checkpoint_every": 25}
    if kind == "linear":
        return linear_training(name, random_state=1, learning_rate_init=0.015, **numbers)
    return training(name, in_dim=4, layers=[1], learning_rate=0.03, seed=1, **numbers)


def twin(kind: str, root: DataRoot, part: float = 1.0) -> Twin:
    """Train in float64 on the aligned tables of a root that has all of them."""
    plan = make_plan(parse(document(kind, "twin", part)), Registry.local(), "")
    oracle, design, y = insecure_oracle(plan, root)
    oracle.train(design.steps)
    p = oracle.predict()
    return Twin(kind, design.steps, metrics.loss("bce", y, p), metrics.evaluate("auc", y, p)["auc"])
