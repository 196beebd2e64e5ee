"""What the clients of a task may be told that makes a scorecard out of a kept model."""

from __future__ import annotations

from typing import Annotated, Literal

from fedray.task.fields import number, optional_path, title, within
from fedray.task.predict_configs import NewData, ScoreMain

__all__ = ["ScorecardData", "ScorecardFeature", "ScorecardLabel", "ScorecardMain"]


class ScorecardMain(ScoreMain):
    """Which model becomes a scorecard, what its points mean, and who gets the points of rows.

    Attributes
    ----------
    binning
        The binning whose weights of evidence the model was trained on.
    base_score, base_odds
        Points at which the odds of the label 0 to the label 1 are `base_odds`.
    pdo
        Points that double the odds.
    """

    client_type: Literal["scorecard_main"]
    binning: Annotated[str, title()]
    base_score: Annotated[float, within(-1e6, 1e6)] = 600.0
    base_odds: Annotated[float, number(0, 1e6)] = 50.0
    pdo: Annotated[float, number(0, 1e4)] = 20.0


class ScorecardData(NewData):
    """A party with a part of the model.

    Attributes
    ----------
    out_data_path
        Folder below its generated-data folder for ``scorecard.csv``, and at the receiver for ``points.csv``; None is
        ``scorecards/<name of the task>/<place among the clients with data>-<role>``.
    """

    out_data_path: Annotated[str | None, optional_path()] = None


class ScorecardFeature(ScorecardData):
    """A party with columns of features."""

    client_type: Literal["scorecard_feature"]


class ScorecardLabel(ScorecardData):
    """The label client of the training: it learns the intercept, and needs no labels."""

    client_type: Literal["scorecard_label"]
