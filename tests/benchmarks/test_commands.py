"""Each benchmark prints lines with all their fields, and counts what the protocols say; nothing about time."""

from __future__ import annotations

import json
import multiprocessing
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmarks import online
from benchmarks.command import build
from benchmarks.credit import COLUMNS, Training, write_tables
from benchmarks.designs import correction_bytes
from benchmarks.lines import SHARING
from benchmarks.server_commands import memory
from benchmarks.shard import STEPS, Measured, Sharing
from benchmarks.tables import TABLES, commands
from benchmarks.tasks import make_root
from fedray.errors import DataError, LocalProtocolError, PeerLost, SpecError
from fedray.task.config_bases import Kind
from fedray.task.model_rules import PREDICTING
from fedray.task.spec import parse
from tests.benchmarks.credit_files import ROWS, write
from tests.docs.blocks import ROOT

Line = dict[str, Any]

EVERYWHERE = {"bench", "transport", "security", "cores", "runs"}
TRAINED = {
    *("parties", "features", "batch", "steps", "widths", "loss", "auc", "seconds", "share_seconds", "share_bytes"),
    *("ms_per_batch", "rounds_per_batch", "messages_per_batch", "bytes_per_batch", "dealer_bytes_per_batch"),
    "correction_bytes_per_batch",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("credit"))


def lines(text: str) -> list[Line]:
    return [json.loads(line) for line in text.splitlines()]


