"""The recipe of ``shared_nn``: a network of sigmoid layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split
from fedray.errors import LocalProtocolError
from fedray.ml.design import FEATURE_LIMIT, FEATURE_SCALE, FIRST_BIAS_SCALE, NetDesign
from fedray.ml.features import encoded
from fedray.ml.network import Network
from fedray.ml.network_scorer import NetworkScorer
from fedray.ml.oracle import Oracle
from fedray.ml.parity import Observer
from fedray.ml.saved import Saved
from fedray.ml.schedule import matrices, prediction_matrices, prediction_segments, segments
from fedray.mpc.dealer import Supply
from fedray.mpc.session import Session
from fedray.parties.labels import Target, binary
from fedray.parties.predictors import Measured, Scoring, Trained
from fedray.parties.recipes import Clear, Course, Data, Design
from fedray.parties.scaled import Scaled
from fedray.parties.stopping import Stopping
from fedray.ring import Ring
from fedray.task.network_configs import NetLabel, NetMain
from fedray.task.plan import TaskPlan

__all__ = ["NetworkRecipe"]

Float = npt.NDArray[np.float64]


class NetworkRecipe(Scaled):
    """How a network is trained; see `fedray.parties.recipes.Recipe`.

    Raises
    ------
    LocalProtocolError
        The plan is no plan of a network.
    """

    def __init__(self, plan: TaskPlan) -> None:
        main, label = plan.main.config, plan.label
        if not isinstance(main, NetMain) or label is None or not isinstance(label.config, NetLabel):
            raise LocalProtocolError("the plan is no plan of a network")
        self._main, self._label, self._seed = main, label.config, plan.seed
        self._restart_every = plan.restart_every
        self._rank = plan.data.index(label)

    @property
    def outputs(self) -> int:
        """Columns of labels: the last layer's width."""
        return self._main.last_width

    def target(self, split: Split) -> Target:
        """Return the labels, 0 or 1."""
        return binary(split, self.outputs)

    def course(self, features: tuple[int, ...], rows: tuple[int, int]) -> Course:
        """Work out the design; refuses a learning rate that the fixed point cannot hold."""
        design = self._design(features, rows)
        scales = design.scales
        facts: dict[str, object] = {
            "widths": list(design.widths),
            "weight_scales": [layer.w for layer in scales],
            "bias_scale": FIRST_BIAS_SCALE,
        }
        return Course(design, matrices(design), partial(segments, design), partial(_network, design), facts)

    def measure(self, target: Target, predictions: Float) -> tuple[float, dict[str, float]]:
        """Return loss and metrics of the scores."""
        from fedray.ml import metrics  # scikit-learn costs 100 MiB, and only the label client measures

        p = self.values(predictions, target.centre, target.unit)
        return metrics.loss(self._label.loss, target.test, p), metrics.evaluate(self._label.metric, target.test, p)

    def finish(self, opened: Float) -> Float:
        """Return what is opened: the curve is worked out on shares."""
        return opened

    def values(self, predictions: Float, centre: float, unit: float) -> Float:
        """Return scores from 0 to 1."""
        return centre + unit * np.clip(predictions, 0.0, 1.0)

    @property
    def limit(self) -> float:
        """Largest magnitude of a scaled value."""
        return FEATURE_LIMIT

    @property
    def measured(self) -> Measured:
        """What labels are: 0 and 1."""
        return "binary"

    def scoring(self, trained: Trained, rows: int, batch: int) -> Scoring:
        """Work out the predictions of new rows: the training's design, whose test rows they are."""
        design = replace(self._design(trained.features, (0, rows)), test_batch=batch)
        segments = partial(prediction_segments, design)
        return Scoring(self._rank, prediction_matrices(design), segments, partial(_scorer, design))

    def stopping(self) -> Stopping | None:
        """Return None: networks run to their end."""
        return None

    def clear(self, design: Design, train: Float, target: Target, test: Float) -> Clear:
        """Return the float64 twin."""
        if not isinstance(design, NetDesign):
            raise LocalProtocolError("the design is no design of a network")
        return Oracle(design, train, target.train, test)

    def _design(self, features: tuple[int, ...], rows: tuple[int, int]) -> NetDesign:
        main = self._main
        return NetDesign(
            features=features,
            label=self._rank,
            rows=rows,
            widths=(main.in_dim, *main.layers),
            batch=main.batch_size,
            test_batch=main.test_batch_size,
            test_every=main.test_per_batches,
            steps=main.max_iter,
            learning_rate=main.learning_rate,
            loss=self._label.loss,
            seed=self._seed,
            bias=main.bias,
            restart_every=self._restart_every,
        )


def _network(
    design: NetDesign, s: Session, supply: Supply, data: Data, observer: Observer | None, saved: Saved | None
) -> Network:
    inputs = encoded(data.features, FEATURE_SCALE)
    if data.target is not None:
        inputs["label"] = data.target.train.astype(np.uint64)
    return Network(s, design, supply, inputs, observer, saved)


def _scorer(
    design: NetDesign, s: Session, supply: Supply, rows: Float | None, arrays: Mapping[str, Ring]
) -> NetworkScorer:
    inputs = encoded({} if rows is None else {"test": rows}, FEATURE_SCALE)
    return NetworkScorer(s, design, supply, inputs, arrays)
