"""Conversations over every transport: functions, one per party, that get a channel and talk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fedray.channel import Channel, Mailbox, RevealLog, Timeouts, task_id
from fedray.errors import FedrayError, TaskAborted, error_from_dict

Play = Callable[[Channel], object]

DIGEST = "5a" * 32
PATIENT = Timeouts(connect_s=20.0, receive_s=20.0)


class Talk(Protocol):
    """Runs one play per party and returns, by party, its result or its error."""

    def __call__(self, *plays: Play, digests: Sequence[str] | None = None, timeouts: Timeouts = PATIENT) -> list[Any]:
        """Run them."""


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

    threads = [threading.Thread(target=run, args=(me,), daemon=True) for me in range(len(plays))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return ends


def by_ray(*plays: Play, digests: Sequence[str] | None = None, timeouts: Timeouts = PATIENT) -> list[Any]:
    """Talk in Ray actors; Ray is running."""
    import ray

    class Talker:
        def __init__(self, me: int, names: tuple[str, ...], digest: str) -> None:
            self.me, self.names, self.digest = me, names, digest
            self.box = Mailbox(task_id(digest))

        def deliver(self, sender: int, blob: bytes) -> None:
            self.box.deliver(sender, bytes(blob))

        def run(self, peers: list[Any], play: Play) -> dict[str, Any]:
            def send(to: int, blob: bytes) -> None:
                peers[to].deliver.options(concurrency_group="mail").remote(self.me, blob)

            channel = Channel(self.me, self.names, self.digest, self.box, send, RevealLog(()), timeouts)
            try:
                return {"result": perform(channel, play)}
            except FedrayError as error:
                return {"error": error.as_dict()}

    actor = ray.remote(num_cpus=0, concurrency_groups={"mail": 1}, max_restarts=0)(Talker)
    names = tuple(f"party_{index}" for index in range(len(plays)))
    used = digests or [DIGEST] * len(plays)
    actors = [actor.remote(me, names, digest) for me, digest in enumerate(used)]
    try:
        ends = ray.get([one.run.remote(actors, play) for one, play in zip(actors, plays, strict=True)], timeout=90)
    finally:
        for one in actors:
            ray.kill(one)
    return [error_from_dict(end["error"]) if "error" in end else end["result"] for end in ends]
