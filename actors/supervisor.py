"""The supervisor: one actor that starts tasks, watches them, and writes what happens into the store.

Queries never come here: they read the store. The HTTP replicas may come and go while tasks run.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from pathlib import Path
from typing import Any

import ray

from actors.logs import LogSetting, log_status, log_to
from actors.look import approve_at, checkpoints_at, forget_at, look_at
from actors.placement import offers
from actors.team import Team
from actors.waiting import Waiting
from fedray.errors import DataError, FedrayError, PeerLost, PlacementError, RecvTimeout, StateError
from fedray.parties.checkpoints import newest_common
from fedray.task.plan import TaskPlan
from fedray.task.record import Event, EventKind, Status
from fedray.task.report import build_report

__all__ = ["NAME", "Supervisor"]

NAME = "supervisor"
AFTERWARDS = "resume it where its status says that it can be, or create it again under another name"
SUPERVISOR_DIED = f"the supervisor's process died while this task was running; {AFTERWARDS}"
SERVER_ENDED = f"the server ended while this task was running; {AFTERWARDS}"
TELL_APART_S = 1.0
END_S = 10.0
"""Seconds that a cancelled task's team has to end before its checkpoints are deleted."""

RESUME_AFTER_S, LONGEST_WAIT_S = 2.0, 60.0
"""Seconds until a task goes on by itself, twice as many each time, and the most."""

BROKEN_OFF = (PeerLost, RecvTimeout, PlacementError)
"""Failures after which it is worth while to go on: somebody was gone, and may be back."""

log = logging.getLogger("fedray.supervisor")


