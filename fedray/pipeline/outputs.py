"""What tasks of each kind leave behind under a name, and which fields of a task take it: a table of each.

A data set is a folder at a party, so it is taken by a client of the same party; anything else goes by the name of the
task that made it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from fedray.errors import SpecError
from fedray.task.alignment_configs import ALIASES, AlignmentData
from fedray.task.config_bases import Kind
from fedray.task.configs import CLIENT_TYPES
from fedray.task.predict_configs import PredictData, PredictMain
from fedray.task.spec import ClientSpec, Role, TaskSpec
from fedray.task.transform_configs import CodedData

__all__ = ["OUTPUTS", "TAKERS", "Thing", "Where", "folder_at", "writes_folder"]

Where = tuple[str, int, Role | None]
"""Address, port and role of the client that takes a folder."""


class Thing(StrEnum):
    """What a task can leave behind for later ones."""

    DATA = "data set"
    MODEL = "model"
    TRANSFORM = "transform"
    BINNING = "binning"
    STATISTICS = "statistics"
    PREDICTIONS = "predictions"


_MODEL: Final = MappingProxyType({"model": frozenset({Thing.MODEL})})
_DATA: Final = frozenset({Thing.DATA})

OUTPUTS: Final[Mapping[Kind, Mapping[str, frozenset[Thing]]]] = MappingProxyType(
    {
        Kind.ALIGNMENT: {"data": _DATA},
        Kind.BINNING: {"data": _DATA, "binning": frozenset({Thing.BINNING, Thing.TRANSFORM})},
        Kind.TRANSFORM: {"data": _DATA, "transform": frozenset({Thing.TRANSFORM})},
        Kind.STATISTICS: {"statistics": frozenset({Thing.STATISTICS})},
        Kind.SHARED_NN: _MODEL,
        Kind.LINEAR: _MODEL,
        Kind.TREES: _MODEL,
        Kind.KMEANS: _MODEL,
        Kind.PREDICT: {"predictions": frozenset({Thing.PREDICTIONS})},
        Kind.SERVE: {},
        Kind.SCORECARD: {},
        Kind.EXPORT: {},
        Kind.SUM: {},
    }
)
"""Kind of task -> the names of its outputs -> what each can be taken as."""

TAKERS: Final[Mapping[str, Thing]] = MappingProxyType(
    {
        "data_path": Thing.DATA,
        "more_data_paths": Thing.DATA,
        "reference_path": Thing.DATA,
        "test_data_path": Thing.DATA,
        "labels_path": Thing.DATA,
        "baseline_path": Thing.PREDICTIONS,
        "model": Thing.MODEL,
        "transform": Thing.TRANSFORM,
        "transforms": Thing.TRANSFORM,
        "binning": Thing.BINNING,
        "statistics": Thing.STATISTICS,
    }
)
"""Field of a client's configuration, or of a step of a transform -> what it takes."""


def writes_folder(client_type: object) -> bool:
    """Return whether a client of this type names, by ``out_data_path``, the data set that it writes."""
    known = CLIENT_TYPES.get(ALIASES.get(client_type, client_type)) if isinstance(client_type, str) else None
    return known is not None and issubclass(known.model, AlignmentData | CodedData)


def folder_at(made: TaskSpec, thing: Thing, where: Where) -> str:
    """Return the folder that a task writes at the party of the client that takes it.

    Parameters
    ----------
    made
        The task.
    thing
        A data set, or predictions.
    where
        The client; its role tells apart what a party writes in several roles.

    Raises
    ------
    SpecError
        The task writes no such folder there, or more than one.
    """
    addr, port, role = where
    here = [client for client in made.clients if (client.addr.lower(), client.http_port) == (addr.lower(), port)]
    found = [(client.role, folder) for client in here if (folder := _folder(made, client, thing)) is not None]
    mine = [folder for its_role, folder in found if its_role is role] or [folder for _, folder in found]
    if len(mine) == 1:
        return mine[0]
    raise SpecError(
        f"expected one folder with a {thing} that task {made.task_name} writes at the same addr and http_port, got "
        f"{len(mine)}; name the folder itself, and the step in after"
    )


def _folder(made: TaskSpec, client: ClientSpec, thing: Thing) -> str | None:
    config = client.client_config
    if thing is Thing.DATA:
        return config.out_data_path if isinstance(config, AlignmentData | CodedData) else None
    if not isinstance(config, PredictData) or client is not _receiver(made):
        return None
    return config.out_data_path or f"predictions/{made.task_name}"


def _receiver(made: TaskSpec) -> ClientSpec | None:
    main = next(client.client_config for client in made.clients if client.role is Role.MAIN_CLIENT)
    if isinstance(main, PredictMain) and main.receiver is not None:
        return made.clients[main.receiver]
    return next((client for client in made.clients if client.role is Role.LABEL_CLIENT), None)
