"""What other APIs keep, over SQLite and over a real PostgreSQL: one of several wins, nothing comes twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fedray.errors import Conflict, NotFound, PlacementError
from fedray.task import messages
from fedray.task.feed import Feed
from fedray.task.jobs import BEGINS_S, Job, JobKey
from fedray.task.messages import OLDEST_S, Message
from fedray.task.record import Status
from fedray.task.store import Store, StoredEvent
from tests.contract.test_store import make, race

KEY = JobKey("api", "owner", "project")


class Hand:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def store(store_url: str, clock: Hand) -> Iterator[Store]:
    with Store(store_url, clock) as opened:
        yield opened


class TestJobs:
    def test_of_several_that_begin_the_same_one_wins(self, store: Store) -> None:
        found = race([lambda: store.jobs.claim(KEY, "train", {}).run] * 6)
        assert sorted(map(str, found)) == sorted(["1"] + [str(Conflict)] * 5)

    def test_others_may_begin_at_the_same_time(self, store: Store) -> None:
        ops = [f"op{number}" for number in range(5)]
        found = race([lambda op=op: store.jobs.claim(KEY, op, {}).run for op in ops])  # type: ignore[misc]
        assert sorted(map(str, found)) == ["1", "2", "3", "4", "5"]

    def test_a_claim_whose_process_died_does_not_last(self, store: Store, clock: Hand) -> None:
        store.jobs.claim(KEY, "train", {})
        clock.now += BEGINS_S + 1
        assert store.jobs.claim(KEY, "train", {}).run == 2

    @pytest.mark.parametrize("status", Status)
    def test_a_job_is_at_work_as_its_task_is(self, store: Store, clock: Hand, status: Status) -> None:
        store.jobs.name(store.jobs.claim(KEY, "train", {"a": [1]}), "t")
        make(store, "t", status)
        clock.now += BEGINS_S + 1
        (job,) = store.jobs.of(KEY)
        assert (job.task, job.status, job.about) == ("t", status, {"a": [1]})
        assert job.at_work(clock.now) is not status.is_final
        assert store.jobs.of_tasks("api", ["t", "u"]) == {"t": job}
        assert store.jobs.of_tasks("other", ["t"]) == {}

    def test_a_feed_tells_each_event_once(self, store: Store) -> None:
        store.jobs.name(store.jobs.claim(KEY, "train", {}), "t")
        make(store, "t", Status.RUNNING)

        def shape(_: object, stored: StoredEvent) -> list[Message]:
            return [Message("topic", str(stored.id))]

        race([Feed(store, "api", shape).step for _ in range(4)])
        assert store.messages.take("topic") == ["1", "2"]
        assert store.jobs.behind("api") == []
        store.transition("t", Status.FINISHED)
        assert [job.task for job in store.jobs.behind("api")] == ["t"]

    def test_a_job_that_cannot_be_told_holds_up_no_other(self, store: Store) -> None:
        for number in (1, 2):
            key = JobKey("api", "owner", str(number))
            store.jobs.name(store.jobs.claim(key, "train", {}), f"t{number}")
            make(store, f"t{number}", Status.RUNNING)

        def shape(job: Job, stored: StoredEvent) -> list[Message]:
            if job.task == "t1":
                raise RuntimeError
            if stored.id == 2 and not later:
                raise PlacementError("later")
            return [Message("topic", str(stored.id))]

        later = False
        feed = Feed(store, "api", shape)
        for wanted in (["1"], [], ["2"]):
            with pytest.raises(RuntimeError):
                feed.step()
            assert store.messages.take("topic") == wanted
            later = wanted == []


class TestMessages:
    def test_each_is_taken_once_oldest_first(self, store: Store) -> None:
        store.messages.put(*(Message("a", str(number)) for number in range(40)), Message("b", "x"))
        found = race([lambda: store.messages.take("a", 10)] * 4)
        assert sorted((int(body) for part in found for body in part), key=int) == list(range(40))  # type: ignore[attr-defined]
        assert all(part == sorted(part, key=int) for part in found)  # type: ignore[call-overload]
        assert store.messages.take("b") == ["x"]

    def test_a_topic_keeps_the_newest(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(messages, "MOST_WAITING", 3)
        for number in range(3):
            store.messages.put(Message("a", str(number)), Message("a", f"{number}+"))
        assert store.messages.take("a") == ["1+", "2", "2+"]

    def test_old_ones_are_dropped(self, store: Store, clock: Hand) -> None:
        store.messages.put(Message("a", "old"))
        clock.now += OLDEST_S
        store.messages.put(Message("a", "new"))
        assert store.messages.take("a") == ["new"]

    def test_strangers_open_only_so_many_topics(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(messages, "MOST_TOPICS", 2)
        assert [store.messages.leave(Message(topic, "")) for topic in "abca"] == [True, True, False, True]
        store.messages.put(Message("ours", "1"))
        assert store.messages.take("ours") == ["1"]

    def test_one_reply_is_not_too_large(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(messages, "MOST_TAKEN_BYTES", 10)
        store.messages.put(*(Message("a", "x" * 6) for _ in range(3)), Message("a", "y" * 20))
        assert [len(store.messages.take("a")) for _ in range(5)] == [1, 1, 1, 1, 0]

    def test_of_several_senders_one_tries(self, store: Store) -> None:
        store.messages.put(Message("a", "1"), Message("a", "2"))
        first = store.messages.next("a")
        assert first is not None
        assert sorted(map(bool, race([lambda: store.messages.claim(first, 5.0)] * 4))) == [False, False, False, True]
        again = store.messages.next("a")
        assert again is not None
        assert (again.body, again.tries, again.due_at) == ("1", 1, 5.0)
        store.messages.drop(again)
        assert store.messages.take("a") == ["2"]


class TestPapers:
    def test_of_several_that_add_the_same_name_one_wins(self, store: Store) -> None:
        found = race([lambda: store.papers.add("api/kind", "a", {"n": 1})] * 6)
        assert sorted(map(str, found)) == sorted(["None"] + [str(Conflict)] * 5)

    def test_no_change_is_lost(self, store: Store) -> None:
        store.papers.add("api/kind", "a", {"n": 0})
        change = lambda: store.papers.change("api/kind", "a", lambda body: {"n": body["n"] + 1})  # noqa: E731
        race([change] * 8)
        found = store.papers.get("api/kind", "a")
        assert found is not None
        assert (found.body, found.version) == ({"n": 8}, 9)

    def test_documents_since_a_time(self, store: Store, clock: Hand) -> None:
        store.papers.add("x", "a", {})
        clock.now += 60
        store.papers.add("x", "b", {})
        found = [[paper.name for paper in store.papers.all("x", since=clock.now - s)] for s in (-1, 0, 59, 60)]
        assert found == [[], ["b"], ["b"], ["b", "a"]]

    def test_shelves_are_apart_and_the_newest_comes_first(self, store: Store) -> None:
        for shelf, name in (("x", "a"), ("x", "b"), ("y", "a")):
            store.papers.add(shelf, name, {"name": name, "shelf": shelf})
        assert [paper.name for paper in store.papers.all("x")] == ["b", "a"]
        assert [paper.name for paper in store.papers.all("x", 1)] == ["b"]
        assert store.papers.remove("x", "a")
        assert not store.papers.remove("x", "a")
        assert store.papers.get("x", "a") is None
        assert store.papers.get("y", "a") is not None
        with pytest.raises(NotFound):
            store.papers.change("x", "a", dict)