class Supervisor:
    """Runs tasks, at most `per_node` at a time on each node; the others wait in order.

    Parameters
    ----------
    database
        URL of the store.
    root
        Data root of parties for which the registry names none.
    per_node
        Tasks that may run on a node at a time.
    trust_mode
        Told in reports.
    """

    def __init__(self, database: str, root: str, per_node: int, trust_mode: str = "lab") -> None:
        # imported when a supervisor runs: every party's process loads this module, for its handle of the listener
        from fedray.task.store import Store

        log_to(Path(root), LogSetting.from_environment(os.environ))
        self._store = Store(database)
        self._database = database
        self._root, self._trust_mode = root, trust_mode
        self._lock = threading.Lock()
        self._waiting = Waiting(per_node)
        self._teams: dict[str, Team] = {}
        self._resumed: set[str] = set()
        again = ray.get_runtime_context().was_current_actor_reconstructed
        for name in self._store.fail_running(SUPERVISOR_DIED if again else SERVER_ENDED):
            self._go_on(TaskPlan.from_json(self._store.get(name).plan), Status.FAILED)

    @ray.method(concurrency_group="control")
    def serves(self, database: str) -> bool:
        """Answer, once the supervisor is up, whether it keeps its tasks in this database."""
        return database == self._database

    @ray.method(concurrency_group="control")
    def check(self, plan: str, ready: bool) -> dict[str, Any]:
        """Let every party look at its part of a task, on its own node.

        Returns
        -------
        dict
            ``{"standings": ...}``, how the parties' policies stand to it, or ``{"error": ...}``, the first.
        """
        try:
            looked = TaskPlan.from_json(plan)
            offers().require(looked)
            return {"standings": [one.as_dict() for one in look_at(looked, self._root, ready=ready)]}
        except FedrayError as error:
            return {"error": error.as_dict()}

    @ray.method(concurrency_group="control")
    def approve(self, plan: str, party: str, who: str) -> dict[str, str] | None:
        """Let a party keep that its data owner approves a task; return the error if it cannot."""
        try:
            approved = TaskPlan.from_json(plan)
            offers().require(approved)
            approve_at(approved, party, who, self._root)
        except FedrayError as error:
            return error.as_dict()
        return None

    @ray.method(concurrency_group="control")
    def forget(self, plan: str) -> dict[str, Any]:
        """Let every data client delete its part of a model; return ``{"receipts": ...}`` or ``{"error": ...}``."""
        try:
            training = TaskPlan.from_json(plan)
            offers().require(training)
            return {"receipts": forget_at(training, self._root)}
        except FedrayError as error:
            return {"error": error.as_dict()}

    @ray.method(concurrency_group="control")
    def submit(self, plan: str) -> None:
        """Take a queued task and run it when there is room."""
        with self._lock:
            self._waiting.add(TaskPlan.from_json(plan))
        self._start_next()

    @ray.method(concurrency_group="control")
    def checkpoint(self, plan: str) -> dict[str, Any]:
        """Return ``{"done": ...}``, the steps of the newest checkpoint that all clients have, or ``{"error": ...}``."""
        try:
            training = TaskPlan.from_json(plan)
            offers().require(training)
            return {"done": newest_common(checkpoints_at(training, self._root)).done}
        except DataError as error:
            return {"error": StateError(error.message).as_dict()}
        except FedrayError as error:
            return {"error": error.as_dict()}

    @ray.method(concurrency_group="control")
    def resume(self, plan: str) -> None:
        """Take a queued task that goes on from its checkpoint, and run it when there is room."""
        self._resume(TaskPlan.from_json(plan))

    def _resume(self, plan: TaskPlan) -> None:
        if self._store.get(plan.task).status is not Status.QUEUED:
            return  # cancelled while it waited to go on
        with self._lock:
            self._resumed.add(plan.task)
            self._waiting.add(plan)
        self._start_next()

    @ray.method(concurrency_group="control")
    def cancel(self, name: str) -> None:
        """End a task; the store says already that it is cancelled."""
        with self._lock:
            self._waiting.drop(name)
            team = self._teams.get(name)
        if team is not None:
            team.drain()
            team.abort(FedrayError("the task was cancelled"))
            team.close()
        task = self._store.get(name)
        if TaskPlan.from_json(task.plan).checkpoint_every and (team is not None or task.checkpoint is not None):
            threading.Thread(target=self._drop, args=(TaskPlan.from_json(task.plan),), daemon=True).start()

    def _drop(self, plan: TaskPlan) -> None:
        """Delete the checkpoints of a task that was cancelled, once nobody writes any more."""
        deadline = time.monotonic() + END_S
        while self._waiting.is_at_work(plan.task) and time.monotonic() < deadline:
            time.sleep(END_S / 100)
        try:
            forget_at(plan, self._root)
        except FedrayError as error:
            log.warning("checkpoints of a cancelled task were not deleted: %s", type(error).__name__)

    @ray.method(concurrency_group="control")
    def queue(self) -> list[str]:
        """Return the names of the tasks that wait."""
        with self._lock:
            return self._waiting.names

    @ray.method(concurrency_group="control")
    def parties(self) -> list[Any]:
        """Return the actors of the parties that are at work."""
        with self._lock:
            teams = list(self._teams.values())
        return [actor for team in teams for actor in team.actors]

    @ray.method(concurrency_group="control")
    def offered(self) -> list[str]:
        """Return the parties' resources that live nodes offer."""
        return offers().resources

    @ray.method(concurrency_group="events")
    def tell(self, task: str, event: dict[str, object]) -> None:
        """Take an event of a party."""
        self._note(task, Event.from_dict(event))

    @ray.method(concurrency_group="control")
    def stop(self, reason: str) -> None:
        """End all tasks, because the server ends."""
        with self._lock:
            teams = list(self._teams.values())
            self._waiting.clear()
        self._store.fail_running(reason)
        for team in teams:
            team.abort(FedrayError(reason))
            team.close()

    def _note(self, task: str, event: Event) -> None:
        try:
            self._store.events.add(task, [event])
        except FedrayError as error:
            log.warning("an event was not stored: %s", type(error).__name__)

    def _start_next(self) -> None:
        """Start every waiting task for which all its nodes have room, in order."""
        with self._lock:
            for plan in self._waiting.take(offers().nodes_of):
                threading.Thread(target=self._run, args=(plan,), name=f"task {plan.task}", daemon=True).start()

    def _run(self, plan: TaskPlan) -> None:
        started = time.monotonic()
        try:
            self._store.transition(plan.task, Status.RUNNING)
            log_status(plan.task, Status.RUNNING)
            self._finish(plan, self._outcomes(plan), time.monotonic() - started)
        except StateError:
            log.info("a task ended before it ran")  # cancelled while it waited or ran
        except FedrayError as error:
            self._fail(plan, self._cause(error))
        except Exception as error:  # noqa: BLE001 - the supervisor and its other tasks go on
            # no text and no trace: a stranger's exception may hold a value
            log.error("a task ended by a fault of the supervisor: %s", type(error).__name__)  # noqa: TRY400
            self._fail(plan, FedrayError(f"internal error: {type(error).__name__}; see the supervisor's log"))
        finally:
            with self._lock:
                self._waiting.end(plan.task)
            self._start_next()

    def _outcomes(self, plan: TaskPlan) -> dict[int, dict[str, Any]]:
        with self._lock:
            resumes = plan.task in self._resumed
            self._resumed.discard(plan.task)
        team = Team(plan, self._root, ray.get_runtime_context().current_actor, resumes=resumes)
        with self._lock:
            self._teams[plan.task] = team
        try:
            if self._store.get(plan.task).status is not Status.RUNNING:
                raise StateError("the task ended while its team was made")  # whoever ended it saw no team to close
            team.start()
            return team.watch()
        finally:
            with self._lock:
                self._teams.pop(plan.task, None)
            team.close()

    def _cause(self, error: FedrayError) -> FedrayError:
        """Tell the end of this whole node from the death of a party: both look like a dead party at first."""
        deadline = time.monotonic() + TELL_APART_S
        while isinstance(error, PeerLost) and time.monotonic() < deadline:
            if not _raylet_runs():
                return FedrayError(SERVER_ENDED)
            time.sleep(TELL_APART_S / 20)
        return error

    def _finish(self, plan: TaskPlan, outcomes: dict[int, dict[str, Any]], seconds: float) -> None:
        # one that was cancelled may have come to its end in order; then it has a report too
        status = self._store.get(plan.task).status
        ended = Status.FINISHED if status is Status.RUNNING else status
        report = build_report(plan, outcomes, status=ended, seconds=seconds, trust_mode=self._trust_mode)
        self._store.reports.save(plan.task, report)
        if ended is Status.FINISHED:
            self._store.transition(plan.task, Status.FINISHED)
        log_status(plan.task, ended)

    def _fail(self, plan: TaskPlan, error: FedrayError) -> None:
        with contextlib.suppress(StateError):
            if isinstance(error, BROKEN_OFF) and self._go_on(plan, Status.RUNNING):
                self._note(plan.task, Event(EventKind.ERROR.value, dict(error.as_dict()), error.party, time.time()))
                return
            self._store.transition(plan.task, Status.FAILED, error.as_dict())
            log_status(plan.task, Status.FAILED, error)
            self._note(plan.task, Event(EventKind.ERROR.value, dict(error.as_dict()), error.party, time.time()))

    def _go_on(self, plan: TaskPlan, before: Status) -> bool:
        """Queue a task again that is to go on by itself, if it may and can; return whether."""
        often = self._store.events.resumptions(plan.task)
        if often >= plan.resume_attempts or self._store.get(plan.task).checkpoint is None:
            return False
        self._store.transition(plan.task, Status.QUEUED, before=before)
        log_status(plan.task, Status.QUEUED)
        timer = threading.Timer(min(LONGEST_WAIT_S, RESUME_AFTER_S * 2.0**often), self._resume, (plan,))
        timer.daemon = True
        timer.start()
        return True


def _raylet_runs() -> bool:
    """Return whether the Ray of this node is there: not by this process's parent, which may be a mere template."""
    import psutil  # every party's process loads this module, and needs no psutil

    try:
        return bool(psutil.Process(int(os.environ["RAY_RAYLET_PID"])).status() != psutil.STATUS_ZOMBIE)
    except (KeyError, ValueError, psutil.NoSuchProcess):
        return False
