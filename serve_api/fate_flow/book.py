"""The jobs of a server, as the store keeps them: what was asked for, and what has been noted since."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

from fedray.task.papers import Paper, Papers

__all__ = ["CHORES", "PIPELINE", "Book", "Job", "Part"]

CHORES: Final = frozenset({"upload", "download", "store", "restore"})
"""What a job may do that this server does by itself, without a pipeline."""

PIPELINE: Final = "fate-"
"""What a job's pipeline is called, before the job's id."""

_SHELF: Final = "fate/job"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Part:
    """A component of a job: its parties as role and id, its steps in the pipeline, steps of others that it needs."""

    component: str
    module: str
    parties: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """A job.

    Attributes
    ----------
    id
        As FATE forms it.
    op
        ``train``, ``predict``, or one of the chores.
    initiator
        Role and party id.
    roles
        Party ids by role, as text.
    dsl, conf, train_conf
        As they were sent, with what the server adds to a conf; of a prediction the conf of the training.
    model_id, model_version
        Of the model that it makes or uses.
    compiled
        ``CompiledJob.to_json()``; None for chores.
    parts
        Its components.
    pipeline
        Name of its pipeline; None where nothing has to run.
    chore
        Status, progress, times, message and metrics of a chore.
    notes
        By party, what was written about it.
    cleaned
        Names of components whose metrics and data were deleted.
    timed_out
        Whether it was stopped because it ran for longer than its configuration allows.
    stopped
        Whether somebody asked to stop it; its pipeline may not have been there then.
    created_ms, updated_ms
        Unix milliseconds.
    """

    id: str
    op: str
    initiator: tuple[str, str]
    roles: Mapping[str, tuple[str, ...]]
    dsl: Json
    conf: Json
    model_id: str
    model_version: str
    created_ms: int
    updated_ms: int
    train_conf: Json = field(default_factory=dict)
    compiled: Json | None = None
    parts: tuple[Part, ...] = ()
    pipeline: str | None = None
    chore: Json | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    cleaned: tuple[str, ...] = ()
    timed_out: bool = False
    stopped: bool = False

    @property
    def new_shapes(self) -> bool:
        """Whether it is told in the shapes of FATE 1.6, as its DSL is."""
        return str(self.conf.get("dsl_version", 1)) == "2"

    @property
    def parties(self) -> tuple[tuple[str, str], ...]:
        """Role and party id of all parties."""
        return tuple((role, one) for role, ids in self.roles.items() for one in ids)

    def to_json(self) -> dict[str, Any]:
        """Return JSON values."""
        roles = {role: list(ids) for role, ids in self.roles.items()}
        told = {"initiator": list(self.initiator), "roles": roles, "cleaned": list(self.cleaned)}
        return {**vars(self), **told, "parts": [vars(part) for part in self.parts]}

    @classmethod
    def from_json(cls, value: Json) -> Self:
        """Return the job that `to_json` has told of."""
        role, party = value["initiator"]
        roles = {name: tuple(ids) for name, ids in value["roles"].items()}
        told = {"initiator": (role, party), "roles": roles, "cleaned": tuple(value["cleaned"])}
        return cls(**{**value, **told, "parts": tuple(_part(part) for part in value["parts"])})


class Book:
    """The jobs of a server.

    Parameters
    ----------
    papers
        Of the store.
    now
        Gives Unix milliseconds.
    """

    def __init__(self, papers: Papers, now: Callable[[], int]) -> None:
        self._papers, self._now = papers, now

    def add(self, job: Job) -> None:
        """Keep a new job; raises ``Conflict`` where there is one of this id."""
        self._papers.add(_SHELF, job.id, job.to_json())

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        self._papers.remove(_SHELF, job_id)

    def get(self, job_id: str) -> Job | None:
        """Return a job; None where there is none."""
        found = self._papers.get(_SHELF, job_id)
        return None if found is None else _job(found)

    def of_pipeline(self, name: str) -> Job | None:
        """Return the job that a pipeline belongs to; None where it is no job's."""
        job = self.get(name.removeprefix(PIPELINE))
        return job if job is not None and job.pipeline == name else None

    def all(self, limit: int | None = None) -> list[Job]:
        """Return the jobs, the newest first."""
        return [_job(paper) for paper in self._papers.all(_SHELF, limit)]

    def since(self, ms: int) -> list[Job]:
        """Return the jobs that were added at a Unix time in milliseconds or later, the newest first."""
        return [_job(paper) for paper in self._papers.all(_SHELF, since=ms / 1000)]

    def change(self, job_id: str, **fields: object) -> Job:
        """Note something of a job; raises ``NotFound``."""
        return self.update(job_id, lambda job: replace(job, **fields))  # type: ignore[arg-type]  # ours

    def update(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Change a job by a function that does nothing else; raises ``NotFound``."""
        now = self._now()

        def changed(body: Json) -> Json:
            return replace(change(Job.from_json(body)), updated_ms=now).to_json()

        return _job(self._papers.change(_SHELF, job_id, changed))


def _job(paper: Paper) -> Job:
    return Job.from_json(paper.body)


def _part(value: Json) -> Part:
    parties = tuple((role, one) for role, one in value["parties"])
    return Part(value["component"], value["module"], parties, tuple(value["steps"]), tuple(value["needs"]))
