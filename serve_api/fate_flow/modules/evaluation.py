"""Evaluation: how good the predictions of other components are; the steps that predict measure it as well."""

from __future__ import annotations

from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.rules import Rules, wrong
from serve_api.fate_flow.values import Scores
from serve_api.fate_flow.work import Work

__all__ = ["evaluation"]

_RULES: Final = Rules(own=("eval_type", "metrics", "need_run"), moot=("unfold_multi_result",))
_TASKS: Final = {"binary": "classification", "regression": "regression", "clustering": "clustering"}
_UNTOLD: Final = ("davies_bouldin_index", "distance_measure", "contingency_matrix")
"""Metrics of clusterings that take distances, or counts of few rows."""


def evaluation(work: Work) -> CompiledComponent:
    """Compile an Evaluation: nothing more runs."""
    values = work.parameters(_RULES)
    if values["eval_type"] not in _TASKS:
        raise wrong(work.component, "eval_type", f"expected {' or '.join(_TASKS)}, got {show(values['eval_type'])}")
    told: list[dict[str, Any]] = []
    for refs in work.component.data.values():
        for ref in refs:
            value = work.value(ref)
            if not isinstance(value, Scores):
                raise FateError(REFUSED, f"component {work.component.name}: input {ref}: expected predictions")
            if value.task != _TASKS[values["eval_type"]]:
                raise wrong(work.component, "eval_type", f"{ref.source} predicts for {value.task}")
            told += [{"name": value.component, "kind": one.kind, "step": one.step} for one in value.sets]
    if not told:
        raise FateError(REFUSED, f"component {work.component.name}: input.data: expected data of a model, got none")
    for one in told:
        work.need(one["step"])
    return work.done(kind="evaluation", sets=told, eval_type=values["eval_type"], metrics=_metrics(work, values))


def _metrics(work: Work, values: dict[str, Any]) -> list[str] | None:
    wanted, clustering = values["metrics"], values["eval_type"] == "clustering"
    if wanted is None:
        if clustering:
            work.warn(f"metrics: {', '.join(_UNTOLD)} are not told")
        return None
    if not isinstance(wanted, list):
        raise wrong(work.component, "metrics", f"expected null or a list, got {show(wanted)}")
    named = [str(one).lower() for one in wanted]
    refused = [one for one in named if one in _UNTOLD] if clustering else []
    if refused:
        raise wrong(work.component, "metrics", f"{', '.join(refused)} is not supported here")
    return named
