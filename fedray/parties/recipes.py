"""What a kind of model brings into the flow of a training; the flow itself is in `fedray.parties.training`.

A new kind of model is a class with the methods of `Recipe`, and a line in `recipe_of`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split
from fedray.data.scratch import Scratch
from fedray.errors import LocalProtocolError
from fedray.ml.parity import Observer, Points
from fedray.ml.saved import Saved
from fedray.ml.tested import Tested
from fedray.mpc.dealer import PrivateShape, Supply
from fedray.mpc.schedule import Segment
from fedray.mpc.session import Session
from fedray.parties.checkpoints import Mark
from fedray.parties.labels import Target
from fedray.parties.stopping import Stopping
from fedray.pool import Alone, Pool
from fedray.ring import Ring
from fedray.task.config_bases import DataTable, Kind
from fedray.task.plan import TaskPlan

__all__ = ["Clear", "Course", "Data", "Design", "Model", "Recipe", "Transform", "Watched", "recipe_of"]

Float = npt.NDArray[np.float64]


class Design(Protocol):
    """The public numbers of a training that its flow needs."""

    @property
    def features(self) -> tuple[int, ...]:
        """Columns at each computing party, by rank."""

    @property
    def label(self) -> int:
        """Rank of the label client, which also takes the dealer's corrections."""

    @property
    def steps(self) -> int:
        """Steps in all, if nothing stops the training before."""

    def next_test(self, done: int) -> int:
        """Return the steps after which the next test comes, when so many are done."""

    @property
    def rows(self) -> tuple[int, int]:
        """Training and test rows."""


class Model(Protocol):
    """One computing party's part of a model on shares."""

    @property
    def done(self) -> int:
        """Steps so far."""

    def train(self, steps: int) -> None:
        """Run some steps."""

    def test(self) -> Tested:
        """Open the predictions of the test rows to the label client, and see that nothing left its range."""

    def arrays(self) -> dict[str, Ring]:
        """Return my summands of the weights by name; the arrays are never written to."""

    def state(self) -> dict[str, Ring]:
        """Return all that a later run needs to go on after the last step, or after the test that followed it."""


@runtime_checkable
class Watched(Protocol):
    """A model whose steps are so long that it tells how far it is inside one."""

    def watch(self, told: Callable[[int, int], None]) -> None:
        """Take what is called, at times, with the parts of a step that are done, and all of them."""


class Transform(Protocol):
    """What brings a data client's columns of features to the model's units, fitted on the training rows."""

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the columns of the table."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of those that the model sees."""

    def apply(self, x: Float, bound: float = np.inf) -> Float:
        """Return them, shape (rows, columns); none beyond the bound."""

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each column that the model cannot use."""

    def as_dict(self) -> dict[str, object]:
        """Return the map as JSON values."""


class Clear(Protocol):
    """The same model in float64, for whoever owns all tables."""

    def train(self, steps: int) -> None:
        """Run some steps."""

    def step(self) -> Points:
        """Run one step and return the values at the points that the model shows, see `fedray.ml.parity`."""

    def predict(self) -> Float:
        """Return the predictions of the test rows in the units of the label's table, shape (n_test, outputs)."""


@dataclass(frozen=True, eq=False)
class Data:
    """My own tables, scaled, in real units.

    Attributes
    ----------
    features
        ``train`` and ``test``, each (rows, columns); empty where I have no features.
    target
        At the label client its labels.
    scratch
        Where masked matrices are kept that are too large for the memory.
    pool
        My party's further processes.
    """

    features: Mapping[str, Float]
    target: Target | None
    scratch: Scratch = field(default_factory=Scratch)
    pool: Pool = field(default_factory=Alone)


@dataclass(frozen=True)
class Course:
    """A training that everybody has agreed on.

    Attributes
    ----------
    design
        Its public numbers.
    matrices
        The private matrices whose masks the dealer knows.
    segments
        Makes the schedule of correlations, from so many steps on.
    model
        Makes my part of the model; talks. The observer sees the values of its steps; None for nobody. What was saved is
        where it goes on; None to begin.
    facts
        What the manifest of the model says of it.
    start
        The checkpoint from which the parties go on; None where they begin.
    memory_bytes
        What each party, and the dealer, keeps of masked matrices in memory; None for all.
    """

    design: Design
    matrices: tuple[PrivateShape, ...]
    segments: Callable[[int], Iterator[Segment]]
    model: Callable[[Session, Supply, Data, Observer | None, Saved | None], Model]
    facts: Mapping[str, object]
    start: Mark | None = None
    memory_bytes: int | None = None

    @property
    def done(self) -> int:
        """Steps before the first."""
        return self.start.done if self.start else 0


class Recipe(Protocol):
    """How a plan's kind of model is prepared, trained and measured; the same at every party."""

    @property
    def outputs(self) -> int:
        """Columns of labels at the label client."""

    @property
    def untested(self) -> bool:
        """Whether a training may do without test rows: nothing is measured then."""

    def target(self, split: Split) -> Target:
        """Check the labels and bring them to the model's units; at the label client."""

    def gaps(self, config: DataTable) -> bool:
        """Return whether cells of a client's table may be empty."""

    def fit(self, config: DataTable, train: Float, columns: Sequence[str]) -> Transform:
        """Fit the transform of a client's features, shape (n_train, columns)."""

    def course(self, features: tuple[int, ...], rows: tuple[int, int]) -> Course:
        """Work out the training from everybody's shapes; pure.

        Parameters
        ----------
        features
            Columns of features at each data client, in the plan's order.
        rows
            Training and test rows.

        Raises
        ------
        SpecError
            The numbers of the task do not fit together or into the fixed point.
        """

    def measure(self, target: Target, predictions: Float) -> tuple[float, dict[str, float]]:
        """Return loss and metrics of a test; at the label client.

        Parameters
        ----------
        predictions
            As `Model.test` opens them, shape (n_test, outputs).
        """

    def stopping(self) -> Stopping | None:
        """Return the judge of early stopping, or None where the task wants none; at the label client."""

    def clear(self, design: Design, train: Float, target: Target, test: Float) -> Clear:
        """Return the same training in float64; insecure by its nature.

        Parameters
        ----------
        train, test
            All parties' scaled features side by side, (rows, columns).
        """


def recipe_of(plan: TaskPlan, pool: Pool | None = None) -> Recipe:
    """Return the recipe of a plan's kind of model.

    Parameters
    ----------
    pool
        Further processes of the party, for a kind that can use them; None for none.
    """
    if plan.kind is Kind.SHARED_NN:
        from fedray.parties.network_recipe import NetworkRecipe

        return NetworkRecipe(plan)
    if plan.kind is Kind.LINEAR:
        from fedray.parties.linear_recipe import LinearRecipe

        return LinearRecipe(plan)
    if plan.kind is Kind.TREES:
        from fedray.parties.tree_recipe import TreeRecipe

        return TreeRecipe(plan, pool)
    raise LocalProtocolError(f"a task of kind {plan.kind} trains nothing")
