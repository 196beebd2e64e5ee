"""Conversations over every transport: functions, one per party, that get a channel and talk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fedray.channel import Channel, Mailbox, RevealLog, Timeouts, task_id
from fedray.channel.stream import StreamTransport
from fedray.errors import FedrayError, TaskAborted, error_from_dict

Words = npt.NDArray[np.uint64]
Play = Callable[[Channel], object]

DIGEST = "5a" * 32
PATIENT = Timeouts(connect_s=60.0, receive_s=60.0)


class Talk(Protocol):
    """Runs one play per party and returns, by party, its result or its error."""

    def __call__(self, *plays: Play, digests: Sequence[str] | None = None, timeouts: Timeouts = PATIENT) -> list[Any]:
        """Run them."""


def number(channel: Channel, frm: int, label: str = "x") -> int:
    """Receive one number."""
    return int(channel.recv(frm, label)[0][0])


def array(*values: int) -> Words:
    """Return ring elements to send."""
    return np.array(values, dtype=np.uint64)


def perform(channel: Channel, play: Play) -> object:
    """Open, play, and abort on failure, as every party does."""
    try:
        channel.open()
        result = play(channel)
        channel.flush()
    except TaskAborted:
        raise
    except FedrayError as error:
        channel.abort(error)
        raise
    return result


def in_threads(count: int, run: Callable[[int], None]) -> None:
    """Run every party in its thread and wait for all."""
    threads = [threading.Thread(target=run, args=(me,), daemon=True) for me in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


def by_memory(*plays: Play, digests: Sequence[str] | None = None, timeouts: Timeouts = PATIENT) -> list[Any]:
    """Talk in threads; envelopes are handed over as they are."""
    used = digests or [DIGEST] * len(plays)
    boxes = [Mailbox(task_id(digest)) for digest in used]
    names = tuple(f"party_{index}" for index in range(len(plays)))
    ends: list[Any] = [None] * len(plays)

    def run(me: int) -> None:
        def send(to: int, blob: bytes) -> None:
            boxes[to].deliver(me, blob)

        channel = Channel(me, names, used[me], boxes[me], send, RevealLog(()), timeouts)
        try:
            ends[me] = perform(channel, plays[me])
        except FedrayError as error:
            ends[me] = error

    in_threads(len(plays), run)
    return ends


def by_streams(*plays: Play, digests: Sequence[str] | None = None, timeouts: Timeouts = PATIENT) -> list[Any]:
    """Talk in threads over real TLS streams on the loopback."""
    used = digests or [DIGEST] * len(plays)
    boxes = [Mailbox(task_id(digest)) for digest in used]
    ways = [StreamTransport(me, box, "127.0.0.1") for me, box in enumerate(boxes)]
    addresses = {me: way.address for me, way in enumerate(ways)}
    names = tuple(f"party_{index}" for index in range(len(plays)))
    ends: list[Any] = [None] * len(plays)

    def run(me: int) -> None:
        try:
            ways[me].connect(addresses, 20.0)
            ways[me].bring_mail()
            channel = Channel(me, names, used[me], boxes[me], ways[me].send, RevealLog(()), timeouts, sealed=False)
            ends[me] = perform(channel, plays[me])
        except FedrayError as error:
            ends[me] = error

    in_threads(len(plays), run)
    for way in ways:
        way.close()
    return ends


class Talker:
    """A party in an actor; it serves one conversation after the other, because an actor takes seconds to start."""

    def __init__(self, me: int) -> None:
        self._me = me
        self._conversation = -1
        self._box = Mailbox(bytes(8))

    def prepare(self, conversation: int, digest: str) -> None:
        """Make ready for a conversation; what still comes from an earlier one is dropped."""
        self._conversation, self._box = conversation, Mailbox(task_id(digest))

    def deliver(self, conversation: int, sender: int, blob: bytes) -> None:
        """Take an envelope."""
        if conversation == self._conversation:
            self._box.deliver(sender, bytes(blob))

    def run(self, peers: list[Any], digest: str, timeouts: Timeouts, play: Play) -> dict[str, Any]:
        """Play, and return the result or the error."""
        conversation = self._conversation

        def send(to: int, blob: bytes) -> None:
            peers[to].deliver.options(concurrency_group="mail").remote(conversation, self._me, blob)

        names = tuple(f"party_{index}" for index in range(len(peers)))
        channel = Channel(self._me, names, digest, self._box, send, RevealLog(()), timeouts)
        try:
            return {"result": perform(channel, play)}
        except FedrayError as error:
            return {"error": error.as_dict()}


class RayTalk:
    """Talk in Ray actors; Ray is running."""

    def __init__(self, most: int) -> None:
        import ray

        actor = ray.remote(num_cpus=0, concurrency_groups={"mail": 1}, max_restarts=0)(Talker)
        self._actors = [actor.remote(me) for me in range(most)]
        self._conversations = 0

    def __call__(self, *plays: Play, digests: Sequence[str] | None = None, timeouts: Timeouts = PATIENT) -> list[Any]:
        """Run the plays at the first actors."""
        import ray

        self._conversations += 1
        used = digests or [DIGEST] * len(plays)
        actors = self._actors[: len(plays)]
        ray.get([one.prepare.remote(self._conversations, digest) for one, digest in zip(actors, used, strict=True)])
        runs = [
            one.run.remote(actors, digest, timeouts, play)
            for one, digest, play in zip(actors, used, plays, strict=True)
        ]
        ends = ray.get(runs, timeout=90)
        return [error_from_dict(end["error"]) if "error" in end else end["result"] for end in ends]
