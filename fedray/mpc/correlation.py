"""Correlated randomness: what the dealer makes, kind by kind.

A kind names its uniform parts (every holder expands its own summand from its key with the dealer; nothing travels) and
its derived parts, functions of the uniform totals. For a derived part all but one party expand their summand too, and
the dealer sends that one party the correction. Everything is made for many steps at once: arrays have a leading axis
of T steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fedray.pool import Alone, Pool
from fedray.ring import Ring, matmul, series

Parts = Mapping[str, Ring]


@dataclass(frozen=True)
class Part:
    """One array of a correlation, for one step.

    Attributes
    ----------
    without
        Rank that holds no summand of it, or None.
    xor
        Shared by exclusive or of words rather than by sums.
    """

    name: str
    shape: tuple[int, ...]
    without: int | None = None
    xor: bool = False


@dataclass(frozen=True)
class Helped:
    """The dealer's further processes, and what they need to expand one-time masks themselves.

    Attributes
    ----------
    keys
        Of the owners with the dealer, by rank.
    memory_bytes
        What each of them may keep of the masks; None for all.
    """

    pool: Pool = field(default_factory=Alone)
    keys: Sequence[bytes] = field(default=(), repr=False)
    memory_bytes: int | None = None


@dataclass(frozen=True)
class MaskRows:
    """The dealer's copy of the one-time masks: U per (owner, matrix), the rows that each step uses, and who helps."""

    masks: Mapping[tuple[int, str], Ring]
    rows: Mapping[str, npt.NDArray[np.int64]]
    helped: Helped = field(default_factory=Helped)

    def take(self, owner: int, matrix: str, rows: str) -> Ring:
        """Return the rows of U for each step, shape (T, B, d)."""
        return self.masks[owner, matrix][self.rows[rows]]


class Correlation(Protocol):
    """A kind of correlated randomness, with its shapes."""

    @property
    def name(self) -> str:
        """Unique within a step."""

    def uniform(self) -> tuple[Part, ...]:
        """Return the parts that are expanded from keys."""

    def derived(self) -> tuple[Part, ...]:
        """Return the parts that need a correction."""

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:
        """Return the derived parts' totals, each with the leading axis T."""


@dataclass(frozen=True)
class ForwardMask:
    """For [X W] with X private to `owner`: V without the owner's summand, and U V. See protocols, section 2."""

    name: str
    owner: int
    matrix: str
    rows: str
    shape: tuple[int, int, int]  # B, d, h

    def uniform(self) -> tuple[Part, ...]:
        """V, shape (d, h)."""
        _, d, h = self.shape
        return (Part("V", (d, h), without=self.owner),)

    def derived(self) -> tuple[Part, ...]:
        """U V, shape (B, h)."""
        b, _, h = self.shape
        return (Part("UV", (b, h)),)

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:
        """U V, per step."""
        return {"UV": matmul(rows.take(self.owner, self.matrix, self.rows), totals["V"])}


@dataclass(frozen=True)
class BackwardMask:
    """For [X^T d] with X private to `owner`: M without the owner's summand, and U^T M. See protocols, section 3."""

    name: str
    owner: int
    matrix: str
    rows: str
    shape: tuple[int, int, int]  # B, d, h

    def uniform(self) -> tuple[Part, ...]:
        """M, shape (B, h)."""
        b, _, h = self.shape
        return (Part("M", (b, h), without=self.owner),)

    def derived(self) -> tuple[Part, ...]:
        """U^T M, shape (d, h)."""
        _, d, h = self.shape
        return (Part("UtM", (d, h)),)

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:
        """U^T M, per step."""
        u = rows.take(self.owner, self.matrix, self.rows)
        return {"UtM": matmul(u.transpose(0, 2, 1), totals["M"])}


@dataclass(frozen=True)
class ElementMask:
    """For [y * s] elementwise with y private to `owner`: V without the owner's summand, and U V."""

    name: str
    owner: int
    matrix: str
    rows: str
    shape: tuple[int, int]  # B, k

    def uniform(self) -> tuple[Part, ...]:
        """V, shape (B, k)."""
        return (Part("V", self.shape, without=self.owner),)

    def derived(self) -> tuple[Part, ...]:
        """U V, shape (B, k)."""
        return (Part("UV", self.shape),)

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:
        """U V, per step."""
        return {"UV": rows.take(self.owner, self.matrix, self.rows) * totals["V"]}


@dataclass(frozen=True)
class DenseTriple:
    """Masks of one dense layer, each operand opened once: A (input), W (weights), D (residual, when training)."""

    name: str
    shape: tuple[int, int, int]  # B, h, w
    training: bool

    def uniform(self) -> tuple[Part, ...]:
        """Give A (B, h), W (h, w), D (B, w)."""
        b, h, w = self.shape
        parts = (Part("A", (b, h)), Part("W", (h, w)))
        return (*parts, Part("D", (b, w))) if self.training else parts

    def derived(self) -> tuple[Part, ...]:
        """Give A W (B, w), A^T D (h, w), D W^T (B, h)."""
        b, h, w = self.shape
        parts = (Part("AW", (b, w)),)
        return (*parts, Part("AtD", (h, w)), Part("DWt", (b, h))) if self.training else parts

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:  # noqa: ARG002 - the interface
        """Multiply, per step."""
        a, w = totals["A"], totals["W"]
        made = {"AW": matmul(a, w)}
        if self.training:
            d = totals["D"]
            made["AtD"] = matmul(a.transpose(0, 2, 1), d)
            made["DWt"] = matmul(d, w.transpose(0, 2, 1))
        return made


