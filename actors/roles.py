"""The four roles as Ray actors: thin shells around the parties, which know nothing of Ray.

A role runs in one thread. What others say comes as results of one long call to each of them (`actors.letters`), read
in threads of its own, so that it gets in while the party computes; mail that comes before those calls have begun has
a concurrency group, abort and questions have another. A driver script creates roles, introduces them
to each other, and calls ``run``; see examples/driver.py.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import ray
from ray.actor import ActorHandle

from actors.letters import READERS, Letters, read_letters
from actors.logs import LogSetting, log_end, log_event, log_to
from actors.own_root import own_root
from actors.pool import pool_of
from actors.priority import give_way
from actors.pulse import Pulse
from fedray.channel.channel import Channel, Timeouts, task_id
from fedray.channel.codec import Blob
from fedray.channel.mailbox import Mailbox
from fedray.channel.reveals import RevealLog
from fedray.channel.stream import Address, StreamTransport
from fedray.errors import FedrayError, LocalProtocolError, StateError, error_from_dict
from fedray.parties.context import PartyContext
from fedray.parties.desk import Desk
from fedray.parties.run import run_party
from fedray.task.plan import TaskPlan
from fedray.task.record import Event
from fedray.task.spec import Role
from fedray.task.usage import ActorUsage

__all__ = ["ACTORS", "CryptoProducer", "FeatureClient", "LabelClient", "MainClient"]

EVENTS_WAIT_S = 10.0
CONNECT_S = 10.0
SWITCH_S = 1e-4
"""Python's thread switch in a party's process: mail that has arrived shall not wait 5 ms for the interpreter."""


class PartyActor:
    """One party of one task.

    Parameters
    ----------
    plan
        The plan, as ``TaskPlan.to_json`` writes it.
    me
        My index among the plan's members.
    root
        The party's data root on this node.
    timeouts
        Seconds as in ``fedray.channel.Timeouts``.
    resumes
        Whether the parties go on from a checkpoint.

    Raises
    ------
    LocalProtocolError
        The plan has no client with this index and this role.
    """

    role: Role

    def __init__(
        self, plan: str, me: int, root: str, timeouts: Mapping[str, float] | None = None, resumes: bool = False
    ) -> None:
        self._plan = TaskPlan.from_json(plan)
        if not 0 <= me < len(self._plan.members) or self._plan.members[me].role is not self.role:
            raise LocalProtocolError(f"client {me} of the plan is no {self.role.value}")
        self._me = me
        sys.setswitchinterval(SWITCH_S)
        give_way(os.environ)
        self._root = own_root(root)
        log_to(self._root.path, LogSetting.from_environment(os.environ))
        self._timeouts = Timeouts(**(timeouts or {}))
        self._resumes = resumes
        self._mailbox = Mailbox(task_id(self._plan.digest))
        self._peers: dict[int, ActorHandle[Any]] = {}
        self._letters = Letters()
        self._listener: ActorHandle[Any] | None = None
        self._told: list[Any] = []
        self._stream: StreamTransport | None = None
        self._fast = False
        self._desk = Desk()

    @ray.method(concurrency_group="control")
    def introduce(self, peers: Mapping[int, ActorHandle[Any]], listener: ActorHandle[Any] | None = None) -> int:
        """Take the other parties' actors, by index, and the actor that listens to events; return my process id."""
        self._peers = {index: peer for index, peer in peers.items() if index != self._me}
        self._listener = listener
        return os.getpid()

    @ray.method(concurrency_group="control")
    def usage(self) -> ActorUsage:
        """Return what this process uses."""
        from actors.usage import actor_usage  # when it is asked for: most parties never load psutil

        return actor_usage(self._plan.task, self._me, self.role.value)

    @ray.method(concurrency_group="control")
    def pulse(self) -> None:
        """Answer: this process runs, and who asks can reach it."""

    @ray.method(concurrency_group="control")
    def listen(self) -> dict[str, Any]:
        """Open this party's end of the fast transport; return where it listens and its certificate."""
        host = ray.util.get_node_ip_address()
        self._stream = StreamTransport(self._me, self._mailbox, host)
        return asdict(self._stream.address)

    @ray.method(concurrency_group="control")
    def connect(self, addresses: Mapping[int, Mapping[str, Any]]) -> dict[str, str] | None:
        """Open streams to all other parties; return the error if that fails."""
        try:
            if self._stream is None:
                raise LocalProtocolError("connect before listen")
            self._stream.connect({index: Address(**address) for index, address in addresses.items()}, CONNECT_S)
        except FedrayError as error:
            return error.as_dict()
        return None

    @ray.method(concurrency_group="control")
    def speak_fast(self) -> None:
        """Send over the streams from now on; every party can."""
        self._fast = True
        if self._stream is not None:
            self._stream.bring_mail()

    @ray.method(concurrency_group="mail", num_returns=0)
    def deliver(self, sender: int, blob: bytes) -> None:
        """Take an envelope from another party, of which I do not read `letters` yet."""
        self._mailbox.deliver(sender, bytes(blob))

    @ray.method(concurrency_group="letters", num_returns="streaming")
    def letters(self, reader: int) -> Iterator[bytes]:
        """Yield the next envelopes for another party, as they come."""
        yield from self._letters.read(reader)

    @ray.method(concurrency_group="control")
    def abort(self, error: dict[str, str]) -> None:
        """End the task at this party with an error of the supervisor's."""
        known = error_from_dict(error)
        self._mailbox.fail(known)
        self._desk.close(StateError(f"the task ended before it answered: {known.message}"))

    @ray.method(concurrency_group="requests")
    def ask(self, ids: list[str], timeout_s: float) -> dict[str, Any]:
        """Hand a request in that the party answers while it runs.

        Returns
        -------
        dict
            ``{"rows": ...}``, a list of numbers for each id, or ``{"error": ...}``.
        """
        try:
            return {"rows": self._desk.ask(tuple(ids), timeout_s).tolist()}
        except FedrayError as error:
            return {"error": error.as_dict()}

    @ray.method(concurrency_group="control")
    def end(self) -> None:
        """Ask the party to come to its end in order: what waits is answered, nothing more is taken."""
        self._desk.end()

    @ray.method(concurrency_group="run")
    def run(self) -> dict[str, Any]:
        """Play the role to its end.

        Returns
        -------
        dict
            ``{"outcome": ...}``, or ``{"error": ...}`` as ``FedrayError.as_dict`` gives it.
        """
        if not self._fast:
            for index, peer in self._peers.items():
                read_letters(self._me, index, peer, self._mailbox)
        channel = Channel(
            self._me,
            self._plan.names,
            self._plan.digest,
            self._mailbox,
            self._send,
            RevealLog(reveal.tag for reveal in self._plan.reveals),
            self._timeouts,
            sealed=not self._fast,
        )
        pool = pool_of(
            self._plan.members[self._me].party.resource,
            self._plan.names[self._me],
            str(self._root.path),
            silent_s=self._timeouts.silent_s,
            check=channel.check,
            fail=self._mailbox.fail,
        )
        context = PartyContext(
            self._plan, self._me, channel, self._root, self._emit, time.time, self._resumes, self._desk, pool=pool
        )
        party, started = self._plan.members[self._me].party.name, time.monotonic()
        pulse = Pulse(self._peers, self._plan.names, self._timeouts.silent_s, self._mailbox.fail)
        try:
            outcome = run_party(context)
            log_end(self._plan.task, party, time.monotonic() - started)
        except FedrayError as error:
            log_end(self._plan.task, party, time.monotonic() - started, error)
            return {"error": error.as_dict()}
        finally:
            pulse.stop()
            pool.close()
            self._wait_for_events()
            if self._stream is not None:
                self._stream.close()
        return {"outcome": asdict(outcome)}

    def _send(self, to: int, *envelope: Blob) -> None:
        if self._fast and self._stream is not None:
            self._stream.send(to, *envelope)
            return
        letter = b"".join(envelope)
        if not self._letters.post(to, letter):
            self._peers[to].deliver.remote(self._me, letter)

    def _emit(self, event: Event) -> None:
        log_event(self._plan.task, event)
        if self._listener is not None:
            self._told.append(self._listener.tell.remote(self._plan.task, event.as_dict()))

    def _wait_for_events(self) -> None:
        """Let the listener have every event before the end is known, so that no record row comes after it."""
        if self._told:
            ray.wait(self._told, num_returns=len(self._told), timeout=EVENTS_WAIT_S)
            self._told.clear()


