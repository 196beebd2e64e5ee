"""Kill -9 at random moments: `python -m tests.chaos.moments --moments 20 --seed 1` trains on a Ray of this machine.

At each moment a training starts, and when a part of its steps that is drawn anew has been done, and up to a second
more has gone by, one of its actors is killed. Then `fedray resume`, or, where no checkpoint had been written yet, the
same training under another name. The last test must be that of the float64 twin, as for a training that nobody
disturbs. With `--exact` masks are public, and the model must be, to the last bit, that of a training which nobody
disturbed. Prints a JSON line for each moment and one for all; the seed draws moments and victims.
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

import numpy as np

from fedray.data.root import DataRoot
from tests.chaos.trainings import KINDS, Twin, document, opened, twin
from tests.e2e.documents import alignment
from tests.e2e.tables import write_tables
from tests.server import ENDS, ROLES, FedrayServer, patience, until

__all__ = ["Outcome", "moments"]


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
    same
        Whether the model is, to the last bit, that of a training which nobody disturbed; None where nobody looked.
    """

    kind: str
    wanted: int
    done: int
    victim: str
    end: str
    resumed_from: int | None
    loss_off: float
    auc_off: float
    same: bool | None = None


def moments(
    server: FedrayServer, seed: int, count: int, kinds: Sequence[str] = KINDS, exact: bool = False
) -> Iterator[Outcome]:
    """Disturb so many trainings of these kinds in turn; yield what came of each.

    Parameters
    ----------
    exact
        Whether each model has to be that of a training which nobody disturbed, to the last bit.

    Raises
    ------
    AssertionError
        One did not end, or not with the model of its twin.
    """
    draw = random.Random(seed)
    known = {kind: twin(kind, DataRoot(server.root)) for kind in kinds}
    for number in range(count):
        kind = kinds[number % len(kinds)]
        moment = Moment(draw.random(), draw.random(), draw.randrange(5))
        if exact and number < len(kinds):
            assert server.run(document(kind, f"whole-{kind}", exact=True))["status"] == "finished"
        yield _disturb(server, known[kind], f"moment-{seed}-{number}", moment, exact)


def _disturb(server: FedrayServer, known: Twin, name: str, moment: Moment, exact: bool) -> Outcome:
    until(lambda: not server.roles(), patience(10), lambda: f"{server.roles()}")
    server.begin(document(known.kind, name, exact=exact))
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
        name = server.begin(document(known.kind, f"{name}-anew", exact=exact))
    done = server.wait(name, timeout_s=300.0)
    assert done["status"] == "finished", done
    found = server.get(f"/api/v1/tasks/{name}/report")["result"]
    same = _same(server, name, f"whole-{known.kind}") if exact else None
    return Outcome(known.kind, wanted, done_before, victim, end, found.get("resumed_from"), *known.compare(found), same)


def _same(server: FedrayServer, name: str, whole: str) -> bool:
    """Return True; AssertionError where two models differ."""
    first, second = opened(server.root, whole), opened(server.root, name)
    differ = [array for array in first if not np.array_equal(first[array], second[array])]
    assert first.keys() == second.keys() and not differ, (name, differ)
    return True


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
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.moments", description="Kill -9 at random moments.")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--exact", action="store_true")
    given = parser.parse_args()
    found: list[Outcome] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        write_tables(root / "raw")
        with FedrayServer(root) as server:
            assert server.run(alignment("aligned"))["status"] == "finished"
            for outcome in moments(server, given.seed, given.moments, given.kinds.split(","), given.exact):
                found.append(outcome)
                print(json.dumps(asdict(outcome)), flush=True)
    ends = Counter(outcome.end for outcome in found)
    worst = {name: max(getattr(outcome, name) for outcome in found) for name in ("loss_off", "auc_off")}
    print(json.dumps({"moments": len(found), "seed": given.seed, **ends, **worst}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
