"""Logs as JSON lines: what is in them, what never is, and how files begin anew."""

from __future__ import annotations

import json
import logging
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.logs import FIELDS, FILE, LogSetting, log_end, log_event, log_to
from fedray.data.log_file import LogFile
from fedray.data.root import DataRoot
from fedray.errors import DataError, FedrayError
from fedray.parties.run import run_local
from fedray.task.plan import make_plan
from fedray.task.record import Event
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.bad_tables import GOOD, LABELS, LEAK, RAW_TABLES, write_split
from tests.e2e.documents import alignment, training

ON = LogSetting(json=True)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    logger = logging.getLogger("fedray")
    before, level = list(logger.handlers), logger.level
    yield tmp_path
    logger.handlers[:] = before
    logger.setLevel(level)


def lines(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / FILE).read_text().splitlines()]


def test_a_line_has_task_party_and_phase(root: Path) -> None:
    log_to(root, ON)
    log_to(root, ON)
    log_event("t", Event("phase", {"phase": "read", "text": "reading"}, "bank", 1.0))
    log_event("t", Event("progress", {"phase": "read", "done": 1}, "bank", 1.0))
    log_end("t", "bank", 1.23456)
    log_end("t", "shop", 2.0, DataError("train.csv: row 3 is empty", "shop", "read"))
    found = lines(root)
    facts = [{key: line[key] for key in ("level", *FIELDS, "message") if key in line} for line in found]
    assert facts == [
        {"level": "info", "event": "phase", "task": "t", "party": "bank", "phase": "read", "message": "reading"},
        {
            "level": "info",
            "event": "ended",
            "task": "t",
            "party": "bank",
            "seconds": 1.235,
            "message": "the party has done its part",
        },
        {
            "level": "error",
            "event": "ended",
            "task": "t",
            "party": "shop",
            "phase": "read",
            "seconds": 2.0,
            "error": "DataError",
            "message": "train.csv: row 3 is empty",
        },
    ]
    assert all(line["time"].endswith("+00:00") and line["logger"] == "fedray.party" for line in found)
    assert stat.S_IMODE((root / FILE).stat().st_mode) == 0o600
    assert stat.S_IMODE((root / FILE).parent.stat().st_mode) == 0o700


def test_nothing_is_written_unless_it_is_wanted(root: Path) -> None:
    log_to(root, LogSetting())
    log_end("t", "bank", 1.0)
    assert not (root / ".fedray").exists()


def test_a_log_that_cannot_be_written_stops_nobody(root: Path) -> None:
    (root / ".fedray").write_text("no folder")
    log_to(root, ON)
    log_end("t", "bank", 1.0)


def test_of_an_exception_only_the_type_is_said(root: Path) -> None:
    log_to(root, ON)
    try:
        raise ValueError(LEAK)
    except ValueError:
        logging.getLogger("fedray.api").exception("a request failed")
    assert LEAK not in (root / FILE).read_text()
    (line,) = lines(root)
    assert (line["error"], line["message"], line["logger"]) == ("ValueError", "a request failed", "fedray.api")


@pytest.mark.parametrize("name", ["duplicate ids", "ragged", "not text", "a good one"])
def test_no_planted_id_or_value_is_in_a_log(root: Path, name: str) -> None:
    log_to(root, ON)
    text = RAW_TABLES[name][0] if name in RAW_TABLES else f"ID,a\nA-1,{LEAK}\nA-2,2\n"
    (root / "raw" / "data").mkdir(parents=True)
    tables = {"data1": text, "data2": f"ID,b\nA-2,{LEAK}\nA-1,5\n", "label": "ID,Y\nA-1,1\nA-2,0\n"}
    for file, content in tables.items():
        (root / "raw" / "data" / f"credit_default_{file}.csv").write_bytes(content.encode("latin-1"))
    play(alignment("planted", "data"), root)
    for folder, content in (("f1", f"1,{LEAK}\n" + GOOD), ("f2", GOOD), ("l", LABELS)):
        write_split(root / "other" / "generated" / folder, content)
    play(training("planted", max_iter=3, test_per_batches=3), root / "other")
    assert {line["event"] for line in lines(root)} >= {"phase", "ended"}
    assert any(line["level"] == "error" for line in lines(root))
    text = (root / FILE).read_text()
    assert LEAK not in text
    assert "A-1" not in text


def play(document: dict[str, Any], root: Path) -> None:
    """Run a task as the actors do, as far as the log sees them."""
    task = document["task_name"]
    try:
        plan = make_plan(parse(document), Registry.local(), "seed")
        run_local(plan, DataRoot(root), emit=lambda event: log_event(task, event))
    except FedrayError as error:
        log_end(task, error.party, 1.0, error)
    else:
        log_end(task, "all", 1.0)


def test_files_begin_anew_and_the_oldest_goes(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "log" / "a.jsonl", most_bytes=100, kept=2)
    for number in range(12):
        file.append(f"{number:029d}\n".encode())
    folder = tmp_path / "log"
    there = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    assert there == ["a.jsonl", "a.jsonl.1", "a.jsonl.2"]
    kept = [int(line) for name in reversed(there) for line in (folder / name).read_text().split()]
    assert kept == list(range(3, 12))
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in there} == {0o600}


def test_a_line_longer_than_a_file_has_one_for_itself(tmp_path: Path) -> None:
    file = LogFile(tmp_path / "a", most_bytes=10, kept=1)
    for text in (b"x" * 40 + b"\n", b"y\n"):
        file.append(text)
    assert (tmp_path / "a").read_bytes() == b"y\n"
    assert (tmp_path / "a.1").read_bytes() == b"x" * 40 + b"\n"


def test_writers_at_the_same_time_lose_and_mix_nothing(tmp_path: Path) -> None:
    def write(who: int) -> None:
        file = LogFile(tmp_path / "a", most_bytes=500, kept=1000)
        for number in range(40):
            file.append(f"{who:03d} {number:03d}\n".encode())

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [line for path in tmp_path.iterdir() for line in path.read_text().splitlines()]
    assert sorted(found) == [f"{who:03d} {number:03d}" for who in range(4) for number in range(40)]


@pytest.mark.parametrize(
    ("environment", "setting"),
    [
        ({}, LogSetting()),
        ({"FEDRAY_LOG": "JSON"}, LogSetting(True)),
        ({"FEDRAY_LOG": "text"}, LogSetting()),
        ({"FEDRAY_LOG": "json", "FEDRAY_LOG_MIB": "0.5"}, LogSetting(True, 0.5)),
        ({"FEDRAY_LOG": "json", "FEDRAY_LOG_MIB": "many"}, LogSetting(True)),
        ({"FEDRAY_LOG": "json", "FEDRAY_LOG_MIB": "-1"}, LogSetting(True)),
        ({"FEDRAY_LOG": "json", "FEDRAY_LOG_MIB": "nan"}, LogSetting(True)),
    ],
)
def test_what_the_environment_says(environment: dict[str, str], setting: LogSetting) -> None:
    assert LogSetting.from_environment(environment) == setting
