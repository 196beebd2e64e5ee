"""HeteroFeatureBinning and HeteroFeatureSelection: bins counted on shares, and columns left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.coding import chosen_columns, transformed
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.modules.columns import fitted_again, rows_to_fit
from serve_api.fate_flow.modules.filters import OWN_FILTERS, OWN_PARAMETERS, own_steps
from serve_api.fate_flow.rules import Rules, wrong
from serve_api.fate_flow.values import Part, Rows
from serve_api.fate_flow.work import Work

__all__ = ["binning", "selection"]

Json = dict[str, Any]
_EXACT: Final = "quantiles are exact"
_BINNING: Final = Rules(
    used=("method", "bin_num", "transform_param", "need_run"),
    warned={
        "compress_thres": _EXACT,
        "head_size": _EXACT,
        "error": _EXACT,
        "adjustment_factor": "bins with fewer than 20 rows of either label are joined instead",
        "encrypt_param": "nothing is encrypted with a public key: parties compute on shares",
    },
    moot=("optimal_binning_param",),
)
_METHODS: Final = {"quantile": "quantile", "bucket": "equal_width"}
_WRITTEN: Final = {"bin_num": "bin", "woe": "woe"}

_SELECTION: Final = Rules(
    used=("filter_methods", "iv_param", "iv_value_param", "need_run"),
    own=("manually_param", "select_col_indexes", "select_names", *OWN_PARAMETERS),
)
_BY_VALUE: Final = ("iv_filter", "iv_value_thres")
_FILTERS: Final = ("manually", *_BY_VALUE, *OWN_FILTERS)


def binning(work: Work) -> CompiledComponent:
    """Compile a HeteroFeatureBinning."""
    values = work.parameters(_BINNING)
    if work.model() is not None:
        return fitted_again(work)
    rows = rows_to_fit(work)
    if not rows.labelled:
        raise FateError(REFUSED, f"component {work.component.name}: input.data: expected rows with the guest's label")
    method = _METHODS.get(values["method"])
    if method is None:
        raise wrong(work.component, "method", f"expected {' or '.join(_METHODS)}, got {show(values['method'])}")
    written = _written(work, values["transform_param"])
    work.warn("bins with fewer than 20 rows of either label are joined with their neighbours before anything is opened")
    main = {"method": method, "max_bin": values["bin_num"], "write": written or "woe"}
    clients = [work.main("binning", **main), work.dealer()]
    for part in rows.parts:
        out: Json = {"out_data_path": work.folder(part.party)} if written else {}
        clients.append(work.data_client(part.party, "binning", data_path=part.path, **out))
    step = work.step("", clients, [rows.step])
    work.put(_binned(work, rows, step, written) if written else rows)
    # without a data set of its own the rows stay as they are, so predictions have nothing to do again
    more = {"transform": step, "output": "binning"} if written else {}
    work.keep(binning=step, **more)
    return work.done(kind="binning", step=step, parts=[part.told() for part in rows.parts], bins=values["bin_num"])


def _written(work: Work, told: Mapping[str, Any]) -> str | None:
    """Return what is written instead of values, None where they stay."""
    if told["transform_cols"] in (None, []) and told["transform_names"] in (None, []):
        return None
    if told["transform_cols"] != -1 or told["transform_names"] not in (None, []):
        raise wrong(work.component, "transform_param.transform_cols", "expected -1 for all columns, or null for none")
    if told["transform_type"] not in _WRITTEN:
        words = f"expected {' or '.join(_WRITTEN)}, got {show(told['transform_type'])}"
        raise wrong(work.component, "transform_param.transform_type", words)
    return _WRITTEN[told["transform_type"]]


def _binned(work: Work, rows: Rows, step: str, written: str) -> Rows:
    suffix = f"_{written}"
    parts = tuple(replace(part, path=work.folder(part.party), columns=(), suffix=suffix) for part in rows.parts)
    return replace(rows, parts=parts, step=step)


def selection(work: Work) -> CompiledComponent:
    """Compile a HeteroFeatureSelection: columns that are named, or that information or own values speak against."""
    values = work.parameters(_SELECTION)
    if work.model() is not None:
        return fitted_again(work)
    rows = rows_to_fit(work)
    filters = _filters(work, values["filter_methods"])
    common = {one: _by_value(work, one, values) for one in filters if one in _BY_VALUE}
    steps: dict[PartyId, list[Json]] = {}
    for part in rows.parts:
        told = work.values()[part.party]
        if told["select_col_indexes"] != -1 or told["select_names"]:
            raise wrong(work.component, "select_col_indexes", "expected -1, all columns; name others in manually_param")
        for one in sorted(filters, key=lambda name: name != "manually"):  # those that are named are still there
            found_steps = steps.setdefault(part.party, [])
            if one == "manually":
                found_steps += _by_name(work, part, told["manually_param"])
            else:
                found_steps += [common[one]] if one in common else own_steps(work, rows, part, one)
    found = transformed(work, rows, steps)
    found = replace(found, parts=tuple(replace(part, columns=()) for part in found.parts))
    work.put(found)
    work.keep(transform=found.step)
    told_parts = [{**part.told(), "out": _out(steps[part.party])} for part in rows.parts]
    return work.done(kind="selection", step=found.step, parts=told_parts, after=[p.told() for p in found.parts])


def _filters(work: Work, value: object) -> Sequence[str]:
    if not isinstance(value, list) or not value or any(one not in _FILTERS for one in value):
        known = ", ".join(_FILTERS)
        raise wrong(work.component, "filter_methods", f"expected a list of {known}; others are not supported here")
    return value


def _by_value(work: Work, one: str, values: Mapping[str, Any]) -> Json:
    """Return the step that leaves out columns with a small information value."""
    field = "iv_param" if one == "iv_filter" else "iv_value_param"
    told = values[field]
    threshold = told["threshold"] if one == "iv_filter" else told["value_threshold"]
    plain = told.get("metrics", "iv") == "iv" and told.get("filter_type", "threshold") == "threshold"
    if not plain or not told.get("take_high", True) or told.get("local_only", False):
        raise wrong(work.component, field, "expected metrics iv, filter_type threshold and take_high, for all parties")
    if not told.get("select_federated", True):
        raise wrong(work.component, f"{field}.select_federated", "expected true: the columns of all parties are judged")
    if told["host_thresholds"] not in (None, threshold, [threshold]):
        raise wrong(work.component, f"{field}.host_thresholds", "expected null: one threshold is for all parties")
    return {"step": "selection", "binning": _binning(work), "iv_min": _threshold(work, field, threshold)}


def _threshold(work: Work, field: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(work.component, field, f"expected a number as threshold, got {show(value)}")
    return float(value)


def _binning(work: Work) -> Any:
    """Return the binning whose information values count."""
    for ref in work.component.isometric_model:
        told = work.project.models.get(str(ref), {})
        if "binning" in told:
            return work.project.source(told, told["binning"], "binning")
    raise FateError(
        REFUSED, f"component {work.component.name}: input.isometric_model: expected the model of a HeteroFeatureBinning"
    )


def _by_name(work: Work, part: Part, told: Mapping[str, Any]) -> list[Json]:
    left = (told["left_col_indexes"], told["left_col_names"])
    out = (told["filter_out_indexes"], told["filter_out_names"])
    fields = ("manually_param.filter_out_indexes", "manually_param.filter_out_names")
    if any(value not in (None, []) for value in left):
        raise wrong(work.component, "manually_param.left_col_names", "expected null; name the columns to leave out")
    columns = chosen_columns(work, part, *out, fields)
    return [{"step": "selection", "columns": list(columns)}] if columns else []


def _out(steps: Sequence[Json]) -> list[str]:
    return [name for step in steps for name in step.get("columns", ())]
