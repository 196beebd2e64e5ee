"""What a server asks of whatever runs its tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fedray.task.plan import TaskPlan
from fedray.task.standing import Standing
from fedray.task.usage import Usage

__all__ = ["Runner"]


class Runner(Protocol):
    """What runs plans: a cluster's supervisor, or a test's double.

    It moves a task it was given from ``queued`` to ``running`` and to its end through the store, and expects
    that ``transition`` refuses when the task was cancelled in the meantime.
    """

    def check(self, plan: TaskPlan) -> Sequence[Standing]:
        """Let each party look at its part of a new task; raises a ``FedrayError`` of the first that refuses.

        Returns how the party of each member stands to the task, as its policy has it.
        """

    def ready(self, plan: TaskPlan) -> Sequence[Standing]:
        """As `check`, of a task that is about to start; raises also if it could not: no node, no table."""

    def approve(self, plan: TaskPlan, party: str, who: str) -> None:
        """Let a party keep, on its own node, that its data owner approves a task."""

    def forget(self, plan: TaskPlan) -> list[dict[str, object]]:
        """Let every data client of a training delete its part of the model; returns a receipt of each."""

    def ask(self, plan: TaskPlan, ids: Sequence[str]) -> list[list[float]]:
        """Let the party of a running task that answers requests answer one: a list of numbers for each id."""

    def submit(self, plan: TaskPlan) -> None:
        """Take a queued task; returns at once."""

    def checkpoint(self, plan: TaskPlan) -> int:
        """Return after how many steps the newest checkpoint is that all its clients with data have; raises if none."""

    def resume(self, plan: TaskPlan) -> None:
        """Take a queued task that goes on from its checkpoint; returns at once."""

    def cancel(self, name: str) -> None:
        """End a task that was queued or running and is cancelled in the store already."""

    def offered(self) -> list[str]:
        """Return the resources of parties that nodes offer now."""

    def usage(self) -> Usage:
        """Return what the nodes and the tasks' parties use now."""

    def queue(self) -> list[str]:
        """Return the names of the tasks that wait, the next one first."""
