"""Comparison, exact for every ring element: the carry of a masked opening, on bits shared by exclusive or.

x is opened as c = x + r. Then x = c - r, so the top bit of x is that of c and of r and a borrow from the 63 bits below.
The borrow is a tree of ANDs over bit planes; one dealer bit turns the result into an additive share.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from fedray.mpc.beaver import close_mul, mul, open_mul
from fedray.mpc.correlation import MaskRows, Part, Parts, Triple
from fedray.mpc.dealer import Bundle
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.turns import Turns, play, turn
from fedray.ring import Ring
from fedray.ring.bits import from_plane, to_planes, words_for

__all__ = ["MsbMask", "lt", "msb", "msb_turns", "relu", "relu_masks", "relu_turns", "select"]

PLANES = 63
"""Bits below the top one, among which the borrow runs."""


def levels() -> list[int]:
    """Return the number of pairs at each level of the tree: 63 planes to 1."""
    pairs, planes = [], PLANES
    while planes > 1:
        pairs.append(planes // 2)
        planes -= planes // 2
    return pairs


@dataclass(frozen=True)
class MsbMask:
    """For `msb` of an array of `shape`.

    R uniform and its bit planes; at each level of the tree three masks of ANDs and two products; a bit, both ways.
    """

    name: str
    shape: tuple[int, ...]

    @property
    def words(self) -> int:
        """Words of a plane."""
        return words_for(prod(self.shape))

    def uniform(self) -> tuple[Part, ...]:
        """Give R, the masks A (upper propagate), B and C (lower generate and propagate) by level, and the bit S."""
        masks = [
            Part(f"{letter}{level}", (pairs, self.words), xor=True)
            for level, pairs in enumerate(levels())
            for letter in "ABC"
        ]
        return (Part("R", self.shape), *masks, Part("S", (self.words,), xor=True))

    def derived(self) -> tuple[Part, ...]:
        """Give R's bit planes, A B and A C by level, and S as numbers 0 and 1."""
        products = [
            Part(f"A{other}{level}", (pairs, self.words), xor=True)
            for level, pairs in enumerate(levels())
            for other in "BC"
        ]
        return (Part("bits", (64, self.words), xor=True), *products, Part("s", self.shape))

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:  # noqa: ARG002 - the interface
        """Split R and S into bits, multiply the masks; per step."""
        made = {
            f"A{other}{level}": totals[f"A{level}"] & totals[f"{other}{level}"]
            for level in range(len(levels()))
            for other in "BC"
        }
        made["bits"] = np.stack([to_planes(r.reshape(-1)) for r in totals["R"]])
        made["s"] = np.stack([from_plane(s, prod(self.shape)).reshape(self.shape) for s in totals["S"]])
        return made


def msb(s: Session, x: Share, parts: Parts) -> Share:
    """Return [1] where x, read as a signed number, is negative, else [0], at scale 1; `msb_turns` in its own rounds.

    Cost: 8 rounds; that of `msb_turns`.
    Leaks: nothing (all openings are uniform).
    Ref: [Cat10], with a tree of borrows instead of a prefix.
    """
    return play(s, "msb", msb_turns(s, x, parts))


def msb_turns(s: Session, x: Share, parts: Parts) -> Turns[Share]:
    """Return [1] where x, read as a signed number, is negative, else [0], at scale 1; for every ring element.

        open  c = x + r
        g_i = not c_i and r_i,  p_i = not (c_i xor r_i)          borrow made, borrow passed on, bits 0 .. 62
        (g, p) of a pair = (g_hi xor p_hi g_lo, p_hi p_lo)       six levels; p_hi is opened once for both products
        t = c_63 xor r_63 xor g
        open  m = t xor S,   [t] = m + (1 - 2 m) [s]

    Parameters
    ----------
    x
        Any shape.
    parts
        Of a `MsbMask` of x's shape.

    Cost: 8 rounds; n (n - 1) (64 |x| + (3 * 62 + 1) words_for(|x|) * 64) bits.
    Leaks: nothing (c, m and all masked planes are uniform).
    Ref: [Cat10], with a tree of borrows instead of a prefix.
    """
    opened = yield from turn(lambda r: r.open(x.value_for(parts["R"]) + parts["R"]))
    public = to_planes(opened.value.reshape(-1))
    top = parts["bits"][PLANES] ^ (public[PLANES] if s.rank == 0 else np.uint64(0))
    top = top ^ (yield from _borrow(s, public[:PLANES], parts))
    masked = yield from turn(lambda r: r.open_bits(top ^ parts["S"]))
    m = from_plane(masked.value, x.value.size).reshape(x.shape)
    flipped = np.where(m == 1, np.uint64(0) - parts["s"], parts["s"])
    return Share(flipped + m if s.rank == 0 else flipped, 1.0)


