"""A share: one party's summand of a secret, frozen, with the scale that says what its units mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedray.errors import LocalProtocolError
from fedray.ring import Ring


@dataclass(frozen=True, eq=False)
class Share:
    """My summand of [x] = sum of all parties' values, modulo 2^64.

    Attributes
    ----------
    value
        Ring elements; never written to.
    scale
        Ring units per 1.0.
    """

    value: Ring
    scale: float

    def __add__(self, other: Share) -> Share:
        """Return [x + y]."""
        return Share(self.value + self._same(other), self.scale)

    def __sub__(self, other: Share) -> Share:
        """Return [x - y]."""
        return Share(self.value - self._same(other), self.scale)

    def __getitem__(self, rows: slice) -> Share:
        """Return the share of some rows."""
        return Share(self.value[rows], self.scale)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of x."""
        return self.value.shape

    def sum(self, axis: int | None = None) -> Share:
        """Return the share of the sum, at the same scale."""
        return Share(np.asarray(self.value.sum(axis=axis, dtype=np.uint64)), self.scale)

    def lift(self, factor: int) -> Share:
        """Return the same x at a scale that is `factor` times as fine."""
        return Share(self.value * np.uint64(factor), self.scale * factor)

    def _same(self, other: Share) -> Ring:
        if other.scale != self.scale:
            raise LocalProtocolError(f"shares of scales {self.scale:g} and {other.scale:g} cannot be added")
        return other.value
