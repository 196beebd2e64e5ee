"""The comparison with a peer: what is computed, and how lines of both sides become one; no peer is needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.command import build
from benchmarks.lines import Line
from benchmarks.operations import OPERATIONS
from benchmarks.peers import compare
from benchmarks.peers.compare import WIDTHS, Asked, merge, ours_of, parse, run
from benchmarks.peers.programs import BATCH, PROGRAMS, RATE, SIGMOID_RATE, _logistic, _network, errors, inputs
from fedray.errors import DataError, FedrayError, SpecError

TRAININGS = [name for name, program in PROGRAMS.items() if program.steps]
STEPS = {
    "logistic": (_logistic(1), RATE),
    "network 64,32,1": (_network(1), SIGMOID_RATE),
    "network 64,32,1 (relu)": (_network(1, relu=True), RATE),
}


def sigmoid(z: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-z))


def said(op: str, seconds: float) -> Line:
    numbers = {"seconds": seconds, "min": seconds / 2, "max": seconds * 2}
    return {"bench": "peers", "peer": "spu 0", "op": op, **numbers, "max_error": 1e-3}


def loss(x: Any, y: Any, layers: list[Any], relu: bool) -> float:
    """Return what a step goes down: cross entropy of sigmoids, or half the square of linear outputs."""
    a = z = x
    for number in range(0, len(layers), 2):
        z = a @ layers[number] + layers[number + 1]
        a = np.maximum(z, 0.0) if relu else sigmoid(z)
    return float(0.5 * ((z - y) ** 2).sum() if relu else -(y * np.log(a) + (1.0 - y) * np.log(1.0 - a)).sum())


@pytest.mark.parametrize("name", STEPS)
def test_a_step_goes_down_the_gradient(name: str) -> None:
    step, rate = STEPS[name]
    x, y, *layers = (one.astype(np.float64) for one in inputs(PROGRAMS[name], small=True))
    x, y = x[:BATCH], y[:BATCH]
    after, h = step(np, sigmoid, x, y, *layers), 1e-6
    for place in range(len(layers)):
        way = np.zeros_like(layers[place])
        way[0, 0] = h
        up, down = ([*layers[:place], layers[place] + sign * way, *layers[place + 1 :]] for sign in (1, -1))
        slope = (loss(x, y, up, "relu" in name) - loss(x, y, down, "relu" in name)) / (2 * h)
        assert layers[place][0, 0] - after[place][0, 0] == pytest.approx(rate / BATCH * slope, rel=1e-4, abs=1e-8)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_wrong_result_is_noticed(name: str) -> None:
    program = PROGRAMS[name]
    operands = inputs(program, small=True)
    right = program.play(np, sigmoid, *(one.astype(np.float64) for one in operands))
    assert errors(program, operands, right) == (0.0, 0.0)
    moved = operands[2:] if program.steps else [np.zeros(one.shape) for one in right]
    for place, one in enumerate(right):
        for wrong in (moved[place], one + np.nan):  # nothing was trained or computed; no number
            results = [*right[:place], wrong, *right[place + 1 :]]
            assert not errors(program, operands, results)[1] <= 1.0


def test_all_programs_have_a_counterpart() -> None:
    for name, program in PROGRAMS.items():
        assert ours_of(name) in (WIDTHS if program.steps else OPERATIONS)
        if not program.steps:
            assert program.shape == OPERATIONS[name].shape


def test_lines_are_found_among_what_a_library_logs() -> None:
    text = "[info] thread pool\n" + "\n".join(json.dumps(said(op, 1.0)) for op in ("relu", "matmul")) + "\n{}\n"
    assert set(parse(text, ["matmul", "relu"])) == {"matmul", "relu"}


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "expected relu, came none"),
        ([said("matmul", 1.0)], "expected relu, came matmul"),
        ([said("relu", 1.0), said("relu", 2.0)], "relu came twice"),
        ([{**said("relu", 1.0), "max": None}], "line of relu: expected numbers seconds, min, max"),
    ],
)
def test_lines_that_are_not_those_asked_for(lines: list[Line], why: str) -> None:
    with pytest.raises(DataError, match=why):
        parse("\n".join(map(json.dumps, lines)), ["relu"])


def test_turns_become_medians_and_ratios() -> None:
    theirs = [said("relu", seconds) for seconds in (8.0, 2.0, 6.0)]
    ours = {2: [said("relu", seconds) for seconds in (1.0, 9.0, 3.0)], 3: [said("relu", 12.0)]}
    merged = merge("relu", theirs, ours)
    assert (merged["peer_seconds"], merged["peer_min"], merged["peer_max"]) == (6.0, 1.0, 16.0)
    assert (merged["seconds_2"], merged["min_2"], merged["max_2"]) == (3.0, 0.5, 18.0)
    assert (merged["ratio_2"], merged["ratio_3"]) == (2.0, 0.5)
    assert (merged["bench"], merged["peer"], merged["turns"]) == ("peers", "spu 0", 3)


def test_sides_take_turns(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = []

    def peer(names: list[str], _: Asked) -> dict[str, Line]:
        told.append("theirs")
        return {name: said(name, 4.0) for name in names}

    def operation(parties: int, repeat: int, only: str, small: bool) -> list[Line]:
        told.append(f"ours {parties}")
        assert (repeat, only, small) == (1, "relu", True)
        return [{"seconds": 2.0, "seconds_min": 2.0, "seconds_max": 2.0}]

    monkeypatch.setattr(compare, "_peer", peer)
    monkeypatch.setattr(compare, "run_operation", operation)
    asked = Asked(tmp_path, turns=2, repeat=1, ops=["relu"], small=True)
    (found,) = run(tmp_path, asked)
    assert told == ["theirs", "ours 2", "ours 3"] * 2
    assert (found["ratio_2"], found["ratio_3"]) == (2.0, 2.0)


def interpreter(folder: Path, script: str) -> Path:
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o700)
    return file


@pytest.mark.parametrize(("script", "why"), [("exit 3", "ended with status 3"), ("", "expected relu, came none")])
def test_a_peer_that_fails(script: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(FedrayError, match=why):
        next(run(tmp_path, Asked(interpreter(tmp_path, script), ops=["relu"])))


def test_a_peer_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FedrayError, match="--spu: no such program"):
        next(run(tmp_path, Asked(tmp_path / "nowhere", ops=["relu"])))


def test_the_command_knows_its_operations(tmp_path: Path) -> None:
    asked = ["peers", "--data", str(tmp_path), "--spu", "python", "--op", "nothing"]
    with pytest.raises(SpecError, match=r"--op nothing: expected some of matmul, .*network 64,32,1 \(relu\)"):
        CliRunner().invoke(build(), asked, catch_exceptions=False)
