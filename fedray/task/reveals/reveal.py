"""One kind of value that a task opens: what it is, to whom, and the known attack if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["Reveal", "To"]

To = Literal["all", "data", "label", "main", "receiver", "owner"]
"""Who learns a value: everybody but the dealer, the parties with data, the label party, the main client, the party that
a task declares as receiver, or each party with features for itself."""


@dataclass(frozen=True)
class Reveal:
    """One kind of value that a task opens.

    Attributes
    ----------
    tag
        The name by which the code opens it.
    to
        Who learns it.
    what
        What it is, in a sentence.
    attack
        What is known to be learnable from it beyond itself, or "".
    """

    tag: str
    to: To
    what: str
    attack: str = ""
