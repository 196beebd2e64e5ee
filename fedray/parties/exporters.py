"""What a kind of model brings into opening it to a receiver; the flow itself is in `fedray.parties.exporting`.

A kind of model that can be opened has a class with the methods of `Exporter`, a line in `exporter_of`, and its formats
in `fedray.task.model_rules.EXPORTING`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fedray.errors import SpecError
from fedray.mpc.share import Share
from fedray.parties.kept import Kept
from fedray.task.config_bases import Kind
from fedray.task.plan import TaskPlan

__all__ = ["Exporter", "Part", "exporter_of"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """What a data client tells the receiver of its part, beside its summands.

    Attributes
    ----------
    party
        Its display name.
    facts
        What `Exporter.facts` gave there.
    """

    party: str
    facts: Mapping[str, Any]


class Exporter(Protocol):
    """How a model is opened; made from the plan of its training and what all know of it, the same at every party."""

    def facts(self, kept: Kept) -> dict[str, object]:
        """Return what a data client tells of its own columns, as JSON values."""

    def shares(self, kept: Kept) -> list[Share]:
        """Return my summands of what is opened, in an order that all have."""

    def document(self, model: str, parts: Sequence[Part], opened: Sequence[Float], form: str) -> bytes:
        """Return the model's file in a format.

        Raises
        ------
        KeyError, TypeError, ValueError, IndexError
            A party told something else than `facts` gives.
        """


def exporter_of(training: TaskPlan, kept: Kept) -> Exporter:
    """Return how the model of a training is opened.

    Raises
    ------
    SpecError
        Models of this kind have no format.
    """
    if training.kind is Kind.LINEAR:
        from fedray.parties.linear_exporter import LinearExporter

        return LinearExporter(training, kept.trained)
    if training.kind is Kind.TREES:
        from fedray.parties.tree_exporter import TreeExporter

        return TreeExporter(training, kept.trained)
    raise SpecError(f"a model of kind {training.kind} has no format to be opened in")
