"""What a Scorecard has to show: predictions as points.

They are ``offset + factor / ln base * ln(odds of the label 0)``, cut off at ``upper_limit_ratio * offset`` and
``lower_limit_value``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, DataOutput, Metric, Results
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes.tables import scored_output

__all__ = ["points", "scorecard"]

_COLUMNS: Final = ("label", "predict_result", "predict_score", "credit_score")


def points(probability: float, card: Mapping[str, Any]) -> float:
    """Return the points of a predicted probability of the label 1, to two digits."""
    upper, lower = card["upper_limit_ratio"] * card["offset"], card["lower_limit_value"]
    if probability <= 0.0:
        return float(upper)
    if probability >= 1.0:
        return float(lower)
    odds = (1.0 - probability) / probability
    score = card["offset"] + card["factor"] / math.log(card["factor_base"]) * math.log(odds)
    return round(float(min(max(score, lower), upper)), 2)


def scorecard(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a scorecard, to the guest."""
    card = compiled.facts["card"]
    found: dict[PartyId, tuple[DataOutput, ...]] = {}
    for party, output in scored_output(compiled.facts["scores"], results):

        def rows(output: DataOutput = output) -> Iterator[list[Any]]:
            for row in output.rows():
                yield [*row[:4], points(row[3], card)]

        found[party] = (DataOutput(output.name, (output.header[0], *_COLUMNS), rows, output.total),)
    if not found:
        return ComponentOutcome()
    formula = "Score = offset + factor / ln(factor_base) * ln(odds)"
    meta = {"name": "scorecard", "metric_type": "SCORECARD", **card, "scorecard_compute_formula": formula}
    return ComponentOutcome(
        metrics={party: {"train": {"scorecard": Metric([], meta)}} for party in found},
        summary={party: {"scorecard_compute_formula": formula} for party in found},
        data=found,
    )
