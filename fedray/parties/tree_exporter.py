"""How boosted trees are opened; see `fedray.parties.exporters.Exporter`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fedray.errors import LocalProtocolError, SpecError
from fedray.export.names import joined_names
from fedray.export.trees import OpenedSplit, OpenedTrees, trees_json
from fedray.ml.scored import kept_array
from fedray.mpc.share import Share
from fedray.parties.exporters import Part
from fedray.parties.kept import Kept
from fedray.parties.predictors import Trained
from fedray.parties.tree_recipe import CURVED, TreeRecipe
from fedray.task.plan import TaskPlan
from fedray.task.tree_configs import TreeMain, TreeTable
from fedray.trees.binning import Binning
from fedray.trees.grown import UNKNOWN

__all__ = ["TreeExporter"]

Float = npt.NDArray[np.float64]


class TreeExporter:
    """Opens the leaves; each owner tells its own splits as edges of values.

    Raises
    ------
    SpecError
        The model has columns of categories.
    """

    def __init__(self, training: TaskPlan, trained: Trained) -> None:
        main = training.main.config
        if not isinstance(main, TreeMain):
            raise LocalProtocolError("the plan is no plan of trees")
        if any(isinstance(one.config, TreeTable) and one.config.categorical_columns for one in training.data):
            raise SpecError(
                "the model has categorical_columns, of which XGBoost has places in a list only; train it on columns "
                "that a transform's step one_hot made"
            )
        self._objective, self._trees = main.objective, trained.steps
        self._design = TreeRecipe(training).trained(trained)
        self._label = training.data.index(training.label) if training.label else 0

    def facts(self, kept: Kept) -> dict[str, object]:
        """Return names of my columns, my splits, and at the label client the label's units."""
        binning, columns = kept.columns.scaling, kept.columns
        if not isinstance(binning, Binning):
            raise LocalProtocolError("the kept model has no bins of columns")
        splits = kept_array(kept.arrays, "split_mine", (self._trees, self._design.leaves - 1, 3))
        mine = [
            [int(tree), int(node), int(column), _edge(binning, int(column), int(threshold)), int(left)]
            for tree, node in np.argwhere(splits[:, :, 0] != UNKNOWN)
            for column, threshold, left in [splits[tree, node]]
        ]
        label = {"label": [columns.centre, columns.unit]} if columns.labels else {}
        return {"columns": list(binning.columns), "splits": mine, **label}

    def shares(self, kept: Kept) -> list[Share]:
        """Return my summands of the leaves and of the first score."""
        leaves = kept_array(kept.arrays, "leaves", (self._trees, self._design.leaves))
        scale = 2.0**self._design.scales.z
        return [Share(leaves, scale), Share(kept_array(kept.arrays, "base", (1,)), scale)]

    def document(self, model: str, parts: Sequence[Part], opened: Sequence[Float], form: str) -> bytes:  # noqa: ARG002 - the interface
        """Return the trees as XGBoost's JSON."""
        columns = [[str(name) for name in part.facts["columns"]] for part in parts]
        if tuple(map(len, columns)) != self._design.features:
            raise ValueError("other columns than those of the training")
        splits: dict[tuple[int, int], OpenedSplit] = {}
        first = 0
        for part, own in zip(parts, columns, strict=True):
            for tree, node, column, edge, left in part.facts["splits"]:
                splits[int(tree), int(node)] = _split(first, len(own), column, edge, left)
            first += len(own)
        centre, unit = (float(number) for number in parts[self._label].facts["label"])
        centre, unit = (0.0, 1.0) if self._objective == CURVED else (centre, unit)
        leaves = unit * opened[0]
        leaves[0] += centre + unit * float(opened[1][0])  # what a row has before the first tree
        names = joined_names([part.party for part in parts], columns)
        return trees_json(OpenedTrees(model, self._objective, tuple(names), splits, leaves))


def _edge(binning: Binning, column: int, threshold: int) -> float | None:
    """Return the largest value of a bin; None where it is that of all values."""
    edges = binning.edges[column]
    return edges[threshold] if threshold < len(edges) else None


def _split(first: int, width: int, column: int, edge: float | None, left: int) -> OpenedSplit:
    if not 0 <= column < width:
        raise ValueError("a split of a column that is not there")
    return OpenedSplit(first + column, math.inf if edge is None else float(edge), left == 1)
