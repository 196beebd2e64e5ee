"""Requests made up from the OpenAPI document, right ones and wrong ones: no 5xx, no stack trace, in any API's shape.

schemathesis reads what the document promises and tries its edges: types, lengths, encodings, missing parts. Written by
hand such a list would hold what its writer thought of; hypothesis alone does not know the document.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from serve_api.doors.roles import Role
from tests.api.conftest import World
from tests.api.doors import Locked, bearer, locked

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    schemathesis = pytest.importorskip("schemathesis")

EXAMPLES = 40
"""For each operation; all of them take some seconds."""


@pytest.fixture
def doors(tmp_path: Path, world: World) -> Iterator[Locked]:
    world.run("t")
    world.train("t")
    world.finish("t")
    with locked(tmp_path, world.service) as opened:
        yield opened


def test_no_request_breaks_the_server(doors: Locked) -> None:
    document = doors.client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == sum(len(methods) for methods in document["paths"].values())
    for operation in operations:
        _try(doors, operation)
    assert doors.log.verify().findings == ()


def _try(doors: Locked, operation: object) -> None:
    """Send requests of one operation as an admin, right and wrong ones."""
    strategy = st.one_of(*(_cases(operation, mode) for mode in ("POSITIVE", "NEGATIVE")))

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def send(case: object) -> None:
        with contextlib.suppress(UnicodeError):  # what no client could send
            _check(doors, case)

    send()
