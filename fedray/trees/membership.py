"""Which rows are in which node: shared bits, split by their owners' private bits, and products with numbers of rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fedray.mpc.session import Session
from fedray.ring import Ring
from fedray.ring.bits import from_plane, words_for
from fedray.trees.masks import BitProducts, BitSums

__all__ = ["and_bits", "as_numbers", "packed", "summed"]


def packed(bits: npt.NDArray[np.bool_]) -> Ring:
    """Return bits in words, shape (nodes, words), from shape (nodes, rows)."""
    octets: npt.NDArray[np.uint8] = np.packbits(bits, axis=-1, bitorder="little")
    words = np.zeros((len(bits), words_for(bits.shape[-1]) * 8), np.uint8)
    words[:, : octets.shape[-1]] = octets
    made: Ring = np.frombuffer(words.tobytes(), "<u8").reshape(len(bits), -1).astype(np.uint64)
    return made


def and_bits(s: Session, x: Ring, y: Ring, parts: Mapping[str, Ring]) -> Ring:
    """Return my share of x and y, bits in words shared by exclusive or.

    Parameters
    ----------
    x, y
        Of one shape; where only one party knows x, the others hold zeros.
    parts
        A, B, AB of the step: `BitAnds` of that shape.

    Cost: 1 round; 2 n (n - 1) |x| words.
    Leaks: nothing (both openings are uniform).
    Ref: [Bea91].
    """
    with s.round("split") as r:
        d, e = r.open_bits(x ^ parts["A"]), r.open_bits(y ^ parts["B"])
    both: Ring = parts["AB"] ^ (d.value & parts["B"]) ^ (e.value & parts["A"])
    if s.rank == 0:
        both = both ^ (d.value & e.value)
    return both


def as_numbers(s: Session, mask: BitProducts, bits: Ring, x: Ring, parts: Mapping[str, Ring]) -> tuple[Ring, Ring]:
    """Return bits as numbers 0 and 1, and the products of the first of them with numbers of the rows.

        open  c = b xor S,  e = x - A
        [b]   = c + (1 - 2 c) [s]
        [b x] = c [x] + (1 - 2 c) (e [s] + [s A])

    Parameters
    ----------
    bits
        My words, shape (nodes, words).
    x
        My summands, shape (factors, rows multiplied), at any scale: it is that of the products.
    parts
        S, A, s, sA of the step.

    Returns
    -------
    tuple
        My summands of the bits, shape (nodes, rows), and of the products, (nodes multiplied, factors, rows multiplied).

    Cost: 1 round; n (n - 1) (|bits| words + |x| elements), whatever the number of products.
    Leaks: nothing (c and e are uniform).
    Ref: [Bea91], protocols, section 18.
    """
    with s.round("members") as r:
        masked, less = r.open_bits(bits ^ parts["S"]), r.open(x - parts["A"])
    c = np.stack([from_plane(plane, mask.shape[1]) for plane in masked.value])
    sign = np.uint64(1) - np.uint64(2) * c
    numbers = sign * parts["s"]
    if s.rank == 0:
        numbers += c
    nodes, rows = mask.multiplied
    few = (slice(nodes), None, slice(rows))
    products = sign[few] * (less.value * parts["s"][few] + parts["sA"]) + c[few] * x
    return numbers, products


def summed(s: Session, mask: BitSums, bits: Ring, x: Ring, parts: Mapping[str, Ring]) -> Ring:
    """Return, for each row, the sum of the numbers of the nodes that it is in.

        open  c = b xor S,  e = x - A
        [b x] = c [x] + (1 - 2 c) (e [s] + [s A])

    Parameters
    ----------
    bits
        My words, shape (nodes, words).
    x
        My summands, a number for each node, at any scale: it is that of the sums. Shape (nodes,).
    parts
        S, A, s, sA of the step.

    Returns
    -------
    Ring
        My summands, shape (rows,).

    Cost: 1 round; n (n - 1) (|bits| words + nodes elements).
    Leaks: nothing (c and e are uniform).
    Ref: [Bea91], protocols, section 18.
    """
    with s.round("members") as r:
        masked, less = r.open_bits(bits ^ parts["S"]), r.open(x - parts["A"])
    rows = mask.shape[1]
    total = np.zeros(rows, np.uint64)
    for node, plane in enumerate(masked.value):  # one after the other: a few arrays that fit a cache
        c = from_plane(plane, rows)
        product = parts["s"][node] * less.value[node] + parts["sA"][node]
        total += c * x[node] + (np.uint64(1) - np.uint64(2) * c) * product
    return total
