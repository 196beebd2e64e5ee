"""What the clients of tasks that look at columns before a training may be told: binning and statistics."""

from __future__ import annotations

from typing import Annotated, Literal

from fedray.task.config_bases import DataTable, MainConfig
from fedray.task.fields import choice, flag, optional_path, optional_within, relative_path, whole, within
from fedray.task.transform_configs import CodedData, CodedMain

__all__ = [
    "BinningData",
    "BinningFeature",
    "BinningLabel",
    "BinningMain",
    "StatisticsData",
    "StatisticsFeature",
    "StatisticsLabel",
    "StatisticsMain",
]

Missing = Literal["error", "bin"]
Method = Literal["quantile", "equal_width"]
Written = Literal["woe", "bin"]
Correlation = Literal["none", "parties", "all"]


class BinningMain(CodedMain):
    """How columns are cut into bins, and which of them are kept.

    Attributes
    ----------
    method
        ``quantile`` cuts bins of about as many rows, ``equal_width`` of the same width.
    max_bin
        Most bins of a column, the one of missing values not counted.
    min_bin
        Rows of either label that every bin has at least: smaller ones are joined with their neighbours before anything
        of them is opened.
    iv_min
        Columns with a smaller information value are left out of the data sets that are written.
    write
        What is written of a value: ``woe``, the weight of evidence of its bin, or ``bin``, the number of that.
    """

    client_type: Literal["binning_main"]
    method: Annotated[Method, choice("quantile", "equal_width")] = "quantile"
    max_bin: Annotated[int, whole(2, 64)] = 10
    min_bin: Annotated[int, whole(20, 10**6)] = 20
    iv_min: Annotated[float, within(0, 100)] = 0.0
    write: Annotated[Written, choice("woe", "bin")] = "woe"


class BinningData(CodedData):
    """A party with columns to be binned.

    Attributes
    ----------
    missing
        What an empty cell of a feature means: an error, or a bin of its own.
    """

    missing: Annotated[Missing, choice("error", "bin")] = "error"


class BinningFeature(BinningData):
    """A party with columns of features."""

    client_type: Literal["binning_feature"]
    data_path: Annotated[str, relative_path()]


class BinningLabel(BinningData):
    """The party with the label, 0 or 1, in the first column; any after it are features, binned by the party alone."""

    client_type: Literal["binning_label"]


class StatisticsMain(MainConfig):
    """What is found out about columns, and who learns it.

    Attributes
    ----------
    correlation
        Who learns the correlations of columns of different parties: ``parties`` those two whose columns they are,
        ``all`` every party and the report, with those within a party and the variance inflation factors; ``none``
        works out none.
    correlation_max, vif_max
        Beyond which the result advises to leave a column out; None gives no such advice.
    stability_bins
        Most bins of a column whose distribution is compared with that of another data set.
    """

    client_type: Literal["statistics_main"]
    correlation: Annotated[Correlation, choice("none", "parties", "all")] = "parties"
    correlation_max: Annotated[float | None, optional_within(0, 1)] = 0.8
    vif_max: Annotated[float | None, optional_within(1, 1e6)] = 10.0
    stability_bins: Annotated[int, whole(2, 100)] = 10


class StatisticsData(DataTable):
    """A party with columns to be looked at.

    Attributes
    ----------
    share
        Whether the statistics of the party's columns go into the report; else they stay with the party.
    reference_path
        Folder like `data_path` with other rows of the same columns, such as earlier ones: how far the distribution of
        each column has moved since then is one of its statistics.
    """

    share: Annotated[bool, flag()] = False
    reference_path: Annotated[str | None, optional_path()] = None


class StatisticsFeature(StatisticsData):
    """A party with columns of features."""

    client_type: Literal["statistics_feature"]


class StatisticsLabel(StatisticsData):
    """The party with the label, the first column of its tables, which is no feature and is not looked at."""

    client_type: Literal["statistics_label"]
