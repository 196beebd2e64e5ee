"""One list of names for the columns of all parties."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

__all__ = ["joined_names"]

_NOT_ALLOWED = re.compile(r"[\[\]<]")
"""What XGBoost takes in no name."""


def joined_names(parties: Sequence[str], columns: Sequence[Sequence[str]]) -> list[str]:
    """Return a name for each column of each party, all different: its own, with the party's where two have it.

    Parameters
    ----------
    parties
        Names of the parties.
    columns
        Of each party.
    """
    cleaned = [[_NOT_ALLOWED.sub("_", name) for name in names] for names in columns]
    often = Counter(name for names in cleaned for name in names)
    found = [
        name if often[name] == 1 else f"{_NOT_ALLOWED.sub('_', party)}.{name}"
        for party, names in zip(parties, cleaned, strict=True)
        for name in names
    ]
    again = Counter(found)
    return [name if again[name] == 1 else f"{name}#{place}" for place, name in enumerate(found)]