REQUESTS = 8
"""Requests that a party takes at a time; those that come meanwhile are answered together."""

_GROUPS = {"letters": READERS, "mail": 1, "control": 1, "run": 1, "requests": REQUESTS}
_OPTIONS: dict[str, Any] = {
    "num_cpus": 0,  # parties are placed by their own resources; a waiting party uses no processor
    "concurrency_groups": _GROUPS,
    "max_restarts": 0,  # a party alone cannot start again: its keys were for this run
    "max_task_retries": 0,
    "enable_task_events": False,  # thousands of deliveries a second need no history
}


@ray.remote(**_OPTIONS)
class MainClient(PartyActor):
    """The coordinator: sees public values and declared outputs only."""

    role = Role.MAIN_CLIENT


@ray.remote(**_OPTIONS)
class CryptoProducer(PartyActor):
    """The dealer: makes correlated randomness, sees shapes only."""

    role = Role.CRYPTO_PRODUCER


@ray.remote(**_OPTIONS)
class FeatureClient(PartyActor):
    """A party with columns of features."""

    role = Role.FEATURE_CLIENT


@ray.remote(**_OPTIONS)
class LabelClient(PartyActor):
    """The party with the label."""

    role = Role.LABEL_CLIENT


ACTORS: dict[Role, Any] = {
    Role.MAIN_CLIENT: MainClient,
    Role.CRYPTO_PRODUCER: CryptoProducer,
    Role.FEATURE_CLIENT: FeatureClient,
    Role.LABEL_CLIENT: LabelClient,
}
