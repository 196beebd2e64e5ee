"""The shapes of what the routes of ``/api/v1`` answer; what they read is in `native_queries`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "AnswerOut",
    "ApprovalOut",
    "ApprovalsOut",
    "AuditEntryOut",
    "AuditHeadOut",
    "AuditOut",
    "ErrorOut",
    "EventOut",
    "EventsOut",
    "MemberOut",
    "ModelOut",
    "ModelsOut",
    "PartiesOut",
    "PartyOut",
    "ProblemOut",
    "QueueOut",
    "ReceiptOut",
    "RecordOut",
    "ReportOut",
    "StatusWord",
    "TaskOut",
    "TasksOut",
]

StatusWord = Literal["created", "queued", "running", "finished", "failed", "cancelled"]
Cell = int | float | str | None


class ProblemOut(BaseModel):
    """What went wrong."""

    type: Annotated[str, Field(description="Kind of the error.")]
    message: Annotated[str, Field(description="What was expected, what came, what to do.")]
    party: Annotated[str, Field(description='The party at which it happened, or "".')]
    phase: Annotated[str, Field(description='The phase in which it happened, or "".')]


class AnswerOut(BaseModel):
    """Predictions that a running task has answered."""

    task: Annotated[str, Field(description="Who answered.")]
    model: Annotated[str, Field(description="With which model.")]
    predictions: Annotated[list[list[float]], Field(description="For each id its predictions, in the request's order.")]


class ErrorOut(BaseModel):
    """The body of every reply with an error status."""

    error: ProblemOut


class MemberOut(BaseModel):
    """One client of a task."""

    index: Annotated[int, Field(description="Its place in clients.")]
    role: str
    party: Annotated[str, Field(description="Name of the party that plays the role.")]


class TaskOut(BaseModel):
    """A task as it stands; times are unix seconds."""

    model_config = ConfigDict(extra="allow")

    task_name: str
    kind: str
    status: StatusWord
    created_at: float
    started_at: float | None = None
    ended_at: float | None = None
    elapsed_s: Annotated[float | None, Field(description="Seconds since the start, or from start to end.")] = None
    error: ProblemOut | None = None
    progress: Annotated[dict[str, Any] | None, Field(description="phase, done, total and more.")] = None
    n_batches: Annotated[int | None, Field(description="Batches done.")] = None
    dataset: Annotated[list[int] | None, Field(description="[n_train, n_test] of an alignment.")] = None
    queue_position: Annotated[int | None, Field(description="Place in the queue, from 1.")] = None
    members: list[MemberOut]
    trust_mode: Annotated[str, Field(description="lab: all parties trust the operator of the cluster.")]
    parity: Annotated[bool, Field(description="Whether all features are shown to the label client.")] = False
    public_masks: Annotated[bool, Field(description="INSECURE: whether masks follow from the public seed.")] = False
    checkpoint: Annotated[int | None, Field(description="Steps after which the clients have a checkpoint.")] = None
    resumable: Annotated[bool, Field(description="Whether it failed and can go on from the checkpoint.")] = False
    waits_for: Annotated[list[str], Field(description="Parties whose data owners have yet to approve it.")] = []


class TasksOut(BaseModel):
    """One page of tasks."""

    tasks: list[TaskOut]
    total: Annotated[int, Field(description="How many tasks fit the filters.")]


class ApprovalOut(BaseModel):
    """What is known of a party's approval; times are unix seconds."""

    party: str
    expires_at: Annotated[float, Field(description="When the task fails if nothing was said.")]
    decision: Annotated[Literal["approved", "rejected"] | None, Field(description="null before it was said.")] = None
    who: Annotated[str, Field(description='Name of the token with which it was said, or "".')] = ""
    reason: Annotated[str, Field(description='Why it was rejected, or "".')] = ""
    decided_at: float | None = None


class ApprovalsOut(BaseModel):
    """How a task stands with the data owners of its parties, and the plan that they approve."""

    task_name: str
    status: StatusWord
    state: Literal["not needed", "waiting", "approved", "rejected", "expired"]
    digest: Annotated[str, Field(description="SHA-256 of the plan; an approval is of this plan.")]
    start_wanted: Annotated[bool, Field(description="Whether it starts by itself when all have approved.")]
    approvals: list[ApprovalOut]
    plan: Annotated[dict[str, Any], Field(description="Clients, their configurations, and all that may be opened.")]


