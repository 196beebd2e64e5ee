"""Answering requests: the same numbers as predicting all rows, for the rows asked for and no others."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fedray.errors import DataError, SpecError, StateError
from fedray.ml.withheld import WithheldPredictions
from fedray.parties import serving
from fedray.parties.serving import ASKED
from tests.predictions import new_rows, prediction
from tests.protocol.test_prediction import KINDS, UNIT, training
from tests.servings import Run, Serving, answering, refused, served
from tests.tasks import Training


def with_ids(trained: Training) -> Training:
    """Name every party's rows as a user does who brings a file: r0, r1, ..."""
    for index, table in zip(trained.roots, [*trained.features, trained.label], strict=True):
        rows = "".join(f"r{k},{','.join(map(repr, row))}\n" for k, row in enumerate(table.tolist()))
        header = ",".join(["id", *(f"c{k}" for k in range(table.shape[1]))])
        (trained.roots[index].path / "generated" / "rows.csv").write_text(f"{header}\n{rows}")
    return trained


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_the_predictions_of_a_batch(tmp_path: Path, kind: str) -> None:
    """To the last bit where no curve is; else within what two runs over the same rows differ by."""
    trained = with_ids(training(tmp_path, kind))
    trained.succeed()
    rows = {index: {"data_path": "rows.csv"} for index in trained.roots}
    batch = prediction(trained, clients=rows)
    batch.succeed()
    _, ids, expected = batch.predicted(4)
    task = served(trained, clients=rows, main={"max_rows": 120, "batch_size": 50})
    with answering(task):
        every = task.ask(*ids)
        assert np.max(np.abs(every - expected)) <= UNIT[kind]
        some = [7, 119, 7, 0]
        np.testing.assert_array_equal(task.ask(*(ids[k] for k in some)), every[some])


def aligned(trained: Training, main: dict[str, object] | None = None, **other: Any) -> Serving:
    """Return a task over 30 new rows, r0 to r29, of an alignment."""
    for index in trained.roots:
        new_rows(trained, index)
    return served(trained, main, clients={index: {"data_path": "new"} for index in trained.roots}, **other)


def opened(task: Serving) -> int:
    """Return how many predictions the receiver took from each other party's frames."""
    frames = [frame for frm, frame in task.views[4] if frm == 2 and frame.label == "reveal.predictions"]
    return sum(array.size for frame in frames for array in frame.arrays)


def test_only_rows_that_are_asked_for_are_opened(trained: Training) -> None:
    task = aligned(trained)
    with answering(task) as run:
        first = task.ask("r3", "r29")
        np.testing.assert_array_equal(task.ask("r29", " r3 "), first[::-1])
    assert opened(task) == 4
    asked = [array.tolist() for _, frame in task.views[2] if frame.label == ASKED for array in frame.arrays]
    assert asked == [[3, 29], [29, 3]]
    assert run.outcomes[0].result == {
        "model": "t",
        "rows": 30,
        "receiver": task.plan().names[4],
        "requests": 2,
        "answered": 4,
        "ended": "cancelled",
    }
    tags = {entry["tag"]: entry["to"] for entry in run.outcomes[4].reveals}
    assert (tags["predictions"], tags["asked"], tags["answers"]) == ([4], [2, 3], [0])
    assert task.files() == []


def test_another_receiver(trained: Training) -> None:
    task = aligned(trained, {"receiver": 2})
    with answering(task):
        first = task.ask("r0")
    by_label = aligned(trained, name="q")
    with answering(by_label):
        assert np.max(np.abs(by_label.ask("r0") - first)) <= UNIT["logistic"]
    assert [index for index, view in enumerate(task.views) if any(heard(frame) for _, frame in view)] == [2]


def heard(frame: Any) -> bool:
    return bool(frame.label == "reveal.predictions")


def test_main_client_and_dealer_see_no_request(trained: Training) -> None:
    task = aligned(trained)
    with answering(task):
        task.ask("r1")
    assert {frame.label for _, frame in task.views[0]} == {"shapes", "served"}
    assert {frame.label for _, frame in task.views[1]} <= {"shapes", "deal.credit"}


