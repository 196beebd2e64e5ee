"""The recipe of ``linear``: regression by squared error, logistic and Poisson regression."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split
from fedray.errors import DataError, LocalProtocolError, RangeGuardError, SpecError
from fedray.ml.design import FEATURE_LIMIT
from fedray.ml.features import encoded
from fedray.ml.linear_design import CLASS_WEIGHT_SCALE, LinearDesign
from fedray.ml.linear_fine import tolerance_units
from fedray.ml.linear_model import LinearModel
from fedray.ml.linear_oracle import LinearOracle, predict
from fedray.ml.linear_penalty import check_penalty
from fedray.ml.linear_schedule import matrices, prediction_segments, segments
from fedray.ml.linear_scorer import LinearScorer
from fedray.ml.parity import Observer
from fedray.ml.saved import Saved
from fedray.ml.schedule import prediction_matrices
from fedray.ml.scored import kept_array
from fedray.mpc.dealer import Supply
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.parties.labels import Target, binary, counted, measured
from fedray.parties.predictors import Measured, Scoring, Trained
from fedray.parties.recipes import Clear, Course, Data, Design
from fedray.parties.scaled import Scaled
from fedray.parties.stopping import Stopping
from fedray.ring import Ring, encode
from fedray.task.linear_configs import METRICS_OF, LinearLabel, LinearMain
from fedray.task.plan import TaskPlan

__all__ = ["LinearRecipe", "check_inputs"]

Float = npt.NDArray[np.float64]

LOSSES = {"linear": "mse", "logistic": "bce", "poisson": "poisson"}
SCORES = {"linear": "r2", "logistic": "auc", "poisson": "d2"}
"""What early stopping looks at."""

LINE_LABEL, LINE_SLOPE, LINE_OFFSET = 2.0, 0.25, math.log(2.0) - 0.5
"""A sigmoid taken as 1/2 + z/4 is a regression: its loss ln 2 - (y - 1/2) z + z^2 / 8, y being 0 or 1, is that slope
/ 2 times (z - t)^2 with a label t of -2 or 2, and the offset beside."""

LEAST_COUNT = 1e-3
"""Least prediction of a count over the mean: e^-6.9, beyond the range of the exponential, whose error may be larger."""


RANGES = {"linear": (-np.inf, np.inf), "logistic": (0.0, 1.0), "poisson": (LEAST_COUNT, np.inf)}
"""What a prediction can be, in the model's units."""

MEASURED: dict[str, Measured] = {"linear": "regression", "logistic": "binary", "poisson": "count"}


