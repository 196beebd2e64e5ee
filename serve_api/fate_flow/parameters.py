"""Parameters of components: FATE's names and defaults, and what a configuration says beside them.

``defaults.json`` has FATE's modules: the class of their parameters, the roles that take part, the defaults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from fedray.task.text import show
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import PartyId

__all__ = ["Module", "changed", "effective", "module_of", "modules"]

Json = dict[str, Any]


@dataclass(frozen=True)
class Module:
    """A module of FATE.

    Attributes
    ----------
    name
        As the DSL names it.
    param_class
        The key of the parameters in replies.
    roles
        That take part.
    defaults
        Of all parameters.
    """

    name: str
    param_class: str
    roles: tuple[str, ...]
    defaults: Mapping[str, Any]


@cache
def modules() -> Mapping[str, Module]:
    """Return FATE's modules by name."""
    text = files("serve_api.fate_flow").joinpath("defaults.json").read_text(encoding="utf-8")
    return {
        name: Module(name, row["class"], tuple(row["roles"]), row["parameters"])
        for name, row in json.loads(text).items()
    }


def module_of(component: str, name: object) -> Module:
    """Return a module; raises ``FateError`` for one that FATE does not have."""
    if not isinstance(name, str) or name not in modules():
        raise FateError(REFUSED, f"component {component}: module {show(name)} does not exist")
    return modules()[name]


def effective(
    component: str, module: Module, parties: tuple[PartyId, ...], conf: Mapping[str, Any], version: int
) -> dict[PartyId, Json]:
    """Return the parameters of a component at each of its parties: defaults, then the common ones, then the party's.

    Parameters
    ----------
    conf
        The configuration of the job.
    version
        Of the DSL: 1 ignores parameters that a module does not have, 2 refuses them.

    Raises
    ------
    FateError
        A parameter is unknown, or a list of parameters has too few values.
    """
    given = _given_of_1 if version == 1 else _given_of_2
    places = {party: place for role in ("guest", "host", "arbiter", "local") for place, party in _of_role(role, conf)}
    found = {}
    for party in parties:
        values: Json = json.loads(json.dumps(module.defaults))
        for layer in given(component, party, places.get(party, 0), conf):
            _merge(values, layer, component, module, strict=version == 2)
        found[party] = values
    return found


def changed(values: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield names, with dots between levels, and values of the parameters that are not FATE's defaults."""
    for name, value in values.items():
        default = defaults.get(name)
        if isinstance(value, dict) and isinstance(default, dict):
            yield from changed(value, default, f"{prefix}{name}.")
        elif value != default:
            yield f"{prefix}{name}", value


def _of_role(role: str, conf: Mapping[str, Any]) -> list[tuple[int, PartyId]]:
    return [(place, PartyId(role, str(one))) for place, one in enumerate(conf.get("role", {}).get(role, ()))]


def _given_of_1(component: str, party: PartyId, place: int, conf: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield _object(conf, "algorithm_parameters", component)
    yield _at(_object(conf, "role_parameters", party.role, component), place, f"{component} at {party}")


def _given_of_2(component: str, party: PartyId, place: int, conf: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield _object(conf, "component_parameters", "common", component)
    by_place = _object(conf, "component_parameters", "role", party.role)
    for places, components in by_place.items():
        if places == "all" or str(place) in str(places).split("|"):
            yield _object(components if isinstance(components, dict) else {}, component)


def _object(values: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return the object at a path of names, an empty one where there is none."""
    for step, name in enumerate(path):
        inner = values.get(name)
        if inner is None:
            return {}
        if not isinstance(inner, dict):
            raise FateError(REFUSED, f"{'.'.join(path[: step + 1])}: expected an object, got {show(inner)}")
        values = inner
    return values


def _at(values: Mapping[str, Any], place: int, where: str) -> Json:
    """Return one party's values of an object whose leaves are lists with a value for each party of a role."""
    found: Json = {}
    for name, value in values.items():
        if isinstance(value, dict):
            found[name] = _at(value, place, f"{where}: {name}")
        elif not isinstance(value, list):
            found[name] = value
        elif place < len(value):
            found[name] = value[place]
        else:
            raise FateError(
                REFUSED, f"{where}: {name}: expected a list with a value for each party of the role, got {len(value)}"
            )
    return found


def _merge(values: Json, layer: Mapping[str, Any], component: str, module: Module, *, strict: bool) -> None:
    for name, value in layer.items():
        if name not in values:
            if strict:
                raise FateError(
                    REFUSED, f"component {component}, module {module.name}: {show(name)}: unknown parameter"
                )
        elif isinstance(values[name], dict):
            if not isinstance(value, dict):
                words = f"parameter {name}: expected an object, got {show(value)}"
                raise FateError(REFUSED, f"component {component}, module {module.name}: {words}")
            _merge(values[name], value, component, module, strict=strict)
        else:
            values[name] = value
