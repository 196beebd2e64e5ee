"""How the routes of this API are described: what all replies have in common."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, Field

__all__ = ["OBJECT", "Reply"]

OBJECT: Final[dict[str, Any]] = {"requestBody": {"content": {"application/json": {"schema": {"type": "object"}}}}}


class Reply(BaseModel):
    """What a route answers, with HTTP status 200 also where it could not do what was asked for."""

    retcode: int = Field(description="0, or why it was refused.")
    retmsg: str = Field(default="", description="A sentence.")
    jobId: str = Field(default="", description="The job that has begun.")  # noqa: N815  FATE's name
    data: Any = Field(default=None, description="Of the route.")
    meta: Any = Field(default=None, description="Of the data.")
