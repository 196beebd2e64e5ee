"""The recipe of ``secure_xgboost``: boosted trees, for labels 0 and 1 or a regression."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split
from fedray.data.scratch import MIB
from fedray.errors import DataError, LocalProtocolError, RangeGuardError
from fedray.ml.design import FEATURE_LIMIT
from fedray.ml.parity import Observer
from fedray.ml.saved import Saved
from fedray.mpc.dealer import Supply
from fedray.mpc.session import Session
from fedray.parties.labels import Target, binary, measured
from fedray.parties.predictors import Measured, Scoring, Trained
from fedray.parties.recipes import Clear, Course, Data, Design
from fedray.parties.stopping import Stopping
from fedray.pool import Pool
from fedray.ring import Ring
from fedray.task.config_bases import DataTable
from fedray.task.plan import TaskPlan
from fedray.task.tree_configs import TREE_METRICS_OF, TreeFeature, TreeLabel, TreeMain
from fedray.trees.binning import Binning
from fedray.trees.design import LABEL_BITS, WEIGHT_SCALE, TreeDesign
from fedray.trees.model import TreeModel
from fedray.trees.oracle import TreeOracle
from fedray.trees.prediction import TreePrediction
from fedray.trees.schedule import matrices, segments
from fedray.trees.scorer import TreeScorer

__all__ = ["TreeRecipe"]

Float = npt.NDArray[np.float64]

CURVED = "binary:logistic"
SCORES = {CURVED: "auc", "reg:squarederror": "r2"}
"""What early stopping looks at."""

NOT_OF_THE_TREES = {"client_type", "computation_port", "transport", "matrix_memory_mb"}
"""Fields of the main client that say how trees are grown, not which."""

LEAST_GAIN = 1e-9
"""A score that is no better by this is no better."""


class TreeRecipe:
    """How boosted trees are trained; see `fedray.parties.recipes.Recipe`.

    Parameters
    ----------
    pool
        Further processes of the party, which cut columns of large tables; None for none.

    Raises
    ------
    LocalProtocolError
        The plan is no plan of trees.
    """

    def __init__(self, plan: TaskPlan, pool: Pool | None = None) -> None:
        self._pool = pool
        main, label = plan.main.config, plan.label
        if not isinstance(main, TreeMain) or label is None:
            raise LocalProtocolError("the plan is no plan of trees")
        self._main, self._seed = main, plan.seed
        self._rank = plan.data.index(label)
        self._gaps = tuple(isinstance(m.config, DataTable) and self.gaps(m.config) for m in plan.data)

    @property
    def outputs(self) -> int:
        """Columns of labels: one."""
        return 1

    @property
    def untested(self) -> bool:
        """False: there must be test rows."""
        return False

    def gaps(self, config: DataTable) -> bool:
        """Return whether the client has a bin for missing values."""
        return isinstance(config, TreeFeature | TreeLabel) and config.missing == "bin"

    def fit(self, config: DataTable, train: Float, columns: Sequence[str]) -> Binning:  # noqa: ARG002 - the interface
        """Cut the columns into bins."""
        return Binning.fit(train, columns, self._main.max_bin, self._pool)

    def target(self, split: Split) -> Target:
        """Return the label: 0 or 1, or standardised; with the rows' weights.

        Raises
        ------
        DataError
            There is no label, or it cannot be used.
        """
        for file, table in (("train.csv", split.train), ("test.csv", split.test)):
            if table.shape[1] and np.isnan(table[:, 0]).any():
                row = int(np.flatnonzero(np.isnan(table[:, 0]))[0]) + 1
                raise DataError(f"{file}: the label of row {row} is missing; leave such rows out before the alignment")
        if self._main.objective != CURVED:
            return measured(split)
        target, weight = binary(split, 1), self._main.scale_pos_weight
        return target if weight == 1.0 else target.weighed({"0": 1.0, "1": weight})

    def course(self, features: tuple[int, ...], rows: tuple[int, int]) -> Course:
        """Work out the design; refuses what the fixed point cannot hold."""
        design, main = self._design(features, rows), self._main
        scales = design.scales
        facts: dict[str, object] = {
            "objective": main.objective,
            "score_scale": 2.0**scales.z,
            "parameters": main.model_dump(mode="json", exclude=NOT_OF_THE_TREES),
            "depth": design.depth,
        }
        model = partial(_model, design, main.base_score)
        memory = main.matrix_memory_mb * MIB
        return Course(design, matrices(design), partial(segments, design), model, facts, memory_bytes=memory)

    def measure(self, target: Target, predictions: Float) -> tuple[float, dict[str, float]]:
        """Return loss and metrics in the units of the label's table."""
        from fedray.ml import metrics  # scikit-learn costs 100 MiB, and only the label client measures

        curved, found = self._main.objective == CURVED, self.values(predictions, target.centre, target.unit)
        metric = self._main.metric or TREE_METRICS_OF[self._main.objective][0]
        return metrics.loss("bce" if curved else "mse", target.test, found), metrics.evaluate(
            metric, target.test, found
        )

    def finish(self, opened: Float) -> Float:
        """Return the sigmoid of scores, of which it says as much, or the scores of a regression."""
        if self._main.objective != CURVED:
            return opened
        with np.errstate(over="ignore"):  # of a score far below 0 the sigmoid is 0
            predictions: Float = 1.0 / (1.0 + np.exp(-opened))
        return predictions

    def values(self, predictions: Float, centre: float, unit: float) -> Float:
        """Return predictions in the units of the label's table."""
        found = np.clip(predictions, 0.0, 1.0) if self._main.objective == CURVED else predictions
        return centre + unit * found

    @property
    def limit(self) -> float:
        """Largest magnitude of a scaled value."""
        return FEATURE_LIMIT

    @property
    def measured(self) -> Measured:
        """What labels are."""
        return "binary" if self._main.objective == CURVED else "regression"

    def scoring(self, trained: Trained, rows: int, batch: int) -> Scoring:
        """Work out the predictions of new rows: nothing is masked but the bits by which they walk down the trees."""
        plan = TreePrediction(self.trained(trained), trained.steps, rows, batch)
        plan.check()
        return Scoring(self._rank, (), plan.segments, partial(_scorer, plan))

    def trained(self, trained: Trained) -> TreeDesign:
        """Return the design of a training that has run."""
        return self._design(trained.features, (trained.rows, 0))

    def stopping(self) -> Stopping | None:
        """Return the judge of auc or r2, if the task wants one."""
        rounds = self._main.early_stopping_rounds
        if rounds is None:
            return None
        return Stopping(SCORES[self._main.objective], LEAST_GAIN, -(-rounds // self._main.test_per_trees))

    def clear(self, design: Design, train: Float, target: Target, test: Float) -> Clear:
        """Return the float64 twin."""
        if not isinstance(design, TreeDesign):
            raise LocalProtocolError("the design is no design of trees")
        every = np.vstack([train, test]).astype(np.int64)
        codes = {owner: every[:, at] for owner, at in design.places.items()}
        base = _base(design, self._main.base_score, target)
        return TreeOracle(design, codes, target.train, base, target.weights, (target.centre, target.unit))

    def _design(self, features: tuple[int, ...], rows: tuple[int, int]) -> TreeDesign:
        main = self._main
        return TreeDesign(
            features=features,
            label=self._rank,
            rows=rows,
            objective="logistic" if main.objective == CURVED else "squared",
            steps=main.n_estimators,
            depth=main.max_depth,
            bins=main.max_bin,
            missing=self._gaps,
            learning_rate=main.learning_rate,
            reg_lambda=main.reg_lambda,
            gamma=main.gamma,
            min_child_weight=main.min_child_weight,
            subsample=main.subsample,
            colsample=main.colsample_bytree,
            weighted=main.scale_pos_weight != 1.0,
            largest_weight=_largest(main.scale_pos_weight),
            test_every=main.test_per_trees,
            seed=self._seed,
            stops_early=main.early_stopping_rounds is not None,
        )


def _model(
    design: TreeDesign,
    base_score: float | None,
    s: Session,
    supply: Supply,
    data: Data,
    observer: Observer | None,
    saved: Saved | None,
) -> TreeModel:
    codes = None
    if design.features[s.rank]:
        codes = np.vstack([data.features["train"], data.features["test"]]).astype(np.int64)
    inputs: dict[str, Float] = {}
    if data.target is not None:
        inputs = {"label": data.target.train, "base": np.array([_base(design, base_score, data.target)])}
        if not design.curved:
            _check_labels(data.target.train)
        if data.target.weights is not None:
            inputs["weight"] = data.target.weights
    return TreeModel(s, design, supply, codes, inputs, saved, data.scratch, observer, data.pool)


def _scorer(
    plan: TreePrediction, s: Session, supply: Supply, rows: Float | None, arrays: Mapping[str, Ring]
) -> TreeScorer:
    return TreeScorer(s, plan, supply, None if rows is None else rows.astype(np.int64), arrays)


def _largest(positive: float) -> float:
    """Return what no weight is above, however the smaller of both is rounded."""
    small = min(1.0, positive)
    return max(1.0, positive) * (1.0 + 0.5 / WEIGHT_SCALE / small)


def _base(design: TreeDesign, base_score: float | None, target: Target) -> float:
    """Return the score before the first tree, in the model's units."""
    if not design.curved:
        return 0.0 if base_score is None else (base_score - target.centre) / target.unit
    if base_score is None:
        base_score = float(
            np.average(target.train[:, 0], weights=None if target.weights is None else target.weights[:, 0])
        )
    return math.log(base_score / (1.0 - base_score))


def _check_labels(labels: Float) -> None:
    limit = 2.0 ** (LABEL_BITS - 1)
    outside = np.flatnonzero(np.abs(labels[:, 0]) > limit)
    if outside.size:
        raise RangeGuardError(
            f"train.csv: the label of row {int(outside[0]) + 1} is more than {limit:.0f} deviations from the mean, and "
            f"{outside.size} in all; cut such labels off or transform them"
        )
