"""Numbers out of Arrow's columns."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["as_floats"]

_BYTES = 8


def as_floats(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    """Return a column of float64, shape (rows,), NaN for a null.

    As ``column.to_numpy()``, which imports pandas: half a second in the process of every party that has data.
    """
    return np.concatenate([np.empty(0), *(_chunk(chunk) for chunk in column.chunks)])


def _chunk(chunk: pa.Array) -> npt.NDArray[np.float64]:
    valid, cells = chunk.buffers()
    values = np.frombuffer(cells, np.float64, len(chunk), chunk.offset * _BYTES)
    if not chunk.null_count:
        return values
    bits = np.unpackbits(np.frombuffer(valid, np.uint8), count=chunk.offset + len(chunk), bitorder="little")
    return np.where(bits[chunk.offset :], values, np.nan)
