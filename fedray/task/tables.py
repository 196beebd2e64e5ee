"""The tables of the store, the same in SQLite and PostgreSQL; JSON is kept as text."""

from __future__ import annotations

import sqlalchemy as sa

__all__ = [
    "SCHEMA_VERSION",
    "approvals",
    "events",
    "jobs",
    "messages",
    "metadata",
    "papers",
    "pipelines",
    "records",
    "reports",
    "schema",
    "start_wishes",
    "tags",
    "tasks",
]

SCHEMA_VERSION = 1
"""Raised with every change of a table below."""

metadata = sa.MetaData()

schema = sa.Table(
    "fedray_schema",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
)

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # the order of creation
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False, index=True),
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("queued_at", sa.Double),
    sa.Column("started_at", sa.Double),
    sa.Column("ended_at", sa.Double),
    sa.Column("error", sa.Text),
    sa.Column("progress", sa.Text),
    sa.Column("dataset", sa.Text),
    sa.Column("record_columns", sa.Text),
    sa.Column("n_batches", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("n_events", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("n_records", sa.BigInteger, nullable=False, server_default="0"),
)


def _task_id() -> sa.Column[int]:
    return sa.Column("task_id", sa.Integer, sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)


def _place() -> sa.Column[int]:
    return sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False)


events = sa.Table(
    "events",
    metadata,
    _task_id(),
    _place(),  # 1, 2, 3... within the task, in the order in which readers can see them
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("party", sa.Text, nullable=False),
    sa.Column("time_s", sa.Double, nullable=False),
)

records = sa.Table(
    "records",
    metadata,
    _task_id(),
    _place(),
    sa.Column("row", sa.Text, nullable=False),
)

reports = sa.Table(
    "reports",
    metadata,
    sa.Column("task_id", sa.Integer, sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("report", sa.Text, nullable=False),
)

tags = sa.Table(
    "tags",
    metadata,
    sa.Column("tag", sa.Text, primary_key=True),  # so it points to one model at a time
    sa.Column("task_id", sa.Integer, sa.ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("set_at", sa.Double, nullable=False),
)

approvals = sa.Table(
    "approvals",
    metadata,
    _task_id(),
    sa.Column("party", sa.Text, primary_key=True),
    sa.Column("expires_at", sa.Double, nullable=False),
    sa.Column("decision", sa.Text),
    sa.Column("who", sa.Text, nullable=False, server_default=""),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("decided_at", sa.Double),
)

start_wishes = sa.Table(
    "start_wishes",
    metadata,
    sa.Column("task_id", sa.Integer, sa.ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("asked_at", sa.Double, nullable=False),
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("api", sa.Text, nullable=False),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("run", sa.Integer, nullable=False),
    sa.Column("op", sa.Text, nullable=False),
    sa.Column("task", sa.Text, index=True),  # null until the task is there
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("told", sa.BigInteger, nullable=False, server_default="0"),
    sa.UniqueConstraint("api", "owner", "project", "run"),  # so one of several that begin at once wins
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", sa.Double, nullable=False, server_default="0"),
    sa.Index("messages_by_topic", "topic", "id"),
)

papers = sa.Table(
    "papers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("shelf", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("made_at", sa.Double, nullable=False),
    sa.UniqueConstraint("shelf", "name"),
)

pipelines = sa.Table(
    "pipelines",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # the order of creation
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, index=True),
    sa.Column("steps", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False, server_default="0"),  # of two that change it at once one wins
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
)
