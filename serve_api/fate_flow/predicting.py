"""The DSL of predictions, made from that of a training.

DSL 1 makes it when a prediction is submitted, DSL 2 when a model is deployed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.faults import NOT_FOUND, REFUSED, FateError
from serve_api.fate_flow.job import Component, FateJob, Reference

__all__ = ["predict_dsl"]

Json = dict[str, Any]
_TRAINING_KEYS: Final = ("train_data", "data", "test_data", "eval_data", "validate_data")
"""Keys of inputs, those first that lead to the rows that a model was fitted on."""


def predict_dsl(trained: FateJob, cpn_list: Collection[str] | None = None) -> Json:
    """Return the DSL of predictions with the models of a training.

    Parameters
    ----------
    cpn_list
        DSL 2: names of the components to deploy; None is all that a prediction needs.

    Raises
    ------
    FateError
        A component to deploy is not there, or none is left.
    """
    names = {one.name for one in trained.components}
    for name in cpn_list or ():
        if name not in names:
            raise FateError(NOT_FOUND, f"component {show(name)} does not exist in the training")
    kept = {one.name: one for one in trained.components if _is_kept(trained, one, cpn_list)}
    if not kept:
        raise FateError(REFUSED, "none of the training's components is deployed, so nothing can be predicted")
    return {"components": {name: _component(trained, one, kept) for name, one in kept.items()}}


def _is_kept(trained: FateJob, component: Component, cpn_list: Collection[str] | None) -> bool:
    if component.model:  # it only uses what another has fitted
        return False
    if cpn_list is not None and trained.dsl_version == 2:
        return component.name in cpn_list and component.module != "Reader"
    return component.need_deploy


def _component(trained: FateJob, component: Component, kept: Mapping[str, Component]) -> Json:
    told: Json = {"module": component.module}
    inputs: Json = {}
    for key in _TRAINING_KEYS:
        refs = component.data.get(key, ())
        if refs:
            new = _key(trained, key)
            found = [ref for one in refs if (ref := _upstream(trained, one, kept)) is not None]
            inputs["data"] = {new: list(dict.fromkeys(str(ref) for ref in found))}
            break
    if component.model_outputs:
        inputs["model"] = [f"pipeline.{component.name}.{component.model_outputs[0]}"]
    told["input"] = inputs
    outputs: Json = {}
    if component.data_outputs:
        outputs["data"] = list(component.data_outputs)
    told["output"] = outputs
    if trained.dsl_version == 1:
        told["need_deploy"] = True
    return told


def _key(trained: FateJob, key: str) -> str:
    if key == "data":
        return "data"
    return "eval_data" if trained.dsl_version == 1 else "test_data"


def _upstream(trained: FateJob, ref: Reference, kept: Mapping[str, Component]) -> Reference | None:
    """Return where rows come from in a prediction: components that are left out are passed by."""
    for _ in range(len(trained.components) + 1):
        if ref.source == "args":
            return Reference("args", "eval_data")
        if ref.source in kept:
            return ref
        source = trained.component(ref.source)
        if source.module == "Reader":
            return ref
        before = next(_before(source), None)
        if before is None:
            return None
        ref = before
    return None


def _before(component: Component) -> Iterator[Reference]:
    for key in _TRAINING_KEYS:
        yield from component.data.get(key, ())
