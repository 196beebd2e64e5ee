"""The rules between the clients of a task: who may take part, how many, and in what agreement.

Each rule takes the clients and yields what is wrong; a new kind of task adds a row to ``_NEEDS``, and rules about its
own fields are in a module of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fedray.task.alignment_configs import AlignmentData
from fedray.task.config_bases import Client, Kind, Role
from fedray.task.configs import CLIENT_TYPES
from fedray.task.dealer_configs import DealerConfig
from fedray.task.export_configs import ExportData
from fedray.task.kmeans_configs import KMeansData, KMeansMain
from fedray.task.linear_rules import linear
from fedray.task.network_configs import NetMain
from fedray.task.predict_configs import ModelMain, PredictData, PredictMain
from fedray.task.scorecard_configs import ScorecardData
from fedray.task.text import show
from fedray.task.transform_configs import CodedData
from fedray.task.transform_rules import coding
from fedray.task.tree_rules import trees

__all__ = ["WRITING", "broken_rules"]

_RECEIVING = (PredictData, ExportData)
"""Configurations of which only the receiver's names files."""
WRITING = (AlignmentData, CodedData, KMeansData, ScorecardData)
"""Configurations of which each that names a folder to write into has one of its own."""

_DATA_ROLES = (Role.FEATURE_CLIENT, Role.LABEL_CLIENT)


@dataclass(frozen=True)
class _Needs:
    data_clients: int
    roles: tuple[Role, ...]


_NEEDS = {
    Kind.ALIGNMENT: _Needs(data_clients=2, roles=()),
    Kind.SHARED_NN: _Needs(data_clients=2, roles=(Role.CRYPTO_PRODUCER, Role.LABEL_CLIENT)),
    Kind.LINEAR: _Needs(data_clients=2, roles=(Role.CRYPTO_PRODUCER, Role.LABEL_CLIENT)),
    Kind.PREDICT: _Needs(data_clients=2, roles=(Role.CRYPTO_PRODUCER,)),
    Kind.SERVE: _Needs(data_clients=2, roles=(Role.CRYPTO_PRODUCER,)),
    Kind.TREES: _Needs(data_clients=2, roles=(Role.CRYPTO_PRODUCER, Role.LABEL_CLIENT)),
    Kind.BINNING: _Needs(data_clients=2, roles=(Role.CRYPTO_PRODUCER, Role.LABEL_CLIENT)),
    Kind.EXPORT: _Needs(data_clients=2, roles=(Role.LABEL_CLIENT,)),
    Kind.STATISTICS: _Needs(data_clients=2, roles=(Role.CRYPTO_PRODUCER,)),
    Kind.TRANSFORM: _Needs(data_clients=1, roles=()),
    Kind.SUM: _Needs(data_clients=2, roles=()),
    Kind.KMEANS: _Needs(data_clients=2, roles=(Role.CRYPTO_PRODUCER,)),
    Kind.SCORECARD: _Needs(data_clients=2, roles=(Role.LABEL_CLIENT,)),
}


def broken_rules(clients: Sequence[Client], places: Sequence[tuple[str, int]]) -> list[str]:
    """Return what is wrong between the clients of a document.

    Parameters
    ----------
    clients
        Role and configuration of each client, in order.
    places
        (addr, http_port) of each client, in order.
    """
    first = [*_counts(clients), *_fits(clients)]
    if first:
        return first  # without one main client and its kind the other rules have nothing to stand on
    kind = _kind(clients)
    return [
        *_one_kind(clients, kind),
        *_needs(clients, kind),
        *_listeners(clients),
        *_widths(clients),
        *linear(clients),
        *trees(clients),
        *_columns(clients),
        *coding(clients),
        *_receiver(clients),
        *_outputs(clients, places),
    ]


def _counts(clients: Sequence[Client]) -> Iterator[str]:
    roles = [role for role, _ in clients]
    limits = {Role.MAIN_CLIENT: "exactly one", Role.CRYPTO_PRODUCER: "at most one", Role.LABEL_CLIENT: "at most one"}
    for role, limit in limits.items():
        count = roles.count(role)
        if count > 1 or (count == 0 and limit == "exactly one"):
            yield f"clients: expected {limit} {role}, got {count}"
    if Role.FEATURE_CLIENT not in roles:
        yield f"clients: expected at least one {Role.FEATURE_CLIENT}, got 0"


def _fits(clients: Sequence[Client]) -> Iterator[str]:
    for index, (role, config) in enumerate(clients):
        allowed = CLIENT_TYPES[config.client_type].roles
        if role not in allowed:
            others = [name for name, row in CLIENT_TYPES.items() if role in row.roles]
            yield (
                f"clients[{index}].client_config.client_type: expected a type for a {role} "
                f"({', '.join(others)}), got {config.client_type}"
            )


def _kind(clients: Sequence[Client]) -> Kind:
    main = next(config for role, config in clients if role is Role.MAIN_CLIENT)
    (kind,) = CLIENT_TYPES[main.client_type].kinds
    return kind


