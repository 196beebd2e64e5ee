"""What a published task asks for, as the document of a native one, on data sets that an alignment wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fedray.task.config_bases import Kind
from fedray.task.record import Status
from fedray.task.scoring import Place, scoring_document
from fedray.task.service import TaskService
from serve_api.k12ai.documents import training_document
from serve_api.paddledtx.algorithms import algorithm_of, refused
from serve_api.paddledtx.ledger import Ledger
from serve_api.paddledtx.settings import PaddleSettings
from serve_api.paddledtx.wire.common_pb2 import LEARN
from serve_api.paddledtx.wire.task_pb2 import FLTask
from serve_api.service import party_place

__all__ = ["prediction_document", "training_of"]

Document = dict[str, Any]


@dataclass(frozen=True)
class DataSet:
    """What an alignment wrote for a party: the role, its first column where it is known, the training rows of all."""

    role: str
    first: str
    alignment: str
    rows: int


def training_of(
    task: FLTask, parties: Sequence[str], service: TaskService, settings: PaddleSettings
) -> tuple[Document, list[str]]:
    """Return the document of a training, without a name, and its parties in the order of the data sets.

    Parameters
    ----------
    parties
        Names of the executors' parties.

    Raises
    ------
    Fault
        A parameter cannot be honoured; the message names it.
    SpecError
        A party is not known.
    """
    params = task.algoParam
    sets = _data_sets(task, parties, service)
    label = [party for party, one in zip(parties, sets, strict=True) if one.role == "label_client"]
    if len(label) != 1:
        raise refused("dataSets", "expected that of the alignment's label client among them")
    labelled = sets[parties.index(label[0])]
    algorithm = algorithm_of(params, labelled.rows, task.taskID)
    if labelled.first != params.trainParams.label:
        raise refused(
            "algoParam.trainParams.label",
            "expected the first of the columns that the alignment of the label party names (columns)",
        )
    paths = {party: data.dataID for party, data in zip(parties, task.dataSets, strict=True)}
    document = training_document(
        {
            "data": {
                "features": {party: path for party, path in paths.items() if party not in label},
                "label": {party: path for party, path in paths.items() if party in label},
                "main": settings.main,
                "dealer": settings.dealer,
            },
            "model": algorithm.model,
            "parameters": dict(algorithm.parameters),
        },
        lambda field, party: party_place(service, field, party),
    )
    return document, list(parties)


def prediction_document(
    task: FLTask, parties: Sequence[str], service: TaskService, ledger: Ledger
) -> tuple[Document, list[str]]:
    """Return the document of a prediction, without a name, and its parties; parameters and errors as `training_of`.

    Its receiver, the label party of the training, returns the predictions, since the requester asks for them.
    """
    params = task.algoParam
    known = ledger.get(params.modelTaskID)
    learnt = known.task.algoParam
    if learnt.taskType != LEARN or known.task.status != "Finished":
        raise refused("algoParam.modelTaskID", "expected a training that has finished")
    if params.algo != learnt.algo:
        raise refused("algoParam.algo", "expected that of the training")
    model = known.task.name if known.job is None else str(known.job.task)
    training = service.document(model)
    places = [party_place(service, f"dataSets[{place}].executor", party) for place, party in enumerate(parties)]
    trained = [_place(client) for client in training["clients"] if "data_path" in client["client_config"]]
    if sorted(places) != sorted(trained):
        raise refused("dataSets", "expected the executors of the training, each once")
    _data_sets(task, parties, service)
    paths = {place: data.dataID for place, data in zip(places, task.dataSets, strict=True)}
    main = {"part": "all", "return_predictions": True}
    return scoring_document(training, model, "predict", main, paths, {}), list(parties)


def _place(client: Mapping[str, Any]) -> Place:
    return client["addr"], client["http_port"]


def _data_sets(task: FLTask, parties: Sequence[str], service: TaskService) -> list[DataSet]:
    """Return what one alignment wrote for the parties, in their order."""
    sets = [
        _data_set(f"dataSets[{place}].dataID", party, data.dataID, service)
        for place, (party, data) in enumerate(zip(parties, task.dataSets, strict=True))
    ]
    if len({one.alignment for one in sets}) != 1:
        raise refused("dataSets", "expected data sets of one alignment, got those of several")
    return sets


def _data_set(field: str, party: str, path: str, service: TaskService) -> DataSet:
    """Return the newest data set of a party in a folder."""
    page = service.list(status=Status.FINISHED.value, kind=Kind.ALIGNMENT.value, limit=1000)
    place = party_place(service, field, party)
    for view in page.tasks:
        for client in service.document(view.task_name)["clients"]:
            config: Mapping[str, Any] = client["client_config"]
            if _place(client) == place and config.get("out_data_path") == path:
                first = (config.get("columns") or [""])[0]
                rows = (view.dataset or (0, 0))[0]
                return DataSet(client["role"], first if isinstance(first, str) else "", view.task_name, rows)
    raise refused(field, "expected the out_data_path of this party in an alignment that has finished")
