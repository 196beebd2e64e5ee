"""Every error that fedray raises, in one tree.

::

    FedrayError
    ├── SpecError                a request or task document is wrong
    ├── StateError               the task's state does not allow it
    │   ├── NotFound             no such task
    │   └── Conflict             the name is taken
    ├── DataError                a party's files or tables are wrong
    │   └── PartyKeyError        the key of a party's own files is missing, or is another
    ├── PolicyError              a party's own policy, or its data owner, does not allow it
    ├── PlacementError           no node offers a party, or the queue is full
    ├── RangeGuardError          a value left the range in which results are right
    ├── ChannelError             the way between two parties
    │   ├── RecvTimeout          a peer said nothing in time
    │   └── PeerLost             a peer's process or node is gone
    ├── ProtocolError            the rules of the conversation were broken
    │   ├── LocalProtocolError   by us: a bug
    │   └── RemoteProtocolError  by a peer: bad frame, wrong order, wrong shape
    └── TaskAborted              another party failed and told us why

Messages say what was expected, what came and what to do. They never hold an id, a share or a value
of a table: names of fields, files, columns and parties, row numbers and counts only.
"""

from __future__ import annotations

from typing import Self

__all__ = [
    "ChannelError",
    "Conflict",
    "DataError",
    "FedrayError",
    "LocalProtocolError",
    "NotFound",
    "PartyKeyError",
    "PeerLost",
    "PlacementError",
    "PolicyError",
    "ProtocolError",
    "RangeGuardError",
    "RecvTimeout",
    "RemoteProtocolError",
    "SpecError",
    "StateError",
    "TaskAborted",
    "error_from_dict",
]


class FedrayError(Exception):
    """The root; every argument goes to ``Exception`` so that pickling keeps it.

    Parameters
    ----------
    message
        What was expected, what came, what to do: a sentence for a person.
    party
        The party at which it happened, or "".
    phase
        The phase of the task in which it happened, or "".
    """

    def __init__(self, message: str, party: str = "", phase: str = "") -> None:
        super().__init__(message, party, phase)
        self.message = message
        self.party = party
        self.phase = phase

    def __str__(self) -> str:
        """Return the sentence with party and phase in front of it."""
        where = ", ".join(part for part in (self.party, self.phase) if part)
        return f"{where}: {self.message}" if where else self.message

    def at(self, party: str, phase: str) -> Self:
        """Return the same error with party and phase filled in where they were empty."""
        return type(self)(self.message, self.party or party, self.phase or phase)

    def as_dict(self) -> dict[str, str]:
        """Return the error as it is stored and sent: type, message, party, phase."""
        return {
            "type": type(self).__name__,
            "message": self.message,
            "party": self.party,
            "phase": self.phase,
        }


class SpecError(FedrayError):
    """A request or a task document is wrong: which field, what was expected, what came."""


class StateError(FedrayError):
    """The task is in a state that does not allow the request."""


class NotFound(StateError):
    """No task has this name."""


class Conflict(StateError):
    """A task has this name already."""


class DataError(FedrayError):
    """A file or table of this party cannot be used as it is."""


class PartyKeyError(DataError):
    """The key with which a party seals its own files cannot be used, or is another than that of a file."""


class PolicyError(FedrayError):
    """A party's own policy, or its data owner, does not allow the task; names the rule, not its value."""


class PlacementError(FedrayError):
    """A party has no node that offers it, or no room is left."""


class RangeGuardError(FedrayError):
    """A value left the range in which the approximation or the encoding is right."""


class ChannelError(FedrayError):
    """The way between two parties failed."""


class RecvTimeout(ChannelError):
    """A peer said nothing within the time-out."""


class PeerLost(ChannelError):
    """A peer's process or node is gone."""


class ProtocolError(FedrayError):
    """The rules of the conversation were broken."""


class LocalProtocolError(ProtocolError):
    """Our own code broke them: a bug in fedray."""


class RemoteProtocolError(ProtocolError):
    """A peer broke them: a bad frame, a wrong order, a wrong shape."""


class TaskAborted(FedrayError):
    """Another party failed; party and message are that party's."""


def error_from_dict(data: dict[str, str]) -> FedrayError:
    """Rebuild an error that ``as_dict`` wrote; an unknown type becomes a FedrayError."""
    kinds = {kind.__name__: kind for kind in _subclasses(FedrayError)}
    kind = kinds.get(data.get("type", ""), FedrayError)
    return kind(data.get("message", ""), data.get("party", ""), data.get("phase", ""))


def _subclasses(kind: type[FedrayError]) -> list[type[FedrayError]]:
    below = [deeper for direct in kind.__subclasses__() for deeper in _subclasses(direct)]
    return [kind, *below]
