"""What is told of an exception: its type and lines of code, and no value."""

from __future__ import annotations

import json
from pathlib import Path
from types import FunctionType

import pytest

from fedray.data.root import DataRoot
from fedray.errors import FedrayError
from fedray.parties import alignment
from fedray.parties.run import run_local
from fedray.task.places import cause_of, places_of
from fedray.task.plan import make_plan
from fedray.task.record import Event
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.api import documents

VALUE = "Planted-4711"


def fail(*_: object) -> None:
    try:
        int(VALUE)
    except ValueError as error:
        raise FedrayError("it failed") from error


def test_places_lead_to_the_line_without_its_values() -> None:
    with pytest.raises(FedrayError) as caught:
        fail()
    cause = cause_of(caught.value)
    assert type(cause) is ValueError
    (place,) = places_of(cause)
    assert place.filename in ("test_places.py", "tests/unit/test_places.py")  # below where it was imported from
    assert (place.funcname, place.source) == ("fail", "int(VALUE)")
    assert VALUE not in str(place)


def test_places_are_few_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    code = compile("def deep(n):\n    return deep(n - 1) if n else 1 / 0", "/somewhere/else/secret.py", "exec")
    space: dict[str, FunctionType] = {}
    exec(code, space)
    with pytest.raises(ZeroDivisionError) as caught:
        space["deep"](100)
    places = places_of(caught.value)
    assert len(places) == 32
    assert {(place.filename, place.source) for place in places[1:]} == {("secret.py", "")}


def test_a_party_that_fails_tells_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "run_data", fail)
    told: list[Event] = []
    plan = make_plan(parse(documents.alignment()), Registry.local(), "seed")
    with pytest.raises(FedrayError):
        run_local(plan, DataRoot(tmp_path), emit=told.append)
    traces = [event for event in told if event.kind == "trace"]
    assert traces
    assert {event.data["type"] for event in traces} == {"ValueError"}
    assert VALUE not in json.dumps([event.as_dict() for event in told])
    assert all(event.party for event in traces)
