"""The sentence that says whom the parties must trust; every place that shows a task shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

__all__ = ["LAB_NOTICE", "PARITY_NOTICE", "PUBLIC_MASKS_NOTICE", "notices", "notices_of", "trust_notice"]

LAB_NOTICE: Final = (
    "Trust: this server runs in lab mode, on one Ray cluster, where whoever may submit to the cluster can "
    "run code on every node; all parties must trust the operator of this cluster."
)


def trust_notice(trust_mode: str) -> str:
    """Return the sentence for a trust mode, or "" for a mode that asks for no such trust."""
    return LAB_NOTICE if trust_mode == "lab" else ""


PARITY_NOTICE: Final = (
    "Parity: this task shows all features of all parties, and every value of its training, to the label client; "
    "use it only with data that may be pooled."
)


PUBLIC_MASKS_NOTICE: Final = (
    "INSECURE: the masks of this task follow from its public seed and hide nothing; use it only with data that may be "
    "pooled, to show that a training that was broken off ends with the same model."
)


def notices(trust_mode: str, parity: bool, public_masks: bool = False) -> list[str]:
    """Return the sentences for a task: whom its parties trust, and what parity mode and public masks show."""
    shown = (trust_notice(trust_mode), PARITY_NOTICE if parity else "", PUBLIC_MASKS_NOTICE if public_masks else "")
    return [notice for notice in shown if notice]


def notices_of(told: Mapping[str, Any]) -> list[str]:
    """Return the sentences for a task or a report as the native API answers it."""
    return notices(str(told.get("trust_mode", "")), bool(told.get("parity")), bool(told.get("public_masks")))
