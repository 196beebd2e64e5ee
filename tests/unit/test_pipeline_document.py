"""A pipeline document: what it becomes, and what is said of one that is wrong."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from fedray.errors import SpecError
from fedray.pipeline.bodies import Body, bodies
from fedray.pipeline.document import MAX_NAME, PipelineSpec, parse, spec_of, task_name, text_of
from fedray.pipeline.outputs import OUTPUTS, TAKERS, Thing
from fedray.task.config_bases import Kind
from fedray.task.configs import CLIENT_TYPES
from fedray.task.spec import parse as parse_task
from fedray.task.transform_configs import STEPS
from tests.api.documents import alignment, member, predicting
from tests.pipelines import aligned, binned, output, pipeline, step, trained

Json = dict[str, Any]


def made(spec: PipelineSpec, **attempts: int) -> dict[str, Body]:
    return bodies(spec.name, spec.steps, spec.order, attempts)


def config(body: Body, client: int) -> Json:
    found: Json = body.document["clients"][client]["client_config"]
    return found


def wrong(document: object) -> str:
    with pytest.raises(SpecError) as caught:
        parse(document)
    return caught.value.message


def changed(change: Callable[[list[Json]], object]) -> Json:
    """Return the pipeline of the tests with its steps changed."""
    document = pipeline()
    change(document["steps"])
    return document


def client(steps: list[Json], place: int, client: int) -> Json:
    found: Json = steps[place]["task"]["clients"][client]["client_config"]
    return found


def statistics() -> Json:
    return {
        "clients": [
            member("main_client", 8377, "statistics_main", correlation="all"),
            member("crypto_producer", 8390, "triplet_producer"),
            *(
                member("feature_client", port, "statistics_feature", data_path=output("align", "data"))
                for port in (8084, 8082)
            ),
        ]
    }


def changing(*steps: Json, **main: object) -> Json:
    return {
        "clients": [
            member("main_client", 8377, "transform_main", **main),
            member("feature_client", 8084, "transform_feature", data_path=output("align", "data"), steps=[*steps]),
        ]
    }


class TestBodies:
    def test_names_and_folders(self) -> None:
        body = made(parse(pipeline()))
        assert [one.spec.task_name for one in body.values()] == ["p.align", "p.bins", "p.train", "p.predict"]
        assert [config(body["align"], place)["out_data_path"] for place in (1, 2, 3)] == [
            "pipelines/p.align/1",
            "pipelines/p.align/2",
            "pipelines/p.align/3",
        ]
        assert config(body["bins"], 3)["data_path"] == "pipelines/p.align/3"
        assert config(body["train"], 2)["data_path"] == "pipelines/p.bins/2"
        assert config(body["predict"], 0)["model"] == "p.train"
        assert config(body["predict"], 2)["transforms"] == ["p.bins"]

    def test_another_try_has_names_and_folders_of_its_own(self) -> None:
        body = made(parse(pipeline()), bins=2, train=3)
        assert config(body["bins"], 2)["out_data_path"] == "pipelines/p.bins~2/2"
        assert config(body["train"], 2)["data_path"] == "pipelines/p.bins~2/2"
        assert config(body["predict"], 0)["model"] == "p.train~3"
        assert config(body["predict"], 2)["transforms"] == ["p.bins~2"]

    def test_a_folder_that_is_named_stays(self) -> None:
        document = {"name": "p", "steps": [step("align", alignment()), step("train", trained())]}
        body = made(parse(document))
        assert config(body["train"], 2)["data_path"] == config(body["align"], 1)["out_data_path"] == "f1"

    def test_null_writes_no_data_set(self) -> None:
        document = changed(lambda steps: client(steps, 1, 2).update(out_data_path=None))
        assert wrong(document).startswith(
            "steps[2].task.clients[2].client_config.data_path: expected one folder with a data set that task p.bins "
            "writes at the same addr and http_port, got 0"
        )
        document["steps"] = document["steps"][:2]
        assert config(made(parse(document))["bins"], 2)["out_data_path"] is None

    def test_a_party_with_two_roles(self) -> None:
        task = {
            "clients": [
                member("main_client", 8377, "alignment_main"),
                member("feature_client", 8084, "alignment_data", raw_data_path="a.csv"),
                member("feature_client", 8084, "alignment_data", raw_data_path="b.csv"),
                member("label_client", 8084, "alignment_data", raw_data_path="l.csv"),
            ]
        }
        fit = trained()
        fit["clients"][3]["http_port"] = 8084
        document = {"name": "p", "steps": [step("align", task), step("train", fit)]}
        assert "got 2; name the folder itself, and the step in after" in wrong(document)
        del task["clients"][2]
        assert config(made(parse(document))["train"], 3)["data_path"] == "pipelines/p.align/2"
        assert config(made(parse(document))["train"], 2)["data_path"] == "pipelines/p.align/1"

    def test_steps_of_a_transform(self) -> None:
        names = {"statistics": output("look", "statistics"), "binning": output("bins", "binning"), "iv_min": 0.1}
        steps = [
            step("align", aligned()),
            step("look", statistics()),
            step("bins", binned()),
            step("select", changing({"step": "selection", **names})),
            step("again", changing(transform=output("select", "transform"))),
        ]
        body = made(parse({"name": "p", "steps": steps}))
        selection = config(body["select"], 1)["steps"][0]
        assert (selection["statistics"], selection["binning"]) == ("p.look", "p.bins")
        assert config(body["again"], 0)["transform"] == "p.select"
        assert config(body["again"], 1)["data_path"] == "pipelines/p.align/1"

    def test_labels_and_predictions_of_earlier_steps(self) -> None:
        document = pipeline()
        late = json.loads(json.dumps(document["steps"][3]["task"]))
        late["clients"][3]["client_config"] |= {
            "labels_path": output("align", "data"),
            "baseline_path": output("predict", "predictions"),
        }
        body = made(parse({"name": "p", "steps": [*document["steps"], step("late", late)]}))
        assert config(body["late"], 3)["labels_path"] == "pipelines/p.align/3"
        assert config(body["late"], 3)["baseline_path"] == "predictions/p.predict"
        config(body["predict"], 3)
        document["steps"][3]["task"]["clients"][3]["client_config"]["out_data_path"] = "mine"
        body = made(parse({"name": "p", "steps": [*document["steps"], step("late", late)]}))
        assert config(body["late"], 3)["baseline_path"] == "mine"

    def test_lists_may_be_tuples(self) -> None:
        document = pipeline()
        clients = document["steps"][3]["task"]["clients"]
        clients[2]["client_config"]["transforms"] = (output("bins", "binning"),)
        document["steps"][3]["task"]["clients"] = tuple(clients)
        assert config(made(parse(document))["predict"], 2)["transforms"] == ["p.bins"]

    def test_the_document_is_not_changed(self) -> None:
        document = pipeline()
        before = json.dumps(document)
        made(parse(document))
        assert json.dumps(document) == before

    def test_kept_and_read_again(self) -> None:
        spec = parse(pipeline("q"))
        assert spec_of(text_of(spec)) == spec


class TestOrder:
    def test_steps_may_stand_in_any_order(self) -> None:
        document = pipeline()
        document["steps"].reverse()
        assert [one.name for one in parse(document).order] == ["align", "bins", "train", "predict"]

    def test_after_is_a_need_without_data(self) -> None:
        spec = parse(changed(lambda steps: steps[3].update(after=["bins"])))
        assert spec.steps[3].needs == {"bins", "train", "align"}

    @pytest.mark.parametrize(
        ("after", "loop"),
        [({0: "predict"}, "align -> bins -> train -> predict -> align"), ({1: "train"}, "bins -> train -> bins")],
    )
    def test_loops(self, after: dict[int, str], loop: str) -> None:
        def change(steps: list[Json]) -> None:
            for place, name in after.items():
                steps[place]["after"] = [name]

        told = wrong(changed(change)).removeprefix("steps: expected no loop, got ").split(" -> ")
        assert told[0] == told[-1]
        rotations = loop.split(" -> ")[:-1]
        assert set(told) == set(rotations) or set(told) < set(rotations)

    @given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
    def test_every_order_has_needs_first_and_every_loop_is_one(self, edges: list[tuple[int, int]]) -> None:
        steps = [step(f"s{place}", alignment()) for place in range(8)]
        for here, there in edges:
            if here != there:
                steps[here].setdefault("after", []).append(f"s{there}")
        try:
            spec = parse({"name": "p", "steps": steps})
        except SpecError as error:
            loop = error.message.removeprefix("steps: expected no loop, got ").split(" -> ")
            assert len(loop) > 2
            assert loop[0] == loop[-1]
            for before, behind in pairwise(loop):
                assert before in steps[int(behind[1:])]["after"]
        else:
            seen: set[str] = set()
            for one in spec.order:
                assert one.needs <= seen
                seen.add(one.name)
            assert len(seen) == 8


WRONG: list[tuple[Callable[[list[Json]], object], str]] = [
    (lambda s: s[0].update(name="train"), 'steps[2].name: expected a name of its own, got "train" once more'),
    (lambda s: s[0].update(name="a.b"), "steps[0].name: expected a name of 1 to 48 of A-Z, a-z, 0-9, _ and -"),
    (lambda s: s[0].update(name="x" * 49), "steps[0].name: expected a name of 1 to 48"),
    (lambda s: s[0].pop("task"), "steps[0].task: a required field is missing"),
    (lambda s: s[0].update(task=[]), "steps[0].task: expected an object, got a list"),
    (lambda s: s[0].update(aftr=[]), "steps[0].aftr: unknown field, did you mean after?"),
    (
        lambda s: s[0].update(after=["lost"]),
        'steps[0].after[0]: expected one of align, bins, train, predict, got "lost"',
    ),
    (lambda s: s[0].update(after=["align"]), "steps[0].after[0]: expected another step, got this one"),
    (lambda s: s[0].update(after="bins"), "steps[0].after: expected a list"),
    (lambda s: s[0]["task"].update(task_name="x"), "steps[0].task.task_name: expected none, since the pipeline names"),
    (lambda s: s[0].update(task={}), "steps[0].task.clients: a required field is missing"),
    (lambda s: s[0]["task"].update(clients=[]), "steps[0].task.clients: expected a list of at least 1"),
    (
        lambda s: client(s, 2, 0).update(batch_size=0),
        "steps[2].task.clients[0].client_config.batch_size: expected an integer from 1 to 100000, got 0",
    ),
    (
        lambda s: (client(s, 2, 0).update(batch_size=0), client(s, 2, 3).update(metric="x")),
        "steps[2].task.clients[0].client_config.batch_size: expected an integer from 1 to 100000, got 0; "
        "steps[2].task.clients[3].client_config.metric: expected one of auc, auc_ks",
    ),
    (
        lambda s: s[2]["task"]["clients"].pop(1),
        "steps[2].task.clients: a task of kind shared_nn needs one crypto_producer",
    ),
    (
        lambda s: client(s, 2, 2).update(data_path={"from": "bins"}),
        "steps[2].task.clients[2].client_config.data_path: expected an output of a step, an object with two texts",
    ),
    (
        lambda s: client(s, 2, 2).update(data_path=output("bins", "data") | {"more": 1}),
        "steps[2].task.clients[2].client_config.data_path: expected an output of a step",
    ),
    (
        lambda s: client(s, 2, 2).update(data_path=output("bins", 1)),  # type: ignore[arg-type]
        "steps[2].task.clients[2].client_config.data_path: expected an output of a step",
    ),
    (
        lambda s: client(s, 2, 2).update(data_path=output("lost", "data")),
        "steps[2].task.clients[2].client_config.data_path.from: expected one of align, bins, train, predict, got",
    ),
    (
        lambda s: client(s, 2, 2).update(data_path=output("train", "data")),
        "steps[2].task.clients[2].client_config.data_path.from: expected another step, got this one",
    ),
    (
        lambda s: client(s, 2, 2).update(data_path=output("bins", "table")),
        "steps[2].task.clients[2].client_config.data_path.output: step bins is of kind binning, whose outputs are "
        'data, binning; got "table"',
    ),
    (
        lambda s: client(s, 2, 2).update(data_path=output("bins", "binning")),
        "steps[2].task.clients[2].client_config.data_path: expected a data set, got binning of step bins, which is of",
    ),
    (
        lambda s: client(s, 3, 0).update(model=output("bins", "binning")),
        "steps[3].task.clients[0].client_config.model: expected a model, got binning of step bins",
    ),
    (
        lambda s: client(s, 3, 2).update(transforms=[output("train", "model")]),
        "steps[3].task.clients[2].client_config.transforms[0]: expected a transform, got model of step train",
    ),
    (
        lambda s: client(s, 3, 0).update(batch_size=output("train", "model")),
        "steps[3].task.clients[0].client_config.batch_size: no output of a step can stand here; these fields take one",
    ),
    (
        lambda s: s[3]["task"]["clients"][0].update(addr=output("train", "model")),
        "steps[3].task.clients[0].addr: no output of a step can stand here",
    ),
    (
        lambda s: s[3]["task"].update(model=output("train", "model")),
        "steps[3].task.model: no output of a step can stand here",
    ),
    (lambda s: s[3]["task"].update(clients_=[]), "steps[3].task.clients_: unknown field, did you mean clients?"),
    (
        lambda s: (s[3]["task"].update(clients_=[]), client(s, 3, 1).update(computation_port=0)),
        "steps[3].task.clients[1].client_config.computation_port: expected an integer from 1 to 65535, got 0; "
        "steps[3].task.clients_: unknown field",
    ),
    (
        lambda s: s[2]["task"]["clients"][2].update(http_port=8083),
        "steps[2].task.clients[2].client_config.data_path: expected one folder with a data set that task p.bins writes "
        "at the same addr and http_port, got 0",
    ),
    (
        lambda s: s[2]["task"]["clients"][2].update(http_port="8084"),
        "steps[2].task.clients[2].http_port: expected an integer from 1 to 65535",
    ),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_what_is_said_of_a_wrong_step(change: Callable[[list[Json]], object], message: str) -> None:
    assert wrong(changed(change)).startswith(message)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "the body: expected an object with name and steps, got a list"),
        ({"steps": []}, "name: a required field is missing; steps: expected a list of at least 1, got 0"),
        ({**pipeline(), "names": 1}, "names: unknown field, did you mean name?"),
        *(
            ({**pipeline(), "name": name}, "name: expected a name of 1 to 72")
            for name in ("", "a/b", " a", "a.", "\n", "a\u200b", "x" * 73, "信" * 64, 1, None)
        ),
        (
            {"name": "p", "steps": [step(f"s{k}", alignment()) for k in range(201)]},
            "steps: expected a list of at most 200, got 201",
        ),
        ({**pipeline(), "name": float("nan")}, "the body: expected finite numbers"),
    ],
)
def test_what_is_said_of_a_wrong_document(document: object, message: str) -> None:
    assert wrong(document).startswith(message)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=4) | st.just("align"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["name", "steps", "task", "clients", "from", "output", "after", "client_config", "data_path"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_document_is_refused_with_a_sentence(document: object) -> None:
    assert wrong(document)
    assert wrong({"name": "p", "steps": [step("align", alignment()), {"name": "b", "task": document}]})


def test_names_of_tasks_fit_the_rules_of_tasks_and_are_all_different() -> None:
    longest = task_name("x" * MAX_NAME, "s" * 48, 999_999)
    assert parse_task(alignment(longest)).task_name == longest
    widest = parse({"name": "信" * 63, "steps": [step("s" * 48, alignment())]})
    (body,) = bodies(widest.name, widest.steps, widest.order, {"s" * 48: 999_999}).values()
    assert len(body.spec.task_name.encode()) <= 255
    pairs = [
        (name, one, attempt) for name in ("a", "a.b", "a.b~2", "a~2") for one in ("b", "c", "2") for attempt in (1, 2)
    ]
    assert len({task_name(*pair) for pair in pairs}) == len(pairs)


def test_every_kind_has_a_row_and_every_taker_is_a_field() -> None:
    assert set(OUTPUTS) == set(Kind)
    fields = {name for row in CLIENT_TYPES.values() for name in row.model.model_fields}
    fields |= {name for made in STEPS.values() for name in made.model_fields}
    assert set(TAKERS) <= fields
    assert (
        set(TAKERS.values())
        == set(Thing)
        == {thing for row in OUTPUTS.values() for found in row.values() for thing in found}
    )


def takes(field: FieldInfo, good: object, bad: object) -> bool:
    """Return whether a field takes the one and not the other."""
    values: TypeAdapter[object] = TypeAdapter(Annotated[field.annotation, "a field", *field.metadata])
    try:
        values.validate_python(good)
    except ValidationError:
        return False
    with contextlib.suppress(ValidationError):
        values.validate_python(bad)
        return False
    return True


def test_every_field_that_names_a_task_or_a_folder_is_a_taker() -> None:
    """A new field that takes a task's name, or a path, has to be thought of here."""
    models = [*(row.model for row in CLIENT_TYPES.values()), *STEPS.values()]
    fields = [(name, field) for model in models for name, field in model.model_fields.items()]
    tasks = {name for name, field in fields if takes(field, "a b", "a/b") or takes(field, ["a b"], ["a/b"])}
    paths = {name for name, field in fields if takes(field, "a/b", "../b") or takes(field, ["a/b"], ["../b"])}
    assert tasks | paths == {*TAKERS, "raw_data_path", "more_raw_data_paths", "out_data_path", "validation_path"}


def test_an_existing_model_and_data_sets_may_be_named() -> None:
    document = {"name": "p", "steps": [step("predict", predicting("x", "old"))]}
    assert config(made(parse(document))["predict"], 0)["model"] == "old"
