"""What came of the steps of a job, for those who tell of its components."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedray.data.documents import load_document
from fedray.data.party_key import KeySetting
from fedray.data.root import DataRoot
from fedray.errors import DataError, FedrayError
from fedray.pipeline.service import Pipeline
from fedray.task.service import TaskService
from serve_api.fate_flow.job import PartyId

__all__ = ["StepResults"]


class StepResults:
    """The results of one job.

    Parameters
    ----------
    service
        Has the reports.
    pipeline
        Of the job; None where it has none.
    root
        The data root of all parties.
    """

    def __init__(self, service: TaskService, pipeline: Pipeline | None, root: Path) -> None:
        self._service = service
        self._root = DataRoot(root, KeySetting.from_environment(os.environ))  # as the parties' own processes
        self._steps = {} if pipeline is None else {step.name: step for step in pipeline.steps}

    def report(self, step: str) -> Mapping[str, Any] | None:
        """Return the report of a step's task, None while there is none."""
        found = self._steps.get(step)
        if found is None or found.task is None:
            return None
        try:
            return self._service.report(found.task)
        except FedrayError:
            return None

    def record(self, step: str) -> list[list[float | None]]:
        """Return the record of a step's task, one row per test; none while there is no task."""
        found = self._steps.get(step)
        if found is None or found.task is None:
            return []
        try:
            return self._service.record(found.task).rows
        except FedrayError:
            return []

    def status(self, step: str) -> str:
        """Return the status of a step; of one that is not there, waiting."""
        found = self._steps.get(step)
        return "waiting" if found is None else found.status.value

    def kept(self, party: PartyId, folder: str, file: str) -> Mapping[str, Any] | None:  # noqa: ARG002  as above
        """Return a document that a party keeps for itself, in a folder below its state; None if it is not there."""
        try:
            return load_document(self._root.sealed_dir(folder, create=False), file)
        except FedrayError:
            return None

    def table(self, party: PartyId, file: str) -> Path | None:  # noqa: ARG002  all have one root
        """Return a file, named from the data root; None if it is not there."""
        base, _, rest = file.partition("/")
        try:
            if base == "raw":
                return self._root.raw_file(rest, "file")
            return self._root.generated_file(rest, "file") if base == "generated" else None
        except DataError:
            return None
