"""What was read from the store is told again only while nobody, in whichever process, has written anything."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from fedray.errors import NotFound
from fedray.task.record import Event, Status
from fedray.task.store import Store
from fedray.task.unchanged import Unchanged, Writes
from tests.statements import statements


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'store.sqlite'}"


def test_a_status_that_was_read_is_at_hand_until_another_store_writes(url: str) -> None:
    with Store(url) as reads, Store(url) as writes:
        writes.create_task("t", "linear", "{}", "{}")
        assert reads.known_status("t") is None
        assert reads.status("t") is Status.CREATED
        with statements() as seen:
            assert reads.known_status("t") is reads.status("t") is Status.CREATED
        assert seen == []
        writes.transition("t", Status.QUEUED)
        assert reads.known_status("t") is None
        assert reads.status("t") is reads.known_status("t") is Status.QUEUED


def test_any_write_ends_what_is_known_the_readers_own_too(url: str) -> None:
    with Store(url) as store:
        store.create_task("t", "linear", "{}", "{}")
        store.status("t")
        store.events.add("t", [Event("progress", {"phase": "train", "done": 1, "total": 2}, "bank", 1.0)])
        assert store.known_status("t") is None
        store.status("t")
        store.transition("t", Status.QUEUED)
        assert store.status("t") is Status.QUEUED


def test_a_store_that_was_closed_reads_again(url: str) -> None:
    """SQLite counts writes anew for each connection, so the number is that of before."""
    with Store(url) as reads, Store(url) as writes:
        writes.create_task("t", "linear", "{}", "{}")
        assert reads.status("t") is Status.CREATED
        reads.close()
        writes.transition("t", Status.QUEUED)
        assert reads.status("t") is Status.QUEUED


def test_what_is_not_there_is_looked_for_again(url: str) -> None:
    with Store(url) as store:
        for _ in range(2):
            with pytest.raises(NotFound):
                store.status("t")
        store.create_task("t", "linear", "{}", "{}")
        assert store.status("t") is Status.CREATED


def test_a_stamp_is_at_hand_until_something_is_written(url: str) -> None:
    with Store(url) as store:
        stamp = store.changes.stamp()
        assert store.changes.known_stamp() == stamp
        store.create_task("t", "linear", "{}", "{}")
        assert store.changes.known_stamp() is None
        assert store.changes.stamp() != stamp


def test_a_store_that_was_closed_counts_again(url: str) -> None:
    with Store(url) as store:
        store.create_task("t", "linear", "{}", "{}")
        store.status("t")
        store.close()
        assert store.status("t") is store.known_status("t") is Status.CREATED


def test_what_is_written_while_it_is_read_is_no_longer_known(url: str) -> None:
    with Store(url) as store, Store(url) as other:
        kept: Unchanged[str, int] = Unchanged(Writes(store._engine))

        def read() -> int:
            other.create_task("t", "linear", "{}", "{}")
            return 1

        assert kept.read("a", read) == 1
        assert kept.known("a") is None


def test_no_more_is_kept_than_a_bound(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fedray.task.unchanged._MOST", 3)
    with Store(url) as store:
        kept: Unchanged[int, int] = Unchanged(Writes(store._engine))
        for key in range(10):
            assert kept.read(key, lambda key=key: key) == key
        assert [key for key in range(10) if kept.known(key) is not None] == [9]


def test_a_database_that_cannot_be_asked_counts_nothing(url: str) -> None:
    with Store(url) as store:
        writes = Writes(store._engine)
        assert writes.now() == writes.now() is not None
        connection = writes._connection
        assert connection is not None
        driver = connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.close()
        assert writes.now() is None
