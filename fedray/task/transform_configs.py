"""What the clients of tasks may be told that code columns: those that make other columns out of a party's own.

Names of steps and of their parameters are scikit-learn's.
"""

from __future__ import annotations

from math import inf
from sys import float_info
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from fedray.task.config_bases import ClientConfig, MainConfig
from fedray.task.fields import (
    choice,
    column_name,
    constant,
    flag,
    interval,
    optional,
    optional_choice,
    optional_number,
    optional_path,
    optional_title,
    optional_within,
    relative_path,
    whole,
    within,
)
from fedray.task.step_configs import ConstantStep, LogisticStep, StepConfig

__all__ = [
    "STEPS",
    "CodedData",
    "CodedMain",
    "ImputationStep",
    "OneHotStep",
    "RowsPart",
    "ScalingStep",
    "SelectionStep",
    "TransformData",
    "TransformFeature",
    "TransformLabel",
    "TransformMain",
]

MOST_STEPS = 32
MOST_TABLES = 64
Names = Annotated[tuple[Annotated[str, column_name()], ...], Field(min_length=1, max_length=10_000)]
Statistic = Literal["mean", "std", "min", "median", "max", "range", "variation", "mode_part", "quantile", "vif"]


class CodedMain(MainConfig):
    """What every type of main client has whose task makes other columns out of a party's own.

    Attributes
    ----------
    transform
        The name of an earlier task whose transforms code other rows; None makes new ones, from the training rows.
    """

    transform: Annotated[str | None, optional_title()] = None


class CodedData(ClientConfig):
    """What every type of client has whose columns are coded.

    Attributes
    ----------
    data_path
        Folder below the party's generated-data folder, with ``train.csv`` and ``test.csv``.
    out_data_path
        Folder there for the data set with the new columns; None writes none.
    """

    data_path: Annotated[str | None, optional_path()] = None
    out_data_path: Annotated[str | None, optional_path()] = None


class ImputationStep(StepConfig):
    """Gaps are filled by one value a column.

    Attributes
    ----------
    columns
        Names; None is all columns of numbers.
    strategy
        The value: ``mean``, ``median`` or ``most_frequent`` of the training rows, or ``constant``.
    fill_value
        The constant; None is 0, or ``missing_value`` among categories.
    """

    step: Literal["imputation"]
    columns: Names | None = None
    strategy: Annotated[
        Literal["mean", "median", "most_frequent", "constant"], choice("mean", "median", "most_frequent", "constant")
    ] = "mean"
    fill_value: Annotated[float | str | None, constant()] = None

    @model_validator(mode="after")
    def _constant_only(self) -> ImputationStep:
        if self.fill_value is not None and self.strategy != "constant":
            raise ValueError(f"fill_value null with strategy {self.strategy}; only constant takes one")
        return self


class OneHotStep(StepConfig):
    """Each category of a column becomes a column of 0 and 1.

    Attributes
    ----------
    columns
        Names: their cells may be text.
    max_categories
        New columns of each at the most, by one in common for the least frequent categories; None is no limit.
    """

    step: Literal["one_hot"]
    columns: Names
    max_categories: Annotated[int | None, optional(1, 1000)] = None


class ScalingStep(StepConfig):
    """Columns are scaled.

    Attributes
    ----------
    columns
        Names; None is all columns of numbers.
    method
        ``standard`` by mean and deviation, ``minmax`` to a range.
    feature_range, clip
        With ``minmax`` the range, and whether values of other rows are cut off at its ends.
    """

    step: Literal["scaling"]
    columns: Names | None = None
    method: Annotated[Literal["standard", "minmax"], choice("standard", "minmax")] = "standard"
    feature_range: Annotated[tuple[float, float], interval()] = (0.0, 1.0)
    clip: Annotated[bool, flag()] = False


