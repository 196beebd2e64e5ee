"""The actors of one task: made, introduced, watched, ended."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from actors.placement import offers
from actors.roles import ACTORS
from fedray.errors import FedrayError, PeerLost, PlacementError, TaskAborted, error_from_dict
from fedray.task.plan import Member, TaskPlan
from fedray.task.record import Event, EventKind

__all__ = ["NAMESPACE", "Team", "actor_name"]

NAMESPACE = "fedray"
START_S = 60.0
GRACE_S = 2.0
"""Seconds that the survivors of a failure have to end by themselves."""

DRAIN_S = 3.0
"""Seconds that a task that answers requests has to answer what waits and to come to its end."""

Outcomes = dict[int, dict[str, Any]]


def actor_name(plan: TaskPlan, member: Member) -> str:
    """Return the name of a party's actor, in NAMESPACE."""
    return f"{plan.task}/{member.index}-{member.role.value}"


class Team:
    """All parties of one task, as actors on their nodes.

    Parameters
    ----------
    plan
        The task.
    root
        Data root of parties for which the registry names none.
    listener
        An actor with a method ``tell(task, event)``, or None.
    timeouts
        As for the roles.
    resumes
        Whether the parties go on from a checkpoint.
    """

    def __init__(
        self,
        plan: TaskPlan,
        root: str,
        listener: ActorHandle[Any] | None = None,
        timeouts: Mapping[str, float] | None = None,
        *,
        resumes: bool = False,
    ) -> None:
        self._plan = plan
        known = offers()
        known.require(plan)
        text = plan.to_json()
        run = f"#{secrets.token_hex(4)}" if resumes else ""  # names of the last run's actors may not be free yet
        self._actors = [
            ACTORS[member.role]
            .options(
                **known.options(member.party.resource),
                name=f"{actor_name(plan, member)}{run}",
                namespace=NAMESPACE,
            )
            .remote(text, member.index, member.party.root or root, timeouts, resumes)
            for member in plan.members
        ]
        self._listener = listener
        self._running: dict[Any, int] = {}

    @property
    def actors(self) -> list[ActorHandle[Any]]:
        """The parties that still run."""
        return [self._actors[index] for index in list(self._running.values())]

    def start(self) -> None:
        """Introduce the parties to each other and let them run; raises as `introduce`."""
        self.introduce()
        self._running = {actor.run.remote(): index for index, actor in enumerate(self._actors)}

    def introduce(self) -> None:
        """Introduce the parties to each other, once their processes are up.

        Raises
        ------
        PlacementError
            A party's process did not start in time.
        PeerLost
            It died at once.
        """
        peers = dict(enumerate(self._actors))
        met = {actor.introduce.remote(peers, self._listener): index for index, actor in peers.items()}
        ready, late = ray.wait(list(met), num_returns=len(met), timeout=START_S)
        if late:
            names = ", ".join(self._plan.names[met[ref]] for ref in late)
            raise PlacementError(f"{names} did not start within {START_S:g} s; see whether the node is overloaded")
        for ref in ready:
            self._read(ref, met[ref])
        if self._plan.transport == "fast":
            self._go_fast()

    def _go_fast(self) -> None:
        """Let the parties open streams to each other; if one cannot, all stay with actor calls, and a note says so."""
        addresses = self._ask_all("listen")
        failures = self._ask_all("connect", addresses)
        failed = {index: error_from_dict(error) for index, error in failures.items() if error is not None}
        if not failed:
            self._ask_all("speak_fast")
            return
        index, error = next(iter(failed.items()))
        text = f"transport fast is not to be had ({self._plan.names[index]}: {error.message}); actor calls are used"
        self._note(text)

    def _ask_all(self, method: str, *args: object) -> dict[int, Any]:
        asked = {getattr(actor, method).remote(*args): index for index, actor in enumerate(self._actors)}
        return {index: self._read(ref, index) for ref, index in asked.items()}

    def _note(self, text: str) -> None:
        if self._listener is not None:
            event = Event(EventKind.NOTE.value, {"phase": "connect", "text": text}, "", time.time())
            self._listener.tell.remote(self._plan.task, event.as_dict())

    def watch(self) -> Outcomes:
        """Wait for the end of the task.

        Returns
        -------
        dict
            By member index, its party's outcome.

        Raises
        ------
        FedrayError
            The cause of the first failure; every other party has ended or been told.
        """
        outcomes: Outcomes = {}
        failures: list[FedrayError] = []
        deadline: float | None = None
        while self._running:
            wait_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            done, _ = ray.wait(list(self._running), num_returns=1, timeout=wait_s)
            if not done:
                break
            index = self._running.pop(done[0])
            try:
                outcomes[index] = self._read(done[0], index)["outcome"]
            except FedrayError as error:
                failures.append(error)
                if deadline is None:
                    deadline = time.monotonic() + GRACE_S
                    self.abort(error)
        if failures:
            raise next((f for f in failures if not isinstance(f, TaskAborted)), failures[0])
        return outcomes

    def drain(self) -> None:
        """Let a party that answers requests answer those that wait, and the task come to its end; nothing for others.

        It ends in order if it does so within DRAIN_S; `abort` ends what still runs.
        """
        member = self._plan.answering
        if member is None:
            return
        self._actors[member.index].end.remote()
        deadline = time.monotonic() + DRAIN_S
        while self._running and time.monotonic() < deadline:
            time.sleep(DRAIN_S / 100)

    def abort(self, error: FedrayError) -> None:
        """Tell every party that still runs why the task ends."""
        told = error if isinstance(error, TaskAborted) else TaskAborted(error.message, error.party, error.phase)
        for index in list(self._running.values()):  # a copy: cancelling comes from another thread
            self._actors[index].abort.remote(told.as_dict())

    def close(self) -> None:
        """End all processes of the task."""
        for actor in self._actors:
            ray.kill(actor, no_restart=True)

    def _read(self, ref: Any, index: int) -> Any:
        name, role = self._plan.names[index], self._plan.members[index].role.value
        try:
            answer = ray.get(ref, timeout=START_S)
        except RayActorError:
            raise PeerLost(
                f"the process of {name} ({role}) died; see whether its node runs and has memory", name
            ) from None
        except GetTimeoutError:
            raise PlacementError(f"{name} ({role}) did not answer", name) from None
        except RayError as error:
            # the text of a remote failure holds its stack trace, perhaps with a value
            raise FedrayError(f"{name} ({role}) failed outside of its role ({type(error).__name__})", name) from None
        if isinstance(answer, dict) and "error" in answer:
            raise error_from_dict(answer["error"])
        return answer