class ReceiptOut(BaseModel):
    """What a party says of the part of a model that it has deleted."""

    index: Annotated[int, Field(description="Its place in clients.")]
    role: str
    party: str
    digest: Annotated[str | None, Field(description="SHA-256 of its file of shares; null where it had none.")] = None


class ModelOut(BaseModel):
    """A model of a finished training; times are unix seconds."""

    model: Annotated[str, Field(description="Name of the training that made it.")]
    kind: str
    created_at: float
    trained_at: float | None = None
    n_batches: Annotated[int | None, Field(description="Batches up to the test whose weights were kept.")] = None
    loss: float | None = None
    metrics: Annotated[dict[str, float] | None, Field(description="On the test rows of the training.")] = None
    tags: Annotated[list[str], Field(description="Tags that point to it.")] = []
    members: Annotated[list[MemberOut], Field(description="The clients with data; each has its part.")]
    parameters: Annotated[dict[str, Any], Field(description="Settings of the training.")]
    predicts: Annotated[bool, Field(description="Whether it can predict: its kind does, and it is not deleted.")]
    deleted_at: Annotated[float | None, Field(description="When the parties deleted their parts.")] = None
    receipts: Annotated[list[ReceiptOut], Field(description="Of the parties that have deleted their parts.")] = []


class ModelsOut(BaseModel):
    """One page of models."""

    models: list[ModelOut]
    total: Annotated[int, Field(description="How many models fit the filter.")]


class EventOut(BaseModel):
    """Something that happened in a task."""

    id: Annotated[int, Field(description="Its place among the events of the task, from 1.")]
    time_s: Annotated[float, Field(description="Unix seconds.")]
    party: str
    kind: str
    data: dict[str, Any]


class EventsOut(BaseModel):
    """Events in the order of their ids."""

    events: list[EventOut]


class RecordOut(BaseModel):
    """The record of a training: one row per test round."""

    columns: list[str]
    rows: list[list[Cell]]


class ReportOut(BaseModel):
    """Result, cost and leakage of a task; parts that a task does not have are left out."""

    model_config = ConfigDict(extra="allow")

    task: str | None = None
    kind: str | None = None
    status: str | None = None
    trust_mode: str | None = None
    seconds: Annotated[dict[str, Any] | None, Field(description="Seconds by phase.")] = None
    cost: Annotated[dict[str, Any] | None, Field(description="total, by_phase, by_party, by label.")] = None
    leakage: Annotated[list[Any] | None, Field(description="Who learned what, how often, of what shape.")] = None
    result: Annotated[dict[str, Any] | None, Field(description="Metrics and other outputs.")] = None
    policies: Annotated[dict[str, Any] | None, Field(description="By party: its policy, or that it has none.")] = None
    parity: Annotated[dict[str, Any] | None, Field(description="In parity mode: errors against float64.")] = None
    public_masks: Annotated[bool | None, Field(description="INSECURE: true if masks followed from the seed.")] = None


class AuditEntryOut(BaseModel):
    """One entry of the audit log; its hash is that of all its other fields as JSON, keys in order, without spaces."""

    model_config = ConfigDict(extra="allow")

    seq: Annotated[int, Field(description="Its number, from 1.")]
    time: Annotated[str, Field(description="UTC.")]
    what: Annotated[str, Field(description="Method and route, or what a command did.")]
    outcome: Annotated[str, Field(description="asked, done, refused or failed.")]
    before: Annotated[str, Field(description="Digest of the entry before it.")]
    hash: Annotated[str, Field(description="Digest of this entry.")]


class AuditHeadOut(BaseModel):
    """The last entry of the audit log."""

    seq: int
    hash: str


class AuditOut(BaseModel):
    """Entries of the audit log in the order of their numbers."""

    entries: list[AuditEntryOut]
    head: AuditHeadOut


class PartyOut(BaseModel):
    """A party that tasks may name."""

    model_config = ConfigDict(extra="allow")

    name: str


class PartiesOut(BaseModel):
    """The parties that this server knows."""

    parties: list[PartyOut]


class QueueOut(BaseModel):
    """Names of the tasks that wait, the next one first."""

    queue: list[str]
