"""What the clients of a linear model may be told; names of parameters are scikit-learn's."""

from __future__ import annotations

from typing import Annotated, Literal

from fedray.task.config_bases import TableConfig, TrainMain
from fedray.task.fields import (
    choice,
    class_weights,
    flag,
    number,
    optional,
    optional_choice,
    optional_number,
    optional_path,
    optional_word,
    whole,
    within,
)

__all__ = ["METRICS_OF", "LinearFeature", "LinearLabel", "LinearMain"]

Objective = Literal["linear", "logistic", "poisson"]

METRICS_OF: dict[Objective, tuple[str, ...]] = {
    "linear": ("regression",),
    "logistic": ("auc", "auc_ks", "metrics_pack1"),
    "poisson": ("poisson",),
}
"""Objective -> the metrics that measure it; the first is taken where none is asked for."""


class LinearMain(TrainMain):
    """The linear model and its training.

    Attributes
    ----------
    objective
        ``linear`` (half the squared error of a standardised label), ``logistic`` (cross-entropy of a label 0 or 1), or
        ``poisson`` (e^z - y z of a count over its mean); each the mean over the rows of a batch.
    alpha
        Strength of the penalty on the weights of the scaled columns.
    penalty
        ``l2`` is alpha / 2 times the sum of w^2. ``l1`` is alpha times the sum of |w|: a step takes alpha times the
        sign of each weight, 0 for one that is 0, so that weights of no use stay within learning_rate_init times alpha
        of 0. Null is none.
    penalize_intercept
        Whether the intercept has the penalty too.
    fit_intercept
        Whether there is an intercept.
    class_weight
        Weights of the labels 0 and 1; ``balanced`` weighs both classes alike. Only with ``logistic``.
    learning_rate_init
        Step size, the same in all steps.
    momentum, nesterovs_momentum
        Share of the last update that is repeated, and whether in Nesterov's way.
    early_stopping, n_iter_no_change, tol
        Whether to stop after that many tests in a row that do not better the best score by `tol`, and keep the weights
        of the best test.
    cost_tol
        The training ends before the first batch whose loss differs by less than this from that of the batch before,
        and keeps the weights that this batch began with; the second batch is compared with 0, the first with nothing.
        Looked for at each test; nobody learns a loss. Null looks for nothing. Only with ``linear``, and with
        ``logistic`` and a sigmoid ``taylor``; the fixed point is finer then, and linear outputs and labels may be up to
        48 and 16.
    cost_penalty
        Whether the loss that is compared has the penalty. Only with `cost_tol`.
    batch_order
        ``random`` draws the rows of each batch with replacement, from `random_state`. ``table`` takes them in the order
        of the tables, pass after pass, each row once a pass; rows that fill no batch at the end are left out.
        ``hashed`` does so in another order in each pass, which needs no seed: a row at place p comes by the SHA-256 of
        the text ``p+k``, k being the batches done, on top of the order of the pass before.
    sigmoid
        Of ``logistic`` in the training: ``series`` is the sigmoid, ``taylor`` the line 1/2 + z/4, with the loss that
        goes with it, ln 2 - (y - 1/2) z + z^2 / 8. Predictions take the sigmoid either way.
    validation
        Further trainings after the one whose model is kept, each without some of the training rows and measured on
        them: ``split`` without a part of the rows, ``folds`` without each part of them in turn, ``leave_one_out``
        without each row in turn. Null makes none. See `fedray.ml.validation` for which rows.
    validation_percent, validation_folds, validation_shuffle
        Of ``split``, so many of a hundred rows; of ``folds``, how many, and whether of shuffled rows.
    validation_seed
        A text, the seed of the shuffle; None takes that of the batches.
    live_validation_percent
        One more such training without so many of a hundred rows, measured after every 5 batches; null makes none.
    random_state
        Seed of the batches; None lets the server draw one.
    p_values
        Whether each party learns the z values of its own columns' coefficients, and so their p-values; with ``linear``
        and ``logistic``.
    """

    client_type: Literal["linear_main"]
    objective: Annotated[Objective, choice("linear", "logistic", "poisson")] = "logistic"
    alpha: Annotated[float, within(0, 1000)] = 0.0001
    penalty: Annotated[Literal["l2", "l1"] | None, optional_choice("l2", "l1")] = "l2"
    penalize_intercept: Annotated[bool, flag()] = False
    fit_intercept: Annotated[bool, flag()] = True
    class_weight: Annotated[Literal["balanced"] | dict[str, float] | None, class_weights(0.1, 1000)] = None
    learning_rate_init: Annotated[float, number(0, 100)] = 0.01
    momentum: Annotated[float, within(0, 0.999)] = 0.9
    nesterovs_momentum: Annotated[bool, flag()] = True
    early_stopping: Annotated[bool, flag()] = False
    n_iter_no_change: Annotated[int, whole(1, 10**6)] = 10
    tol: Annotated[float, within(0, 1000)] = 0.0001
    cost_tol: Annotated[float | None, optional_number(0, 1000)] = None
    cost_penalty: Annotated[bool, flag()] = False
    batch_order: Annotated[Literal["random", "table", "hashed"], choice("random", "table", "hashed")] = "random"
    sigmoid: Annotated[Literal["series", "taylor"], choice("series", "taylor")] = "series"
    validation: Annotated[
        Literal["split", "folds", "leave_one_out"] | None, optional_choice("split", "folds", "leave_one_out")
    ] = None
    validation_percent: Annotated[int, whole(1, 99)] = 30
    validation_folds: Annotated[int, whole(2, 1000)] = 10
    validation_shuffle: Annotated[bool, flag()] = False
    validation_seed: Annotated[str | None, optional_word()] = None
    live_validation_percent: Annotated[int | None, optional(1, 99)] = None
    random_state: Annotated[int | None, optional(0, 2**63 - 1)] = None
    p_values: Annotated[bool, flag()] = False

    @property
    def common_seed(self) -> int | None:
        """The field `random_state`."""
        return self.random_state


class LinearFeature(TableConfig):
    """A party with columns of features."""

    client_type: Literal["linear_feature"]


class LinearLabel(TableConfig):
    """The party with the label, the first column of its tables; `scale` is for any columns after it.

    Attributes
    ----------
    metric
        One of `METRICS_OF` the objective; None is the first of them.
    pos_label
        With ``logistic``, the value of the label's column that counts as 1, all others being 0; None takes the column
        as it is, which holds 0 and 1 then.
    validation_path
        Folder below the party's generated-data folder for ``evaluation.json``, all scores of a validation in
        PaddleDTX's form; None writes none.
    """

    client_type: Literal["linear_label"]
    metric: Annotated[
        Literal["auc", "auc_ks", "metrics_pack1", "regression", "poisson"] | None,
        optional_choice("auc", "auc_ks", "metrics_pack1", "regression", "poisson"),
    ] = None
    pos_label: Annotated[str | None, optional_word()] = None
    validation_path: Annotated[str | None, optional_path()] = None
