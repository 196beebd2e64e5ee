"""A runner that plays all parties of a task in threads of this process, as soon as it is given one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from fedray.data.root import DataRoot
from fedray.errors import FedrayError
from fedray.parties.check import check_member
from fedray.parties.run import run_local
from fedray.task.folders import check_folders
from fedray.task.plan import TaskPlan
from fedray.task.record import Status
from fedray.task.standing import Standing
from fedray.task.store import Store
from tests.api.conftest import ScriptedRunner


@dataclass
class LocalRunner(ScriptedRunner):
    """All parties on one data root; what the main client's outcome says is in `results`, by task."""

    store: Store | None = None
    root: DataRoot | None = None
    results: dict[str, dict[str, Any]] = field(default_factory=dict)

    def check(self, plan: TaskPlan) -> Sequence[Standing]:
        return self._look(plan, ready=False)

    def ready(self, plan: TaskPlan) -> Sequence[Standing]:
        return self._look(plan, ready=True)

    def submit(self, plan: TaskPlan) -> None:
        assert self.store is not None
        assert self.root is not None
        self.store.transition(plan.task, Status.RUNNING)
        try:
            self.results[plan.task] = run_local(plan, self.root)[0].result
        except FedrayError as error:
            self.store.transition(plan.task, Status.FAILED, error.as_dict())
        else:
            self.store.transition(plan.task, Status.FINISHED)

    def _look(self, plan: TaskPlan, *, ready: bool) -> Sequence[Standing]:
        assert self.root is not None
        check_folders(plan)
        for member in plan.members:
            check_member(member, self.root, ready=ready)
        return []
