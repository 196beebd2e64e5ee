"""An application behind locked doors: a token for each role, and a log to read."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from fedray.pipeline.service import PipelineService
from fedray.task.service import TaskService
from fedray.task.store import Store
from serve_api.app import build_app
from serve_api.doors.audit import AuditLog
from serve_api.doors.doors import Doors
from serve_api.doors.roles import Role
from serve_api.doors.settings import DoorSettings, state_files
from serve_api.doors.tokens import Tokens
from serve_api.fate_flow.desk import FateDesk
from serve_api.fate_flow.settings import FateSettings
from serve_api.paddledtx.desk import PaddleDesk
from serve_api.paddledtx.settings import PaddleSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # as in conftest
    from fastapi.testclient import TestClient

PARTY = "127.0.0.1:8084"
NAMES = {Role.SUBMITTER: "sue", Role.DATA_OWNER: "dora", Role.AUDITOR: "otto", Role.ADMIN: "ada"}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@dataclass
class Locked:
    """The application, its tokens and its log."""

    app: FastAPI
    client: TestClient
    tokens: Tokens
    secrets: dict[Role, str]
    log: AuditLog

    def ask(self, role: Role, method: str, path: str, **more: Any) -> Any:
        return self.client.request(method, path, headers=bearer(self.secrets[role]), **more)

    def entries(self) -> list[dict[str, Any]]:
        """Return the log without what differs from run to run."""
        assert self.log.verify().findings == ()
        left_out = {"seq", "time", "before", "hash"}
        return [{key: value for key, value in entry.items() if key not in left_out} for entry in self.log.entries()]


@contextmanager
def locked(
    root: Path,
    service: TaskService,
    get: Callable[[], TaskService] | None = None,
    pipelines: PipelineService | None = None,
) -> Iterator[Locked]:
    token_file, audit_file = state_files(root)
    tokens = Tokens(token_file)
    secrets = {role: tokens.add(name, role, [PARTY] if role is Role.DATA_OWNER else []) for role, name in NAMES.items()}
    doors = Doors(DoorSettings(token_file, audit_file))
    get = get or (lambda: service)
    with Store(f"sqlite:///{root}/paddledtx.db") as store:  # of its own: what its routes say is tested elsewhere
        desk = PaddleDesk(store, PaddleSettings(root), doors)
        fate = FateDesk(store.papers, get, pipelines or PipelineService(store, service), FateSettings(root))
    more: dict[str, Any] = {"paddledtx_desk": desk, "fate_desk": fate, "pipeline_service": pipelines}
    app = build_app(get, version="9", doors=doors, **more)
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        yield Locked(app, client, tokens, secrets, AuditLog(audit_file))
