"""A party's own part of a binning, or of another transform of columns, kept and found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fedray.data.derived import Coded
from fedray.data.documents import load_document, save_document
from fedray.data.root import DataRoot
from fedray.data.wording import shorten
from fedray.errors import DataError
from fedray.features.constants import Constants
from fedray.features.evidence import Evidence
from fedray.features.imputation import Imputation
from fedray.features.logistic import Logistic
from fedray.features.one_hot import OneHot
from fedray.features.rescaling import Scaling
from fedray.features.selection import Selection
from fedray.features.steps import Counts, Step, Steps
from fedray.task.plan import Member, TaskPlan

__all__ = ["Coder", "KeptTransform", "keep_transform", "load_transform"]

_FILE = "transform.json"
_STEPS: dict[str, Callable[[Mapping[str, Any]], Step]] = {
    "constant": Constants.from_dict,
    "imputation": Imputation.from_dict,
    "logistic_regression": Logistic.from_dict,
    "one_hot": OneHot.from_dict,
    "scaling": Scaling.from_dict,
    "selection": Selection.from_dict,
}


class Coder(Protocol):
    """What makes the columns of a table into others: weights of evidence, or steps."""

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the columns of the table."""

    @property
    def words(self) -> tuple[str, ...]:
        """Names of those that hold categories."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that are made."""

    def code(
        self, parts: Mapping[str, npt.NDArray[np.float64]], words: Mapping[str, tuple[str, ...]]
    ) -> tuple[list[Coded], Counts]:
        """Return the new columns of rows by part, and what was counted; `words` are what categories' numbers mean."""

    def as_dict(self) -> dict[str, object]:
        """Return JSON values."""


@dataclass(frozen=True)
class KeptTransform:
    """What codes other rows as those of the task that made it.

    Attributes
    ----------
    run
        Name of the run of that task: equal at all its parties, and at no other.
    label
        Name of the label's column, before the features; "" but at the label client.
    named
        Whether names are those of a table; else they only count the columns.
    coder
        Of the features.
    """

    run: str
    label: str
    named: bool
    coder: Coder


def keep_transform(plan: TaskPlan, member: Member, root: DataRoot, made: KeptTransform) -> None:
    """Write a data client's part of a transform."""
    folder = root.sealed_dir(_folder(plan, plan.task, member))
    facts = {**_whose(plan, plan.task, member), "plan": plan.digest}
    own = {"run": made.run, "label": made.label, "named": made.named, _word(made.coder): made.coder.as_dict()}
    save_document(folder, _FILE, {**facts, **own})


def load_transform(plan: TaskPlan, name: str, member: Member, root: DataRoot) -> KeptTransform:
    """Return a data client's part of the transform that task `name` made.

    Raises
    ------
    DataError
        There is none, it is damaged, or of another party.
    """
    shown = shorten(name)
    try:
        folder = root.sealed_dir(_folder(plan, name, member), create=False)
    except DataError:
        raise DataError(
            f"transform {shown}: this party has no part of such a transform; name the task that made it, with the same "
            "parties in the same order"
        ) from None
    try:
        facts = load_document(folder, _FILE)
        kept = KeptTransform(str(facts["run"]), str(facts["label"]), facts["named"] is True, _coder(facts))
    except DataError as error:
        raise type(error)(f"transform {shown}: {error.message}") from None
    except KeyError:
        raise DataError(f"transform {shown}: {_FILE} lacks a part; run the task again") from None
    other = [word for word, value in _whose(plan, name, member).items() if facts.get(word) != value]
    if other:
        raise DataError(f"transform {shown}: the part in this party's folder is that of another {other[0]}")
    return kept


def _word(coder: Coder) -> str:
    return "evidence" if isinstance(coder, Evidence) else "steps"


def _coder(facts: Mapping[str, Any]) -> Coder:
    if "evidence" in facts:
        return Evidence.from_dict(facts["evidence"])
    return Steps.from_dict(facts["steps"], _STEPS)


def _whose(plan: TaskPlan, name: str, member: Member) -> dict[str, object]:
    return {
        "task": name,
        "rank": plan.data.index(member),
        "role": member.role.value,
        "party": member.party.name,
    }


def _folder(plan: TaskPlan, name: str, member: Member) -> str:
    return f"transforms/{name}/{plan.data.index(member)}-{member.role.value}"
