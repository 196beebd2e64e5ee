"""The further processes of a party, one actor on each of its other nodes; what they do, they know by name only.

They are made when the first order is given, belong to the party's own actor, and end with it, whatever ends it.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayActorError, RayError

from actors.own_root import own_root
from actors.placement import offers, on_node
from actors.priority import give_way
from actors.pulse import Pulse
from fedray.errors import FedrayError, PeerLost, PlacementError, error_from_dict
from fedray.pool import LEAST_ROWS, Alone, Arrays, Order, Pool, Shelf, carry_out

__all__ = ["SHARD_ROWS", "NodePool", "PoolWorker", "least_rows", "pool_of"]

SHARD_ROWS: Final = "FEDRAY_SHARD_ROWS"
"""Variable of the environment: rows of a table from which on a party's other nodes are used; see LEAST_ROWS."""

START_S = 60.0
ANSWER_S = 600.0
"""Seconds that an order may take; the largest takes some."""

LOOK_S = 0.2
"""Seconds between two looks whether the task has ended, of who waits for an answer."""

STAY_S = 3600.0
"""Seconds after which a worker answers that it is still there; its end is known at once."""


def least_rows(environment: Mapping[str, str]) -> int:
    """Return the rows from which on work is shared, as the environment says; what is no such number counts for none."""
    wanted = environment.get(SHARD_ROWS, "")
    return int(wanted) if wanted.isdecimal() else LEAST_ROWS


_OPTIONS: Final[dict[str, Any]] = {
    "num_cpus": 0,
    "max_restarts": 0,  # what it kept would be lost
    "max_task_retries": 0,
    "enable_task_events": False,
    "concurrency_groups": {"work": 1, "stay": 1, "control": 1},
}


@ray.remote(**_OPTIONS)
class PoolWorker:
    """A further process of a party, for one task.

    Parameters
    ----------
    root
        The party's data root; where this node has it, what does not fit into the memory lies there.
    """

    def __init__(self, root: str) -> None:
        give_way(os.environ)
        self._shelf = Shelf(lambda: _folder(root), borrowed=True)

    @ray.method(concurrency_group="control")
    def pulse(self) -> int:
        """Answer, with my process id."""
        return os.getpid()

    @ray.method(concurrency_group="stay")
    def stay(self) -> None:
        """Answer after a long time: who waits for it hears of my end."""
        time.sleep(STAY_S)

    @ray.method(concurrency_group="work")
    def do(self, work: str, facts: str, *arrays: Any) -> Arrays | dict[str, str]:
        """Carry an order out.

        Returns
        -------
        tuple or dict
            The arrays, or the error as ``FedrayError.as_dict`` gives it.
        """
        try:
            return carry_out(self._shelf, Order(work, json.loads(facts), arrays))
        except FedrayError as error:
            return error.as_dict()


def _folder(root: str) -> Path:
    """Return the party's scratch folder where its root is on this node, else the system's temporary one."""
    return own_root(root).state_dir("scratch") if Path(root).is_dir() else Path(tempfile.gettempdir())


