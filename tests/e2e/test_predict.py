"""The life of a model over HTTP, on a real cluster: train, predict, evaluate, and what is refused on the way."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from tests.e2e.documents import changing, linear_training, looking, prediction, scorecard, training, tree_training
from tests.e2e.tables import COMMON
from tests.e2e.test_happy import aligned_ids, fedray
from tests.server import FedrayServer

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def kept(aligned: FedrayServer) -> FedrayServer:
    """The server, with a linear model `kept` and a network `kept-nn`."""
    for document in (
        linear_training("kept", max_iter=200, test_per_batches=100, learning_rate_init=0.05),
        training("kept-nn", max_iter=100, test_per_batches=100, in_dim=4, layers=[1], transport="fast"),
    ):
        done = aligned.run(document)
        assert done["status"] == "finished", done
    return aligned


def predicted(server: FedrayServer, folder: str) -> tuple[list[str], list[str], list[float]]:
    with (server.root / "generated" / folder / "predictions.csv").open(newline="") as handle:
        header, *rows = list(csv.reader(handle))
    return header, [row[0] for row in rows], [float(row[1]) for row in rows]


def test_train_predict_and_evaluate(kept: FedrayServer) -> None:
    label = {"data_path": "l", "labels_path": "l", "out_data_path": "scores"}
    done = kept.run(prediction("predict", "kept", label, part="test", contribution=True))
    assert (done["status"], done["kind"]) == ("finished", "predict"), done
    header, ids, scores = predicted(kept, "scores")
    assert header == ["ID", "prediction"]
    assert ids == aligned_ids(kept.root / "generated" / "l")[400:]
    assert all(0.0 <= score <= 1.0 for score in scores)
    y = np.loadtxt(kept.root / "generated" / "l" / "test.csv")
    assert np.mean(np.array(scores)[y == 1]) > np.mean(np.array(scores)[y == 0]) + 0.2
    report = kept.get("/api/v1/tasks/predict/report")
    assert (report["result"]["model"], report["result"]["rows"]) == ("kept", COMMON // 5)
    (found,) = report["result"]["evaluation"]["outputs"]
    trained = kept.get("/api/v1/tasks/kept/report")["result"]["metrics"]
    assert found["metrics"]["auc"] == pytest.approx(trained["auc"], abs=1e-3)
    assert [row["rows"] for row in found["gains"]] == [20] * 5
    learned = {entry["tag"]: entry["to"] for entry in report["leakage"]}
    assert set(learned) == {"shapes", "predictions", "range_guard", "evaluation", "contribution"}
    assert learned["contribution"] == learned["predictions"]
    worth = found["contribution"]
    assert worth["joint"]["auc"] == found["metrics"]["auc"]
    assert all(one["change"]["auc"] < -0.01 for one in worth["parties"])
    assert worth["alone"]["metrics"]["auc"] < worth["joint"]["auc"]
    assert learned["predictions"] == ["127.0.0.1:8884"]
    assert not list(kept.root.rglob("generated/predictions/predict"))


def test_another_receiver_all_rows_and_the_fast_transport(kept: FedrayServer) -> None:
    document = prediction("predict-nn", "kept-nn", {}, receiver=2, transport="fast", batch_size=100)
    done = kept.run(document)
    assert done["status"] == "finished", done
    header, ids, scores = predicted(kept, "predictions/predict-nn")
    assert header == ["ID", "prediction"]
    assert ids == aligned_ids(kept.root / "generated" / "f1")
    assert len(scores) == COMMON
    assert kept.get("/api/v1/tasks/predict-nn/report")["result"] == {
        "model": "kept-nn",
        "rows": COMMON,
        "receiver": "127.0.0.1:8084",
    }


def test_trees_by_their_tag_compared_with_earlier_predictions(kept: FedrayServer) -> None:
    """The metrics are those that the training's last test told, to the last digit."""
    done = kept.run(tree_training("forest", n_estimators=3, max_depth=2, max_bin=8, metric="metrics_pack1"))
    assert done["status"] == "finished", done
    assert fedray(kept, "tag", "forest", "champion").stdout == "Model forest: has the tag champion.\n"
    assert "champion" in fedray(kept, "models").stdout
    before = kept.run(prediction("forest-train", "@champion", part="train", transport="fast"))
    assert before["status"] == "finished", before
    label = {"data_path": "l", "labels_path": "l", "baseline_path": "predictions/forest-train"}
    done = kept.run(prediction("forest-test", "@champion", label, part="test"))
    assert done["status"] == "finished", done
    report = kept.get("/api/v1/tasks/forest-test/report")
    assert (report["result"]["model"], report["result"]["rows"]) == ("forest", COMMON // 5)
    (found,) = report["result"]["evaluation"]["outputs"]
    trained = kept.get("/api/v1/tasks/forest/report")["result"]["metrics"]
    assert {name: found["metrics"][name] for name in trained} == trained
    assert sum(group["baseline_rows"] for group in found["stability"]["groups"]) == COMMON - COMMON // 5
    assert {entry["tag"] for entry in report["leakage"]} == {"shapes", "predictions", "evaluation"}


def test_models_are_listed(kept: FedrayServer) -> None:
    names = [found["model"] for found in kept.get("/api/v1/models", search="kept")["models"]]
    assert names == ["kept-nn", "kept"]
    shown = fedray(kept, "models")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "kept-nn" in shown.stdout
    one = fedray(kept, "model", "kept", "--json")
    assert json.loads(one.stdout)["metrics"]["auc"] > 0.9
    assert "learning_rate_init" in fedray(kept, "model", "kept").stdout
    none = fedray(kept, "model", "nobody")
    assert none.returncode != 0
    assert "Task with name nobody not exist" in none.stderr


def test_refusals_before_the_start(kept: FedrayServer) -> None:
    unknown = kept.post("/createTask", prediction("p1", "nobody"))
    assert unknown["status"] == "err"
    assert 'clients[0].client_config.model: no task has the name "nobody"' in unknown["msg"]
    swapped = prediction("p2", "kept")
    swapped["clients"][2], swapped["clients"][3] = swapped["clients"][3], swapped["clients"][2]
    assert "needs the same clients with data in the same order" in kept.post("/createTask", swapped)["msg"]
    elsewhere = prediction("p3", "kept", receiver=1)
    assert "receiver: expected the place of a client with data" in kept.post("/createTask", elsewhere)["msg"]


def test_a_damaged_part_fails_the_task_with_a_sentence(kept: FedrayServer) -> None:
    (path,) = kept.root.rglob(".fedray/models/kept-nn/1-feature_client/shares.npz")
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    try:
        failed = kept.run(prediction("p5", "kept-nn"))
    finally:
        path.write_bytes(whole)
    assert failed["status"] == "failed"
    assert "model 'kept-nn': shares.npz is damaged" in failed["error"]["message"]
    assert failed["error"]["party"] == "127.0.0.1:8082"
    assert not list(kept.root.rglob("generated/predictions/p5"))


def test_a_scorecard_from_statistics_to_a_model_on_weights_of_evidence(kept: FedrayServer) -> None:
    done = kept.run(changing("scaled", {"step": "scaling", "method": "minmax"}))
    assert (done["status"], done["kind"]) == ("finished", "transform"), done
    assert kept.get("/api/v1/tasks/scaled/report")["result"]["counts"][0]["filled"] == 0
    assert np.loadtxt(kept.root / "generated/f1-t/train.csv", delimiter=",").max() == 1.0
    assert kept.run(looking("columns", "statistics", correlation="all", transport="fast"))["status"] == "finished"
    found = kept.get("/api/v1/tasks/columns/report")["result"]
    assert len(found["vif"]) == len(found["correlation"]["values"])
    done = kept.run(looking("bins", "binning", write=True, max_bin=5))
    assert (done["status"], done["kind"]) == ("finished", "binning"), done
    report = kept.get("/api/v1/tasks/bins/report")
    learned = {entry["tag"]: entry["to"] for entry in report["leakage"]}
    assert learned["bin_counts"] == ["127.0.0.1:8084", "127.0.0.1:8082"]
    assert learned["column_iv"] == ["127.0.0.1:8377"]
    assert report["result"]["columns"][0]["iv"] > 0.1
    shown = fedray(kept, "report", "bins")
    assert (shown.returncode, "information value" in shown.stdout) == (0, True)
    document = linear_training("card", max_iter=100, test_per_batches=100, learning_rate_init=0.05)
    for place, path in ((2, "f1-woe"), (3, "f2-woe"), (4, "l-woe")):
        document["clients"][place]["client_config"] |= {"data_path": path, "scale": "none"}
    assert kept.run(document)["status"] == "finished"
    assert kept.get("/api/v1/tasks/card/report")["result"]["metrics"]["auc"] > 0.8
    points = kept.run(scorecard("points", "card", "bins"))
    assert (points["status"], points["kind"]) == ("finished", "scorecard"), points
    opened = {(entry["tag"], *entry["to"]) for entry in kept.get("/api/v1/tasks/points/report")["leakage"]}
    assert ("intercept", "127.0.0.1:8884") in opened
    with (kept.root / "generated/scorecards/points2/points.csv").open(newline="") as handle:
        assert len(list(csv.reader(handle))) == COMMON + 1


def test_deleting_a_model(kept: FedrayServer) -> None:
    folder = kept.root / ".fedray" / "models" / "kept-nn"
    assert len(list(folder.iterdir())) == 3
    careful = fedray(kept, "forget", "kept-nn")
    assert careful.returncode != 0
    assert "--yes" in careful.stderr
    done = fedray(kept, "forget", "kept-nn", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    receipts = json.loads(done.stdout)["receipts"]
    assert [receipt["party"] for receipt in receipts] == [f"127.0.0.1:{port}" for port in (8084, 8082, 8884)]
    assert all(len(receipt["digest"]) == 64 for receipt in receipts)
    assert not folder.exists()
    refused = kept.post("/createTask", prediction("p6", "kept-nn"))
    assert 'the parties have deleted the model "kept-nn"' in refused["msg"]
