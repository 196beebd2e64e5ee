"""``/api/v1/pipelines``: several tasks of which some take what others made, in the shapes of ``/api/v1``."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from serve_api.doors.guard import Visiting
from serve_api.native import PREFIX, answers
from serve_api.replies import json_reply
from serve_api.service import Body, Pipelines

__all__ = ["router"]

Word = Literal["running", "cancelling", "finished", "failed", "cancelled"]
StepWord = Literal["waiting", "created", "queued", "running", "finished", "failed", "cancelled", "skipped"]
Name = Annotated[str, Path(description="Name of the pipeline.")]

_DOCUMENT: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A pipeline: name, and steps of name, task and perhaps after.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["name", "steps"],
                    "properties": {
                        "name": {"type": "string"},
                        "steps": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "required": ["name", "task"],
                                "properties": {
                                    "name": {"type": "string"},
                                    "task": {"type": "object"},
                                    "after": {"type": "array", "items": {"type": "string"}},
                                },
                            },
                        },
                    },
                }
            }
        },
    }
}


class PipelinesQuery(BaseModel):
    """Query parameters of ``GET /pipelines``."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[Word | None, Field(description="Only pipelines in this state.")] = None
    search: Annotated[str | None, Field(max_length=128, description="Only names that hold this text.")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="The most pipelines to answer.")] = 50
    offset: Annotated[int, Field(ge=0, lt=2**31, description="How many pipelines to pass over.")] = 0


class StepOut(BaseModel):
    """A step as it stands."""

    name: str
    task: Annotated[str | None, Field(description="Name of its task; null before that is there.")] = None
    status: Annotated[StepWord, Field(description="As that of the task; waiting before, skipped without one.")]
    message: Annotated[str, Field(description='Why it failed, what it waits for, or "".')] = ""
    kind: Annotated[str, Field(description="Kind of the task.")]
    needs: Annotated[list[str], Field(description="Steps that finish before it.")] = []
    progress: Annotated[dict[str, Any] | None, Field(description="As the task has it.")] = None


class PipelineOut(BaseModel):
    """A pipeline as it stands; times are unix milliseconds."""

    name: str
    status: Word
    steps: Annotated[list[StepOut], Field(description="In the order of the document.")]
    created_ms: int
    started_ms: Annotated[int | None, Field(description="When its first task began to run.")] = None
    ended_ms: int | None = None


class PipelinesOut(BaseModel):
    """One page of pipelines."""

    pipelines: list[PipelineOut]
    total: Annotated[int, Field(description="How many pipelines fit the filters.")]


router = APIRouter(prefix=PREFIX, tags=["native"], responses=answers())


@router.post(
    "/pipelines",
    status_code=201,
    response_model=PipelineOut,
    responses=answers("document", "state"),
    openapi_extra=_DOCUMENT,
)
def create_pipeline(service: Pipelines, body: Body, visit: Visiting) -> Response:
    """Create a pipeline; its steps begin as soon as what they need is there."""
    view = service.create_text(body)
    visit.about(view.name)
    return json_reply(view.as_dict(), 201, {"Location": f"{PREFIX}/pipelines/{quote(view.name, safe='')}"})


@router.get("/pipelines", response_model=PipelinesOut)
def list_pipelines(service: Pipelines, query: Annotated[PipelinesQuery, Query()]) -> Response:
    """List pipelines, the newest first."""
    page = service.list(query.status, query.search, query.limit, query.offset)
    return json_reply({"pipelines": [view.as_dict() for view in page.pipelines], "total": page.total})


@router.get("/pipelines/{name}", response_model=PipelineOut, responses=answers("name"))
def get_pipeline(service: Pipelines, name: Name) -> Response:
    """Answer one pipeline as it stands, with its steps."""
    return json_reply(service.get(name).as_dict())


@router.post(
    "/pipelines/{name}/cancel", status_code=202, response_model=PipelineOut, responses=answers("name", "state")
)
def cancel_pipeline(service: Pipelines, name: Name) -> Response:
    """Cancel the tasks of a pipeline that are at work; steps that have not begun are skipped."""
    return json_reply(service.cancel(name).as_dict(), 202)


@router.post(
    "/pipelines/{name}/resume", status_code=202, response_model=PipelineOut, responses=answers("name", "state")
)
def resume_pipeline(service: Pipelines, name: Name) -> Response:
    """Let a pipeline that failed or was cancelled go on; steps that have finished are not done again."""
    return json_reply(service.resume(name).as_dict(), 202)


@router.delete("/pipelines/{name}", response_model=PipelineOut, responses=answers("name", "state"))
def remove_pipeline(service: Pipelines, name: Name) -> Response:
    """Forget a pipeline that has ended; its tasks, and what they made, stay. Answers how it stood."""
    view = service.get(name)
    service.remove(name)
    return json_reply(view.as_dict())
