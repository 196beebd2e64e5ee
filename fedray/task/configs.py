"""What each type of client may be told: one frozen model per ``client_type``, and the table of who may be what.

A new kind of task adds its models, extends ``Config``, and adds one row per type of client to ``CLIENT_TYPES``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from fedray.task.config_bases import ClientConfig, DataTable, Kind, MainConfig, Role, TableConfig, TrainMain
from fedray.task.export_configs import ExportData, ExportFeature, ExportLabel, ExportMain
from fedray.task.feature_configs import (
    BinningData,
    BinningFeature,
    BinningLabel,
    BinningMain,
    StatisticsFeature,
    StatisticsLabel,
    StatisticsMain,
)
from fedray.task.fields import choice, column, flag, number, optional, relative_path, whole, within
from fedray.task.kmeans_configs import KMeansFeature, KMeansLabel, KMeansMain
from fedray.task.linear_configs import LinearFeature, LinearLabel, LinearMain
from fedray.task.predict_configs import PredictData, PredictFeature, PredictLabel, PredictMain
from fedray.task.scorecard_configs import ScorecardData, ScorecardFeature, ScorecardLabel, ScorecardMain
from fedray.task.serve_configs import ServeFeature, ServeLabel, ServeMain
from fedray.task.sum_configs import SumFeature, SumLabel, SumMain
from fedray.task.transform_configs import (
    CodedData,
    CodedMain,
    TransformData,
    TransformFeature,
    TransformLabel,
    TransformMain,
)
from fedray.task.tree_configs import TreeFeature, TreeLabel, TreeMain

__all__ = [
    "ALIASES",
    "CLIENT_TYPES",
    "AlignmentData",
    "AlignmentMain",
    "BinningData",
    "BinningFeature",
    "BinningLabel",
    "BinningMain",
    "ClientConfig",
    "ClientType",
    "CodedData",
    "CodedMain",
    "Config",
    "DataConfig",
    "DataTable",
    "DealerConfig",
    "ExportData",
    "ExportFeature",
    "ExportLabel",
    "ExportMain",
    "Kind",
    "LinearFeature",
    "LinearLabel",
    "LinearMain",
    "MainConfig",
    "NetFeature",
    "NetLabel",
    "NetMain",
    "PredictData",
    "PredictFeature",
    "PredictLabel",
    "PredictMain",
    "Role",
    "ScorecardData",
    "ScorecardFeature",
    "ScorecardLabel",
    "ScorecardMain",
    "ServeFeature",
    "ServeLabel",
    "ServeMain",
    "StatisticsFeature",
    "StatisticsLabel",
    "StatisticsMain",
    "SumFeature",
    "SumLabel",
    "SumMain",
    "TableConfig",
    "TrainMain",
    "TransformData",
    "TransformFeature",
    "TransformLabel",
    "TransformMain",
    "TreeFeature",
    "TreeLabel",
    "TreeMain",
]

MAX_CLIENTS = 64
MAX_WIDTH = 4096


ALIASES = {"alignment_client": "alignment_data"}
"""Other spellings of client types."""


def _canonical(client_type: str) -> str:
    return ALIASES.get(client_type, client_type)


class AlignmentMain(MainConfig):
    """The party that intersects tokens and has no data.

    Attributes
    ----------
    min_intersection
        Rows below which the task fails rather than reveal so small a set.
    order
        Order of the common rows, of which the last are for testing: ``id`` gives the same rows every time,
        ``random`` a fresh order in every task. Only the data clients see it.
    test_size
        Part of the common rows that are for testing; 0 for none, which only linear models can do without.
    split
        ``held_out`` keeps the rows for testing apart; ``none`` trains and tests on all rows, whatever `test_size` says.
    """

    client_type: Literal["alignment_main"]
    min_intersection: Annotated[int, whole(1, 10**9)] = 1
    order: Annotated[Literal["id", "random"], choice("id", "random")] = "id"
    test_size: Annotated[float, within(0, 0.9)] = 0.2
    split: Annotated[Literal["held_out", "none"], choice("held_out", "none")] = "held_out"

    @property
    def repeats(self) -> bool:
        """Whether the rows for training are those for testing too."""
        return self.split == "none"


class AlignmentData(ClientConfig):
    """A party whose table is aligned.

    Attributes
    ----------
    raw_data_path
        CSV below the party's raw-data folder; first column the id, with a header.
    out_data_path
        Folder below the party's generated-data folder.
    columns
        Names or positions of the columns to keep; None keeps all.
    duplicates
        What an id that comes twice means: an error, keep the first row, or drop all its rows.
    more_raw_data_paths
        More files like `raw_data_path` with the same columns, whose rows come below its own.
    """

    client_type: Annotated[
        Literal["alignment_data", "alignment_client"],
        AfterValidator(_canonical),
    ]
    raw_data_path: Annotated[str, relative_path()]
    out_data_path: Annotated[str, relative_path()]
    columns: (
        Annotated[
            tuple[Annotated[str | int, column()], ...],
            Field(min_length=1, max_length=10_000),
        ]
        | None
    ) = None
    duplicates: Annotated[Literal["error", "first", "drop"], choice("error", "first", "drop")] = "error"
    more_raw_data_paths: Annotated[tuple[Annotated[str, relative_path()], ...], Field(max_length=MAX_CLIENTS)] = ()


class DealerConfig(ClientConfig):
    """The party that deals correlated randomness and has no data.

    Attributes
    ----------
    listen_clients
        Places in ``clients`` of the parties served; None means all data clients.
    """

    client_type: Literal["triplet_producer"]
    listen_clients: (
        Annotated[
            tuple[Annotated[int, whole(0, MAX_CLIENTS - 1)], ...],
            Field(max_length=MAX_CLIENTS),
        ]
        | None
    ) = None


class NetMain(TrainMain):
    """The network and its training.

    Attributes
    ----------
    in_dim, layers
        Width of the first layer, and the widths after it.
    out_dim
        Width of the output: the last width. Taken from it when left out.
    learning_rate
        Step size of gradient descent.
    bias
        Whether every layer has an additive term of its own.
    seed
        Seed of the batches, for repeatable runs; None lets the server draw one.
    """

    client_type: Literal["shared_nn_main"]
    in_dim: Annotated[int, whole(1, MAX_WIDTH)]
    out_dim: Annotated[int, whole(1, MAX_WIDTH)] = 1
    layers: Annotated[
        tuple[Annotated[int, whole(1, MAX_WIDTH)], ...],
        Field(max_length=16),
    ] = ()
    learning_rate: Annotated[float, number(0, 100)] = 0.1
    bias: Annotated[bool, flag()] = True
    seed: Annotated[int | None, optional(0, 2**63 - 1)] = None

    @property
    def last_width(self) -> int:
        """The width of the last layer."""
        return self.layers[-1] if self.layers else self.in_dim

    @property
    def common_seed(self) -> int | None:
        """The field `seed`."""
        return self.seed

    @model_validator(mode="before")
    @classmethod
    def _fill_out_dim(cls, data: object) -> object:
        if not isinstance(data, dict) or "out_dim" in data:
            return data
        layers = data.get("layers")
        last = layers[-1] if isinstance(layers, list | tuple) and layers else data.get("in_dim")
        # A last width that is wrong itself gets its own message; a second one about out_dim would confuse.
        known = type(last) is int and 1 <= last <= MAX_WIDTH
        return {**data, "out_dim": last} if known else data


class NetFeature(TableConfig):
    """A party with columns of features."""

    client_type: Literal["shared_nn_feature"]


class NetLabel(TableConfig):
    """The party with the label, which is never scaled.

    Attributes
    ----------
    loss
        ``mse`` or ``bce``.
    metric
        ``auc``, ``auc_ks`` or ``metrics_pack1``.
    """

    client_type: Literal["shared_nn_label"]
    loss: Annotated[Literal["mse", "bce"], choice("mse", "bce")] = "mse"
    metric: Annotated[
        Literal["auc", "auc_ks", "metrics_pack1"],
        choice("auc", "auc_ks", "metrics_pack1"),
    ] = "auc"


DataConfig = (
    AlignmentData
    | NetFeature
    | NetLabel
    | LinearFeature
    | LinearLabel
    | PredictFeature
    | PredictLabel
    | ServeFeature
    | ServeLabel
    | TreeFeature
    | TreeLabel
    | BinningFeature
    | BinningLabel
    | StatisticsFeature
    | StatisticsLabel
    | TransformFeature
    | TransformLabel
    | ScorecardFeature
    | ScorecardLabel
    | ExportFeature
    | ExportLabel
    | SumFeature
    | SumLabel
    | KMeansFeature
    | KMeansLabel
)
"""The configurations of clients that have data."""

Config = Annotated[
    AlignmentMain
    | AlignmentData
    | DealerConfig
    | NetMain
    | NetFeature
    | NetLabel
    | LinearMain
    | LinearFeature
    | LinearLabel
    | PredictMain
    | PredictFeature
    | PredictLabel
    | ServeMain
    | ServeFeature
    | ServeLabel
    | TreeMain
    | TreeFeature
    | TreeLabel
    | BinningMain
    | BinningFeature
    | BinningLabel
    | StatisticsMain
    | StatisticsFeature
    | StatisticsLabel
    | TransformMain
    | TransformFeature
    | TransformLabel
    | ScorecardMain
    | ScorecardFeature
    | ScorecardLabel
    | ExportMain
    | ExportFeature
    | ExportLabel
    | SumMain
    | SumFeature
    | SumLabel
    | KMeansMain
    | KMeansFeature
    | KMeansLabel,
    Field(discriminator="client_type"),
]
"""Any client's configuration, told apart by ``client_type``."""


