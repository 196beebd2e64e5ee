"""Parity: the same training in float64 beside the one on shares, compared value by value.

A model on shares takes an ``Observer`` and shows it its shared values at named points of every step; its twin in clear
gives the same points of the same step. The points:

=============  =============================================================================
``z``          linear outputs of a layer, shape (batch, width)
``activation`` outputs of a hidden layer, shape (batch, width)
``prediction`` outputs of the last layer, shape (batch, outputs)
``residual``   d loss / d z of the last layer, where predictions are not made in a step
``weights``    weights of a layer after the step, shape (inputs, width)
``bias``       additive terms of a layer after the step, shape (width,)
``score``      scores of all rows after a tree, shape (rows,)
=============  =============================================================================

A point is seen once in a step, and every step has the same points. Layers count from 0 here, from 1 in reports.

Parity shows everything to the label party. It is for a laboratory, with data that might as well be pooled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from fedray.errors import LocalProtocolError
from fedray.mpc.session import Session
from fedray.mpc.share import Share

__all__ = ["NOTICEABLE", "Clear", "Comparison", "Difference", "Observer", "Opener", "Point", "Points"]

Float = npt.NDArray[np.float64]

Point = tuple[int, str]
"""Layer, from 0, and name of a value."""

Points = Mapping[Point, Float]

NOTICEABLE: Final = 0.05
"""An error that fixed point and series seldom explain: long trainings come to half of it."""

VALUES_TAG: Final = "parity_values"


class Observer(Protocol):
    """Sees a model's shared values; a model without one (None) does nothing for it."""

    def see(self, layer: int, what: str, share: Share) -> None:
        """Take a share of the value at a point; every computing party calls it at the same points in one order."""


class Clear(Protocol):
    """The twin of a model: the same training in float64, on the same batches from the same weights."""

    def step(self) -> Points:
        """Train one step and return the values at all its points."""

    def predict(self) -> Float:
        """Return the predictions of the test rows, shape (n_test, outputs)."""


@dataclass(frozen=True)
class Difference:
    """How far shared values were from those in clear at one point.

    Attributes
    ----------
    layer, what
        The point; the layer counts from 1.
    error
        Largest absolute difference, over all elements and steps.
    step
        The step in which it was seen, from 1.
    first_noticed
        The first step with an error over `NOTICEABLE`; None if there was none.
    """

    layer: int
    what: str
    error: float
    step: int
    first_noticed: int | None

    def as_dict(self) -> dict[str, object]:
        """Return the fields as JSON values; null for an error that is not finite."""
        return {**asdict(self), "error": self.error if math.isfinite(self.error) else None}


class Comparison:
    """Compares opened values with those of the twin; at the label party.

    Parameters
    ----------
    clear
        The twin, untrained. It takes a step whenever the model has shown all points of one.
    """

    def __init__(self, clear: Clear) -> None:
        self.clear = clear
        self.steps = 0
        self._expected: dict[Point, Float] = {}
        self._found: dict[Point, Difference] = {}

    def see(self, layer: int, what: str, value: Float) -> None:
        """Compare the value at a point.

        Raises
        ------
        LocalProtocolError
            The twin has no such point in this step, or one of another shape.
        """
        if not self._expected:
            self._expected = dict(self.clear.step())
            self.steps += 1
        expected = self._expected.pop((layer, what), None)
        if expected is None or expected.shape != value.shape:
            raise LocalProtocolError(f"parity: layer {layer + 1} has no {what} of this shape in the twin's step")
        error = float(np.max(np.abs(value - expected)))
        self._note((layer, what), math.inf if math.isnan(error) else error)

    def _note(self, point: Point, error: float) -> None:
        layer, what = point
        known = self._found.get(point) or Difference(layer + 1, what, -1.0, self.steps, None)
        if error > NOTICEABLE and known.first_noticed is None:
            known = replace(known, first_noticed=self.steps)
        self._found[point] = replace(known, error=error, step=self.steps) if error > known.error else known

    def differences(self) -> list[Difference]:
        """Return one entry for each point, in the order of a step."""
        return list(self._found.values())

    def largest(self) -> Difference | None:
        """Return the entry with the largest error; None before the first step."""
        return max(self._found.values(), key=lambda found: found.error, default=None)


class Opener:
    """The observer of parity mode: opens every value to the label party.

    Parameters
    ----------
    s
        The computing parties.
    label
        The label party's rank.
    comparison
        At the label party; None elsewhere.
    """

    def __init__(self, s: Session, label: int, comparison: Comparison | None) -> None:
        self._s, self._label, self._comparison = s, label, comparison

    def see(self, layer: int, what: str, share: Share) -> None:
        """Open a value to the label party, which compares it.

        Cost: 1 round at the label party, none elsewhere; (n - 1) |x| elements.
        Leaks: the value to the label party, under a tag that only a plan with parity lists.
        Ref: design.
        """
        opened = self._s.reveal_to(self._label, VALUES_TAG, share)
        if opened is not None and self._comparison is not None:
            self._comparison.see(layer, what, opened)
