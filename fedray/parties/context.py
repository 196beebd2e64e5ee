"""What a party is given, and what it gives back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fedray.channel.channel import Channel
from fedray.data.root import DataRoot
from fedray.parties.desk import Desk
from fedray.policy.daily import Allowance
from fedray.policy.document import Policy
from fedray.pool import Alone, Pool
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
    policy
        My party's policy, as it was when the task began; None without one.
    pool
        My party's further processes, on its other nodes.
    """

    plan: TaskPlan
    me: int
    channel: Channel
    root: DataRoot
    emit: Callable[[Event], None]
    clock: Callable[[], float] = time.time
    resumes: bool = False
    desk: Desk = field(default_factory=Desk)
    policy: Policy | None = None
    pool: Pool = field(default_factory=Alone)

    @property
    def member(self) -> Member:
        """What the plan says of me."""
        return self.plan.members[self.me]

    @property
    def place(self) -> str:
        """The name of a folder that no other client with data has, where several keep things under one root."""
        return f"{self.plan.data.index(self.member)}-{self.member.role.value}"

    @property
    def allowance(self) -> Allowance:
        """The predictions that my party allows today."""
        most = None if self.policy is None else self.policy.max_predictions_a_day
        return Allowance(self.root, self.member.party.name, most, self.clock)

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
    policy
        How the party stood to the task, as `fedray.task.standing.Standing.as_dict` gives it.
    estimate
        At the main client of a training, what it was to cost, as `fedray.parties.estimate.Estimate.as_dict` gives it.
    """

    result: dict[str, object] = field(default_factory=dict)
    cost: dict[str, dict[str, object]] = field(default_factory=dict)
    reveals: list[dict[str, object]] = field(default_factory=list)
    seconds: float = 0.0
    policy: dict[str, object] = field(default_factory=dict)
    estimate: dict[str, object] = field(default_factory=dict)
