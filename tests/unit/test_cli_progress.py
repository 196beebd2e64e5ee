"""The fold of events into the progress that a person sees."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve_api.cli.progress import Progress, record_line, size_text
from serve_api.cli.watch import event_line, waiting_line

Json = dict[str, Any]


def event(kind: str, party: str = "bank", **data: Any) -> Json:
    return {"id": 1, "time_s": 0.0, "kind": kind, "party": party, "data": data}


def after(*events: Json) -> Progress:
    return reduce(Progress.after, events, Progress())


def test_phases_start_anew() -> None:
    first = after(event("progress", phase="align", done=3, total=4))
    assert (first.phase, first.done, first.total) == ("align", 3, 4)
    second = first.after(event("phase", phase="train"))
    assert (second.phase, second.done, second.total) == ("train", 0, 0)
    assert second.after(event("phase", phase="train")) == second


def test_cost_is_kept_by_party() -> None:
    told = after(
        event("progress", "a", phase="train", rounds=5, bytes=1000),
        event("progress", "b", phase="train", rounds=7, bytes=500),
        event("progress", "a", phase="train", rounds=6, bytes=2000),
        event("progress", "a", phase="train", done=2),
    )
    assert (told.rounds, told.size_bytes) == (7, 2500)


def test_line() -> None:
    told = after(
        event("progress", phase="train", done=10, total=30, loss=0.123456789),
        event("record", row=[1.5, 10, 0.25, 0.75], columns=["time", "n_batches", "loss", "auc"]),
    )
    assert told.line() == "train  10/30  loss 0.25  auc 0.75"
    assert Progress().line() == ""
    assert after(event("progress", phase="read", done=7)).line() == "read  7"


def test_record_line() -> None:
    columns = ["time", "n_batches", "loss", "auc"]
    assert record_line({"row": [12.34, 101, 0.25, None], "columns": columns}) == "12.3 s  101 batches  loss 0.25"
    assert record_line({"row": 3, "columns": columns}) == ""
    assert record_line({}) == ""


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (3e9, "3.0 GB"), (4e12, "4.0 TB")],
)
def test_size(size: float, text: str) -> None:
    assert size_text(size) == text


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (event("note", message="odd\x1b[31m"), "note from bank: odd\\x1b[31m"),
        (event("note", "", text="seen"), "note: seen"),
        (event("dataset", n_train=8, n_test=2), "data set: 8 rows to train, 2 to test"),
        (event("note"), ""),
        (event("dataset"), ""),
        (event("status", status="running"), ""),
        ({"kind": "record"}, ""),
    ],
)
def test_lines_to_keep(told: Json, line: str) -> None:
    assert event_line(told) == line


def test_waiting() -> None:
    assert waiting_line({"task_name": "t", "status": "queued", "queue_position": 2}) == "queued at place 2"
    assert waiting_line({"task_name": "t", "status": "queued"}) == "queued"
    assert waiting_line({"task_name": "t", "status": "running"}) == ""


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
fields = st.sampled_from(["phase", "done", "total", "loss", "rounds", "bytes", "row", "columns", "message"])


@given(
    st.sampled_from(["phase", "progress", "record", "note", "dataset"]), st.dictionaries(fields, any_json) | any_json
)
def test_odd_events_never_end_the_watching(kind: str, data: Any) -> None:
    told = {"kind": kind, "data": data, "party": None}
    assert isinstance(after(told).line(), str)
    assert event_line(told).isprintable()
