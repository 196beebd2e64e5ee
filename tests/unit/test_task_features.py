"""Documents of tasks that look at columns: defaults, plans, wrong fields, files that are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fedray.errors import DataError, SpecError
from fedray.parties.check import check_member
from fedray.task.config_bases import Kind
from fedray.task.feature_configs import BinningMain, StatisticsMain
from fedray.task.plan import TaskPlan
from fedray.task.spec import parse
from tests.feature_tasks import made_up

ONE, TWO, LABEL = 2, 3, 4


def test_defaults_are_those_of_the_documentation(tmp_path: Path) -> None:
    spec = parse(made_up(tmp_path).document())
    assert spec.kind is Kind.BINNING
    main = spec.clients[0].client_config
    assert isinstance(main, BinningMain)
    assert (main.method, main.max_bin, main.min_bin, main.iv_min, main.transform) == ("quantile", 10, 20, 0.0, None)
    label: Any = spec.clients[-1].client_config
    assert (label.data_path, label.out_data_path, label.missing) == ("d", None, "error")
    spec = parse(made_up(tmp_path, "statistics").document())
    assert spec.kind is Kind.STATISTICS
    main = spec.clients[0].client_config
    assert isinstance(main, StatisticsMain)
    assert (main.correlation, main.correlation_max, main.vif_max) == ("parties", 0.8, 10.0)
    assert spec.clients[-1].client_config.share is False  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["binning", "statistics"])
def test_plans_survive_json(tmp_path: Path, kind: str) -> None:
    plan = made_up(tmp_path, kind).plan()
    assert TaskPlan.from_json(plan.to_json()) == plan
    tags = {reveal.tag: reveal.to for reveal in plan.reveals}
    assert tags == (
        {"shapes": "all", "bin_counts": "owner", "column_iv": "main"}
        if kind == "binning"
        else {"shapes": "all", "correlation": "data", "correlation_matrix": "all", "column_statistics": "main"}
    )


def test_statistics_need_no_label_client(tmp_path: Path) -> None:
    document = made_up(tmp_path, "statistics").document()
    del document["clients"][-1]
    assert parse(document).kind is Kind.STATISTICS
    del document["clients"][-1]
    with pytest.raises(SpecError, match="at least 2 clients with data, got 1"):
        parse(document)


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "bins": ("binning", {"main": {"max_bin": 1}}, "max_bin: expected an integer from 2 to 64, got 1"),
    "small bins": ("binning", {"main": {"min_bin": 5}}, "min_bin: expected an integer from 20 to 1000000, got 5"),
    "method": ("binning", {"main": {"method": "tree"}}, "method: expected one of quantile, equal_width"),
    "iv": ("binning", {"main": {"iv_min": -1}}, "iv_min: expected a number from 0 to 100"),
    "name": ("binning", {"main": {"transform": "a/b"}}, "transform: expected null or a name of 1 to 128"),
    "no label": (
        "binning",
        {"clients": {LABEL: {"data_path": None}}},
        "data_path: expected the folder with the",
    ),
    "no rows": (
        "binning",
        {"main": {"transform": "a"}, "clients": {LABEL: {"data_path": None, "out_data_path": "w"}}},
        "clients[4].client_config.out_data_path: expected null where data_path is null",
    ),
    "no folder": (
        "binning",
        {"main": {"transform": "a"}},
        "clients[2].client_config.out_data_path: expected a folder for the rows that the transform codes, got null",
    ),
    "its own folder": (
        "binning",
        {"feature": {"out_data_path": "./d"}},
        "clients[2].client_config.out_data_path: expected another folder than data_path",
    ),
    "path": ("binning", {"feature": {"out_data_path": "../w"}}, "out_data_path: expected null or a relative path"),
    "feature path": ("binning", {"feature": {"data_path": None}}, "clients[2].client_config.data_path: expected a rel"),
    "who": ("statistics", {"main": {"correlation": "some"}}, "correlation: expected one of none, parties, all"),
    "correlation": (
        "statistics",
        {"main": {"correlation_max": 2}},
        "correlation_max: expected null or a number",
    ),
    "vif": ("statistics", {"main": {"vif_max": 0.5}}, "vif_max: expected null or a number from 1 to 1e+06"),
    "share": ("statistics", {"feature": {"share": 1}}, "clients[2].client_config.share: expected true or false"),
    "unknown": ("statistics", {"main": {"iv_min": 1}}, "clients[0].client_config.iv_min"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_fields_are_named(tmp_path: Path, case: str) -> None:
    kind, fields, words = WRONG[case]
    with pytest.raises(SpecError) as caught:
        parse(made_up(tmp_path, kind, **fields).document())
    assert words in caught.value.message


@pytest.mark.parametrize("gone", ["crypto_producer", "label_client"])
def test_binning_needs_a_label_and_a_dealer(tmp_path: Path, gone: str) -> None:
    document = made_up(tmp_path).document()
    document["clients"] = [client for client in document["clients"] if client["role"] != gone]
    with pytest.raises(SpecError, match=f"a task of kind binning needs one {gone}, got 0"):
        parse(document)


def test_two_clients_of_a_party_write_to_folders_of_their_own(tmp_path: Path) -> None:
    document = made_up(tmp_path, feature={"out_data_path": "w"}).document()
    document["clients"][3]["http_port"] = document["clients"][2]["http_port"]
    with pytest.raises(SpecError, match=r"clients\[3\].client_config.out_data_path: expected a folder of its own"):
        parse(document)


@pytest.mark.parametrize("kind", ["binning", "statistics"])
def test_tables_must_be_there_when_a_task_starts(tmp_path: Path, kind: str) -> None:
    task = made_up(tmp_path, kind)
    member = task.plan().members[ONE]
    check_member(member, task.roots[ONE], ready=True)
    task.path(ONE, "test.csv").unlink()
    check_member(member, task.roots[ONE], ready=False)
    with pytest.raises(DataError, match=r"clients\[2\].client_config.data_path 'd': no test.csv there"):
        check_member(member, task.roots[ONE], ready=True)


def test_an_output_folder_must_not_be_a_file(tmp_path: Path) -> None:
    task = made_up(tmp_path, feature={"out_data_path": "w"})
    task.path(ONE, "../w").write_text("")
    with pytest.raises(DataError, match=r"clients\[2\].client_config.out_data_path 'w': expected a folder, got a file"):
        check_member(task.plan().members[ONE], task.roots[ONE], ready=False)
