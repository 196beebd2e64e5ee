"""docs/fate.md lists every module of FATE: with what runs and a test that is there, or as not supported."""

from __future__ import annotations

import re

from serve_api.fate_flow.modules import COMPILERS
from serve_api.fate_flow.parameters import modules
from tests.docs.blocks import ROOT

SECTION = (ROOT / "docs/fate.md").read_text("utf-8").split("\n## Modules\n")[1]
ROWS = re.findall(r"^\| (`[A-Z][^|]*`) \|.*\| `([^`]*)` \|$", SECTION, re.MULTILINE)
NAMED = {name for names, _ in ROWS for name in re.findall(r"`(\w+)`", names)}
OWN = {"Upload", "Download", "ModelStore", "ModelRestore"}
"""Modules of jobs that the server makes itself."""


def test_modules_that_run_are_in_the_table_and_no_others() -> None:
    assert set(COMPILERS) | OWN == NAMED


def test_all_others_are_named_as_not_supported() -> None:
    listed = set(re.findall(r"`(\w+)`", SECTION.split("Not supported:")[1].split("\n\n")[0]))
    assert listed == set(modules()) - NAMED


def test_every_module_has_a_test() -> None:
    for names, test in ROWS:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text("utf-8"), names
