"""A server with pipelines, over a real store and a runner that only notes what it was told."""

from __future__ import annotations

from pathlib import Path

from fedray.errors import FedrayError
from fedray.pipeline.service import PipelineService
from fedray.task.record import Status
from tests.task_server import Server


class World:
    """A server, its pipelines, and ways to move their tasks."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder)
        self.store, self.runner, self.tasks = self.server.store, self.server.runner, self.server.service
        self.service = PipelineService(self.store, self.tasks, clock=lambda: self.server.now)

    def go(self, name: str = "p") -> dict[str, str]:
        """Advance until nothing is left to be done, and return how the steps stand."""
        for _ in range(20):
            if not self.service.step():
                return self.steps(name)
        raise AssertionError("it does not come to rest")

    def steps(self, name: str = "p") -> dict[str, str]:
        return {one.name: one.status.value for one in self.service.get(name).steps}

    def end(self, task: str, status: Status = Status.FINISHED, error: FedrayError | None = None) -> None:
        if self.store.get(task).status is Status.QUEUED:
            self.store.transition(task, Status.RUNNING)
        self.store.transition(task, status, None if error is None else error.as_dict())

    def run(self, *tasks: str) -> dict[str, str]:
        """Let tasks finish, one after the other, and return how the steps stand."""
        self.go()
        for task in tasks:
            self.end(task)
            self.go()
        return self.steps()

    def calls(self, call: str) -> list[str]:
        return [what.removeprefix(f"{call} ") for what in self.runner.calls if what.startswith(f"{call} ")]

    def again(self) -> PipelineService:
        """Return the service of another replica, or of the server when it was started again."""
        return PipelineService(self.store, self.tasks, clock=lambda: self.server.now)


def stand(*words: str) -> dict[str, str]:
    return dict(zip(("align", "bins", "train", "predict"), words, strict=True))