class SelectionStep(StepConfig):
    """Columns are left out that are named, that earlier tasks speak against, or whose own values do.

    Attributes
    ----------
    columns
        Names of columns that are left out.
    statistics
        A task of kind ``statistics`` with ``correlation: all``: the columns are left out that it advises to.
    binning
        A task of kind ``binning`` of these columns.
    iv_min
        Columns with a smaller information value there are left out.
    statistic, least, most
        Columns of which this is less or more on the training rows are left out: ``mean``, ``std``, ``min``, ``median``,
        ``max``, ``range`` (largest less smallest), ``variation`` (deviation by the size of the mean), ``mode_part``
        (rows with the most frequent value), ``quantile``, or ``vif`` (variance inflation factor among these columns).
    quantile
        Which one.
    """

    step: Literal["selection"]
    columns: Names | None = None
    statistics: Annotated[str | None, optional_title()] = None
    binning: Annotated[str | None, optional_title()] = None
    iv_min: Annotated[float | None, optional_within(0, 100)] = None
    statistic: Annotated[
        Statistic | None,
        optional_choice("mean", "std", "min", "median", "max", "range", "variation", "mode_part", "quantile", "vif"),
    ] = None
    least: Annotated[float | None, optional_number(-inf, float_info.max)] = None
    most: Annotated[float | None, optional_number(-inf, float_info.max)] = None
    quantile: Annotated[float | None, optional_within(0, 1)] = None

    @model_validator(mode="after")
    def _complete(self) -> SelectionStep:
        if self.columns is None and self.statistics is None and self.binning is None and self.statistic is None:
            raise ValueError("columns, statistics, binning with iv_min, or statistic with least or most")
        if (self.binning is None) != (self.iv_min is None):
            raise ValueError("binning and iv_min together")
        if (self.statistic is None) != (self.least is None and self.most is None):
            raise ValueError("statistic with least or most")
        if (self.statistic == "quantile") != (self.quantile is not None):
            raise ValueError("quantile with statistic quantile, and null with any other")
        return self


STEPS: dict[str, type[BaseModel]] = {
    "constant": ConstantStep,
    "imputation": ImputationStep,
    "logistic_regression": LogisticStep,
    "one_hot": OneHotStep,
    "scaling": ScalingStep,
    "selection": SelectionStep,
}
"""The steps, by name."""

AnyStep = Annotated[
    ConstantStep | ImputationStep | LogisticStep | OneHotStep | ScalingStep | SelectionStep,
    Field(discriminator="step"),
]


class RowsPart(BaseModel):
    """A part of the rows, in an order that follows from a public seed.

    Attributes
    ----------
    start, stop
        Where it begins and ends, as parts of all rows.
    seed
        Of the order.
    held_out
        Whether all rows are written, those of the part for testing and all others for training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start: Annotated[float, within(0, 1)] = 0.0
    stop: Annotated[float, within(0, 1)] = 1.0
    seed: Annotated[int, whole(0, 2**63 - 1)] = 0
    held_out: Annotated[bool, flag()] = False

    @model_validator(mode="after")
    def _rising(self) -> RowsPart:
        if self.start >= self.stop:
            raise ValueError("a start below stop")
        return self


class TransformMain(CodedMain):
    """A task whose parties change their own columns.

    Attributes
    ----------
    rows
        Which rows are written, and fit the steps; None is all of them.
    """

    client_type: Literal["transform_main"]
    rows: RowsPart | None = None


class TransformData(CodedData):
    """A party with columns to be changed.

    Attributes
    ----------
    more_data_paths
        More folders like `data_path` with the same columns, whose training rows come below its own; of rows with one id
        the first stays. In the data set that is written both files have all rows.
    test_data_path
        Folder like `data_path` with the same columns, whose training rows are those for testing in the data set that is
        written; None leaves those of `data_path`, or of more folders all rows.
    steps
        What is done, in this order; fitted on the training rows.
    """

    more_data_paths: Annotated[tuple[Annotated[str, relative_path()], ...], Field(max_length=MOST_TABLES)] = ()
    test_data_path: Annotated[str | None, optional_path()] = None
    steps: Annotated[tuple[AnyStep, ...], Field(max_length=MOST_STEPS)] = ()


class TransformFeature(TransformData):
    """A party with columns of features."""

    client_type: Literal["transform_feature"]
    data_path: Annotated[str, relative_path()]


class TransformLabel(TransformData):
    """The party with the label in the first column, which stays as it is; any after it are features.

    Attributes
    ----------
    evaluate
        Whether the first column that is written, of numbers from 0 to 1, is compared with the label as predictions are.
    """

    client_type: Literal["transform_label"]
    evaluate: Annotated[bool, flag()] = False
