"""Kill -9 at random moments: `python -m tests.chaos --moments 20 --seed 1` trains on a real cluster of this machine.

At each moment a training starts, and when a part of its steps that is drawn anew has been done, and up to a second
more has gone by, one of its actors is killed. Then `fedray resume`, or, where no checkpoint had been written yet, the
same training under another name. The last test must be that of the float64 twin, as for a training that nobody
disturbs. Prints a JSON line for each moment and one for all; the seed draws moments and victims.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fedray.data.root import DataRoot
from fedray.ml import metrics
from fedray.parties.oracle import insecure_oracle
from fedray.task.plan import make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse
from tests.e2e.documents import alignment, linear_training, training, tree_training
from tests.e2e.tables import write_tables
from tests.server import ENDS, ROLES, FedrayServer, patience, until

__all__ = ["KINDS", "Outcome", "Twin", "moments"]

Json = dict[str, Any]

KINDS = ("linear", "network", "trees")
AUC_WITHIN, LOSS_WITHIN = 0.005, 0.01
"""How far the AUC of the last test, and its loss as a part of it, may be from the float64 twin's."""


@dataclass(frozen=True)
class Twin:
    """A training in float64, which nobody disturbs: its steps, and loss and AUC of the last test."""

    kind: str
    steps: int
    loss: float
    auc: float


@dataclass(frozen=True)
class Moment:
    """When who is killed: after a part of the steps, and so many seconds more; which of the actors."""

    part: float
    more_s: float
    place: int


@dataclass(frozen=True)
class Outcome:
    """What came of a moment.

    Attributes
    ----------
    wanted, done, victim
        After how many steps who was to be killed, how many had been told of, and who was; "" for nobody.
    end
        ``resumed``, ``anew`` where there was no checkpoint yet, or ``finished`` where the training was over already.
    resumed_from
        Steps of the checkpoint.
    loss_off, auc_off
        From the float64 twin; the loss as a part of it.
    """

    kind: str
    wanted: int
    done: int
    victim: str
    end: str
    resumed_from: int | None
    loss_off: float
    auc_off: float


def document(kind: str, name: str) -> Json:
    """Return the training of a kind, always with the same seed."""
    if kind == "trees":
        return tree_training(name, n_estimators=10, max_depth=3, max_bin=16, seed=1, test_per_trees=5)
    if kind == "linear":
        numbers = {"max_iter": 1000, "test_per_batches": 500, "checkpoint_every": 25, "learning_rate_init": 0.015}
        return linear_training(name, random_state=1, **numbers)
    return training(
        name, in_dim=4, layers=[1], max_iter=500, test_per_batches=250, checkpoint_every=25, learning_rate=0.03, seed=1
    )


def twin(server: FedrayServer, kind: str) -> Twin:
    """Train in float64 on the server's tables."""
    plan = make_plan(parse(document(kind, "twin")), Registry.local(), "")
    oracle, design, y = insecure_oracle(plan, DataRoot(server.root))
    oracle.train(design.steps)
    p = oracle.predict()
    return Twin(kind, design.steps, metrics.loss("bce", y, p), metrics.evaluate("auc", y, p)["auc"])


def moments(server: FedrayServer, seed: int, count: int, kinds: Sequence[str] = KINDS) -> Iterator[Outcome]:
    """Disturb so many trainings of these kinds in turn; yield what came of each.

    Raises
    ------
    AssertionError
        One did not end, or not with the model of its twin.
    """
    draw = random.Random(seed)
    known = {kind: twin(server, kind) for kind in kinds}
    for number in range(count):
        kind = kinds[number % len(kinds)]
        moment = Moment(draw.random(), draw.random(), draw.randrange(5))
        yield _disturb(server, known[kind], f"moment-{seed}-{number}", moment)


def _disturb(server: FedrayServer, known: Twin, name: str, moment: Moment) -> Outcome:
    until(lambda: not server.roles(), patience(10), lambda: f"{server.roles()}")
    server.begin(document(known.kind, name))
    wanted, end = round(moment.part * known.steps), "finished"
    until(lambda: server.task(name)["status"] in ENDS or _done(server, name) >= wanted, 300.0)
    time.sleep(moment.more_s)
    done_before, victim = _done(server, name), _kill(server, name, moment.place)
    failed = server.wait(name)
    if failed["status"] == "failed":
        assert failed["error"]["type"] == "PeerLost", failed
        goes_on = failed["resumable"] and server.ask("POST", f"/api/v1/tasks/{name}/resume").is_success
        end = "resumed" if goes_on else "anew"
    if end == "resumed":
        server.wait(name)
        # a party may have died before it wrote what another, and so the server, knew of
        end = "anew" if "no checkpoint in common" in str(server.task(name)["error"]) else end
    if end == "anew":
        name = server.begin(document(known.kind, f"{name}-anew"))
    done = server.wait(name, timeout_s=300.0)
    assert done["status"] == "finished", done
    found = server.get(f"/api/v1/tasks/{name}/report")["result"]
    loss_off, auc_off = abs(found["loss"] / known.loss - 1.0), abs(found["metrics"]["auc"] - known.auc)
    assert loss_off < LOSS_WITHIN, (known, found)
    assert auc_off < AUC_WITHIN, (known, found)
    return Outcome(known.kind, wanted, done_before, victim, end, found.get("resumed_from"), loss_off, auc_off)


def _done(server: FedrayServer, name: str) -> int:
    return server.task(name)["n_batches"] or 0


def _kill(server: FedrayServer, name: str, place: int) -> str:
    """Kill one of the task's actors, as soon as there is one; return its role, "" where the task ended before."""
    while server.task(name)["status"] not in ENDS:
        alive = [(role, pid) for role in ROLES for pid in sorted(server.roles(role))]
        if not alive:
            time.sleep(0.05)
            continue
        role, pid = alive[place % len(alive)]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return role
    return ""


def main() -> int:
    """Run from the command line; the exit code is 1 where a training did not come to its model."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Kill -9 at random moments.")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    given = parser.parse_args()
    found: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        write_tables(root / "raw")
        with FedrayServer(root) as server:
            assert server.run(alignment("aligned"))["status"] == "finished"
            for outcome in moments(server, given.seed, given.moments, given.kinds.split(",")):
                found.append(outcome)
                print(json.dumps(asdict(outcome)), flush=True)
    ends = Counter(outcome.end for outcome in found)
    worst = {name: max(getattr(outcome, name) for outcome in found) for name in ("loss_off", "auc_off")}
    print(json.dumps({"moments": len(found), "seed": given.seed, **ends, **worst}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
