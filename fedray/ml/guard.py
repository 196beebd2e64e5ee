"""The guard of a network: counts, on shares, what left the range in which the arithmetic is right.

Values wait on shares until a comparison takes them all; only counts are opened, one for each layer and kind. A
comparison is exact for every ring element, so nothing comes back from the other side unseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fedray.errors import RangeGuardError
from fedray.ml.design import NetDesign
from fedray.ml.guard_plan import network_plan
from fedray.ml.limits import BOUND
from fedray.ml.scored import kept_array
from fedray.ml.tally import Counts, Tally
from fedray.ml.tested import HALF_A_ROW, OUT_OF_RANGE
from fedray.mpc import waves
from fedray.mpc.correlation import Parts
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.ring import Ring

__all__ = ["KINDS", "Guard", "Kind"]

Kind = str

TEST, TRAIN, WEIGHTS, RESIDUALS = KINDS = ("test", "train", "weights", "residuals")
"""What is looked at: linear outputs of test and of training rows, weights, residuals on their way down."""

Z_LIMIT = waves.DOMAIN * waves.HALF_PERIOD
MOST_SENTENCES = 3


class Guard:
    """One party's part of the guard.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    """

    def __init__(self, s: Session, design: NetDesign) -> None:
        self._design = design
        self._plan = network_plan(design)
        self._tally = Tally(s, "guard", (design.depth, len(KINDS)))
        self._since = 0

    def state(self) -> dict[str, Ring]:
        """Return my summands of the counts since the last test, ``guard``."""
        return {"guard": self._tally.counts}

    def restore(self, arrays: Mapping[str, Ring], done: int) -> None:
        """Take what `state` gave after so many steps; local."""
        self._tally.counts = kept_array(arrays, "guard", self._tally.counts.shape)
        self._since = done // self._design.test_every * self._design.test_every

    def _watch(self, layer: int, kind: Kind, share: Share, limit: float) -> None:
        """Keep values for the next comparison: whether they lie beyond +-`limit`, in real units; local."""
        self._tally.watch((layer, KINDS.index(kind)), share.value, limit * share.scale)

    def watch_outputs(self, layer: int, matrix: str, z: Share) -> None:
        """Keep linear outputs of rows of a matrix, ``test`` or ``train``; local."""
        self._watch(layer, matrix, z, Z_LIMIT)

    def watch_weights(self, layer: int, kept: Sequence[Share]) -> None:
        """Keep a layer's weights; local."""
        limits = self._design.limits.weights
        for share in kept:
            self._watch(layer, WEIGHTS, share, limits[layer - 1] if layer else BOUND / share.scale)

    def watch_residual(self, layer: int, product: Share) -> None:
        """Keep the product that a residual is truncated from; local."""
        self._watch(layer, RESIDUALS, product, BOUND / product.scale)

    def compare(self, parts: Parts) -> None:
        """Count what waits and lies beyond its bounds; the counts stay on shares.

        Cost: 8 rounds; that of `msb` for twice the values.
        Leaks: nothing.
        Ref: protocols, sections 6 and 9.
        """
        self._tally.compare(parts)

    def reveal(self, done: int) -> tuple[Counts, tuple[str, ...]]:
        """Open the counts since the last test.

        Cost: 1 round; n (n - 1) elements for each layer and kind.
        Leaks: range_guard to all.
        Ref: protocols, section 6.

        Returns
        -------
        tuple
            Counts by layer and kind; a sentence for each that is not 0, though too small to fail.

        Raises
        ------
        RangeGuardError
            At every party alike: weights or residuals were out of range, or more outputs than OUT_OF_RANGE.
        """
        counts = self._tally.reveal()
        since, self._since = self._since, done
        found = [(layer, kind) for kind in KINDS for layer in range(self._design.depth)]
        sentences = {
            (layer, kind): self._sentence(layer, kind, counts[layer, KINDS.index(kind)], (since, done))
            for layer, kind in found
            if counts[layer, KINDS.index(kind)] > HALF_A_ROW
        }
        failed = [place for place in sentences if counts[place[0], KINDS.index(place[1])] > self._allowed(*place, done)]
        if failed:
            told = "; ".join(sentences[place] for place in failed[:MOST_SENTENCES])
            raise RangeGuardError(f"{told}; {_advice(failed[0][1])}")
        return counts, tuple(sentences.values())

    def _rows(self, kind: Kind, done: int) -> int:
        return self._design.rows[1] if kind == TEST else self._plan.sampled(done)

    def _allowed(self, layer: int, kind: Kind, done: int) -> float:
        if kind in (WEIGHTS, RESIDUALS):
            return HALF_A_ROW
        return max(HALF_A_ROW, OUT_OF_RANGE * self._rows(kind, done) * self._design.widths[layer])

    def _sentence(self, layer: int, kind: Kind, count: float, steps: tuple[int, int]) -> str:
        since, done = steps
        place = f"layer {layer + 1} after batch {done}: {count:.0f}"
        if kind in (TEST, TRAIN):
            rows, width = self._rows(kind, done), self._design.widths[layer]
            which = f"{rows} {'test' if kind == TEST else 'training'} rows"
            of = which if width == 1 else f"{rows * width} linear outputs of {which}"
            have = "have a linear output" if width == 1 else "lie"
            return f"{place} of {of} {have} beyond +-{Z_LIMIT:g}, where the sigmoid is not exact"
        if kind == WEIGHTS:
            limit = self._design.limits.weights[layer - 1] if layer else BOUND / self._design.scales[0].w
            return f"{place} times since batch {since} a weight was beyond +-{limit:.4g}, the range of the fixed point"
        scale = self._design.scales[layer].residual * 2.0 ** self._design.slope(layer)[1]
        return (
            f"{place} times since batch {since} a residual was beyond +-{BOUND / scale:.3g}, its range in fixed point"
        )


def _advice(kind: Kind) -> str:
    if kind in (TEST, TRAIN):
        return "lower learning_rate or max_iter, or scale the features"
    if kind == WEIGHTS:
        return "lower learning_rate or max_iter"
    return "lower learning_rate, or use fewer or narrower layers"
