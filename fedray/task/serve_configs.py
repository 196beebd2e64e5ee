"""What the clients of a task that answers requests for predictions may be told."""

from __future__ import annotations

from typing import Annotated, Literal

from fedray.task.fields import optional, relative_path, whole
from fedray.task.predict_configs import NewData, ScoreMain

__all__ = ["MOST_ROWS", "ServeFeature", "ServeLabel", "ServeMain"]

MOST_ROWS = 10_000
"""Rows that a request may ask for, at the most."""


class ServeMain(ScoreMain):
    """Which model answers for which rows, to whom, and how much.

    Attributes
    ----------
    max_rows
        Rows that one request may ask for.
    max_answers
        Rows that may be answered in all, after which the task ends; None is no limit.
    idle_s
        Seconds without a request after which the task ends; None is never.
    """

    client_type: Literal["serve_main"]
    max_rows: Annotated[int, whole(1, MOST_ROWS)] = 100
    max_answers: Annotated[int | None, optional(1, 10**9)] = None
    idle_s: Annotated[int | None, optional(1, 10**8)] = 3600


class ServeFeature(NewData):
    """A party with columns of features."""

    client_type: Literal["serve_feature"]
    data_path: Annotated[str, relative_path()]


class ServeLabel(NewData):
    """The label client of the training: it has a part of the model, and needs no labels of the rows."""

    client_type: Literal["serve_label"]
