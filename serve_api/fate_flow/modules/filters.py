"""Filters of a HeteroFeatureSelection that each party decides on by the values of its own columns."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.rules import number_of, wrong
from serve_api.fate_flow.values import Part, Rows
from serve_api.fate_flow.work import Work

__all__ = ["OWN_FILTERS", "OWN_PARAMETERS", "own_steps"]

Json = dict[str, Any]
_STATISTICS: Final = MappingProxyType(
    {
        "mean": "mean",
        "stddev": "std",
        "min": "min",
        "median": "median",
        "max": "max",
        "coefficient_of_variance": "variation",
    }
)
_PERCENTILE: Final = re.compile(r"(\d{1,2}|100)%")


def own_steps(work: Work, rows: Rows, part: Part, one: str) -> list[Json]:
    """Return the steps of a core transform by which a party leaves columns out.

    Parameters
    ----------
    one
        Of `OWN_FILTERS`.

    Raises
    ------
    FateError
        A parameter is wrong, or not supported.
    """
    return OWN_FILTERS[one](work, rows, part, work.values()[part.party])


def _unique(work: Work, _rows: Rows, _part: Part, values: Mapping[str, Any]) -> list[Json]:
    return [_step("range", least=number_of(work.component, values, "unique_param.eps"))]


def _percentage(work: Work, _rows: Rows, _part: Part, values: Mapping[str, Any]) -> list[Json]:
    return [_step("mode_part", most=number_of(work.component, values, "percentage_value_param.upper_pct"))]


def _variation(work: Work, _rows: Rows, _part: Part, values: Mapping[str, Any]) -> list[Json]:
    return [_step("variation", least=number_of(work.component, values, "variance_coe_param.value_threshold"))]


def _outliers(work: Work, _rows: Rows, _part: Part, values: Mapping[str, Any]) -> list[Json]:
    part = number_of(work.component, values, "outlier_param.percentile")
    if not 0.0 <= part <= 1.0:
        raise wrong(work.component, "outlier_param.percentile", f"expected a number from 0 to 1, got {show(part)}")
    most = number_of(work.component, values, "outlier_param.upper_threshold")
    return [_step("quantile", most=most, quantile=part)]


def _vif(work: Work, rows: Rows, part: Part, values: Mapping[str, Any]) -> list[Json]:
    told = values["vif_param"]
    if told["metrics"] not in ("vif", ["vif"]):
        raise wrong(work.component, "vif_param.metrics", f"expected vif, got {show(told['metrics'])}")
    return _bounds(work, rows, part, "vif_param", told, lambda _name: ("vif", None))


def _statistic(work: Work, rows: Rows, part: Part, values: Mapping[str, Any]) -> list[Json]:
    def known(name: object) -> tuple[str, float | None]:
        found = _PERCENTILE.fullmatch(name) if isinstance(name, str) else None
        if found is not None:
            return "quantile", int(found[1]) / 100
        if not isinstance(name, str) or name not in _STATISTICS:
            words = f"expected {', '.join(_STATISTICS)} or a percentile such as 95%, got {show(name)}"
            raise wrong(work.component, "statistic_param.metrics", words)
        return _STATISTICS[name], None

    return _bounds(work, rows, part, "statistic_param", values["statistic_param"], known)


def _bounds(
    work: Work,
    rows: Rows,
    part: Part,
    field: str,
    told: Mapping[str, Any],
    known: Callable[[object], tuple[str, float | None]],
) -> list[Json]:
    """Return a step for each metric of a filter that has thresholds."""
    if part.party.role != "guest" and not told["select_federated"]:
        return []
    metrics = told["metrics"] if isinstance(told["metrics"], list) else [told["metrics"]]
    kinds = _each(work, f"{field}.filter_type", told["filter_type"], len(metrics))
    if any(kind != "threshold" for kind in kinds):
        raise wrong(work.component, f"{field}.filter_type", "expected threshold; others are not supported here")
    highs = _each(work, f"{field}.take_high", told["take_high"], len(metrics))
    bounds = _each(work, *_threshold(work, rows, part, field, told), len(metrics))
    made = []
    for metric, high, bound in zip(metrics, highs, bounds, strict=True):
        if isinstance(bound, bool) or not isinstance(bound, int | float) or not math.isfinite(bound):
            raise wrong(work.component, f"{field}.threshold", f"expected numbers, got {show(bound)}")
        statistic, quantile = known(metric)
        side: Json = {"least": float(bound)} if high else {"most": float(bound)}
        made.append(_step(statistic, **side, **({} if quantile is None else {"quantile": quantile})))
    return made


def _threshold(work: Work, rows: Rows, part: Part, field: str, told: Mapping[str, Any]) -> tuple[str, object]:
    """Return field and value of the threshold that is a party's: the hosts have their own if it is given."""
    hosts = [one.party for one in rows.parts if one.party.role != "guest"]
    own = told["host_thresholds"]
    if own is None or part.party not in hosts:
        return f"{field}.threshold", told["threshold"]
    field = f"{field}.host_thresholds"
    if not isinstance(own, list):
        return field, own
    if len(own) != len(hosts):
        raise wrong(work.component, field, f"expected one for each of {len(hosts)} hosts, got {len(own)}")
    return field, own[work.job.roles["host"].index(part.party.party_id)]


def _each(work: Work, field: str, value: object, metrics: int) -> Sequence[Any]:
    """Return a parameter's value for each metric."""
    if not isinstance(value, list):
        return [value] * metrics
    if len(value) != metrics:
        raise wrong(work.component, field, f"expected one for each of {metrics} metrics, got {len(value)}")
    return value


def _step(statistic: str, **bounds: float) -> Json:
    return {"step": "selection", "statistic": statistic, **bounds}


OWN_FILTERS: Final[Mapping[str, Callable[[Work, Rows, Part, Mapping[str, Any]], list[Json]]]] = MappingProxyType(
    {
        "unique_value": _unique,
        "percentage_value": _percentage,
        "coefficient_of_variation_value_thres": _variation,
        "outlier_cols": _outliers,
        "statistic_filter": _statistic,
        "vif_filter": _vif,
    }
)
"""FATE's name of a filter -> what makes steps of it."""

OWN_PARAMETERS: Final = (
    "unique_param",
    "percentage_value_param",
    "variance_coe_param",
    "outlier_param",
    "statistic_param",
    "vif_param",
)
"""Their parameters, which may differ from party to party."""
