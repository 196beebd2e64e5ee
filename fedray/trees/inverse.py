"""Reciprocals of sums of hessians, to the bits that gains and leaves need."""

from __future__ import annotations

from dataclasses import dataclass

from fedray.mpc.normal import Span
from fedray.mpc.roots import Root
from fedray.trees.design import HESSIAN_BITS, INVERSE_BITS, TreeDesign

__all__ = ["Inverse", "inverse"]


@dataclass(frozen=True)
class Inverse(Root):
    """The plan of a reciprocal of fewer bits, so that its product with a sum of gradients fits the ring."""

    @property
    def bits(self) -> int:
        """Bits that are kept of the mantissa's reciprocal."""
        return min(INVERSE_BITS, super().bits)


def inverse(design: TreeDesign, name: str, shape: tuple[int, ...], least: int) -> Inverse:
    """Return the plan for sums of hessians with lambda, at scale 2^12, from `least` units up to those of all rows."""
    return Inverse(name, "reciprocal", shape, Span(max(1, least).bit_length() - 1, design.scales.hessian_high))


def unit() -> float:
    """Return the scale of what is inverted."""
    return 2.0**HESSIAN_BITS
