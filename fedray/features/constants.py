"""Columns of one value, put behind the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fedray.data.wording import shorten
from fedray.errors import DataError
from fedray.features.steps import Counts, Table

__all__ = ["Constants"]


@dataclass(frozen=True)
class Constants:
    """The value of each new column, by its name."""

    values: Mapping[str, float]

    @classmethod
    def fit(cls, table: Table, values: Mapping[str, float]) -> Self:
        """See that the columns are new; raises ``DataError`` where the table has one of that name."""
        twice = next((name for name in values if name in table.columns), None)
        if twice is not None:
            raise DataError(f"there is a column {shorten(twice)} already; give the new one another name")
        return cls({name: float(value) for name, value in values.items()})

    def apply(self, table: Table) -> tuple[Table, Counts]:
        """Put the columns behind the others; counts nothing."""
        made = np.broadcast_to(np.array(list(self.values.values())), (len(table.values), len(self.values)))
        return Table((*table.columns, *self.values), np.hstack([table.values, made]), table.words), Counter()

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        return {"step": "constant", "values": dict(self.values)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild what `as_dict` wrote; raises ``KeyError``, ``TypeError`` or ``ValueError`` for something else."""
        return cls({str(name): float(value) for name, value in data["values"].items()})
