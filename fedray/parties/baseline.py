"""Earlier predictions of the receiver, with which new ones are compared: read before anything is said."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.data.new_rows import load_predictions
from fedray.data.root import DataRoot
from fedray.data.wording import count
from fedray.errors import DataError
from fedray.ml.groups import LEAST
from fedray.ml.stability import stability

__all__ = ["Baseline", "baseline_of"]

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Baseline:
    """Predictions of other rows, such as the training's; they never leave the receiver. Shape (m, outputs)."""

    predictions: Float

    def check(self, rows: int) -> None:
        """See that there are enough new rows.

        Raises
        ------
        DataError
            There are not.
        """
        if rows < LEAST:
            raise DataError(f"baseline_path: expected at least {LEAST} rows to compare, got {rows} new ones")

    def compare(self, predictions: Float) -> list[dict[str, object]]:
        """Return, for each output, how far its distribution has moved: see `fedray.ml.stability`."""
        return [stability(before, now) for before, now in zip(self.predictions.T, predictions.T, strict=True)]


def baseline_of(root: DataRoot, path: str, outputs: int) -> Baseline:
    """Return the predictions in a folder of the receiver's.

    Raises
    ------
    DataError
        There are none, too few, or not as many for each row as the model makes.
    """
    found = load_predictions(root.generated_dir(path, field="baseline_path"), "baseline_path")
    if found.shape[1] != outputs:
        made = count(outputs, "prediction")
        raise DataError(f"baseline_path: the model makes {made} for each row; the file there has {found.shape[1]}")
    if len(found) < LEAST:
        raise DataError(f"baseline_path: expected at least {LEAST} rows to compare, got {len(found)} earlier ones")
    return Baseline(found)
