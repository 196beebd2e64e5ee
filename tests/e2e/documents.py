"""Requests as clients of the MainServer API write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.api.documents import member

__all__ = ["SEED", "alignment", "linear_training", "prediction", "seed", "serving", "training", "tree_training"]

Json = dict[str, Any]
SEED = Path(__file__).with_name("seed_create_task.txt").read_text(encoding="utf-8")
"""The documented createTask request, to the letter: comments behind # and a comma behind the last value."""


def seed(name: str) -> str:
    """Return the documented request under another name."""
    return SEED.replace("test-datagen", name)


def alignment(name: str, folder: str = "Splitted_Indexed_Data", out: str = "") -> Json:
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "alignment_main"),
            *(
                member(role, port, "alignment_data", raw_data_path=f"{folder}/{file}.csv", out_data_path=f"{out}{to}")
                for role, port, file, to in (
                    ("feature_client", 8084, "credit_default_data1", "f1"),
                    ("feature_client", 8082, "credit_default_data2", "f2"),
                    ("label_client", 8884, "credit_default_label", "l"),
                )
            ),
        ],
    }


def training(name: str, paths: tuple[str, str, str] = ("f1", "f2", "l"), **main: object) -> Json:
    """Return a training; the fields of the main client's configuration as keywords."""
    config: Json = {"in_dim": 1, "layers": [], "batch_size": 64, "max_iter": 60, "test_per_batches": 20, **main}
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "shared_nn_main", **config),
            member("crypto_producer", 8999, "triplet_producer"),
            member("feature_client", 8084, "shared_nn_feature", data_path=paths[0]),
            member("feature_client", 8082, "shared_nn_feature", data_path=paths[1]),
            member("label_client", 8884, "shared_nn_label", data_path=paths[2], loss="bce", metric="auc_ks"),
        ],
    }


def linear_training(name: str, **main: object) -> Json:
    """Return the training of a linear model on the tables of `training`; the main client's fields as keywords."""
    config: Json = {"batch_size": 64, "max_iter": 60, "test_per_batches": 20, **main}
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "linear_main", **config),
            member("crypto_producer", 8999, "triplet_producer"),
            member("feature_client", 8084, "linear_feature", data_path="f1"),
            member("feature_client", 8082, "linear_feature", data_path="f2"),
            member("label_client", 8884, "linear_label", data_path="l"),
        ],
    }


def tree_training(name: str, **main: object) -> Json:
    """Return the training of boosted trees on the tables of `training`; the main client's fields as keywords."""
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "secure_xgboost_main", **main),
            member("crypto_producer", 8999, "triplet_producer"),
            member("feature_client", 8084, "secure_xgboost_feature", data_path="f1"),
            member("feature_client", 8082, "secure_xgboost_feature", data_path="f2"),
            member("label_client", 8884, "secure_xgboost_label", data_path="l"),
        ],
    }


def serving(name: str, model: str, **main: object) -> Json:
    """Return a task that answers requests with a model of these trainings; the main client's fields as keywords."""
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "serve_main", model=model, **main),
            member("crypto_producer", 8999, "triplet_producer"),
            member("feature_client", 8084, "serve_feature", data_path="f1"),
            member("feature_client", 8082, "serve_feature", data_path="f2"),
            member("label_client", 8884, "serve_label", data_path="l"),
        ],
    }


def prediction(name: str, model: str, label: Json | None = None, **main: object) -> Json:
    """Return a task that predicts with a model of `training` or `linear_training`; main's fields as keywords."""
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "predict_main", model=model, **main),
            member("crypto_producer", 8999, "triplet_producer"),
            member("feature_client", 8084, "predict_feature", data_path="f1"),
            member("feature_client", 8082, "predict_feature", data_path="f2"),
            member("label_client", 8884, "predict_label", **({"data_path": "l"} if label is None else label)),
        ],
    }


def looking(name: str, kind: str, write: bool = False, **main: object) -> Json:
    """Return a task of binning or statistics on the tables of `training`; with `write` into f1-woe and so on."""

    def table(path: str) -> Json:
        return {"data_path": path, **({"out_data_path": f"{path}-woe"} if write else {})}

    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, f"{kind}_main", **main),
            member("crypto_producer", 8999, "triplet_producer"),
            member("feature_client", 8084, f"{kind}_feature", **table("f1")),
            member("feature_client", 8082, f"{kind}_feature", **table("f2")),
            member("label_client", 8884, f"{kind}_label", **table("l")),
        ],
    }


def changing(name: str, *steps: Json) -> Json:
    """Return a task of steps for the feature clients' tables of `training`, written into f1-t and so on."""
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "transform_main"),
            member("feature_client", 8084, "transform_feature", data_path="f1", out_data_path="f1-t", steps=steps),
            member("feature_client", 8082, "transform_feature", data_path="f2", out_data_path="f2-t", steps=steps),
        ],
    }


def scorecard(name: str, model: str, binning: str) -> Json:
    """Return a task of a scorecard, with points of the rows of `training`."""
    clients = [("feature", 8084, "f1"), ("feature", 8082, "f2"), ("label", 8884, "l")]
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "scorecard_main", model=model, binning=binning),
            *(
                member(
                    f"{role}_client", port, f"scorecard_{role}", data_path=path, out_data_path=f"scorecards/{name}{k}"
                )
                for k, (role, port, path) in enumerate(clients)
            ),
        ],
    }