@dataclass(frozen=True)
class ClientType:
    """A row of the table of client types: which roles may be it, in which kinds of task, told what."""

    roles: frozenset[Role]
    kinds: frozenset[Kind]
    model: type[ClientConfig]


def _row(model: type[ClientConfig], kinds: set[Kind], *roles: Role) -> ClientType:
    return ClientType(frozenset(roles), frozenset(kinds), model)


CLIENT_TYPES = {
    "alignment_main": _row(AlignmentMain, {Kind.ALIGNMENT}, Role.MAIN_CLIENT),
    "alignment_data": _row(AlignmentData, {Kind.ALIGNMENT}, Role.FEATURE_CLIENT, Role.LABEL_CLIENT),
    "triplet_producer": _row(
        DealerConfig,
        {Kind.SHARED_NN, Kind.LINEAR, Kind.TREES, Kind.PREDICT, Kind.SERVE, Kind.BINNING, Kind.STATISTICS, Kind.KMEANS},
        Role.CRYPTO_PRODUCER,
    ),
    "shared_nn_main": _row(NetMain, {Kind.SHARED_NN}, Role.MAIN_CLIENT),
    "shared_nn_feature": _row(NetFeature, {Kind.SHARED_NN}, Role.FEATURE_CLIENT),
    "shared_nn_label": _row(NetLabel, {Kind.SHARED_NN}, Role.LABEL_CLIENT),
    "linear_main": _row(LinearMain, {Kind.LINEAR}, Role.MAIN_CLIENT),
    "linear_feature": _row(LinearFeature, {Kind.LINEAR}, Role.FEATURE_CLIENT),
    "linear_label": _row(LinearLabel, {Kind.LINEAR}, Role.LABEL_CLIENT),
    "predict_main": _row(PredictMain, {Kind.PREDICT}, Role.MAIN_CLIENT),
    "predict_feature": _row(PredictFeature, {Kind.PREDICT}, Role.FEATURE_CLIENT),
    "predict_label": _row(PredictLabel, {Kind.PREDICT}, Role.LABEL_CLIENT),
    "serve_main": _row(ServeMain, {Kind.SERVE}, Role.MAIN_CLIENT),
    "serve_feature": _row(ServeFeature, {Kind.SERVE}, Role.FEATURE_CLIENT),
    "serve_label": _row(ServeLabel, {Kind.SERVE}, Role.LABEL_CLIENT),
    "secure_xgboost_main": _row(TreeMain, {Kind.TREES}, Role.MAIN_CLIENT),
    "secure_xgboost_feature": _row(TreeFeature, {Kind.TREES}, Role.FEATURE_CLIENT),
    "secure_xgboost_label": _row(TreeLabel, {Kind.TREES}, Role.LABEL_CLIENT),
    "binning_main": _row(BinningMain, {Kind.BINNING}, Role.MAIN_CLIENT),
    "binning_feature": _row(BinningFeature, {Kind.BINNING}, Role.FEATURE_CLIENT),
    "binning_label": _row(BinningLabel, {Kind.BINNING}, Role.LABEL_CLIENT),
    "statistics_main": _row(StatisticsMain, {Kind.STATISTICS}, Role.MAIN_CLIENT),
    "statistics_feature": _row(StatisticsFeature, {Kind.STATISTICS}, Role.FEATURE_CLIENT),
    "statistics_label": _row(StatisticsLabel, {Kind.STATISTICS}, Role.LABEL_CLIENT),
    "transform_main": _row(TransformMain, {Kind.TRANSFORM}, Role.MAIN_CLIENT),
    "transform_feature": _row(TransformFeature, {Kind.TRANSFORM}, Role.FEATURE_CLIENT),
    "transform_label": _row(TransformLabel, {Kind.TRANSFORM}, Role.LABEL_CLIENT),
    "scorecard_main": _row(ScorecardMain, {Kind.SCORECARD}, Role.MAIN_CLIENT),
    "scorecard_feature": _row(ScorecardFeature, {Kind.SCORECARD}, Role.FEATURE_CLIENT),
    "scorecard_label": _row(ScorecardLabel, {Kind.SCORECARD}, Role.LABEL_CLIENT),
    "export_main": _row(ExportMain, {Kind.EXPORT}, Role.MAIN_CLIENT),
    "export_feature": _row(ExportFeature, {Kind.EXPORT}, Role.FEATURE_CLIENT),
    "export_label": _row(ExportLabel, {Kind.EXPORT}, Role.LABEL_CLIENT),
    "sum_main": _row(SumMain, {Kind.SUM}, Role.MAIN_CLIENT),
    "sum_feature": _row(SumFeature, {Kind.SUM}, Role.FEATURE_CLIENT),
    "sum_label": _row(SumLabel, {Kind.SUM}, Role.LABEL_CLIENT),
    "kmeans_main": _row(KMeansMain, {Kind.KMEANS}, Role.MAIN_CLIENT),
    "kmeans_feature": _row(KMeansFeature, {Kind.KMEANS}, Role.FEATURE_CLIENT),
    "kmeans_label": _row(KMeansLabel, {Kind.KMEANS}, Role.LABEL_CLIENT),
}
"""Client type -> roles, kinds and model. A kind of task is added here."""
