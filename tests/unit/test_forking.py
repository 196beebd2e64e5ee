"""Workers forked from a template: what asks for one falls back where there is none, whatever the reason."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from actors import template, worker
from actors.template import Request


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "template"


def answering(path: Path, answer: bytes) -> threading.Thread:
    """Answer one who asks."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def run() -> None:
        with listener, listener.accept()[0] as caller:
            request = Request.read(caller)
            assert request is not None
            request.close()
            caller.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(("answer", "expected"), [(b"1", True), (b"", False)])
def test_a_worker_is_forked_where_the_template_says_so(path: Path, answer: bytes, *, expected: bool) -> None:
    thread = answering(path, answer)
    assert worker.forked(str(path), ["--node-id=1"]) is expected
    thread.join(10)


def test_nobody_is_asked_where_nobody_listens(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not worker.forked("", [])
    assert not worker.forked(str(path), [])
    monkeypatch.setenv("RAY_JOB_ID", worker.NO_JOB)
    thread = answering(path, b"1")
    assert not worker.forked(str(path), [])
    monkeypatch.delenv("RAY_JOB_ID")
    assert worker.forked(str(path), [])
    thread.join(10)


def test_a_request_brings_what_a_worker_has_from_ray(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        asking = threading.Thread(target=worker.forked, args=(str(path), ["--a", "b c"]))
        asking.start()
        with listener.accept()[0] as caller:
            request = Request.read(caller)
        asking.join(10)
    assert request is not None
    assert (request.argv, request.cwd, len(request.streams)) == (["--a", "b c"], os.getcwd(), 3)  # noqa: PTH109
    assert request.environ == dict(os.environ)
    request.close()


@pytest.mark.parametrize("said", [b"", b"{}\n", b"[1]\n", b"nonsense\n", b'{"argv": []', b'{"other": 1}\n'])
def test_what_is_no_request_is_none(said: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(said)
        ours.shutdown(socket.SHUT_WR)
        assert Request.read(theirs) is None


def test_asking_imports_nothing_that_takes_time() -> None:
    heavy = ("ray", "numpy", "fedray")
    told = f"import sys; from actors import worker; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False, timeout=100)
    assert (done.stdout, done.stderr) == ("[]\n", "")


CHILDREN = """
import os
from actors import environment
environment.prepare()
from actors.template import Worker
Worker.load(dict(os.environ))
import ray
for _ in range(3):
    if os.fork() == 0:
        print(ray.WorkerID.from_random().hex(), flush=True)
        os._exit(0)
    os.wait()
"""


def test_workers_draw_ids_of_their_own() -> None:
    """Ray's generator of ids is not made for forks: were it begun in the template, all workers would draw the same."""
    done = subprocess.run([sys.executable, "-c", CHILDREN], capture_output=True, text=True, check=True, timeout=100)
    drawn = done.stdout.split()
    assert len(drawn) == len(set(drawn)) == 3


def test_a_template_that_cannot_fork_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more() -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "fork", no_more)
    assert not template._is_child()
