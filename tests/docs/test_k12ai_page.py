"""The requests of docs/k12ai.md, sent in their order, are answered as the page shows."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedray.task.feed import Feed
from fedray.task.record import Status
from fedray.task.registry import Registry
from fedray.task.service import TaskService
from fedray.task.store import Store
from fedray.task.usage import ActorUsage, DiskUsage, NodeUsage, Usage
from serve_api.app import build_app
from serve_api.k12ai.codes import SEED
from serve_api.k12ai.desk import Desk
from serve_api.k12ai.settings import K12Settings
from serve_api.k12ai.telling import API
from tests.api.conftest import ScriptedRunner, TestClient, World
from tests.docs.blocks import ROOT, blocks

PAGE = ROOT / "docs/k12ai.md"
BLOCKS = blocks(PAGE)
GB = 10**9
USED = Usage(
    (NodeUsage("10.0.0.5", (50.0, 25.0), 16 * GB, 4 * GB, 25.0, (DiskUsage("/", 2, 1, 50.0),)),),
    (ActorUsage("ab" * 16, "test.123456.4", 2, "feature_client", "10.0.0.5", 180.0, 16 * GB, 160_000_000),),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    runner = ScriptedRunner(used=USED)
    with Store(f"sqlite:///{tmp_path}/tasks.db") as store:
        yield World(store, runner, TaskService(store, runner, Registry.local(), new_seed=lambda: "seed"))


def without_times(value: Any) -> Any:
    listed = value if isinstance(value, list) else []
    for message in listed:
        message.pop("timestamp")
        message.pop("datetime")
    return value


def test_the_page_says_what_the_server_answers(world: World) -> None:
    desk = Desk(lambda: world.service, K12Settings())
    feed = Feed(world.store, API, desk.telling.shape)
    http = TestClient(build_app(lambda: world.service, version="1", k12ai_desk=desk), base_url="http://127.0.0.1")
    training = BLOCKS[0].text.partition("\n\n")[2]

    def begin() -> str:
        """Start what the page's first request starts."""
        name: str = http.post("/k12ai/framework/train", content=training).json()["message"].rpartition(" ")[2]
        world.store.transition(name, Status.RUNNING)
        return name

    def between(said: str) -> None:
        """Bring the world on to where the page's next request is sent."""
        if "train.start" in said:
            world.store.transition("test.123456", Status.RUNNING)
            row = {"row": [32.0, 101, 0.25, 0.5, 0.125], "columns": ["time", "n_batches", "loss", "auc", "ks"]}
            world.tell("test.123456", "record", row)
        if "evaluate.start" in said:
            world.finish(begin())
        if "predict.start" in said:
            world.store.transition("test.123456.3", Status.RUNNING)
            world.tell("test.123456.3", "phase", {"phase": "serve"})
        if "k12ai.predict" in said:
            begin()
        while feed.step():
            pass

    requests = [(place, block) for place, block in enumerate(BLOCKS) if block.language == "http"]
    assert len(requests) > 8
    for place, block in requests:
        head, _, body = block.text.partition("\n\n")
        method, path = head.split()
        reply = http.request(method, path, content=body.encode())
        shown = BLOCKS[place + 1]
        assert shown.language == "json"
        assert without_times(reply.json()) == without_times(json.loads(shown.text)), f"line {block.line}"
        between(block.text)


def test_the_settings_are_those_of_the_server(tmp_path: Path) -> None:
    (shown,) = [block.text for block in BLOCKS if block.language == "toml"]
    file = tmp_path / "k12ai.toml"
    file.write_text(shown)
    read = K12Settings.from_toml(file)
    assert read == K12Settings(webhook="http://10.0.0.9:8129/k12ai/private/message")
    for name in tomllib.loads(shown):
        assert f"| `{name}` |" in PAGE.read_text("utf-8")


def test_every_code_is_on_the_page() -> None:
    rows = "".join(re.findall(r"^\| (1\d{5}[^|]*)\|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert {number for number, _ in SEED.values()} == {int(code) for code in re.findall(r"\d{6}", rows)}
