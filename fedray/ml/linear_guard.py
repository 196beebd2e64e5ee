"""The guard of a linear model: counts, on shares, what left the range in which the arithmetic is right.

Linear outputs are worked out again from coarse weights, so that none can wrap around the ring, and compared with their
limit: those of all test rows, and of a sample of the training rows that is another at each test, or after the last step
of all. Weights and velocities are compared with half of what a truncation takes. A comparison is exact for every ring
element.
"""

from __future__ import annotations

from fedray.errors import RangeGuardError
from fedray.ml.linear_curves import curve_of
from fedray.ml.linear_design import LinearDesign
from fedray.ml.linear_penalty import largest_weight
from fedray.ml.linear_schedule import guard_plan
from fedray.ml.tally import Counts, Tally
from fedray.ml.tested import HALF_A_ROW, OUT_OF_RANGE
from fedray.mpc.correlation import Parts
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.ring import Ring

TEST, TRAIN, WEIGHTS = KINDS = ("test", "train", "weights")
"""What is counted: test rows, training rows, and weights with velocities."""

WEIGHT_LIMIT = 2.0**61
"""Ring units: half of what a truncation takes."""


class LinearGuard:
    """One party's part of the guard.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    """

    def __init__(self, s: Session, design: LinearDesign) -> None:
        self._design = design
        curve = curve_of(design.objective)
        self._plan = guard_plan(design)
        self._limit = curve.domain if curve else design.output_reach
        self._share = OUT_OF_RANGE if curve else 0.0
        self._tally = Tally(s, "msb", (len(KINDS),))

    def watch_outputs(self, matrix: str, z: Share) -> None:
        """Keep linear outputs of rows of a matrix, ``test`` or ``train``, for the next comparison; local."""
        self._watch(matrix, z.value, self._limit * z.scale)

    def watch_weights(self, *columns: Ring) -> None:
        """Keep weights or velocities for the next comparison; local."""
        for column in columns:
            self._watch(WEIGHTS, column, largest_weight(self._design, WEIGHT_LIMIT))

    def _watch(self, kind: str, values: Ring, limit: float) -> None:
        self._tally.watch((KINDS.index(kind),), values, limit)

    def compare(self, parts: Parts) -> None:
        """Count what waits and lies beyond its limits; the counts stay on shares.

        Cost: 8 rounds; that of `msb` for twice the values.
        Leaks: nothing.
        Ref: protocols, sections 6 and 9.
        """
        self._tally.compare(parts)

    def reveal(self, done: int) -> tuple[Counts, tuple[str, ...]]:
        """Open the counts of a test.

        Cost: 1 round; n (n - 1) elements for each kind.
        Leaks: range_guard to all.
        Ref: protocols, section 6.

        Returns
        -------
        tuple
            Counts of test rows, training rows, and weights; a sentence for each that is not 0, but too small to fail.

        Raises
        ------
        RangeGuardError
            At every party alike: weights left their range, or more rows than OUT_OF_RANGE theirs.
        """
        counts = self._tally.reveal()
        found = {kind: float(count) for kind, count in zip(KINDS, counts, strict=True) if count > HALF_A_ROW}
        sentences = {kind: self._sentence(kind, count, done) for kind, count in found.items()}
        failed = [kind for kind, count in found.items() if count > self._allowed(kind, done)]
        if failed:
            told = "; ".join(sentences[kind] for kind in failed)
            raise RangeGuardError(
                f"objective {self._design.objective} after batch {done}: {told}; lower learning_rate_init, momentum or "
                "max_iter, or scale the features"
            )
        return counts, tuple(sentences.values())

    def _rows(self, kind: str, done: int) -> int:
        return {TEST: self._design.rows[1], TRAIN: self._plan.sampled(done)}.get(kind, 0)

    def _allowed(self, kind: str, done: int) -> float:
        return max(HALF_A_ROW, self._share * self._rows(kind, done))

    def _sentence(self, kind: str, count: float, done: int) -> str:
        if kind == WEIGHTS:
            return f"{count:.0f} weights or velocities left the range of the fixed point"
        which = "test rows" if kind == TEST else "training rows"
        return (
            f"{count:.0f} of {self._rows(kind, done)} {which} have a linear output beyond +-{self._limit:.3g}, where "
            "the arithmetic is not exact"
        )
