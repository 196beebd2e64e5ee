"""The sentence that says whom the parties must trust; every place that shows a task shows it."""

from __future__ import annotations

from typing import Final

__all__ = ["LAB_NOTICE", "PARITY_NOTICE", "notices", "trust_notice"]

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


def notices(trust_mode: str, parity: bool) -> list[str]:
    """Return the sentences for a task: whom its parties trust, and what parity mode shows."""
    return [notice for notice in (trust_notice(trust_mode), PARITY_NOTICE if parity else "") if notice]
