"""A job made into a pipeline: which steps belong to which component, and what is needed to tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from serve_api.fate_flow.job import Component, FateJob

__all__ = ["CompiledComponent", "CompiledJob"]


@dataclass(frozen=True)
class CompiledComponent:
    """A component and the steps that do its work.

    Attributes
    ----------
    component
        As it was asked for.
    steps
        Names of its steps in the pipeline; none where it has nothing to run: then it ends as soon as what it needs
        has.
    needs
        Names of steps of other components that must have finished before this one has anything to show.
    warnings
        Sentences for the job's log: parameters that do nothing here, and what is done otherwise than FATE does it.
    facts
        JSON values from which its outcome is told.
    """

    component: Component
    steps: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CompiledJob:
    """A job, its pipeline, its components.

    Attributes
    ----------
    job
        As it was asked for.
    job_id
        Its id.
    pipeline
        The document of the pipeline; None where nothing has to run.
    components
        In the order of the job's.
    values
        By name of output (``component.output``), JSON values that a prediction with this job's models needs.
    """

    job: FateJob
    job_id: str
    pipeline: Mapping[str, Any] | None
    components: tuple[CompiledComponent, ...]
    values: Mapping[str, Any] = field(default_factory=dict)

    def component(self, name: str) -> CompiledComponent:
        """Return the component of a name; raises ``KeyError``."""
        for compiled in self.components:
            if compiled.component.name == name:
                return compiled
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values from which `from_json` makes the same job."""
        told = [
            {
                "name": one.component.name,
                "steps": list(one.steps),
                "needs": list(one.needs),
                "warnings": list(one.warnings),
                "facts": dict(one.facts),
            }
            for one in self.components
        ]
        return {
            "job_id": self.job_id,
            "pipeline": self.pipeline,
            "values": dict(self.values),
            "components": told,
            "dsl": self.job.dsl,
            "conf": self.job.conf,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the job that `to_json` has told of."""
        from serve_api.fate_flow.dsl import read_job  # it makes the components again, from the same documents

        job = read_job(value["dsl"], value["conf"])
        components = tuple(
            CompiledComponent(
                job.component(one["name"]),
                tuple(one["steps"]),
                tuple(one["needs"]),
                tuple(one["warnings"]),
                one["facts"],
            )
            for one in value["components"]
        )
        return cls(job, value["job_id"], value["pipeline"], components, value["values"])
