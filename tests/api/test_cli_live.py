"""The command line against a real server on a free port."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from fedray.errors import DataError, PlacementError
from fedray.task.record import Event, Status
from serve_api.cli import watch as watching
from serve_api.cli.client import Server
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.main import main
from serve_api.trust import LAB_NOTICE, PARITY_NOTICE
from tests.api.conftest import World
from tests.api.documents import DIALECT, alignment, training


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Done]


@pytest.fixture
def url(app: FastAPI) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_level="critical", ws="none", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def cli(url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    monkeypatch.setenv("FEDRAY_SERVER", url)
    monkeypatch.setattr(watching, "STEADY", watching.Pace(0.02, 0.02, 3, 0.0))

    def call(*arguments: str, stdin: bytes = b"") -> Done:
        monkeypatch.setattr(sys, "argv", ["fedray", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert end.value.code is not None
        return Done(int(end.value.code), out, err)

    return call


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "task.json"
    path.write_text(json.dumps(training("t")))
    return str(path)


def ends(world: World, how: Status, error: DataError | None = None) -> Callable[[str], None]:
    """Return a runner's submit that trains and ends a task a moment later."""

    def later(name: str) -> None:
        time.sleep(0.1)
        world.store.transition(name, Status.RUNNING)
        world.train(name)
        world.tell(name, "note", {"message": "scaled"}, "bank")
        time.sleep(0.1)
        world.store.transition(name, how, error.as_dict() if error else None)

    return lambda name: threading.Thread(target=later, args=(name,)).start()


class TestSubmit:
    def test_creates(self, cli: Cli, file: str, world: World) -> None:
        done = cli("submit", file)
        assert (done.code, done.err) == (0, "")
        assert done.out.splitlines() == ["Task t created.", LAB_NOTICE]
        assert world.service.get("t").status == "created"

    def test_json(self, cli: Cli, file: str) -> None:
        task = cli("submit", file, "--start", "--json").json()
        assert (task["task_name"], task["status"]) == ("t", "queued")

    def test_the_dialect_from_the_standard_input(self, cli: Cli) -> None:
        assert cli("submit", "-", "--json", stdin=DIALECT).json()["task_name"] == "dialect"

    @pytest.mark.parametrize("content", [b"{", b"", b"[1,]]", b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000])
    def test_no_json(self, cli: Cli, content: bytes) -> None:
        done = cli("submit", "-", stdin=content)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("fedray: FILE: ")
        assert done.err.count("\n") == 1

    def test_no_file(self, cli: Cli, tmp_path: Path) -> None:
        assert cli("submit", str(tmp_path / "none.json")).code == 2
        done = cli("submit", str(tmp_path))
        assert (done.code, done.out) == (2, "")
        assert "cannot read" in done.err

    def test_refused(self, cli: Cli, file: str, world: World) -> None:
        world.create("t")
        done = cli("submit", file, "--json")
        assert (done.code, done.out) == (3, "")
        assert done.err == "fedray: Task with name t already exists\n"

    def test_refused_by_a_party(self, cli: Cli, file: str, world: World) -> None:
        world.runner.not_ready = PlacementError("no node offers party_bank (offered: none)", "bank")
        done = cli("submit", file, "--watch")
        assert done.code == 3
        assert done.err == (
            "fedray: bank: The task is created but not started: no node offers party_bank (offered: none)\n"
        )


def cancel_after_requests(monkeypatch: pytest.MonkeyPatch, world: World, count: int) -> None:
    """Cancel each task once it has been asked for `count` times: sooner than that, nobody saw it waiting."""
    get, seen = Server.get, Counter[str]()

    def counted(self: Server, path: str, *args: Any, **options: Any) -> Any:
        name = next(part for part in reversed(path.split("/")) if part not in ("events", ""))
        seen[name] += 1
        if seen[name] == count:
            world.service.cancel(name)
        return get(self, path, *args, **options)

    monkeypatch.setattr(Server, "get", counted)


