"""Parity mode at the parties: the feature clients show their tables to the label client, which trains in clear beside.

Only a plan that says so lists the two reveals of this module; under any other plan they raise before anything leaves.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.channel import Array
from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.ml.parity import NOTICEABLE, Comparison, Observer, Opener
from fedray.mpc.session import Session
from fedray.parties.context import PartyContext
from fedray.parties.labels import Target
from fedray.parties.recipes import Course, Data, Recipe, recipe_of
from fedray.task.record import EventKind

__all__ = ["Parity", "begin"]

Float = npt.NDArray[np.float64]

_FEATURES = "parity.features"


class Parity:
    """One data client's part of parity mode; only the label client's compares anything.

    Attributes
    ----------
    observer
        What the model shows its values to.
    """

    def __init__(self, ctx: PartyContext, recipe: Recipe, observer: Observer, twin: _Twin | None) -> None:
        self.observer = observer
        self._ctx, self._recipe, self._twin = ctx, recipe, twin
        self._last: dict[str, object] = {}
        self._kept: dict[str, object] = {}

    def note(self) -> None:
        """Tell, at the label client, the largest error so far: it is known even if the task fails later."""
        found = self._twin.comparison.largest() if self._twin else None
        if found is not None:
            text = (
                f"parity: largest error so far {found.error:.3g}, layer {found.layer}, {found.what}, batch {found.step}"
            )
            self._ctx.tell(EventKind.NOTE, phase="test", text=text)

    def tested(self, predictions: Float, loss: float, metrics: dict[str, float]) -> None:
        """Compare a test with the same in clear; at the label client.

        Parameters
        ----------
        predictions, loss, metrics
            Of the model on shares.
        """
        if self._twin is None:
            raise LocalProtocolError("only the label client compares tests")
        target = self._twin.target
        clear = (self._twin.comparison.clear.predict() - target.centre) / target.unit  # as the model opens them
        clear_loss, clear_metrics = self._recipe.measure(target, clear)
        pairs = {"loss": (loss, clear_loss)} | {name: (metrics[name], clear_metrics[name]) for name in metrics}
        self._last = {
            "n_batches": self._twin.comparison.steps,
            "predictions": float(np.max(np.abs(predictions - clear))) * target.unit,
            "metrics": {
                name: {"shared": shared, "clear": known, "difference": shared - known}
                for name, (shared, known) in pairs.items()
            },
        }

    def keep(self) -> None:
        """Keep the last test as the one that counts."""
        self._kept = self._last

    def result(self) -> dict[str, object]:
        """Return what the label client's result says of parity; nothing elsewhere."""
        if self._twin is None:
            return {}
        comparison = self._twin.comparison
        layers = [found.as_dict() for found in comparison.differences()]
        found = {"steps": comparison.steps, "noticeable": NOTICEABLE, "layers": layers, "test": self._kept}
        return {"parity": found}


class _Twin:
    """What the label client has: the comparison and its labels."""

    def __init__(self, comparison: Comparison, target: Target) -> None:
        self.comparison, self.target = comparison, target


def begin(ctx: PartyContext, s: Session, course: Course, data: Data) -> Parity | None:
    """Show my features to the label client, or take everybody's there; None under a plan without parity.

    Cost: 1 message of N d elements from each owner of features to the label client.
    Leaks: all scaled features to the label client, under a tag that only a plan with parity lists.
    Ref: design.

    Raises
    ------
    RemoteProtocolError
        A feature client sent something else than its tables.
    """
    if not ctx.plan.parity:
        return None
    recipe, label = recipe_of(ctx.plan), course.design.label
    if data.target is None:
        _show(ctx, s.computing[label], data)
        return Parity(ctx, recipe, Opener(s, label, None), None)
    text = "parity mode: all features, and every value of this training, are shown to the label client"
    ctx.tell(EventKind.NOTE, phase="share", text=text)
    tables = [_table(ctx, s, course, rank, data) for rank, columns in enumerate(course.design.features) if columns]
    train, test = (np.hstack(parts) for parts in zip(*tables, strict=True))
    comparison = Comparison(recipe.clear(course.design, train, data.target, test))
    return Parity(ctx, recipe, Opener(s, label, comparison), _Twin(comparison, data.target))


def _show(ctx: PartyContext, label: int, data: Data) -> None:
    if data.features:
        train, test = data.features["train"], data.features["test"]
        ctx.channel.reveals.add("parity_features", (label,), train.shape)
        ctx.channel.send(label, _FEATURES, train, test)


def _table(ctx: PartyContext, s: Session, course: Course, rank: int, data: Data) -> tuple[Float, Float]:
    """Return one party's training and test features: my own, or what it sends."""
    if rank == s.rank:
        return data.features["train"], data.features["test"]
    came = ctx.channel.recv(s.computing[rank], _FEATURES)
    shapes = [(rows, course.design.features[rank]) for rows in course.design.rows]
    if len(came) != 2 or not all(_fits(array, shape) for array, shape in zip(came, shapes, strict=True)):
        name = ctx.plan.names[s.computing[rank]]
        raise RemoteProtocolError(f"{name}: expected its training and test features for parity, finite numbers")
    return came[0], came[1]


def _fits(array: Array, shape: tuple[int, int]) -> bool:
    return array.shape == shape and array.dtype == np.float64 and bool(np.isfinite(array).all())
