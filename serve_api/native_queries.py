"""The query parameters that the routes of ``/api/v1`` read."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from serve_api.native_models import StatusWord

__all__ = [
    "ApproveQuery",
    "AuditQuery",
    "CreateQuery",
    "EventQuery",
    "ListQuery",
    "ModelQuery",
    "RejectQuery",
]


class _Query(BaseModel):
    """Query parameters; an unknown one is refused, so that a misspelt filter cannot pass for none."""

    model_config = ConfigDict(extra="forbid")


class CreateQuery(_Query):
    """Query parameters of ``POST /tasks``."""

    start: Annotated[bool, Field(description="Start the task as soon as it is created.")] = False


class ListQuery(_Query):
    """Query parameters of ``GET /tasks``."""

    status: Annotated[StatusWord | None, Field(description="Only tasks in this state.")] = None
    kind: Annotated[str | None, Field(max_length=64, description="Only tasks of this kind.")] = None
    search: Annotated[str | None, Field(max_length=128, description="Only names that hold this text.")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="The most tasks to answer.")] = 50
    offset: Annotated[int, Field(ge=0, lt=2**31, description="How many tasks to pass over.")] = 0


class ModelQuery(_Query):
    """Query parameters of ``GET /models``."""

    search: Annotated[str | None, Field(max_length=128, description="Only names that hold this text.")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="The most models to answer.")] = 50
    offset: Annotated[int, Field(ge=0, lt=2**31, description="How many models to pass over.")] = 0


class EventQuery(_Query):
    """Query parameters of ``GET /tasks/{name}/events``."""

    after: Annotated[int, Field(ge=0, lt=2**63, description="Only events with a larger id.")] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="The most events to answer.")] = 200


_Party = Annotated[str, Field(max_length=300, description="Name of the party whose data owner says it.")]


class ApproveQuery(_Query):
    """Query parameters of ``POST /tasks/{name}/approve``."""

    party: _Party
    digest: Annotated[
        str | None, Field(max_length=64, description="Of the plan that was looked at; refused if it is another's.")
    ] = None


class RejectQuery(_Query):
    """Query parameters of ``POST /tasks/{name}/reject``."""

    party: _Party
    reason: Annotated[str, Field(max_length=200, description="Why, in one line; whoever may read tasks reads it.")]


class AuditQuery(_Query):
    """Query parameters of ``GET /audit``."""

    after: Annotated[int, Field(ge=0, lt=2**53, description="Only entries with a larger number.")] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="The most entries to answer.")] = 200
