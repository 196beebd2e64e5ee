"""FATE's HeteroKmeans, from DSL and configuration to clusters and their evaluation, every task in threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from fedray.ml.kmeans_design import KMeansDesign
from serve_api.fate_flow.compiled import CompiledJob
from serve_api.fate_flow.faults import FateError
from serve_api.fate_flow.predicting import predict_dsl
from tests.clusters import blobs
from tests.fate_jobs import GUEST, HOST, Json, World, conf_2, dsl_2, evaluated, trainer

ROWS = 150
PARAMETERS: Json = {"k": 3, "max_iter": 10, "random_stat": 2}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a server with three blobs: y and two columns at the guest, three at the host, all rows in common."""
    made = World(tmp_path)
    x, y = blobs(ROWS, 5, apart=6.0)
    ids = [f"r{k:03d}" for k in range(ROWS)]
    made.add("guest", {"y": y.tolist(), "x0": x[:, 0].tolist(), "x1": x[:, 1].tolist()}, ids)
    made.add("host", {f"x{k}": x[:, 2 + k].tolist() for k in range(3)}, ids)
    return made


def clustering(parameters: Json, evaluation: Json | None = None) -> tuple[Json, Json]:
    dsl = dsl_2(
        ("kmeans_0", trainer("HeteroKmeans", "intersection_0.data")), ("evaluation_0", evaluated("kmeans_0.data"))
    )
    return dsl, conf_2(kmeans_0=parameters, evaluation_0={"eval_type": "clustering", **(evaluation or {})})


def clusters(world: World, compiled: CompiledJob) -> list[list[object]]:
    (table,) = world.outcome(compiled, "kmeans_0").data[GUEST]
    assert table.header == ("id", "label", "predicted_label", "type")
    assert table.total == ROWS
    return list(table.rows())


def test_clusters_their_evaluation_and_their_predictions(world: World) -> None:
    x, y = blobs(ROWS, 5, apart=6.0)
    trained = world.compile(*clustering(PARAMETERS))
    assert any("DBI" in text for text in trained.component("kmeans_0").warnings)
    world.run(trained)
    starts = KMeansDesign((3, 2), (ROWS, 0), 3, 10, 1e-3, 2.0**14, "seed 2").starts()
    plain = KMeans(3, init=x[starts], n_init=1, tol=0.0).fit(x)
    rows = clusters(world, trained)
    found = np.array([row[2] for row in rows])
    assert adjusted_rand_score(plain.labels_, found) >= 0.99
    assert [row[1] for row in rows] == y.tolist()
    assert {row[3] for row in rows} == {"train"}

    told = world.outcome(trained, "kmeans_0")
    assert HOST not in told.data
    data = told.model[HOST]["data"]
    assert (data["countOfClusters"], data["converged"], data["header"]) == (3, True, ["x0", "x1", "x2"])
    centroids = np.array([one["centroid"] for one in data["centroidDetail"]])
    assert np.abs(centroids - plain.cluster_centers_[:, 2:]).max() < 1e-3
    sizes = [[float(k), float(n), n / ROWS] for k, n in enumerate(np.bincount(found))]
    assert [one["cluster"] for one in data["clusterDetail"]] == sizes
    assert told.model[GUEST]["meta"] == {"k": 3, "tol": 0.001, "maxIter": 10}
    assert told.summary[GUEST]["is_converged"] is True

    metric = world.outcome(trained, "evaluation_0").metrics[GUEST]["train"]["kmeans_0"]
    numbers = dict(metric.data)
    assert numbers["adjusted_rand_score"] == pytest.approx(adjusted_rand_score(y, found), abs=1e-6)
    assert set(numbers) == {"adjusted_rand_score", "fowlkes_mallows_score", "jaccard_similarity_score"}

    predicting = world.compile(*prediction(trained), "2", trained)
    world.run(predicting)
    again = clusters(world, predicting)
    assert [row[2] for row in again] == found.tolist()
    assert {row[3] for row in again} == {"predict"}


def prediction(trained: CompiledJob) -> tuple[Json, Json]:
    conf = conf_2()
    conf["job_parameters"]["common"] |= {"job_type": "predict", "model_id": "m", "model_version": "1"}
    made = predict_dsl(trained.job, ["data_transform_0", "intersection_0", "kmeans_0"])
    reader: Json = {"module": "Reader", "output": {"data": ["data"]}}
    return {"components": {"reader_0": reader, **made["components"]}}, conf


def test_a_guest_without_labels_gets_clusters_too(world: World) -> None:
    dsl, conf = clustering(PARAMETERS)
    del dsl["components"]["evaluation_0"]
    del conf["component_parameters"]["common"]["evaluation_0"]
    conf["component_parameters"]["role"]["guest"]["0"]["data_transform_0"] = {"with_label": False}
    compiled = world.compile(dsl, conf)
    world.run(compiled)
    assert world.outcome(compiled, "kmeans_0").model[GUEST]["data"]["header"] == ["y", "x0", "x1"]
    rows = clusters(world, compiled)
    assert {row[1] for row in rows} == {None}
    assert {row[2] for row in rows} == {0, 1, 2}


@pytest.mark.parametrize(
    ("parameters", "evaluation", "words"),
    [
        ({"k": 1}, {}, "kmeans_0, module HeteroKmeans: parameter k: expected a number from 2 to 256, got 1"),
        ({"k": "3"}, {}, "parameter k: expected a number from 2 to 256"),
        ({"max_iter": 0}, {}, "parameter max_iter: expected a number from 1 to 10000, got 0"),
        ({"tol": -1}, {}, "parameter tol: expected a number from 0"),
        ({"random_stat": -1}, {}, "parameter random_stat: expected a number from 0"),
        ({"init": "k-means++"}, {}, "init"),
        (PARAMETERS, {"metrics": ["davies_bouldin_index"]}, "davies_bouldin_index is not supported here"),
        (PARAMETERS, {"eval_type": "binary"}, "parameter eval_type: kmeans_0 predicts for clustering"),
        (PARAMETERS, {"run_clustering_arbiter_metric": True}, "run_clustering_arbiter_metric"),
    ],
)
def test_what_is_not_done_is_refused_by_name(world: World, parameters: Json, evaluation: Json, words: str) -> None:
    with pytest.raises(FateError) as refused:
        world.compile(*clustering(parameters, evaluation))
    assert words in refused.value.retmsg
