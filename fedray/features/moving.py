"""How far the distribution of a column has moved between two sets of rows; at its owner only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.features.cutting import MISSING_SLOT, cut, slots
from fedray.ml.stability import index, joined
from fedray.trees.binning import Binning

__all__ = ["moved"]

Float = npt.NDArray[np.float64]


def moved(name: str, before: Float, now: Float, bins: int) -> dict[str, object]:
    """Return ``psi`` over bins of about as many rows of the earlier set, and ``groups`` of at least 20 rows of both.

    The index is one number over all bins, missing values having one of their own; in the table, bins with fewer rows
    are joined with their neighbours. A group has ``low`` and ``high`` (its values are above the one and up to the
    other; None is no bound), whether it holds ``missing`` values, rows and parts of both sets, and its own ``psi``.
    ``psi`` is None where the earlier set has no value at all.

    Parameters
    ----------
    name
        Of the column.
    before, now
        Finite float64 or NaN, shapes (m,) and (n,), both at least 20.
    bins
        Most bins.
    """
    if np.isnan(before).all():
        return {"psi": None, "groups": []}
    binning = cut(before[:, None], (name,), bins, "quantile")
    if not binning.kept:  # it had one value only: the others now are above it, or are not
        binning = Binning((name,), (0,), ((float(before[0]),),), bins)
    edges = binning.edges[0]
    rows = [np.bincount(slots(binning, one[:, None])[:, 0], minlength=len(edges) + 2) for one in (before, now)]
    first = 0 if any(counts[MISSING_SLOT] for counts in rows) else 1
    earlier, later = (counts[first:].astype(np.float64) for counts in rows)
    cuts = [*([None] if first else [None, None]), *edges, None]  # missing values come first, and have no bounds
    groups = []
    for one in joined(earlier, later):
        b, n = earlier[one].sum(), later[one].sum()
        groups.append(
            {
                "low": cuts[one.start],
                "high": cuts[one.stop],
                "missing": first == 0 and one.start == 0,
                "baseline_rows": int(b),
                "rows": int(n),
                "baseline_part": b / before.size,
                "part": n / now.size,
                "psi": float(index(np.array([b, before.size - b]), np.array([n, now.size - n]))[0]),
            }
        )
    return {"psi": float(index(earlier, later).sum()), "groups": groups}
