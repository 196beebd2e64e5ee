"""The K12AI API over the real service and a scripted runner, asked as its clients do."""

from __future__ import annotations

from typing import Any

from fedray.task.feed import Feed
from fedray.task.record import Status
from serve_api.app import build_app
from serve_api.k12ai.desk import Desk
from serve_api.k12ai.settings import K12Settings
from serve_api.k12ai.telling import API
from tests.api.conftest import TestClient, World

Json = dict[str, Any]


SHORT = {
    "data": {"features": {"127.0.0.1:8084": "f1"}, "label": {"127.0.0.1:8884": "l"}},
    "model": "network",
    "parameters": {"in_dim": 1, "max_iter": 303, "metric": "auc_ks"},
}


ENVELOPE = {"version", "type", "tag", "op", "user", "service_uuid", "timestamp", "datetime"}


class K12:
    """The API, asked as its clients do."""

    def __init__(self, world: World, **settings: Any) -> None:
        self.world = world
        self.desk = Desk(lambda: world.service, K12Settings(**settings))
        app = build_app(lambda: world.service, version="9", k12ai_desk=self.desk)
        self.http = TestClient(app, base_url="http://127.0.0.1")
        self.feed = Feed(world.store, API, self.desk.telling.shape)

    def post(self, path: str, body: object) -> Json:
        more: Json = {"content": body} if isinstance(body, str | bytes) else {"json": body}
        reply = self.http.post(f"/k12ai/{path}", **more)
        assert reply.status_code == 200
        found: Json = reply.json()
        return found

    def do(self, op: str, params: object = None, **fields: object) -> Json:
        return self.post(f"framework/{op.partition('.')[0]}", request(op, params, **fields))

    def told(self, kind: str, app: str = "k12ai") -> list[Json]:
        """Let events become messages; take those of a type."""
        while self.feed.step():
            pass
        reply = self.http.get("/k12ai/private/popmsg", params={"key": f"{app}.{kind}"})
        found: list[Json] = reply.json()
        return found

    def train(self, *, until: Status = Status.RUNNING) -> str:
        """Start a training and bring it on."""
        assert self.do("train.start", SHORT)["code"] == 100200
        name = self.world.runner.submitted[-1]
        for status in (Status.RUNNING, until):
            if self.world.store.get(name).status is not status:
                self.world.store.transition(name, status)
        return name


def request(op: str, params: object = None, **fields: object) -> Json:
    return {
        "op": op,
        "user": "test",
        "service_name": "k12fl",
        "service_uuid": "123456",
        **({} if params is None else {"service_params": params}),
        **fields,
    }
