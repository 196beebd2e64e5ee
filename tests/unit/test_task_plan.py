"""Registry, plan and record: pure, equal at every site, and complete in what they reveal."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from fedray.errors import SpecError
from fedray.task.folders import check_folders
from fedray.task.plan import TaskPlan, make_plan
from fedray.task.record import METRICS, TRANSITIONS, Event, EventKind, Status, record_columns, refusal
from fedray.task.registry import PartyRef, Registry
from fedray.task.spec import Kind, Role, TaskSpec, parse

TOML = """
[parties.bank]
addr = "Bank.example"
http_port = 8084
root = "/srv/bank"

[parties.shop]
addr = "10.0.0.6"
http_port = 8084
resource = "node_of_shop"
"""


def network(ports: tuple[int, int, int, int] = (1, 2, 3, 4), **main: object) -> TaskSpec:
    configs: list[tuple[str, dict[str, object]]] = [
        ("label_client", {"client_type": "shared_nn_label", "data_path": "l"}),
        ("main_client", {"client_type": "shared_nn_main", "in_dim": 1, **main}),
        ("feature_client", {"client_type": "shared_nn_feature", "data_path": "f"}),
        ("crypto_producer", {"client_type": "triplet_producer"}),
    ]
    clients = [
        {"role": role, "addr": "127.0.0.1", "http_port": port, "client_config": {"computation_port": 9, **config}}
        for port, (role, config) in zip(ports, configs, strict=True)
    ]
    return parse({"task_name": "网络", "clients": clients})


BANK = ("bank.EXAMPLE", 8084)


def alignment(places: Sequence[tuple[str, int]] = (BANK, BANK), outs: Sequence[str] = ("f", "l")) -> TaskSpec:
    data = {"client_type": "alignment_data", "computation_port": 9, "raw_data_path": "r.csv", "columns": ["a", 2]}
    clients: list[dict[str, object]] = [
        {"role": role, "addr": addr, "http_port": port, "client_config": data | {"out_data_path": out}}
        for role, (addr, port), out in zip(("feature_client", "label_client"), places, outs, strict=True)
    ]
    main = {"client_type": "alignment_main", "computation_port": 9}
    clients.append({"role": "main_client", "addr": "10.0.0.6", "http_port": 8084, "client_config": main})
    return parse({"task_name": "align", "clients": clients})


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    path = tmp_path / "fedray.toml"
    path.write_text(TOML, encoding="utf-8")
    return Registry.from_toml(path)


ROOTS = """
[parties.bank]
addr = "a"
http_port = 1
[parties.shop]
addr = "a"
http_port = 2
[parties.far]
addr = "b"
http_port = 1
[parties.own]
addr = "a"
http_port = 3
root = "/srv/own"
"""


@pytest.mark.parametrize(
    ("places", "outs", "local", "same"),
    [
        ((("a", 1), ("a", 2)), ("x", "x/."), True, True),
        ((("a", 1), ("b", 1)), ("x", "x"), True, True),
        ((("a", 1), ("a", 2)), ("x", "y"), True, False),
        ((("a", 1), ("a", 2)), ("x", "x"), False, True),
        ((("a", 1), ("b", 1)), ("x", "x"), False, False),
        ((("a", 1), ("a", 3)), ("x", "x"), False, False),
    ],
)
def test_parties_with_one_root_have_a_folder_each(
    tmp_path: Path, places: Sequence[tuple[str, int]], outs: Sequence[str], local: bool, same: bool
) -> None:
    path = tmp_path / "fedray.toml"
    path.write_text(ROOTS + '[parties.main]\naddr = "10.0.0.6"\nhttp_port = 8084\n', encoding="utf-8")
    plan = make_plan(alignment(places, outs), Registry.local() if local else Registry.from_toml(path), "s")
    if not same:
        check_folders(plan)
        return
    with pytest.raises(SpecError, match=r"clients\[1\].*out_data_path: expected a folder of its own.* clients\[0\]"):
        check_folders(plan)


def test_parties_of_a_plan() -> None:
    plan = make_plan(network(), Registry.local(), "s")
    assert (plan.task, plan.kind, plan.seed) == ("网络", Kind.SHARED_NN, "s")
    assert [member.index for member in plan.members] == [0, 1, 2, 3]
    assert plan.main.index == 1
    assert plan.dealer is not None
    assert plan.dealer.index == 3
    assert plan.label is not None
    assert plan.label.index == 0
    assert [member.index for member in plan.data] == [0, 2]
    assert [member.index for member in plan.features] == [2]
    assert plan.names == ("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "127.0.0.1:4")
    assert plan.main.party == PartyRef("127.0.0.1:2", "127.0.0.1", 2, "party_local", None)


def test_names_are_different_when_a_party_plays_two_roles() -> None:
    plan = make_plan(network((1, 2, 1, 2)), Registry.local(), "s")
    assert plan.names == (
        "127.0.0.1:1 (label_client 0)",
        "127.0.0.1:2 (main_client 1)",
        "127.0.0.1:1 (feature_client 2)",
        "127.0.0.1:2 (crypto_producer 3)",
    )


def test_alignment_has_no_dealer(registry: Registry) -> None:
    plan = make_plan(alignment(), registry, "s")
    assert plan.dealer is None
    assert plan.main.party.name == "shop"
    assert plan.names == ("bank (feature_client 0)", "bank (label_client 1)", "shop")


@pytest.mark.parametrize("spec", [network(seed=7, layers=[3, 2]), alignment()], ids=["net", "align"])
def test_json_there_and_back(spec: TaskSpec, registry: Registry) -> None:
    places = Registry.local() if spec.kind is Kind.SHARED_NN else registry
    plan = make_plan(spec, places, "seed")
    text = plan.to_json()
    again = TaskPlan.from_json(text)
    assert again == plan
    assert again.to_json() == text
    assert again.digest == plan.digest
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
    assert text.isascii()


def test_digest() -> None:
    """The same at every site, whatever the site knows of its own root; another for every other plan."""
    plan = make_plan(network(), Registry.local(), "s")
    assert len(plan.digest) == 64
    assert plan.digest == make_plan(network(), Registry.local(), "s").digest
    first, *others = plan.members
    rooted = dataclasses.replace(first, party=dataclasses.replace(first.party, root="/srv/bank"))
    assert dataclasses.replace(plan, members=(rooted, *others)).digest == plan.digest
    assert dataclasses.replace(plan, seed="t").digest != plan.digest
    assert dataclasses.replace(plan, reveals=plan.reveals[1:]).digest != plan.digest
    assert make_plan(network(learning_rate=0.2), Registry.local(), "s").digest != plan.digest
    assert make_plan(network((1, 2, 3, 5)), Registry.local(), "s").digest != plan.digest


def test_seed_of_the_document_goes_first() -> None:
    plans = [make_plan(network(seed=0), Registry.local(), seed) for seed in ("a", "b")]
    assert [plan.seed for plan in plans] == ["seed 0", "seed 0"]


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"task":"x","members":[],"reveals":[]}', "[" * 9])
def test_no_plan(text: str) -> None:
    with pytest.raises(SpecError, match="the plan: expected JSON as"):
        TaskPlan.from_json(text)


def test_reveals_are_the_declared_outputs(registry: Registry) -> None:
    found = {r.tag: r.to for r in make_plan(network(), Registry.local(), "s").reveals}
    assert found == {
        "shapes": "all",
        "test_predictions": "label",
        "test_loss": "all",
        "test_metrics": "all",
        "range_guard": "all",
    }
    reveals = make_plan(alignment(), registry, "s").reveals
    assert {r.tag: r.to for r in reveals} == {"intersection_size": "all", "intersection": "data", "size_class": "main"}
    assert "guesses" in next(reveal.attack for reveal in reveals if reveal.tag == "size_class")


def test_unknown_party_is_named(registry: Registry) -> None:
    with pytest.raises(SpecError) as caught:
        make_plan(network(), registry, "s")
    assert caught.value.message == (
        'clients[0]: no party at addr "127.0.0.1", http_port 1; '
        "known parties: bank (Bank.example:8084), shop (10.0.0.6:8084)"
    )


def test_registry(registry: Registry) -> None:
    bank = PartyRef("bank", "Bank.example", 8084, "party_bank", "/srv/bank")
    assert registry.parties() == (bank, PartyRef("shop", "10.0.0.6", 8084, "node_of_shop", None))
    assert registry.resolve("bank.example", 8084) == bank
    assert not registry.is_local
    assert Registry.local().is_local
    assert Registry.local().parties() == ()


GOOD = 'addr = "a"\nhttp_port = 1\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected a table [parties.<name>] for each party"),
        ("parties = 3", "expected a table [parties.<name>]"),
        ("[parties]\nbank = 3", "parties.bank: expected a table with addr and http_port, got 3"),
        ("[parties.bank", "fedray.toml: expected TOML"),
        ("[parties.bank]\nhttp_port = 1", "parties.bank.addr: expected text of printable characters, got null"),
        ('[parties.bank]\naddr = ""\nhttp_port = 1', "parties.bank.addr: expected text"),
        ('[parties.bank]\naddr = "a"', "parties.bank.http_port: expected an integer from 1 to 65535, got null"),
        ('[parties.bank]\naddr = "a"\nhttp_port = true', "65535, got true"),
        ('[parties.bank]\naddr = "a"\nhttp_port = 65536', "65535, got 65536"),
        (f"[parties.bank]\n{GOOD}rot = 'x'", "parties.bank.rot: unknown field, did you mean root?"),
        (f"[parties.bank]\n{GOOD}root = 3", "parties.bank.root: expected text of printable characters, got 3"),
        (f"[parties.bank]\n{GOOD}resource = []", "parties.bank.resource: expected text"),
        (f'[parties."a b"]\n{GOOD}', 'parties."a b": expected a name of 1 to 64 letters'),
        (f"[parties.x]\n{GOOD}[parties.y]\n{GOOD}", "parties.y: expected an addr and http_port of its own"),
    ],
)
def test_bad_registry(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "fedray.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        Registry.from_toml(path)
    assert expected in caught.value.message


def test_registry_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such file"):
        Registry.from_toml(tmp_path / "none.toml")
    with pytest.raises(SpecError, match="cannot be read"):
        Registry.from_toml(tmp_path)
    (tmp_path / "x.toml").write_bytes(b"\xff")
    with pytest.raises(SpecError, match="expected UTF-8 text"):
        Registry.from_toml(tmp_path / "x.toml")


def test_final_statuses_and_that_all_can_be_reached() -> None:
    assert {s for s in Status if s.is_final} == {Status.FINISHED, Status.FAILED, Status.CANCELLED}
    assert set(TRANSITIONS) == set(Status)
    assert {s for following in TRANSITIONS.values() for s in following} == set(Status) - {Status.CREATED}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (Status.QUEUED, "Task with name net is already running"),
        (Status.RUNNING, "Task with name net is already running"),
        (Status.FINISHED, "Task with name net has already finished"),
        (Status.FAILED, "Task with name net has already failed"),
        (Status.CANCELLED, "Task with name net has been cancelled"),
    ],
)
def test_words_of_refusals(status: Status, words: str) -> None:
    assert refusal("net", status).message == words


def test_record_columns() -> None:
    assert record_columns("auc") == ["time", "n_batches", "loss", "auc"]
    assert record_columns("auc_ks") == ["time", "n_batches", "loss", "auc", "ks"]
    assert record_columns("metrics_pack1")[3:] == ["accuracy", "f1", "precision", "recall", "log_loss", "auc", "ks"]
    assert record_columns("regression")[3:] == ["rmse", "mae", "r2"]
    assert record_columns("poisson")[3:] == ["deviance", "d2"]
    assert set(METRICS) == {"auc", "auc_ks", "metrics_pack1", "regression", "poisson"}
    with pytest.raises(SpecError, match="metric: expected one of auc, auc_ks, metrics_pack1, regression, poisson, got"):
        record_columns("f1")


def test_event_there_and_back() -> None:
    event = Event(EventKind.PROGRESS, {"phase": "train", "done": 1}, "bank", 2.5)
    assert Event.from_dict(json.loads(json.dumps(event.as_dict()))) == event
    for name, wrong in (("kind", 1), ("data", []), ("party", None), ("time_s", "1"), ("time_s", True)):
        with pytest.raises(SpecError, match="event: expected"):
            Event.from_dict(event.as_dict() | {name: wrong})


def test_roles_are_words() -> None:
    assert [str(role) for role in Role] == ["main_client", "crypto_producer", "feature_client", "label_client"]
