"""Steps of a transform that make columns of their own: what they may be told. Names are scikit-learn's."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from fedray.task.fields import class_weights, flag, named_numbers, number, whole

__all__ = ["ConstantStep", "LogisticStep", "StepConfig"]


class StepConfig(BaseModel):
    """What all steps have in common: they are fixed, and have no other fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ConstantStep(StepConfig):
    """Columns of one value are put behind the others.

    Attributes
    ----------
    values
        The value of each new column, by its name.
    """

    step: Literal["constant"]
    values: Annotated[dict[str, float], named_numbers(1000)]


class LogisticStep(StepConfig):
    """A logistic regression of the label party's own columns takes their place: a column of its probabilities.

    Attributes
    ----------
    C
        Inverse of the strength of the penalty 1/2 |w|^2.
    fit_intercept
        Whether there is an intercept, which is free.
    class_weight
        Weights of the labels 0 and 1; ``balanced`` weighs both classes alike.
    max_iter
        Most iterations.
    """

    step: Literal["logistic_regression"]
    C: Annotated[float, number(0, 1e6)] = 1.0
    fit_intercept: Annotated[bool, flag()] = True
    class_weight: Annotated[Literal["balanced"] | dict[str, float] | None, class_weights(0.1, 1000)] = None
    max_iter: Annotated[int, whole(1, 100_000)] = 100
