"""Disturb trainings on a cluster, one fault after the other, and look closely at what is left: see `tests.chaos`.

python -m tests.chaos.run FOLDER ..., as the first process of namespaces of its own: see `tests.deploy.network.inside`.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fedray.data.model_files import SHARES, load_model
from fedray.data.root import DataRoot
from fedray.parties.kept import part_folder
from fedray.task.spec import Role
from tests.chaos.cluster import TABLES, Cluster, started
from tests.chaos.faults import FAULTS, Fault, Struck
from tests.chaos.trainings import KINDS, Twin, document, twin
from tests.e2e.documents import alignment
from tests.server import ENDS, patience, until

__all__ = ["Outcome", "main", "schedule"]

PART = 0.2
"""Of the steps of the trainings: who is hit early enough is missed, however short they are."""

ROLES = (Role.FEATURE_CLIENT, Role.FEATURE_CLIENT, Role.LABEL_CLIENT)
"""Of the parties with tables."""

TRAIN_S = 240.0
CLEAN_S = 30.0


@dataclass(frozen=True)
class Case:
    """One fault of a run."""

    number: int
    fault: str
    kind: str


@dataclass(frozen=True)
class Outcome:
    """What came of a fault.

    Attributes
    ----------
    fault, who, kind, transport, done
        What was done to whom, in which training, after how many steps.
    end
        ``went on``, or, after it had failed, ``resumed`` or, where no checkpoint was left in common, ``anew``.
    ended_s, within_s
        Seconds from the fault until the task had failed, and those stated; None where it went on.
    error, names
        Type of the task's error and the party that it names.
    loss_off, auc_off
        Of the last test, from the float64 twin.
    seconds
        Altogether, with all that made the cluster whole again.
    """

    number: int
    fault: str
    who: str
    kind: str
    transport: str
    done: int
    end: str
    ended_s: float | None
    within_s: float | None
    error: str
    names: str
    loss_off: float
    auc_off: float
    seconds: float


def schedule(seed: int, count: int, faults: Sequence[str] = ()) -> list[Case]:
    """Return so many faults: every kind of fault once in an order that the seed draws, then all again."""
    draw, names, cases = random.Random(seed), list(faults or FAULTS), list[Case]()
    while len(cases) < count:
        draw.shuffle(names)
        cases += [Case(len(cases) + place, name, draw.choice(KINDS)) for place, name in enumerate(names)]
    return cases[:count]


class Chaos:
    """A cluster that is disturbed, and what has to stay as it is.

    Parameters
    ----------
    cluster
        Up, with aligned tables.
    seed
        Of everything that is drawn.
    """

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self._cluster, self._server, self._seed = cluster, cluster.server, seed
        root = cluster.together()
        self._twins = {kind: twin(kind, root, PART) for kind in KINDS}
        self._known: dict[str, tuple[str, object]] = {}

    def disturb(self, case: Case) -> Outcome:
        """Do a fault to a training, bring that to its end, and look at what is left.

        Raises
        ------
        AssertionError
            Something did not happen in the stated time, is wrong, or is left behind.
        """
        begun, fault = time.monotonic(), FAULTS[case.fault]
        draw = random.Random(f"{self._seed} {case.number}")
        known, name = self._twins[case.kind], f"fault-{self._seed}-{case.number}"
        ready = Struck("") if fault.before is None else fault.before(self._cluster, draw)
        body = document(case.kind, name, PART)
        body["clients"][0]["client_config"]["transport"] = fault.transport
        self._begin(body)
        wanted = round(draw.uniform(0.05, 0.5) * known.steps)
        until(lambda: self._server.status(name) in ENDS or self._done(name) >= wanted, TRAIN_S, longest_s=0.2)
        done, record = self._done(name), self._record(name)
        struck = fault.strike(self._cluster, draw)
        try:
            failed, ended_s = self._first_end(name, fault, struck)
        finally:
            struck.heal()
            ready.heal()
        self._whole()
        assert self._record(name)[: len(record)] == record, "the record has lost rows"
        self._known[name] = (failed["status"], self._record(name))
        last, end = (name, "went on") if not failed["error"] else self._again(name, body, resumable=failed["resumable"])
        loss_off, auc_off = self._result(last, known)
        self._look(last)
        error = failed["error"] or {"type": "", "party": ""}
        return Outcome(
            case.number,
            case.fault,
            struck.who or ready.who,
            case.kind,
            fault.transport,
            done,
            end,
            ended_s,
            fault.within_s,
            error["type"],
            error["party"],
            loss_off,
            auc_off,
            round(time.monotonic() - begun, 1),
        )

    def _first_end(self, name: str, fault: Fault, struck: Struck) -> tuple[Mapping[str, Any], float | None]:
        """Wait for the end of a disturbed training: where it has to fail, in the stated time and by the right error."""
        begun = time.monotonic()
        if fault.within_s is None:
            ended = self._server.ended(name, patience(TRAIN_S))
            assert ended["status"] == "finished", ended
            return ended, None
        ended = self._server.ended(name, patience(fault.within_s))
        if ended["status"] == "finished":
            return ended, None  # it was over before anybody missed who was hit
        assert not struck.parties or ended["error"]["party"] in struck.parties, (struck, ended["error"])
        assert "internal error" not in ended["error"]["message"], ended["error"]
        return ended, round(time.monotonic() - begun, 2)

    def _again(self, name: str, body: dict[str, Any], *, resumable: bool) -> tuple[str, str]:
        """Let a training that failed go on, or begin anew; return the name that it has then, and which of both."""
        if resumable and self._server.ask("POST", f"/api/v1/tasks/{name}/resume").is_success:
            again = self._server.ended(name, patience(TRAIN_S))
            if "no checkpoint in common" not in str(again["error"]):
                return name, "resumed"
        return self._begin({**body, "task_name": f"{name}-anew"}), "anew"

    def _begin(self, body: dict[str, Any]) -> str:
        """Create and start a task; a host that is new says for a while that it is too busy to look at its tables."""
        name: str = body["task_name"]
        post, get = self._server.post, self._server.get
        until(lambda: post("/createTask", body)["status"] == "ok", patience(CLEAN_S), longest_s=1.0)
        until(lambda: get("/startTask", task_name=name)["status"] == "ok", patience(CLEAN_S), longest_s=1.0)
        return name

    def _result(self, name: str, known: Twin) -> tuple[float, float]:
        ended = self._server.ended(name, patience(TRAIN_S))
        assert ended["status"] == "finished", ended
        tests = [row[1] for row in self._record(name)]
        assert tests == [known.steps // 2, known.steps], tests
        self._known[name] = ("finished", self._record(name))
        return known.compare(self._server.get(f"/api/v1/tasks/{name}/report")["result"])

    def _whole(self) -> None:
        self._cluster.wait_for_parties()
        until(lambda: not self._cluster.actors(), patience(CLEAN_S), lambda: f"left: {self._cluster.actors()}")

    def _look(self, name: str) -> None:
        """See that nothing is lost, half written or left behind."""
        self._whole()
        for task, (status, record) in self._known.items():
            assert (self._server.status(task), self._record(task)) == (status, record), task
        with sqlite3.connect(self._server.root / ".fedray" / "fedray.sqlite") as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for rank, (party, role) in enumerate(zip(TABLES, ROLES, strict=True)):
            state = self._cluster.root(party) / ".fedray"
            assert not list((state / "checkpoints" / name).rglob(SHARES)), "checkpoints of a finished training"
            load_model(part_folder(DataRoot(self._cluster.root(party)), name, rank, role))
            half = [path for path in state.rglob("*.new") if "checkpoints" not in path.parts]
            assert not half, half

    def _done(self, name: str) -> int:
        return int(self._server.task(name)["n_batches"] or 0)

    def _record(self, name: str) -> list[Any]:
        return list(self._server.get("/queryRecord", task_name=name)["msg"])


def outcomes(folder: Path, seed: int, cases: Sequence[Case]) -> Iterator[dict[str, Any]]:
    """Bring a cluster up, disturb it, and yield what came of each fault, or what was wrong."""
    with started(folder) as cluster:
        assert cluster.server.run(alignment("aligned"), timeout_s=patience(TRAIN_S))["status"] == "finished"
        chaos = Chaos(cluster, seed)
        for case in cases:
            try:
                yield asdict(chaos.disturb(case))
            except AssertionError as error:
                yield {**asdict(case), "end": "wrong", "what": str(error)}
                cluster.restart(*(name for name in cluster.hosts if name != "head"))


def main() -> None:
    """Print a JSON line for each fault."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faults", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    cases = schedule(given.seed, given.faults, [name for name in given.only.split(";") if name])[given.first :]
    for outcome in outcomes(given.folder, given.seed, cases):
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
