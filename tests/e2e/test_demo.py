"""`fedray demo` does what it says and leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from serve_api.cli import demo_server
from serve_api.cli.exit_codes import CliError, ExitCode

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(400)]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "FEDRAY_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "serve_api.cli", "demo", *arguments],
        # every process of the demo inherits the mark
        env={**env, "TMPDIR": str(folder), "DEMO_MARK": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass(frozen=True)
class Traces:
    """What a running demo has on this machine: its server's session, and the folder of Ray's files."""

    session: int
    ray_folder: Path

    def processes(self) -> list[int]:
        return [pid for pid in pids() if session_of(pid) == self.session]


def pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def session_of(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def read(pid: int, file: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


def wait_for_ray(demo: subprocess.Popen[str], folder: Path) -> Traces:
    """Wait until the demo's server runs Ray's processes; the mark in their environment tells them from others'."""
    mark = f"DEMO_MARK={folder}".encode()
    while True:
        assert demo.poll() is None, demo.communicate()
        for pid in pids():
            place = re.search(rb"--temp-dir=([^\0]+)", read(pid, "cmdline"))
            if place and mark in read(pid, "environ").split(b"\0"):
                assert session_of(pid) not in {-1, os.getsid(0)}
                return Traces(session_of(pid), Path(place[1].decode()))
        time.sleep(0.1)


def check_nothing_is_left(traces: Traces, folder: Path) -> None:
    deadline = time.monotonic() + 5  # a killed process is gone once its parent has noticed
    while traces.processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [read(pid, "cmdline") for pid in traces.processes()] == []
    assert not traces.ray_folder.exists()
    assert [*folder.iterdir()] == []


def test_the_demo_compares_and_leaves_nothing_behind(tmp_path: Path) -> None:
    began = time.monotonic()
    demo = start(tmp_path, "--json")
    traces = wait_for_ray(demo, tmp_path)
    assert len(traces.processes()) > 2
    out, err = demo.communicate(timeout=300)
    assert demo.returncode == 0, err
    result = json.loads(out)
    assert result["rows"] == {"common": 497, "n_train": 398, "n_test": 99}
    auc = result["auc"]
    assert auc["shared"] == pytest.approx(auc["same_training_in_clear"], abs=0.002)
    assert auc["shared"] == pytest.approx(auc["scikit_learn"], abs=0.04)
    assert auc["shared"] > 0.95
    to = {entry["tag"]: entry["to"] for entry in result["leakage"]["demo-train"]}
    assert to["test_predictions"] == ["hospital"]
    assert all(cost["rounds"] > 0 and cost["bytes"] > 0 for cost in result["cost"].values())
    assert 0 < result["seconds"]["demo-train"] < result["seconds"]["demo"] < time.monotonic() - began
    check_nothing_is_left(traces, tmp_path)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_demo_that_is_stopped_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, code: int) -> None:
    demo = start(tmp_path)
    traces = wait_for_ray(demo, tmp_path)
    demo.send_signal(number)
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == code, (out, err)
    assert "Traceback" not in err
    check_nothing_is_left(traces, tmp_path)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    registry = tmp_path / "fedray.toml"
    registry.write_text("parties = 7", encoding="utf-8")
    with pytest.raises(CliError, match="parties") as caught, demo_server.running_server(tmp_path / "root", registry):
        pass
    assert caught.value.code is ExitCode.UNREACHABLE