def run(*arguments: object) -> list[Line]:
    """Run a command in this process."""
    done = CliRunner().invoke(build(), [*map(str, arguments), "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return lines(done.stdout)


def run_program(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command as its users do."""
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=110)


@pytest.mark.parametrize("model", online.KINDS)
def test_online_asks_a_task_that_answers(model: str) -> None:
    """What is measured needs a server; here only that its tasks are tasks."""
    assert parse(online.training_document(model)).kind in PREDICTING
    assert parse(online.serving_document("fast")).kind is Kind.SERVE


def test_trees(data: Path) -> None:
    (line,) = run("trees", "--data", data, "--trees", 2, "--depth", 2, "--bins", 4, "--transport", "memory")
    fields = {
        "parties",
        "rows",
        "features",
        "trees",
        "depth",
        "bins",
        "bytes",
        "rss_mb",
        "auc",
        "auc_oracle",
        "auc_plain",
    }
    assert line.keys() >= EVERYWHERE | fields | {"s_per_tree", "rounds_per_tree", "bytes_per_tree", "share_seconds"}
    assert (line["rows"], line["features"], line["trees"]) == (ROWS - ROWS // 5, COLUMNS, 2)
    assert line["auc"] == pytest.approx(line["auc_oracle"], abs=0.02)
    assert line["bytes"] > line["bytes_per_tree"] > 0
    check_spread(line, "s_per_tree", 1)


def test_trees_of_made_up_tables() -> None:
    small = ("--trees", 1, "--depth", 2, "--bins", 4, "--transport", "memory", "--matrix-memory-mb", 0)
    (line,) = run("trees", "--rows", 1000, "--features", 5, *small)
    assert (line["rows"], line["features"], line["matrix_memory_mb"]) == (800, 5, 0)
    assert line["rss_mb"] == max(line["rss_mb_data"], line["rss_mb_dealer"])
    assert line["auc"] == pytest.approx(line["auc_oracle"], abs=0.02)
    neither = CliRunner().invoke(build(), ["trees"])
    assert "expected either --data DIR or --rows N" in neither.output


@pytest.mark.parametrize("model", ["linear", "trees"])
def test_predict(data: Path, model: str) -> None:
    (line,) = run("predict", "--data", data, "--model", model, "--transport", "memory", "--repeat", 1)
    fields = {"model", "parties", "features", "s_predict", "rounds", "bytes", "dealer_bytes", "seconds", "rss_mb"}
    assert line.keys() >= EVERYWHERE | fields
    assert (line["model"], line["rows"]) == (model, ROWS)
    if model == "trees":
        # bits of two owners joined, bits and masked leaves opened; for the scores the receiver only listens
        assert line["rounds"] == 2
    check_spread(line, "s", 1)


def test_predict_knows_its_models(data: Path) -> None:
    done = run_program("predict", "--data", data, "--model", "forest")
    assert done.returncode != 0
    assert "expected one of linear, network, trees" in done.stderr


def check_spread(line: Line, name: str, runs: int) -> None:
    assert line["runs"] == runs
    assert 0 < line[f"{name}_min"] <= line[name] <= line[f"{name}_max"]


def test_train_prints_one_line_and_nothing_else(data: Path) -> None:
    done = run_program("train", "--data", data, "--batch", 8, "--transport", "memory", "--repeat", 2, "--json")
    assert done.returncode == 0, done.stderr
    (line,) = lines(done.stdout)
    assert set(line) >= EVERYWHERE | TRAINED | {"ms_per_batch_steady", "auc_oracle", "ms_per_batch_oracle"}
    assert (line["bench"], line["security"]) == ("train", SHARING)
    check_spread(line, "ms_per_batch", 2)
    steps = 3 * (ROWS * 4 // 5) // 8 + 1
    assert (line["parties"], line["steps"], line["widths"], line["rounds_per_batch"]) == (3, steps, [1], 2)
    assert abs(line["auc"] - line["auc_oracle"]) < 0.1


def test_train_with_five_parties_and_a_network(data: Path) -> None:
    options = ("--batch", 8, "--epochs", 1, "--parties", 5, "--hidden", "4,1", "--transport", "memory", "--repeat", 1)
    (line,) = run("train", "--data", data, *options)
    assert (line["parties"], line["widths"], line["rounds_per_batch"]) == (5, [4, 1], 6)


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_train_over_the_fast_transport(data: Path) -> None:
    command = ("train", "--data", data, "--batch", 8, "--epochs", 1, "--transport", "fast", "--repeat", 1, "--json")
    done = run_program(*command)
    assert done.returncode == 0, done.stderr
    (line,) = lines(done.stdout)
    assert (line["transport"], line["rounds_per_batch"]) == ("fast", 2)


@pytest.mark.ray
@pytest.mark.timeout(300)
def test_shard_compares_nodes_with_one(data: Path) -> None:
    done = run_program("shard", "--rows", 20000, "--columns", 2, "--bins", 4, "--nodes", 2, "--json")
    assert done.returncode == 0, done.stderr
    found = lines(done.stdout)
    assert [(line["nodes"], line["step"]) for line in found] == [(count, step) for count in (1, 2) for step in STEPS]
    for line in found:
        assert line.keys() >= EVERYWHERE | {"rows", "columns", "bins", "numbers", "processor_efficiency"}
        assert line["efficiency"] == pytest.approx(line["speed_up"] / line["nodes"])
        check_spread(line, "seconds", 1)
    assert {line["speed_up"] for line in found if line["nodes"] == 1} == {1.0}
    refused = run_program("shard", "--nodes", "0")
    assert "expected numbers of nodes from 1 on" in refused.stderr


def test_results_of_several_nodes_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def nodes(count: int) -> Iterator[list[str]]:
        yield ["node"] * count

    def once(sharing: Sharing, ids: list[str]) -> dict[str, Measured]:
        return {step: Measured(1.0, 1.0, str(len(ids))) for step in STEPS}

    monkeypatch.setattr("benchmarks.shard._cluster", nodes)
    monkeypatch.setattr("benchmarks.shard._once", once)
    with pytest.raises(LocalProtocolError, match="tokens: 2 nodes gave another result than one"):
        run("shard", "--nodes", "1,2")


def test_medians_of_several_nodes_are_compared_with_medians_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    took = {1: [30.0, 4.0, 5.0], 2: [2.0, 2.5, 70.0]}

    @contextmanager
    def nodes(count: int) -> Iterator[list[str]]:
        yield ["node"] * count

    def once(sharing: Sharing, ids: list[str]) -> dict[str, Measured]:
        seconds = took[len(ids)].pop(0)
        return {step: Measured(seconds, 2 * seconds, "") for step in STEPS}

    monkeypatch.setattr("benchmarks.shard._cluster", nodes)
    monkeypatch.setattr("benchmarks.shard._once", once)
    found = run("shard", "--nodes", "1,2", "--repeat", 3)
    assert {(line["nodes"], line["seconds"], line["speed_up"]) for line in found} == {(1, 5.0, 1.0), (2, 2.5, 2.0)}
    assert {(line["nodes"], line["efficiency"], line["processor_efficiency"]) for line in found} == {
        (1, 1.0, 1.0),
        (2, 1.0, 2.0),
    }


def test_a_missing_file_is_told_in_a_sentence(data: Path) -> None:
    done = run_program("train", "--data", data.parent / "nowhere", "--json")
    assert done.returncode == 1
    assert done.stderr.startswith("benchmarks: --data: no credit_default_label.csv there")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("op", "parties", "rounds"), [("mul_trunc", 3, 2), ("largest", 2, 36)])
def test_ops_count_what_the_protocol_says(op: str, parties: int, rounds: int) -> None:
    (line,) = run("ops", "--op", op, "--small", "--parties", parties, "--repeat", 2)
    wanted = {"op", "shape", "parties", "seconds", "online_seconds", "rounds", "bytes", "dealer_bytes", "max_error"}
    assert set(line) >= EVERYWHERE | wanted
    assert (line["op"], line["parties"], line["rounds"], line["transport"]) == (op, parties, rounds, "fast")
    check_spread(line, "seconds", 2)
    assert line["max_error"] < 1e-4


def test_a_party_that_says_nothing_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.parties.STEP_S", 0.01)  # less than a process takes to start
    with pytest.raises(PeerLost, match=r"a party of mul_trunc did not end a step in 0\.01 s"):
        run("ops", "--op", "mul_trunc", "--small", "--repeat", 1)
    assert not multiprocessing.active_children()


def test_only_lines_are_printed_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def chatty() -> Line:
        print("from somewhere else")
        return {"bench": "memory"}

    monkeypatch.setattr("benchmarks.memory.run", chatty)
    memory(as_json=True)
    said = capsys.readouterr()
    assert (said.out, said.err) == ('{"bench": "memory"}\n', "from somewhere else\n")


def test_an_operation_that_is_not_there() -> None:
    with pytest.raises(SpecError, match=r"--op nothing: expected one of matmul, mul_trunc, .*softmax"):
        run("ops", "--op", "nothing")


def test_sweep(data: Path) -> None:
    found = run(
        "sweep", "--data", data, "--batches", "8,256", "--parties", "2,3", "--transports", "memory", "--steps", 2
    )
    assert [(line["batch"], line["parties"]) for line in found] == [(8, 3), (256, 2), (256, 3)]
    for line in found:
        assert set(line) >= EVERYWHERE | TRAINED
        check_spread(line, "ms_per_batch", 3)
        assert line["correction_bytes_per_batch"] == correction_bytes(
            Training(batch=line["batch"], parties=line["parties"]), COLUMNS
        )


def test_dealer() -> None:
    found = run("dealer", "--quick", "--parties", 2)
    kinds, designs = ([line for line in found if key in line] for key in ("kind", "design"))
    assert len(kinds) + len(designs) == len(found)
    assert {line["kind"] for line in kinds} >= {"triple", "truncation", "comparison", "series", "private forward"}
    assert [line["design"] for line in designs] == ["logistic", "network 32,1", "network 64,32,1"]
    for line in kinds:
        assert set(line) >= EVERYWHERE | {"shape", "words", "parties"}
        check_spread(line, "words_per_second", 1)
    for line in designs:
        check_spread(line, "steps_per_second", 1)


def test_scaling() -> None:
    found = run("scaling", "--rows", 500, "--features", "4,8", "--transport", "memory", "--steps", 2, "--repeat", 1)
    assert [(line["rows"], line["features"]) for line in found] == [(500, 32), (10_000, 4), (10_000, 8)]
    for line in found:
        assert set(line) >= EVERYWHERE | TRAINED | {"train_rows"}
    few, many = found[1:]
    # a feature is masked once for each row, and its weight once for each batch
    assert many["share_bytes"] - few["share_bytes"] >= 4 * 10_000 * 8
    assert many["bytes_per_batch"] > few["bytes_per_batch"]


def test_machine_says_no_name() -> None:
    (line,) = run("machine")
    assert set(line) >= {"bench", "date", "cores", "processor", "memory_gib", "python", "numpy"}
    assert not re.search(r"/\w", json.dumps(line))


@pytest.mark.parametrize("table", TABLES)
def test_tables_run_commands_that_are_there(table: str) -> None:
    names = {command.name or getattr(command.callback, "__name__", "") for command in build().registered_commands}
    for quick in (False, True):
        assert {command[0] for command in commands(table, Path(), quick)} <= names


def test_tables_write_a_file_of_lines(tmp_path: Path, data: Path) -> None:
    done = run_program("tables", "--data", data, "--out", tmp_path, "--only", "machine", "--quick")
    assert done.returncode == 0, done.stderr
    assert [line["bench"] for line in lines((tmp_path / "machine.jsonl").read_text())] == ["machine"]
    assert [file.name for file in tmp_path.iterdir()] == ["machine.jsonl"]


@pytest.mark.parametrize("parties", [2, 3, 5, 8])
def test_columns_are_cut_among_all_feature_clients(parties: int, data: Path, tmp_path: Path) -> None:
    write_tables(data, make_root(tmp_path), parties)
    tables = [pd.read_csv(tmp_path / "raw" / f"f{k}.csv") for k in range(1, parties)]
    columns = [name for table in tables for name in table.columns[1:]]
    assert sorted(columns) == sorted(f"c{k}" for k in range(COLUMNS))
    assert max(map(len, tables)) - min(map(len, tables)) == 0
    assert {file.stem for file in (tmp_path / "raw").iterdir()} == {"l", *(f"f{k}" for k in range(1, parties))}


def test_tables_that_cannot_be_cut(data: Path, tmp_path: Path) -> None:
    root = make_root(tmp_path)
    with pytest.raises(SpecError, match="--parties 25: expected 2 to 24"):
        write_tables(data, root, 25)
    with pytest.raises(DataError, match=r"no credit_default_label\.csv there"):
        write_tables(tmp_path, root, 3)
