"""What a party's policy says of a task, as its own node tells the server: no rule and no value of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fedray.errors import RemoteProtocolError

__all__ = ["Standing"]


@dataclass(frozen=True)
class Standing:
    """How a party stands to a task that it does not refuse.

    Attributes
    ----------
    party
        Its name.
    policy
        SHA-256 of its policy; "" where it has none.
    manual
        Whether its data owner says yes to each task.
    approval_hours
        How long the task waits for that.
    """

    party: str
    policy: str = ""
    manual: bool = False
    approval_hours: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """Return JSON values that `from_dict` reads back."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Standing:
        """Return the standing that `as_dict` wrote.

        Raises
        ------
        RemoteProtocolError
            It is none.
        """
        try:
            hours = float(told["approval_hours"])
            return cls(str(told["party"]), str(told["policy"]), told["manual"] is True, hours)
        except (KeyError, TypeError, ValueError):
            raise RemoteProtocolError("a party's node: expected how the party stands to the task") from None