def _one_kind(clients: Sequence[Client], kind: Kind) -> Iterator[str]:
    for index, (role, config) in enumerate(clients):
        if kind in CLIENT_TYPES[config.client_type].kinds:
            continue
        same = [name for name, row in CLIENT_TYPES.items() if kind in row.kinds and role in row.roles]
        wanted = f"{', '.join(same)}" if same else f"no {role} in a task of kind {kind}"
        yield f"clients[{index}].client_config.client_type: expected {wanted}, got {config.client_type}"


def _needs(clients: Sequence[Client], kind: Kind) -> Iterator[str]:
    needs = _NEEDS[kind]
    roles = [role for role, _ in clients]
    for role in needs.roles:
        if role not in roles:
            yield f"clients: a task of kind {kind} needs one {role}, got 0"
    count = sum(role in _DATA_ROLES for role in roles)
    if count < needs.data_clients:
        yield f"clients: a task of kind {kind} needs at least {needs.data_clients} clients with data, got {count}"


def _listeners(clients: Sequence[Client]) -> Iterator[str]:
    data = [index for index, (role, _) in enumerate(clients) if role in _DATA_ROLES]
    for index, (_, config) in enumerate(clients):
        if not isinstance(config, DealerConfig) or config.listen_clients is None:
            continue
        if sorted(config.listen_clients) != data:
            yield (
                f"clients[{index}].client_config.listen_clients: expected the clients with data, {data}, "
                f"each once, got {_shortened(config.listen_clients)}; or leave it out"
            )


def _widths(clients: Sequence[Client]) -> Iterator[str]:
    for index, (_, config) in enumerate(clients):
        if isinstance(config, NetMain) and config.out_dim != config.last_width:
            last = "the last of layers" if config.layers else "in_dim, as layers is empty"
            yield (
                f"clients[{index}].client_config.out_dim: expected {config.last_width} ({last}), got {config.out_dim}; "
                "make both equal or leave out_dim out"
            )


def _receiver(clients: Sequence[Client]) -> Iterator[str]:
    main, config = next((place, config) for place, (role, config) in enumerate(clients) if role is Role.MAIN_CLIENT)
    if not isinstance(config, ModelMain | KMeansMain):
        return
    data = [index for index, (role, _) in enumerate(clients) if role in _DATA_ROLES]
    if config.receiver is not None and config.receiver not in data:
        places = " or ".join(map(str, data))
        yield (
            f"clients[{main}].client_config.receiver: expected the place of a client with data, {places}, "
            f"got {config.receiver}"
        )
        return
    labels = [index for index in data if clients[index][0] is Role.LABEL_CLIENT]
    if config.receiver is None and not labels and Role.LABEL_CLIENT not in _NEEDS[_kind(clients)].roles:
        yield from _unnamed(config, main, data)
        return
    receiver = config.receiver if config.receiver is not None else next(iter(labels), None)
    for index, (_, other) in enumerate(clients):
        for field in ("out_data_path", "labels_path", "baseline_path"):
            if index != receiver and isinstance(other, _RECEIVING) and getattr(other, field, None) is not None:
                where = f"clients[{index}].client_config.{field}"
                yield f"{where}: expected null, since only the receiver, clients[{receiver}], has one"
    if receiver is None or not isinstance(config, PredictMain) or not config.contribution:
        return
    measures = clients[receiver][1]
    if isinstance(measures, PredictData) and measures.labels_path is None:
        where = f"clients[{receiver}].client_config.labels_path"
        yield f"{where}: expected a folder or file with labels, since contribution is true, got null"


def _unnamed(config: ModelMain | KMeansMain, main: int, data: Sequence[int]) -> Iterator[str]:
    """Yield that a task without a label client names its receiver, unless it may have none."""
    if isinstance(config, ModelMain):
        places = " or ".join(map(str, data))
        yield (
            f"clients[{main}].client_config.receiver: expected the place of a client with data, {places}, since there "
            "is no label_client, got null"
        )


def _columns(clients: Sequence[Client]) -> Iterator[str]:
    for index, (_, config) in enumerate(clients):
        columns = (config.columns or ()) if isinstance(config, AlignmentData) else ()
        if len(set(columns)) != len(columns):
            twice = next(name for place, name in enumerate(columns) if name in columns[:place])
            yield f"clients[{index}].client_config.columns: expected each column once, got {show(twice)} twice"


def _outputs(clients: Sequence[Client], places: Sequence[tuple[str, int]]) -> Iterator[str]:
    writers: dict[tuple[str, int, PurePosixPath], list[int]] = defaultdict(list)
    for index, (_, config) in enumerate(clients):
        if isinstance(config, WRITING) and config.out_data_path is not None:
            addr, port = places[index]
            writers[addr.lower(), port, PurePosixPath(config.out_data_path)].append(index)
    for indices in writers.values():
        if len(indices) > 1:
            first, second = indices[:2]
            yield (
                f"clients[{second}].client_config.out_data_path: expected a folder of its own, "
                f"got that of clients[{first}] at the same party; the one would overwrite the other"
            )


def _shortened(places: Sequence[int]) -> str:
    text = str(list(places))
    return text if len(text) <= 80 else f"{text[:77]}..."
