"""A real `fedray serve` for tests: its own root, port and Ray; started, asked, hurt and ended by process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

__all__ = ["ENDS", "ROLES", "FedrayServer", "free_port", "living", "patience", "session_processes", "until"]

ROLES = ("MainClient", "CryptoProducer", "FeatureClient", "LabelClient")
ENDS = ("finished", "failed", "cancelled")
START_S = 180.0
"""On a machine that does much else; 15 s on two idle cores."""


class FedrayServer:
    """`fedray serve` in a session of its own, so that every process of it can be found.

    Parameters
    ----------
    root
        The server's data root.
    options
        More options of the command.
    environment
        More variables of its environment.
    """

    host = "127.0.0.1"
    greeting = "listens"
    """What the command prints once it is up."""

    def __init__(self, root: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        self.root = root
        self.port = free_port()
        self.options = options
        # short, for the sockets in it; of our own, so that the logs of this server's Ray are easy to find
        self.ray_folder = Path(tempfile.mkdtemp(prefix="fr-", dir="/tmp"))
        self._environment = {**os.environ, "RAY_TMPDIR": str(self.ray_folder), **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._started: list[int] = []
        self._http = httpx.Client(base_url=self.url, timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self._clear()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None):
        self._clear()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *options: str) -> None:
        """Start, with other options than before if there are any, and wait until HTTP answers."""
        self.options = options or self.options
        self.root.mkdir(parents=True, exist_ok=True)
        self._out, self._err = self.root.parent / "serve.out", self.root.parent / "serve.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=self._environment,
                cwd=self.root,
                start_new_session=True,
            )
        self._started.append(self._process.pid)
        until(
            lambda: self.greeting in self.out or self._process.poll() is not None,
            patience(START_S),
            lambda: self.out + self.err,
        )
        assert self._process.poll() is None, self.err

    def command(self) -> list[str]:
        """Return the command that runs the server."""
        options = ["--root", str(self.root), "--port", str(self.port), *self.options]
        return [sys.executable, "-m", "serve_api.cli", "serve", *options]

    @property
    def out(self) -> str:
        """What the server has written to its terminal."""
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    def stop(self, timeout_s: float = 30.0) -> int:
        """Tell the server to end and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(timeout_s)

    def crash(self) -> None:
        """Kill the server's own process without a warning."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def processes(self, *titles: str) -> list[int]:
        """Return the process ids of the server and of everything that it started, or of those with a title."""
        found = session_processes(self._started)
        return [pid for pid, title in found.items() if not titles or title.startswith(titles)]

    def roles(self, *roles: str) -> list[int]:
        """Return the process ids of roles."""
        return self.processes(*(f"ray::{role}" for role in roles or ROLES))

    def get(self, path: str, **parameters: object) -> Any:
        return self._http.get(path, params=parameters).json()

    def post(self, path: str, body: object = None, **parameters: object) -> Any:
        """Post bytes or text as they are, anything else as JSON."""
        if isinstance(body, str | bytes):
            return self._http.post(path, content=body, params=parameters).json()
        return self._http.post(path, json=body, params=parameters).json()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self._http.request(method, path, **more)

    def create(self, document: object) -> str:
        """Create a task, as the MainServer API does, and return its name."""
        reply = self.post("/createTask", document)
        assert reply["status"] == "ok", reply
        return reply["msg"].split("Task with name ")[1].split(" ")[0]

    def begin(self, document: object) -> str:
        """Create and start a task."""
        name = self.create(document)
        reply = self.get("/startTask", task_name=name)
        assert reply["status"] == "ok", reply
        return name

    def task(self, name: str) -> Any:
        return self.get(f"/api/v1/tasks/{name}")

    def wait(self, name: str, *status: str, timeout_s: float = 150.0) -> Any:
        """Wait for a task to have one of these statuses, by default to end, and return it."""
        wanted = status or ENDS
        until(lambda: self.task(name)["status"] in wanted, timeout_s, lambda: f"{self.task(name)}", longest_s=0.4)
        return self.task(name)

    def run(self, document: object, timeout_s: float = 150.0) -> Any:
        """Run a task to its end."""
        return self.wait(self.begin(document), timeout_s=timeout_s)

    def wait_training(self, name: str) -> None:
        """Wait until a task has trained some batches."""
        until(
            lambda: (self.task(name)["n_batches"] or 0) > 0,
            patience(60),
            lambda: f"{self.task(name)}",
            longest_s=0.4,
        )

    def logs(self) -> Iterable[Path]:
        """Return every log file of this server and its Ray."""
        files = [path for path in self.ray_folder.rglob("*") if path.is_file() and not path.is_symlink()]
        return [
            *files,
            *(self.root / ".fedray").glob("*.log"),
            *(self.root / ".fedray").glob("log/*"),
            self._out,
            self._err,
        ]

    def _clear(self) -> None:
        self._http.close()
        if self._process is not None and self._process.poll() is None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.crash()
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        shutil.rmtree(self.ray_folder, ignore_errors=True)


def until(
    done: Callable[[], object], timeout_s: float, tell: Callable[[], str] = lambda: "", longest_s: float = 0.05
) -> float:
    """Ask until the answer is yes; return the seconds it took.

    Pauses grow up to `longest_s`: a server that is asked twenty times a second spends a fifth of two processors on it.
    """
    started, pause_s = time.monotonic(), 0.05
    while not done():
        if time.monotonic() - started > timeout_s:
            raise AssertionError(f"not within {timeout_s:g} s: {tell()}")
        time.sleep(pause_s)
        pause_s = min(1.2 * pause_s, longest_s)
    return time.monotonic() - started


def patience(seconds: float) -> float:
    """Return a promised time, longer where more programs want to run than there are processors."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def session_processes(leaders: Iterable[int]) -> dict[int, str]:
    """Return the living processes of sessions, with their titles; a session outlives its leader."""
    wanted = set(leaders)
    return {pid: title for pid, session, title in living() if session in wanted}


def living() -> Iterator[tuple[int, int, str]]:
    """Yield process id, session and title of every living process that this one sees."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            title = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if state != "Z":
            yield int(folder.name), int(session), title


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
