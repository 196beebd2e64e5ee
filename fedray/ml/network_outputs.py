"""Rows on their way through all layers of a network: what training, tests and predictions have in common."""

from __future__ import annotations

from collections.abc import Callable

from fedray.ml.deep_layers import DeepLayers
from fedray.ml.design import TEST_HARMONICS, TEST_SCALE, TEST_TABLE_SCALE, NetDesign
from fedray.ml.features import Columns
from fedray.ml.first_layer import FirstLayer
from fedray.ml.guard_plan import Slice
from fedray.mpc import waves
from fedray.mpc.dealer import Bundle
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.waves import Wave
from fedray.ring import Ring


class NetworkOutputs:
    """One party's part.

    Parameters
    ----------
    s
        The computing parties.
    design
        The public numbers.
    first, deep
        The layers.
    """

    def __init__(self, s: Session, design: NetDesign, first: FirstLayer, deep: DeepLayers) -> None:
        self._s, self._design, self._first, self._deep = s, design, first, deep

    def open_weights(self, *wanted: tuple[Bundle, str, Columns]) -> list[Ring | None]:
        """Send weights less their masks to the owners, for one or more products; return what came for me.

        Cost: 1 round; n - 1 elements to each owner for each of its weights.
        Leaks: nothing.
        Ref: protocols, section 6.
        """
        with self._s.round("weights") as r:
            offered = [self._first.offer(r, bundle, matrix, columns) for bundle, matrix, columns in wanted]
        return [self._first.accept(one) for one in offered]

    def waves(
        self,
        index: int,
        z: Share,
        bundle: Bundle,
        *wanted: tuple[Wave, float],
        table: float | None = None,
        bits: int | None = None,
    ) -> list[Share]:
        """Return functions of a layer's linear outputs, each at its scale.

        Cost: 1 round; n (n - 1) elements for each output.
        Leaks: nothing.
        Ref: protocols, section 6.
        """
        parts, scales = bundle[f"wave{index}"], self._design.scales[index]
        with self._s.round(f"layer{index + 1}.z") as r:
            pending = waves.open_masked(r, z, parts)
        period_bits, table_scale = bits or scales.period_bits, table or scales.table
        return waves.evaluate(self._s, pending.value, period_bits, table_scale, parts, wanted)

    def predict(
        self, part: Slice, exact: Bundle, to_guard: Bundle, coarse: Columns, watch: Callable[[int, Share], None]
    ) -> Share:
        """Return the predictions of rows; `watch` is shown the linear outputs of each layer.

        Cost: 2 rounds at an owner of features, and 2 for each later layer.
        Leaks: nothing.
        Ref: protocols, sections 6 and 8.

        Parameters
        ----------
        exact, to_guard
            Correlations for the predictions, and for the first layer's outputs by coarse weights.
        """
        first, last = self._first, self._design.depth - 1
        given, for_guard = self.open_weights((exact, part.matrix, first.columns), (to_guard, part.matrix, coarse))
        watch(0, first.product(part.rows, for_guard, to_guard, part.matrix, coarse))
        z = first.product(part.rows, given, exact, part.matrix, first.columns)
        for index in range(1, self._design.depth):
            wave = waves.sigmoid_wave(TEST_HARMONICS), self._design.activation_scale
            (activation,) = self.waves(index - 1, z, exact, wave)
            z, _ = self._deep.forward(index, activation, exact)
            watch(index, z)
        wave = waves.sigmoid_wave(TEST_HARMONICS), TEST_SCALE
        (p,) = self.waves(last, z, exact, wave, table=TEST_TABLE_SCALE)
        return p
