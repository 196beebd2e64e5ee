"""Pipelines in the store, over SQLite and over a real PostgreSQL: of two that change one, one wins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fedray.errors import Conflict, NotFound
from fedray.task.pipelines import Kept, PipelineStatus, StoredPipeline
from fedray.task.record import Status
from fedray.task.store import Store
from tests.contract.test_jobs import Hand
from tests.contract.test_store import make, race


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def store(store_url: str, clock: Hand) -> Iterator[Store]:
    with Store(store_url, clock) as opened:
        yield opened


def test_one_name_once(store: Store) -> None:
    found = race([lambda: store.pipelines.add("p", "{}").name] * 5)
    assert sorted(map(str, found)) == sorted(["p"] + [str(Conflict)] * 4)


def test_of_two_that_change_it_one_wins(store: Store) -> None:
    seen = store.pipelines.add("p", "{}")
    changed = [seen.with_step("align", Kept(number, made=True)) for number in range(5)]
    found = race([lambda one=one: store.pipelines.change(seen, one) for one in changed])  # type: ignore[misc]
    assert sorted(found) == [False] * 4 + [True]
    assert store.pipelines.get("p").steps == changed[found.index(True)].steps
    assert not store.pipelines.drop(seen)


def test_its_life(store: Store, clock: Hand) -> None:
    made = store.pipelines.add("p", '{"a": 1}')
    assert made == StoredPipeline(made.id, "p", '{"a": 1}', PipelineStatus.RUNNING, {}, 0, 1000.0, None)
    clock.now = 1005.0
    kept = Kept(2, made=True, error={"type": "DataError", "message": "no"})
    assert store.pipelines.change(made, replace(made.with_step("a", kept), status=PipelineStatus.FAILED))
    failed = store.pipelines.get("p")
    assert (failed.status, failed.ended_at, failed.kept("a"), failed.kept("b")) == ("failed", 1005.0, kept, Kept())
    assert store.pipelines.change(failed, replace(failed, status=PipelineStatus.RUNNING))
    again = store.pipelines.get("p")
    assert (again.ended_at, again.version) == (None, 2)
    assert store.pipelines.drop(again)
    with pytest.raises(NotFound):
        store.pipelines.get("p")


def test_those_at_work_and_pages(store: Store) -> None:
    for name, status in zip(("a", "b", "c", "d", "e"), PipelineStatus, strict=True):
        made = store.pipelines.add(name, "{}")
        store.pipelines.change(made, replace(made, status=status))
    assert [one.name for one in store.pipelines.at_work()] == ["a", "b"]
    found, total = store.pipelines.page(None, None, 2, 1)
    assert ([one.name for one in found], total) == (["d", "c"], 5)
    assert store.pipelines.page(PipelineStatus.FAILED, None, 9, 0)[1] == 1
    assert store.pipelines.page(None, "C", 9, 0)[1] == 1
    for odd in ("\0", "\ud800", "%", "_"):
        assert store.pipelines.page(None, odd, 9, 0) == ([], 0)


@pytest.mark.parametrize("odd", ["\0", "\ud800", "", "x" * 10_000])
def test_odd_names(store: Store, odd: str) -> None:
    with pytest.raises(NotFound):
        store.pipelines.get(odd)


def test_how_tasks_stand(store: Store) -> None:
    make(store, "t", Status.RUNNING)
    found = store.pipelines.glance([*(f"n{number}" for number in range(1200)), "t"])
    assert {name: glance.status for name, glance in found.items()} == {"t": Status.RUNNING}
    assert store.pipelines.glance([]) == {}
