"""Trainings that are disturbed, and what each comes to when nobody disturbs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedray.data.model_files import load_model
from fedray.data.root import DataRoot
from fedray.ml import metrics
from fedray.parties.oracle import insecure_oracle
from fedray.ring import Ring
from fedray.task.plan import make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.e2e.documents import linear_training, training, tree_training
from tests.parties import joined
from tests.sealed import folder_at

__all__ = ["KINDS", "Twin", "document", "opened", "twin"]

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


def document(kind: str, name: str, part: float = 1.0, exact: bool = False) -> Json:
    """Return the training of a kind, or one with a part of its steps; always with the same seed, and two tests.

    Parameters
    ----------
    exact
        Whether masks are public, so that all trainings of a kind end with the same model to the last bit.
    """
    tests, more = round(part * STEPS[kind] / 2), {"public_masks": True} if exact else {}
    if kind == "trees":
        numbers: Json = {"n_estimators": 2 * tests, "test_per_trees": tests, **more}
        return tree_training(name, max_depth=3, max_bin=16, seed=1, **numbers)
    numbers = {"max_iter": 2 * tests, "test_per_batches": tests, "checkpoint_every": 25, **more}
    if kind == "linear":
        return linear_training(name, random_state=1, learning_rate_init=0.015, **numbers)
    return training(name, in_dim=4, layers=[1], learning_rate=0.03, seed=1, **numbers)


def opened(root: Path, name: str) -> dict[str, Ring]:
    """Return the sums of what all parties of one root kept of a model, by name."""
    parts = [load_model(folder_at(folder))[1] for folder in sorted((root / ".fedray" / "models" / name).iterdir())]
    return {array: joined(part[array] for part in parts) for array in parts[0]}


def twin(kind: str, root: DataRoot, part: float = 1.0) -> Twin:
    """Train in float64 on the aligned tables of a root that has all of them."""
    plan = make_plan(parse(document(kind, "twin", part)), Registry.local(), "")
    oracle, design, y = insecure_oracle(plan, root)
    oracle.train(design.steps)
    p = oracle.predict()
    return Twin(kind, design.steps, metrics.loss("bce", y, p), metrics.evaluate("auc", y, p)["auc"])
