"""LocalBaseline: what the guest can do with its own columns alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fedray.pipeline.document import task_name
from fedray.task.text import show
from serve_api.fate_flow.coding import replayed
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.modules.training import Model
from serve_api.fate_flow.project import pipeline_name
from serve_api.fate_flow.rules import Rules, number_of, wrong
from serve_api.fate_flow.scoring import SET_KEYS, scores
from serve_api.fate_flow.values import Part, Rows, Scored
from serve_api.fate_flow.work import Work

__all__ = ["local_baseline"]

Json = dict[str, Any]
_RULES: Final = Rules(used=("model_name", "model_opts", "predict_param", "need_run"))
_OPTIONS: Final = ("C", "fit_intercept", "max_iter", "class_weight")
_STEP: Final = "logistic_regression"


def local_baseline(work: Work) -> CompiledComponent:
    """Compile a LocalBaseline: a logistic regression at the guest, in clear, and what it says of its rows."""
    values = work.parameters(_RULES)
    if values["model_name"] != "LogisticRegression":
        raise wrong(work.component, "model_name", f"expected LogisticRegression, got {show(values['model_name'])}")
    model = Model(work, "baseline", "classification", number_of(work.component, values, "predict_param.threshold"))
    fitted = work.model()
    if fitted is not None:
        rows = work.aligned(*SET_KEYS)
        work.keep_again()
        scores(work, () if rows is None else (_again(work, rows, fitted, "predict"),), model.task, model.threshold)
        return work.done(kind="baseline", model=None)
    rows, validation = model.rows(weighted=True)
    options = _options(work, values["model_opts"])
    if rows.class_weight is not None:
        options["class_weight"] = rows.class_weight
    trained = _step(work, rows, "train", {"steps": [{"step": _STEP, **options}]})
    guest = _guest(work, rows)
    made = work.model_of(work.keep(step=trained.step), step=trained.step)
    sets = (trained,) if validation is None else (trained, _again(work, validation, made, "validate"))
    scores(work, sets, model.task, model.threshold)
    place = f"{rows.parts.index(guest)}-label_client"
    folder = f"transforms/{task_name(pipeline_name(work.project.job_id), trained.step)}/{place}"
    return work.done(kind="baseline", model={**guest.told(), "step": trained.step, "folder": folder})


def _again(work: Work, rows: Rows, model: Mapping[str, Any], kind: str) -> Scored:
    """Add the step in which other rows go through the fitted model."""
    rows = replayed(work, rows, f"{kind}-rows")
    return _step(work, rows, kind, {}, {"transform": work.project.source(model, model["step"], "transform")})


def _step(work: Work, rows: Rows, kind: str, more: Json, main: Json | None = None) -> Scored:
    """Add a step in which only the guest does anything; the others see no more than how many rows there are."""
    guest = _guest(work, rows)
    folder = work.folder(guest.party, kind)
    clients = [work.main("transform", **(main or {}))]
    for part in rows.parts:
        told: Json = {"data_path": part.path}
        if part is guest:
            evaluate = guest.label is not None and work.project.evaluated(work.component)
            told |= {"out_data_path": folder, "evaluate": evaluate, **more}
        elif main is not None:  # what is done again is written, also where it changes nothing
            told["out_data_path"] = work.folder(part.party, kind)
        clients.append(work.data_client(part.party, "transform", **told))
    step = work.step("" if kind != "validate" else kind, clients, [rows.step])
    return Scored(kind, step, rows, folder, guest.aligned)


def _guest(work: Work, rows: Rows) -> Part:
    if rows.guest is None:
        raise FateError(REFUSED, f"component {work.component.name}: input.data: expected rows of the guest")
    return rows.guest


def _options(work: Work, told: object) -> Json:
    """Return scikit-learn's parameters."""
    if not isinstance(told, dict | None):
        raise wrong(work.component, "model_opts", f"expected null or an object, got {show(told)}")
    for name, value in (told or {}).items():
        if name not in _OPTIONS and (name, value) != ("penalty", "l2"):
            raise wrong(work.component, f"model_opts.{name}", f"{show(value)} is not supported here")
    return {name: value for name, value in (told or {}).items() if name != "penalty"}
