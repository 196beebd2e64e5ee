"""What the clients of boosted trees may be told; names of parameters are XGBoost's, and those of the MainServer API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from fedray.task.config_bases import DataTable, LongMain
from fedray.task.fields import (
    EXPECTED,
    choice,
    column_name,
    nothing,
    number,
    optional,
    optional_choice,
    optional_within,
    whole,
    within,
)

__all__ = ["TREE_ALIASES", "TREE_METRICS_OF", "TreeFeature", "TreeLabel", "TreeMain", "TreeTable"]

TreeObjective = Literal["binary:logistic", "reg:squarederror"]
TreeMetric = Literal["auc", "auc_ks", "metrics_pack1", "regression"]

TREE_METRICS_OF: dict[TreeObjective, tuple[TreeMetric, ...]] = {
    "binary:logistic": ("auc", "auc_ks", "metrics_pack1"),
    "reg:squarederror": ("regression",),
}
"""Objective -> the metrics that measure it; the first is taken where none is asked for."""

TREE_ALIASES = {
    "max_iteration": "n_estimators",
    "num_boost_round": "n_estimators",
    "num_round": "n_estimators",
    "eta": "learning_rate",
    "lambda": "reg_lambda",
    "min_split_loss": "gamma",
    "row_sample_ratio": "subsample",
    "col_sample_ratio": "colsample_bytree",
    "random_state": "seed",
}
"""Other names of parameters."""


class TreeMain(LongMain):
    """The trees and their training. Parameters may stand in an object ``config``, a seed in its ``sync_info``.

    Attributes
    ----------
    objective
        ``binary:logistic`` (cross-entropy of a label 0 or 1) or ``reg:squarederror`` (of a standardised label).
    metric
        One of `TREE_METRICS_OF` the objective; None is the first of them.
    n_estimators, max_depth, learning_rate
        Trees, their depth, and the part of a leaf's value that counts.
    reg_lambda, gamma, min_child_weight
        Penalty of leaves; gain that a split must exceed; least sum of hessians of a child.
    subsample, colsample_bytree
        Parts of rows and of columns that each tree is grown on.
    max_bin
        Most bins of a column, the one of missing values not counted.
    scale_pos_weight
        Weight of the label 1.
    base_score
        Prediction before the first tree; None is the mean of the label, which stays with the label client.
    early_stopping_rounds
        Trees without a better score after which the training stops; None for all trees.
    test_per_trees
        Trees between two tests.
    checkpoint_every
        Trees between two checkpoints.
    matrix_memory_mb
        MiB of masked bins that each party keeps in memory; what is over lies in a file of its own while the task runs.
    seed
        Seed of the samples; None lets the server draw one.
    batch_size, test_batch_size
        For documents that name them: null, every tree sees all rows.
    """

    client_type: Literal["secure_xgboost_main"]
    objective: Annotated[TreeObjective, choice("binary:logistic", "reg:squarederror")] = "binary:logistic"
    metric: Annotated[TreeMetric | None, optional_choice("auc", "auc_ks", "metrics_pack1", "regression")] = None
    n_estimators: Annotated[int, whole(1, 10_000)] = 100
    max_depth: Annotated[int, whole(1, 10)] = 6
    learning_rate: Annotated[float, number(0, 10)] = 0.3
    reg_lambda: Annotated[float, within(0, 1e6)] = 1.0
    gamma: Annotated[float, within(0, 1e9)] = 0.0
    min_child_weight: Annotated[float, within(0, 1e9)] = 1.0
    subsample: Annotated[float, number(0, 1)] = 1.0
    colsample_bytree: Annotated[float, number(0, 1)] = 1.0
    max_bin: Annotated[int, whole(2, 256)] = 32
    scale_pos_weight: Annotated[float, within(0.1, 1000)] = 1.0
    base_score: Annotated[float | None, optional_within(-1e12, 1e12)] = None
    early_stopping_rounds: Annotated[int | None, optional(1, 10_000)] = None
    test_per_trees: Annotated[int, whole(1, 10_000)] = 1
    checkpoint_every: Annotated[int, whole(0, 10_000)] = 1
    matrix_memory_mb: Annotated[int, whole(0, 1_000_000)] = 1024
    seed: Annotated[int | None, optional(0, 2**63 - 1)] = None
    batch_size: Annotated[None, nothing("every tree sees all rows; to see fewer, lower subsample")] = None
    test_batch_size: Annotated[None, nothing("a test takes all test rows")] = None

    @property
    def common_seed(self) -> int | None:
        """The field `seed`."""
        return self.seed

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        flat: dict[str, object] = {}
        for level in _levels(data):
            for name, value in level.items():
                known = TREE_ALIASES.get(name, name)
                if known in flat:
                    raise _expected(f"{known} once, and not under two names or in two places")
                flat[known] = value
        return flat


def _levels(data: dict[str, object]) -> list[dict[str, object]]:
    """Return the parameters of a document: outside, in ``config``, and in its ``sync_info``."""
    levels = [dict(data)]
    for name in ("config", "sync_info"):
        inner = levels[-1].pop(name, None)
        if inner is None:
            continue
        if not isinstance(inner, dict):
            raise _expected(f"an object under {name}")
        levels.append(dict(inner))
    return levels


def _expected(wanted: str) -> PydanticCustomError:
    return PydanticCustomError(EXPECTED, "{wanted}", {"wanted": wanted})


class TreeTable(DataTable):
    """What both types of client with a table have.

    Attributes
    ----------
    missing
        What an empty cell of a feature means: an error, or a value of its own that goes to the better side of a split.
    categorical_columns
        Names of columns whose cells are words, or numbers that stand for kinds; with `missing` ``bin`` only, which is
        where a category goes that the training rows do not have.
    categories
        What becomes of them: ``ordered``, one column of bins, the most frequent category first; ``one_hot``, a column
        of two bins for each, at most 32, the least frequent ones in common.
    """

    missing: Annotated[Literal["error", "bin"], choice("error", "bin")] = "error"
    categorical_columns: Annotated[tuple[Annotated[str, column_name()], ...], Field(max_length=10_000)] = ()
    categories: Annotated[Literal["ordered", "one_hot"], choice("ordered", "one_hot")] = "ordered"


class TreeFeature(TreeTable):
    """A party with columns of features."""

    client_type: Literal["secure_xgboost_feature"]


class TreeLabel(TreeTable):
    """The party with the label, the first column of its tables; any after it are features."""

    client_type: Literal["secure_xgboost_label"]
