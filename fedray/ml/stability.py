"""How far the distribution of scores has moved between two sets of rows: the population stability index.

Groups are the tenths of the baseline's scores; with p and q the parts of both sets in a group,

    psi = sum (q - p) ln(q / p)

A common reading: below 0.1 nothing has moved, above 0.25 much has.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.ml.groups import LEAST, TABLE_GROUPS, groups

__all__ = ["stability"]

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
    p, q = before / baseline.size, np.maximum(now, HALF_A_ROW) / scores.size
    joined = _joined(before, now)
    table = [
        {"baseline_rows": int(b), "rows": int(n), "baseline_part": b / baseline.size, "part": n / scores.size}
        for b, n in joined
    ]
    return {"psi": float(((q - p) * np.log(q / p)).sum()), "groups": table}


def _counts(baseline: Float, scores: Float) -> tuple[Float, Float]:
    """Return the rows of both sets in each tenth of the baseline, the largest scores first."""
    parts = list(groups(baseline, TABLE_GROUPS))
    lowest = np.array([baseline[part].min() for part in parts])
    # the lowest score of a group belongs to it; what is below all groups belongs to the last
    place = np.minimum(np.searchsorted(-lowest, -scores, side="left"), len(parts) - 1)
    before = np.array([float(part.size) for part in parts])
    return before, np.bincount(place, minlength=len(parts)).astype(np.float64)


def _joined(before: Float, now: Float) -> list[tuple[float, float]]:
    """Join neighbours until every group has LEAST rows of both sets."""
    found: list[tuple[float, float]] = []
    waiting = (0.0, 0.0)
    for b, n in zip(before.tolist(), now.tolist(), strict=True):
        waiting = (waiting[0] + b, waiting[1] + n)
        if min(waiting) >= LEAST:
            found.append(waiting)
            waiting = (0.0, 0.0)
    if found:  # the rest has too few rows for a group of its own
        last = found.pop()
        waiting = (last[0] + waiting[0], last[1] + waiting[1])
    return [*found, waiting]
