"""Bringing a share to so many bits after the point, whatever its scale is: a truncation, or a shift that is exact."""

from __future__ import annotations

from dataclasses import dataclass
from math import frexp

from fedray.mpc.correlation import Correlation, TruncMask
from fedray.mpc.dealer import Bundle
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import trunc

__all__ = ["Cut", "cut"]


@dataclass(frozen=True)
class Cut:
    """The plan of a `cut`.

    Attributes
    ----------
    name
        Of the correlation, unique in a step.
    shape, scale
        Of the argument; the scale need not be a power of two.
    bits
        The scale of the result is at least 2^bits, and below 2^(bits + 1).
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    bits: int

    @property
    def shift(self) -> int:
        """Bits that are cut off; below 0 those that are added."""
        return frexp(self.scale)[1] - 1 - self.bits  # exact, so that no two machines shift differently

    @property
    def after(self) -> float:
        """The scale of the result."""
        return self.scale / 2.0**self.shift

    def correlations(self) -> tuple[Correlation, ...]:
        """Return what a step takes."""
        return (TruncMask(self.name, self.shape, self.shift),) if self.shift > 0 else ()


def cut(s: Session, plan: Cut, x: Share, bundle: Bundle) -> Share:
    """Return [x] at the plan's scale, off by at most a unit in the last place; |x| < 2^62 in ring units.

    Cost: 1 round and n (n - 1) |x| elements where bits are cut off, else nothing.
    Leaks: nothing.
    Ref: protocols, section 5.
    """
    if plan.shift <= 0:
        return x.lift(1 << -plan.shift)
    return trunc(s, [x], [plan.shift], [bundle[plan.name]])[0]
