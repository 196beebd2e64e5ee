"""What FeatureScale and FederatedSample have to show."""

from __future__ import annotations

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, Metric, Results
from serve_api.fate_flow.outcomes.tables import party_of

__all__ = ["sample", "scale"]


def scale(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a scaling: its method and columns; means and deviations stay in the parties' own files."""
    if results.report(compiled.facts["step"]) is None:
        return ComponentOutcome()
    metrics, model = {}, {}
    for part in compiled.facts["parts"]:
        party = party_of(part)
        method = compiled.component.parameters[party]["method"]
        metrics[party] = {"train": {"scale": Metric([], {"name": "scale", "metric_type": "SCALE", "method": method})}}
        model[party] = {
            "alias": compiled.component.model_outputs[0] if compiled.component.model_outputs else "model",
            "buffers": {"data": "ScaleParam", "meta": "ScaleMeta"},
            "data": {"colScaleParam": {}, "header": list(part["columns"])},
            "meta": {"method": method, "needRun": True},
        }
    return ComponentOutcome(metrics=metrics, model=model)


def sample(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a sample: how many rows it has."""
    report = results.report(compiled.facts["step"])
    if report is None:
        return ComponentOutcome()
    count = int(report["result"]["rows"]) // 2  # they are in both parts of the data set
    metric = Metric([["count", count]], {"name": "random", "metric_type": "SAMPLE_TEXT"})
    parties = [party_of(part) for part in compiled.facts["parts"]]
    metrics = {party: {"sample_count": {"random": metric}} for party in parties}
    return ComponentOutcome(metrics=metrics, summary={party: {"sample_count": count} for party in parties})
