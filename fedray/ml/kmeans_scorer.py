"""Which cluster new rows belong to, with the centroids that a clustering kept, on shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fedray.ml.kmeans_design import Rows, rows_segments
from fedray.ml.kmeans_near import masked, nearest
from fedray.ml.scored import PREDICTIONS, Scored, kept_array, stacked
from fedray.mpc.dealer import Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.ring import Ring

__all__ = ["KMeansScorer", "scorer_segments"]

_LABEL = "new"


def scorer_segments(rows: Rows) -> Iterator[Segment]:
    """Yield the schedule of the predictions of some rows."""
    yield from rows_segments(rows, _LABEL)


class KMeansScorer:
    """One computing party's part.

    Parameters
    ----------
    s
        The computing parties.
    rows
        The new rows, as all know them.
    supply
        My side of the dealer.
    mine
        My own columns of them, encoded at the design's scale; None where I have none.
    arrays
        My summands of the centroids, as `KMeansModel.arrays` gave them.
    """

    def __init__(self, s: Session, rows: Rows, supply: Supply, mine: Ring | None, arrays: Mapping[str, Ring]) -> None:
        self._s, self._rows, self._supply = s, rows, supply
        design = rows.design
        self._centroids = Share(kept_array(arrays, "centroids", (design.columns, design.clusters)), design.scale)
        self._parts = masked(s, supply, rows, mine)

    def predict(self, receiver: int) -> Scored:
        """Open the cluster of every row to one party; no value can leave its range.

        Cost: that of `nearest`, and 1 round for each block of rows.
        Leaks: predictions to the receiver.
        Ref: protocols, section 23.
        """
        found = nearest(self._s, self._rows, self._parts, self._centroids, self._supply, _LABEL)
        opened = [
            self._s.reveal_to(receiver, PREDICTIONS, Share(one.index.value[:, None], one.index.scale))
            for one in found
            if one.index is not None
        ]
        return Scored(stacked(opened), ())
