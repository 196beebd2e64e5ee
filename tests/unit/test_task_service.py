"""The service behind the routes, over a real store and a runner that only notes what it was told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fedray.errors import Conflict, DataError, FedrayError, NotFound, PlacementError, SpecError, StateError
from fedray.task.plan import TaskPlan
from fedray.task.record import Event, Status
from fedray.task.registry import PartyRef, Registry
from tests.task_server import Server, advance, network


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_create(server: Server) -> None:
    view = server.service.create(network())
    assert view.as_dict() == {
        "task_name": "net",
        "kind": "shared_nn",
        "status": "created",
        "created_at": 100.0,
        "started_at": None,
        "ended_at": None,
        "elapsed_s": None,
        "error": None,
        "progress": None,
        "n_batches": 0,
        "dataset": None,
        "queue_position": None,
        "members": [
            {"index": 0, "role": "main_client", "party": "a:1"},
            {"index": 1, "role": "crypto_producer", "party": "a:2"},
            {"index": 2, "role": "feature_client", "party": "a:3"},
            {"index": 3, "role": "label_client", "party": "a:4"},
        ],
        "trust_mode": "lab",
        "parity": False,
        "public_masks": False,
        "checkpoint": None,
        "resumable": False,
        "waits_for": [],
    }
    assert server.runner.calls == ["check net"]
    assert TaskPlan.from_json(server.store.get("net").plan).seed == "seed"


def test_parity_is_told_in_every_view(server: Server) -> None:
    assert server.service.create(network(parity=True)).parity
    assert server.service.list().tasks[0].as_dict()["parity"] is True


def test_public_masks_are_told_in_every_view(server: Server) -> None:
    assert server.service.create(network(public_masks=True)).public_masks
    assert server.service.list().tasks[0].as_dict()["public_masks"] is True


def test_public_masks_are_for_one_machine_in_lab_mode(tmp_path: Path) -> None:
    server = Server(tmp_path, trust_mode="federated")
    with pytest.raises(SpecError, match=r"public_masks: expected false in trust mode federated, got true"):
        server.service.create(network(public_masks=True))
    assert server.runner.calls == []
    for resource in ("party_p", "party_local"):  # a file may call it as the server's own Ray does
        known = Registry(tuple(PartyRef(f"p{port}", "a", port, resource) for port in range(1, 5)))
        server = Server(tmp_path / resource, known)
        with pytest.raises(SpecError, match=r"clients\[0\].client_config.public_masks: expected false where fedray.to"):
            server.service.create(network(public_masks=True))
        assert server.runner.calls == []
    assert not server.service.create(network()).public_masks


def test_parity_is_refused_unless_in_lab_mode(tmp_path: Path) -> None:
    server = Server(tmp_path, trust_mode="federated")
    with pytest.raises(SpecError, match=r"clients\[0\].client_config.parity: expected false in trust mode federated"):
        server.service.create(network(parity=True))
    assert server.runner.calls == []
    assert not server.service.create(network()).parity


def test_create_from_text(server: Server) -> None:
    text = json.dumps(network()).encode()[:-1] + b", # a comment\n}"
    assert server.service.create_text(text).status is Status.CREATED
    with pytest.raises(Conflict) as caught:
        server.service.create_text(text)
    assert caught.value.message == "Task with name net already exists"
    assert server.runner.calls == ["check net"]


def test_a_party_refuses(server: Server) -> None:
    server.runner.errors["check"] = DataError("f: expected a folder with train.csv, got none", "a:3", "check")
    with pytest.raises(DataError):
        server.service.create(network())
    with pytest.raises(NotFound):
        server.service.get("net")


def test_bad_document_asks_nobody(server: Server) -> None:
    with pytest.raises(SpecError):
        server.service.create({"task_name": "net"})
    assert server.runner.calls == []


def test_start_and_run(server: Server) -> None:
    server.service.create(network())
    server.now = 110.0
    view = server.service.start("net")
    assert (view.status, view.queue_position, view.started_at) == (Status.QUEUED, 1, None)
    assert server.runner.calls == ["check net", "ready net", "submit net"]
    server.now = 120.0
    server.store.transition("net", Status.RUNNING)
    server.now = 125.0
    view = server.service.get("net")
    assert (view.status, view.queue_position, view.started_at, view.elapsed_s) == (Status.RUNNING, None, 120.0, 5.0)
    server.now = 130.0
    server.store.transition("net", Status.FINISHED)
    server.now = 500.0
    assert server.service.get("net").elapsed_s == 10.0


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ([Status.QUEUED], "Task with name net is already running"),
        ([Status.QUEUED, Status.RUNNING], "Task with name net is already running"),
        ([Status.QUEUED, Status.RUNNING, Status.FINISHED], "Task with name net has already finished"),
        ([Status.QUEUED, Status.FAILED], "Task with name net has already failed"),
        ([Status.CANCELLED], "Task with name net has been cancelled"),
    ],
)
def test_start_twice(server: Server, ways: list[Status], words: str) -> None:
    server.service.create(network())
    advance(server, *ways)
    with pytest.raises(StateError) as caught:
        server.service.start("net")
    assert caught.value.message == words
    assert server.runner.calls == ["check net"]


def test_unknown_task(server: Server) -> None:
    calls: list[Callable[[], object]] = [
        lambda: server.service.start("none"),
        lambda: server.service.cancel("none"),
        lambda: server.service.get("none"),
        lambda: server.service.events("none"),
        lambda: server.service.record("none"),
        lambda: server.service.report("none"),
    ]
    for call in calls:
        with pytest.raises(NotFound) as caught:
            call()
        assert caught.value.message == "Task with name none not exist"


def test_not_ready_stays_created(server: Server) -> None:
    server.service.create(network())
    server.runner.errors["ready"] = PlacementError("no node offers party_bank (offered: none)")
    with pytest.raises(PlacementError):
        server.service.start("net")
    assert server.service.get("net").status is Status.CREATED
    server.runner.errors.clear()
    assert server.service.start("net").status is Status.QUEUED


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (PlacementError("the queue is full"), {"type": "PlacementError", "message": "the queue is full"}),
        (RuntimeError("secret"), {"type": "FedrayError", "message": "the task could not be handed to its runner"}),
    ],
)
def test_what_cannot_be_submitted_fails(server: Server, error: Exception, kept: dict[str, str]) -> None:
    server.service.create(network())
    server.runner.errors["submit"] = error
    with pytest.raises(type(error)):
        server.service.start("net")
    view = server.service.get("net")
    assert view.status is Status.FAILED
    assert view.error == kept | {"party": "", "phase": ""}
    assert server.service.get("net").queue_position is None


def test_cancel(server: Server) -> None:
    server.service.create(network())
    server.service.create(network("other"))
    server.service.start("net")
    assert server.service.cancel("net").status is Status.CANCELLED
    assert server.service.cancel("other").status is Status.CANCELLED
    assert [call for call in server.runner.calls if call.startswith("cancel")] == ["cancel net"]
    with pytest.raises(StateError, match="has been cancelled"):
        server.service.cancel("net")
    with pytest.raises(StateError):
        server.store.transition("net", Status.FINISHED)


def test_list_and_queue_positions(server: Server) -> None:
    for name in ("a", "b", "c"):
        server.service.create(network(name))
    for name in ("c", "a"):
        server.now += 1
        server.service.start(name)
    page = server.service.list()
    assert page.total == 3
    assert [(view.task_name, view.queue_position) for view in page.tasks] == [("c", 1), ("b", None), ("a", 2)]
    assert [view.task_name for view in server.service.list(status="created", kind="shared_nn").tasks] == ["b"]
    assert server.service.list(search="A", limit=1).total == 1
    assert server.service.list(kind="alignment").total == 0
    assert server.service.queue() == ("x", "y")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"status": "done"},
            'queued, running, finished, failed, cancelled, got "done"',
        ),
        ({"kind": "x"}, "kind: expected one of alignment, shared_nn, linear, predict, serve, secure_xgboost, "),
        ({"limit": 0}, "limit: expected an integer from 1 to 1000, got 0"),
        ({"limit": 1001}, "limit: expected an integer from 1 to 1000, got 1001"),
        ({"offset": -1}, "offset: expected an integer from 0"),
        ({"offset": 2**70}, "offset: expected an integer from 0"),
    ],
)
def test_bad_page(server: Server, arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(SpecError) as caught:
        server.service.list(**arguments)
    assert text in caught.value.message


def test_what_happened(server: Server) -> None:
    server.service.create(network())
    server.service.start("net")
    server.store.events.add("net", [
        Event("dataset", {"n_train": 8, "n_test": 2}, "a:4", 1.0),
        Event("record", {"row": [1.0, 5, 0.5, 0.25], "columns": ["time", "n_batches", "loss", "auc"]}, "a:4", 2.0),
    ])  # fmt: skip
    view = server.service.get("net").as_dict()
    assert (view["dataset"], view["n_batches"]) == ([8, 2], 5)
    assert json.loads(json.dumps(view)) == view
    assert server.service.record("net").as_dict() == {
        "columns": ["time", "n_batches", "loss", "auc"],
        "rows": [[1.0, 5, 0.5, 0.25]],
    }
    assert [stored.id for stored in server.service.events("net", after=1)] == [2, 3]
    with pytest.raises(SpecError, match="after: expected an integer"):
        server.service.events("net", after=-1)
    with pytest.raises(StateError, match="has no report yet"):
        server.service.report("net")
    server.store.reports.save("net", {"reveals": []})
    assert server.service.report("net") == {"reveals": []}


def test_parties(tmp_path: Path) -> None:
    path = tmp_path / "fedray.toml"
    path.write_text(
        '[parties.bank]\naddr = "a"\nhttp_port = 1\n[parties.shop]\naddr = "b"\nhttp_port = 2\n', encoding="utf-8"
    )
    service = Server(tmp_path, Registry.from_toml(path)).service
    found = [view.as_dict() for view in service.parties()]
    assert found == [
        {"name": "bank", "addr": "a", "http_port": 1, "resource": "party_bank", "offered": True},
        {"name": "shop", "addr": "b", "http_port": 2, "resource": "party_shop", "offered": False},
    ]
    with pytest.raises(FedrayError, match="no party at addr"):
        service.create(network())


def test_local_server_knows_no_parties(server: Server) -> None:
    assert server.service.parties() == ()
