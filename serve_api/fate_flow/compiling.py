"""A job becomes a pipeline of ordinary tasks."""

from __future__ import annotations

from fedray.errors import SpecError
from fedray.pipeline.document import parse
from serve_api.fate_flow.compiled import CompiledComponent, CompiledJob
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.interfaces import LocalPlaces, Places, Tables
from serve_api.fate_flow.job import Component, FateJob, PartyId
from serve_api.fate_flow.modules import COMPILERS
from serve_api.fate_flow.modules.reading import raw_rows
from serve_api.fate_flow.project import Project, pipeline_name
from serve_api.fate_flow.work import Work

__all__ = ["compile_job"]


def compile_job(
    job: FateJob, job_id: str, tables: Tables, trained: CompiledJob | None = None, places: Places | None = None
) -> CompiledJob:
    """Return a job with the document of its pipeline.

    Parameters
    ----------
    job, job_id
        What was asked for, and the name it goes by.
    tables
        The tables that were uploaded.
    trained
        Of a prediction, the training whose models it uses.
    places
        Where the parties are; None is this machine.

    Raises
    ------
    FateError
        A module or parameter is not supported, a table is not there, or an input is missing.
    """
    if job.job_type == "predict" and trained is None:
        raise FateError(REFUSED, "a prediction needs the model of a training")
    _check_parties(job)
    if trained is not None and any(job.roles.get(role) != trained.job.roles.get(role) for role in ("guest", "host")):
        raise FateError(REFUSED, "role: expected the guest and the hosts of the training, in its order")
    project = Project(job, job_id, tables, places or LocalPlaces(job.parties), trained)
    if trained is not None:
        project.models.update(trained.values)
    for key, named in _tables(job).items():
        project.outputs[f"args.{key}"] = raw_rows(tables, named)
    components = tuple(_compiled(project, component) for component in job.components)
    pipeline = {"name": pipeline_name(job_id), "steps": project.steps} if project.steps else None
    if pipeline is not None:
        try:
            parse(pipeline)
        except SpecError as error:
            raise FateError(REFUSED, error.message) from None
    return CompiledJob(job, job_id, pipeline, components, project.models)


def _compiled(project: Project, component: Component) -> CompiledComponent:
    compiler = COMPILERS.get(component.module)
    if compiler is None:
        raise FateError(
            REFUSED, f"component {component.name}: module {component.module} is not supported by this server"
        )
    work = Work(project, component)
    if not component.need_run:
        return _skipped(work)
    return compiler(work)


def _skipped(work: Work) -> CompiledComponent:
    """Hand on what comes in."""
    for key in ("data", "train_data", "test_data", "eval_data", "validate_data"):
        for ref in work.component.data.get(key, ())[:1]:
            work.put(work.value(ref))
            return work.done(kind="skipped")
    return work.done(kind="skipped")


def _tables(job: FateJob) -> dict[str, dict[PartyId, tuple[str, str]]]:
    """Return the tables of DSL 1, by key and party."""
    found: dict[str, dict[PartyId, tuple[str, str]]] = {}
    for role, keys in job.tables.items():
        for key, tables in keys.items():
            for party_id, table in zip(job.roles[role], tables, strict=True):
                found.setdefault(key, {})[PartyId(role, party_id)] = table
    return found


def _check_parties(job: FateJob) -> None:
    if not {"guest", "host"} & job.roles.keys():
        raise FateError(REFUSED, "role: expected a guest and at least one host, got neither")
    for role in ("guest", "arbiter"):
        if len(job.roles.get(role, ())) > 1:
            raise FateError(REFUSED, f"role.{role}: expected one party, got {len(job.roles[role])}")
