"""What components have to show: metrics, models, summaries, tables, in the shapes that FATE's clients know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, Results
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes.added import secure_add
from serve_api.fate_flow.outcomes.aligned import data_io, intersection, reader
from serve_api.fate_flow.outcomes.binned import binning, selection
from serve_api.fate_flow.outcomes.clustered import kmeans
from serve_api.fate_flow.outcomes.described import pearson, statistics
from serve_api.fate_flow.outcomes.evaluation import evaluation
from serve_api.fate_flow.outcomes.rows import sample, scale
from serve_api.fate_flow.outcomes.scorecard import scorecard
from serve_api.fate_flow.outcomes.tables import data_outputs
from serve_api.fate_flow.outcomes.trained import linear, network, trees
from serve_api.fate_flow.outcomes.united import baseline, expand, stability, union

__all__ = ["outcome", "said"]

_TELL: Final[Mapping[str, Callable[[CompiledComponent, Results], ComponentOutcome]]] = MappingProxyType(
    {
        "baseline": baseline,
        "binning": binning,
        "cross_validation": evaluation,
        "data_io": data_io,
        "evaluation": evaluation,
        "expand": expand,
        "intersection": intersection,
        "kmeans": kmeans,
        "linear": linear,
        "network": network,
        "pearson": pearson,
        "reader": reader,
        "secure_add": secure_add,
        "sample": sample,
        "scale": scale,
        "scorecard": scorecard,
        "selection": selection,
        "stability": stability,
        "statistics": statistics,
        "trees": trees,
        "union": union,
    }
)


def said(compiled: CompiledComponent, results: Results) -> Mapping[PartyId, tuple[str, ...]]:
    """Return the lines that a component has for its parties' logs."""
    tell = _TELL.get(str(compiled.facts["kind"]))
    return {} if tell is None else tell(compiled, results).log


def outcome(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Return what a component has to show; what its steps have not come to yet is left out."""
    tell = _TELL.get(str(compiled.facts["kind"]))
    told = ComponentOutcome() if tell is None else tell(compiled, results)
    return replace(told, data={**data_outputs(compiled, results), **told.data})
