"""docs/reliability.md has a row for every fault of `python -m tests.chaos`, with the seconds that it is held to."""

from __future__ import annotations

import re

import pytest

from tests.chaos.faults import FAULTS
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_a_row_with_its_seconds(name: str) -> None:
    within_s = FAULTS[name].within_s
    (row,) = re.findall(rf"^\| {re.escape(name)} \|.*$", PAGE.split("## What a run found")[0], flags=re.MULTILINE)
    assert f"| {'goes on' if within_s is None else f'{within_s:g} s'} |" in row


def test_the_config_file_is_the_one_of_the_repository() -> None:
    assert (ROOT / "deploy" / "serve.yaml").is_file()
    assert "serve deploy deploy/serve.yaml" in PAGE