class LinearRecipe(Scaled):
    """How a linear model is trained; see `fedray.parties.recipes.Recipe`.

    Raises
    ------
    LocalProtocolError
        The plan is no plan of a linear model.
    """

    def __init__(self, plan: TaskPlan) -> None:
        main, label = plan.main.config, plan.label
        if not isinstance(main, LinearMain) or label is None or not isinstance(label.config, LinearLabel):
            raise LocalProtocolError("the plan is no plan of a linear model")
        self._main, self._label, self._seed = main, label.config, plan.seed
        self._restart_every = plan.restart_every
        self._rank = plan.data.index(label)
        self._line = main.sigmoid == "taylor"

    @property
    def untested(self) -> bool:
        """True: what is lost without test rows are loss and metrics."""
        return True

    @property
    def outputs(self) -> int:
        """Columns of labels: one."""
        return 1

    def target(self, split: Split) -> Target:
        """Return the label: 0 or 1, standardised, or over its mean."""
        if self._main.early_stopping or self._main.parity:
            _check_tested(split)
        if self._main.objective == "linear":
            return measured(split)
        if self._main.objective == "poisson":
            return counted(split)
        weights = self._main.class_weight
        target = binary(split, 1)
        if self._line:
            return replace(target, train=LINE_LABEL * (2.0 * target.train - 1.0))
        return target if weights is None else target.weighed(None if weights == "balanced" else weights)

    def course(self, features: tuple[int, ...], rows: tuple[int, int]) -> Course:
        """Work out the design; refuses what the fixed point cannot hold."""
        design, main = self._design(features, rows), self._main
        facts: dict[str, object] = {
            "objective": main.objective,
            "feature_scale": design.scales.x,
            "weight_scale": design.scales.w,
            "intercept_scale": design.scales.intercept,
            "parameters": main.model_dump(mode="json", exclude={"client_type", "computation_port", "transport"}),
        }
        _ = design.factors  # refuses a penalty that overshoots
        check_penalty(design)
        if design.order != "random" and design.batch > rows[0]:
            raise SpecError(
                f"batch_size {design.batch} is more than the {rows[0]} training rows; with batch_order {design.order} "
                "a batch is part of a pass"
            )
        if main.p_values and rows[0] <= design.columns + 1:
            raise SpecError(
                f"p_values: expected more training rows than the {design.columns + 1} coefficients, got {rows[0]}"
            )
        if design.cost_tol is not None:
            tolerance_units(design.cost_tol, design.slope, design.batch, design.scales.residual)
        return Course(design, matrices(design), partial(segments, design), partial(_model, design), facts)

    def measure(self, target: Target, predictions: Float) -> tuple[float, dict[str, float]]:
        """Return loss and metrics in the units of the label's table."""
        from fedray.ml import metrics  # scikit-learn costs 100 MiB, and only the label client measures

        found = self.values(self.finish(predictions), target.centre, target.unit)
        objective = self._main.objective
        metric = self._label.metric or METRICS_OF[objective][0]
        return metrics.loss(LOSSES[objective], target.test, found), metrics.evaluate(metric, target.test, found)

    def finish(self, opened: Float) -> Float:
        """Return what is opened: the curve is worked out on shares, unless the training takes it as a line."""
        return predict("logistic", opened) if self._line else opened

    def values(self, predictions: Float, centre: float, unit: float) -> Float:
        """Return predictions in the units of the label's table."""
        return centre + unit * np.clip(predictions, *RANGES[self._main.objective])

    @property
    def limit(self) -> float:
        """Largest magnitude of a scaled value."""
        return FEATURE_LIMIT

    @property
    def measured(self) -> Measured:
        """What labels are."""
        return MEASURED[self._main.objective]

    def scoring(self, trained: Trained, rows: int, batch: int) -> Scoring:
        """Work out the predictions of new rows: the training's design, whose test rows they are."""
        design = replace(self._design(trained.features, (0, rows)), test_batch=batch)
        segments = partial(prediction_segments, design)
        return Scoring(self._rank, prediction_matrices(design), segments, partial(_scorer, design))

    def shares(self, trained: Trained, arrays: Mapping[str, Ring]) -> tuple[dict[int, Share], Share]:
        """Return my shares of what a training kept: the weights of each owner's columns, by rank, and the intercept.

        Parameters
        ----------
        arrays
            My summands.
        """
        design = self._design(trained.features, (0, 1))
        scales, widths = design.scales, enumerate(trained.features)
        weights = {
            owner: Share(kept_array(arrays, f"weights_{owner}", (width, 1)), scales.w)
            for owner, width in widths
            if width
        }
        return weights, Share(kept_array(arrays, "intercept", (1,)), scales.intercept)

    def stopping(self) -> Stopping | None:
        """Return the judge of auc, r2 or d2, if the task wants one."""
        main = self._main
        if not main.early_stopping:
            return None
        return Stopping(SCORES[main.objective], main.tol, main.n_iter_no_change)

    def clear(self, design: Design, train: Float, target: Target, test: Float) -> Clear:
        """Return the float64 twin."""
        if not isinstance(design, LinearDesign):
            raise LocalProtocolError("the design is no design of a linear model")
        units = target.centre, target.unit
        return LinearOracle(design, train, target.train, test, target.weights, units, curve=self._line)

    def _design(self, features: tuple[int, ...], rows: tuple[int, int]) -> LinearDesign:
        main, line = self._main, self._line
        return LinearDesign(
            features=features,
            label=self._rank,
            rows=rows,
            objective="linear" if line else main.objective,
            batch=main.batch_size,
            test_batch=main.test_batch_size,
            test_every=main.test_per_batches,
            steps=main.max_iter,
            learning_rate=main.learning_rate_init,
            alpha=0.0 if main.penalty is None else main.alpha,
            penalty=main.penalty or "l2",
            penalize_intercept=main.penalize_intercept,
            momentum=main.momentum,
            nesterov=main.nesterovs_momentum,
            intercept=main.fit_intercept,
            weighted=main.class_weight is not None,
            seed=self._seed,
            order=main.batch_order,
            restart_every=self._restart_every,
            slope=LINE_SLOPE if line else 1.0,
            cost_offset=LINE_OFFSET if line else 0.0,
            cost_tol=main.cost_tol,
            cost_penalty=main.cost_penalty,
        )


def check_inputs(design: Design, data: Data) -> None:
    """Check my features and labels against the range of a design; local.

    Raises
    ------
    RangeGuardError
        One is too large.
    LocalProtocolError
        The design is no design of a linear model.
    """
    if not isinstance(design, LinearDesign):
        raise LocalProtocolError("the design is no design of a linear model")
    _check_features(data.features, design.feature_limit)
    if data.target is not None and design.objective == "linear":
        _check_reach(data.target.train, design.label_reach)


def _model(
    design: LinearDesign, s: Session, supply: Supply, data: Data, observer: Observer | None, saved: Saved | None
) -> LinearModel:
    check_inputs(design, data)
    inputs = encoded(data.features, design.scales.x)
    if data.target is not None:
        labels = data.target.train
        inputs["label"] = encode(labels, design.label_scale, "a label")
        if data.target.weights is not None:
            inputs["weight"] = encode(data.target.weights, CLASS_WEIGHT_SCALE, "a weight of a class")
    return LinearModel(s, design, supply, inputs, observer, saved)


def _scorer(
    design: LinearDesign, s: Session, supply: Supply, rows: Float | None, arrays: Mapping[str, Ring]
) -> LinearScorer:
    features = {} if rows is None else {"test": rows}
    _check_features(features, design.feature_limit)
    inputs = encoded(features, design.scales.x)
    return LinearScorer(s, design, supply, inputs, arrays)


def _check_features(features: Mapping[str, Float], limit: float) -> None:
    for part, rows in features.items():
        outside = np.flatnonzero((np.abs(rows) > limit).any(axis=1))
        if outside.size:
            raise RangeGuardError(
                f"a scaled {part} feature of row {int(outside[0]) + 1} is larger than {limit:.0f} in magnitude, and of "
                f"{outside.size} rows in all; scale the column or cut its outliers, or leave cost_tol out"
            )


def _check_tested(split: Split) -> None:
    if not len(split.test):
        raise DataError("data_path: early_stopping and parity need test rows, and the data set has none")


def _check_reach(labels: Float, limit: float) -> None:
    outside = np.flatnonzero(np.abs(labels[:, 0]) > limit)
    if outside.size:
        raise RangeGuardError(
            f"train.csv: the label of row {int(outside[0]) + 1} is more than {limit:.0f} deviations from the mean, and "
            f"{outside.size} in all; cut such labels off or transform them, or raise learning_rate_init"
        )
