"""Folders that the parties of a plan write into: no two that share a data root have the same."""

from __future__ import annotations

from pathlib import PurePosixPath

from fedray.errors import SpecError
from fedray.task.plan import TaskPlan
from fedray.task.registry import LOCAL_RESOURCE
from fedray.task.rules import WRITING

__all__ = ["check_folders"]


def check_folders(plan: TaskPlan) -> None:
    """Refuse a plan in which two parties that share a data root write into one folder.

    Raises
    ------
    SpecError
        Two do; the message names the clients.
    """
    writers: dict[tuple[str, str | None, PurePosixPath], int] = {}
    for member in plan.data:
        config, party = member.config, member.party
        if not isinstance(config, WRITING) or config.out_data_path is None:
            continue
        machine = "" if party.resource == LOCAL_RESOURCE else party.addr.lower()
        first = writers.setdefault((machine, party.root, PurePosixPath(config.out_data_path)), member.index)
        if first != member.index:
            raise SpecError(
                f"clients[{member.index}].client_config.out_data_path: expected a folder of its own, got that of "
                f"clients[{first}] under the same data root; the one would overwrite the other"
            )
