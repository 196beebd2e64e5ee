"""Requests made up from the OpenAPI document, right ones and wrong ones: no 5xx, no stack trace, in any API's shape.

schemathesis reads what the document promises and tries its edges: types, lengths, encodings, missing parts. Written by
hand such a list would hold what its writer thought of; hypothesis alone does not know the document.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fedray.pipeline.service import PipelineService
from serve_api.doors.roles import ROUTES, Role
from tests.api.conftest import World
from tests.api.doors import Locked, bearer, locked
from tests.pipelines import pipeline

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import CHECKS, load_all_checks
    from schemathesis.generation import GenerationMode

load_all_checks()
PROMISES = [CHECKS.get_one(name) for name in ("response_schema_conformance", "content_type_conformance")]
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
    schema = schemathesis.openapi.from_asgi("/openapi.json", doors.app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {(operation.method.upper(), operation.path) for operation in operations} <= set(ROUTES)
    assert len(operations) == len(ROUTES) - 2, "all but the pages of the documentation"
    for operation in operations:
        _try(operation, bearer(doors.secrets[Role.ADMIN]))
    assert doors.log.verify().findings == ()


def _try(operation: Any, headers: dict[str, str]) -> None:
    """Send requests of one operation as an admin, right and wrong ones, some about a task that is there."""
    names = {key: value for key, value in {"name": "t", "tag": "champion"}.items() if f"{{{key}}}" in operation.path}
    there = {"path_parameters": names} if names else {}
    kinds = [operation.as_strategy(GenerationMode.POSITIVE, **there), operation.as_strategy(GenerationMode.POSITIVE)]
    if operation.query or operation.path_parameters or operation.body:
        kinds.append(operation.as_strategy(GenerationMode.NEGATIVE))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(kinds))
    def send(case: Any) -> None:
        reply = case.call(headers=headers)
        assert reply.status_code < 500, reply.text
        assert "Traceback" not in reply.text
        case.validate_response(reply, checks=PROMISES)

    send()
