"""`fedray demo` does what it says and leaves nothing behind, however it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serve_api.cli import demo_server
from serve_api.cli.exit_codes import CliError, ExitCode

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(400)]


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "FEDRAY_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "serve_api.cli", "demo", *arguments],
        # every process of the demo inherits the mark, whatever session it is in
        env={**env, "TMPDIR": str(folder), "DEMO_MARK": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def marked(folder: Path) -> list[str]:
    """Return the command lines of all processes that descend from a demo in this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"DEMO_MARK={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def check_nothing_is_left(folder: Path) -> None:
    deadline = time.monotonic() + 5  # a killed process is gone once its parent has noticed
    while marked(folder) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert marked(folder) == []
    assert [*folder.iterdir()] == []


def test_the_demo_compares_and_leaves_nothing_behind(tmp_path: Path) -> None:
    began = time.monotonic()
    demo = start(tmp_path, "--json")
    while not marked(tmp_path) or len(marked(tmp_path)) < 3:
        assert demo.poll() is None
        time.sleep(0.1)
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
    check_nothing_is_left(tmp_path)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_demo_that_is_stopped_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, code: int) -> None:
    demo = start(tmp_path)
    while not any("raylet" in line for line in marked(tmp_path)):
        assert demo.poll() is None
        time.sleep(0.1)
    demo.send_signal(number)
    out, err = demo.communicate(timeout=120)
    assert demo.returncode == code, (out, err)
    assert "Traceback" not in err
    check_nothing_is_left(tmp_path)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    registry = tmp_path / "fedray.toml"
    registry.write_text("parties = 7", encoding="utf-8")
    with pytest.raises(CliError, match="parties") as caught, demo_server.running_server(tmp_path / "root", registry):
        pass
    assert caught.value.code is ExitCode.UNREACHABLE
