"""Reports and tasks as tables."""

from __future__ import annotations

from typing import Any

import pytest

from serve_api.cli.model_screen import print_model, print_models
from serve_api.cli.report import print_report
from serve_api.cli.screen import clean, print_task
from serve_api.trust import LAB_NOTICE, PARITY_NOTICE

FULL: dict[str, Any] = {
    "task": "credit",
    "kind": "shared_nn",
    "status": "finished",
    "trust_mode": "lab",
    "seconds": {"total": 12.3456, "train": 10},
    "cost": {
        "total": {"rounds": 12, "messages": 34, "bytes": 5_600_000},
        "by_phase": {"train": {"rounds": 12, "messages": 30, "bytes": 5_500_000, "seconds": 10, "labels": {}}},
        "by_party": {
            "bank": {
                "rounds": 12,
                "messages": 17,
                "bytes": 2_800_000,
                "seconds": 11.5,
                "phases": {
                    "train": {"labels": {"layer1.z": {"rounds": 6, "messages": 8, "bytes": 2_000, "seconds": 0.25}}},
                    "\x1b[2J": {"labels": {"a": {}}},
                },
            }
        },
    },
    "leakage": [
        {
            "tag": "test_predictions",
            "what": "predictions on the test rows",
            "to": ["bank", "shop"],
            "count": 3,
            "shapes": [[6000, 1], [10]],
            "attack": "",
        },
        {"tag": "shapes", "attack": "none of rows"},
    ],
    "parity": {
        "steps": 20,
        "noticeable": 0.05,
        "layers": [
            {"layer": 1, "what": "weights", "error": 0.123456789, "step": 7, "first_noticed": 6},
            {"layer": 2, "what": "z", "error": None, "step": 9, "first_noticed": None},
        ],
        "test": {
            "n_batches": 20,
            "predictions": 0.001,
            "metrics": {"auc": {"shared": 0.75, "clear": 0.7501, "difference": -0.0001}},
        },
    },
    "result": {"auc": 0.7654321, "layers": [1, 2.5], "inner": {"loss": 0.25}},
}


