"""Pipeline documents as a client sends them."""

from __future__ import annotations

from typing import Any

from tests.api.documents import alignment, member, predicting, training

__all__ = ["output", "pipeline", "step"]

Json = dict[str, Any]


def output(step: str, name: str) -> Json:
    """Return what stands for an output of a step."""
    return {"from": step, "output": name}


def step(name: str, task: Json, *after: str) -> Json:
    """Return a step out of a task document, whose own name goes."""
    body = {key: value for key, value in task.items() if key != "task_name"}
    return {"name": name, "task": body} | ({"after": [*after]} if after else {})


def aligned() -> Json:
    """Return an alignment that leaves it to the pipeline where its data sets lie."""
    task = alignment()
    for client in task["clients"][1:]:
        del client["client_config"]["out_data_path"]
    return task


def trained(data: str = "align") -> Json:
    """Return a training on the data sets of a step."""
    task = training()
    for place in (2, 3):
        task["clients"][place]["client_config"]["data_path"] = output(data, "data")
    return task


def binned() -> Json:
    """Return a binning of the data sets of an alignment."""
    return {
        "clients": [
            member("main_client", 8377, "binning_main"),
            member("crypto_producer", 8390, "triplet_producer"),
            member("feature_client", 8084, "binning_feature", data_path=output("align", "data")),
            member("label_client", 8884, "binning_label", data_path=output("align", "data")),
        ]
    }


def predicted() -> Json:
    """Return a prediction with the model of a step, of the rows of an alignment that went through a binning."""
    task = predicting("p", "m")
    task["clients"][0]["client_config"]["model"] = output("train", "model")
    for place in (2, 3):
        config = task["clients"][place]["client_config"]
        config |= {"data_path": output("align", "data"), "transforms": [output("bins", "binning")]}
    return task


def pipeline(name: str = "p") -> Json:
    """Return alignment, binning, training, prediction."""
    return {
        "name": name,
        "steps": [
            step("align", aligned()),
            step("bins", binned()),
            step("train", trained("bins")),
            step("predict", predicted()),
        ],
    }
