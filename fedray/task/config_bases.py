"""What the configurations of clients have in common: roles, kinds of tasks, and the fields that many types have."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict

from fedray.task.fields import choice, flag, relative_path, whole

__all__ = [
    "MAX_CLIENTS",
    "Client",
    "ClientConfig",
    "DataTable",
    "Kind",
    "LongMain",
    "MainConfig",
    "Role",
    "TableConfig",
    "TrainMain",
]

MAX_CLIENTS = 64


class Role(StrEnum):
    """What a client is in a task."""

    MAIN_CLIENT = "main_client"
    CRYPTO_PRODUCER = "crypto_producer"
    FEATURE_CLIENT = "feature_client"
    LABEL_CLIENT = "label_client"


class Kind(StrEnum):
    """What a task does."""

    ALIGNMENT = "alignment"
    SHARED_NN = "shared_nn"
    LINEAR = "linear"
    PREDICT = "predict"
    SERVE = "serve"
    TREES = "secure_xgboost"
    BINNING = "binning"
    STATISTICS = "statistics"
    TRANSFORM = "transform"
    SCORECARD = "scorecard"
    EXPORT = "export"
    SUM = "sum"
    KMEANS = "kmeans"


class ClientConfig(BaseModel):
    """What every type of client has.

    Attributes
    ----------
    client_type
        The type of client, which fixes the other fields.
    computation_port
        Port for protocol messages, 1 to 65535; used between clusters only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_type: str
    computation_port: Annotated[int, whole(1, 65535)]


Client = tuple[Role, ClientConfig]
"""What the rules of a task see of a client."""


class MainConfig(ClientConfig):
    """What every type of main client has.

    Attributes
    ----------
    transport
        How frames travel on a Ray cluster: ``ray`` by actor calls, ``fast`` by encrypted streams between the nodes.
    """

    transport: Annotated[Literal["ray", "fast"], choice("ray", "fast")] = "ray"

    @property
    def common_seed(self) -> int | None:
        """The public seed that the document fixes, or None."""
        return None


class LongMain(MainConfig):
    """What every type of main client has whose task can go on after it was broken off.

    Attributes
    ----------
    checkpoint_every
        Steps (batches or trees) between two checkpoints, which each client with data keeps for itself; 0 for none.
    resume
        Whether the task goes on by itself when a party was lost or the server ended.
    resume_attempts
        How often it does.
    parity
        Whether the label client trains in clear beside, on features that all others show to it; trust mode lab only.
    public_masks
        Whether masks come from the public seed, so that they hide nothing and two trainings are equal to the last bit;
        trust mode lab on one machine only.
    """

    checkpoint_every: Annotated[int, whole(0, 10**8)] = 500
    resume: Annotated[Literal["manual", "auto"], choice("manual", "auto")] = "manual"
    resume_attempts: Annotated[int, whole(1, 100)] = 3
    parity: Annotated[bool, flag()] = False
    public_masks: Annotated[bool, flag()] = False


class TrainMain(LongMain):
    """What every type of main client of a training in batches has.

    Attributes
    ----------
    batch_size, test_batch_size
        Rows per training batch and per test batch.
    test_per_batches
        Batches between two tests.
    max_iter
        Number of batches.
    """

    batch_size: Annotated[int, whole(1, 100_000)] = 64
    test_batch_size: Annotated[int, whole(1, 100_000)] = 10_000
    test_per_batches: Annotated[int, whole(1, 10**8)] = 1001
    max_iter: Annotated[int, whole(1, 10**8)] = 10_010


class DataTable(ClientConfig):
    """What every type of client with a table to train on has.

    Attributes
    ----------
    data_path
        Folder below the party's generated-data folder, with ``train.csv`` and ``test.csv``.
    """

    data_path: Annotated[str, relative_path()]


class TableConfig(DataTable):
    """What every type of client with a table of numbers to be scaled has.

    Attributes
    ----------
    scale
        ``standard`` scales each column of features by its mean and deviation on the training rows.
    """

    scale: Annotated[Literal["standard", "none"], choice("standard", "none")] = "standard"
