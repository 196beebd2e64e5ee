"""Where a training goes on: what one party kept of a model between two steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fedray.ring import Ring


@dataclass(frozen=True, eq=False)
class Saved:
    """One party's part of a model between two steps.

    Attributes
    ----------
    done
        Steps that had been done.
    arrays
        My summands, as the model's `state` gave them.
    """

    done: int
    arrays: Mapping[str, Ring]
