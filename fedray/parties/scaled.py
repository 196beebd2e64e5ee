"""What recipes have in common whose models take scaled numbers: networks and linear models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fedray.data.scaling import Standardizer
from fedray.errors import LocalProtocolError
from fedray.task.config_bases import DataTable, TableConfig

__all__ = ["Scaled"]


class Scaled:
    """Base of recipes: features without gaps, scaled as the client's configuration says."""

    @property
    def untested(self) -> bool:
        """False: there must be test rows."""
        return False

    def gaps(self, config: DataTable) -> bool:  # noqa: ARG002 - the interface
        """Return False: every cell must hold a number."""
        return False

    def fit(self, config: DataTable, train: npt.NDArray[np.float64], columns: Sequence[str]) -> Standardizer:
        """Take mean and deviation of the training rows, if the client scales."""
        if not isinstance(config, TableConfig):
            raise LocalProtocolError("the plan gives this party no configuration with a table to scale")
        return Standardizer.fit(train, columns, config.scale)
