"""The layers after the first: shared values times shared weights, by the dealer's triples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from fedray.ml.design import NetDesign
from fedray.ml.initial import initial_weights
from fedray.ml.scored import kept_array
from fedray.mpc import beaver
from fedray.mpc.beaver import Opened
from fedray.mpc.dealer import Bundle
from fedray.mpc.session import Session
from fedray.mpc.share import Share
from fedray.mpc.trunc import trunc
from fedray.ring import Ring


@dataclass
class DeepLayer:
    """My summands of one layer's weights, the bias as last row: fine for the updates, low for the products."""

    fine: Share
    low: Share


class DeepLayers:
    """One party's part of layers 2, 3, ...; layer `index` counts from 1 here, the first layer being 0.

    Attributes
    ----------
    layers
        By index.
    products
        By the index of the layer below: what the last step's residual was truncated from, where the guard looks at it.
    """

    def __init__(self, s: Session, design: NetDesign) -> None:
        self._s, self._design = s, design
        self.layers: dict[int, DeepLayer] = {}
        self.products: dict[int, Share] = {}
        initial = initial_weights(design)
        for index in range(1, design.depth):
            weights, scales = initial[index], design.scales[index]
            start = np.vstack([weights, np.zeros((1, weights.shape[1]))])
            self.layers[index] = DeepLayer(
                s.constant(start, scales.w),
                s.constant(start, scales.low),
            )

    def arrays(self) -> dict[str, Ring]:
        """Return my summands: ``layer_<index>`` as they are kept, ``low_<index>`` as they are multiplied."""
        fine = {f"layer_{index}": layer.fine.value for index, layer in self.layers.items()}
        return fine | {f"low_{index}": layer.low.value for index, layer in self.layers.items()}

    def put(self, arrays: Mapping[str, Ring]) -> None:
        """Take the summands that a training kept, as `arrays` gave them; local."""
        for index, layer in self.layers.items():
            shape = layer.fine.shape
            layer.fine = Share(kept_array(arrays, f"layer_{index}", shape), layer.fine.scale)
            layer.low = Share(kept_array(arrays, f"low_{index}", shape), layer.low.scale)

    def forward(self, index: int, x: Share, bundle: Bundle, slope: Share | None = None) -> tuple[Share, Opened]:
        """Return [(x, 1) W] of a layer and the openings that the backward pass uses again.

        Parameters
        ----------
        slope
            In training, that of the layer below.

        Cost: 1 round; n (n - 1) (|x| + |W|) elements; in training |x| more below a layer of one output.
        Leaks: nothing.
        Ref: protocols, section 8.
        """
        layer, parts = self.layers[index], bundle[f"dense{index}"]
        ones = self._s.constant(1.0, x.scale, (x.shape[0], 1))
        with_one = Share(np.hstack([x.value, ones.value]), x.scale)
        early = slope if self._design.widths[index] == 1 else None
        opened = beaver.open_layer(self._s, with_one, layer.low, parts, early)
        return beaver.forward(self._s, opened, self._design.scales[index].z, parts), opened

    def backward(self, residual: Share, passed: list[tuple[Opened, Share]], bundle: Bundle) -> Share:
        """Update every layer from the last to the second and return the first layer's residual.

        Parameters
        ----------
        residual
            Of the last layer.
        passed
            For each layer from index 1: its openings, and the slope of the layer below.

        Cost: 3 rounds a layer, 2 for one output; n (n - 1) (|d| + 2 |e| + |e| + |W|) elements each, e the residual
        below, and 2 |e| fewer for one output.
        Leaks: nothing.
        Ref: protocols, sections 5 and 8.
        """
        for index in range(self._design.depth - 1, 0, -1):
            opened, slope = passed[index - 1]
            residual = self._layer_back(index, residual, opened, slope, bundle)
        return residual

    def _layer_back(self, index: int, residual: Share, opened: Opened, slope: Share, bundle: Bundle) -> Share:
        scales, layer, parts = self._design.scales[index], self.layers[index], bundle[f"dense{index}"]
        with self._s.round("layer.residual") as r:
            pending = beaver.open_residual(r, residual, parts)
        known, through = replace(opened, d=pending.value), (scales.x, scales.low, residual.scale)
        if opened.s is not None:
            gradient, product = beaver.backward_column(self._s, known, (*through, slope.scale), parts)
        else:
            gradient, back = beaver.backward(self._s, known, through, parts)
            of_inputs = Share(np.ascontiguousarray(back.value[:, :-1]), back.scale)
            product = beaver.mul(self._s, of_inputs, slope, bundle[f"mul{index}"])
        if not self._design.bias:
            gradient.value[-1] = 0  # the row of the ones
        layer.fine = Share(layer.fine.value - gradient.value, layer.fine.scale)
        if index - 1 in self._design.limits.watched:
            self.products[index - 1] = product
        _, shift = self._design.slope(index - 1)
        below, layer.low = trunc(
            self._s,
            [product, layer.fine],
            [shift, scales.low_shift],
            [bundle[f"trunc{index}"], bundle[f"low{index}"]],
        )
        return Share(below.value, self._design.scales[index - 1].residual)
