"""A party's part of a trained model: how a training keeps it, and how a later task finds it again.

The manifest holds what predicting needs and nothing of another party: the plan of the training (which every party
knows), the columns of the party's own tables, what scaled them, and a name of the very run of the training, which all
parts of one model have in common.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedray.data.model_files import load_model, save_model
from fedray.data.root import DataRoot
from fedray.data.scaling import Standardizer
from fedray.data.sealed_folder import SealedFolder
from fedray.data.wording import shorten
from fedray.errors import DataError, FedrayError
from fedray.features.categorical import CategoricalBinning
from fedray.parties.predictors import Trained
from fedray.parties.recipes import Transform
from fedray.ring import Ring
from fedray.task.config_bases import Role
from fedray.task.plan import Member, TaskPlan
from fedray.trees.binning import Binning

__all__ = ["Columns", "Kept", "keep", "load_kept", "part_folder"]


@dataclass(frozen=True)
class Columns:
    """A party's own columns of a training, and what brings new values of them to the model's units.

    Attributes
    ----------
    labels
        Names of the columns of labels, before the features; none but at the label client.
    scaling
        Of the features; names them.
    named
        Whether the names are those of a table; else they only count the columns.
    centre, unit
        A label of the table is centre + unit times the model's; 0 and 1 but at the label client.
    """

    labels: tuple[str, ...]
    scaling: Transform
    named: bool
    centre: float = 0.0
    unit: float = 1.0

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back without loss."""
        made: dict[str, object] = {"scaling": self.scaling.as_dict(), "named": self.named}
        if self.labels:
            made["label"] = {"columns": list(self.labels), "centre": self.centre, "unit": self.unit}
        return made

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Columns:
        """Rebuild what `as_dict` wrote.

        Raises
        ------
        DataError, KeyError, TypeError, ValueError
            The facts are no such thing.
        """
        written, label = facts["scaling"], facts.get("label", {"columns": []})
        scaling = _scaling(written)
        names = tuple(str(name) for name in label["columns"])
        centre, unit = float(label.get("centre", 0.0)), float(label.get("unit", 1.0))
        return cls(names, scaling, facts["named"] is True, centre, unit)


@dataclass(frozen=True, eq=False)
class Kept:
    """A party's part of a model.

    Attributes
    ----------
    training
        The plan of the training.
    run
        Name of the run that made it: equal at all parts of one model, and at no other.
    trained
        What all parties know of the model.
    columns
        My own columns.
    arrays
        My summands of the weights.
    p_values
        Of my own coefficients, as the manifest has them; empty where the training worked none out.
    """

    training: TaskPlan
    run: str
    trained: Trained
    columns: Columns
    arrays: Mapping[str, Ring]
    p_values: Sequence[Mapping[str, object]] = ()


def keep(
    plan: TaskPlan,
    member: Member,
    root: DataRoot,
    columns: Columns,
    arrays: Mapping[str, Ring],
    facts: Mapping[str, object],
) -> None:
    """Write a data client's part of the model that a training has made.

    Parameters
    ----------
    facts
        What all parties know of the model: ``run``, ``features``, ``n_train``, ``steps``, and what the kind of
        model adds.

    Raises
    ------
    DataError
        It cannot be written.
    """
    training = plan.without_roots()
    manifest = {
        "kind": plan.kind.value,
        "task": plan.task,
        "plan": plan.digest,
        "training": json.loads(training.to_json()),
        "party": member.party.name,
        "role": member.role.value,
        "rank": plan.data.index(member),
        **columns.as_dict(),
        **facts,
    }
    folder = root.sealed_dir(_folder(plan.task, plan.data.index(member), member.role))
    try:
        save_model(folder, manifest, arrays)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise DataError(
        f"the party's part of the model cannot be written ({reason}); make room on the disk of its data root"
    )


def load_kept(root: DataRoot, model: str, rank: int, member: Member) -> Kept:
    """Return a data client's part of a model.

    Parameters
    ----------
    model
        The name of the training.
    rank
        The client's place among those with data.
    member
        Who the client is now.

    Raises
    ------
    DataError
        There is none, it is damaged, of another version, of another training or of another party.
    """
    name = shorten(model)
    try:
        facts, arrays = load_model(part_folder(root, model, rank, member.role))
    except DataError as error:
        raise type(error)(f"model {name}: {error.message}") from None
    kept = _read(facts, arrays)
    if kept is None:
        raise DataError(f"model {name}: its manifest lacks what predicting needs; train the model again")
    mine = {"task": model, "rank": rank, "role": member.role.value, "party": member.party.name}
    other = [word for word, value in mine.items() if facts.get(word) != value]
    if other:
        raise DataError(
            f"model {name}: the part in this party's folder is that of another {' and another '.join(other)}; each "
            "party keeps the files that the training wrote for it"
        )
    return kept


def part_folder(root: DataRoot, model: str, rank: int, role: Role) -> SealedFolder:
    """Return the folder of a data client's part of a model; raises ``DataError`` where there is none."""
    try:
        return root.sealed_dir(_folder(model, rank, role), create=False)
    except DataError:
        raise DataError(
            "this party has no part of such a model; name the task that trained it, with the same parties in the same "
            "order"
        ) from None


def _scaling(written: dict[str, object]) -> Transform:
    if "categories" in written:
        return CategoricalBinning.from_dict(written)
    return Binning.from_dict(written) if "edges" in written else Standardizer.from_dict(written)


def _read(facts: Mapping[str, Any], arrays: Mapping[str, Ring]) -> Kept | None:
    try:
        training = TaskPlan.from_json(json.dumps(facts["training"]))
        features = tuple(int(count) for count in facts["features"])
        trained = Trained(features, int(facts["n_train"]), int(facts["steps"]))
        p_values = [dict(line) for line in facts.get("p_values", ())]
        kept = Kept(training, str(facts["run"]), trained, Columns.from_dict(facts), arrays, p_values)
    except (FedrayError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return kept if training.digest == facts.get("plan") and training.task == facts.get("task") else None


def _folder(task: str, rank: int, role: Role) -> str:
    return f"models/{task}/{rank}-{role.value}"
