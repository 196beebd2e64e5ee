"""Small made-up linear models, run on shares in threads and by the oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.ml.features import encoded
from fedray.ml.linear_design import CLASS_WEIGHT_SCALE, LinearDesign
from fedray.ml.linear_model import LinearModel
from fedray.ml.linear_oracle import LinearOracle
from fedray.ml.linear_oracle import predict as curve
from fedray.ml.linear_schedule import matrices, segments
from fedray.ml.tested import Tested
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.ring import Ring, decode, encode
from tests.parties import Played, joined
from tests.trainings import in_clear, numbers, on_shares, own_columns

Float = npt.NDArray[np.float64]


def design(features: tuple[int, ...], objective: str = "logistic", **other: Any) -> LinearDesign:
    """Return a small design; the label is at the last party unless said otherwise."""
    return LinearDesign(objective=objective, **numbers(features, 0.1, other))


@dataclass(frozen=True, eq=False)
class Linear:
    """Features of all parties side by side, labels in the model's units, weights of the rows."""

    design: LinearDesign
    train: Float
    test: Float
    labels: Float
    weights: Float | None

    @classmethod
    def made_up(cls, made: LinearDesign, seed: int = 0, factor: float = 1.0) -> Linear:
        """Draw features that the fixed point holds to 2^-10, and labels that depend on them."""
        rng = np.random.default_rng(seed)
        count, columns = sum(made.rows), made.columns
        x = rng.normal(size=(count, columns))
        x = np.rint(x * factor * made.scales.x) / made.scales.x
        scores = (x @ rng.normal(size=(columns, 1)) / np.sqrt(columns) / factor)[:, :1]
        mean = curve(made.objective, scores)
        if made.objective == "logistic":
            labels = (rng.random(mean.shape) < mean).astype(np.float64)
        else:
            noisy = rng.poisson(mean) if made.objective == "poisson" else mean + rng.normal(size=mean.shape)
            labels = noisy.astype(np.float64)
        n_train = made.rows[0]
        weights = np.where(labels == 1, 2.5, 0.625)[:n_train] if made.weighted else None
        return cls(made, x[:n_train], x[n_train:], labels[:n_train], weights)

    def inputs(self, rank: int) -> dict[str, Ring]:
        """Return what the party of a rank brings."""
        own = own_columns(self.design.features, rank, train=self.train, test=self.test)
        made = encoded(own, self.design.scales.x)
        if rank == self.design.label:
            made["label"] = encode(self.labels, self.design.label_scale)
            if self.weights is not None:
                made["weight"] = encode(self.weights, CLASS_WEIGHT_SCALE)
        return made

    def on_shares(
        self, before: Callable[[LinearModel], None] = lambda _: None
    ) -> Played[tuple[LinearModel, list[Tested]]]:
        """Train and test on shares, every party in a thread; `before` may change a model before each test."""

        def make(s: Session, supply: Supply) -> LinearModel:
            return LinearModel(s, self.design, supply, self.inputs(s.rank))

        return on_shares(self.design, make, list(segments(self.design)), matrices(self.design), before)

    def in_clear(self) -> tuple[LinearOracle, list[Float]]:
        """Train and test in float64 on the same batches."""
        oracle = LinearOracle(self.design, self.train, self.labels, self.test, self.weights)
        return oracle, in_clear(self.design, oracle)


def learned(made: LinearDesign, models: list[LinearModel]) -> tuple[Float, Float]:
    """Return the weights, shape (columns, 1), and the intercept, from all parties' shares."""
    w = np.vstack(
        [decode(joined(m.arrays()[f"weights_{owner}"] for m in models), made.scales.w) for owner in made.owners]
    )
    return w, decode(joined(m.arrays()["intercept"] for m in models), made.scales.intercept)
