"""The stamp of the store sees every change that a list of tasks shows, and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fedray.task.approvals import Decision
from fedray.task.jobs import JobKey
from fedray.task.record import Event, Status
from fedray.task.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(f"sqlite:///{tmp_path}/f.db", clock=lambda: 7.0)  # a clock that stands still hides no change
    made.create_task("t", "linear", "{}", "{}")
    return made


def changed(store: Store, act: Callable[[], object]) -> bool:
    before = store.changes.stamp()
    act()
    return store.changes.stamp() != before


def test_a_task_that_comes_and_every_step_of_its_life(store: Store) -> None:
    assert changed(store, lambda: store.create_task("u", "predict", "{}", "{}"))
    for status in (Status.QUEUED, Status.RUNNING, Status.FAILED, Status.QUEUED, Status.CANCELLED):
        assert changed(store, lambda to=status: store.transition("t", to)), status
    assert list(store.changes.marks(["linear", "predict"])) == ["u", "t"]
    assert store.changes.marks(["linear"])["t"] == ("cancelled", 7.0, None, 7.0)


def test_approvals_and_jobs(store: Store) -> None:
    assert changed(store, lambda: store.approvals.ask("t", {"bank": 9.0}))
    assert changed(store, lambda: store.approvals.ask("t", {"shop": 8.0}))
    assert changed(store, lambda: store.approvals.decide("t", "shop", Decision.APPROVED))
    assert changed(store, lambda: store.jobs.claim(JobKey("paddledtx", "", "1"), "publish", {}))
    (job,) = store.jobs.of_api("paddledtx")
    assert changed(store, lambda: store.jobs.name(job, "t"))
    assert store.approvals.all() == {"t": store.approvals.of("t")}


def test_progress_is_no_change(store: Store) -> None:
    store.transition("t", Status.QUEUED)
    store.transition("t", Status.RUNNING)
    told = Event("progress", {"phase": "train", "done": 1, "total": 2}, "p", 7.0)
    assert not changed(store, lambda: store.events.add("t", [told]))
