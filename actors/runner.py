"""The way from the service to the supervisor: what `fedray.task.runner.Runner` asks for, over actor calls."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from actors.supervisor import NAME
from actors.team import NAMESPACE, actor_name
from actors.usage import Meter
from fedray.errors import FedrayError, LocalProtocolError, PlacementError, error_from_dict
from fedray.task.plan import TaskPlan
from fedray.task.standing import Standing
from fedray.task.usage import Usage

__all__ = ["RayRunner"]

ANSWER_S = 40.0

PREDICT_S = 10.0
"""Seconds that a request for predictions waits at the party; a little longer here."""

MOST_ASKING = 24
"""Requests for predictions that wait at a time: fewer than an HTTP replica has threads, which other routes need too."""


MOST_KNOWN = 64
"""Parties whose actors are remembered, so that not every request looks for one by name."""


class RayRunner:
    """A `Runner` over the cluster's supervisor, found by name so that a restarted one is found again."""

    def __init__(self) -> None:
        self._asking = threading.BoundedSemaphore(MOST_ASKING)
        self._parties: dict[str, ActorHandle[Any]] = {}
        self._meter = Meter(lambda: self._ask("parties"))

    def check(self, plan: TaskPlan) -> list[Standing]:
        """Let every party look at its part of a new task."""
        return self._look(plan, ready=False)

    def ready(self, plan: TaskPlan) -> list[Standing]:
        """Let every party look whether its tables are there."""
        return self._look(plan, ready=True)

    def approve(self, plan: TaskPlan, party: str, who: str) -> None:
        """Let a party keep, on its own node, that its data owner approves a task."""
        found = self._ask("approve", plan.to_json(), party, who)
        if found is not None:
            raise error_from_dict(found)

    def forget(self, plan: TaskPlan) -> list[dict[str, object]]:
        """Let every data client of a training delete its part of the model; return their receipts."""
        answer: dict[str, Any] = self._ask("forget", plan.to_json())
        if "error" in answer:
            raise error_from_dict(answer["error"])
        return list(answer["receipts"])

    def ask(self, plan: TaskPlan, ids: Sequence[str]) -> list[list[float]]:
        """Hand a request to the party that answers; straight, since every hop takes a millisecond or two."""
        if plan.answering is None:
            raise LocalProtocolError("nobody answers requests in this plan")
        name = actor_name(plan, plan.answering)
        if not self._asking.acquire(blocking=False):
            raise PlacementError(f"{MOST_ASKING} requests wait already; try again")
        try:
            answer: dict[str, Any] = ray.get(
                self._party(name).ask.remote(list(ids), PREDICT_S), timeout=PREDICT_S + 2.0
            )
        except (RayError, ValueError) as error:
            self._parties.pop(name, None)
            if isinstance(error, GetTimeoutError):
                raise PlacementError(f"no answer within {PREDICT_S:g} s; the server is overloaded: try again") from None
            raise PlacementError("the task is starting, or has just ended; look at its status") from None
        finally:
            self._asking.release()
        if "error" in answer:
            raise error_from_dict(answer["error"])
        return list(answer["rows"])

    def _party(self, name: str) -> ActorHandle[Any]:
        known = self._parties.get(name)
        if known is None:
            if len(self._parties) >= MOST_KNOWN:
                self._parties.clear()  # most have ended; who has not is found again
            known = self._parties[name] = ray.get_actor(name, namespace=NAMESPACE)
        return known

    def submit(self, plan: TaskPlan) -> None:
        """Hand a queued task to the supervisor."""
        self._ask("submit", plan.to_json())

    def checkpoint(self, plan: TaskPlan) -> int:
        """Return after how many steps the newest checkpoint is that all its clients with data have; raises if none."""
        answer: dict[str, Any] = self._ask("checkpoint", plan.to_json())
        if "error" in answer:
            raise error_from_dict(answer["error"])
        return int(answer["done"])

    def resume(self, plan: TaskPlan) -> None:
        """Hand a queued task that goes on from its checkpoint to the supervisor."""
        self._ask("resume", plan.to_json())

    def cancel(self, name: str) -> None:
        """End a task that is cancelled in the store."""
        self._ask("cancel", name)

    def offered(self) -> list[str]:
        """Return the parties' resources that live nodes offer."""
        return list(self._ask("offered"))

    def usage(self) -> Usage:
        """Return what the nodes and the tasks' parties use; the parties themselves say it."""
        return self._meter.read()

    def queue(self) -> list[str]:
        """Return the names of the tasks that wait."""
        return list(self._ask("queue"))

    def _look(self, plan: TaskPlan, *, ready: bool) -> list[Standing]:
        answer: dict[str, Any] = self._ask("check", plan.to_json(), ready)
        if "error" in answer:
            raise error_from_dict(answer["error"])
        return [Standing.from_dict(told) for told in answer["standings"]]

    def _ask(self, method: str, *args: object) -> Any:
        away = PlacementError("the supervisor is not running; it restarts within seconds, so try again")
        try:
            supervisor: ActorHandle[Any] = ray.get_actor(NAME, namespace=NAMESPACE)
        except ValueError:
            raise away from None
        try:
            return ray.get(getattr(supervisor, method).remote(*args), timeout=ANSWER_S)
        except RayActorError:
            raise away from None
        except GetTimeoutError:
            raise PlacementError(
                f"the supervisor did not answer within {ANSWER_S:g} s; the server is overloaded"
            ) from None
        except RayError as error:
            # the text of a remote failure holds its stack trace
            raise FedrayError(f"the supervisor failed ({type(error).__name__}); see its log") from None
