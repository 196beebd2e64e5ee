"""Initial weights: public, from the common seed, so that an oracle can start from the same."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fedray.ml.design import NetDesign
from fedray.prg import Stream


def initial_weights(design: NetDesign) -> list[npt.NDArray[np.float64]]:
    """Return the initial weights by layer, shapes (inputs, width).

    Zero for a single layer; Glorot uniform otherwise, where zero would leave all units alike.
    """
    sizes = [design.columns, *design.widths]
    if design.depth == 1:
        return [np.zeros((sizes[0], sizes[1]))]
    stream = Stream.from_seed(f"{design.seed}/weights")
    made = []
    for index, (below, width) in enumerate(pairwise(sizes)):
        unit = stream.words(str(index), (below, width)).astype(np.float64) * 2.0**-63 - 1.0
        made.append(unit * np.sqrt(6.0 / (below + width)))
    return made
