"""logistic-vl from publishing to the rows that its requester gets, on Iris: every party runs in a thread, no server."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.root import DataRoot
from fedray.ml.validation import Rule, binary_scores, held_out, trained_with
from fedray.parties.run import run_local
from fedray.task.plan import TaskPlan
from fedray.task.record import Status
from serve_api.paddledtx.shape import PREFIX
from serve_api.paddledtx.wire.task_pb2 import GetTaskRequest
from tests.api.conftest import World
from tests.api.documents import member
from tests.api.test_paddledtx import signed
from tests.api.test_paddledtx_life import BANK, SHOP, Ledger, linear, predict
from tests.paddledtx_trainer import emulate, in_order_of_ids, iris

Table = tuple[Sequence[str], Sequence[Sequence[object]]]


class Iris(Ledger):
    """A ledger whose tasks are really run."""

    def __init__(self, world: World, root: Path) -> None:
        super().__init__(world, root)
        self.roots = {party: DataRoot(root / party.replace(":", "_")) for party in (BANK, SHOP)}

    def run(self, name: str) -> dict[str, Any]:
        """Run a task that is queued, and return what its main client has to say."""
        self.world.store.transition(name, Status.RUNNING)
        plan = TaskPlan.from_json(self.world.store.get(name).plan)
        roots = {one.index: self.roots[one.party.name] for one in plan.data}
        result = run_local(plan, roots)[plan.main.index].result
        self.world.store.reports.save(name, {"task": name, "result": result})
        if "n_train" in result:
            self.world.tell(name, "dataset", {word: result[word] for word in ("n_train", "n_test")})
        self.world.finish(name)
        return result

    def align(self, name: str, tables: dict[str, Table]) -> None:
        """Align a table of each party, with the ids 1, 2, ..., into folders of this name."""
        clients = [member("main_client", 8377, "alignment_main", test_size=0)]
        for party, role in ((BANK, "feature_client"), (SHOP, "label_client")):
            header, rows = tables[party]
            file = self.roots[party].path / "raw" / f"{name}.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", newline="") as handle:
                csv.writer(handle).writerows([["ID", *header], *([k, *row] for k, row in enumerate(rows, start=1))])
            # the label comes first
            columns = sorted(header, key=lambda word: word != "Label")
            config = {"raw_data_path": f"{name}.csv", "out_data_path": name, "columns": columns}
            clients.append(member(role, int(party.partition(":")[2]), "alignment_data", **config))
        self.world.service.create({"task_name": name, "clients": clients})
        self.world.service.start(name)
        self.run(name)

    def life(self, name: str, data: str, params: dict[str, Any], **fields: Any) -> tuple[str, dict[str, Any]]:
        """Publish, start and run a task on data sets of this name; return its id and result."""
        task = self.task(name=name, algoParam=params, **fields)
        for one in task["dataSets"]:
            one |= {"dataID": data, "psiLabel": "ID"}
        assert self.publish(task)["code"] == "0"
        assert self.start(task["taskID"])["code"] == "0"
        return task["taskID"], self.run(PREFIX + task["taskID"])


def tables(x: npt.NDArray[np.float64], labels: Sequence[str] | None = None) -> dict[str, Table]:
    own: list[list[object]] = [list(row) for row in x[:, 2:].tolist()]
    if labels is None:
        return {BANK: (["sl", "sw"], x[:, :2].tolist()), SHOP: (["pl", "pw"], own)}
    labelled = [[*row, label] for row, label in zip(own, labels, strict=True)]
    return {BANK: (["sl", "sw"], x[:, :2].tolist()), SHOP: (["pl", "pw", "Label"], labelled)}


def test_a_life_of_logistic_vl(world: World, tmp_path: Path) -> None:
    ledger = Iris(world, tmp_path)
    x, y, new, known = iris()
    ledger.align("iris", tables(x, ["Iris-setosa" if one else "Iris-virginica" for one in y]))
    model, result = ledger.life("t", "iris", linear(1, label="Label", labelName="Iris-setosa"))
    assert result == {"n_batches": 329, "loss": None, "metrics": {}}
    ledger.align("new", tables(new))
    task, _ = ledger.life("p", "new", predict(model))
    assert ledger.status(task) == "Finished"
    shown = ledger.api.ask("GetTaskById", GetTaskRequest(taskID=task)).algoParam
    assert (shown.taskType, shown.modelTaskID) == (1, model)
    header, *rows = json.loads(ledger.api.ask("GetPredictResult", signed(ledger.requester, task)).payload)
    assert header == ["ID", "value"]
    assert [row[0] for row in rows] == sorted((str(k + 1) for k in range(len(new))), key=str.encode)
    found = np.array([float(value) for _, value in sorted(rows, key=lambda row: int(row[0]))])
    wanted = 1.0 / (1.0 + np.exp(-emulate(*in_order_of_ids(x, y), logistic=True).scores(new)))
    assert np.abs(found - wanted).max() < 1e-4
    assert np.array_equal(found > 0.5, known == 1)


def test_an_evaluation_of_logistic_vl(world: World, tmp_path: Path) -> None:
    """The rows of its random split are those that the original's program draws for this taskID."""
    ledger, task = Iris(world, tmp_path), "00000000-0000-4000-8000-00000000001c"
    x, y, _, _ = iris()
    ledger.align("iris", tables(x, ["Iris-setosa" if one else "Iris-virginica" for one in y]))
    params = linear(1, label="Label", labelName="Iris-setosa", amplitude=0.005)
    evaluated = {"enable": True, "randomSplit": {"percentLO": 30}}
    _, result = ledger.life("t", "iris", {**params, "evalParams": evaluated}, taskID=task)
    file = ledger.roots[SHOP].generated_file(f"paddledtx/{task}/evaluation.json")
    assert file is not None
    scores = json.loads(file.read_text())["Payload"]["BinaryClassCaseMetricScores"]
    means = {name: scores[name] for name in ("avgAccuracy", "avgPrecision", "avgRecall", "avgF1Score", "avgAUC")}
    assert list(means.values()) == list(result["validation"]["scores"].values())
    x, y = in_order_of_ids(x, y)
    (out,) = held_out(Rule("split", 30, 10, shuffle=True, seed=task), len(x))
    rows = trained_with(len(x), out)
    model = emulate(x[rows], y[rows], logistic=True, amplitude=0.005)
    assert model.margin > 1e-4
    wanted = binary_scores(y[out], 1.0 / (1.0 + np.exp(-model.scores(x[out]))))
    assert result["validation"]["scores"] == {name: wanted[name] for name in wanted if name != "roc"}
    points = np.array([point["p"] for point in scores["metricsPerFold"]["0"]["ROC"]])
    assert np.abs(points - wanted["roc"]).max() < 1e-4
    assert not (ledger.roots[BANK].path / "generated" / "paddledtx").exists()
