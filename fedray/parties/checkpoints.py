"""A data client's checkpoints of a training: its own shares between two steps, in its own folder.

::

    <root>/.fedray/checkpoints/<task>/<rank>-<role>/<steps>-<run>/

A checkpoint is of use only where every data client has the same one: of one run, after the same steps. Shares of
different runs add up to noise, so it is named by both. The last two are kept, since a party may have died before it
wrote what another has written already.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.model_files import load_model, save_model
from fedray.data.root import DataRoot
from fedray.data.sealed_folder import SealedFolder
from fedray.errors import DataError, LocalProtocolError, PartyKeyError
from fedray.ring import Ring
from fedray.task.plan import Member, TaskPlan

__all__ = ["KEPT", "MOST_TOLD", "Checkpoint", "Checkpoints", "Mark", "Past", "digest_of", "newest_common"]

KEPT = 2
"""Checkpoints that a party keeps."""

MOST_TOLD = 2 * KEPT
"""Checkpoints that a party tells of: a run that took long to die may have left more than it keeps."""

_LONGEST_RUN = 64


@dataclass(frozen=True)
class Mark:
    """The name of a checkpoint, which everybody may know.

    Attributes
    ----------
    run
        Name of the run that wrote it.
    done
        Steps that had been done.
    """

    run: str
    done: int

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back."""
        return {"run": self.run, "done": self.done}

    @classmethod
    def from_dict(cls, told: object) -> Mark | None:
        """Return the mark that `as_dict` wrote; None where it is something else."""
        if not isinstance(told, dict):
            return None
        run, done = told.get("run"), told.get("done")
        if not isinstance(run, str) or len(run) > _LONGEST_RUN or type(done) is not int or not 0 < done < 2**40:
            return None
        return cls(run, done)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What one party keeps.

    Attributes
    ----------
    mark
        Its name.
    model
        My part of the model, as its `state` gives it.
    best
        My summands of the weights at the best test so far, where the training keeps those.
    past
        What happened before.
    """

    mark: Mark
    model: Mapping[str, Ring]
    best: Mapping[str, Ring]
    past: Past


@dataclass(frozen=True)
class Past:
    """What had been told of a training when a checkpoint was written.

    Attributes
    ----------
    seconds
        Since the training began, without the time in which it stood still.
    result
        Of the last test that counts: n_batches, loss, metrics; empty before the first.
    last
        Of the last test.
    stopping
        At the label client how early stopping stands, as `Stopping.state` gives it; else None.
    """

    seconds: float
    result: Mapping[str, Any]
    last: Mapping[str, Any]
    stopping: Mapping[str, Any] | None = None


class Checkpoints:
    """The checkpoints of a task at one of its data clients.

    Parameters
    ----------
    plan
        The task's.
    member
        The client.
    root
        Its folders.
    """

    def __init__(self, plan: TaskPlan, member: Member, root: DataRoot) -> None:
        self._plan, self._member, self._root = plan, member, root
        self._relative = f"checkpoints/{plan.task}/{plan.data.index(member)}-{member.role.value}"
        self._written: list[Mark] = []

    def marks(self, tables: str | None = None) -> list[Mark]:
        """Return the complete checkpoints of this very plan, rising; damaged ones and others do not count.

        Parameters
        ----------
        tables
            What `digest_of` says of my tables now; None does not compare.

        Raises
        ------
        DataError
            My tables are others than when the checkpoints were written.
        """
        found = [(facts, mark) for facts, _, mark in self._complete()]
        if tables is not None and any(facts.get("tables") != tables for facts, _ in found):
            raise DataError(
                "data_path: the tables have changed since the checkpoint was written; put the former ones back, or "
                "create the task again under another name"
            )
        return sorted((mark for _, mark in found), key=lambda mark: (mark.done, mark.run))[-MOST_TOLD:]

    def load(self, mark: Mark) -> Checkpoint:
        """Return a checkpoint that `marks` listed."""
        for facts, arrays, found in self._complete():
            if found == mark:
                return Checkpoint(found, _below("model", arrays), _below("best", arrays), Past(**facts["past"]))
        raise LocalProtocolError("a checkpoint that was told of is gone")

    def begin(self, mark: Mark | None) -> None:
        """Delete all checkpoints but the one from which the training goes on."""
        if mark is None:
            self.clear()
            return
        for folder in self._folders():
            if folder.path.name != _folder(mark):
                shutil.rmtree(folder.path, ignore_errors=True)
        self._written = [mark]

    def save(self, checkpoint: Checkpoint, tables: str) -> None:
        """Write a checkpoint, whole or not at all, readable by its owner only; keep that one and the one before.

        Raises
        ------
        DataError
            The folder cannot be made.
        """
        mark, member = checkpoint.mark, self._member
        manifest = {
            "task": self._plan.task,
            "plan": self._plan.digest,
            "party": member.party.name,
            "tables": tables,
            "mark": mark.as_dict(),
            "past": asdict(checkpoint.past),
        }
        arrays = {f"model.{name}": array for name, array in checkpoint.model.items()}
        arrays |= {f"best.{name}": array for name, array in checkpoint.best.items()}
        folder = self._root.sealed_dir(f"{self._relative}/{_folder(mark)}")
        try:
            save_model(folder, manifest, arrays)
        except OSError as error:
            raise DataError(
                f"the checkpoint cannot be written ({error.strerror}); make room, or set checkpoint_every to 0"
            ) from None
        self._written.append(mark)
        while len(self._written) > KEPT:
            old = self._root.state_dir(self._relative) / _folder(self._written.pop(0))
            shutil.rmtree(old, ignore_errors=True)

    def clear(self) -> None:
        """Delete all checkpoints of the task at this client; none may be there."""
        self._written = []
        try:
            folder = self._root.state_dir(self._relative, create=False)
        except DataError:
            return
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()  # parties of one machine may share the folder above

    def _folders(self) -> list[SealedFolder]:
        try:
            above = self._root.sealed_dir(self._relative, create=False)
        except DataError:
            return []
        return [above.below(folder.name) for folder in sorted(above.path.iterdir())]

    def _complete(self) -> list[tuple[dict[str, Any], dict[str, Ring], Mark]]:
        found = []
        for folder in self._folders():
            try:
                facts, arrays = load_model(folder)
            except PartyKeyError:
                raise  # else it would look as if there were none
            except DataError:
                continue
            mark = Mark.from_dict(facts.get("mark"))
            mine = {"task": self._plan.task, "plan": self._plan.digest, "party": self._member.party.name}
            if mark is not None and all(facts.get(word) == value for word, value in mine.items()):
                found.append((facts, arrays, mark))
        return found


def newest_common(offered: Mapping[str, Sequence[Mark]]) -> Mark:
    """Return the newest checkpoint that all data clients have.

    Parameters
    ----------
    offered
        By the clients' names, what each has.

    Raises
    ------
    DataError
        There is none; the message says how far each client's go.
    """
    common = set.intersection(*(set(marks) for marks in offered.values()))
    if not common:
        told = ", ".join(f"{name} {_steps(marks)}" for name, marks in offered.items())
        raise DataError(
            f"the task cannot go on: its clients with data have no checkpoint in common (after steps: {told}); create "
            "it again under another name"
        )
    return max(common, key=lambda mark: (mark.done, mark.run))


def digest_of(*tables: npt.NDArray[Any] | None) -> str:
    """Return a digest of a party's tables as the model sees them, by which it knows them again; it stays there."""
    seen = hashlib.sha256()
    for table in tables:
        if table is not None:
            seen.update(f"{table.dtype} {table.shape}".encode())
            seen.update(np.ascontiguousarray(table).view(np.uint8).data)
    return seen.hexdigest()


def _folder(mark: Mark) -> str:
    return f"{mark.done}-{mark.run}"


def _below(group: str, arrays: Mapping[str, Ring]) -> dict[str, Ring]:
    start = f"{group}."
    return {name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)}


def _steps(marks: Sequence[Mark]) -> str:
    return " and ".join(str(mark.done) for mark in marks) or "none"
