"""What a published task asks for, as the document of a native one; whatever cannot be done is refused by its name.

``dnn-paddlefl-vl`` is the network of the kind ``shared_nn``, on data sets that an alignment wrote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fedray.task.config_bases import Kind
from fedray.task.record import Status
from fedray.task.service import TaskService
from serve_api.k12ai.documents import training_document
from serve_api.paddledtx.faults import Code, Fault
from serve_api.paddledtx.settings import PaddleSettings
from serve_api.paddledtx.wire.common_pb2 import DNN_PADDLEFL_VL, LEARN, TaskParams
from serve_api.paddledtx.wire.task_pb2 import FLTask
from serve_api.service import party_place

__all__ = ["network_document"]

EPOCHS: Final = 5
LAYERS: Final = (30, 15, 1)
"""Those of the original, whose layers end in ReLU; ours in sigmoids."""


@dataclass(frozen=True)
class DataSet:
    """What an alignment wrote for a party: the role, its first column where it is known, the training rows of all."""

    role: str
    first: str
    alignment: str
    rows: int


def network_document(
    task: FLTask, parties: Sequence[str], service: TaskService, settings: PaddleSettings
) -> tuple[dict[str, Any], list[str]]:
    """Return the document of a task, without a name, and its parties in the order of the data sets.

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
    _check(params)
    sets = [
        _data_set(f"dataSets[{place}].dataID", party, data.dataID, service)
        for place, (party, data) in enumerate(zip(parties, task.dataSets, strict=True))
    ]
    if len({one.alignment for one in sets}) != 1:
        raise _refused("dataSets", "expected data sets of one alignment, got those of several")
    label = [party for party, one in zip(parties, sets, strict=True) if one.role == "label_client"]
    if len(label) != 1:
        raise _refused("dataSets", "expected that of the alignment's label client among them")
    labelled = sets[parties.index(label[0])]
    if labelled.first != params.trainParams.label:
        raise _refused(
            "algoParam.trainParams.label",
            "expected the first of the columns that the alignment of the label party names (columns)",
        )
    paths = {party: data.dataID for party, data in zip(parties, task.dataSets, strict=True)}
    batch = params.trainParams.batchSize
    batch = min(labelled.rows, 100_000) if batch <= 0 or batch > labelled.rows else batch
    steps = EPOCHS * max(1, labelled.rows // batch)
    document = training_document(
        {
            "data": {
                "features": {party: path for party, path in paths.items() if party not in label},
                "label": {party: path for party, path in paths.items() if party in label},
                "main": settings.main,
                "dealer": settings.dealer,
            },
            "model": "network",
            "parameters": {
                "in_dim": LAYERS[0],
                "layers": list(LAYERS[1:]),
                "learning_rate": params.trainParams.alpha,
                "batch_size": batch,
                "max_iter": steps,
                "test_per_batches": steps,
            },
        },
        lambda field, party: party_place(service, field, party),
    )
    return document, list(parties)


def _check(params: TaskParams) -> None:
    """Refuse what cannot be honoured; what the original's network ignores, this one does too."""
    if params.algo != DNN_PADDLEFL_VL:
        name = "linear-vl" if params.algo == 0 else "logistic-vl"
        raise _refused("algoParam.algo", f"{name} is not served, only dnn-paddlefl-vl (2)")
    if params.taskType != LEARN:
        raise _refused("algoParam.taskType", "only training (0) is served; predict with a native task")
    if params.evalParams.enable:
        raise _refused("algoParam.evalParams.enable", "the network has no evaluation, as in the original")
    if params.livalParams.enable:
        raise _refused("algoParam.livalParams.enable", "the network has no evaluation, as in the original")
    train = params.trainParams
    if train.labelName not in ("", "1"):
        raise _refused("algoParam.trainParams.labelName", "the label has to be 0 or 1; expected 1, or nothing")
    if not 0 < train.alpha <= 100:
        raise _refused("algoParam.trainParams.alpha", "expected a learning rate above 0, at most 100")


def _data_set(field: str, party: str, path: str, service: TaskService) -> DataSet:
    """Return the newest data set of a party in a folder."""
    page = service.list(status=Status.FINISHED.value, kind=Kind.ALIGNMENT.value, limit=1000)
    place = party_place(service, field, party)
    for view in page.tasks:
        for client in service.document(view.task_name)["clients"]:
            config: Mapping[str, Any] = client["client_config"]
            if (client["addr"], client["http_port"]) == place and config.get("out_data_path") == path:
                first = (config.get("columns") or [""])[0]
                rows = (view.dataset or (0, 0))[0]
                return DataSet(client["role"], first if isinstance(first, str) else "", view.task_name, rows)
    raise _refused(field, "expected the out_data_path of this party in an alignment that has finished")


def _refused(field: str, why: str) -> Fault:
    return Fault(Code.PARAMETER, f"bad param:{field}, {why}")
