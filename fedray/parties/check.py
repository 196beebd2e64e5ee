"""What a party looks at before a task is created, and before it is started; local, at the party's own node."""

from __future__ import annotations

from collections.abc import Iterator

from fedray.data.manifest import TEST, TRAIN
from fedray.data.new_rows import FILE
from fedray.data.root import DataRoot
from fedray.errors import DataError, FedrayError
from fedray.task.alignment_configs import AlignmentData
from fedray.task.config_bases import ClientConfig, DataTable, Role
from fedray.task.feature_configs import StatisticsData
from fedray.task.kmeans_configs import KMeansData
from fedray.task.plan import Member
from fedray.task.predict_configs import NewData, PredictData
from fedray.task.scorecard_configs import ScorecardData
from fedray.task.transform_configs import CodedData, TransformData

__all__ = ["check_member"]

_FILES = (TRAIN, TEST)
_SEALING = (Role.FEATURE_CLIENT, Role.LABEL_CLIENT)


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
    PartyKeyError
        The key with which the party seals what the task leaves there cannot be used or made.
    """
    if ready and member.role in _SEALING:
        root.party_key(create=True)
    try:
        _check(member, root, ready)
    except FedrayError as error:
        raise DataError(f"clients[{member.index}].client_config.{error.message}", member.party.name) from None


def _check(member: Member, root: DataRoot, ready: bool) -> None:
    config = member.config
    if isinstance(config, AlignmentData):
        for place, path in enumerate((config.raw_data_path, *config.more_raw_data_paths)):
            root.check_raw(path, "raw_data_path" if not place else f"more_raw_data_paths[{place - 1}]")
        root.check_generated(config.out_data_path)
    if isinstance(config, DataTable | CodedData) and config.data_path is not None:
        missing = _missing(root, "data_path", config.data_path)
        _complain("data_path", config.data_path, missing if ready else [])
    for field, path in _more(config):
        missing = _missing(root, field, path)
        _complain(field, path, missing if ready else [])
    if isinstance(config, NewData):
        _check_rows(root, "data_path", config.data_path, ready)
    if isinstance(config, PredictData):
        _check_rows(root, "labels_path", config.labels_path, ready)
        if config.baseline_path is not None:
            folder = root.check_generated(config.baseline_path, field="baseline_path")
            if ready and (folder is None or not (folder / FILE).is_file()):
                raise DataError(
                    f"baseline_path {config.baseline_path!r}: no {FILE} there; run the task that predicts those rows"
                )
    writing = PredictData | CodedData | ScorecardData | KMeansData
    if isinstance(config, writing) and config.out_data_path is not None:
        root.check_generated(config.out_data_path)


def _more(config: ClientConfig) -> Iterator[tuple[str, str]]:
    """Yield field and folder of more data sets."""
    if isinstance(config, TransformData):
        yield from ((f"more_data_paths[{k}]", path) for k, path in enumerate(config.more_data_paths))
        if config.test_data_path is not None:
            yield "test_data_path", config.test_data_path
    if isinstance(config, StatisticsData) and config.reference_path is not None:
        yield "reference_path", config.reference_path


def _check_rows(root: DataRoot, field: str, path: str | None, ready: bool) -> None:
    """Look at a file of new rows, or at a folder with some of the tables."""
    missing = _missing(root, field, path) if path is not None and root.generated_file(path, field) is None else []
    _complain(field, path, missing if ready and len(missing) == len(_FILES) else [])


def _missing(root: DataRoot, field: str, path: str) -> list[str]:
    """Return which of the tables of a data set are not there yet; refuses a path that leaves its folder."""
    folder = root.check_generated(path, field=field)
    return [name for name in _FILES if folder is None or not (folder / name).is_file()]


def _complain(field: str, path: str | None, missing: list[str]) -> None:
    if missing:
        raise DataError(
            f"{field} {path!r}: no {' and no '.join(missing)} there; run the alignment task that writes this folder "
            "first"
        )
