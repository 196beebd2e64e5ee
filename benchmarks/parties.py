"""Computing parties and a dealer as processes of this machine, joined by the fast transport.

One set of processes plays an operation again and again: once to warm up, then by turns with all dealing inside the
time (`whole`) and with everything dealt beforehand (`ahead`). All parties start at one moment of a clock that they
share, with their shares of the operands at hand.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.machine import limited_threads
from benchmarks.operations import OPERATIONS
from fedray.channel import Channel, Mailbox, RevealLog, task_id
from fedray.channel.stream import StreamTransport
from fedray.errors import PeerLost
from fedray.mpc import Session
from fedray.mpc.dealer import Supply, deal
from fedray.mpc.schedule import Segment

__all__ = ["AHEAD", "WHOLE", "Measured", "Play", "measure"]

DIGEST = "be" * 32
CONNECT_S = 20.0
STEP_S = 300.0
"""Seconds in which every process has to end a step; the slowest operation takes a few."""

HOST = "127.0.0.1"
LEAD_S = 0.02
"""From the word to start until the start: every process has heard it by then."""

WHOLE, AHEAD = "whole", "ahead"

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Play:
    """What every process is to do: an operation of the table, on what shape, among how many, how often."""

    operation: str
    shape: Shape
    parties: int
    repeat: int

    def segments(self) -> list[Segment]:
        """Return what the dealer deals: a step for warming up, then two for each repetition."""
        labels = ["warm", *(f"{mode}/{k}" for k in range(self.repeat) for mode in (WHOLE, AHEAD))]
        return [Segment(label, 1, OPERATIONS[self.operation].masks(self.shape)) for label in labels]


@dataclass(frozen=True)
class Measured:
    """What one process saw of a step.

    Attributes
    ----------
    label
        Of the step.
    seconds
        From the common start until this party had its result and had sent all; 0 at the dealer.
    rounds, bytes
        Of this party.
    results
        This party's summands and their scale, after the last step.
    """

    label: str
    seconds: float
    rounds: int
    bytes: int
    results: list[tuple[npt.NDArray[np.uint64], float]]


def measure(play: Play) -> list[list[Measured]]:
    """Play an operation; return for each step what every computing party saw and, last, the dealer.

    Raises
    ------
    PeerLost
        A process ended before its time, and has said why on its standard error; or it did not end a step in time.
    """
    pipes, processes = _start(play)
    try:
        addresses = dict(enumerate(_heard(pipes)))
        _tell(pipes, addresses)
        return [_step(segment, pipes) for segment in play.segments()]
    except (EOFError, ConnectionError, TimeoutError) as error:
        for process in processes:
            process.terminate()  # the others would wait for it
        how = f"did not end a step in {STEP_S:g} s" if isinstance(error, TimeoutError) else "ended before its time"
        raise PeerLost(f"a party of {play.operation} {how}") from None
    finally:
        for pipe in pipes:
            pipe.close()  # which lets the parties go
        for process in processes:
            process.join(CONNECT_S)


def _start(play: Play) -> tuple[list[Connection[Any, Any]], list[Any]]:
    context = multiprocessing.get_context("spawn")
    pipes: list[Connection[Any, Any]] = []
    processes: list[Any] = []
    with limited_threads(play.parties + 1):
        for index in range(play.parties + 1):
            ours, theirs = context.Pipe()
            process = context.Process(target=_party, args=(theirs, index, play), daemon=True)
            process.start()
            theirs.close()  # so that its end is noticed here
            pipes.append(ours)
            processes.append(process)
    return pipes, processes


def _step(segment: Segment, pipes: Sequence[Connection[Any, Any]]) -> list[Measured]:
    if segment.label.startswith(AHEAD):
        _tell(pipes, None)
        _heard(pipes)
    _tell(pipes, time.monotonic() + LEAD_S)
    return _heard(pipes)


def _heard(pipes: Sequence[Connection[Any, Any]]) -> list[Any]:
    """Return what every process says next; TimeoutError if one says nothing."""
    said = []
    for pipe in pipes:
        if not pipe.poll(STEP_S):
            raise TimeoutError
        said.append(pipe.recv())
    return said


def _tell(pipes: Sequence[Connection[Any, Any]], word: object) -> None:
    for pipe in pipes:
        pipe.send(word)


def _party(pipe: Connection[Any, Any], index: int, play: Play) -> None:
    mailbox = Mailbox(task_id(DIGEST))
    transport = StreamTransport(index, mailbox, HOST)
    pipe.send(transport.address)
    transport.connect(pipe.recv(), CONNECT_S)
    names = tuple(f"party {k}" for k in range(play.parties + 1))
    transport.bring_mail()
    channel = Channel(index, names, DIGEST, mailbox, transport.send, RevealLog(()), sealed=False)
    channel.open()
    computing = tuple(range(play.parties))
    if index == play.parties:
        _deal(pipe, channel, computing, play)
    else:
        _compute(pipe, channel, computing, play)
    with contextlib.suppress(EOFError):
        pipe.recv()  # nobody leaves while another may still write to him
    transport.close()


def _deal(pipe: Connection[Any, Any], channel: Channel, computing: tuple[int, ...], play: Play) -> None:
    for segment in play.segments():
        before = channel.cost.total()
        if segment.label.startswith(AHEAD):
            pipe.recv()
            deal(channel, computing, 0, (), [segment])
            pipe.send(None)
            pipe.recv()
        else:
            _wait_until(pipe.recv())
            deal(channel, computing, 0, (), [segment])
        after = channel.cost.total()
        pipe.send(Measured(segment.label, 0.0, 0, after.bytes - before.bytes, []))


def _compute(pipe: Connection[Any, Any], channel: Channel, computing: tuple[int, ...], play: Play) -> None:
    session, segments = Session(channel, computing), play.segments()
    supply = Supply(channel, len(computing), session.rank, 0, segments)
    operation = OPERATIONS[play.operation]
    shares = [session.constant(x, scale, x.shape) for x, scale in operation.operands(play.shape)]
    for segment in segments:
        bundle = None
        if segment.label.startswith(AHEAD):
            pipe.recv()
            bundle = supply.step(segment.label)
            pipe.send(None)
        start = pipe.recv()
        _wait_until(start)
        before = channel.cost.total()
        bundle = bundle or supply.step(segment.label)
        results = operation.play(session, bundle, *shares)
        channel.flush()
        seconds, after = time.monotonic() - start, channel.cost.total()
        kept = [(share.value, share.scale) for share in results] if segment is segments[-1] else []
        pipe.send(Measured(segment.label, seconds, after.rounds - before.rounds, after.bytes - before.bytes, kept))


def _wait_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