@dataclass(frozen=True)
class ColumnTriple:
    """Masks of a dense layer of one output in training, and of the slope S of the layer below.

    What goes back through such a layer is the product of three things that are each opened once: the residual of a row,
    the weight of a column and the slope; so the dealer's products of their masks spare a round and an opening.

    Attributes
    ----------
    shape
        B, h: rows, and inputs with the constant one, which has no slope, as the last.
    """

    name: str
    shape: tuple[int, int]

    def uniform(self) -> tuple[Part, ...]:
        """Give A (B, h), W (h, 1), D (B, 1), S (B, h - 1)."""
        b, h = self.shape
        return (*self._dense.uniform(), Part("S", (b, h - 1)))

    def derived(self) -> tuple[Part, ...]:
        """Give A W (B, 1), A^T D (h, 1); D W^T, S W, S D and S D W of shape (B, h - 1)."""
        b, h = self.shape
        products, gradient, _ = self._dense.derived()
        return (products, gradient, *(Part(name, (b, h - 1)) for name in ("DWt", "SW", "SD", "SDW")))

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:
        """Multiply, per step."""
        made = self._dense.relate(totals, rows)
        slope, row, of_row = totals["S"], totals["W"][:, :-1].transpose(0, 2, 1), made["DWt"][..., :-1]
        return {**made, "DWt": of_row, "SW": slope * row, "SD": slope * totals["D"], "SDW": slope * of_row}

    @property
    def _dense(self) -> DenseTriple:
        return DenseTriple(self.name, (*self.shape, 1), training=True)


@dataclass(frozen=True)
class Triple:
    """An elementwise product triple: A, B, C = A B.

    With `rows`, the rows of A meet those of B more than once: C[i] = A[rows[i]] B[i], so that an operand that stands in
    several products is opened once. A has as many rows as `rows` names, counted from 0.
    """

    name: str
    shape: tuple[int, ...]
    rows: tuple[int, ...] | None = None

    def uniform(self) -> tuple[Part, ...]:
        """Give A and B."""
        left = self.shape if self.rows is None else (1 + max(self.rows), *self.shape[1:])
        return (Part("A", left), Part("B", self.shape))

    def derived(self) -> tuple[Part, ...]:
        """C."""
        return (Part("C", self.shape),)

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:  # noqa: ARG002 - the interface
        """C = A B."""
        a = totals["A"] if self.rows is None else totals["A"][:, list(self.rows)]
        return {"C": a * totals["B"]}


@dataclass(frozen=True)
class SquareMask:
    """For squares: A and its square."""

    name: str
    shape: tuple[int, ...]

    def uniform(self) -> tuple[Part, ...]:
        """Give A."""
        return (Part("A", self.shape),)

    def derived(self) -> tuple[Part, ...]:
        """AA."""
        return (Part("AA", self.shape),)

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:  # noqa: ARG002 - the interface
        """Multiply A by itself."""
        return {"AA": totals["A"] * totals["A"]}


@dataclass(frozen=True)
class TruncMask:
    """For exact truncation by `shift` bits: R, R1 = (R mod 2^63) >> shift, B = R >> 63."""

    name: str
    shape: tuple[int, ...]
    shift: int

    def uniform(self) -> tuple[Part, ...]:
        """R."""
        return (Part("R", self.shape),)

    def derived(self) -> tuple[Part, ...]:
        """R1 and B."""
        return (Part("R1", self.shape), Part("B", self.shape))

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:  # noqa: ARG002 - the interface
        """R1 and B from R's bits."""
        r = totals["R"]
        low = r & np.uint64((1 << 63) - 1)
        return {"R1": low >> np.uint64(self.shift), "B": r >> np.uint64(63)}


@dataclass(frozen=True)
class WaveMask:
    """For periodic functions: R uniform, and cos, sin of 2 pi k R / 2^period_bits for `count` harmonics k.

    R fills the ring although only its low `period_bits` matter: a shorter one would not hide the opened value's rest.

    Attributes
    ----------
    stride
        Distance between the harmonics: 1 for all of them, 2 for the odd ones.
    """

    name: str
    shape: tuple[int, ...]
    period_bits: int
    count: int
    table_scale: float = field(default=2.0**16)
    stride: int = 1

    def uniform(self) -> tuple[Part, ...]:
        """R."""
        return (Part("R", self.shape),)

    def derived(self) -> tuple[Part, ...]:
        """Cosines and sines, shape (count, elements)."""
        table = (self.count, prod(self.shape))
        return (Part("cos", table), Part("sin", table))

    def relate(self, totals: Parts, rows: MaskRows) -> Parts:  # noqa: ARG002 - the interface
        """Tabulate at `table_scale`."""
        points = totals["R"].reshape(len(totals["R"]), -1)
        cosines, sines = series.tables(points, self.period_bits, self.count, self.table_scale, stride=self.stride)
        return {"cos": cosines, "sin": sines}
