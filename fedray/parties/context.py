"""What a party is given, and what it gives back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fedray.channel.channel import Channel
from fedray.data.root import DataRoot
from fedray.parties.desk import Desk
from fedray.task.plan import Member, TaskPlan
from fedray.task.record import Event, EventKind

__all__ = ["PartyContext", "PartyOutcome"]


@dataclass(frozen=True)
class PartyContext:
    """Everything that a party may use.

    Parameters
    ----------
    plan
        The task.
    me
        My index among the plan's members.
    channel
        My way to the others, open.
    root
        My folders.
    emit
        Takes an event; never blocks.
    clock
        Unix time in seconds.
    resumes
        Whether the parties go on from a checkpoint; all are told the same.
    desk
        Where requests wait that come from outside while the task runs.
    """

    plan: TaskPlan
    me: int
    channel: Channel
    root: DataRoot
    emit: Callable[[Event], None]
    clock: Callable[[], float] = time.time
    resumes: bool = False
    desk: Desk = field(default_factory=Desk)

    @property
    def member(self) -> Member:
        """What the plan says of me."""
        return self.plan.members[self.me]

    def tell(self, kind: EventKind, **data: object) -> None:
        """Emit an event of mine, with my name and the time."""
        self.emit(Event(kind.value, data, self.plan.names[self.me], self.clock()))

    def begin(self, phase: str, text: str) -> None:
        """Emit that a phase of the task begins at this party."""
        self.tell(EventKind.PHASE, phase=phase, text=text)

    def progress(self, phase: str, done: int, total: int) -> None:
        """Emit how far a phase is."""
        self.tell(EventKind.PROGRESS, phase=phase, done=done, total=total)


@dataclass(frozen=True)
class PartyOutcome:
    """What a party gives back at the end: public values only.

    Attributes
    ----------
    result
        What the role has to say: sizes, last loss and metrics.
    cost
        By phase, as `fedray.channel.cost.Cost.as_dict` gives it.
    reveals
        What was opened in clear, as `RevealLog.as_list` gives it.
    seconds
        From the first word to the last.
    estimate
        At the main client of a training, what it was to cost, as `fedray.parties.estimate.Estimate.as_dict` gives it.
    """

    result: dict[str, object] = field(default_factory=dict)
    cost: dict[str, dict[str, object]] = field(default_factory=dict)
    reveals: list[dict[str, object]] = field(default_factory=list)
    seconds: float = 0.0
    estimate: dict[str, object] = field(default_factory=dict)