class TestWatch:
    def test_to_the_end(self, cli: Cli, file: str, world: World) -> None:
        world.runner.on_submit = ends(world, Status.FINISHED)
        done = cli("submit", file, "--watch")
        lines = done.out.splitlines()
        assert (done.code, done.err) == (0, "")
        assert "phase train" in lines
        assert "32.0 s  101 batches  loss 0.25  auc 0.5  ks 0.125" in lines
        assert "note from bank: scaled" in lines
        assert "train  202/303  loss 0.25  auc 0.5  ks 0.125  7 rounds  2.5 MB" in lines
        assert lines[-1].startswith("Task t finished after ")

    def test_events_as_lines_of_json(self, cli: Cli, world: World) -> None:
        world.create("t")
        world.runner.on_submit = ends(world, Status.FINISHED)
        done = cli("start", "t", "--watch", "--json")
        events = [json.loads(line) for line in done.out.splitlines()]
        assert (done.code, done.err) == (0, "")
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        assert events[-1]["data"]["status"] == "finished"
        assert sum(event["kind"] == "record" for event in events) == 2

    def test_live_block(self, cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watching, "on_terminal", lambda: True)
        world.create("t")
        world.runner.on_submit = ends(world, Status.FINISHED)
        done = cli("start", "t", "--watch")
        assert (done.code, done.err) == (0, "")
        assert "32.0 s  101 batches  loss 0.25  auc 0.5  ks 0.125" in done.out
        assert "t  finished" in done.out
        assert "train  202/303" in done.out

    def test_failed(self, cli: Cli, world: World) -> None:
        world.create("t")
        world.runner.on_submit = ends(world, Status.FAILED, DataError("column age: expected numbers.", "bank", "read"))
        done = cli("start", "t", "--watch")
        assert done.code == 1
        assert done.err == "DataError: bank, read: column age: expected numbers.\n"

    def test_cancelled(self, cli: Cli, world: World) -> None:
        world.service.cancel(world.create("t"))
        assert cli("watch", "t").code == 5
        assert cli("watch", "t", "--json").code == 5

    def test_waiting_says_for_what(self, cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        cancel_after_requests(monkeypatch, world, 6)
        world.create("t")
        done = cli("watch", "t")
        assert done.code == 5
        assert done.out.splitlines()[0] == "created, not started; start it with: fedray start t"
        world.create("u")
        assert cli("watch", "u", "--json").err == "created, not started; start it with: fedray start u\n"

    def test_many_events(self, cli: Cli, world: World) -> None:
        world.run("t")
        world.store.events.add("t", [Event("note", {"message": f"n{i}"}) for i in range(1200)])
        world.finish("t")
        lines = cli("watch", "t", "--json").out.splitlines()
        assert len(lines) == 1203
        assert [json.loads(line)["id"] for line in lines] == list(range(1, 1204))

    def test_no_such_task(self, cli: Cli) -> None:
        done = cli("watch", "no")
        assert (done.code, done.err) == (3, "fedray: Task with name no not exist\n")

    def test_server_that_goes_away(self, cli: Cli, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        world.run("t")
        answers = iter([{"task_name": "t", "status": "running"}])
        monkeypatch.setattr(Server, "get", lambda *_: next(answers, None) or _gone())
        done = cli("watch", "t")
        assert (done.code, done.err) == (4, "fedray: gone\n")

    @pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
    def test_interrupted(self, url: str, world: World) -> None:
        world.run("t")
        command = [sys.executable, "-m", "serve_api.cli", "--server", url, "watch", "t"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        world.tell("t", "note", {"message": "seen"})
        assert process.stdout is not None
        assert process.stdout.readline() == "note: seen\n"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert "fedray watch t" in err
        assert "Traceback" not in err
        assert out == ""


def _gone() -> dict[str, Any]:
    raise CliError("gone", ExitCode.UNREACHABLE)


class TestQueries:
    def test_status(self, cli: Cli, world: World) -> None:
        world.fail(world.run("t"), DataError("column age: expected numbers.", "bank", "read"))
        done = cli("status", "t")
        assert done.code == 0
        assert "failed" in done.out
        assert "DataError: bank, read: column age: expected numbers." in done.out
        assert "label_client" in done.out
        assert LAB_NOTICE in done.out
        assert cli("status", "t", "--json").json()["error"]["party"] == "bank"

    def test_record(self, cli: Cli, world: World) -> None:
        world.train(world.run("t"))
        lines = cli("record", "t").out.split("\n")
        assert lines[0].split() == ["time", "n_batches", "loss", "auc", "ks"]
        assert lines[2].split() == ["32", "101", "0.25", "0.5", "0.125"]
        assert len(cli("record", "t", "--json").json()["rows"]) == 2

    def test_tasks(self, cli: Cli, world: World) -> None:
        for name in ("a", "b", "c"):
            world.create(name)
        world.create("d", "alignment")
        assert cli("tasks").out.splitlines()[-1] == "4 of 4 tasks"
        assert cli("tasks", "--limit", "1").out.splitlines()[-1] == "1 of 4 tasks"
        page = cli("tasks", "--kind", "alignment", "--status", "created", "--json").json()
        assert [task["task_name"] for task in page["tasks"]] == ["d"]

    @pytest.mark.parametrize("arguments", [("--status", "odd"), ("--kind", "odd")])
    def test_unknown_filters(self, cli: Cli, arguments: tuple[str, str]) -> None:
        assert cli("tasks", *arguments).code == 3

    def test_cancel(self, cli: Cli, world: World) -> None:
        world.run("t")
        assert cli("cancel", "t").out == "Task t: asked to cancel; its status is cancelled.\n"
        assert cli("cancel", "t").code == 3
        world.create("u")
        assert cli("cancel", "u", "--json").json()["status"] == "cancelled"

    def test_start(self, cli: Cli, world: World) -> None:
        world.create("t")
        assert cli("start", "t").out == "Task t started.\n"
        assert cli("start", "t").err == "fedray: Task with name t is already running\n"

    def test_tags(self, cli: Cli, world: World) -> None:
        world.service.create(training("t"))
        for status in (Status.QUEUED, Status.RUNNING, Status.FINISHED):
            world.store.transition("t", status)
        assert cli("tag", "t", "champion").out == "Model t: has the tag champion.\n"
        assert "champion" in cli("models").out
        assert cli("model", "t", "--json").json()["tags"] == ["champion"]
        assert cli("tag", "t", "champion", "--remove").out == "Model t: no longer has the tag champion.\n"
        refused = cli("tag", "t", "champion", "--remove")
        assert (refused.code, refused.err) == (3, 'fedray: Model "t" has no tag "champion"\n')
        assert cli("tag", "t", "Big").code == 3
        assert cli("tag", "t", "a/b").err.startswith("fedray: TAG: expected a tag")

    def test_parties(self, cli: Cli) -> None:
        assert cli("parties").out.startswith("No registry")
        assert cli("parties", "--json").json() == {"parties": []}

    def test_parity_is_told_when_a_task_is_created_and_with_its_status(self, cli: Cli) -> None:
        document = training("p")
        document["clients"][0]["client_config"]["parity"] = True
        submitted = cli("submit", "-", stdin=json.dumps(document).encode())
        assert PARITY_NOTICE in submitted.out
        assert PARITY_NOTICE in cli("status", "p").out
        assert cli("status", "p", "--json").json()["parity"] is True
        assert PARITY_NOTICE not in cli("submit", "-", stdin=json.dumps(training("q")).encode()).out

    def test_report(self, cli: Cli, world: World) -> None:
        world.run("t")
        assert cli("report", "t").code == 3
        world.store.reports.save("t", {"task": "t", "result": {"auc": 0.75}})
        assert "auc" in cli("report", "t").out
        assert cli("report", "t", "--json").json() == {"task": "t", "result": {"auc": 0.75}}

    @pytest.mark.parametrize("name", ["two words", "信用 50%", "a?b#c&d=e+f"])
    def test_odd_names(self, cli: Cli, world: World, name: str) -> None:
        cli("submit", "-", stdin=json.dumps(alignment(name)).encode())
        assert cli("start", name, "--json").json()["task_name"] == name

    @pytest.mark.parametrize("name", ["", "a/b", ".", ".."])
    def test_impossible_names(self, cli: Cli, name: str) -> None:
        done = cli("status", name)
        assert (done.code, done.out) == (2, "")


class TestServers:
    @pytest.fixture
    def port(self) -> int:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port: int = listener.getsockname()[1]
        return port

    def test_not_reachable(self, cli: Cli, port: int) -> None:
        for arguments in (["tasks", "--server", f"http://127.0.0.1:{port}"], ["watch", "t"], ["tasks", "--json"]):
            done = cli("--server", f"http://127.0.0.1:{port}", *arguments)
            assert (done.code, done.out) == (4, "")
            assert f"No answer from the server at http://127.0.0.1:{port}" in done.err
            assert done.err.count("\n") == 1

    def test_the_command_decides_over_the_environment(
        self, cli: Cli, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FEDRAY_SERVER", "http://127.0.0.1:1")
        assert cli("tasks").code == 4
        assert cli("--server", url, "tasks").code == 0
        assert cli("--server", "http://127.0.0.1:1", "tasks", "--server", url + "/").code == 0

    @pytest.mark.parametrize(
        "wrong", ["127.0.0.1:8380", "ftp://x", "http://", "http://[", "http://x:99999", "http://x y", "http://x?y"]
    )
    def test_no_url(self, cli: Cli, wrong: str) -> None:
        done = cli("tasks", "--server", wrong)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("fedray: --server: ")

    @pytest.mark.parametrize(
        ("status", "body"),
        [(200, b"<html>"), (200, b"[]"), (502, b"Bad gateway"), (404, b"{}"), (500, b'{"error": 1}'), (200, b"\xff")],
    )
    def test_another_kind_of_server(self, cli: Cli, status: int, body: bytes) -> None:
        class Other(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        with HTTPServer(("127.0.0.1", 0), Other) as server:
            threading.Thread(target=server.handle_request).start()
            done = cli("tasks", "--server", f"http://127.0.0.1:{server.server_port}")
        assert (done.code, done.out) == (4, "")
        assert "not as a fedray server does" in done.err


def test_a_training_goes_on(cli: Cli, world: World) -> None:
    world.run("t")
    told = {"phase": "train", "done": 700, "total": 900, "checkpoint": 500}
    world.tell("t", "progress", told)
    assert cli("resume", "t").code == ExitCode.REFUSED
    world.fail("t", DataError("gone"))
    watched = cli("watch", "t")
    assert watched.err.splitlines()[-1] == "It can go on from the checkpoint after step 500: fedray resume t"
    shown = cli("status", "t").out
    assert "after step 500; go on with: fedray resume t" in shown
    done = cli("resume", "t")
    assert (done.code, done.out) == (0, "Task t goes on from its last checkpoint.\n")
    assert "go on with" not in cli("status", "t").out
    world.store.transition("t", Status.RUNNING)
    world.tell("t", "resumed", {"n_batches": 500, "text": "going on from the checkpoint after 500 of 900 steps"})
    world.finish("t")
    assert "going on from the checkpoint after 500 of 900 steps" in cli("watch", "t").out
