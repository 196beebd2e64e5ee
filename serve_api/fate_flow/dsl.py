"""The DSL and the configuration of a job, both generations, become a ``FateJob``, or an error that says what to change.

DSL 1 (FATE 1.4) names tables in the configuration, DSL 2 (1.5 and later) has components that read them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.conf import read_conf
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import Component, FateJob, PartyId, Reference
from serve_api.fate_flow.parameters import effective, module_of

__all__ = ["DATA_KEYS", "NOT_DEPLOYED", "check_components", "dependencies", "read_job"]

DATA_KEYS: Final = ("data", "train_data", "eval_data", "validate_data", "test_data")
NOT_DEPLOYED: Final = frozenset(
    {
        "DataStatistics",
        "Evaluation",
        "FederatedSample",
        "HeteroDataSplit",
        "HeteroPearson",
        "LocalBaseline",
        "PSI",
        "Reader",
        "SampleWeight",
        "SecureAddExample",
        "Union",
    }
)
"""Modules that no prediction needs, unless their component says ``need_deploy``."""

_NAME_1 = re.compile(r"[A-Za-z0-9_-]+_(0|[1-9][0-9]*)")
_NAME_2 = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST = 64
_MOST = 200


def read_job(dsl: object, conf: object) -> FateJob:
    """Return the job that a DSL and a configuration ask for.

    Raises
    ------
    FateError
        What is wrong with them: which component and field, what was expected, what came.
    """
    head = read_conf(conf)
    listed = _components(dsl)
    for name in listed:
        _check_name(name, head.version)
    components = {
        name: _component(name, value, head.version, head.parties, head.conf) for name, value in listed.items()
    }
    for component in components.values():
        _check_references(component, components, head.tables, head.job_type)
    return FateJob(
        head.version,
        head.initiator,
        head.roles,
        head.job_type,
        head.model_id,
        head.model_version,
        _in_order(components),
        dsl if isinstance(dsl, dict) else {},
        head.conf,
        head.tables,
    )


def dependencies(job: FateJob) -> dict[str, Any]:
    """Return the graph of a job as ``/v1/pipeline/dag/dependency`` tells it."""
    return {
        "component_list": [one.name for one in job.components],
        "component_module": {one.name: one.module for one in job.components},
        "component_need_run": {one.name: one.need_run for one in job.components},
        "dependencies": {one.name: list(_edges(job, one)) for one in job.components if one.inputs()},
    }


def _edges(job: FateJob, component: Component) -> Iterator[dict[str, Any]]:
    kinds = [(key, ref) for key, refs in component.data.items() for ref in refs]
    kinds += [("model", ref) for ref in (*component.model, *component.isometric_model)]
    for kind, ref in kinds:
        if ref.source in ("args", "pipeline"):
            continue
        edge = {"component_name": ref.source, "type": "data" if job.dsl_version == 1 and kind != "model" else kind}
        if job.dsl_version == 2:
            outputs = job.component(ref.source)
            listed, what = (outputs.model_outputs, "model") if kind == "model" else (outputs.data_outputs, "data")
            edge |= {"up_output_info": [what, listed.index(ref.name)]}  # type: ignore[dict-item]
        yield edge


def _components(dsl: object) -> Mapping[str, Any]:
    listed = dsl.get("components") if isinstance(dsl, dict) else None
    if not isinstance(listed, dict) or not listed:
        raise FateError(REFUSED, "job_dsl: expected an object with components, got none")
    if len(listed) > _MOST:
        raise FateError(REFUSED, f"job_dsl.components: expected at most {_MOST}, got {len(listed)}")
    return listed


def check_components(dsl: object) -> None:
    """See that a DSL has components, each an object with a module of FATE; raises ``FateError``."""
    for name, value in _components(dsl).items():
        module_of(name, value.get("module") if isinstance(value, dict) else None)


def _check_name(name: str, version: int) -> None:
    wanted = {1: (_NAME_1, "a name and a number, such as hetero_lr_0"), 2: (_NAME_2, "letters, digits, _ and -")}
    pattern, words = wanted[version]
    if not pattern.fullmatch(name) or len(name) > _LONGEST or name in ("args", "pipeline"):
        raise FateError(REFUSED, f"job_dsl.components: {show(name)}: expected {words}, at most {_LONGEST} characters")


def _component(
    name: str, value: object, version: int, parties: tuple[PartyId, ...], conf: Mapping[str, Any]
) -> Component:
    if not isinstance(value, dict):
        raise FateError(REFUSED, f"component {name}: expected an object with module, got {show(value)}")
    module = module_of(name, value.get("module"))
    taking = tuple(party for party in parties if party.role in module.roles)
    parameters = effective(name, module, taking, conf, version)
    inputs = _object(name, "input", value.get("input", {}))
    outputs = _object(name, "output", value.get("output", {}))
    data = _object(name, "input.data", inputs.get("data", {}))
    for key in data:
        if key not in DATA_KEYS:
            raise FateError(REFUSED, f"component {name}: input.data: {show(key)}: expected {', '.join(DATA_KEYS)}")
    deploy = value.get("need_deploy", module.name not in NOT_DEPLOYED)
    return Component(
        name,
        module.name,
        any(bool(told.get("need_run", True)) for told in parameters.values()),
        bool(deploy),
        {key: _references(name, f"input.data.{key}", refs) for key, refs in data.items()},
        _references(name, "input.model", inputs.get("model", [])),
        _references(name, "input.isometric_model", inputs.get("isometric_model", [])),
        _names(name, "output.data", outputs.get("data", [])),
        _names(name, "output.model", outputs.get("model", [])),
        parameters,
        taking,
    )


def _object(component: str, field: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise FateError(REFUSED, f"component {component}: {field}: expected an object, got {show(value)}")
    return value


def _names(component: str, field: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and _NAME_2.fullmatch(name) for name in value):
        raise FateError(REFUSED, f"component {component}: {field}: expected a list of names")
    if len(set(value)) != len(value):
        raise FateError(REFUSED, f"component {component}: {field}: expected each name once")
    return tuple(value)


def _references(component: str, field: str, value: object) -> tuple[Reference, ...]:
    if not isinstance(value, list):
        raise FateError(REFUSED, f"component {component}: {field}: expected a list, got {show(value)}")
    found = []
    for one in value:
        source, dot, name = one.partition(".") if isinstance(one, str) else ("", "", "")
        if not (source and dot and name):
            raise FateError(REFUSED, f"component {component}: {field}: expected COMPONENT.OUTPUT, got {show(one)}")
        found.append(Reference(source, name))
    return tuple(found)


def _check_references(
    component: Component,
    components: Mapping[str, Component],
    tables: Mapping[str, Mapping[str, object]],
    job_type: str,
) -> None:
    where = f"component {component.name}"
    models = {*component.model, *component.isometric_model}
    for ref in component.inputs():
        if ref.source == "args" and ref not in models:
            if not any(ref.name in keys for keys in tables.values()):
                raise FateError(REFUSED, f"{where}: input {ref}: no role_parameters have args.data.{ref.name}")
        elif ref.source == "pipeline" and ref in models:
            if job_type != "predict":
                raise FateError(REFUSED, f"{where}: input {ref}: only a prediction has models of a training")
        elif ref.source not in components:
            raise FateError(REFUSED, f"{where}: input {ref}: component {show(ref.source)} does not exist")
        else:
            source = components[ref.source]
            outputs = source.model_outputs if ref in models else source.data_outputs
            if ref.name not in outputs:
                raise FateError(
                    REFUSED,
                    f"{where}: input {ref}: {ref.source} has no such output; it has {', '.join(outputs) or 'none'}",
                )


def _in_order(components: Mapping[str, Component]) -> tuple[Component, ...]:
    """Return components after those whose outputs they take, else in the order of the DSL."""
    waiting, found = dict(components), dict[str, Component]()
    while waiting:
        ready = next((one for one in waiting.values() if not _sources(one) & waiting.keys()), None)
        if ready is None:
            raise FateError(REFUSED, f"job_dsl: a loop: {', '.join(sorted(waiting))} need each other's outputs")
        found[ready.name] = waiting.pop(ready.name)
    return tuple(found.values())


def _sources(component: Component) -> set[str]:
    return {ref.source for ref in component.inputs()}
