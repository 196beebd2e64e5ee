"""Load what parties need, before it is known which: for a process that others are forked from."""

from __future__ import annotations

import importlib
from typing import Final

from fedray.ring.tiles import have_tiles

__all__ = ["preload"]

_MODULES: Final = (
    "fedray.ml.evaluation",
    "fedray.ml.metrics",
    "fedray.parties.alignment",
    "fedray.parties.check",
    "fedray.parties.linear_recipe",
    "fedray.parties.network_recipe",
    "fedray.parties.prediction",
    "fedray.parties.prediction_helpers",
    "fedray.parties.training",
    "fedray.parties.training_helpers",
    "fedray.parties.tree_recipe",
    "fedray.policy.columns",
)
"""Of the kinds of task that most are of; the others' modules cost little beside what these import."""


def preload() -> None:
    """Import the parties of the usual kinds of task, with the libraries that they use, and wake the compiler."""
    for name in _MODULES:
        importlib.import_module(name)
    have_tiles()  # tries the kernels of large products, of which the compiler's own start takes most
