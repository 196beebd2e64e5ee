"""Rows by their ids, at the party that answers requests."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fedray.errors import DataError, SpecError

__all__ = ["Lookup"]

_LISTED = 10


class Lookup:
    """The ids of a table, in the order of its rows.

    Parameters
    ----------
    ids
        Of every row; compared as alignments compare ids: Unicode NFC, without white space at both ends.

    Raises
    ------
    DataError
        Two rows have the same id.
    """

    def __init__(self, ids: Sequence[str]) -> None:
        self._rows: dict[str, int] = {}
        for row, name in enumerate(map(_normal, ids)):
            if self._rows.setdefault(name, row) != row:
                raise DataError(
                    f"data_path: row {row + 1} has the id of row {self._rows[name] + 1}; rows that are looked up by id "
                    "need different ones"
                )

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self, ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the numbers of the rows with these ids, in their order.

        Raises
        ------
        SpecError
            There is no row for some; it tells their places in `ids`, and none of them.
        """
        found = [self._rows.get(_normal(name), -1) for name in ids]
        missing = [place for place, row in enumerate(found) if row < 0]
        if missing:
            places = ", ".join(f"ids[{place}]" for place in missing[:_LISTED])
            more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
            raise SpecError(f"{places}{more}: expected ids of rows that the task answers for; there is no such row")
        return np.array(found, dtype=np.int64)


def _normal(name: str) -> str:
    return name.strip() if name.isascii() else unicodedata.normalize("NFC", name).strip()
