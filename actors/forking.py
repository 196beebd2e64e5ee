"""Let the workers of a Ray of our own be forked from a template, see `actors.template`; Ray starts no others faster."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partialmethod
from pathlib import Path
from typing import Final

from ray._private.parameter import RayParams

from actors.worker import SOCKET

__all__ = ["end_template", "forked_workers"]

_WORKER: Final = Path(__file__).with_name("worker.py")
_WAITING: Final = 128
"""Workers that may ask at a time."""

_READY_S: Final = 60.0
"""Seconds in which it has imported; a second or two where nothing else runs."""

_END_S: Final = 5.0

_AT_END: Final = contextlib.ExitStack()
"""Ends the template; a process has one Ray, and so one of these."""

atexit.register(_AT_END.close)


@contextlib.contextmanager
def forked_workers() -> Iterator[None]:
    """Let a Ray that is started inside make its workers of a template, where the system is Linux."""
    if not sys.platform.startswith("linux"):
        yield
        return
    folder = Path(tempfile.mkdtemp(prefix="fedray-"))  # only this user may enter it
    path = folder / "template"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(_WAITING)
        os.environ[SOCKET] = str(path)  # Ray hands it on to its workers
        try:
            with _worker_of_ours():
                yield
            _start_template(listener)  # not before: its imports would hold up Ray's start, which has a time limit
        except BaseException:
            del os.environ[SOCKET]
            shutil.rmtree(folder)
            raise


@contextlib.contextmanager
def _worker_of_ours() -> Iterator[None]:
    """Let Ray start our file as a worker: its parameters name that file, but ray.init does not take it."""
    usual = RayParams.__init__
    RayParams.__init__ = partialmethod(usual, worker_path=str(_WORKER))
    try:
        yield
    finally:
        RayParams.__init__ = usual


def _start_template(listener: socket.socket) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        template = subprocess.Popen(  # noqa: S603  this Python, our own module
            [sys.executable, "-P", "-m", "actors.template", str(listener.fileno()), str(theirs.fileno())],
            pass_fds=(listener.fileno(), theirs.fileno()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
    _AT_END.callback(_end, template, ours)
    ours.settimeout(_READY_S)
    with contextlib.suppress(OSError):  # workers are Ray's own, then
        ours.recv(1)


def _end(template: subprocess.Popen[bytes], lifeline: socket.socket) -> None:
    os.environ.pop(SOCKET, None)
    lifeline.close()
    try:
        template.wait(_END_S)
    except subprocess.TimeoutExpired:
        template.kill()
        template.wait()


def end_template() -> None:
    """End the template of this process's Ray, if there is one."""
    _AT_END.close()