def test_what_is_refused(trained: Training) -> None:
    task = aligned(trained, {"max_rows": 3})
    with answering(task):
        missing = refused(task, ["r1", "nobody", "r30"])
        assert isinstance(missing, SpecError)
        assert missing.message.startswith("ids[1], ids[2]: expected ids of rows that the task answers for")
        assert "nobody" not in missing.message
        many = refused(task, ["r1"] * 4)
        assert "ids: expected 1 to 3, which is the task's max_rows, got 4" in many.message
        assert task.ask("r1").shape == (1, 1)
    late = refused(task, ["r1"])
    assert isinstance(late, StateError)
    assert late.message == "the task has ended"
    assert opened(task) == 1


def test_the_task_ends_when_all_is_answered_that_may_be(trained: Training) -> None:
    task = aligned(trained, {"max_answers": 5})
    with answering(task) as run:
        task.ask("r0", "r1", "r2")
        assert "2 rows are left of the task's max_answers; 3 were asked for" in refused(task, ["r3"] * 3).message
        task.ask("r0", "r4")
        run.wait()
    assert (run.outcomes[0].result["ended"], run.outcomes[0].result["answered"]) == ("max_answers", 5)


def test_the_task_ends_when_nobody_asks(trained: Training) -> None:
    task = aligned(trained, {"idle_s": 1})
    with answering(task) as run:
        run.wait()
    assert run.outcomes[0].result["ended"] == "idle_s"


def test_requests_that_come_together_are_answered_together(trained: Training) -> None:
    """All wait before the parties have made ready, so one round answers them, each with its own rows."""
    task, found = aligned(trained), {}
    threads = [threading.Thread(target=lambda k=k: found.update({k: task.ask(f"r{k}", "r0")})) for k in range(8)]
    desk = task.desk
    for thread in threads:
        thread.start()
    while len(desk._waiting) < len(threads):
        time.sleep(0.001)
    with answering(task):
        for thread in threads:
            thread.join(30)
        whole = task.ask(*(f"r{k}" for k in range(8)))
    assert sum(frame.label == ASKED for _, frame in task.views[2]) == 3  # the eight, the ninth, the end
    for k in range(8):
        np.testing.assert_array_equal(found[k], whole[[k, 0]])


@pytest.mark.parametrize("fails", [2, 3, 4])
def test_a_party_that_fails_ends_the_task_and_whoever_waits(
    trained: Training, monkeypatch: pytest.MonkeyPatch, fails: int
) -> None:
    opening = WithheldPredictions.open_rows

    def failing(self: WithheldPredictions, rank: int, rows: Any) -> Any:
        if self.channel.me == fails and rows[0] == 1:
            raise DataError("told to")
        return opening(self, rank, rows)

    monkeypatch.setattr(WithheldPredictions, "open_rows", failing)
    task = aligned(trained)
    run = Run(task)
    task.ask("r0")
    for _ in range(2):
        late = refused(task, ["r1"])
        assert isinstance(late, StateError)
        assert late.message == "the task ended before it answered: told to"
    run.wait()
    assert sorted(task.errors) == [0, 2, 3, 4]


def test_a_receiver_without_ids_is_told_so(tmp_path: Path) -> None:
    plain = training(tmp_path, "linear")
    plain.succeed()
    task = served(plain)
    task.run()
    assert (
        task.errors[4].message
        == "data_path: the receiver looks rows up by id; name a folder of an alignment, or a file"
    )


def test_two_rows_with_one_id_are_refused(trained: Training) -> None:
    task = aligned(trained)
    path = trained.roots[4].path / "generated/new/raw_aligned.csv"
    path.write_text(path.read_text().replace("r5,", "r4,"))
    task.run()
    assert "row 6 has the id of row 5" in task.errors[4].message


def test_others_open_no_row_beyond_what_the_document_allows(trained: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that does not count is stopped by the others, who do."""
    monkeypatch.setattr(serving._Receiver, "_left", lambda self: None)
    task = aligned(trained, {"max_answers": 2})
    run = Run(task)
    task.ask("r0", "r1")
    assert isinstance(refused(task, ["r2"]), StateError)
    run.wait()
    assert "asked for more than the 2 rows allowed" in task.errors[2].message
