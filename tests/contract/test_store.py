"""What every database behind the store must do, run over SQLite and over a real PostgreSQL."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from fedray.errors import Conflict, FedrayError, NotFound, SpecError, StateError
from fedray.task.record import TRANSITIONS, Event, RecordTable, Status
from fedray.task.store import Store

WAYS = {
    Status.CREATED: [],
    Status.QUEUED: [Status.QUEUED],
    Status.RUNNING: [Status.QUEUED, Status.RUNNING],
    Status.FINISHED: [Status.QUEUED, Status.RUNNING, Status.FINISHED],
    Status.FAILED: [Status.QUEUED, Status.FAILED],
    Status.CANCELLED: [Status.CANCELLED],
}


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store(store_url, Clock()) as opened:
        yield opened


def make(store: Store, name: str, status: Status = Status.CREATED, kind: str = "alignment") -> None:
    store.create_task(name, kind, '{"spec":1}', '{"plan":1}')
    for step in WAYS[status]:
        store.transition(name, step)


def race(actions: list[Callable[[], object]]) -> list[object]:
    """Let all actions go at the same moment; give each one's result or its error's type."""
    barrier = threading.Barrier(len(actions))
    results: list[object] = [None] * len(actions)

    def run(place: int) -> None:
        barrier.wait()
        try:
            results[place] = actions[place]()
        except FedrayError as exc:
            results[place] = type(exc)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


class TestStore:
    def test_new_task(self, store: Store) -> None:
        task = store.create_task("first", "shared_nn", '{"a":1}', '{"b":2}')
        assert task == store.get("first")
        assert (task.name, task.kind, task.status) == ("first", "shared_nn", Status.CREATED)
        assert (task.spec, task.plan, task.created_at) == ('{"a":1}', '{"b":2}', 1001.0)
        assert (task.queued_at, task.started_at, task.ended_at) == (None, None, None)
        assert (task.error, task.progress, task.dataset, task.n_batches) == (None, None, None, 0)

    def test_name_is_taken(self, store: Store) -> None:
        make(store, "first")
        with pytest.raises(Conflict) as caught:
            make(store, "first")
        assert caught.value.message == "Task with name first already exists"

    @pytest.mark.parametrize("name", ["none", "", "nul\x00", "half \ud800", "x' OR '1'='1"])
    def test_unknown_name(self, store: Store, name: str) -> None:
        make(store, "first")
        calls: list[Callable[[], object]] = [
            lambda: store.get(name),
            lambda: store.transition(name, Status.QUEUED),
            lambda: store.events.add(name, [Event("note")]),
            lambda: store.events.of(name),
            lambda: store.events.record(name),
            lambda: store.reports.save(name, {}),
            lambda: store.reports.get(name),
        ]
        for call in calls:
            with pytest.raises(NotFound, match=r"^Task with name .* not exist$"):
                call()
        assert not store.exists(name)
        assert store.exists("first")

    @pytest.mark.parametrize("name", ["信贷对齐-1", "naïve résumé", "🙂 two  blanks", "%_'\";--", "x" * 128])
    def test_names_of_all_sorts(self, store: Store, name: str) -> None:
        make(store, name)
        assert store.get(name).name == name
        assert [task.name for task in store.list_tasks(search=name)[0]] == [name]

    def test_table_of_transitions(self, store: Store) -> None:
        for before, after in itertools.product(Status, Status):
            name = f"{before} to {after}"
            make(store, name, before)
            known = store.get(name)
            if after in TRANSITIONS[before]:
                assert store.transition(name, after) is before, name
                assert store.get(name).status is after, name
            else:
                with pytest.raises(StateError):
                    store.transition(name, after)
                assert store.get(name) == known, name

    def test_times_and_error(self, store: Store) -> None:
        make(store, "task", Status.RUNNING)
        error = {"type": "DataError", "message": "no file", "party": "bank", "phase": "load"}
        store.transition("task", Status.FAILED, error)
        task = store.get("task")
        times = (task.created_at, task.queued_at, task.started_at, task.ended_at)
        assert times == (1001.0, 1002.0, 1003.0, 1004.0)
        assert task.error == error
        last = store.events.of("task")[-1]
        assert last.event == Event("status", {"status": "failed", "error": error}, "", 1004.0)

    def test_a_failed_task_is_queued_again(self, store: Store) -> None:
        make(store, "task", Status.RUNNING)
        error = {"type": "PeerLost", "message": "gone", "party": "bank", "phase": "train"}
        assert store.events.resumptions("task") == 0
        store.transition("task", Status.FAILED, error)
        store.transition("task", Status.QUEUED, before=Status.FAILED)
        task = store.get("task")
        assert (task.status, task.error) == (Status.QUEUED, None)
        assert (task.queued_at, task.started_at, task.ended_at) == (1005.0, None, None)
        store.transition("task", Status.RUNNING)
        store.transition("task", Status.QUEUED, before=Status.RUNNING)  # by itself
        assert store.events.resumptions("task") == 2
        told = [stored.event.data["status"] for stored in store.events.of("task")]
        assert told == ["queued", "running", "failed", "queued", "running", "queued"]
        with pytest.raises(NotFound):
            store.events.resumptions("nobody")

    def test_a_change_from_one_status_only(self, store: Store) -> None:
        make(store, "task", Status.FAILED)
        with pytest.raises(StateError):
            store.transition("task", Status.QUEUED, before=Status.CREATED)
        assert store.get("task").status is Status.FAILED

    def test_the_record_goes_back_to_the_checkpoint(self, store: Store) -> None:
        make(store, "task", Status.RUNNING)
        columns = ["time", "n_batches", "loss"]
        rows = [Event("record", {"row": [float(n), n, 0.5], "columns": columns}) for n in (10, 20, 30)]
        store.events.add("task", [*rows, Event("progress", {"phase": "train", "done": 35, "total": 50})])
        store.events.add("task", [Event("resumed", {"n_batches": 20, "text": "going on"})])
        assert store.events.record("task") == RecordTable(columns, [[10.0, 10, 0.5], [20.0, 20, 0.5]])
        assert store.get("task").n_batches == 20
        again = Event("record", {"row": [33.0, 30, 0.25], "columns": columns})
        store.events.add("task", [rows[2], Event("resumed", {"n_batches": 10}), rows[1], again])
        assert [row[:2] for row in store.events.record("task").rows] == [[10.0, 10], [20.0, 20], [33.0, 30]]
        assert store.get("task").n_batches == 30

    def test_events_have_places_without_gaps(self, store: Store) -> None:
        make(store, "other", Status.QUEUED)
        make(store, "task", Status.QUEUED)
        batch = [Event("note", {"text": f"步骤 {i}"}, "银行", 5.0 + i) for i in range(3)]
        store.events.add("task", batch)
        store.events.add("task", [])
        store.transition("task", Status.RUNNING)
        found = store.events.of("task")
        assert [stored.id for stored in found] == [1, 2, 3, 4, 5]
        assert [stored.event for stored in found[1:4]] == batch
        assert store.events.of("task", after=2, limit=2) == found[2:4]
        assert store.events.of("task", after=5) == []
        assert found[1].as_dict() == {
            "id": 2, "kind": "note", "data": {"text": "步骤 0"}, "party": "银行", "time_s": 5.0,
        }  # fmt: skip

    def test_folds(self, store: Store) -> None:
        make(store, "task", Status.RUNNING)
        columns = ["time", "n_batches", "loss", "auc"]
        store.events.add("task", [
            Event("dataset", {"n_train": 24000, "n_test": 6000}),
            Event("progress", {"phase": "align", "done": 9000, "total": 9000}),
            Event("progress", {"phase": "train", "done": 100, "total": 300, "loss": 0.25}),
            Event("record", {"row": [1.5, 101, 0.25, 0.5], "columns": columns}),
        ])  # fmt: skip
        task = store.get("task")
        assert task.dataset == (24000, 6000)
        assert task.progress == {"phase": "train", "done": 100, "total": 300, "loss": 0.25}
        assert task.n_batches == 101
        store.events.add("task", [
            Event("progress", {"phase": "train", "done": 90, "total": 300}),
            Event("record", {"row": [3.0, 202, float("nan"), float("inf")], "columns": columns}),
        ])  # fmt: skip
        assert store.get("task").n_batches == 202
        assert store.events.record("task") == RecordTable(columns, [[1.5, 101, 0.25, 0.5], [3.0, 202, None, None]])

    def test_no_record_yet(self, store: Store) -> None:
        make(store, "task")
        assert store.events.record("task") == RecordTable([], [])

    @pytest.mark.parametrize(
        ("kind", "data", "text"),
        [
            ("progress", {"phase": "train"}, "expected done"),
            ("resumed", {"text": "going on"}, "resumed event: expected n_batches to be an integer from 0"),
            ("progress", {"phase": "train", "done": True}, "expected done"),
            ("progress", {"phase": "train", "done": 2**60}, "expected done"),
            ("progress", {"n_batches": -1}, "expected n_batches"),
            ("dataset", {"n_train": 1}, "expected n_test"),
            ("dataset", {"n_train": "1", "n_test": 1}, "expected n_train"),
            ("record", {"row": [1, 2], "columns": ["time", "n_batches"]}, "expected row"),
            ("record", {"row": [1, 2, "3"], "columns": ["time", "n_batches", "loss"]}, "expected row"),
            ("record", {"row": [1, 2, 3], "columns": ["time"]}, "expected columns"),
            ("record", {"row": [1, 2.5, 3], "columns": ["time", "n_batches", "loss"]}, r"expected row\[1\]"),
            ("note", {"text": object()}, "expected JSON values, got one of type object"),
        ],
    )
    def test_bad_event_keeps_nothing(self, store: Store, kind: str, data: dict[str, object], text: str) -> None:
        make(store, "task", Status.RUNNING)
        known = store.get("task")
        with pytest.raises(SpecError, match=text):
            store.events.add("task", [Event("progress", {"phase": "train", "done": 7}), Event(kind, data)])
        assert store.get("task") == known
        assert len(store.events.of("task")) == 2

    def test_big_batch(self, store: Store) -> None:
        make(store, "task", Status.RUNNING)
        columns = ["time", "n_batches", "loss"]
        batch = [Event("record", {"row": [float(i), i, 0.5], "columns": columns}) for i in range(5000)]
        store.events.add("task", [*batch, Event("note", {"text": "x" * 200_000})])
        assert store.get("task").n_events == 5003
        assert len(store.events.record("task").rows) == 5000
        assert store.events.record("task").rows[1] == [1.0, 1, 0.5]
        assert len(store.events.of("task", after=5000)) == 3
        assert len(str(store.events.of("task", after=5002)[0].event.data["text"])) == 200_000

    def test_pages_and_filters(self, store: Store) -> None:
        for place in range(7):
            make(store, f"Task-{place}", Status.QUEUED if place % 2 else Status.CREATED)
        make(store, "net_1", kind="shared_nn")
        found, total = store.list_tasks(limit=3, offset=1)
        assert ([task.name for task in found], total) == (["Task-6", "Task-5", "Task-4"], 8)
        assert store.list_tasks(status=Status.QUEUED)[1] == 3
        assert [task.name for task in store.list_tasks(kinds=["shared_nn"])[0]] == ["net_1"]
        assert store.list_tasks(kinds=["shared_nn", "linear"])[1] == 1
        assert store.list_tasks(kinds=[]) == ([], 0)
        assert store.list_tasks(search="tASK")[1] == 7
        assert store.list_tasks(search="_")[1] == 1
        assert store.list_tasks(search="%")[1] == 0
        assert store.list_tasks(search="\x00") == ([], 0)
        assert store.list_tasks(kinds=["\x00"]) == ([], 0)
        assert store.list_tasks(status=Status.QUEUED, search="1")[1] == 1
        assert store.list_tasks(offset=8) == ([], 8)

    def test_queue_in_order_of_start(self, store: Store) -> None:
        for name in ("a", "b", "c", "d"):
            make(store, name)
        for name in ("c", "a", "d"):
            store.transition(name, Status.QUEUED)
        store.transition("a", Status.RUNNING)
        assert store.queue() == ["c", "d"]

    def test_reports(self, store: Store) -> None:
        make(store, "task")
        with pytest.raises(StateError, match="has no report yet"):
            store.reports.get("task")
        store.reports.save("task", {"auc": 0.5})
        store.reports.save("task", {"auc": 0.75, "worst": float("inf"), "名": ["é"]})
        assert store.reports.get("task") == {"auc": 0.75, "worst": None, "名": ["é"]}

    def test_restart(self, store_url: str) -> None:
        with Store(store_url, Clock()) as first:
            for status in Status:
                make(first, status.value, status)
            first.events.add("running", [Event("progress", {"phase": "train", "done": 5, "total": 9})])
            first.reports.save("finished", {"ok": True})
            known = first.list_tasks()
        with Store(store_url, Clock()) as second:
            assert second.list_tasks() == known
            assert second.reports.get("finished") == {"ok": True}
            assert sorted(second.fail_running("the server was restarted")) == ["queued", "running"]
            assert second.fail_running("the server was restarted") == []
            error = {"type": "FedrayError", "message": "the server was restarted", "party": "", "phase": ""}
            assert second.get("running").error == error
            assert second.get("running").n_batches == 5
            assert second.get("created").status is Status.CREATED

    def test_other_version_is_refused(self, store_url: str, store: Store) -> None:
        with store._engine.begin() as connection:
            connection.execute(sa.text("UPDATE fedray_schema SET version = 99"))
        with pytest.raises(SpecError, match="expected tables of version 1, got version 99"):
            Store(store_url)


class TestRaces:
    def test_opening_an_empty_database(self, store_url: str) -> None:
        def open_and_use(place: int) -> bool:
            with Store(store_url) as store:
                make(store, f"task-{place}")
            return True

        assert race([lambda place=place: open_and_use(place) for place in range(4)]) == [True] * 4  # type: ignore[misc]

    def test_one_creates(self, store_url: str) -> None:
        with Store(store_url) as first, Store(store_url) as second:
            stores = [first, second] * 4
            results = race([lambda s=s: s.create_task("task", "alignment", "{}", "{}").name for s in stores])  # type: ignore[misc]
            assert sorted(map(str, results)) == sorted(["task", *[str(Conflict)] * 7])

    def test_one_starts(self, store_url: str) -> None:
        with Store(store_url) as first, Store(store_url) as second:
            make(first, "task")
            stores = [first, second] * 4
            results = race([lambda s=s: s.transition("task", Status.QUEUED) for s in stores])  # type: ignore[misc]
            assert results.count(Status.CREATED) == 1
            assert results.count(StateError) == 7
            assert [stored.event.data for stored in first.events.of("task")] == [{"status": "queued"}]

    def test_one_end(self, store_url: str) -> None:
        ends = [Status.FINISHED, Status.FAILED, Status.CANCELLED] * 2
        with Store(store_url) as first, Store(store_url) as second:
            make(first, "task", Status.RUNNING)
            results = race([
                lambda s=s, to=to: s.transition("task", to)  # type: ignore[misc]
                for s, to in zip([first, second] * 3, ends, strict=True)
            ])  # fmt: skip
            assert results.count(Status.RUNNING) == 1
            assert first.get("task").status is ends[results.index(Status.RUNNING)]

    def test_a_reader_misses_no_event(self, store_url: str) -> None:
        with Store(store_url) as first, Store(store_url) as second:
            make(first, "task", Status.RUNNING)
            seen: list[int] = []

            def write(store: Store, party: str) -> None:
                for place in range(20):
                    store.events.add("task", [Event("note", {"n": place}, party)] * 5)

            def read() -> None:
                while len(seen) < 202:
                    seen.extend(stored.id for stored in second.events.of("task", seen[-1] if seen else 0, 50))

            race([lambda: write(first, "a"), lambda: write(second, "b"), read])
            assert seen == list(range(1, 203))

    def test_processes(self, store_url: str) -> None:
        """Two processes of their own race for each of ten tasks; every task is started by exactly one."""
        program = (
            "import sys\n"
            "from fedray.errors import StateError\n"
            "from fedray.task.record import Status\n"
            "from fedray.task.store import Store\n"
            "store, won = Store(sys.argv[1]), 0\n"
            "sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.readline()\n"
            "for place in range(10):\n"
            "    try:\n"
            "        store.transition(f'task-{place}', Status.QUEUED)\n"
            "        won += 1\n"
            "    except StateError:\n"
            "        pass\n"
            "print(won)\n"
        )
        with Store(store_url) as store:
            for place in range(10):
                make(store, f"task-{place}")
            command = [sys.executable, "-c", program, store_url]
            racers = [
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
            ]
            for racer in racers:
                assert racer.stdout is not None
                assert racer.stdout.readline() == "ready\n"
            for racer in racers:
                assert racer.stdin is not None
                racer.stdin.write("go\n")
                racer.stdin.flush()
            outputs = [racer.communicate(timeout=60)[0] for racer in racers]
            assert sum(map(int, outputs)) == 10
            assert store.list_tasks(status=Status.QUEUED)[1] == 10


class TestTags:
    def test_a_tag_points_to_one_model(self, store: Store) -> None:
        for name in ("one", "two"):
            make(store, name)
        for tag, name in (("b", "one"), ("a", "one"), ("b", "two"), ("b", "two")):
            store.tags.put(tag, name)
        assert store.tags.all() == {"a": "one", "b": "two"}
        assert (store.tags.of("one"), store.tags.find("b"), store.tags.find("c")) == (("a",), "two", None)
        assert (store.tags.drop("one", "b"), store.tags.drop("two", "b")) == (0, 1)
        assert (store.tags.drop("one"), store.tags.all()) == (1, {})

    def test_of_several_that_set_it_at_once_one_is_the_last(self, store: Store) -> None:
        for name in ("one", "two", "three"):
            make(store, name)
        race([lambda name=name: store.tags.put("a", name) for name in ("one", "two", "three")])
        assert store.tags.find("a") in ("one", "two", "three")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("nonsense", "expected a URL such as"),
        ("mysql://host/db", "expected a URL of sqlite or postgresql, got one of mysql"),
        ("sqlite://", "expected a file"),
        ("sqlite:///:memory:", "expected a file"),
    ],
)
def test_bad_url(url: str, text: str) -> None:
    with pytest.raises(SpecError, match=text):
        Store(url)


def test_server_that_does_not_answer_keeps_the_password() -> None:
    with pytest.raises(FedrayError, match="cannot be opened") as caught:
        Store("postgresql://someone:sesame@127.0.0.1:1/db")
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("status", Status)
def test_the_status_alone_is_that_of_the_task(store: Store, status: Status) -> None:
    make(store, "t", status)
    assert store.status("t") is store.get("t").status is status
    for name in ("T", "u", "a\0b", "\ud800", ""):
        with pytest.raises(NotFound):
            store.status(name)
