"""Where requests wait: bounded, in order, and never left without an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from fedray.errors import DataError, FedrayError, PlacementError, SpecError, StateError
from fedray.parties import desk as module
from fedray.parties.desk import Desk
from fedray.parties.lookup import Lookup


def later(call: Callable[[], Any]) -> Callable[[], Any]:
    """Begin a call in a thread; return what waits for its result or error."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(call())
        except FedrayError as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(20)
        return found[0]

    return result


def test_an_answer_finds_its_way_back() -> None:
    desk = Desk()
    result = later(lambda: desk.ask(("a", "b"), 20))
    (asked,) = desk.take(20)
    assert asked.ids == ("a", "b")
    asked.answer(np.ones((2, 1)))
    assert result().tolist() == [[1.0], [1.0]]


def test_nobody_asks() -> None:
    assert Desk().take(0.01) == []


def test_who_waits_too_long_is_told_and_forgotten() -> None:
    desk = Desk()
    with pytest.raises(PlacementError, match=r"no answer within 0\.01 s"):
        desk.ask(("a",), 0.01)
    assert desk.take(0.01) == []


def test_there_is_room_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROOM", 0)
    with pytest.raises(PlacementError, match="0 requests wait already; try again"):
        Desk().ask(("a",), 20)


def test_an_end_in_order_answers_what_waits() -> None:
    desk = Desk()
    desk.end()
    assert desk.ending
    assert desk.take(20) == []
    with pytest.raises(StateError, match="takes no more requests"):
        desk.ask(("a",), 20)


def test_a_desk_that_closes_refuses_what_was_taken_and_what_comes() -> None:
    desk = Desk()
    result = later(lambda: desk.ask(("a",), 20))
    (asked,) = desk.take(20)
    desk.close(DataError("why"))
    desk.close(DataError("later"))
    asked.refuse(SpecError("too late"))
    asked.answer(np.ones((1, 1)))
    assert result().message == "why"
    with pytest.raises(DataError, match="why"):
        desk.ask(("b",), 20)


def test_a_desk_that_closes_refuses_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    waits, wait = threading.Event(), module.Asked.wait

    def noting(self: module.Asked, timeout_s: float) -> Any:
        waits.set()
        return wait(self, timeout_s)

    monkeypatch.setattr(module.Asked, "wait", noting)
    result = later(lambda: desk.ask(("a",), 20))
    assert waits.wait(20)
    desk.close(DataError("why"))
    assert result().message == "why"


def test_ids_are_compared_as_alignments_compare_them() -> None:
    lookup = Lookup(["1", "01", "\u00e9 ", "x"])
    assert len(lookup) == 4
    assert lookup.rows([" 01", "e\u0301", "1", "1"]).tolist() == [1, 2, 0, 0]
    with pytest.raises(SpecError) as caught:
        lookup.rows(["1", "missing", *["other"] * 11])
    assert caught.value.message.startswith("ids[1], ids[2], ")
    assert " and 2 more: expected" in caught.value.message
    assert "other" not in caught.value.message


def test_two_rows_with_one_id() -> None:
    with pytest.raises(DataError, match="row 3 has the id of row 1; rows that are looked up"):
        Lookup(["secret", "b", "secret "])
