"""The closed set of what workers do. Each is a function of a shelf, facts and arrays, that returns arrays."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

from fedray.errors import LocalProtocolError
from fedray.pool.pool import Arrays, Order, Shelf

__all__ = ["WORKS", "carry_out"]

WORKS: Final[Mapping[str, tuple[str, str]]] = {
    "tokens": ("fedray.psi.tokens", "tokens_of_part"),
    "bins.edges": ("fedray.trees.binning", "edges_of_column"),
    "bins.codes": ("fedray.trees.binning", "codes_of_column"),
    "bins.keep": ("fedray.trees.spread", "keep_bins"),
    "bins.product": ("fedray.trees.spread", "product_of_bins"),
    "codes.keep": ("fedray.trees.spread", "keep_codes"),
    "codes.sums": ("fedray.trees.spread", "sums_of_codes"),
    "masks.product": ("fedray.trees.masks", "product_of_masks"),
}
"""Module and function of each work. Modules are named, not imported: a worker loads only what it is asked for."""


def carry_out(shelf: Shelf, order: Order) -> Arrays:
    """Do what an order says, in this process.

    Raises
    ------
    LocalProtocolError
        There is no such work.
    FedrayError
        It failed.
    """
    if order.work not in WORKS:
        raise LocalProtocolError(f"expected one of the works {', '.join(WORKS)}, got {order.work[:80]!r}")
    module, name = WORKS[order.work]
    done: Arrays = getattr(importlib.import_module(module), name)(shelf, order.facts, *order.arrays)
    return done
