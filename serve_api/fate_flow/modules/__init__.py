"""FATE's modules, each made into steps: one file for each family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.modules.adding import secure_add
from serve_api.fate_flow.modules.aligning import intersection
from serve_api.fate_flow.modules.baseline import local_baseline
from serve_api.fate_flow.modules.binning import binning, selection
from serve_api.fate_flow.modules.clusters import kmeans
from serve_api.fate_flow.modules.columns import feature_scale, one_hot, sample_weight
from serve_api.fate_flow.modules.evaluation import evaluation
from serve_api.fate_flow.modules.expanding import column_expand
from serve_api.fate_flow.modules.linear import linear
from serve_api.fate_flow.modules.moving import stability
from serve_api.fate_flow.modules.networks import network
from serve_api.fate_flow.modules.points import scorecard
from serve_api.fate_flow.modules.reading import data_io, reader
from serve_api.fate_flow.modules.splitting import data_split, federated_sample
from serve_api.fate_flow.modules.statistics import data_statistics, pearson
from serve_api.fate_flow.modules.trees import fast_trees, trees
from serve_api.fate_flow.modules.uniting import union
from serve_api.fate_flow.work import Work

__all__ = ["COMPILERS"]

COMPILERS: Final[Mapping[str, Callable[[Work], CompiledComponent]]] = MappingProxyType(
    {
        "ColumnExpand": column_expand,
        "DataIO": data_io,
        "DataStatistics": data_statistics,
        "DataTransform": data_io,
        "Evaluation": evaluation,
        "FeatureScale": feature_scale,
        "FederatedSample": federated_sample,
        "HeteroDataSplit": data_split,
        "HeteroFastSecureBoost": fast_trees,
        "HeteroFeatureBinning": binning,
        "HeteroFeatureSelection": selection,
        "HeteroKmeans": kmeans,
        "HeteroLR": linear,
        "HeteroLinR": linear,
        "HeteroNN": network,
        "HeteroPearson": pearson,
        "HeteroPoisson": linear,
        "HeteroSecureBoost": trees,
        "Intersection": intersection,
        "LocalBaseline": local_baseline,
        "OneHotEncoder": one_hot,
        "PSI": stability,
        "Reader": reader,
        "SampleWeight": sample_weight,
        "Scorecard": scorecard,
        "SecureAddExample": secure_add,
        "Union": union,
    }
)
"""Module -> what makes steps of a component of it."""
