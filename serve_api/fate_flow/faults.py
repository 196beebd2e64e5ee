"""What FATE-Flow's clients are told when something is wrong: a number and a sentence."""

from __future__ import annotations

from typing import Final

__all__ = ["NOT_FOUND", "REFUSED", "FateError"]

REFUSED: Final = 100
"""The request cannot be carried out as it stands."""
NOT_FOUND: Final = 101
"""A parameter is wrong, or what it names is not there."""


class FateError(Exception):
    """A request that is answered with another code than 0.

    Parameters
    ----------
    retcode
        As in FATE-Flow's replies.
    retmsg
        What was expected, what came, what to do.
    """

    def __init__(self, retcode: int, retmsg: str) -> None:
        super().__init__(retcode, retmsg)
        self.retcode, self.retmsg = retcode, retmsg

    def __str__(self) -> str:
        return self.retmsg
