"""A share: one party's summand of a secret, frozen, with the scale that says what its units mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.errors import LocalProtocolError
from fedray.ring import Ring, encode


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
        """Return [x + y], local and exact; both at one scale. A public y is `Session.constant(y, x.scale, x.shape)`."""
        return Share(self.value + self._same(other), self.scale)

    def __sub__(self, other: Share) -> Share:
        """Return [x - y], local and exact; both at one scale."""
        return Share(self.value - self._same(other), self.scale)

    def __neg__(self) -> Share:
        """Return [-x]."""
        return Share(-self.value, self.scale)

    def __getitem__(self, rows: slice) -> Share:
        """Return the share of some rows."""
        return Share(self.value[rows], self.scale)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of x."""
        return self.value.shape

    def sum(self, axis: int | None = None) -> Share:
        """Return the share of the sum over an axis, or over all, at the same scale; exact."""
        return Share(np.asarray(self.value.sum(axis=axis, dtype=np.uint64)), self.scale)

    def mean(self, axis: int | None = None) -> Share:
        """Return the share of the mean over an axis, or over all; exact: the sum of m values at the scale times m."""
        count = self.value.size if axis is None else self.value.shape[axis]
        if not count:
            raise LocalProtocolError("the mean of no values was asked for")
        total = self.sum(axis)
        return Share(total.value, total.scale * count)

    def over(self, divisor: float) -> Share:
        """Return the share of x / divisor for a public number; exact: only the scale changes (and the sign).

        Raises
        ------
        LocalProtocolError
            The divisor is 0 or not finite.
        """
        if not np.isfinite(divisor) or divisor == 0.0:
            raise LocalProtocolError("a share can be divided by a finite number other than 0")
        return Share(self.value if divisor > 0 else -self.value, self.scale * abs(divisor))

    def scaled(self, numbers: npt.ArrayLike, scale: float) -> Share:
        """Return the share of x times public numbers.

        Parameters
        ----------
        numbers
            Real numbers, encoded at `scale`: a shape that broadcasts with x's.

        Returns
        -------
        Share
            At the product of the scales. Exact for the rounded numbers, which are off by at most 1 / (2 scale);
            integers at scale 1 are exact.

        Raises
        ------
        RangeGuardError
            A number does not fit the ring at this scale.
        """
        return Share(self.value * encode(numbers, scale, "a public factor"), self.scale * scale)

    def lift(self, factor: int) -> Share:
        """Return the same x at a scale that is `factor` times as fine."""
        return Share(self.value * np.uint64(factor), self.scale * factor)

    def value_for(self, mask: Ring) -> Ring:
        """Return my summand, to be opened under a mask of the dealer.

        Raises
        ------
        LocalProtocolError
            The mask has another shape: NumPy would repeat it or x, and a mask that is used twice hides nothing.
        """
        if mask.shape != self.value.shape:
            raise LocalProtocolError(f"a mask of shape {mask.shape} cannot hide a share of shape {self.value.shape}")
        return self.value

    def _same(self, other: Share) -> Ring:
        if other.scale != self.scale:
            raise LocalProtocolError(f"shares of scales {self.scale:g} and {other.scale:g} cannot be added")
        return other.value
