"""Everything that README.md tells people to type is typed here, in order, in one folder, against real servers."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fedray.data import sample
from serve_api.cli.demo_server import end_session, free_port
from tests.docs.blocks import ROOT, Block, blocks

README = ROOT / "README.md"
BLOCKS = blocks(README)
FILES = {"clinic": "features1.csv", "laboratory": "features2.csv", "hospital": "label.csv"}

# What is run elsewhere, or cannot be run by a test that is part of it.
ELSEWHERE = {"scripts/demo", "scripts/test", "source .venv/bin/activate", "python examples/driver.py"}

# What each program says when it is ready.
SERVERS = {"fedray serve": "fedray listens on", "ray start": "Ray runtime started"}


@dataclass
class Terminal:
    """Runs blocks as a person would: one folder, one environment, a terminal of its own for each server."""

    folder: Path
    env: dict[str, str]
    words: dict[str, str]
    servers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    fedray: subprocess.Popen[bytes] | None = None

    def translate(self, text: str) -> str:
        """Put this machine's free ports and folders in the place of the README's."""
        for old, new in self.words.items():
            text = text.replace(old, new)
        return text

    def run(self, block: Block) -> str:
        after = self.folder / "environment"
        script = f"{self.translate(block.text)}\nenv -0 > '{after}'\n"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"README line {block.line}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        pairs = ((pair.partition("=")[0], pair.partition("=")[2]) for pair in after.read_text().split("\0") if pair)
        self.env = dict(pairs)
        return done.stdout

    def serve(self, block: Block, ready: str) -> None:
        text = self.translate(block.text).strip()
        if text.startswith("fedray serve"):
            self.stop_fedray()  # the README says Ctrl-C
            text += f" --port {self.words['8380']}"
        log = self.folder / f"server-{block.line}.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                ["bash", "-c", f"exec {text}"],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.servers.append(child)
        if text.startswith("fedray serve"):
            self.fedray = child
        deadline = time.monotonic() + 180
        while ready not in log.read_text(errors="replace"):
            assert child.poll() is None, f"README line {block.line}: {log.read_text(errors='replace')}"
            assert time.monotonic() < deadline, f"README line {block.line}: {log.read_text(errors='replace')}"
            time.sleep(0.2)

    def stop_fedray(self) -> None:
        if self.fedray is not None:
            self.servers.remove(self.fedray)
            end_session(self.fedray)
            self.fedray = None

    def close(self) -> None:
        for child in reversed(self.servers):
            end_session(child)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    sample.write_tables(tmp_path)
    for name, file in FILES.items():
        (tmp_path / sample.PARTIES[name].file).rename(tmp_path / file)
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    port = str(free_port())
    words = {
        "8380": port,
        "6379": str(free_port()),
        "10.0.0.5": "127.0.0.1",
        "10.0.0.6": "127.0.0.1",
        "/srv/": f"{tmp_path}/srv/",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "FEDRAY_"))}
    path = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
    env = {**kept, "PATH": path, "FEDRAY_SERVER": f"http://127.0.0.1:{port}"}
    opened = Terminal(tmp_path, env, words)
    try:
        yield opened
    finally:
        opened.close()


@pytest.mark.e2e
@pytest.mark.ray
@pytest.mark.timeout(900)
def test_everything_in_the_readme_works(terminal: Terminal) -> None:
    said = ""
    for block in BLOCKS:
        command = block.text.strip()
        server = next((ready for start, ready in SERVERS.items() if command.startswith(start)), None)
        if block.language == "json":
            # an answer as the README shows it: that of the last command
            assert json.loads(said.splitlines()[-1]) == json.loads(block.text)
        elif command in ELSEWHERE:
            continue
        elif server:
            terminal.serve(block, server)
        else:
            said = terminal.run(block)


def test_the_readme_holds_only_blocks_that_are_run() -> None:
    fences = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("```")]
    assert len(fences) == 2 * len(BLOCKS)
    assert {block.language for block in BLOCKS} == {"bash", "json"}
    assert [block for block in BLOCKS if block.text.strip() in ELSEWHERE][2:] != []


def test_the_first_two_commands_are_the_demo_and_the_tests() -> None:
    assert [block.text for block in BLOCKS[:2]] == ["scripts/demo\n", "scripts/test\n"]


@pytest.mark.parametrize("name", ["scripts/demo", "scripts/test", "scripts/check", ".ci/run"])
def test_scripts_can_be_run(name: str) -> None:
    assert (ROOT / name).stat().st_mode & stat.S_IXUSR
    assert subprocess.run(["bash", "-n", ROOT / name], check=False).returncode == 0


def test_continuous_integration_runs_the_command_of_the_readme() -> None:
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == "exec scripts/test"
