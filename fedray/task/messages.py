"""Messages that wait, to be taken by whoever asks for their topic or to be sent; bounded, and kept in the database."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from fedray.task.tables import messages

__all__ = ["MOST_WAITING", "OLDEST_S", "Message", "Messages", "Waiting", "insert_messages"]

MOST_WAITING: Final = 10_000
"""Messages that wait in a topic; the oldest go first."""

MOST_TOPICS: Final = 100
"""Topics with messages beyond which strangers' messages open no further one."""

OLDEST_S: Final = 5 * 86_400.0
"""Seconds after which a message that nobody took is dropped."""

MOST_TAKEN_BYTES: Final = 8 << 20


@dataclass(frozen=True)
class Message:
    """Something to be told: JSON text, and the topic under which it waits."""

    topic: str
    body: str


@dataclass(frozen=True)
class Waiting:
    """The message that is to be sent next.

    Attributes
    ----------
    id
        Its place among all messages.
    body
        JSON text.
    tries
        How often it was tried.
    due_at
        Unix time before which it is not to be tried.
    """

    id: int
    body: str
    tries: int
    due_at: float


class Messages:
    """The messages in the database of a server.

    Parameters
    ----------
    engine
        The store's.
    clock
        Gives Unix time in seconds.
    """

    def __init__(self, engine: sa.Engine, clock: Callable[[], float] = time.time) -> None:
        self._engine, self._clock = engine, clock

    def put(self, *batch: Message) -> None:
        """Keep messages of our own."""
        with self._engine.begin() as connection:
            insert_messages(connection, batch, self._clock())

    def leave(self, message: Message) -> bool:
        """Keep a message that a stranger left; return whether it was: there may be too many topics."""
        topics = sa.select(messages.c.topic).distinct().limit(MOST_TOPICS)
        with self._engine.connect() as connection:
            known = set(connection.execute(topics).scalars())
        if message.topic not in known and len(known) >= MOST_TOPICS:
            return False
        self.put(message)
        return True

    def take(self, topic: str, limit: int = 1000) -> list[str]:
        """Return the oldest messages of a topic, at most 8 MiB of them, and remove them; no other taker gets them."""
        mine = sa.select(messages.c.id, sa.func.length(messages.c.body)).where(messages.c.topic == topic)
        with self._engine.begin() as connection:
            # a write first, as everywhere: it takes SQLite's lock
            connection.execute(messages.delete().where(_stale(self._clock())))
            # others pass over what I have chosen
            oldest = mine.order_by(messages.c.id).limit(limit).with_for_update(skip_locked=True)
            found = connection.execute(oldest).all()
            chosen, size = list[int](), 0
            for place, length in found:
                size += length
                if chosen and size > MOST_TAKEN_BYTES:
                    break
                chosen.append(place)
            gone = messages.delete().where(messages.c.id.in_(chosen)).returning(messages.c.id, messages.c.body)
            return [row.body for row in sorted(connection.execute(gone).all())]

    def next(self, topic: str) -> Waiting | None:
        """Return the oldest message of a topic; None where none waits."""
        wanted = sa.select(messages).where(messages.c.topic == topic).order_by(messages.c.id).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).mappings().first()
        return None if row is None else Waiting(row["id"], row["body"], row["tries"], row["due_at"])

    def claim(self, message: Waiting, until: float) -> bool:
        """Count one more try of a message, which nobody else tries until then; return whether it is mine."""
        same = (messages.c.id == message.id) & (messages.c.tries == message.tries)
        change = messages.update().where(same).values(tries=message.tries + 1, due_at=until)
        with self._engine.begin() as connection:
            return connection.execute(change).rowcount == 1

    def postpone(self, message: Waiting, until: float) -> None:
        """Let a message that I have claimed be tried again then."""
        with self._engine.begin() as connection:
            connection.execute(messages.update().where(messages.c.id == message.id).values(due_at=until))

    def drop(self, message: Waiting) -> None:
        """Remove a message: it was sent, or it is given up."""
        with self._engine.begin() as connection:
            connection.execute(messages.delete().where(messages.c.id == message.id))


def insert_messages(connection: sa.Connection, batch: Sequence[Message], now: float) -> None:
    """Keep messages, in one transaction with other changes; of each topic the oldest go when it is full."""
    connection.execute(messages.delete().where(_stale(now)))
    if batch:
        connection.execute(messages.insert(), [{**vars(message), "made_at": now} for message in batch])
    for topic in {message.topic for message in batch}:
        mine = messages.c.topic == topic
        last = sa.select(messages.c.id).where(mine).order_by(messages.c.id.desc()).offset(MOST_WAITING).limit(1)
        connection.execute(messages.delete().where(mine, messages.c.id <= last.scalar_subquery()))


def _stale(now: float) -> sa.ColumnElement[bool]:
    return messages.c.made_at <= now - OLDEST_S
