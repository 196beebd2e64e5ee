"""What a report tells of columns, as tables."""

from __future__ import annotations

from typing import Any

import pytest

from serve_api.cli.report import print_report

BANK, SHOP = {"party": "bank", "column": "age"}, {"party": "shop", "column": "visits"}


def shown(capsys: pytest.CaptureFixture[str], result: Any) -> str:
    print_report({"task": "t", "kind": "binning", "status": "finished", "result": result})
    return capsys.readouterr().out


def test_information_values_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    line = {**BANK, "iv": 0.1234, "bins": 5, "selected": True}
    text = shown(capsys, {"rows": 480, "columns": [line]})
    assert "information value" in text
    assert "bank" in text
    assert "0.1234" in text
    assert "party bank" not in text  # not in one line as well


def test_correlations_are_pairs_the_largest_first(capsys: pytest.CaptureFixture[str]) -> None:
    matrix = {"columns": [BANK, SHOP, {"party": "shop", "column": "spent"}], "values": [[1, 0.1, -0.7], [0.1, 1, 0.2]]}
    text = shown(capsys, {"columns": {"bank": 1, "shop": 2}, "correlation": matrix, "leave_out": [SHOP]})
    assert text.index("-0.7") < text.index("0.2") < text.rindex("0.1")
    assert "leave out" in text
    assert "bank 1, shop 2" in text


def test_only_the_largest_of_many_pairs_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    columns = [{"party": "bank", "column": f"c{k}"} for k in range(9)]
    values = [[0.001 * (9 * i + k) for k in range(9)] for i in range(9)]
    text = shown(capsys, {"correlation": {"columns": columns, "values": values}})
    assert "largest correlations" in text
    assert sum("bank" in line for line in text.splitlines()) == 20


def test_shared_statistics_are_a_table_for_each_party(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, {"statistics": {"bank": [{"column": "age", "mean": 41.5, "distinct": None}]}})
    assert "statistics of bank" in text
    assert "41.5" in text


def test_what_is_damaged_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(
        capsys,
        {
            "columns": [3],
            "vif": "x",
            "correlation": {"columns": 1, "values": [[None]]},
            "statistics": {"bank": 1},
        },
    )
    assert "statistics of bank" not in text
    shown(capsys, {"correlation": {"columns": [BANK, SHOP], "values": [None, [1]]}})
