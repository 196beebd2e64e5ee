"""What is said of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from serve_api.fate_flow.book import Job
from serve_api.fate_flow.models import Model
from serve_api.fate_flow.rows import fits, usable

if TYPE_CHECKING:
    from serve_api.fate_flow.desk import FateDesk

__all__ = ["detail", "predict_conf", "query_rows"]

_FILTERS: Final = ("model_id", "model_version", "role", "party_id")


def detail(roles: Mapping[str, Any], retcode: int, retmsg: str) -> dict[str, Any]:
    """Return what became of something at each party; the arbiter has no part in it."""
    parties = {
        role: [str(one) for one in ids]
        for role, ids in roles.items()
        if role != "arbiter" and isinstance(ids, list | tuple)
    }
    said = {role: {one: {"retcode": retcode, "retmsg": retmsg} for one in ids} for role, ids in parties.items()}
    return {"detail": said, **{role: dict.fromkeys(ids, retcode) for role, ids in parties.items()}}


def predict_conf(model: Model, job: Job) -> dict[str, Any]:
    """Return a configuration for predictions, in which the tables are to be filled in."""
    common = {"job_type": "predict", "work_mode": 0, "backend": 0}
    common |= {"model_id": model.model_id, "model_version": model.version}
    told = {"initiator": job.conf["initiator"], "role": job.conf["role"]}
    components: Mapping[str, Any] = (model.predict_dsl or {}).get("components", {})
    readers = [name for name, one in components.items() if one["module"] == "Reader"] or ["reader_0"]
    roles = [role for role in job.conf["role"] if role != "arbiter"]
    if not job.new_shapes:
        table = {"name": "name_to_be_filled", "namespace": "namespace_to_be_filled"}
        args = {role: {"args": {"data": {"eval_data": [table] * len(job.roles[role])}}} for role in roles}
        return {**told, "job_parameters": common, "role_parameters": args}
    tables = {
        role: {
            str(place): {
                reader: {
                    "table": {"name": f"name_to_be_filled_{place}", "namespace": f"namespace_to_be_filled_{place}"}
                }
                for reader in readers
            }
            for place in range(len(job.roles[role]))
        }
        for role in roles
    }
    return {
        "dsl_version": 2,
        **told,
        "job_parameters": {"common": common},
        "component_parameters": {"role": tables},
    }


def query_rows(desk: FateDesk, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of models that fit a query, one for each party; only the columns that it asks for."""
    filters = usable(fields, _FILTERS)
    asked = fields.get("query_filters")
    wanted = {f"f_{name}" for name in asked if isinstance(name, str)} if isinstance(asked, list) else None
    found = []
    for model in desk.models.all():
        job = desk.models.trained(model)
        for role, party_id in job.parties:
            row = {
                "f_role": role,
                "f_party_id": party_id,
                "f_roles": {name: list(ids) for name, ids in job.roles.items()},
                "f_initiator_role": job.initiator[0],
                "f_initiator_party_id": job.initiator[1],
                "f_job_id": model.job,
                "f_model_id": model.model_id,
                "f_model_version": model.version,
                "f_create_time": job.created_ms,
                "f_loaded_times": model.loaded,
                "f_service_id": list(model.services),
                "f_size": 0,
                "f_description": "",
                "f_parent": not model.parent,
                "f_parent_info": {"parent_model_version": model.parent} if model.parent else {},
                "f_train_dsl": job.dsl,
                "f_train_runtime_conf": job.conf,
                "f_inference_dsl": model.predict_dsl or {},
            }
            if fits(row, filters):
                found.append(row if wanted is None else {key: row[key] for key in row if key in wanted})
    return found