def printed(report: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> str:
    print_report(report)
    return capsys.readouterr().out


def test_what_joining_was_worth_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = {"auc": 0.75, "log_loss": 0.5}
    parties = [
        {"party": "bank", "features": 3, "metrics": {"auc": 0.6, "log_loss": 0.6}, "change": {}},
        {"party": "shop", "features": 2, "metrics": None, "change": None},
    ]
    alone = {"features": 0, "metrics": {"auc": 0.5, "log_loss": 0.69}, "why": "it has none"}
    worth = {"joint": numbers, "alone": alone, "parties": parties}
    evaluation = {"rows": 40, "outputs": [{"metrics": numbers, "contribution": worth}]}
    print_report({**FULL, "result": {"evaluation": evaluation}})
    told = " ".join(capsys.readouterr().out.split())
    assert "what joining was worth" in told
    assert "all parties 0.75 0.5 without the columns of bank 0.6 0.6 without the columns of shop" in told
    assert "label party alone, 0 columns 0.5 0.69" in told


def test_full(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(FULL, capsys)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == "credit shared_nn finished"
    for line in (
        "auc 0.765432",
        "layers 1, 2.5",
        "inner loss 0.25",
        "test_predictions predictions on the test rows bank, shop 3 6000x1, 10 none known",
        "shapes none of rows",
        "phase rounds messages bytes seconds",
        "train 12 30 5.5 MB 10.000",
        "total 12 34 5.6 MB 12.346",
        "bank 12 17 2.8 MB 11.500",
        "party phase label rounds messages bytes seconds",
        "bank train layer1.z 6 8 2.0 kB 0.250",
        "bank \\x1b[2J a",
        "layer value largest error at batch first over 0.05",
        "1 weights 0.123457 7 6",
        "2 z 9",
        "parity, test after batch 20",
        "auc 0.75 0.7501 -0.0001",
        LAB_NOTICE,
        PARITY_NOTICE,
    ):
        assert line in lines, line


@pytest.mark.parametrize("key", sorted(FULL))
@pytest.mark.parametrize(
    "value", ["left out", None, 3, "text", [], {}, [1, None], {"total": 1, "by_phase": {"a": None}}]
)
def test_missing_and_odd_parts(capsys: pytest.CaptureFixture[str], key: str, value: object) -> None:
    report = {name: part for name, part in FULL.items() if name != key}
    if value != "left out":
        report[key] = value
    assert printed(report, capsys)


def test_nothing_acts_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed({"task": "\x1b[2J", "result": {"[red]x[/red]": "\x07\u202e"}}, capsys)
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]x[/red]" in text


def test_task_with_little(capsys: pytest.CaptureFixture[str]) -> None:
    print_task({"task_name": "t", "kind": "alignment", "status": "created", "trust_mode": "federated"})
    text = capsys.readouterr().out
    assert "alignment" in text
    assert "None" not in text
    assert LAB_NOTICE not in text


def test_task_with_much(capsys: pytest.CaptureFixture[str]) -> None:
    task = {
        "task_name": "t",
        "kind": "alignment",
        "status": "failed",
        "created_at": 0.0,
        "queue_position": 2,
        "progress": {"phase": "read", "done": 1, "total": 4},
        "dataset": [8, 2],
        "error": {"type": "DataError", "message": "no rows", "party": "", "phase": "read"},
        "members": [{"index": 0, "role": "main_client", "party": "bank"}],
    }
    print_task(task)
    text = " ".join(capsys.readouterr().out.split())
    for part in ("read 1/4", "8 rows to train, 2 to test", "DataError: read: no rows", "0 main_client bank"):
        assert part in text


def test_clean() -> None:
    assert clean("信用 50%") == "信用 50%"
    assert clean("a\nb\ud800") == "a\\nb\\ud800"


EVALUATION: dict[str, Any] = {
    "rows": 100,
    "outputs": [
        {
            "metrics": {"auc": 0.7654321},
            "gains": [{"rows": 50, "lift": 1.5}, {"rows": 50, "lift": 0.5}, "none"],
            "curve": [{"true_positive_rate": 0.123, "false_positive_rate": 0.456}],
            "calibration": [],
            "stability": {"psi": 0.0625, "groups": [{"baseline_rows": 30, "rows": 40}]},
        }
    ],
}


def test_an_evaluation_is_shown_as_tables(capsys: pytest.CaptureFixture[str]) -> None:
    print_report({"result": {"model": "credit", "evaluation": EVALUATION}})
    said = capsys.readouterr().out
    for words in ("model", "credit", "auc", "0.765432", "gains", "1.5", "psi", "0.0625", "baseline_rows"):
        assert words in said
    assert "calibration" not in said
    assert "0.123" not in said


@pytest.mark.parametrize("evaluation", [None, 3, {}, {"outputs": 3}, {"outputs": [None]}, {"outputs": [{"gains": 1}]}])
def test_an_evaluation_that_is_none(capsys: pytest.CaptureFixture[str], evaluation: object) -> None:
    print_report({"result": {"model": "credit", "evaluation": evaluation}})
    assert "credit" in capsys.readouterr().out


def test_models_as_tables(capsys: pytest.CaptureFixture[str]) -> None:
    model: dict[str, Any] = {
        "model": "credit",
        "kind": "linear",
        "created_at": 1.0,
        "trained_at": 2.0,
        "n_batches": 7,
        "loss": 0.25,
        "metrics": {"auc": 0.7654321},
        "members": [{"index": 2, "role": "feature_client", "party": "bank"}],
        "parameters": {"alpha": 0.5},
        "predicts": True,
    }
    print_models({"models": [model, {"model": "bare", "kind": "linear"}], "total": 2})
    print_model(model)
    said = capsys.readouterr().out
    for words in ("auc 0.765432", "bank", "bare", "2 of 2 models", "can predict", "alpha", "0.25"):
        assert words in said
