"""A runner that plays all parties of a task in threads of this process, in the place of a cluster."""

from __future__ import annotations

from pathlib import Path

from fedray.channel import Timeouts
from fedray.data.root import DataRoot
from fedray.errors import FedrayError, StateError
from fedray.parties.run import run_local
from fedray.task.plan import TaskPlan
from fedray.task.record import Status
from fedray.task.report import build_report
from fedray.task.store import Store
from tests.api.conftest import ScriptedRunner

__all__ = ["ThreadRunner"]

_PATIENT = Timeouts(connect_s=600.0, receive_s=600.0)


class ThreadRunner(ScriptedRunner):
    """Runs a task to its end before `submit` returns.

    Parameters
    ----------
    store
        Is told what happens.
    root
        The data root of all parties.
    """

    def __init__(self, store: Store, root: Path) -> None:
        super().__init__()
        self._store, self._root = store, DataRoot(root)

    def submit(self, plan: TaskPlan) -> None:
        super().submit(plan)
        name = plan.task
        self._store.transition(name, Status.RUNNING)
        try:
            outcomes = run_local(
                plan, self._root, emit=lambda event: self._store.events.add(name, [event]), timeouts=_PATIENT
            )
        except FedrayError as error:
            self._store.transition(name, Status.FAILED, error.as_dict())
            return
        told = {
            index: {"result": one.result, "cost": {}, "reveals": [], "estimate": one.estimate, "policy": {}}
            for index, one in enumerate(outcomes)
        }
        report = build_report(plan, told, status=Status.FINISHED, seconds=1.0, trust_mode="lab")
        self._store.reports.save(name, report)
        try:
            self._store.transition(name, Status.FINISHED)
        except StateError:
            return  # it was cancelled meanwhile
