"""Which centroid a row is nearest to, on shares: what a clustering and a prediction with it have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce

import numpy as np

from fedray.ml.kmeans_design import KMeansDesign, Rows, matrices
from fedray.mpc import private
from fedray.mpc.beaver import square
from fedray.mpc.dealer import Bundle, Supply
from fedray.mpc.maximum import Largest, smallest
from fedray.mpc.private import MaskedMatrix
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.turns import play
from fedray.ring import Ring

__all__ = ["masked", "nearest"]


def masked(s: Session, supply: Supply, rows: Rows, mine: Ring | None) -> dict[int, MaskedMatrix]:
    """Mask every owner's rows once; return them by owner.

    Parameters
    ----------
    mine
        My own rows, encoded at the design's scale; None where I have no columns.

    Cost: 1 round; N d elements from each owner to each other party.
    Leaks: nothing.
    Ref: protocols, sections 2 and 23.
    """
    return {
        shape.owner: private.share_matrix(s, supply, shape, mine if shape.owner == s.rank else None)
        for shape in matrices(rows)
    }


def nearest(
    s: Session, rows: Rows, parts: Mapping[int, MaskedMatrix], centroids: Share, supply: Supply, label: str
) -> Iterator[Largest]:
    """Yield, for each block of rows, which centroid is nearest; of equal distances the first.

        [|c|^2] of all centroids                                once
        [|c|^2 - 2 x c],  by products with private rows         an owner says nothing, the others c - V to it
        the smallest of each row                                a tournament

    Parameters
    ----------
    parts
        Of `masked`.
    centroids
        Shape (columns, clusters), at the design's scale.
    label
        Of the segments, as `rows_segments` was given it.

    Cost: 1 round, and for each block 1 where there are other owners and 9 for each of ceil(log2 clusters) levels;
    section 23 for elements.
    Leaks: nothing.
    Ref: protocols, sections 2, 15 and 23.
    """
    design = rows.design
    squares = square(s, centroids, supply.step(f"{label}/squares")["square"]).sum(axis=0)
    for block in rows.blocks():
        bundle = supply.step(f"{label}/rows")
        products = _products(s, design, parts, centroids, block, bundle)
        apart = Share(squares.value - np.uint64(2) * products, squares.scale)
        yield play(s, "near", smallest(s, rows.tournament(block), apart, bundle))


def _products(
    s: Session, design: KMeansDesign, parts: Mapping[int, MaskedMatrix], centroids: Share, rows: slice, bundle: Bundle
) -> Ring:
    """Return my summand of the rows times the centroids, shape (rows, clusters)."""
    mine = {owner: np.ascontiguousarray(centroids.value[design.place(owner)]) for owner in parts}
    with s.round("weights") as r:
        sent = {
            owner: private.send_weights(r, parts[owner], s.rank, mine[owner], bundle[f"F{owner}"]) for owner in parts
        }
    heard = sent[s.rank].value if s.rank in sent else None
    products = (private.product(parts[owner], s.rank, rows, mine[owner], heard, bundle[f"F{owner}"]) for owner in parts)
    return reduce(np.add, products)
