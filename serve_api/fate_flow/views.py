"""Which tables a job reads, as it says them itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve_api.fate_flow.book import Job
from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.tables import TableBook

__all__ = ["data_view", "dataset", "tables_read"]

Json = Mapping[str, Any]


def dataset(job: Job) -> dict[str, dict[str, dict[str, str]]]:
    """Return by role and party id the tables of a job: key or component -> ``namespace.name``."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    if job.compiled is None:
        return found
    asked = CompiledJob.from_json(job.compiled).job
    for role, keys in asked.tables.items():
        for key, tables in keys.items():
            for party_id, (namespace, name) in zip(asked.roles[role], tables, strict=False):
                found.setdefault(role, {}).setdefault(party_id, {})[key] = f"{namespace}.{name}"
    for component in asked.components:
        for party, values in component.parameters.items():
            table = values.get("table") if component.module == "Reader" else None
            if isinstance(table, dict):
                said = f"{table.get('namespace')}.{table.get('name')}"
                found.setdefault(party.role, {}).setdefault(party.party_id, {})[component.name] = said
    return found


def data_view(job: Job, role: str, party_id: str) -> Json:
    """Return what a party may see of a job: its initiator all parties and tables, another its own."""
    tables = dataset(job)
    if (role, party_id) == job.initiator:
        partner = {other: list(ids) for other, ids in job.roles.items() if other != role}
    else:
        partner = {}
        tables = {role: {party_id: tables[role][party_id]}} if party_id in tables.get(role, {}) else {}
    roles = {name: list(ids) for name, ids in job.roles.items()}
    return {"partner": partner, "dataset": tables, "roles": roles, "model_summary": {}}


def tables_read(job: Job, tables: TableBook) -> dict[str, tuple[str, str, int]]:
    """Return for each component that makes or reads an uploaded table its namespace, name and rows."""
    if job.chore is not None:
        info = job.chore.get("upload_info")
        count = 0 if info is None else info["actual_count"]
        return {} if info is None else {f"{job.op}_0": (info["namespace"], info["table_name"], count)}
    found = {}
    role, party_id = job.initiator
    for component, said in dataset(job).get(role, {}).get(party_id, {}).items():
        entry = next((one for one in tables.all() if f"{one.namespace}.{one.name}" == said), None)
        if entry is not None:
            found[component] = (entry.namespace, entry.name, entry.rows)
    return found
