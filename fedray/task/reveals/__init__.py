"""The values a task opens in clear: to whom, what, and the known attack if there is one.

This is the list behind the leakage report. A value that is not on it must not be opened.
"""

from __future__ import annotations

from fedray.task.config_bases import Kind
from fedray.task.reveals.columns import COLUMN_REVEALS
from fedray.task.reveals.models import MODEL_REVEALS
from fedray.task.reveals.options import P_VALUES, PARITY, PUBLIC_MASKS
from fedray.task.reveals.reveal import Reveal, To
from fedray.task.reveals.training import TRAINING_REVEALS

__all__ = ["Reveal", "To", "reveals_of"]

_REVEALS = COLUMN_REVEALS | TRAINING_REVEALS | MODEL_REVEALS


def reveals_of(
    kind: Kind, *, parity: bool = False, public_masks: bool = False, p_values: bool = False
) -> tuple[Reveal, ...]:
    """Return the values that a task of this kind may open, with those of the options that it has."""
    options = ((PARITY, parity), (P_VALUES, p_values), (PUBLIC_MASKS, public_masks))
    return (*_REVEALS[kind], *(reveal for group, on in options if on for reveal in group))
