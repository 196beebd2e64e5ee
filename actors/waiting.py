"""Tasks that wait for room, and which of them may start."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from fedray.task.plan import TaskPlan

__all__ = ["Waiting"]


class Waiting:
    """The tasks that wait, in order, and the nodes of those at work; whoever has it keeps threads from each other.

    Parameters
    ----------
    per_node
        Tasks that may be at work on a node at a time.
    """

    def __init__(self, per_node: int) -> None:
        self._per_node = per_node
        self._plans: deque[TaskPlan] = deque()
        self._at_work: dict[str, frozenset[str]] = {}

    @property
    def names(self) -> list[str]:
        """The tasks that wait, the next one first."""
        return [plan.task for plan in self._plans]

    def add(self, plan: TaskPlan) -> None:
        """Let a task wait behind all others."""
        self._plans.append(plan)

    def drop(self, name: str) -> None:
        """Let a task wait no longer, if it does."""
        self._plans = deque(plan for plan in self._plans if plan.task != name)

    def clear(self) -> None:
        """Let no task wait any longer."""
        self._plans.clear()

    def take(self, nodes_of: Callable[[TaskPlan], frozenset[str]]) -> list[TaskPlan]:
        """Return the tasks for which all their nodes have room, in order; from now on they are at work."""
        taken: list[TaskPlan] = []
        kept: deque[TaskPlan] = deque()
        blocked: set[str] = set()
        for plan, nodes in [(plan, nodes_of(plan)) for plan in self._plans]:
            if nodes & blocked or any(self._load(node) >= self._per_node for node in nodes):
                blocked |= nodes  # a later task must not overtake on these nodes
                kept.append(plan)
                continue
            self._at_work[plan.task] = nodes
            taken.append(plan)
        self._plans = kept
        return taken

    def is_at_work(self, name: str) -> bool:
        """Return whether a task was taken and has not ended."""
        return name in self._at_work

    def end(self, name: str) -> None:
        """Give a task's room on its nodes back."""
        self._at_work.pop(name, None)

    def _load(self, node: str) -> int:
        return sum(node in nodes for nodes in self._at_work.values())
