"""What the service ``k12fl`` makes of ``service_params``: the document of a task.

They are either that document itself, as createTask takes it, or a short form; docs/k12ai.md describes both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from fedray.errors import SpecError
from fedray.task.asking import parse_ids
from fedray.task.complaints import closest
from fedray.task.configs import CLIENT_TYPES
from fedray.task.folding import dumps
from fedray.task.scoring import Place, scoring_document
from fedray.task.text import show

__all__ = ["MOST_IDS", "Resolve", "Scoring", "training_document", "wanted_scoring"]

Json = dict[str, Any]
Resolve = Callable[[str, str], Place]
"""Given a field and the party that it names, where the party is; raises ``SpecError``."""

MOST_IDS: Final = 1000
"""Rows that one ``predict.start`` may ask for."""

IDLE_S: Final = 120
"""Seconds after which a task that was to answer for rows ends, if the server has forgotten which."""

_MODELS: Final[Mapping[str, tuple[str, Mapping[str, object]]]] = MappingProxyType(
    {
        "logistic": ("linear", {"objective": "logistic"}),
        "linear": ("linear", {"objective": "linear"}),
        "poisson": ("linear", {"objective": "poisson"}),
        "network": ("shared_nn", {}),
        "trees": ("secure_xgboost", {}),
    }
)
"""Model of the short form -> its kind of clients, and what the main client is told of it."""

_MAIN, _DEALER = "127.0.0.1:8377", "127.0.0.1:8999"
_FIXED: Final = frozenset({"client_type", "computation_port", "data_path", "objective"})


@dataclass(frozen=True)
class Scoring:
    """A task that uses a model.

    Attributes
    ----------
    document
        Its document, without a name.
    ids
        The rows that it is asked for once it answers; none where it predicts a whole table.
    """

    document: Json
    ids: tuple[str, ...] = ()


def training_document(params: Mapping[str, Any], resolve: Resolve) -> Json:
    """Return the document of a training, or of any other task that uses no model, without a name.

    Raises
    ------
    SpecError
        The parameters are neither a document nor the short form.
    """
    if "clients" in params:
        return _native(params, ("predict_main", "serve_main"), fits=False)
    _check_fields("service_params", params, ("data", "model", "parameters"))
    data, parameters = _table("data", params.get("data")), _table("parameters", params.get("parameters", {}))
    _check_fields("data", data, ("features", "label", "main", "dealer"))
    model = params.get("model")
    if not isinstance(model, str) or model not in _MODELS:
        raise SpecError(f"service_params.model: expected one of {', '.join(_MODELS)}, got {show(model)}")
    kind, fixed = _MODELS[model]
    given = _shared_out(kind, parameters)
    features = [
        _client(resolve, "feature_client", "data.features", name, f"{kind}_feature", {"data_path": path, **given[1]})
        for name, path in _table("data.features", data.get("features")).items()
    ]
    labels = [
        _client(resolve, "label_client", "data.label", name, f"{kind}_label", {"data_path": path, **given[2]})
        for name, path in _table("data.label", data.get("label")).items()
    ]
    main, dealer = data.get("main", _MAIN), data.get("dealer", _DEALER)
    helpers = [
        _client(resolve, "main_client", "data.main", main, f"{kind}_main", {**fixed, **given[0]}),
        _client(resolve, "crypto_producer", "data.dealer", dealer, "triplet_producer", {}),
    ]
    return {"clients": [*helpers, *features, *labels]}


def wanted_scoring(
    step: str, params: Mapping[str, Any], model: str, training: Mapping[str, Any], resolve: Resolve
) -> Scoring:
    """Return the task that an ``evaluate.start`` or ``predict.start`` asks for.

    Parameters
    ----------
    model, training
        The name of the model to use, and the document of its training.

    Raises
    ------
    SpecError
        The parameters are neither a document nor the short form.
    """
    if "clients" in params:
        return Scoring(_with_model(_native(params, ("predict_main",), fits=True), model))
    paths = {resolve("data", name): path for name, path in _table("data", params.get("data", {})).items()}
    if step == "evaluate":
        _check_fields("service_params", params, ("data", "part", "labels"))
        labels = {"labels_path": params.get("labels", _label_path(training))}
        main = {"part": params.get("part", "test")}
        return Scoring(scoring_document(training, model, "predict", main, paths, labels))
    main = {"part": params.get("part", "all")}
    match params.get("input_type"):
        case "file":
            _check_fields("service_params", params, ("input_type", "data", "part", "output_file"))
            out = {"out_data_path": params["output_file"]} if "output_file" in params else {}
            return Scoring(scoring_document(training, model, "predict", main, paths, out))
        case "text":
            _check_fields("service_params", params, ("input_type", "input_text", "data", "part"))
            ids = _ids(params.get("input_text"))
            main |= {"max_rows": len(ids), "max_answers": len(ids), "idle_s": IDLE_S}
            return Scoring(scoring_document(training, model, "serve", main, paths, {}), ids)
        case other:
            raise SpecError(f"service_params.input_type: expected text or file, got {show(other)}")


def _native(params: Mapping[str, Any], types: Sequence[str], *, fits: bool) -> Json:
    """Return a document that has a main client of one of these types, or of none of them; its name is ours to give."""
    clients = params["clients"]
    listed = clients if isinstance(clients, list) else []
    configs = [client.get("client_config") for client in listed if isinstance(client, dict)]
    found = [config.get("client_type") for config in configs if isinstance(config, dict)]
    if any(client_type in types for client_type in found) is not fits:
        wanted = f"a client of type {types[0]}" if fits else f"no client of type {' or '.join(types)}"
        raise SpecError(f"service_params.clients: expected {wanted} in a request of this op")
    return {name: value for name, value in params.items() if name != "task_name"}


def _with_model(document: Json, model: str) -> Json:
    """Return a document whose main client names the model, if it named none."""
    clients = [
        {**client, "client_config": {"model": model, **client["client_config"]}}
        if isinstance(client, dict)
        and isinstance(client.get("client_config"), dict)
        and client["client_config"].get("client_type") == "predict_main"
        else client
        for client in document["clients"]
    ]
    return {**document, "clients": clients}


def _shared_out(kind: str, parameters: Mapping[str, Any]) -> tuple[Json, Json, Json]:
    """Return what the main client, the feature clients and the label client are told of the parameters.

    What only clients with data know, such as ``metric`` or ``scale``, is for them; all the rest is the main client's.
    """
    known = {role: set(CLIENT_TYPES[f"{kind}_{role}"].model.model_fields) - _FIXED for role in ("feature", "label")}
    main = set(CLIENT_TYPES[f"{kind}_main"].model.model_fields)
    given: tuple[Json, Json, Json] = ({}, {}, {})
    for name, value in parameters.items():
        if name in _FIXED:
            raise SpecError(f"parameters.{name}: expected none, it follows from data and model")
        places = [place for place, role in ((1, "feature"), (2, "label")) if name in known[role] and name not in main]
        for place in places or [0]:
            given[place][name] = value
    return given


def _client(resolve: Resolve, role: str, field: str, party: object, client_type: str, config: Json) -> Json:
    if not isinstance(party, str):
        raise SpecError(f"{field}: expected the name of a party or ADDR:PORT, got {show(party)}")
    addr, port = resolve(field, party)
    told = {"client_type": client_type, "computation_port": port + 1 if port < 65535 else port - 1, **config}
    return {"role": role, "addr": addr, "http_port": port, "client_config": told}


def _ids(value: object) -> tuple[str, ...]:
    """Return the ids of ``input_text``: a list of them, or text with one in each line."""
    listed = value.splitlines() if isinstance(value, str) else value
    if not isinstance(listed, list) or not 0 < len(listed) <= MOST_IDS:
        raise SpecError(f"service_params.input_text: expected 1 to {MOST_IDS} ids, as a list or one in each line")
    return parse_ids(dumps({"ids": listed}))


def _label_path(training: Mapping[str, Any]) -> str:
    label = next(client for client in training["clients"] if client["role"] == "label_client")
    return str(label["client_config"]["data_path"])


def _table(field: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise SpecError(f"service_params.{field}: expected an object, got {show(value)}")
    return value


def _check_fields(where: str, got: Mapping[str, Any], known: Collection[str]) -> None:
    for name in got:
        if name not in known:
            raise SpecError(f"{where}: {show(name)}: unknown field, {closest(name, list(known))}")
