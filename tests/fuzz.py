"""Requests made up from the OpenAPI document: `python -m tests.fuzz --requests 10000 --seed 1`.

schemathesis reads what the document promises and tries its edges: types, lengths, encodings, missing parts. Written by
hand such a list would hold what its writer thought of; hypothesis alone does not know the document. The tests send a
few hundred, the same ones each time (tests/api/test_openapi_fuzz.py); this sends as many as are asked for, others with
each seed, in the same process, with tasks that are there and a runner that only writes down what it is told. Each
operation gets its share, and not fewer than 50. Prints a JSON line for each operation and one for all; the exit code is
1 where an answer was a 5xx, held a stack trace, or was not what the document promises.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import tempfile
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st

from fedray.task.registry import Registry
from serve_api.doors.roles import Role
from tests.api.conftest import ScriptedRunner, opened_world
from tests.api.doors import Locked, bearer, locked

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import CHECKS, load_all_checks
    from schemathesis.generation import GenerationMode

__all__ = ["Tried", "operations", "try_operation"]

load_all_checks()
PROMISES = [CHECKS.get_one(name) for name in ("response_schema_conformance", "content_type_conformance")]
LEAST = 50


@dataclass
class Tried:
    """What came of the requests of one operation."""

    operation: str
    statuses: Counter[int] = field(default_factory=Counter)
    problem: str = ""

    def as_dict(self) -> dict[str, object]:
        return {
            "operation": self.operation,
            "requests": self.statuses.total(),
            "statuses": dict(sorted(self.statuses.items())),
            **({"problem": self.problem} if self.problem else {}),
        }


def operations(doors: Locked) -> list[Any]:
    """Return the operations of an application's own document."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", doors.app)
    return [found.ok() for found in schema.get_all_operations()]


def try_operation(operation: Any, headers: dict[str, str], examples: int, seed: int | None = None) -> Tried:
    """Send requests of one operation, right and wrong ones, some about a task that is there.

    Parameters
    ----------
    seed
        Draws the requests; None draws the same ones each time.
    """
    tried = Tried(f"{operation.method.upper()} {operation.path}")
    names = {key: value for key, value in {"name": "t", "tag": "champion"}.items() if f"{{{key}}}" in operation.path}
    there = {"path_parameters": names} if names else {}
    kinds = [operation.as_strategy(GenerationMode.POSITIVE, **there), operation.as_strategy(GenerationMode.POSITIVE)]
    if operation.query or operation.path_parameters or operation.body:
        kinds.append(operation.as_strategy(GenerationMode.NEGATIVE))

    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=seed is None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(kinds))
    def send(case: Any) -> None:
        reply = case.call(headers=headers)
        tried.statuses[reply.status_code] += 1
        assert reply.status_code < 500, reply.text
        assert "Traceback" not in reply.text
        case.validate_response(reply, checks=PROMISES)

    (send if seed is None else hypothesis.seed(seed)(send))()
    return tried


def _told(operation: Any, headers: dict[str, str], examples: int, seed: int) -> Tried:
    try:
        return try_operation(operation, headers, examples, seed)
    except Exception as error:  # whatever it is, the other operations are tried as well
        problem = f"{type(error).__name__}: {error}"[:2000]
        return Tried(f"{operation.method.upper()} {operation.path}", problem=problem)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Requests made up from the OpenAPI.")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logging.disable()  # refusals are expected here by the thousand
    found: list[Tried] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        opened_world(Path(folder), ScriptedRunner(), Registry.local()) as world,
        locked(Path(folder), world.service) as doors,
    ):
        world.run("t")
        world.train("t")
        world.finish("t")
        every = operations(doors)
        examples = max(LEAST, math.ceil(asked.requests / len(every)))
        for operation in every:
            found.append(_told(operation, bearer(doors.secrets[Role.ADMIN]), examples, asked.seed))
            print(json.dumps(found[-1].as_dict()), flush=True)
        changed = list(doors.log.verify().findings)
    statuses = sum((tried.statuses for tried in found), Counter[int]())
    problems = [tried.operation for tried in found if tried.problem] + changed
    total = {"requests": statuses.total(), "seed": asked.seed, "statuses": dict(sorted(statuses.items()))}
    print(json.dumps({**total, "problems": problems}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
