"""Documents of tasks that answer requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedray.errors import SpecError
from fedray.task.config_bases import Kind
from fedray.task.model_rules import model_of
from fedray.task.plan import TaskPlan
from fedray.task.serve_configs import ServeMain
from fedray.task.spec import parse
from tests.linear_tasks import LinearTask, made_up
from tests.predictions import prediction
from tests.servings import served


@pytest.fixture
def trained(tmp_path: Path) -> LinearTask:
    return made_up(tmp_path, "logistic")


def test_defaults_are_those_of_the_documentation(trained: LinearTask) -> None:
    spec = parse(served(trained, clients={4: None}).document())
    assert spec.kind is Kind.SERVE
    main = spec.clients[0].client_config
    assert isinstance(main, ServeMain)
    assert (main.model, main.receiver, main.part, main.batch_size, main.transport) == ("t", None, "all", 10_000, "ray")
    assert (main.max_rows, main.max_answers, main.idle_s) == (100, None, 3600)


def test_plans_survive_json_and_know_who_answers(trained: LinearTask) -> None:
    for receiver, index in ((None, 4), (2, 2)):
        plan = served(trained, {"receiver": receiver}).plan()
        assert TaskPlan.from_json(plan.to_json()) == plan
        assert plan.answering is plan.receiver
        assert plan.answering is not None
        assert plan.answering.index == index
        assert model_of(plan) == "t"
    tags = {reveal.tag: reveal.to for reveal in plan.reveals}
    assert (tags["predictions"], tags["answers"], tags["asked"]) == ("receiver", "main", "data")
    assert prediction(trained).plan().answering is None
    assert trained.plan().answering is None


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "rows": (
        {"main": {"max_rows": 0}},
        "clients[0].client_config.max_rows: expected an integer from 1 to 10000, got 0",
    ),
    "answers": ({"main": {"max_answers": 0}}, "max_answers: expected null or an integer from 1 to 1000000000, got 0"),
    "idle": ({"main": {"idle_s": 0.5}}, "idle_s: expected null or an integer from 1 to 100000000, got 0.5"),
    "the dealer": ({"main": {"receiver": 1}}, "receiver: expected the place of a client with data, 2 or 3 or 4, got 1"),
    "no path": ({"clients": {2: None}}, "clients[2].client_config.data_path: a required field is missing"),
    "labels": ({"clients": {4: {"labels_path": "x"}}}, "clients[4].client_config.labels_path: unknown field"),
    "a file": ({"clients": {4: {"out_data_path": "x"}}}, "clients[4].client_config.out_data_path: unknown field"),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_wrong_fields(trained: LinearTask, wrong: tuple[dict[str, Any], str]) -> None:
    with pytest.raises(SpecError) as caught:
        parse(served(trained, **wrong[0]).document())
    assert wrong[1] in caught.value.message


def test_kinds_do_not_mix(trained: LinearTask) -> None:
    document: Any = served(trained).document()
    document["clients"][2]["client_config"]["client_type"] = "predict_feature"
    with pytest.raises(SpecError, match="client_type: expected serve_feature, got predict_feature"):
        parse(document)
