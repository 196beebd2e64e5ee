"""docs/fate.md lists every endpoint, each with a test that is there."""

from __future__ import annotations

import re

from serve_api.fate_flow.routes import ROUTERS
from tests.docs.blocks import ROOT

PAGE = (ROOT / "docs/fate.md").read_text("utf-8")
ROWS = dict(re.findall(r"^\| `((?:GET|POST) /v1/[^`]*)` \|.*\| `([^`]*)` \|$", PAGE, re.MULTILINE))


def test_every_endpoint_is_on_the_page_and_no_other() -> None:
    found = {f"{method} {route.path}" for router in ROUTERS for route in router.routes for method in route.methods}  # type: ignore[attr-defined]
    assert {*ROWS} == found


def test_every_endpoint_has_a_test() -> None:
    for endpoint, test in ROWS.items():
        file, _, name = test.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text("utf-8"), endpoint
