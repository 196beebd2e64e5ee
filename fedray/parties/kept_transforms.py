"""A party's own part of a binning: the bins of its columns and their weights, kept and found again."""

from __future__ import annotations

from dataclasses import dataclass

from fedray.data.documents import load_document, save_document
from fedray.data.root import DataRoot
from fedray.data.wording import shorten
from fedray.errors import DataError
from fedray.features.evidence import Evidence
from fedray.task.plan import Member, TaskPlan

__all__ = ["KeptTransform", "keep_transform", "load_transform"]

_FILE = "transform.json"


@dataclass(frozen=True)
class KeptTransform:
    """What codes other rows as those of a binning were.

    Attributes
    ----------
    run
        Name of the run of the binning: equal at all its parties, and at no other.
    label
        Name of the label's column, before the features; "" but at the label client.
    named
        Whether names are those of a table; else they only count the columns.
    evidence
        Of the features.
    """

    run: str
    label: str
    named: bool
    evidence: Evidence


def keep_transform(plan: TaskPlan, member: Member, root: DataRoot, made: KeptTransform) -> None:
    """Write a data client's part of a binning."""
    folder = root.state_dir(_folder(plan, plan.task, member))
    facts = {**_whose(plan, plan.task, member), "plan": plan.digest}
    own = {"run": made.run, "label": made.label, "named": made.named, "evidence": made.evidence.as_dict()}
    save_document(folder / _FILE, {**facts, **own})


def load_transform(plan: TaskPlan, name: str, member: Member, root: DataRoot) -> KeptTransform:
    """Return a data client's part of the binning `name`.

    Raises
    ------
    DataError
        There is none, it is damaged, or of another party.
    """
    shown = shorten(name)
    try:
        folder = root.state_dir(_folder(plan, name, member), create=False)
    except DataError:
        raise DataError(
            f"transform {shown}: this party has no part of such a binning; name the task that made it, with the same "
            "parties in the same order"
        ) from None
    try:
        facts = load_document(folder / _FILE)
        kept = KeptTransform(
            str(facts["run"]), str(facts["label"]), facts["named"] is True, Evidence.from_dict(facts["evidence"])
        )
    except DataError as error:
        raise DataError(f"transform {shown}: {error.message}") from None
    except KeyError:
        raise DataError(f"transform {shown}: {_FILE} lacks a part; run the binning again") from None
    other = [word for word, value in _whose(plan, name, member).items() if facts.get(word) != value]
    if other:
        raise DataError(f"transform {shown}: the part in this party's folder is that of another {other[0]}")
    return kept


def _whose(plan: TaskPlan, name: str, member: Member) -> dict[str, object]:
    return {
        "task": name,
        "rank": plan.data.index(member),
        "role": member.role.value,
        "party": member.party.name,
    }


def _folder(plan: TaskPlan, name: str, member: Member) -> str:
    return f"transforms/{name}/{plan.data.index(member)}-{member.role.value}"
