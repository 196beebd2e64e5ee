"""A pytest plugin, `-p tests.order`: fast tests first, then those that start Ray, then those that start everything."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_weight)


def _weight(item: pytest.Item) -> int:
    return next((weight for weight, mark in ((2, "e2e"), (1, "ray")) if item.get_closest_marker(mark)), 0)