def _borrow(s: Session, c: Ring, parts: Parts) -> Turns[Ring]:
    """Return the share of the borrow into the top bit, one plane, from public planes c and those of r."""
    r = parts["bits"][:PLANES]
    generate = r & ~c
    passing = r ^ (~c if s.rank == 0 else np.uint64(0))
    for level, pairs in enumerate(levels()):
        generate, passing = yield from _join(s, (generate, passing), pairs, level, parts)
    borrow: Ring = generate[0]
    return borrow


def _join(s: Session, planes: tuple[Ring, Ring], pairs: int, level: int, parts: Parts) -> Turns[tuple[Ring, Ring]]:
    """Join neighbouring planes (lower, upper) with two ANDs each; an odd one at the top waits for the next level."""
    generate, passing = planes
    lower, upper = slice(0, 2 * pairs, 2), slice(1, 2 * pairs, 2)
    a, b, c = (parts[f"{letter}{level}"] for letter in "ABC")
    operands = (passing[upper] ^ a, generate[lower] ^ b, passing[lower] ^ c)
    opened = yield from turn(lambda r: [r.open_bits(operand) for operand in operands])
    d, e, f = (pending.value for pending in opened)
    carried = parts[f"AB{level}"] ^ (d & b) ^ (e & a)
    through = parts[f"AC{level}"] ^ (d & c) ^ (f & a)
    if s.rank == 0:
        carried, through = carried ^ (d & e), through ^ (d & f)
    joined = generate[upper] ^ carried
    return np.concatenate([joined, generate[2 * pairs :]]), np.concatenate([through, passing[2 * pairs :]])


def lt(s: Session, x: Share, y: Share, parts: Parts) -> Share:
    """Return [1] where x < y, else [0], at scale 1.

    Domain: |x - y| < 2^63 in ring units, as for any numbers that `encode` accepts.
    Cost: that of `msb`.
    Leaks: nothing.
    Ref: [Cat10].
    """
    return msb(s, x - y, parts)


def select(s: Session, bit: Share, x: Share, y: Share, parts: Parts) -> Share:
    """Return [x] where the bit is 1 and [y] where it is 0, exactly; at their scale.

    Cost: 1 round; 2 n (n - 1) |x| elements; one triple.
    Leaks: nothing.
    Ref: [Bea91].
    """
    chosen = mul(s, bit, x - y, parts)
    return y + Share(chosen.value, y.scale)


def relu(s: Session, x: Share, bundle: Bundle, name: str) -> Share:
    """Return [max(x, 0)], exactly, at x's scale; `relu_turns` in its own rounds.

    Cost: 9 rounds; that of `relu_turns`.
    Leaks: nothing.
    Ref: [Cat10], [Bea91].
    """
    return play(s, "relu", relu_turns(s, x, bundle, name))


def relu_turns(s: Session, x: Share, bundle: Bundle, name: str) -> Turns[Share]:
    """Return [max(x, 0)], exactly, at x's scale.

    Parameters
    ----------
    bundle, name
        A step with the correlations of `relu_masks(name, shape)`.

    Cost: 9 rounds; that of `msb` and of one product.
    Leaks: nothing.
    Ref: [Cat10], [Bea91].
    """
    negative = yield from msb_turns(s, x, bundle[f"{name}.msb"])
    kept = s.constant(1.0, 1.0, x.shape) - negative
    parts = bundle[f"{name}.mul"]
    opened = yield from turn(lambda r: open_mul(r, kept, x, parts))
    return close_mul(s, opened, parts)


def relu_masks(name: str, shape: tuple[int, ...]) -> tuple[MsbMask, Triple]:
    """Return what `relu` of an array of `shape` takes."""
    return MsbMask(f"{name}.msb", shape), Triple(f"{name}.mul", shape)
