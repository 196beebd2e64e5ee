"""The transport of one process: parties in threads. It encodes and seals like every other, so tests see real bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fedray.channel.channel import Channel, Observer, Timeouts, task_id
from fedray.channel.mailbox import Mailbox
from fedray.channel.reveals import RevealLog

Wire = Callable[[int, int, bytes], bytes | None]
"""Sees each envelope (sender, receiver, bytes) and returns what arrives; None drops it."""


def connect(
    names: Sequence[str],
    digest: str,
    reveals: Sequence[str] = (),
    *,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
    observers: Sequence[Observer | None] | None = None,
    wire: Wire | None = None,
) -> list[Channel]:
    """Return one channel per name, joined to each other; each still has to be opened, in its own thread.

    Parameters
    ----------
    names, digest, reveals
        As for `Channel`; reveals are the tags allowed.
    observers
        One per party, or None.
    wire
        Stands between sender and receiver and may misbehave.
    """
    boxes = [Mailbox(task_id(digest)) for _ in names]

    def sender(me: int) -> Callable[[int, bytes], None]:
        def send(to: int, blob: bytes) -> None:
            arriving = blob if wire is None else wire(me, to, blob)
            if arriving is not None:
                boxes[to].deliver(me, arriving)

        return send

    watching = observers or [None] * len(names)
    return [
        Channel(me, tuple(names), digest, boxes[me], sender(me), RevealLog(reveals), timeouts, watching[me])
        for me in range(len(names))
    ]
