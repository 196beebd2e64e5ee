"""Requests made up from the OpenAPI document, right ones and wrong ones: no 5xx, no stack trace, in any API's shape.

The same few hundred each time; `python -m tests.fuzz` sends ten thousand others.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fedray.pipeline.service import PipelineService
from serve_api.doors.roles import ROUTES, Role
from tests.api.conftest import World
from tests.api.doors import Locked, bearer, locked
from tests.fuzz import operations, try_operation
from tests.pipelines import pipeline

EXAMPLES = 15
"""For each operation; all of them take some seconds."""


@pytest.fixture
def doors(tmp_path: Path, world: World) -> Iterator[Locked]:
    world.run("t")
    world.train("t")
    world.finish("t")
    pipelines = PipelineService(world.store, world.service)
    pipelines.create(pipeline("t"))
    with locked(tmp_path, world.service, pipelines=pipelines) as opened:
        yield opened


def test_no_request_breaks_the_server(doors: Locked) -> None:
    every = operations(doors)
    assert {(operation.method.upper(), operation.path) for operation in every} <= set(ROUTES)
    assert len(every) == len(ROUTES) - 2, "all but the pages of the documentation"
    for operation in every:
        try_operation(operation, bearer(doors.secrets[Role.ADMIN]), EXAMPLES)
    assert doors.log.verify().findings == ()
