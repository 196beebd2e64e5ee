"""What predicting with a kept model has in common whatever the model: its result, and the guard of its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from fedray.errors import LocalProtocolError, RangeGuardError
from fedray.ml.tally import Tally
from fedray.ml.tested import HALF_A_ROW
from fedray.mpc.correlation import Parts
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.ring import Ring

__all__ = ["PREDICTIONS", "Limit", "OutputGuard", "Scored", "Scorer", "kept_array", "stacked"]

Float = npt.NDArray[np.float64]

PREDICTIONS = "predictions"
"""The tag under which predictions are opened to their receiver."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What predicting opens.

    Attributes
    ----------
    predictions
        Shape (rows, outputs), in the model's units, at the receiver; None elsewhere.
    notes
        A sentence for each layer at which some linear outputs left their range, though not enough to fail.
    """

    predictions: Float | None
    notes: tuple[str, ...]


class Scorer(Protocol):
    """One computing party's part of a kept model."""

    def predict(self, receiver: int) -> Scored:
        """Open the predictions of all rows to the party of rank `receiver`, and see that nothing left its range."""


@dataclass(frozen=True)
class Limit:
    """Of a layer: the largest linear output, outputs of a row, and the share of outputs that may be larger."""

    largest: float
    width: int
    share: float


class OutputGuard:
    """One party's part of the guard of new rows: their linear outputs only, since the weights passed in training.

    Parameters
    ----------
    s
        The computing parties.
    rows
        Number of rows.
    limits
        Of each layer.
    """

    def __init__(self, s: Session, rows: int, limits: Sequence[Limit]) -> None:
        self._rows, self._limits = rows, limits
        self._tally = Tally(s, "guard", (len(limits),))

    def watch(self, layer: int, z: Share) -> None:
        """Keep linear outputs of a layer for the next comparison; local."""
        self._tally.watch((layer,), z.value, self._limits[layer].largest * z.scale)

    def compare(self, parts: Parts) -> None:
        """Count what waits and lies beyond its limit; the counts stay on shares.

        Cost: 8 rounds; that of `msb` for twice the values.
        Leaks: nothing.
        Ref: protocols, sections 6 and 9.
        """
        self._tally.compare(parts)

    def reveal(self) -> tuple[str, ...]:
        """Open the counts; return a sentence for each that is not 0, though too small to fail.

        Cost: 1 round; n (n - 1) elements for each layer.
        Leaks: range_guard to all.
        Ref: protocols, section 6.

        Raises
        ------
        RangeGuardError
            At every party alike: more outputs than a layer's share left their range.
        """
        counts = [float(count) for count in self._tally.reveal()]
        found = {layer: count for layer, count in enumerate(counts) if count > HALF_A_ROW}
        failed = [self._sentence(layer, count) for layer, count in found.items() if count > self._allowed(layer)]
        if failed:
            raise RangeGuardError(
                f"{failed[0]}; leave out rows that are unlike those of the training, or train a model on such rows"
            )
        return tuple(self._sentence(layer, count) for layer, count in found.items())

    def _allowed(self, layer: int) -> float:
        limit = self._limits[layer]
        return max(HALF_A_ROW, limit.share * self._rows * limit.width)

    def _sentence(self, layer: int, count: float) -> str:
        limit = self._limits[layer]
        place = "" if len(self._limits) == 1 else f" of layer {layer + 1}"
        return (
            f"{count:.0f} of {self._rows * limit.width} linear outputs{place} lie beyond +-{limit.largest:.3g}, where "
            "the arithmetic is not exact"
        )


def kept_array(arrays: Mapping[str, Ring], name: str, shape: tuple[int, ...]) -> Ring:
    """Return an array of a kept model.

    Raises
    ------
    LocalProtocolError
        It is not there, or of another shape: the manifest and the code do not fit together.
    """
    found = arrays.get(name)
    if found is None or found.shape != shape or found.dtype != np.uint64:
        raise LocalProtocolError(f"the kept model has no array {name} of shape {shape}")
    return found


def stacked(opened: Sequence[Float | None]) -> Float | None:
    """Return the slices that were opened to me below each other; None where none was."""
    mine = [part for part in opened if part is not None]
    return np.vstack(mine) if mine else None
