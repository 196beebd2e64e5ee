"""The credit data, cut among any number of parties, and the tasks that the benchmarks run on it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.tasks import client, plan_of
from fedray.data.root import DataRoot
from fedray.errors import DataError, SpecError
from fedray.task.plan import TaskPlan

__all__ = [
    "COLUMNS",
    "Training",
    "alignment_document",
    "alignment_plan",
    "feature_port",
    "training_plan",
    "write_tables",
]

FEATURES = ("credit_default_data1.csv", "credit_default_data2.csv")
COLUMNS = 23
LABEL = "credit_default_label.csv"
MAIN_PORT, DEALER_PORT, LABEL_PORT, FIRST_PORT = 8377, 8999, 8884, 8084


@dataclass(frozen=True)
class Training:
    """What is trained.

    Attributes
    ----------
    parties
        Computing parties: the label client and clients with features.
    widths
        Of the layers; (1,) is logistic regression.
    """

    widths: tuple[int, ...] = (1,)
    batch: int = 64
    steps: int = 10
    rate: float = 0.05
    loss: str = "bce"
    parties: int = 3


def write_tables(data: Path, root: DataRoot, parties: int) -> None:
    """Write the raw tables ``f1``, ``f2``, ... and ``l`` of so many computing parties.

    Three parties hold the files as they are; for another number their columns are joined and cut anew.

    Raises
    ------
    DataError
        A file is missing.
    SpecError
        There are not as many columns as feature clients.
    """
    raw = root.path / "raw"
    shutil.copy(_find(data, LABEL), raw / "l.csv")
    files = [_find(data, file) for file in FEATURES]
    if parties == len(files) + 1:
        for number, file in enumerate(files, 1):
            shutil.copy(file, raw / f"f{number}.csv")
        return
    one, other = (pd.read_csv(file, dtype=str, keep_default_na=False) for file in files)
    table = one.merge(other, on=one.columns[0])
    columns = list(table.columns[1:])
    if not 2 <= parties <= len(columns) + 1:
        raise SpecError(f"--parties {parties}: expected 2 to {len(columns) + 1}, the columns there are and the label")
    for number, mine in enumerate(np.array_split(np.arange(len(columns)), parties - 1), 1):
        table.iloc[:, [0, *(1 + mine)]].to_csv(raw / f"f{number}.csv", index=False)


def _find(data: Path, file: str) -> Path:
    for folder in (data, data / "Splitted_Indexed_Data"):
        if (folder / file).is_file():
            return folder / file
    raise DataError(f"--data: no {file} there")


def alignment_document(parties: int) -> dict[str, object]:
    """Return a task that aligns the tables of so many computing parties into folders of the same names."""

    def data_client(role: str, port: int, name: str) -> dict[str, object]:
        return client(role, port, client_type="alignment_data", raw_data_path=f"{name}.csv", out_data_path=name)

    features = [data_client("feature_client", feature_port(k), f"f{k}") for k in range(1, parties)]
    main = client("main_client", MAIN_PORT, client_type="alignment_main")
    return {"task_name": "align", "clients": [main, *features, data_client("label_client", LABEL_PORT, "l")]}


def alignment_plan(parties: int) -> TaskPlan:
    """Return the plan of `alignment_document`."""
    document: Any = alignment_document(parties)
    return plan_of(document["task_name"], document["clients"])


def training_plan(name: str, training: Training, transport: str = "ray") -> TaskPlan:
    """Return a plan of training on the aligned tables, with one test, at the end."""
    main = {
        "client_type": "shared_nn_main",
        "in_dim": training.widths[0],
        "layers": list(training.widths[1:]),
        "batch_size": training.batch,
        "max_iter": training.steps,
        "test_per_batches": training.steps,
        "learning_rate": training.rate,
        "transport": "fast" if transport == "fast" else "ray",
    }
    label = {"client_type": "shared_nn_label", "loss": training.loss, "metric": "auc", "data_path": "l"}
    return plan_of(
        name,
        [
            client("main_client", MAIN_PORT, **main),
            client("crypto_producer", DEALER_PORT, client_type="triplet_producer"),
            *(
                client("feature_client", feature_port(k), client_type="shared_nn_feature", data_path=f"f{k}")
                for k in range(1, training.parties)
            ),
            client("label_client", LABEL_PORT, **label),
        ],
    )


def feature_port(number: int) -> int:
    """Return the port of a client with features, counted from 1."""
    return FIRST_PORT + 2 * (number - 1)
