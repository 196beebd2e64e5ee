"""Groups of rows by their predictions, for tables and curves: never fewer than 20 rows, equal predictions together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST", "TABLE_GROUPS", "groups"]

Float = npt.NDArray[np.float64]

LEAST = 20
"""Rows of the smallest group."""

TABLE_GROUPS = 10
"""Groups of a table."""


def groups(p: Float, most: int) -> Iterator[npt.NDArray[np.int64]]:
    """Yield the rows in groups of about one size, those with the largest predictions first.

    Parameters
    ----------
    p
        Predictions, shape (n,).
    most
        Number of groups; fewer where they would have fewer than LEAST rows, or where predictions are equal.
    """
    order = np.argsort(-p, kind="stable").astype(np.int64)
    yield from np.split(order, _cuts(p[order], min(most, len(p) // LEAST)))


def _cuts(sorted_p: Float, wanted: int) -> list[int]:
    """Return where groups end: behind rows that differ from the next one, at least LEAST rows apart."""
    n, cuts = len(sorted_p), [0]
    changes = np.flatnonzero(np.diff(sorted_p)) + 1  # places at which another prediction begins
    for k in range(1, wanted):
        least = max(cuts[-1] + LEAST, round(k * n / wanted))
        place = int(np.searchsorted(changes, least))
        if place < changes.size and n - changes[place] >= LEAST:
            cuts.append(int(changes[place]))
    return sorted(set(cuts[1:]))
