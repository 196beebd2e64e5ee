"""Boosted trees in clear as XGBoost's own JSON, which `xgboost.Booster.load_model` reads.

XGBoost compares 32-bit numbers with ``<``, trees here 64-bit ones with ``<=``. So a threshold is the next 32-bit number
above the edge of the bin: a value that is the edge in 32 bits goes left, as one that is equal to it does here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["OpenedSplit", "OpenedTrees", "trees_json"]

Float = npt.NDArray[np.float64]

LARGEST = float(np.finfo(np.float32).max)
ROOT = 2**31 - 1
"""What XGBoost takes for the parent of a root."""
VERSION = [2, 1, 0]
"""The format's; later versions read it."""


@dataclass(frozen=True)
class OpenedSplit:
    """A split: values of a column up to an edge go left.

    Attributes
    ----------
    column
        Place among all columns.
    edge
        Infinite where all values go left, and missing ones right.
    missing_left
        Where missing values go.
    """

    column: int
    edge: float
    missing_left: bool


@dataclass(frozen=True, eq=False)
class OpenedTrees:
    """Trees: a score is the sum of a row's leaves.

    Attributes
    ----------
    name
        Of the training.
    objective
        XGBoost's.
    columns
        Names of all columns.
    splits
        By tree and node, level by level from the left; at a node that is not there all rows go left.
    leaves
        Shape (trees, leaves), in the units of what is predicted.
    """

    name: str
    objective: str
    columns: tuple[str, ...]
    splits: Mapping[tuple[int, int], OpenedSplit]
    leaves: Float


def trees_json(model: OpenedTrees) -> bytes:
    """Return the model as XGBoost's JSON."""
    count, width = len(model.leaves), len(model.columns)
    trees = [_Tree(model, tree).as_dict(tree, width) for tree in range(count)]
    booster = {
        "gbtree_model_param": {"num_parallel_tree": "1", "num_trees": str(count)},
        "iteration_indptr": list(range(count + 1)),
        "tree_info": [0] * count,
        "trees": trees,
    }
    param = {"base_score": _nothing(model.objective), "boost_from_average": "1", "num_class": "0"}
    learner = {
        "attributes": {"fedray_model": model.name},
        "feature_names": list(model.columns),
        "feature_types": ["float"] * width,
        "gradient_booster": {"model": booster, "name": "gbtree"},
        "learner_model_param": {**param, "num_feature": str(width), "num_target": "1"},
        "objective": {"name": model.objective, "reg_loss_param": {"scale_pos_weight": "1"}},
    }
    return json.dumps({"learner": learner, "version": VERSION}, allow_nan=False).encode()


def _nothing(objective: str) -> str:
    """Return the base score that adds nothing: what there is to add is in the first tree's leaves."""
    return "5E-1" if objective == "binary:logistic" else "0E0"


class _Tree:
    """One tree as XGBoost numbers its nodes: a child after its parent, without those at which nothing is split."""

    def __init__(self, model: OpenedTrees, tree: int) -> None:
        self._model, self._tree = model, tree
        self._inner = model.leaves.shape[1] - 1
        self.left: list[int] = []
        self.right: list[int] = []
        self.parents: list[int] = []
        self.conditions: list[float] = []
        self.columns: list[int] = []
        self.defaults: list[int] = []
        self._add(0, ROOT)

    def _add(self, node: int, parent: int) -> int:
        """Add a node with all below it and return its number."""
        while node < self._inner and (self._tree, node) not in self._model.splits:
            node = 2 * node + 1
        number = len(self.left)
        self.parents.append(parent)
        for numbers in (self.left, self.right):
            numbers.append(-1)
        split = self._model.splits.get((self._tree, node))
        self.columns.append(split.column if split else 0)
        self.defaults.append(int(split.missing_left) if split else 0)
        leaf = 0.0 if split else float(self._model.leaves[self._tree, node - self._inner])
        self.conditions.append(_condition(split.edge) if split else float(np.float32(leaf)))
        if split:
            self.left[number] = self._add(2 * node + 1, number)
            self.right[number] = self._add(2 * node + 2, number)
        return number

    def as_dict(self, tree: int, width: int) -> dict[str, object]:
        """Return the tree in XGBoost's words."""
        count = len(self.left)
        zeros = [0.0] * count
        return {
            "base_weights": zeros,
            "categories": [],
            "categories_nodes": [],
            "categories_segments": [],
            "categories_sizes": [],
            "default_left": self.defaults,
            "id": tree,
            "left_children": self.left,
            "loss_changes": zeros,
            "parents": self.parents,
            "right_children": self.right,
            "split_conditions": self.conditions,
            "split_indices": self.columns,
            "split_type": [0] * count,
            "sum_hessian": zeros,
            "tree_param": {
                "num_deleted": "0",
                "num_feature": str(width),
                "num_nodes": str(count),
                "size_leaf_vector": "1",
            },
        }


def _condition(edge: float) -> float:
    """Return the 32-bit number below which a value is where its bin is up to the edge."""
    near = np.float32(np.clip(edge, -LARGEST, LARGEST))
    return min(LARGEST, float(np.nextafter(near, np.float32(np.inf))))
