"""Computing parties and a dealer as processes of this machine, joined by the fast transport."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from fedray.channel import Channel, Mailbox, RevealLog, task_id
from fedray.channel.stream import StreamTransport
from fedray.mpc import Session
from fedray.mpc.dealer import Bundle, Supply, deal
from fedray.mpc.schedule import Segment

__all__ = ["Measured", "Work", "measure"]

DIGEST = "be" * 32
CONNECT_S = 20.0
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Work:
    """A protocol to measure.

    Attributes
    ----------
    segments
        What the dealer deals: one step for warming up, one that is timed.
    play
        Runs the protocol at one party: session, bundle, whether it is the timed step; returns this party's summand.
    """

    segments: tuple[Segment, ...]
    play: Callable[[Session, Bundle, bool], np.ndarray[Any, Any]]


@dataclass(frozen=True)
class Measured:
    """What one party saw of the timed step: seconds with dealing and online, cost, its summand of the result."""

    seconds: float
    online: float
    rounds: int
    bytes: int
    result: np.ndarray[Any, Any]


def measure(make: Callable[..., Work], arguments: Sequence[object], parties: int) -> list[Measured]:
    """Run ``make(*arguments)`` at `parties` computing parties and a dealer; return what each party saw."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = [], []
    for index in range(parties + 1):
        ours, theirs = context.Pipe()
        process = context.Process(target=_party, args=(theirs, index, parties, make, tuple(arguments)), daemon=True)
        process.start()
        pipes.append(ours)
        processes.append(process)
    addresses = {index: pipe.recv() for index, pipe in enumerate(pipes)}
    for step in (addresses, "warm", "go"):
        for pipe in pipes:
            pipe.send(step)
        if step != "go":
            for pipe in pipes:
                pipe.recv()
    results = [pipe.recv() for pipe in pipes[:parties]]
    for pipe in pipes:
        pipe.send("end")
    for process in processes:
        process.join()
    return results


def _party(
    pipe: Connection, index: int, parties: int, make: Callable[..., Work], arguments: tuple[object, ...]
) -> None:
    mailbox = Mailbox(task_id(DIGEST))
    transport = StreamTransport(index, mailbox, HOST)
    pipe.send(transport.address)
    transport.connect(pipe.recv(), CONNECT_S)
    names = tuple(f"party {k}" for k in range(parties + 1))
    transport.bring_mail()
    channel = Channel(index, names, DIGEST, mailbox, transport.send, RevealLog(()), sealed=False)
    channel.open()
    pipe.send("connected")
    work = make(*arguments)
    computing = tuple(range(parties))
    if index == parties:
        _deal(pipe, channel, computing, work)
    else:
        _compute(pipe, channel, computing, work)
    pipe.recv()
    transport.close()


def _deal(pipe: Connection, channel: Channel, computing: tuple[int, ...], work: Work) -> None:
    for segment in work.segments:
        pipe.recv()
        deal(channel, computing, 0, (), [segment])
        if segment is work.segments[0]:
            pipe.send("warm")


def _compute(pipe: Connection, channel: Channel, computing: tuple[int, ...], work: Work) -> None:
    session = Session(channel, computing)
    supply = Supply(channel, len(computing), session.rank, 0, work.segments)
    for segment in work.segments:
        pipe.recv()
        timed = segment is not work.segments[0]
        before, started = channel.cost.total(), time.monotonic()
        bundle = supply.step(segment.label)
        online = time.monotonic()
        result = work.play(session, bundle, timed)
        channel.flush()
        ended, after = time.monotonic(), channel.cost.total()
        if not timed:
            pipe.send("warm")
            continue
        rounds, size = after.rounds - before.rounds, after.bytes - before.bytes
        pipe.send(Measured(ended - started, ended - online, rounds, size, result))
