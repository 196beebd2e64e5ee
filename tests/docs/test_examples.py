"""Every example runs as its first lines say, and says the same AUC as plain training, nearly."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fedray.data import sample
from fedray.task.spec import parse_text
from serve_api.cli.demo_server import running_server
from tests.docs.blocks import ROOT

EXAMPLES = ROOT / "examples"
ROWS = "aligned: {'n_train': 398, 'n_test': 99}"


def run(name: str, *arguments: str) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("RAY_", "FEDRAY_"))}
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def check_aucs(text: str) -> None:
    found = re.search(r"^AUC ([\d.]+), in clear ([\d.]+)$", text, re.MULTILINE)
    assert found is not None
    shared, plain = float(found[1]), float(found[2])
    # 200 small steps are not yet where scikit-learn ends, so this is no test of exactness
    assert shared > 0.95
    assert abs(shared - plain) < 0.04


def test_in_threads() -> None:
    said = run("in_threads.py")
    assert ROWS in said
    check_aucs(said)


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_driver() -> None:
    said = run("driver.py")
    assert ROWS in said
    check_aucs(said)


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_two_nodes() -> None:
    said = run("two_nodes.py")
    assert ROWS in said
    assert "2 nodes" in said
    nodes = dict(re.findall(r"^party_(\w+): node (\w+)$", said, re.MULTILINE))
    assert nodes["clinic"] == nodes["hospital"] != nodes["laboratory"] == nodes["dealer"]
    assert "'n_batches': 200" in said


@pytest.mark.e2e
@pytest.mark.ray
@pytest.mark.timeout(400)
def test_submit_http_with_the_tables_example(tmp_path: Path) -> None:
    roots = dict.fromkeys((*sample.PARTIES, *sample.HELPERS), tmp_path / "root")
    said = run("tables.py", str(tmp_path / "root/raw"))
    assert "497 people are in all of them" in said
    registry = tmp_path / "fedray.toml"
    registry.write_text(sample.registry_toml(roots, "party_local"), encoding="utf-8")
    with running_server(tmp_path / "server", registry) as url:
        said = run("submit_http.py", url)
    assert "[398, 99]" in said
    rows = [line.split("\t") for line in said.splitlines() if "\t" in line]
    assert rows[0] == ["time", "n_batches", "loss", "auc", "ks"]
    assert [row[1] for row in rows[1:]] == ["50", "100", "150", "200"]
    assert float(rows[-1][3]) > 0.95


def test_every_example_has_a_test() -> None:
    tests = Path(__file__).read_text(encoding="utf-8")
    for file in EXAMPLES.glob("*.py"):
        assert f'"{file.name}"' in tests


def test_task_files_are_the_tasks_of_the_sample() -> None:
    wanted = {
        "align.json": sample.alignment_task(),
        "train.json": sample.training_task(),
        "network.json": sample.training_task("network", in_dim=16, layers=[1], learning_rate=0.1),
    }
    assert {file.name for file in EXAMPLES.glob("tasks/*")} == set(wanted)
    for name, document in wanted.items():
        text = (EXAMPLES / "tasks" / name).read_text(encoding="utf-8")
        assert json.loads(text) == document
        assert parse_text(text).task_name == document["task_name"]
