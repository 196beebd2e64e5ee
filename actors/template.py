"""A process with everything imported of which Ray's workers are made: forked instead of started anew.

What a worker costs is mostly imports: Ray's own, numba's, pandas' and scikit-learn's take one to three seconds of
processor time, and a task starts four workers. One that is forked begins with all that done. It is a process of its own
as before: the template only imports, it sees no task and no table, of keys only one that the server's environment
holds, and every worker is forked from it alone.

The template has one thread of Python; those that libraries keep (OpenBLAS, jemalloc) idle, and are begun anew by them
in a child. `actors.worker` asks it over a socket in a folder that only this user may enter. It ends with the process
that has made it, whose end of the lifeline closes then.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final, Self

from fedray.parties.preloading import preload

__all__ = ["serve"]

_LONGEST: Final = 1 << 20
"""Bytes that are read at a time."""

_STREAMS: Final = 3
"""Standard input, output and errors of a worker."""

_ASKING_S: Final = 1.0

_FIXED: Final = ("RAY_JOB_ID", "RAY_RAYLET_PID")
"""What Ray keeps from the environment that it was imported with: a Ray of our own has one raylet and one job."""


def serve(listener: socket.socket, lifeline: socket.socket) -> None:
    """Fork workers until the other end of the lifeline closes.

    Parameters
    ----------
    listener
        Where `actors.worker` asks.
    lifeline
        Is told when all is imported.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a worker ended, so the kernel forgets it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal, meant for the server
    preload()
    lifeline.sendall(b"1")
    worker: Worker | None = None
    while True:
        ready, _, _ = select.select([listener.fileno(), lifeline.fileno()], [], [])
        if lifeline.fileno() in ready:
            path = Path(listener.getsockname())
            path.unlink(missing_ok=True)
            path.parent.rmdir()
            return
        caller, _ = listener.accept()
        with caller:
            request = Request.read(caller)
            if request is None:
                continue
            worker = worker or Worker.load(request.environ)
            if worker.fits(request.environ) and _is_child():
                listener.close()
                lifeline.close()
                try:
                    caller.sendall(b"1")
                except OSError:
                    return  # nobody waits for this child any more
                break
            request.close()
    request.take_over()
    worker.run(request.argv)


def _is_child() -> bool:
    """Fork; return whether this is the child, and False as well where no process can be made."""
    with suppress(OSError):
        return os.fork() == 0
    return False


@dataclass(frozen=True)
class Request:
    """What a process that is to be a worker has from Ray.

    Attributes
    ----------
    argv
        Arguments, without the program.
    environ, cwd
        As they are there.
    nice, oom_score_adj
        Priorities, as Ray has set them.
    streams
        Descriptors of its standard streams.
    """

    argv: list[str]
    environ: Mapping[str, str]
    cwd: str
    nice: int
    oom_score_adj: str
    streams: tuple[int, ...]

    @classmethod
    def read(cls, caller: socket.socket) -> Self | None:
        """Read what somebody asks for; None where it is nothing."""
        caller.settimeout(_ASKING_S)
        streams: list[int] = []
        try:
            said, streams, _, _ = socket.recv_fds(caller, _LONGEST, _STREAMS)
            while not said.endswith(b"\n") and (more := caller.recv(_LONGEST)):
                said += more
            told: dict[str, Any] = json.loads(said)  # refuses what has no end
            return cls(**told, streams=tuple(streams))
        except (OSError, ValueError, TypeError):
            for stream in streams:
                os.close(stream)
            return None

    def close(self) -> None:
        """Close the streams."""
        for stream in self.streams:
            os.close(stream)

    def take_over(self) -> None:
        """Let this process be as the one that asked, but for its id."""
        os.setpgid(0, 0)  # Ray ends a worker's group, which shall not be the template's
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for target, stream in enumerate(self.streams):
            os.dup2(stream, target)
        for stream in self.streams:
            if stream >= _STREAMS:
                os.close(stream)
        os.chdir(self.cwd)
        os.environ.clear()
        os.environ.update(self.environ)
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, self.nice)
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(self.oom_score_adj)
        # NumPy's common generator, of which no secret comes, shall differ in each worker; Python's does so by itself
        sys.modules["numpy"].random.seed()


class Worker:
    """Ray's own worker, imported.

    Parameters
    ----------
    path
        Of its file.
    fixed
        Variables of the environment that Ray reads no more.
    """

    def __init__(self, path: Path, fixed: Mapping[str, str | None]) -> None:
        self._code: CodeType = compile(path.read_text(), str(path), "exec")
        self._path, self._fixed = str(path), fixed

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Import Ray's worker, with a worker's environment; no actor, as Ray draws a random id where one is defined.

        Ray's generator of ids, once begun, would go on alike in all children, who would call different things the same.
        """
        os.environ.clear()
        os.environ.update(environ)
        ray_worker = importlib.import_module("ray._private.workers.default_worker")
        gc.collect()
        gc.freeze()  # children shall not write to what they share
        return cls(Path(str(ray_worker.__file__)), {name: environ.get(name) for name in _FIXED})

    def fits(self, environ: Mapping[str, str]) -> bool:
        """Return whether a worker with this environment can be forked."""
        return all(environ.get(name) == value for name, value in self._fixed.items())

    def run(self, argv: list[str]) -> None:
        """Be Ray's worker."""
        main = ModuleType("__main__")
        main.__file__ = self._path
        sys.modules["__main__"] = main
        sys.argv = [self._path, *argv]
        exec(self._code, main.__dict__)  # noqa: S102  Ray's own file


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), socket.socket(fileno=int(sys.argv[2])))
