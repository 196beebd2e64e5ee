"""What small made-up trainings have in common: their numbers, who has what, and their runs on shares and in clear."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pytest

from fedray.ml.tested import Tested
from fedray.ml.twin import Twin
from fedray.mpc import Session
from fedray.mpc.dealer import PrivateShape, Supply
from fedray.mpc.schedule import Segment
from fedray.parties.recipes import Design, Model
from fedray.prg import Stream
from fedray.ring import Ring
from tests.parties import Played, compute

Float = npt.NDArray[np.float64]
M = TypeVar("M", bound=Model)


def numbers(features: tuple[int, ...], learning_rate: float, other: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a small design, `other` before these; the label is at the last party."""
    return {
        "features": features,
        "label": len(features) - 1,
        "rows": (240, 90),
        "batch": 32,
        "test_batch": 50,
        "test_every": 20,
        "steps": 45,
        "learning_rate": learning_rate,
        "seed": "seed",
        **other,
    }


def own_columns(features: tuple[int, ...], rank: int, **tables: Float) -> dict[str, Float]:
    """Return a party's columns of tables in which all parties' are side by side; nothing where it has none."""
    bounds = np.cumsum((0, *features))
    mine = slice(bounds[rank], bounds[rank + 1])
    return {name: table[:, mine] for name, table in tables.items()} if features[rank] else {}


def on_shares(
    design: Design,
    make: Callable[[Session, Supply], M],
    segments: Sequence[Segment],
    matrices: Sequence[PrivateShape],
    before: Callable[[M], None] = lambda _: None,
) -> Played[tuple[M, list[Tested]]]:
    """Train and test on shares, every party in a thread; `before` may change a model before each test."""

    def protocol(s: Session, supply: Supply) -> tuple[M, list[Tested]]:
        with s.channel.phase("share"):
            model = make(s, supply)
        tests = []
        while model.done < design.steps:
            with s.channel.phase("train"):
                model.train(design.next_test(model.done) - model.done)
            before(model)
            with s.channel.phase("test"):
                tests.append(model.test())
        return model, tests

    tags = ["test_predictions", "range_guard"]
    return compute(len(design.features), protocol, segments, matrices, corrected=design.label, reveals=tags)


def in_clear(design: Design, oracle: Twin) -> list[Float]:
    """Train and test in float64; return the predictions of each test."""
    tests = []
    while oracle.done < design.steps:
        oracle.train(design.next_test(oracle.done) - oracle.done)
        tests.append(oracle.predict())
    return tests


def masks_used(monkeypatch: pytest.MonkeyPatch, run: Callable[[], object]) -> Counter[tuple[Stream, str]]:
    """Return how often each end of a key was expanded under each label of masks while `run` ran."""
    used: Counter[tuple[Stream, str]] = Counter()
    words = Stream.words

    def recording(self: Stream, label: str, shape: tuple[int, ...]) -> Ring:
        if "/" in label:  # the labels of public draws have none
            used[self, label] += 1
        return words(self, label, shape)

    with monkeypatch.context() as patch:
        patch.setattr(Stream, "words", recording)
        run()
    return used
