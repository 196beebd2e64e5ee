"""Deleting a party's part of a model; local, at the party's own node."""

from __future__ import annotations

import hashlib
import secrets
import shutil
from pathlib import Path

from fedray.data.model_files import SHARES
from fedray.data.root import DataRoot
from fedray.errors import DataError
from fedray.parties.checkpoints import Checkpoints
from fedray.parties.kept import part_folder
from fedray.task.plan import Member, TaskPlan

__all__ = ["forget_part"]


def forget_part(plan: TaskPlan, member: Member, root: DataRoot) -> dict[str, object]:
    """Delete a data client's part of the model that a training kept, and its checkpoints, and return a receipt.

    The folder is moved aside in one step, so that no task finds half a model, and then removed. A part may be deleted
    without being read: damaged ones too.

    Parameters
    ----------
    plan
        Of the training.

    Returns
    -------
    dict
        ``index``, ``role``, ``party``; ``digest``, the SHA-256 of the file of shares that was deleted, None where there
        was none.

    Raises
    ------
    DataError
        The folder cannot be removed.
    """
    receipt: dict[str, object] = {"index": member.index, "role": member.role.value, "party": member.party.name}
    Checkpoints(plan, member, root).clear()
    try:
        folder = part_folder(root, plan.task, plan.data.index(member), member.role).path
    except DataError:
        return {**receipt, "digest": None}
    digest = _digest(folder / SHARES)
    aside = folder.with_name(f".deleted-{secrets.token_hex(8)}")
    try:
        folder.rename(aside)
        shutil.rmtree(aside)
        _remove_if_empty(folder.parent)
    except OSError as error:
        reason = error.strerror
    else:
        return {**receipt, "digest": digest}
    raise DataError(f"the part of the model cannot be deleted ({reason}); check permissions", member.party.name)


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _remove_if_empty(folder: Path) -> None:
    if not any(folder.iterdir()):  # parties of one machine may share the folder above
        folder.rmdir()
