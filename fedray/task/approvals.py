"""Approvals in the database of a server: which parties are asked to approve a task, until when, and what they said."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from fedray.task.record import Status
from fedray.task.tables import approvals, start_wishes, tasks

__all__ = ["Approval", "Approvals", "Decision"]


class Decision(StrEnum):
    """What a data owner said."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Approval:
    """What is known of a party's approval; times are Unix seconds.

    Attributes
    ----------
    party
        Its name.
    expires_at
        When the task ends if nothing was said.
    decision
        What its data owner said; None before that.
    who, reason
        Name of the token with which it was said, and why it was rejected, or "".
    decided_at
        When.
    """

    party: str
    expires_at: float
    decision: Decision | None = None
    who: str = ""
    reason: str = ""
    decided_at: float | None = None

    def as_dict(self) -> dict[str, object]:
        """Return the approval as it is sent."""
        return {**vars(self), "decision": self.decision and self.decision.value}


class Approvals:
    """The approvals in the database of a server.

    Parameters
    ----------
    engine
        The store's.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float]) -> None:
        self._engine, self._clock = engine, clock

    def ask(self, task: str, parties: Mapping[str, float]) -> None:
        """Ask these parties and no others, each until a time; what was said before stays."""
        mine = approvals.c.task_id == _id(task)
        undecided = approvals.delete().where(mine, approvals.c.decision.is_(None))
        with self._engine.begin() as connection:
            connection.execute(undecided.where(approvals.c.party.not_in(list(parties))))
        for party, expires_at in parties.items():
            try:
                with self._engine.begin() as connection:
                    values = {"task_id": _id(task), "party": party, "expires_at": expires_at}
                    connection.execute(approvals.insert().values(**values))
            except IntegrityError:
                continue  # it was asked before; the time limit stays that of the first time

    def decide(self, task: str, party: str, decision: Decision, who: str = "", reason: str = "") -> bool:
        """Keep what a party's data owner said, once; return whether it was the first word."""
        values = {"decision": decision.value, "who": who, "reason": reason, "decided_at": self._clock()}
        asked = (approvals.c.task_id == _id(task)) & (approvals.c.party == party)
        first: sa.ColumnElement[bool] = approvals.c.decision.is_(None)
        if decision is Decision.REJECTED:  # an approval may be taken back while the task has not begun
            first = first | (approvals.c.decision == Decision.APPROVED.value)
        with self._engine.begin() as connection:
            return connection.execute(approvals.update().where(asked, first).values(**values)).rowcount > 0

    def of(self, task: str) -> tuple[Approval, ...]:
        """Return what is known of a task's approvals, by party."""
        found = sa.select(approvals).where(approvals.c.task_id == _id(task)).order_by(approvals.c.party)
        with self._engine.connect() as connection:
            return tuple(_approval(row) for row in connection.execute(found).mappings())

    def all(self) -> dict[str, tuple[Approval, ...]]:
        """Return what is known of all tasks' approvals, by the names of the tasks and by party."""
        found = sa.select(approvals, tasks.c.name).join(tasks, tasks.c.id == approvals.c.task_id)
        known: dict[str, tuple[Approval, ...]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(found.order_by(approvals.c.party)).mappings():
                known[row["name"]] = (*known.get(row["name"], ()), _approval(row))
        return known

    def pending(self) -> dict[str, tuple[Approval, ...]]:
        """Return the approvals that are still asked for, by the names of the tasks, which are all created ones."""
        wanted = (tasks.c.status == Status.CREATED.value) & approvals.c.decision.is_(None)
        found = sa.select(tasks.c.name, approvals.c.party, approvals.c.expires_at).join(
            tasks, tasks.c.id == approvals.c.task_id
        )
        waiting: dict[str, tuple[Approval, ...]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(found.where(wanted).order_by(approvals.c.party)):
                waiting[row.name] = (*waiting.get(row.name, ()), Approval(row.party, row.expires_at))
        return waiting

    def want_start(self, task: str) -> None:
        """Keep that a task is to start when it is approved."""
        try:
            with self._engine.begin() as connection:
                connection.execute(start_wishes.insert().values(task_id=_id(task), asked_at=self._clock()))
        except IntegrityError:
            return  # it was wanted before

    def start_wanted(self, task: str) -> bool:
        """Return whether a task is to start when it is approved."""
        with self._engine.connect() as connection:
            found = sa.select(start_wishes.c.task_id).where(start_wishes.c.task_id == _id(task))
            return connection.execute(found).first() is not None

    def drop_start(self, task: str) -> None:
        """Forget that a task is to start."""
        with self._engine.begin() as connection:
            connection.execute(start_wishes.delete().where(start_wishes.c.task_id == _id(task)))


def _approval(row: sa.RowMapping) -> Approval:
    decision = None if row["decision"] is None else Decision(row["decision"])
    return Approval(row["party"], row["expires_at"], decision, row["who"], row["reason"], row["decided_at"])


def _id(task: str) -> sa.ScalarSelect[int]:
    return sa.select(tasks.c.id).where(tasks.c.name == task).scalar_subquery()
