"""What an Evaluation has to show: numbers and curves out of the reports of the steps that predicted.

Reports tell numbers over all rows, and curves over groups of at least 20 rows; nothing of single rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, Metric, Results

__all__ = ["evaluation"]

Json = Mapping[str, Any]
Metrics = dict[str, Metric]
_DIGITS: Final = 6
_CLUSTERING: Final = (
    ("adjusted_rand_score", lambda told: told["adjusted_rand"]),
    ("fowlkes_mallows_score", lambda told: told["fowlkes_mallows"]),
    ("jaccard_similarity_score", lambda told: told["jaccard"]),
)
_REGRESSION: Final = (
    ("mean_absolute_error", lambda told: told["mae"]),
    ("mean_squared_error", lambda told: told["rmse"] ** 2),
    ("r2_score", lambda told: told["r2"]),
    ("root_mean_squared_error", lambda told: told["rmse"]),
)


def evaluation(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of an evaluation, to the guest."""
    spaces: dict[str, Metrics] = {}
    summary: dict[str, dict[str, Any]] = {}
    for told in compiled.facts["sets"]:
        report = results.report(told["step"])
        output = _output(report)
        if output is None:
            continue
        made = _measured(told["name"], output)
        wanted = compiled.facts["metrics"]
        spaces.setdefault(told["kind"], {}).update(_chosen(made, told["name"], wanted))
        numbers = dict(spaces[told["kind"]].get(told["name"], Metric([], {})).data)
        summary.setdefault(told["name"], {})[told["kind"]] = numbers
    guests = [party for party in compiled.component.parties if party.role == "guest"]
    if not spaces or not guests:
        return ComponentOutcome()
    return ComponentOutcome(metrics={guests[0]: spaces}, summary={guests[0]: summary})


def _output(report: Json | None) -> Json | None:
    """Return what a report tells of its only output, None where it has compared nothing."""
    told = None if report is None else report["result"].get("evaluation")
    return None if told is None else told["outputs"][0]


def _chosen(made: Metrics, name: str, wanted: Sequence[str] | None) -> Metrics:
    """Return the metrics that were asked for."""
    if wanted is None:
        return made
    chosen: Metrics = {}
    for metric, found in made.items():
        if metric == name:
            chosen[metric] = Metric([pair for pair in found.data if pair[0] in wanted], found.meta)
        elif any(metric.startswith(f"{name}_{one}") for one in wanted):
            chosen[metric] = found
    return chosen


def _measured(name: str, output: Json) -> Metrics:
    if "curve" in output:
        return _binary(name, output)
    return _numbers(name, output, _CLUSTERING if "adjusted_rand" in output["metrics"] else _REGRESSION)


def _numbers(name: str, output: Json, wanted: Sequence[tuple[str, Callable[[Json], float]]]) -> Metrics:
    data = [[metric, _round(value(output["metrics"]))] for metric, value in wanted]
    return {name: Metric(data, {"name": name, "metric_type": "EVALUATION_SUMMARY"})}


def _binary(name: str, output: Json) -> Metrics:
    numbers = output["metrics"]
    summary = [["auc", _round(numbers["auc"])], ["ks", _round(numbers["ks"])]]
    return {
        name: Metric(summary, {"name": name, "metric_type": "EVALUATION_SUMMARY"}),
        **dict(_curves(name, output["curve"])),
        **dict(_gains(name, output["gains"])),
        **dict(_thresholds(name, output["confusion"])),
    }


def _curve(name: str, metric: str, kind: str, points: Sequence[tuple[float, float]], **meta: Any) -> tuple[str, Metric]:
    data = sorted([_round(x), _round(y)] for x, y in points)
    full = f"{name}_{metric}"
    return full, Metric(data, {"name": full, "metric_type": f"{kind}_EVALUATION", "curve_name": name, **meta})


def _curves(name: str, curve: Sequence[Json]) -> Iterator[tuple[str, Metric]]:
    """Yield ROC and KS."""
    false = [point["false_positive_rate"] for point in curve]
    true = [point["true_positive_rate"] for point in curve]
    parts = [point["rows"] for point in curve]
    axes = {"unit_name": "fpr", "ordinate_name": "tpr", "thresholds": []}
    yield _curve(name, "roc", "ROC", list(zip(false, true, strict=True)), **axes)
    for which, rates in (("fpr", false), ("tpr", true)):
        points = list(zip(parts, rates, strict=True))
        full, metric = _curve(name, f"ks_{which}", "KS", points, pair_type=name, thresholds=[])
        yield full, Metric(metric.data, {**metric.meta, "curve_name": f"{name}_{which}"})


def _gains(name: str, gains: Sequence[Json]) -> Iterator[tuple[str, Metric]]:
    """Yield lift and gain."""
    rows = gains[-1]["cumulative_rows"]
    cuts = [one["cumulative_rows"] / rows for one in gains]
    for which in ("lift", "gain"):
        points = list(zip(cuts, (one[f"cumulative_{which}"] for one in gains), strict=True))
        yield _curve(name, which, which.upper(), points, thresholds=[])


def _thresholds(name: str, confusion: Sequence[Json]) -> Iterator[tuple[str, Metric]]:
    """Yield what depends on a threshold: accuracy, precision and recall, the matrix, F1."""
    cells = [(one["tp"], one["fp"], one["fn"], one["tn"]) for one in confusion]
    thresholds = [one["threshold"] for one in confusion]
    cuts = [(tp + fp) / (tp + fp + fn + tn) for tp, fp, fn, tn in cells]
    precision = [_part(tp, tp + fp) for tp, fp, _, _ in cells]
    recall = [_part(tp, tp + fn) for tp, _, fn, _ in cells]
    accuracy = [_part(tp + tn, tp + fp + fn + tn) for tp, fp, fn, tn in cells]
    yield _curve(name, "accuracy", "ACCURACY", list(zip(cuts, accuracy, strict=True)), thresholds=thresholds)
    for which, rates in (("precision", precision), ("recall", recall)):
        meta = {"ordinate_name": which.capitalize(), "pair_type": name, "thresholds": thresholds}
        yield _curve(name, which, f"{which.upper()}_BINARY", list(zip(cuts, rates, strict=True)), **meta)
    matrix = {key: [one[key] for one in confusion] for key in ("tp", "fp", "tn", "fn")}
    yield _table(name, "confusion_mat", "CONFUSION_MAT", thresholds=thresholds, **matrix)
    f1 = [_round(_part(2 * tp, 2 * tp + fp + fn)) for tp, fp, fn, _ in cells]
    yield _table(name, "f1_score", "F1_SCORE", f1_scores=f1, thresholds=thresholds)
    pairs = {
        "p_scores": [[_round(_part(tn, tn + fn)), _round(_part(tp, tp + fp))] for tp, fp, fn, tn in cells],
        "r_scores": [[_round(_part(tn, tn + fp)), _round(_part(tp, tp + fn))] for tp, fp, fn, tn in cells],
    }
    yield _table(name, "quantile_pr", "QUANTILE_PR", thresholds=thresholds, **pairs)


def _table(name: str, metric: str, kind: str, **meta: Any) -> tuple[str, Metric]:
    full = f"{name}_{metric}"
    return full, Metric([], {"name": full, "metric_type": kind, **meta})


def _part(some: float, every: float) -> float:
    return some / every if every else 0.0


def _round(value: float) -> float:
    return round(float(value), _DIGITS)
