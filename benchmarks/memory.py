"""Memory of an idle server: Ray, Serve, the supervisor and the five actors of a training that has not begun."""

from __future__ import annotations

import socket
import tempfile
import time
from pathlib import Path

from benchmarks.credit import Training, training_plan
from benchmarks.lines import Line, line
from benchmarks.processes import family, pss_mib

__all__ = ["free_port", "run"]

SETTLE_S = 5.0


def run() -> Line:
    """Start a server and five actors, measure, stop them; return one line."""
    from actors.team import Team
    from serve_api import deploy

    with tempfile.TemporaryDirectory() as folder:
        deploy.start(deploy.ServerSettings(Path(folder), port=free_port()))
        try:
            team = Team(training_plan("idle", Training()), folder)
            team.introduce()
            time.sleep(SETTLE_S)
            sizes = {pid: (pss_mib(pid), command) for pid, command in family().items()}
            team.close()
        finally:
            deploy.stop("the benchmark ended")
    largest = sorted(sizes.values(), reverse=True)
    return {
        **line("memory", "ray", "none: nothing runs"),
        "processes": len(sizes),
        "pss_mb": round(sum(size for size, _ in sizes.values()), 1),
        "largest": [[round(size, 1), _name(command)] for size, command in largest],
    }


def _name(command: str) -> str:
    """Return the first words of a command line without the folders of this machine."""
    return " ".join(Path(word).name for word in command.split()[:3] if not word.startswith("-"))


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
