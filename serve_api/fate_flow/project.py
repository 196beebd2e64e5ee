"""What is known of a job while its components are compiled, one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fedray.pipeline.document import task_name
from serve_api.fate_flow.book import PIPELINE
from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.interfaces import Places, Tables
from serve_api.fate_flow.job import Component, FateJob
from serve_api.fate_flow.values import Rows, Scores, Source

__all__ = ["Project", "Value", "pipeline_name"]

Json = dict[str, Any]
Value = Rows | Scores
"""What a component puts out."""


def pipeline_name(job_id: str) -> str:
    """Return the name of a job's pipeline."""
    return f"{PIPELINE}{job_id}"


@dataclass
class Project:
    """What is known of a job while its components are compiled, one after the other.

    Attributes
    ----------
    job, job_id, tables, places
        What is compiled, and with what.
    trained
        Of a prediction, the training.
    outputs
        By ``component.output``, what components have put out so far.
    models
        By ``component.output``, JSON values of fitted models.
    steps
        Of the pipeline.
    """

    job: FateJob
    job_id: str
    tables: Tables
    places: Places
    trained: CompiledJob | None
    outputs: dict[str, Value] = field(default_factory=dict)
    models: dict[str, Json] = field(default_factory=dict)
    steps: list[Json] = field(default_factory=list)

    def evaluated(self, component: Component) -> bool:
        """Return whether another component evaluates what this one puts out."""
        return any(
            ref.source == component.name
            for other in self.job.components
            if other.module == "Evaluation" and other.need_run
            for ref in other.inputs()
        )

    def transform(self, model: str) -> Source | None:
        """Return the task that holds a fitted model's transform; None where it has none."""
        told = self.model(model)
        step = told.get("transform")
        if step is None:
            return None
        return self.source(told, str(step), str(told.get("output", "transform")))

    def source(self, told: Mapping[str, Any], step: str, output: str) -> Source:
        """Return what stands for an output of a step: of this job a reference, of the training's the task's name."""
        if told["job"] == self.job_id:
            return {"from": step, "output": output}
        return task_name(pipeline_name(told["job"]), step)

    def model(self, name: str) -> Json:
        """Return the JSON values of a model; raises ``KeyError``."""
        return self.models[name]
