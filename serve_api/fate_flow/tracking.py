"""What a job's components have to show, at one of its parties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from fedray.errors import NotFound
from fedray.task.folding import dumps
from fedray.task.service import TaskService
from serve_api.fate_flow.archives import bytes_file, csv_file
from serve_api.fate_flow.book import Book, Job
from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.faults import NOT_FOUND, REFUSED, FateError
from serve_api.fate_flow.interfaces import ComponentOutcome, DataOutput
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes import outcome, said
from serve_api.fate_flow.parameters import modules
from serve_api.fate_flow.results import StepResults
from serve_api.fate_flow.states import Pipelines

__all__ = ["FIRST_ROWS", "Subject", "Tracking", "data_members", "first_rows"]

Json = Mapping[str, Any]

FIRST_ROWS: Final = 100
"""Rows of an output that are shown at once."""


@dataclass(frozen=True)
class Subject:
    """What is asked about: a component of a job, as a party sees it."""

    job: Job
    party: PartyId
    component: str


class Tracking:
    """Answers about components.

    Parameters
    ----------
    service, pipelines
        Have run them.
    book
        The jobs.
    root
        The data root of all parties.
    """

    def __init__(self, service: TaskService, pipelines: Pipelines, book: Book, root: Path) -> None:
        self._service, self._pipelines, self._book, self._root = service, pipelines, book, root

    def job(self, fields: Json, code: int = NOT_FOUND) -> Job:
        """Return the job that a request names; raises ``FateError``."""
        job_id = fields.get("job_id")
        found = self._book.get(str(job_id)) if isinstance(job_id, str | int) else None
        if found is None:
            raise FateError(code, "can not found this job")
        return found

    def subject(self, fields: Json) -> Subject:
        """Return what a request asks about; the party is the initiator where it names none.

        Raises
        ------
        FateError
            There is no such job, party or component.
        """
        job = self.job(fields)
        role, party_id = fields.get("role"), fields.get("party_id")
        party = job.initiator if role is None and party_id is None else (str(role), str(party_id))
        if party not in job.parties:
            raise FateError(NOT_FOUND, "can not found this party of the job")
        component = str(fields.get("component_name", ""))
        if component not in job.dsl["components"]:
            raise FateError(REFUSED, "can not found this component")
        return Subject(job, PartyId(*party), component)

    def metrics(self, subject: Subject) -> Json:
        """Return the metrics of a component: by namespace and name, ``data`` and ``meta``."""
        job = subject.job
        if subject.component in job.cleaned:
            return {}
        if job.chore is not None:
            found: Json = job.chore.get("metrics", {})
            return found
        told = self.outcome(subject).metrics.get(subject.party, {})
        return {
            namespace: {name: {"data": one.data, "meta": dict(one.meta)} for name, one in named.items()}
            for namespace, named in told.items()
        }

    def parameters(self, subject: Subject) -> Json:
        """Return the module of a component and all its parameters, those by default too."""
        job = subject.job
        module = job.dsl["components"][subject.component]["module"]
        if job.compiled is None:
            listed = job.conf["role_parameters"][subject.party.role][subject.component]
            values: Json = {name: value[0] for name, value in listed.items()}
        else:
            compiled = CompiledJob.from_json(job.compiled).component(subject.component)
            values = compiled.component.parameters.get(subject.party, {})
        return {"module": module, modules()[module].param_class: values}

    def model(self, subject: Subject) -> Json | None:
        """Return the model that a component has put out; None where it has none."""
        if subject.job.compiled is None:
            return None
        return self.outcome(subject).model.get(subject.party)

    def summary(self, subject: Subject) -> Json | None:
        """Return the summary of a component; None where it has none."""
        if subject.job.compiled is None:
            return None
        return self.outcome(subject).summary.get(subject.party)

    def data(self, subject: Subject) -> tuple[DataOutput, ...]:
        """Return the tables that a component has put out."""
        if subject.job.compiled is None or subject.component in subject.job.cleaned:
            return ()
        return self.outcome(subject).data.get(subject.party, ())

    def outcome(self, subject: Subject) -> ComponentOutcome:
        """Return all that a component has to show."""
        compiled = CompiledJob.from_json(subject.job.compiled or {}).component(subject.component)
        return outcome(compiled, self._results(subject.job))

    def said(self, job: Job) -> Mapping[str, Mapping[PartyId, tuple[str, ...]]]:
        """Return by component and party the lines that components have for logs."""
        if job.compiled is None:
            return {}
        results = self._results(job)
        return {one.component.name: said(one, results) for one in CompiledJob.from_json(job.compiled).components}

    def _results(self, job: Job) -> StepResults:
        try:
            pipeline = None if job.pipeline is None else self._pipelines.get(job.pipeline)
        except NotFound:
            pipeline = None
        return StepResults(self._service, pipeline, self._root)


def first_rows(output: DataOutput) -> list[list[Any]]:
    """Return the first rows of an output."""
    return list(islice(output.rows(), FIRST_ROWS))


def data_members(outputs: tuple[DataOutput, ...], limit: int | None) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the files of an archive of outputs, under the names of FATE 1.4 and of 1.6."""
    for place, output in enumerate(outputs):
        meta = dumps({"header": list(output.header)}).encode()
        names = [(f"{output.name}.csv", f"{output.name}.meta")]
        if place == 0:
            names.append(("output_data.csv", "output_data_meta.json"))
        for table, described in names:
            yield table, csv_file(output.header, islice(output.rows(), limit))
            yield described, bytes_file(meta)
