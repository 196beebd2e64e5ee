"""Task documents as a client sends them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

DIALECT = b"""{
    "task_name": "dialect",  # the name of the task
    "clients": [
        {"role": "main_client", "addr": "127.0.0.1", "http_port": 8377,
         "client_config": {"client_type": "alignment_main", "computation_port": 8378,}},
        # two parties with data
        {"role": "feature_client", "addr": "127.0.0.1", "http_port": 8082,
         "client_config": {"computation_port": 8083, "client_type": "alignment_data",
                           "raw_data_path": "a # b.csv", "out_data_path": "f"}},
        {"role": "label_client", "addr": "127.0.0.1", "http_port": 8884,
         "client_config": {"computation_port": 8885, "client_type": "alignment_data",
                           "raw_data_path": "label.csv", "out_data_path": "l"}},
    ],
}"""


def member(role: str, port: int, client_type: str, **config: object) -> Json:
    return {
        "role": role,
        "addr": "127.0.0.1",
        "http_port": port,
        "client_config": {"client_type": client_type, "computation_port": port + 1, **config},
    }


def alignment(name: str = "t") -> Json:
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "alignment_main"),
            member("feature_client", 8084, "alignment_data", raw_data_path="raw/a.csv", out_data_path="f1"),
            member("feature_client", 8082, "alignment_data", raw_data_path="raw/b.csv", out_data_path="f2"),
            member("label_client", 8884, "alignment_data", raw_data_path="raw/l.csv", out_data_path="l"),
        ],
    }


def training(name: str = "t") -> Json:
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "shared_nn_main", in_dim=1, batch_size=64, max_iter=303),
            member("crypto_producer", 8390, "triplet_producer"),
            member("feature_client", 8084, "shared_nn_feature", data_path="f1"),
            member("label_client", 8884, "shared_nn_label", data_path="l", metric="auc_ks"),
        ],
    }


def predicting(name: str, model: str) -> Json:
    """Return a task that predicts with the model of `training`."""
    return {
        "task_name": name,
        "clients": [
            member("main_client", 8377, "predict_main", model=model),
            member("crypto_producer", 8390, "triplet_producer"),
            member("feature_client", 8084, "predict_feature", data_path="f1"),
            member("label_client", 8884, "predict_label", data_path="l"),
        ],
    }
