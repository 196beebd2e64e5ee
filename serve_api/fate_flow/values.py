"""What components hand on while a job is compiled: tables as they were uploaded, aligned rows, predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from serve_api.fate_flow.job import PartyId

__all__ = ["Part", "Rows", "Scored", "Scores", "Source"]

Source = str | dict[str, str]
"""The name of a task, or a reference to an output of a step."""


@dataclass(frozen=True)
class Part:
    """A party's part of a table.

    Attributes
    ----------
    party
        Whose it is.
    path
        Of a raw table the file below ``raw``, of rows the folder below ``generated``.
    id_column
        Name of the id.
    columns
        Features, in order.
    label
        Name of the label's column; None where there is none.
    aligned
        Of rows: name of the file with the ids.
    suffix
        What a binning has put behind the names of the columns, which then are not known beforehand.
    uploaded
        How many rows the party's own table has.
    more
        Of a raw table: more files below ``raw`` whose rows come below; of rows with one id the first stays.
    added
        Of a raw table: values of columns that it gets as soon as its rows are aligned, by their names.
    """

    party: PartyId
    path: str
    id_column: str
    columns: tuple[str, ...]
    label: str | None = None
    aligned: str = ""
    suffix: str = ""
    uploaded: int = 0
    more: tuple[str, ...] = ()
    added: Mapping[str, float] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return JSON values that say where the rows are."""
        return {
            "role": self.party.role,
            "party_id": self.party.party_id,
            "path": self.path,
            "id_column": self.id_column,
            "columns": list(self.columns),
            "label": self.label,
            "aligned": self.aligned,
            "more": list(self.more),
            "added": dict(self.added),
        }


@dataclass(frozen=True)
class Rows:
    """A table of several parties.

    Attributes
    ----------
    form
        ``raw`` as uploaded, ``aligned`` once its rows are the same at all parties.
    parts
        Of the parties: hosts first, the guest last.
    most
        A number of rows that it does not exceed.
    step
        The step that wrote it; "" of a raw table.
    replay
        Names of outputs (``component.output``) of fitted models whose transforms the rows go through before a model
        sees them.
    fill, fill_of
        By party, steps of a core transform that are fitted as soon as the rows are aligned; the output of a model
        that they belong to.
    added_of
        The output of the model that the columns belong to which parts are to get.
    class_weight
        How a training weighs labels: None, ``balanced``, or a weight of each.
    """

    form: Literal["raw", "aligned"]
    parts: tuple[Part, ...]
    most: int
    step: str = ""
    replay: tuple[str, ...] = ()
    fill: Mapping[PartyId, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    fill_of: str = ""
    added_of: str = ""
    class_weight: str | Mapping[str, float] | None = None

    @property
    def labelled(self) -> bool:
        """Whether a party has labels."""
        return any(part.label is not None for part in self.parts)

    @property
    def guest(self) -> Part | None:
        """The part of the guest, which is the last if there is one."""
        return self.parts[-1] if self.parts and self.parts[-1].party.role == "guest" else None

    def with_replay(self, model: str) -> Self:
        """Return the rows with one more transform to go through."""
        return replace(self, replay=(*self.replay, model))

    def told(self) -> dict[str, Any]:
        """Return JSON values that say where the rows are."""
        return {"form": self.form, "step": self.step, "most": self.most, "parts": [part.told() for part in self.parts]}


@dataclass(frozen=True)
class Scored:
    """Predictions of some rows.

    Attributes
    ----------
    kind
        ``train``, ``validate`` or ``predict``.
    step
        That has predicted.
    rows
        What was predicted.
    folder
        At the guest, below ``generated``.
    file
        There: the id first, the prediction last.
    """

    kind: str
    step: str
    rows: Rows
    folder: str
    file: str = "predictions.csv"


@dataclass(frozen=True)
class Scores:
    """The predictions of a component.

    Attributes
    ----------
    component
        Its name, by which an evaluation calls them.
    task
        ``classification``, ``regression`` or ``clustering``.
    threshold
        From which on the predicted class is 1.
    sets
        The predictions.
    """

    component: str
    task: Literal["classification", "regression", "clustering"]
    threshold: float
    sets: tuple[Scored, ...]

    def told(self) -> dict[str, Any]:
        """Return JSON values that say where the predictions are."""
        sets = [
            {
                "kind": one.kind,
                "step": one.step,
                "folder": one.folder,
                "file": one.file,
                "guest": guest.told(),
                "most": one.rows.most,
            }
            for one in self.sets
            if (guest := one.rows.guest) is not None
        ]
        return {"form": "scores", "task": self.task, "threshold": self.threshold, "sets": sets}
