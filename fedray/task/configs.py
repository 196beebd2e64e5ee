"""The types of clients: every configuration that there is, and the table of who may be what.

A new kind of task adds a module of models, one frozen model per ``client_type``, extends ``Config``, and adds one row
per type of client to ``CLIENT_TYPES``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from fedray.task.alignment_configs import AlignmentData, AlignmentMain
from fedray.task.config_bases import ClientConfig, Kind, Role
from fedray.task.dealer_configs import DealerConfig
from fedray.task.export_configs import ExportFeature, ExportLabel, ExportMain
from fedray.task.feature_configs import (
    BinningFeature,
    BinningLabel,
    BinningMain,
    StatisticsFeature,
    StatisticsLabel,
    StatisticsMain,
)
from fedray.task.kmeans_configs import KMeansFeature, KMeansLabel, KMeansMain
from fedray.task.linear_configs import LinearFeature, LinearLabel, LinearMain
from fedray.task.network_configs import NetFeature, NetLabel, NetMain
from fedray.task.predict_configs import PredictFeature, PredictLabel, PredictMain
from fedray.task.scorecard_configs import ScorecardFeature, ScorecardLabel, ScorecardMain
from fedray.task.serve_configs import ServeFeature, ServeLabel, ServeMain
from fedray.task.sum_configs import SumFeature, SumLabel, SumMain
from fedray.task.transform_configs import TransformFeature, TransformLabel, TransformMain
from fedray.task.tree_configs import TreeFeature, TreeLabel, TreeMain

__all__ = ["CLIENT_TYPES", "ClientType", "Config", "DataConfig"]

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
