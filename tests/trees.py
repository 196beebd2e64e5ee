"""Small made-up boosted trees, run on shares in threads and by the oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.scratch import Scratch
from fedray.ml.tested import Tested
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.pool import Pool
from fedray.trees.binning import Binning
from fedray.trees.design import TreeDesign
from fedray.trees.model import TreeModel
from fedray.trees.oracle import TreeOracle
from fedray.trees.schedule import matrices, segments
from tests.parties import Played, compute

Float = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]


def design(features: tuple[int, ...], objective: str = "logistic", **other: Any) -> TreeDesign:
    """Return a small design; the label is at the last party unless said otherwise."""
    numbers: dict[str, Any] = {
        "label": len(features) - 1,
        "rows": (240, 60),
        "steps": 3,
        "depth": 3,
        "bins": 8,
        "seed": "seed",
        **other,
    }
    return TreeDesign(features=features, objective=objective, **numbers)


@dataclass(frozen=True, eq=False)
class Boosting:
    """Features of all parties side by side, their bins by owner, labels in the model's units, the first score."""

    design: TreeDesign
    train: Float
    test: Float
    codes: dict[int, Codes]
    labels: Float
    weights: Float | None
    base: float

    @classmethod
    def made_up(cls, made: TreeDesign, seed: int = 0, values: int = 40) -> Boosting:
        """Draw features of so many values, with gaps where the design has a bin for them, and labels of them."""
        rng = np.random.default_rng(seed)
        count, columns = made.all_rows, made.columns
        x = rng.integers(0, min(values, made.bins), size=(count, columns)).astype(np.float64)
        signal = np.sin(1.7 * x) @ rng.normal(size=columns) + 0.8 * (x[:, 0] - x.mean()) / x.std() * np.cos(x[:, -1])
        signal = (signal - signal.mean()) / signal.std()
        for owner, at in made.places.items():
            if made.gaps(owner):
                x[:, at] = np.where(rng.random((count, at.stop - at.start)) < 0.15, np.nan, x[:, at])
        if made.curved:
            labels = (rng.random(count) < 1.0 / (1.0 + np.exp(-2.0 * signal))).astype(np.float64)
        else:
            labels = signal + 0.3 * rng.normal(size=count)
        n = made.rows[0]
        codes = {}
        for owner, at in made.places.items():
            mine = x[:, at]
            binning = Binning.fit(mine[:n], [f"c{k}" for k in range(mine.shape[1])], made.bins)
            codes[owner] = binning.apply(mine).astype(np.int64)
        y = labels[:n, None]
        weights = np.where(y == 1.0, made.largest_weight, 1.0) if made.weighted else None
        base = float(np.log(y.mean() / (1.0 - y.mean()))) if made.curved else float(y.mean())
        return cls(made, x[:n], x[n:], codes, y, weights, base)

    def inputs(self, rank: int) -> dict[str, Float]:
        """Return what the label party brings; nothing elsewhere."""
        if rank != self.design.label:
            return {}
        made = {"label": self.labels, "base": np.array([self.base])}
        return made if self.weights is None else {**made, "weight": self.weights}

    def on_shares(
        self, scratch: Scratch | None = None, pools: Mapping[int, Pool] | None = None
    ) -> Played[tuple[TreeModel, list[Tested]]]:
        """Train and test on shares, every party in a thread; the dealer's pool is behind those of all ranks."""
        some = pools or {}

        def protocol(s: Session, supply: Supply) -> tuple[TreeModel, list[Tested]]:
            with s.channel.phase("share"):
                mine = (self.codes.get(s.rank), self.inputs(s.rank))
                model = TreeModel(s, self.design, supply, *mine, None, scratch, None, some.get(s.rank))
            tests = []
            while model.done < self.design.steps:
                with s.channel.phase("train"):
                    model.train(self.design.next_test(model.done) - model.done)
                with s.channel.phase("test"):
                    tests.append(model.test())
            return model, tests

        made = self.design
        size, dealt = len(made.features), list(segments(made))
        room = scratch.memory_bytes if scratch else None
        known: dict[str, Any] = {"dealer_bytes": room, "dealer_pool": some.get(size)}
        return compute(size, protocol, dealt, matrices(made), corrected=made.label, reveals=TAGS, **known)

    def in_clear(self) -> TreeOracle:
        """Train in float64."""
        oracle = TreeOracle(self.design, self.codes, self.labels, self.base, self.weights)
        oracle.train(self.design.steps)
        return oracle


TAGS = ("test_predictions", "range_guard", "split_owner", "split")


def columns_of(made: TreeDesign) -> list[slice]:
    """Return the places of each party's columns, by rank."""
    return [slice(a, b) for a, b in pairwise(np.cumsum((0, *made.features)).tolist())]
