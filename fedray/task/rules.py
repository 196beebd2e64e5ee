"""The rules between the clients of a task: who may take part, how many, and in what agreement.

Each rule takes the clients and yields what is wrong; a new kind of task adds a row to ``_NEEDS``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from fedray.task.alignment_configs import AlignmentData
from fedray.task.config_bases import ClientConfig, Kind, Role
from fedray.task.configs import CLIENT_TYPES
from fedray.task.dealer_configs import DealerConfig
from fedray.task.export_configs import ExportData
from fedray.task.kmeans_configs import KMeansData, KMeansMain
from fedray.task.linear_configs import METRICS_OF, LinearLabel, LinearMain
from fedray.task.network_configs import NetMain
from fedray.task.predict_configs import ModelMain, PredictData, PredictMain
from fedray.task.scorecard_configs import ScorecardData
from fedray.task.text import show
from fedray.task.transform_configs import CodedData, CodedMain, TransformData, TransformMain
from fedray.task.transform_rules import transforming
from fedray.task.tree_configs import TREE_METRICS_OF, TreeMain, TreeTable

__all__ = ["WRITING", "broken_rules"]

Client = tuple[Role, ClientConfig]
_RECEIVING = (PredictData, ExportData)
"""Configurations of which only the receiver's names files."""
WRITING = (AlignmentData, CodedData, KMeansData, ScorecardData)
"""Configurations of which each that names a folder to write into has one of its own."""
MOST_COSTS = 10_000
"""Batches between two tests where losses wait for a comparison, each with the weights before it."""

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
        *_objective(clients),
        *_trees(clients),
        *_columns(clients),
        *_coding(clients),
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


def _objective(clients: Sequence[Client]) -> Iterator[str]:
    main = next((config for _, config in clients if isinstance(config, LinearMain)), None)
    if main is None:
        return
    for index, (_, config) in enumerate(clients):
        where = f"clients[{index}].client_config"
        if config is main and main.class_weight is not None and main.objective != "logistic":
            yield f"{where}.class_weight: expected null for objective {main.objective}, which has no classes"
        if config is main:
            yield from _costs(main, where)
            yield from _validated(main, where)
        if config is main and main.p_values and (main.objective == "poisson" or main.class_weight is not None):
            yield f"{where}.p_values: expected false, or objective linear or logistic, without class_weight"
        if config is main and main.p_values and (main.sigmoid == "taylor" or (main.penalty == "l1" and main.alpha)):
            yield f"{where}.p_values: expected false with sigmoid taylor or penalty l1, whose weights have other errors"
        if isinstance(config, LinearLabel) and config.pos_label is not None and main.objective != "logistic":
            yield f"{where}.pos_label: expected null for objective {main.objective}, whose label is a number"
        metrics = METRICS_OF[main.objective]
        if isinstance(config, LinearLabel) and config.metric is not None and config.metric not in metrics:
            yield f"{where}.metric: expected {' or '.join(metrics)} for objective {main.objective}, got {config.metric}"


def _costs(main: LinearMain, where: str) -> Iterator[str]:
    """Yield what is wrong with the stop by the loss and with the sigmoid as a line."""
    line = main.sigmoid == "taylor"
    if line and (main.objective != "logistic" or main.class_weight is not None or main.parity):
        yield f"{where}.sigmoid: expected series; taylor is for objective logistic without class_weight and parity"
    if main.cost_tol is None:
        if main.cost_penalty:
            yield f"{where}.cost_penalty: expected false without cost_tol, which compares losses, got true"
        return
    if main.objective != "linear" and not line:
        yield f"{where}.cost_tol: expected null, or objective linear, or logistic with sigmoid taylor"
    for field in ("early_stopping", "parity"):
        if getattr(main, field):
            yield f"{where}.{field}: expected false where cost_tol ends the training, got true"
    if main.test_per_batches > MOST_COSTS:
        yield (
            f"{where}.test_per_batches: expected at most {MOST_COSTS} with cost_tol, which is looked for at tests, got "
            f"{main.test_per_batches}"
        )


def _validated(main: LinearMain, where: str) -> Iterator[str]:
    """Yield what is wrong with further trainings."""
    if main.validation is None and main.live_validation_percent is None:
        return
    if main.objective == "poisson":
        yield f"{where}.validation: expected null for objective poisson; there are scores of linear and logistic"
    if main.early_stopping:
        yield f"{where}.early_stopping: expected false with validation, whose trainings have no test rows, got true"


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


def _trees(clients: Sequence[Client]) -> Iterator[str]:
    for index, (_, config) in enumerate(clients):
        if isinstance(config, TreeTable) and config.categorical_columns:
            yield from _categories(config, f"clients[{index}].client_config")
        if not isinstance(config, TreeMain):
            continue
        where, metrics = f"clients[{index}].client_config", TREE_METRICS_OF[config.objective]
        of = f"for objective {config.objective}"
        if config.metric is not None and config.metric not in metrics:
            yield f"{where}.metric: expected {' or '.join(metrics)} {of}, got {config.metric}"
        if config.objective == "reg:squarederror":
            if config.scale_pos_weight != 1.0:
                yield f"{where}.scale_pos_weight: expected 1 {of}, got {config.scale_pos_weight:g}"
        elif config.base_score is not None and not 1e-6 <= config.base_score <= 1.0 - 1e-6:
            yield f"{where}.base_score: expected null or a probability from 1e-06 to 1 - 1e-06 {of}"


def _categories(config: TreeTable, where: str) -> Iterator[str]:
    names = config.categorical_columns
    if config.missing != "bin":
        yield f"{where}.missing: expected bin with categorical_columns, for unknown categories, got {config.missing}"
    if len(set(names)) != len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        yield f"{where}.categorical_columns: expected each column once, got {show(twice)} twice"


def _coding(clients: Sequence[Client]) -> Iterator[str]:
    main = next((config for _, config in clients if isinstance(config, CodedMain)), None)
    if main is None:
        return
    if isinstance(main, TransformMain) and main.rows is not None and main.transform is not None:
        yield "rows: expected null with transform, which is for all rows"
    for index, (_, config) in enumerate(clients):
        if not isinstance(config, CodedData):
            continue
        where = f"clients[{index}].client_config"
        if config.data_path is None and main.transform is None:
            yield f"{where}.data_path: expected the folder with the label, got null; only a transform needs no label"
        if config.out_data_path is None and config.data_path is not None and main.transform is not None:
            yield f"{where}.out_data_path: expected a folder for the rows that the transform codes, got null"
        if main.transform is not None and isinstance(config, TransformData) and config.steps:
            yield f"{where}.steps: expected none with transform, which has steps of its own, got {len(config.steps)}"
        if isinstance(config, TransformData):
            yield from transforming(where, main, config)
        if config.out_data_path is not None and config.data_path is None:
            yield f"{where}.out_data_path: expected null where data_path is null, since there are no rows to write"
        paths = [PurePosixPath(path) for path in (config.data_path, config.out_data_path) if path is not None]
        if len(paths) == 2 and paths[0] == paths[1]:
            yield f"{where}.out_data_path: expected another folder than data_path, which would be overwritten"


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
