"""What Ray starts as a worker of a Ray of our own: asks the template for one, and without it is Ray's own worker.

It imports nothing that takes time, as it runs once for every worker.
"""

from __future__ import annotations

import json
import os
import socket
import sys

__all__ = ["SOCKET", "forked"]

SOCKET = "FEDRAY_TEMPLATE"
"""Variable of the environment that names the template's socket."""

NO_JOB = "ffffffff"
"""Ray's job of a worker that it starts before there is one: Ray keeps that from the environment, and is imported with
another one's in the template."""

PATIENCE_S = 45.0
"""Seconds for the template to answer, which imports Ray for the first; Ray itself waits for 60 s."""


def forked(path: str, argv: list[str]) -> bool:
    """Ask the template at a socket for a worker with these arguments; return whether there is one."""
    if not path or os.environ.get("RAY_JOB_ID") == NO_JOB:
        return False
    try:
        with open("/proc/self/oom_score_adj") as file:  # noqa: PTH123  pathlib takes time
            oom_score_adj = file.read()
        request = {
            "argv": argv,
            "environ": dict(os.environ),
            "cwd": os.getcwd(),  # noqa: PTH109
            "nice": os.getpriority(os.PRIO_PROCESS, 0),
            "oom_score_adj": oom_score_adj,
        }
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(PATIENCE_S)
            caller.connect(path)
            socket.send_fds(caller, [json.dumps(request).encode() + b"\n"], [0, 1, 2])
            return caller.recv(1) == b"1"
    except OSError:
        return False


def _run_own() -> None:
    """Be Ray's own worker."""
    import runpy
    from importlib.util import find_spec

    found = find_spec("ray._private.workers.default_worker")
    if found is None or found.origin is None:
        raise SystemExit("this Ray has no worker of the known name; fedray goes with the version that it asks for")
    sys.argv[0] = found.origin
    sys.path[0] = os.path.dirname(found.origin)  # noqa: PTH120
    runpy.run_path(found.origin, run_name="__main__")


if __name__ == "__main__" and not forked(os.environ.get(SOCKET, ""), sys.argv[1:]):
    _run_own()
