"""Small made-up training problems, run on shares in threads and by the oracle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.ml.design import FEATURE_SCALE, NetDesign
from fedray.ml.features import encoded
from fedray.ml.network import Network
from fedray.ml.oracle import Oracle
from fedray.ml.schedule import matrices, segments
from fedray.ml.tested import Tested
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.ring import Ring, decode
from tests.parties import Played, joined
from tests.trainings import in_clear, numbers, on_shares, own_columns

Float = npt.NDArray[np.float64]


def design(features: tuple[int, ...], widths: tuple[int, ...] = (1,), loss: str = "bce", **other: Any) -> NetDesign:
    """Return a small design; the label is at the last party unless said otherwise."""
    return NetDesign(widths=widths, loss=loss, **numbers(features, 0.5, other))


@dataclass(frozen=True, eq=False)
class Problem:
    """Features of all parties side by side, and the labels."""

    design: NetDesign
    train: Float
    test: Float
    labels: Float

    @classmethod
    def made_up(cls, made: NetDesign, seed: int = 0, factor: float = 1.0) -> Problem:
        """Draw features that the fixed point holds exactly, and labels that depend on them."""
        rng = np.random.default_rng(seed)
        count, columns = sum(made.rows), sum(made.features)
        x = np.rint(rng.normal(size=(count, columns)) * factor * FEATURE_SCALE) / FEATURE_SCALE
        scores = x @ rng.normal(size=(columns, made.widths[-1])) / factor + 0.3 * rng.normal(size=(count, 1))
        labels = (scores > 0.2).astype(np.float64)
        n_train = made.rows[0]
        return cls(made, x[:n_train], x[n_train:], labels[:n_train])

    def inputs(self, rank: int) -> dict[str, Ring]:
        """Return what the party of a rank brings."""
        own = own_columns(self.design.features, rank, train=self.train, test=self.test)
        made = encoded(own, FEATURE_SCALE)
        if rank == self.design.label:
            made["label"] = self.labels.astype(np.uint64)
        return made

    def on_shares(self) -> Played[tuple[Network, list[Tested]]]:
        """Train and test on shares, every party in a thread."""

        def make(s: Session, supply: Supply) -> Network:
            return Network(s, self.design, supply, self.inputs(s.rank))

        return on_shares(self.design, make, list(segments(self.design)), matrices(self.design))

    def in_clear(self) -> tuple[Oracle, list[Float]]:
        """Train and test in float64 on the same batches."""
        oracle = Oracle(self.design, self.train, self.labels, self.test)
        return oracle, in_clear(self.design, oracle)


def weights(made: NetDesign, networks: list[Network]) -> list[Float]:
    """Return the learned weights by layer, the bias as last row, from all parties' shares."""
    first = [joined(n.first.weights[owner] for n in networks) for owner in made.owners]
    bias = decode(joined(n.first.bias for n in networks), made.scales[0].z)
    layers = [np.vstack([*(decode(w, made.scales[0].w) for w in first), bias[None]])]
    for index in range(1, made.depth):
        fine = [n.deep.layers[index].fine for n in networks]
        layers.append(decode(joined(fine), fine[0].scale))
    return layers
