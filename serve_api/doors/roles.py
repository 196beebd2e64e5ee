"""What each role may do: one table, which the routes are checked against and the documentation repeats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["NOBODY_ELSE", "OPEN_PATHS", "PIPELINES", "ROUTES", "Right", "Role", "right_to"]


class Role(StrEnum):
    """What a token is for."""

    SUBMITTER = "submitter"
    DATA_OWNER = "data-owner"
    AUDITOR = "auditor"
    ADMIN = "admin"


@dataclass(frozen=True)
class Right:
    """A right, and who has it.

    Attributes
    ----------
    name
        In the words of the documentation.
    roles
        Who has it; None is everybody, without a token too.
    changes
        Whether its requests change or reveal something, so that the audit log has each of them.
    brief
        Whether the log has one entry of each, without a digest of its body, which may be guessed from few ids.
    """

    name: str
    roles: frozenset[Role] | None
    changes: bool = False
    brief: bool = False


def _right(name: str, *roles: Role, changes: bool = True, brief: bool = False) -> Right:
    return Right(name, frozenset(roles) | {Role.ADMIN}, changes, brief)


_OPEN: Final = Right("open", None)
_READ: Final = _right("read", *Role, changes=False)
_AUDIT: Final = _right("audit", Role.AUDITOR, changes=False)
_SUBMIT: Final = _right("submit", Role.SUBMITTER)
_ASK: Final = _right("ask for predictions", Role.SUBMITTER, brief=True)
_CANCEL: Final = _right("cancel", Role.SUBMITTER, Role.DATA_OWNER)
_APPROVE: Final = _right("approve", Role.DATA_OWNER)
_TAKE: Final = _right("take messages", Role.SUBMITTER, changes=False)
_TELL: Final = _right("leave messages", Role.SUBMITTER, brief=True)
_UPLOAD: Final = _right("upload", Role.SUBMITTER, brief=True)
_ROWS: Final = _right("see rows", Role.SUBMITTER)
_FORGET: Final = _right("forget", Role.DATA_OWNER)

PIPELINES: Final = "/api/v1/pipelines/"
"""Routes below it are about the pipeline of the name in them; others about the task or model."""

NOBODY_ELSE: Final = _right("administer")
"""The right to a route that the table does not name: only an admin has it."""

ROUTES: Final[Mapping[tuple[str, str], Right]] = MappingProxyType(
    {
        ("GET", "/healthz"): _OPEN,
        ("GET", "/helloWorld"): _OPEN,
        ("GET", "/docs"): _OPEN,
        ("GET", "/openapi.json"): _OPEN,
        ("GET", "/queryStatus"): _READ,
        ("GET", "/queryDataset"): _READ,
        ("GET", "/queryTask"): _READ,
        ("GET", "/queryRecord"): _READ,
        ("GET", "/api/v1/tasks"): _READ,
        ("GET", "/api/v1/tasks/{name}"): _READ,
        ("GET", "/api/v1/tasks/{name}/events"): _READ,
        ("GET", "/api/v1/tasks/{name}/record"): _READ,
        ("GET", "/api/v1/tasks/{name}/report"): _READ,
        ("GET", "/api/v1/tasks/{name}/approvals"): _READ,
        ("GET", "/api/v1/models"): _READ,
        ("GET", "/api/v1/models/{name}"): _READ,
        ("GET", "/api/v1/pipelines"): _READ,
        ("GET", "/api/v1/pipelines/{name}"): _READ,
        ("GET", "/api/v1/parties"): _READ,
        ("GET", "/api/v1/queue"): _READ,
        ("GET", "/metrics"): _READ,
        ("POST", "/createTask"): _SUBMIT,
        ("GET", "/startTask"): _SUBMIT,
        ("POST", "/startTask"): _SUBMIT,
        ("POST", "/api/v1/tasks"): _SUBMIT,
        ("POST", "/api/v1/tasks/{name}/start"): _SUBMIT,
        ("POST", "/api/v1/tasks/{name}/resume"): _SUBMIT,
        ("POST", "/api/v1/tasks/{name}/predictions"): _ASK,
        ("POST", "/api/v1/pipelines"): _SUBMIT,
        ("POST", "/api/v1/pipelines/{name}/resume"): _SUBMIT,
        ("DELETE", "/api/v1/pipelines/{name}"): _SUBMIT,
        ("POST", "/api/v1/pipelines/{name}/cancel"): _CANCEL,
        ("PUT", "/api/v1/models/{name}/tags/{tag}"): _SUBMIT,
        ("DELETE", "/api/v1/models/{name}/tags/{tag}"): _SUBMIT,
        ("POST", "/api/v1/tasks/{name}/cancel"): _CANCEL,
        ("POST", "/api/v1/tasks/{name}/approve"): _APPROVE,
        ("POST", "/api/v1/tasks/{name}/reject"): _APPROVE,
        ("DELETE", "/api/v1/models/{name}"): _FORGET,
        ("GET", "/api/v1/audit"): _AUDIT,
        ("POST", "/k12ai/framework/train"): _SUBMIT,
        ("POST", "/k12ai/framework/evaluate"): _SUBMIT,
        ("POST", "/k12ai/framework/predict"): _ASK,
        ("POST", "/k12ai/framework/execute"): _ASK,
        ("POST", "/k12ai/platform/stats"): _READ,
        ("POST", "/k12ai/platform/control"): _SUBMIT,
        ("POST", "/k12ai/private/message"): _TELL,
        ("POST", "/k12ai/private/pushmsg"): _TELL,
        ("GET", "/k12ai/private/popmsg"): _TAKE,
        ("POST", "/v1/task/list"): _READ,
        ("POST", "/v1/task/getbyid"): _READ,
        ("POST", "/v1/task/predictres/get"): _ASK,
        ("POST", "/v1/task/publish"): _SUBMIT,
        ("POST", "/v1/task/confirm"): _APPROVE,
        ("POST", "/v1/task/start"): _SUBMIT,
        ("POST", "/v1/data/upload"): _UPLOAD,
        ("POST", "/v1/model/import"): _UPLOAD,
        ("POST", "/v1/data/download"): _SUBMIT,
        ("POST", "/v1/job/submit"): _SUBMIT,
        ("POST", "/v1/job/stop"): _SUBMIT,
        ("POST", "/v1/job/update"): _SUBMIT,
        ("POST", "/v1/job/clean"): _SUBMIT,
        ("POST", "/v1/job/clean/queue"): _SUBMIT,
        ("POST", "/v1/tracking/component/metric/delete"): _SUBMIT,
        ("POST", "/v1/table/delete"): _SUBMIT,
        ("POST", "/v1/model/load"): _SUBMIT,
        ("POST", "/v1/model/bind"): _SUBMIT,
        ("POST", "/v1/model/store"): _SUBMIT,
        ("POST", "/v1/model/restore"): _SUBMIT,
        ("POST", "/v1/model/deploy"): _SUBMIT,
        ("POST", "/v1/model/migrate"): _SUBMIT,
        ("POST", "/v1/model/model_tag/create"): _SUBMIT,
        ("POST", "/v1/model/model_tag/remove"): _SUBMIT,
        ("POST", "/v1/data/upload/history"): _READ,
        ("POST", "/v1/job/query"): _READ,
        ("POST", "/v1/job/list/job"): _READ,
        ("POST", "/v1/job/config"): _READ,
        ("GET", "/v1/job/log"): _READ,
        ("POST", "/v1/job/task/query"): _READ,
        ("POST", "/v1/job/list/task"): _READ,
        ("POST", "/v1/job/data/view/query"): _READ,
        ("POST", "/v1/job/dsl/generate"): _READ,
        ("POST", "/v1/pipeline/dag/dependency"): _READ,
        ("POST", "/v1/tracking/job/data_view"): _READ,
        ("POST", "/v1/tracking/component/list"): _READ,
        ("POST", "/v1/tracking/component/metrics"): _READ,
        ("POST", "/v1/tracking/component/metric/all"): _ROWS,
        ("POST", "/v1/tracking/component/metric_data"): _ROWS,
        ("POST", "/v1/tracking/component/parameters"): _READ,
        ("POST", "/v1/tracking/component/output/model"): _ROWS,
        ("POST", "/v1/tracking/component/output/data/table"): _READ,
        ("POST", "/v1/tracking/component/summary/download"): _ROWS,
        ("POST", "/v1/table/table_info"): _READ,
        ("POST", "/v1/model/transfer"): _ROWS,
        ("GET", "/v1/model/export"): _ROWS,
        ("POST", "/v1/model/get/predict/dsl"): _READ,
        ("POST", "/v1/model/get/predict/conf"): _READ,
        ("POST", "/v1/model/query"): _READ,
        ("POST", "/v1/model/model_tag/retrieve"): _READ,
        ("POST", "/v1/tracking/component/output/data"): _ROWS,
        ("GET", "/v1/tracking/component/output/data/download"): _ROWS,
    }
)
"""Every route, and the right that it asks for."""

OPEN_PATHS: Final = frozenset(path.casefold() for (_, path), right in ROUTES.items() if right.roles is None)
"""The paths that need no token, casefolded: they say the same to everybody."""


def right_to(method: str, path: str) -> Right:
    """Return the right that a route asks for; a route that the table does not name is for admins."""
    return ROUTES.get((method, path), NOBODY_ELSE)
