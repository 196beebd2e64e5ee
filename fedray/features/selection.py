"""Leaving columns out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from fedray.features.steps import Counts, Table

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """The names of the columns that are left out, each of which the table has."""

    out: tuple[str, ...]

    def apply(self, table: Table) -> tuple[Table, Counts]:
        """Leave the columns out; counts nothing."""
        return table.replaced({name: {} for name in self.out}), Counter()

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        return {"step": "selection", "out": self.out}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `as_dict` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError`` for something else."""
        return cls(tuple(map(str, data["out"])))
