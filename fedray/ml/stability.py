"""How far the distribution of scores has moved between two sets of rows: the population stability index.

Groups are the tenths of the baseline's scores; with p and q the parts of both sets in a group,

    psi = sum (q - p) ln(q / p)

A common reading: below 0.1 nothing has moved, above 0.25 much has.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fedray.ml.groups import LEAST, TABLE_GROUPS, groups

__all__ = ["index", "joined", "stability"]

Float = npt.NDArray[np.float64]

HALF_A_ROW = 0.5
"""What a group without rows counts as, so that the index stays finite."""


def stability(baseline: Float, scores: Float) -> dict[str, object]:
    """Return ``psi`` over the tenths of the baseline, and ``groups`` of at least 20 rows of both sets.

    The index is one number over all rows; in the table, tenths with fewer rows are joined with their neighbours below.

    Parameters
    ----------
    baseline, scores
        Shapes (m,) and (n,), both at least 20.
    """
    before, now = _counts(baseline, scores)
    table = [
        {"baseline_rows": int(b), "rows": int(n), "baseline_part": b / baseline.size, "part": n / scores.size}
        for b, n in ((before[one].sum(), now[one].sum()) for one in joined(before, now))
    ]
    return {"psi": float(index(before, now).sum()), "groups": table}


def index(before: Float, now: Float) -> Float:
    """Return what each group adds to the index, shape (k,).

    Parameters
    ----------
    before, now
        Rows of both sets in each group, shape (k,); a group without rows counts as half a row.
    """
    p, q = np.maximum(before, HALF_A_ROW) / before.sum(), np.maximum(now, HALF_A_ROW) / now.sum()
    parts: Float = (q - p) * np.log(q / p)
    return parts


def _counts(baseline: Float, scores: Float) -> tuple[Float, Float]:
    """Return the rows of both sets in each tenth of the baseline, the largest scores first."""
    parts = list(groups(baseline, TABLE_GROUPS))
    lowest = np.array([baseline[part].min() for part in parts])
    # the lowest score of a group belongs to it; what is below all groups belongs to the last
    place = np.minimum(np.searchsorted(-lowest, -scores, side="left"), len(parts) - 1)
    before = np.array([float(part.size) for part in parts])
    return before, np.bincount(place, minlength=len(parts)).astype(np.float64)


def joined(before: Float, now: Float) -> list[slice]:
    """Return which neighbours are one group, so that every group has LEAST rows of both sets."""
    ends: list[int] = [0]
    waiting = np.zeros(2)
    for place, rows in enumerate(zip(before, now, strict=True), start=1):
        waiting += rows
        if waiting.min() >= LEAST:
            ends.append(place)
            waiting[:] = 0.0
    # the rest has too few rows for a group of its own
    return [slice(start, stop) for start, stop in pairwise([*(ends[:-1] if len(ends) > 1 else ends), len(before)])]
