"""FeatureScale, OneHotEncoder and SampleWeight: what each party does with its own columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.coding import chosen_columns, transformed
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.rules import Rules, number_of, wrong
from serve_api.fate_flow.values import Part, Rows
from serve_api.fate_flow.work import Work

__all__ = ["KEYS", "feature_scale", "fitted_again", "one_hot", "rows_to_fit", "sample_weight"]

Json = dict[str, Any]
KEYS: Final = ("data", "train_data", "test_data", "eval_data")
_SCALES: Final = {"standard_scale": "standard", "min_max_scale": "minmax"}
_SCALE: Final = Rules(own=("method", "scale_col_indexes", "scale_names", "need_run"))
_ONE_HOT: Final = Rules(own=("transform_col_indexes", "transform_col_names", "need_run"))
_WEIGHT: Final = Rules(used=("class_weight",), own=("need_run",))


def feature_scale(work: Work) -> CompiledComponent:
    """Compile a FeatureScale."""
    return _coded(work, _SCALE, "scale", _scaling)


def one_hot(work: Work) -> CompiledComponent:
    """Compile a OneHotEncoder."""
    return _coded(work, _ONE_HOT, "one_hot", _one_hot)


def sample_weight(work: Work) -> CompiledComponent:
    """Compile a SampleWeight: nothing runs; a training that takes the rows weighs their labels."""
    weight = work.parameters(_WEIGHT)["class_weight"]
    rows = rows_to_fit(work)
    told = weight
    if isinstance(weight, dict):
        told = {str(label): number_of(work.component, weight, label) for label in weight}
    elif weight not in (None, "balanced"):
        raise wrong(work.component, "class_weight", f"expected null, balanced or an object, got {show(weight)}")
    work.put(replace(rows, class_weight=told))
    return work.done(kind="sample_weight")


def rows_to_fit(work: Work) -> Rows:
    """Return the aligned rows that a component takes; refuse those that a fitted model would have to change first."""
    rows = work.aligned(*KEYS)
    if rows is None or rows.replay:
        raise FateError(
            REFUSED,
            f"component {work.component.name}: input.data: expected rows that are there, not those of a fitted model",
        )
    return rows


def fitted_again(work: Work) -> CompiledComponent:
    """Compile a component that does with other rows what it has done before: a model does so as it reads them."""
    rows = work.aligned(*KEYS)
    if rows is not None:
        work.put(rows.with_replay(work.model_name()), shown=False)
    work.keep_again()
    return work.done(kind="fitted")


def _coded(
    work: Work, rules: Rules, what: str, steps_of: Callable[[Work, Part, Mapping[str, Any]], list[Json]]
) -> CompiledComponent:
    work.parameters(rules)
    if work.model() is not None:
        return fitted_again(work)
    rows, values = rows_to_fit(work), work.values()
    steps = {
        part.party: steps_of(work, part, values[part.party]) if values[part.party]["need_run"] else []
        for part in rows.parts
    }
    found = transformed(work, rows, steps)
    if what == "one_hot":  # how many columns it makes follows from the rows
        parts = tuple(replace(part, columns=() if steps[part.party] else part.columns) for part in found.parts)
        found = replace(found, parts=parts)
    work.put(found)
    work.keep(transform=found.step)
    return work.done(kind=what, parts=[part.told() for part in rows.parts], step=found.step)


def _scaling(work: Work, part: Part, values: Mapping[str, Any]) -> list[Json]:
    method = _SCALES.get(values["method"])
    if method is None:
        raise wrong(work.component, "method", f"expected {' or '.join(_SCALES)}, got {show(values['method'])}")
    columns = chosen_columns(
        work, part, values["scale_col_indexes"], values["scale_names"], ("scale_col_indexes", "scale_names")
    )
    if columns is not None and not columns:
        return []
    return [{"step": "scaling", "method": method, "columns": None if columns is None else list(columns)}]


def _one_hot(work: Work, part: Part, values: Mapping[str, Any]) -> list[Json]:
    fields = ("transform_col_indexes", "transform_col_names")
    columns = chosen_columns(work, part, values[fields[0]], values[fields[1]], fields)
    if columns is None and not part.columns:
        raise wrong(work.component, fields[1], "expected names: which columns are left is not known beforehand")
    columns = part.columns if columns is None else columns
    return [{"step": "one_hot", "columns": list(columns)}] if columns else []
