"""The `fedray` command without its start: one process imports what it needs and is copied for every run.

A run is a process of its own all the same, with its own folder, terminal, signals and exit code. For tests that run the
command many times and care for what it does, not for how fast it starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

__all__ = ["Command"]


class Command:
    """Runs the command; close it after use."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.command"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def run(self, arguments: Sequence[str], folder: Path) -> tuple[int, str, str]:
        """Run `fedray` with these arguments in this folder; return exit code, standard output and standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([[*arguments], str(folder)]) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return code, (folder / "out").read_text(), (folder / "err").read_text()


def serve_copies() -> None:
    """Answer each line, arguments and folder, with the exit code of a copy of this process that runs them."""
    from actors import environment

    environment.prepare()
    import serve_api.deploy  # noqa: F401  what the command would import takes seconds

    while line := sys.stdin.readline():
        child = os.fork()
        if child == 0:
            _run(*json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


def _run(arguments: list[str], folder: str) -> None:
    from serve_api.cli.main import main

    os.chdir(folder)
    for number, name in ((0, os.devnull), (1, "out"), (2, "err")):
        os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = ["fedray", *arguments]
    try:
        main()
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 1)
    os._exit(0)


if __name__ == "__main__":
    serve_copies()