class NodePool:
    """The workers of a party on its other nodes; used by one thread.

    Parameters
    ----------
    find
        Gives the ids of these nodes, and how each is called in messages; asked, once, where work is worth sharing.
    resource
        The party's, which pins them.
    party
        Its display name.
    root
        Its data root.
    least
        Rows of a table from which on they are worth while.
    silent_s
        Seconds without an answer after which one counts as lost.
    check
        Raises where the task has ended.
    fail
        Told, once, of the first worker that is lost.
    """

    def __init__(
        self,
        find: Callable[[], Sequence[tuple[str, str]]],
        resource: str,
        party: str,
        root: str,
        *,
        least: int,
        silent_s: float,
        check: Callable[[], None],
        fail: Callable[[FedrayError], None],
    ) -> None:
        self._find, self._resource, self._party, self._root = find, resource, party, root
        self._least, self._silent_s, self._check, self._fail = least, silent_s, check, fail
        self._workers: list[ActorHandle[Any]] = []
        self._over = threading.Event()
        self._pulse: Pulse | None = None

    @cached_property
    def _nodes(self) -> tuple[tuple[str, str], ...]:
        return tuple(self._find())

    @property
    def count(self) -> int:
        """How many there are, or will be once one has an order."""
        return len(self._nodes)

    def worth(self, rows: int) -> Pool:
        """Return this pool, or one without workers for a small table."""
        return self if rows >= self._least else Alone()

    def call(self, worker: int, order: Order) -> NodeAnswer:
        """Give an order to a worker; makes all of them where there are none yet.

        Raises
        ------
        PlacementError
            They did not start in time.
        PeerLost
            One died at once.
        """
        if not self._workers:
            self._start()
        ref = self._workers[worker].do.remote(order.work, json.dumps(order.facts), *order.arrays)
        return NodeAnswer(ref, self.name(worker), self._party, self._check)

    def name(self, worker: int) -> str:
        """Return how a worker is called in messages."""
        return f"the worker of {self._party} on node {self._nodes[worker][1]}"

    def close(self) -> None:
        """End the workers; nothing where there are none."""
        self._over.set()
        if self._pulse is not None:
            self._pulse.stop()
        for worker in self._workers:
            ray.kill(worker, no_restart=True)

    def _start(self) -> None:
        made: Any = PoolWorker  # Ray's decorator is not typed
        self._workers = [made.options(**on_node(self._resource, node)).remote(self._root) for node, _ in self._nodes]
        asked = [worker.pulse.remote() for worker in self._workers]
        deadline = time.monotonic() + START_S
        for worker, ref in enumerate(asked):
            while not ray.wait([ref], timeout=LOOK_S)[0]:
                self._check()
                if time.monotonic() > deadline:
                    raise PlacementError(
                        f"{self.name(worker)} did not start within {START_S:g} s; see whether the node is overloaded",
                        self._party,
                    )
            _read(ref, self.name(worker), self._party)
        threading.Thread(target=self._watch, name="pool", daemon=True).start()
        names = tuple(self.name(worker) for worker in range(self.count))
        self._pulse = Pulse(dict(enumerate(self._workers)), names, self._silent_s, self._silent)

    def _silent(self, error: FedrayError) -> None:
        self._lose(PeerLost(error.message, self._party))

    def _watch(self) -> None:
        """See the end of a worker as soon as Ray does, whatever the party's own thread is at."""
        stays = {worker.stay.remote(): number for number, worker in enumerate(self._workers)}
        while not self._over.is_set():
            over, _ = ray.wait(list(stays), num_returns=1, timeout=LOOK_S)
            for ref in over:
                number = stays.pop(ref)
                try:
                    ray.get(ref, timeout=0)
                except RayError:
                    self._lose(_died(self.name(number), self._party))
                    return
                stays[self._workers[number].stay.remote()] = number

    def _lose(self, error: FedrayError) -> None:
        if not self._over.is_set():
            self._fail(error)


class NodeAnswer:
    """What will come of an order; see `fedray.pool.Answer`."""

    def __init__(self, ref: Any, name: str, party: str, check: Callable[[], None]) -> None:
        self._ref, self._name, self._party, self._check = ref, name, party, check

    def ready(self) -> bool:
        """Return whether it is there."""
        return bool(ray.wait([self._ref], timeout=0, fetch_local=True)[0])

    def get(self) -> Arrays:
        """Return the arrays, once they are there; raises as `fedray.pool.Answer.get`."""
        deadline = time.monotonic() + ANSWER_S
        while not ray.wait([self._ref], timeout=LOOK_S, fetch_local=True)[0]:
            self._check()
            if time.monotonic() > deadline:
                raise PeerLost(
                    f"{self._name} did not answer within {ANSWER_S:g} s; see whether the node is overloaded",
                    self._party,
                )
        answer = _read(self._ref, self._name, self._party)
        if isinstance(answer, dict):
            raise error_from_dict(answer)
        return tuple(answer)


def _read(ref: Any, name: str, party: str) -> Any:
    try:
        return ray.get(ref, timeout=START_S)
    except RayActorError:
        raise _died(name, party) from None
    except RayError as error:
        # the text of a remote failure holds its stack trace, perhaps with a value
        raise FedrayError(f"{name} failed ({type(error).__name__})", party) from None


def _died(name: str, party: str) -> PeerLost:
    return PeerLost(f"{name} died; see whether that node runs and has memory", party)


def pool_of(
    resource: str,
    party: str,
    root: str,
    *,
    silent_s: float,
    check: Callable[[], None],
    fail: Callable[[FedrayError], None],
) -> NodePool:
    """Return the pool of the party whose actor this is: a worker for each other node that offers its resource."""

    def find() -> list[tuple[str, str]]:
        here, known = ray.get_runtime_context().get_node_id(), offers()
        return [(node, known.addresses[node]) for node in known.nodes.get(resource, ()) if node != here]

    least = least_rows(os.environ)
    return NodePool(find, resource, party, root, least=least, silent_s=silent_s, check=check, fail=fail)
