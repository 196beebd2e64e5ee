"""What the clients of a task may be told that adds numbers: a check that parties can compute together."""

from __future__ import annotations

from typing import Annotated, Literal

from fedray.task.config_bases import ClientConfig, MainConfig
from fedray.task.fields import whole

__all__ = ["SumFeature", "SumLabel", "SumMain"]


class SumMain(MainConfig):
    """How many numbers are added.

    Attributes
    ----------
    count
        Numbers of each client with data; each of them is 1.
    """

    client_type: Literal["sum_main"]
    count: Annotated[int, whole(1, 10**6)] = 1000


class SumFeature(ClientConfig):
    """A party that brings numbers."""

    client_type: Literal["sum_feature"]


class SumLabel(ClientConfig):
    """A party that brings numbers, as any other."""

    client_type: Literal["sum_label"]
