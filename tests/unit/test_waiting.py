"""The supervisor's queue: how many tasks on a node, and that none is overtaken there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from actors.waiting import Waiting

NODES = {"a": {"1"}, "both": {"1", "2"}, "b": {"2"}, "c": {"3"}, "d": {"1"}}


def plan(name: str) -> Any:
    return SimpleNamespace(task=name)


def nodes_of(plan: Any) -> frozenset[str]:
    return frozenset(NODES[plan.task])


def take(waiting: Waiting) -> list[str]:
    return [one.task for one in waiting.take(nodes_of)]


@pytest.fixture
def waiting() -> Waiting:
    made = Waiting(1)
    for name in NODES:
        made.add(plan(name))
    return made


def test_a_task_starts_where_all_its_nodes_have_room_and_overtakes_nobody_there(waiting: Waiting) -> None:
    assert take(waiting) == ["a", "c"], "b could start, but would overtake the one that waits for both nodes"
    assert waiting.names == ["both", "b", "d"]
    assert take(waiting) == []
    waiting.end("a")
    assert take(waiting) == ["both"]
    waiting.end("both")
    assert take(waiting) == ["b", "d"]
    assert waiting.names == []


def test_several_on_a_node() -> None:
    waiting = Waiting(2)
    for name in NODES:
        waiting.add(plan(name))
    assert take(waiting) == ["a", "both", "b", "c"]
    assert waiting.names == ["d"]


def test_who_is_dropped_does_not_start(waiting: Waiting) -> None:
    waiting.drop("both")
    waiting.drop("nobody")
    assert take(waiting) == ["a", "b", "c"]
    assert waiting.is_at_work("b")
    assert not waiting.is_at_work("d")
    waiting.end("b")
    waiting.end("nobody")
    assert not waiting.is_at_work("b")
    waiting.clear()
    assert waiting.names == []


def test_a_node_that_cannot_be_told_leaves_all_waiting(waiting: Waiting) -> None:
    def fails(plan: Any) -> frozenset[str]:
        if plan.task == "b":
            raise OSError
        return nodes_of(plan)

    with pytest.raises(OSError):
        waiting.take(fails)
    assert waiting.names == list(NODES)
    assert take(waiting) == ["a", "c"]
