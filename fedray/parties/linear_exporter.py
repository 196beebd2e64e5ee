"""How a linear model is opened; see `fedray.parties.exporters.Exporter`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.scaling import Standardizer
from fedray.errors import LocalProtocolError
from fedray.export.linear import OpenedLinear, linear_json, linear_pmml
from fedray.export.names import joined_names
from fedray.mpc.share import Share
from fedray.parties.exporters import Part
from fedray.parties.kept import Kept
from fedray.parties.linear_recipe import LinearRecipe
from fedray.parties.predictors import Trained
from fedray.task.linear_configs import LinearMain
from fedray.task.plan import TaskPlan

__all__ = ["LinearExporter"]

Float = npt.NDArray[np.float64]


class LinearExporter:
    """Opens weights and intercept in the units of the tables."""

    def __init__(self, training: TaskPlan, trained: Trained) -> None:
        main = training.main.config
        if not isinstance(main, LinearMain):
            raise LocalProtocolError("the plan is no plan of a linear model")
        self._objective, self._trained = main.objective, trained
        self._recipe = LinearRecipe(training)
        self._label = training.data.index(training.label) if training.label else 0

    def facts(self, kept: Kept) -> dict[str, object]:
        """Return names, means and deviations of my columns, and at the label client the label's units."""
        scaling, columns = kept.columns.scaling, kept.columns
        if not isinstance(scaling, Standardizer):
            raise LocalProtocolError("the kept model has no scaling of columns")
        label = {"label": [columns.centre, columns.unit]} if columns.labels else {}
        return {**scaling.as_dict(), **label}

    def shares(self, kept: Kept) -> list[Share]:
        """Return my summands of each owner's weights, and of the intercept."""
        weights, intercept = self._recipe.shares(self._trained, kept.arrays)
        return [*weights.values(), intercept]

    def document(self, model: str, parts: Sequence[Part], opened: Sequence[Float], form: str) -> bytes:
        """Return the model under scikit-learn's names, or as PMML."""
        scalings = [Standardizer.from_dict(_scaling(part)) for part in parts]
        if tuple(len(scaling.columns) for scaling in scalings) != self._trained.features:
            raise ValueError("other columns than those of the training")
        weights, intercept = np.zeros(0), float(opened[-1][0])
        owners = [owner for owner, width in enumerate(self._trained.features) if width]
        for owner, values in zip(owners, opened[:-1], strict=True):
            own = np.where(scalings[owner].constant, 0.0, values[:, 0] / np.array(scalings[owner].std))
            intercept -= float(own @ np.array(scalings[owner].mean))
            weights = np.concatenate([weights, own])
        centre, unit = (float(number) for number in parts[self._label].facts["label"])
        if self._objective == "linear":
            weights, intercept = weights * unit, centre + unit * intercept
        elif self._objective == "poisson":
            intercept += math.log(unit)
        parties = [part.party for part in parts]
        names = joined_names(parties, [scaling.columns for scaling in scalings])
        whose = [party for party, scaling in zip(parties, scalings, strict=True) for _ in scaling.columns]
        made = OpenedLinear(model, self._objective, tuple(whose), tuple(names), weights, intercept)
        return linear_pmml(made) if form == "pmml" else linear_json(made)


def _scaling(part: Part) -> dict[str, Any]:
    return {name: part.facts[name] for name in ("columns", "mean", "std", "constant")}
