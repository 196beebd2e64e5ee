"""What the configuration of a job says beside parameters: its parties, its type, the tables of DSL 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import PartyId

__all__ = ["Head", "read_conf", "timeout_s"]

_ROLES: Final = ("guest", "host", "arbiter", "local")
_NEEDED: Final = ("initiator", "job_parameters", "role")
_MOST_DIGITS: Final = 9
Tables = Mapping[str, Mapping[str, tuple[tuple[str, str], ...]]]


@dataclass(frozen=True)
class Head:
    """The configuration without its parameters; attributes as those of a ``FateJob``."""

    version: int
    initiator: PartyId
    roles: Mapping[str, tuple[str, ...]]
    job_type: str
    model_id: str
    model_version: str
    tables: Tables
    conf: Mapping[str, Any]

    @property
    def parties(self) -> tuple[PartyId, ...]:
        """All parties, by role."""
        return tuple(PartyId(role, one) for role, ids in self.roles.items() for one in ids)


def read_conf(conf: object) -> Head:
    """Return what a configuration says.

    Raises
    ------
    FateError
        A field is missing or wrong.
    """
    if not isinstance(conf, dict):
        raise FateError(REFUSED, f"job_runtime_conf: expected an object, got {show(conf)}")
    missing = [name for name in _NEEDED if name not in conf]
    if missing:
        raise FateError(REFUSED, f"the following arguments are required: {','.join(missing)} ")
    version = _version(conf.get("dsl_version", 1))
    roles = _roles(conf["role"])
    initiator = _initiator(conf["initiator"], roles)
    parameters = _object("job_parameters", conf["job_parameters"])
    if version == 2:
        parameters = _object("job_parameters.common", parameters.get("common", {}))
    job_type = parameters.get("job_type", "train")
    if job_type not in ("train", "predict"):
        raise FateError(REFUSED, f"job_type: expected train or predict, got {show(job_type)}")
    _check_work_mode(parameters.get("work_mode", 0))
    timeout_s(conf)
    model_id, model_version = (str(parameters.get(name, "")) for name in ("model_id", "model_version"))
    if job_type == "predict" and not (model_id and model_version):
        raise FateError(REFUSED, "job_parameters: a prediction needs model_id and model_version")
    tables = _tables(conf, roles) if version == 1 else {}
    return Head(version, initiator, roles, job_type, model_id, model_version, tables, conf)


def timeout_s(conf: Mapping[str, Any]) -> int | None:
    """Return for how many seconds a job may run, None where its configuration does not say so.

    Raises
    ------
    FateError
        It says something else.
    """
    parameters = conf["job_parameters"]
    common = parameters.get("common")
    said = (common if isinstance(common, dict) else parameters).get("timeout")
    if said is None:
        return None
    text = str(said) if isinstance(said, int | str) and not isinstance(said, bool) else ""
    if not (text.isascii() and text.isdecimal() and 0 < len(text) <= _MOST_DIGITS and int(text)):
        raise FateError(REFUSED, f"job_parameters.timeout: expected seconds, a whole number from 1, got {show(said)}")
    return int(text)


def _object(field: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise FateError(REFUSED, f"{field}: expected an object, got {show(value)}")
    return value


def _version(value: object) -> int:
    if value not in (1, 2, "1", "2") or not isinstance(value, int | str) or isinstance(value, bool):
        raise FateError(REFUSED, f"dsl_version: expected 1 or 2, got {show(value)}")
    return int(str(value))


def _check_work_mode(value: object) -> None:
    if str(value) == "1":
        raise FateError(REFUSED, "server run on standalone can not support cluster mode job")
    if str(value) != "0":
        raise FateError(REFUSED, f"the following arguments are required: work_mode=(0, 1), got {show(value)}")


def _roles(value: object) -> dict[str, tuple[str, ...]]:
    roles: dict[str, tuple[str, ...]] = {}
    for role, ids in _object("role", value).items():
        if role not in _ROLES:
            raise FateError(REFUSED, f"role: {show(role)}: expected {', '.join(_ROLES)}")
        if not isinstance(ids, list) or not ids or not all(_is_id(one) for one in ids):
            raise FateError(REFUSED, f"role.{role}: expected a list of party ids, got {show(ids)}")
        roles[role] = tuple(str(one) for one in ids)
        if len(set(roles[role])) != len(ids):
            raise FateError(REFUSED, f"role.{role}: expected each party id once")
    return {role: roles[role] for role in _ROLES if role in roles}


def _is_id(value: object) -> bool:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return text.isascii() and text.isdecimal() and len(text) <= 20


def _initiator(value: object, roles: Mapping[str, tuple[str, ...]]) -> PartyId:
    told = _object("initiator", value)
    role, party = str(told.get("role", "")), str(told.get("party_id", ""))
    if party not in roles.get(role, ()):
        raise FateError(REFUSED, f"initiator party id error {party[:80]}")
    return PartyId(role, party)


def _tables(conf: Mapping[str, Any], roles: Mapping[str, tuple[str, ...]]) -> Tables:
    found: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {}
    for role, told in _object("role_parameters", conf.get("role_parameters", {})).items():
        where = f"role_parameters.{role}.args.data"
        args = _object(f"role_parameters.{role}.args", _object(f"role_parameters.{role}", told).get("args", {}))
        keys = _object(where, args.get("data", {}))
        if keys and role not in roles:
            raise FateError(REFUSED, f"{where}: the job has no {show(role)}")
        found[str(role)] = {key: _listed(f"{where}.{key}", value, len(roles[role])) for key, value in keys.items()}
    return found


def _listed(where: str, value: object, parties: int) -> tuple[tuple[str, str], ...]:
    tables = value if isinstance(value, list) else []
    if len(tables) != parties or not all(
        isinstance(one, dict) and "name" in one and "namespace" in one for one in tables
    ):
        raise FateError(REFUSED, f"{where}: expected {parties} objects with name and namespace, one for each party")
    return tuple((str(one["namespace"]), str(one["name"])) for one in tables)
