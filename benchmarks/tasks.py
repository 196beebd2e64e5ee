"""Task documents, roots and ways to run them that the benchmarks share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.machine import limited_threads
from fedray.data.root import DataRoot
from fedray.parties.run import run_local
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse

__all__ = ["client", "cluster", "make_root", "plan_of", "run_plan"]

Outcomes = dict[int, dict[str, Any]]


def client(role: str, port: int, **config: object) -> dict[str, object]:
    """Return one client of a createTask body."""
    return {
        "role": role,
        "addr": "127.0.0.1",
        "http_port": port,
        "client_config": {"computation_port": port + 1, **config},
    }


def plan_of(name: str, clients: list[dict[str, object]]) -> TaskPlan:
    """Return the plan of a task on this machine, with a fixed seed."""
    return make_plan(parse({"task_name": name, "clients": clients}), Registry.local(), "benchmark")


def make_root(folder: Path) -> DataRoot:
    """Make the folders of a data root."""
    for name in ("raw", "generated"):
        (folder / name).mkdir()
    return DataRoot(folder)


@contextmanager
def cluster(transport: str, sharing: int = 1) -> Iterator[None]:
    """Start a Ray for the time of the block if the transport needs one.

    Parameters
    ----------
    sharing
        Number of parties that compute at the same time, and so share the processors.
    """
    if transport == "memory":
        yield
        return
    from actors.cluster import leave, start_or_join

    with limited_threads(sharing):  # Ray hands its environment on to the actors
        start_or_join(None)
    try:
        yield
    finally:
        leave()


def run_plan(plan: TaskPlan, root: DataRoot, transport: str) -> tuple[Outcomes, float]:
    """Run a task on threads (``memory``) or on actors of a running Ray (``ray``); return outcomes and seconds."""
    started = time.monotonic()
    if transport == "memory":
        found: Mapping[int, Any] = {index: asdict(done) for index, done in enumerate(run_local(plan, root))}
        return dict(found), time.monotonic() - started
    from actors.team import Team

    team = Team(plan, str(root.path))
    try:
        team.start()
        return team.watch(), time.monotonic() - started
    finally:
        team.close()
