"""HeteroDataSplit and FederatedSample: parts of the rows, the same at all parties by a public seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.coding import transformed
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.modules.columns import rows_to_fit
from serve_api.fate_flow.rules import Rules, seed_of, wrong
from serve_api.fate_flow.values import Rows
from serve_api.fate_flow.work import Work

__all__ = ["data_split", "federated_sample"]

_SPLIT: Final = Rules(
    used=("random_state", "test_size", "train_size", "validate_size", "shuffle", "need_run"),
    moot=("split_points",),
)
_SAMPLE: Final = Rules(used=("fractions", "random_state", "method", "mode", "need_run"), moot=("task_type",))
_SIZES: Final = ("train_size", "validate_size", "test_size")


def data_split(work: Work) -> CompiledComponent:
    """Compile a HeteroDataSplit: three parts of the rows; those of size 0 are not there."""
    values = work.parameters(_SPLIT)
    if not values["shuffle"]:
        raise wrong(work.component, "shuffle", "expected true: parts are drawn")
    rows = rows_to_fit(work)
    sizes = _sizes(work, values, rows.most)
    seed = seed_of(values["random_state"])
    ends = [0.0]
    for size in sizes:
        ends.append(min(1.0, round(ends[-1] + size, 12)))
    counts = {}
    for place, (name, (start, stop)) in enumerate(zip(("train", "validate", "test"), pairwise(ends), strict=True)):
        if stop > start and place < len(work.component.data_outputs):
            found = _part(work, rows, name, start, stop, seed)
            work.put(found, place)
            counts[name] = found.step
    return work.done(kind="split", steps=counts)


def federated_sample(work: Work) -> CompiledComponent:
    """Compile a FederatedSample: a random part of the rows."""
    values = work.parameters(_SAMPLE)
    if values["mode"] != "random" or values["method"] != "downsample":
        raise wrong(work.component, "mode", "expected random with method downsample; others would tell labels of rows")
    rows = rows_to_fit(work)
    fraction = 0.5 if values["fractions"] is None else values["fractions"]
    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 < fraction <= 1:
        raise wrong(work.component, "fractions", f"expected a number above 0, at most 1, got {show(fraction)}")
    found = _part(work, rows, "", 0.0, float(fraction), seed_of(values["random_state"]))
    work.put(found)
    return work.done(kind="sample", step=found.step, parts=[part.told() for part in rows.parts])


def _part(work: Work, rows: Rows, name: str, start: float, stop: float, seed: int) -> Rows:
    main = {"rows": {"start": start, "stop": stop, "seed": seed}}
    found = transformed(work, rows, {}, name, main)
    return replace(found, most=max(1, round(stop * rows.most) - round(start * rows.most)))


def _sizes(work: Work, values: Mapping[str, Any], rows: int) -> tuple[float, float, float]:
    """Return the parts for training, validation and test; numbers of rows count as parts of the most there can be."""
    told: list[float | None] = []
    for name in _SIZES:
        value = values[name]
        if value is None:
            told.append(None)
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise wrong(
                work.component, name, f"expected null, a part of the rows or a number of rows, got {show(value)}"
            )
        told.append(value / rows if isinstance(value, int) and value > 1 else float(value))
    if all(size is None for size in told):
        told = [0.8, 0.2, 0.0]  # FATE's own
    left = 1.0 - sum(size for size in told if size is not None)
    if left < -1e-9:
        raise wrong(work.component, "train_size", "expected sizes that are together at most all rows")
    train, validation, test = told
    if train is None:
        train, left = left, 0.0
    return train, validation or 0.0, left if test is None else test
