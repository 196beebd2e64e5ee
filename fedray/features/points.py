"""Points of a scorecard, from a logistic model on weights of evidence; at the owners only.

    factor = pdo / ln 2        offset = base_score - factor ln base_odds
    points of a bin = -factor weight (woe - mean) / deviation        base points = offset - factor intercept

each rounded to a whole number. A row's points are the base points and those of its bins: base_score where the odds of
the label 0 to the label 1 are base_odds, and pdo points more where they are twice as large.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.data.scaling import Standardizer
from fedray.data.wording import shorten
from fedray.errors import DataError
from fedray.features.cutting import MISSING_SLOT
from fedray.features.evidence import Evidence

__all__ = ["HEADER", "PointScale", "Scorecard"]

Float = npt.NDArray[np.float64]
Points = npt.NDArray[np.int64]

HEADER = ("column", "above", "up_to", "missing", "rows", "woe", "points")
"""Of the table: a bin holds values above one number and up to another, and missing values where it says so."""

MOST_POINTS = 10**9
"""Magnitude of the points of a bin, or of the base points: more are a mistake."""


@dataclass(frozen=True)
class PointScale:
    """What points mean.

    Attributes
    ----------
    base_score
        Points at which the odds of the label 0 to the label 1 are `base_odds`.
    pdo
        Points that double the odds.
    """

    base_score: float
    base_odds: float
    pdo: float

    @property
    def factor(self) -> float:
        """Points for odds that are e times as large."""
        return self.pdo / math.log(2.0)

    def base(self, intercept: float) -> int:
        """Return the points that every row has."""
        offset = self.base_score - self.factor * math.log(self.base_odds)
        return int(_whole(np.array(offset - self.factor * intercept)))


@dataclass(frozen=True, eq=False)
class Scorecard:
    """A party's own part: the points of the bins of its columns.

    Attributes
    ----------
    evidence
        The bins.
    columns
        The model's columns, with what scaled them in the training.
    weights
        Of the model for each of these, shape (columns,).
    scale
        What points mean.
    """

    evidence: Evidence
    columns: Standardizer
    weights: Float
    scale: PointScale

    @classmethod
    def check(cls, evidence: Evidence, columns: Standardizer) -> None:
        """See that the model's columns are weights of evidence of these bins.

        Raises
        ------
        DataError
            A column is none.
        """
        made = set(evidence.columns)
        other = next((name for name in columns.columns if name not in made), None)
        if other is not None:
            raise DataError(
                f"binning: the model's column {shorten(other)} is none that this binning writes; name the binning "
                "whose weights of evidence the model was trained on"
            )

    def points(self, woe: Float) -> Points:
        """Return the points of weights of evidence, shape (n, columns)."""
        return _whole(-self.scale.factor * self.weights * self.columns.apply(woe))

    def totals(self, woe: Float) -> Points:
        """Return the points of rows, shape (n,), of all my columns."""
        totals: Points = self.points(woe).sum(axis=1)
        return totals

    def table(self) -> Iterator[tuple[str, ...]]:
        """Yield the lines of the table, as texts, in the order of `HEADER`."""
        names = self.evidence.columns
        for k, name in enumerate(self.columns.columns):
            place = self.evidence.selected[names.index(name)]
            for above, up_to, missing, rows, woe in self._bins(place):
                points = self.points(self._alone(k, woe))[0, k]
                yield (name, above, up_to, missing, rows, repr(woe), str(points))

    def _alone(self, k: int, woe: float) -> Float:
        row = np.array([self.columns.mean])
        row[0, k] = woe
        return row

    def _bins(self, place: int) -> Iterator[tuple[str, str, str, str, float]]:
        weighed, edges = self.evidence.weighed[place], self.evidence.binning.edges[place]
        slots, starts = weighed.by_slot, (0, *(end + 1 for end in weighed.grouped.ends[:-1]))
        known = float(slots[MISSING_SLOT]) == weighed.woe[0]
        for n, (start, end) in enumerate(zip(starts, weighed.grouped.ends, strict=True)):
            above = repr(edges[start - 2]) if start >= 2 else ""
            up_to = repr(edges[end - 1]) if 0 < end <= len(edges) else ""
            missing = "no" if n or not known else "only" if end == MISSING_SLOT else "yes"
            yield above, up_to, missing, str(weighed.rows[n]), weighed.woe[n]
        if not known:
            yield "", "", "only", "0", float(slots[MISSING_SLOT])


def _whole(points: Float) -> Points:
    """Return points rounded to whole numbers; raises ``DataError`` where some are beyond all bounds."""
    if not (np.abs(points) <= MOST_POINTS).all():
        raise DataError(f"points of more than {MOST_POINTS} in magnitude; choose a smaller pdo or base_score")
    return np.rint(points).astype(np.int64)
