"""A party's view of a model as files: what `transfer` says and `export` packs.

The shares of which the model itself consists stay with their parties; these are its settings and whatever of it the
party may see.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from fedray.task.folding import dumps
from fedray.task.text import load_json
from serve_api.fate_flow.archives import zip_member, zipped
from serve_api.fate_flow.book import Job
from serve_api.fate_flow.dsl import check_components
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.models import Model
from serve_api.fate_flow.numbers import party_model_id
from serve_api.fate_flow.tracking import Subject, Tracking

__all__ = ["MOST_BYTES", "archive_name", "buffers", "packed", "transferred", "unpacked"]

PIPELINE: Final = "pipeline.pb"
MOST_BYTES: Final = 16 << 20
"""Of an exported model, which is JSON of a job."""

Json = Mapping[str, Any]


def buffers(tracking: Tracking, job: Job, party: PartyId) -> dict[tuple[str, str, str], bytes]:
    """Return by component, alias and FATE's name of the buffer what a party has of a model, as JSON."""
    found = {}
    for part in job.parts:
        model = tracking.model(Subject(job, party, part.component))
        if model:
            for kind, name in model["buffers"].items():
                found[part.component, str(model["alias"]), str(name)] = dumps(model[kind]).encode()
    return found


def transferred(found: Mapping[tuple[str, str, str], bytes]) -> dict[str, str]:
    """Return buffers as `transfer` says them."""
    return {f"{part}.{alias}:{name}": base64.b64encode(told).decode() for (part, alias, name), told in found.items()}


def archive_name(model: Model, party: PartyId) -> str:
    """Return the file name of a party's model."""
    return f"{party_model_id(party.role, party.party_id, model.model_id)}_{model.version}.zip"


def packed(model: Model, job: Job, party: PartyId, found: Mapping[tuple[str, str, str], bytes]) -> bytes:
    """Return a party's model as a zip."""
    modules = {part.component: part.module for part in job.parts}
    protos: dict[str, dict[str, dict[str, str]]] = {}
    for part, alias, name in found:
        protos.setdefault(part, {}).setdefault(alias, {})[name] = name
    define = {
        "component_define": {part: {"module_name": modules[part]} for part in protos},
        "describe": "This is the model definition meta",
        "model_proto": protos,
    }
    members = {
        PIPELINE: dumps({**model.to_json(), "role": party.role, "party_id": party.party_id, "dsl": job.dsl}).encode(),
        "define/define_meta.yaml": dumps(define).encode(),  # JSON is YAML
        **{f"variables/data/{part}/{alias}/{name}": told for (part, alias, name), told in found.items()},
    }
    return zipped(members)


def unpacked(archive: bytes, party: PartyId) -> Model:
    """Return the model of a zip; raises ``FateError`` where it is none of this party's."""
    content = zip_member(archive, PIPELINE, MOST_BYTES)
    if content is None:
        raise FateError(REFUSED, f"the file: expected a zip of an exported model, with {PIPELINE}")
    try:
        told: Any = load_json(content)
        mine = PartyId(told.pop("role"), told.pop("party_id"))
        told.pop("dsl")
        model = Model.from_json(told)
        if model.predict_dsl is not None:
            check_components(model.predict_dsl)
    except Exception:  # noqa: BLE001  a stranger's file, which may be anything
        raise FateError(
            REFUSED, f"the file: expected a model that this API has exported; {PIPELINE} is another"
        ) from None
    if mine != party:
        raise FateError(REFUSED, f"the file: expected the model of {party}, got another party's")
    return model
