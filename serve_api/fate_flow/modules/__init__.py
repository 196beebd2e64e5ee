"""FATE's modules, each made into steps: one file for each family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.modules.aligning import intersection
from serve_api.fate_flow.modules.evaluation import evaluation
from serve_api.fate_flow.modules.linear import linear
from serve_api.fate_flow.modules.reading import data_io, reader
from serve_api.fate_flow.modules.trees import trees
from serve_api.fate_flow.work import Work

__all__ = ["COMPILERS"]

COMPILERS: Final[Mapping[str, Callable[[Work], CompiledComponent]]] = MappingProxyType(
    {
        "DataIO": data_io,
        "DataTransform": data_io,
        "Evaluation": evaluation,
        "HeteroLR": linear,
        "HeteroLinR": linear,
        "HeteroPoisson": linear,
        "HeteroSecureBoost": trees,
        "Intersection": intersection,
        "Reader": reader,
    }
)
"""Module -> what makes steps of a component of it."""
