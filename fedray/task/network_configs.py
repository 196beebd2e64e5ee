"""What the parties of a network's training may be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from fedray.task.config_bases import TableConfig, TrainMain
from fedray.task.fields import choice, flag, number, optional, whole

__all__ = ["NetFeature", "NetLabel", "NetMain"]

MAX_WIDTH = 4096


class NetMain(TrainMain):
    """The network and its training.

    Attributes
    ----------
    in_dim, layers
        Width of the first layer, and the widths after it.
    out_dim
        Width of the output: the last width. Taken from it when left out.
    learning_rate
        Step size of gradient descent.
    bias
        Whether every layer has an additive term of its own.
    seed
        Seed of the batches, for repeatable runs; None lets the server draw one.
    """

    client_type: Literal["shared_nn_main"]
    in_dim: Annotated[int, whole(1, MAX_WIDTH)]
    out_dim: Annotated[int, whole(1, MAX_WIDTH)] = 1
    layers: Annotated[
        tuple[Annotated[int, whole(1, MAX_WIDTH)], ...],
        Field(max_length=16),
    ] = ()
    learning_rate: Annotated[float, number(0, 100)] = 0.1
    bias: Annotated[bool, flag()] = True
    seed: Annotated[int | None, optional(0, 2**63 - 1)] = None

    @property
    def last_width(self) -> int:
        """The width of the last layer."""
        return self.layers[-1] if self.layers else self.in_dim

    @property
    def common_seed(self) -> int | None:
        """The field `seed`."""
        return self.seed

    @model_validator(mode="before")
    @classmethod
    def _fill_out_dim(cls, data: object) -> object:
        if not isinstance(data, dict) or "out_dim" in data:
            return data
        layers = data.get("layers")
        last = layers[-1] if isinstance(layers, list | tuple) and layers else data.get("in_dim")
        # A last width that is wrong itself gets its own message; a second one about out_dim would confuse.
        known = type(last) is int and 1 <= last <= MAX_WIDTH
        return {**data, "out_dim": last} if known else data


class NetFeature(TableConfig):
    """A party with columns of features."""

    client_type: Literal["shared_nn_feature"]


class NetLabel(TableConfig):
    """The party with the label, which is never scaled.

    Attributes
    ----------
    loss
        ``mse`` or ``bce``.
    metric
        ``auc``, ``auc_ks`` or ``metrics_pack1``.
    """

    client_type: Literal["shared_nn_label"]
    loss: Annotated[Literal["mse", "bce"], choice("mse", "bce")] = "mse"
    metric: Annotated[
        Literal["auc", "auc_ks", "metrics_pack1"],
        choice("auc", "auc_ks", "metrics_pack1"),
    ] = "auc"
