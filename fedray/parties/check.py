"""What a party looks at before a task is created, and before it is started; local, at the party's own node."""

from __future__ import annotations

from fedray.data.root import DataRoot
from fedray.errors import DataError, FedrayError
from fedray.task.configs import AlignmentData, TableConfig
from fedray.task.plan import Member

__all__ = ["check_member"]


def check_member(member: Member, root: DataRoot, *, ready: bool) -> None:
    """Look at a member's part of a task.

    Parameters
    ----------
    ready
        False when the task is created: raw files must be there, and no path may leave its folder. True when it is
        about to start: the tables that an earlier task writes must be there too.

    Raises
    ------
    DataError
        A path cannot be used; the message names the client and the field.
    """
    try:
        _check(member, root, ready)
    except FedrayError as error:
        raise DataError(f"clients[{member.index}].client_config.{error.message}", member.party.name) from None


def _check(member: Member, root: DataRoot, ready: bool) -> None:
    config = member.config
    if isinstance(config, AlignmentData):
        root.check_raw(config.raw_data_path)
        root.check_generated(config.out_data_path)
    if isinstance(config, TableConfig):
        folder = root.check_generated(config.data_path, field="data_path")
        files = ("train.csv", "test.csv")
        missing = [name for name in files if folder is None or not (folder / name).is_file()]
        if ready and missing:
            raise DataError(
                f"data_path {config.data_path!r}: no {' and no '.join(missing)} there; run the alignment task that "
                "writes this folder first"
            )
