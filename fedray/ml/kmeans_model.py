"""Clustering by k-means on shares: nobody learns a row's cluster, a distance or a centroid on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.errors import LocalProtocolError
from fedray.ml.groups import LEAST
from fedray.ml.kmeans_design import KMeansDesign, matrices, training_rows
from fedray.ml.kmeans_near import masked, nearest
from fedray.mpc.beaver import close_mul, open_mul, square
from fedray.mpc.compare import msb, msb_turns
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.private import send_residual, transposed_at_owner, transposed_elsewhere
from fedray.mpc.roots import divide
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import trunc
from fedray.mpc.turns import play, side_by_side
from fedray.ring import Ring, encode

__all__ = ["CENTROIDS", "CLUSTERS", "CONVERGED", "LARGE", "SIZES", "KMeansModel", "Opened"]

Float = npt.NDArray[np.float64]

CONVERGED, LARGE, SIZES, CENTROIDS, CLUSTERS = "converged", "large_clusters", "cluster_sizes", "centroids", "clusters"
"""Tags under which values are opened."""


@dataclass(frozen=True, eq=False)
class Opened:
    """What a clustering opens when it has ended.

    Attributes
    ----------
    large
        Which clusters have at least 20 rows.
    sizes
        Rows of each cluster; None where one has fewer than 20.
    centroids
        Of my own columns, shape (clusters, columns); only those of large clusters mean anything. None without columns.
    clusters
        Of each row, at the receiver; None elsewhere.
    """

    large: npt.NDArray[np.bool_]
    sizes: npt.NDArray[np.int64] | None
    centroids: Float | None
    clusters: npt.NDArray[np.int64] | None


class KMeansModel:
    """One computing party's part.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    supply
        My side of the dealer.
    values
        My own columns of the rows, shape (rows, columns); None where I have none.
    """

    def __init__(self, s: Session, design: KMeansDesign, supply: Supply, values: Float | None) -> None:
        self._s, self._design, self._supply = s, design, supply
        self._rows = training_rows(design)
        mine = None if values is None else encode(values, design.scale, "a value")
        self._sizing = supply.step("sizes")["small"]
        self._parts = masked(s, supply, self._rows, mine)
        self._centroids = Share(self._first(mine), design.scale)
        self._near: Share | None = None
        self._index: Ring = np.zeros(0, np.uint64)
        self.done = 0

    def _first(self, mine: Ring | None) -> Ring:
        """Return my summands of the first centroids: each owner's own values of the rows that the seed has drawn."""
        made = np.zeros((self._design.columns, self._design.clusters), np.uint64)
        if mine is not None:
            made[self._design.place(self._s.rank)] = mine[self._design.starts()].T
        return made

    def look(self, after_block: Callable[[], None]) -> None:
        """Find out on shares which centroid each row is nearest to.

        Parameters
        ----------
        after_block
            Called whenever another block of rows is done.

        Cost: that of `nearest`.
        Leaks: nothing.
        Ref: protocols, section 23.
        """
        found = []
        for block in nearest(self._s, self._rows, self._parts, self._centroids, self._supply, f"look/{self.done}"):
            found.append(block)
            after_block()
        near = [one.onehot.value for one in found if one.onehot is not None]
        index = [one.index.value for one in found if one.index is not None]
        self._near, self._index = Share(np.concatenate(near), 1.0), np.concatenate(index)

    def update(self) -> bool:
        """Put every centroid into the middle of its rows; return whether that was the last time.

            [sums] = X^T [near],  [n] = number of rows                  by products with private rows
            [mean] = [sums / n],  [empty] = [n < 1]                     in the same rounds
            [c] = [mean] + [empty] ([c] - [mean])                       exact where a cluster is empty
            [way] = sum of the squares of the new [c] less the old,  open [way < tol]       with a tol

        Cost: 15 rounds where there are other owners, and 10 with a tol; section 23 for elements.
        Leaks: converged to all, with a tol.
        Ref: protocols, sections 3, 14 and 23.
        """
        design, bundle = self._design, self._supply.step(f"update/{self.done}")
        before = self._centroids
        counts = self._looked().sum(axis=0)
        together = side_by_side(
            divide(self._s, design.quotient, self._sums(bundle), counts, bundle),
            msb_turns(self._s, counts - self._s.constant(1.0, 1.0, counts.shape), bundle["empty"]),
        )
        fine, empty = play(self._s, "means", together)
        (mean,) = trunc(self._s, [fine], [design.cut], [bundle["cut"]])
        with self._s.round("keep") as r:
            row = Share(empty.value[None], 1.0)
            opened = open_mul(r, row, before - mean, bundle["keep"], (0,) * design.columns)
        self._centroids = mean + close_mul(self._s, opened, bundle["keep"])
        self.done += 1
        return bool(design.tol) and self._stands(self._centroids - before, bundle)

    def _looked(self) -> Share:
        if self._near is None:
            raise LocalProtocolError("centroids are moved before the rows have looked for them")
        return self._near

    def _sums(self, bundle: Bundle) -> Share:
        """Return the sums of the rows of each cluster, shape (columns, clusters)."""
        near, rows = self._looked().value, slice(0, self._design.rows[0])
        with self._s.round("residual") as r:
            opened = {
                owner: send_residual(r, part, self._s.rank, near, bundle[f"B{owner}"])
                for owner, part in self._parts.items()
            }
        sums = [
            transposed_at_owner(part, rows, opened[owner].value, bundle[f"B{owner}"])
            if owner == self._s.rank
            else transposed_elsewhere(part, rows, bundle[f"B{owner}"])
            for owner, part in self._parts.items()
        ]
        return Share(np.concatenate(sums), self._design.scale)

    def _stands(self, moved: Share, bundle: Bundle) -> bool:
        """Open whether the centroids have moved by less than the tolerance, all together."""
        way = square(self._s, moved, bundle["moved"]).sum()
        short = Share((way - self._s.constant(self._design.tol, way.scale)).value.reshape(1), way.scale)
        near = msb(self._s, short, bundle["near enough"])
        return bool(self._s.reveal(CONVERGED, near)[0] > 0.5)

    def open(self, receiver: int | None) -> Opened:
        """Open what the task says, after the last look: sizes, to each owner its columns' centroids, and clusters.

        Which clusters are large is opened first; of others no centroid is, and of no cluster the size if one is not.

        Parameters
        ----------
        receiver
            Rank of the party that learns the cluster of each row; None for nobody.

        Cost: 10 rounds, and 1 for each owner and for the receiver; section 23 for elements.
        Leaks: large_clusters and cluster_sizes to all; centroids to each owner its own; clusters to the receiver.
        Ref: protocols, section 23.
        """
        s, design = self._s, self._design
        counts = self._looked().sum(axis=0)
        small = msb(s, counts - s.constant(LEAST, 1.0, counts.shape), self._sizing)
        large = s.reveal(LARGE, s.constant(1.0, 1.0, small.shape) - small) > 0.5
        shown = large.astype(np.uint64)
        sizes = s.reveal(SIZES, Share(counts.value * np.uint64(large.all()), 1.0))
        mine = None
        for shape in matrices(self._rows):
            here = self._centroids.value[design.place(shape.owner)].T * shown[:, None]
            opened = s.reveal_to(shape.owner, CENTROIDS, Share(here, design.scale))
            mine = opened if opened is not None else mine
        rows = None if receiver is None else s.reveal_to(receiver, CLUSTERS, Share(self._index, 1.0))
        return Opened(
            large,
            np.rint(sizes).astype(np.int64) if large.all() else None,
            mine,
            None if rows is None else np.rint(rows).astype(np.int64),
        )

    def arrays(self) -> dict[str, Ring]:
        """Return my summands of the centroids, ``centroids`` of shape (columns, clusters)."""
        return {"centroids": self._centroids.value}
