"""One party over several local nodes of Ray: tokens, bins and the histograms of a level, as its data clients do them.

The party's own process is an actor on the first node, its workers are on the others. All nodes share this machine, so
speed-up ends where its processors do; processor seconds of all processes say what the sharing itself costs.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.lines import Line, line, spread
from benchmarks.machine import cores, limited_threads
from benchmarks.processes import all_processor_s
from fedray.data.scratch import MIB, Scratch
from fedray.errors import FedrayError, LocalProtocolError
from fedray.mpc.correlation import Helped, MaskRows
from fedray.mpc.dealer import OneTimeMasks, PrivateShape
from fedray.pool import Alone, Order, Pool
from fedray.prg import Stream
from fedray.psi.tokens import tokens_of
from fedray.ring import Ring
from fedray.trees.binning import Binning
from fedray.trees.design import ROWS_BLOCK
from fedray.trees.masks import HistogramMask
from fedray.trees.spread import MaskedBins, OwnBins

__all__ = ["STEPS", "Sharing", "run"]

RESOURCE = "party_shard"
KEY = bytes(32)
OWN = "no protocol: processes of one party"
STEPS = ("tokens", "bins", "keep", "histogram", "owner", "dealer")
AGAIN = ("histogram", "dealer")
"""Steps of which the second time is measured: each level does them, and the first waits for memory."""

STEP_S = 3600.0
OBJECT_STORE_BYTES = 1 << 29


@dataclass(frozen=True)
class Sharing:
    """What is worked at: rows, columns of features, bins of each, numbers of a row in a level's histograms."""

    rows: int
    columns: int = 8
    bins: int = 32
    numbers: int = 16
    matrix_memory_mb: int = 1024

    @property
    def mask(self) -> HistogramMask:
        """Return the histogram of one owner's columns."""
        starts = range(0, self.rows, ROWS_BLOCK)
        blocks = tuple((f"bins{k}", min(ROWS_BLOCK, self.rows - start)) for k, start in enumerate(starts))
        return HistogramMask("H", 0, blocks, None, (self.columns * (self.bins - 1), self.rows, self.numbers))


def run(sharing: Sharing, nodes: list[int], repeat: int) -> Iterator[Line]:
    """Yield a line for each number of nodes and each step; those of one node, which all are compared with, first.

    Raises
    ------
    LocalProtocolError
        Several nodes gave another result than one.
    """
    counts = sorted({1, *nodes})
    runs: dict[int, list[dict[str, Measured]]] = {count: [] for count in counts}
    with _cluster(max(nodes)) as ids:
        for _ in range(repeat):  # by turns: what else the machine does meets all alike
            for count in counts:
                runs[count].append(_once(sharing, ids[:count]))
    for count, step in product(counts, STEPS):
        measured, alone = ([one[step] for one in runs[some]] for some in (count, 1))
        if any(one.result != alone[0].result for one in measured):
            raise LocalProtocolError(f"{step}: {count} nodes gave another result than one")
        yield _line(sharing, count, step, measured, alone)


@dataclass(frozen=True)
class Measured:
    """What a step took, and a digest of what came of it."""

    seconds: float
    processor_s: float
    result: str


def _line(sharing: Sharing, count: int, step: str, measured: list[Measured], alone: list[Measured]) -> Line:
    """Return the line of a step; `alone` are the same runs on one node, whose medians are the reference."""
    seconds = spread("seconds", [one.seconds for one in measured])
    processor_s = median(one.processor_s for one in measured)
    speed_up = median(one.seconds for one in alone) / median(one.seconds for one in measured)
    return {
        **line("shard", "ray", OWN),
        "step": step,
        "nodes": count,
        "rows": sharing.rows,
        "columns": sharing.columns,
        "bins": sharing.bins,
        "numbers": sharing.numbers,
        "matrix_memory_mb": sharing.matrix_memory_mb,
        **seconds,
        "processor_s": processor_s,
        "speed_up": speed_up,
        "efficiency": speed_up / count,
        "processor_efficiency": median(one.processor_s for one in alone) / max(processor_s, 1e-9),
    }


@contextmanager
def _cluster(count: int) -> Iterator[list[str]]:
    """Start so many nodes of Ray here; yield their ids. Each process has one thread for products.

    Ray's files are in a folder of their own, so that no other Ray of this machine is found, or found no more.
    """
    from actors import environment

    with tempfile.TemporaryDirectory(prefix="fr-", dir="/tmp") as folder:
        os.environ["RAY_TMPDIR"] = folder
        environment.prepare()
        yield from _nodes(count)


def _nodes(count: int) -> Iterator[list[str]]:
    from ray.cluster_utils import Cluster

    from actors.cluster import leave, start_or_join

    with limited_threads(cores()):
        cluster = Cluster()
        made = [
            cluster.add_node(
                num_cpus=1,
                resources={RESOURCE: 1},
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
            )
            for _ in range(count)
        ]
        cluster.wait_for_nodes()
        start_or_join(cluster.address)
    try:
        yield [node.node_id for node in made]
    finally:
        leave()
        cluster.shutdown()


def _once(sharing: Sharing, nodes: list[str]) -> dict[str, Measured]:
    """Do every step once on some nodes."""
    import ray

    from actors.placement import on_node

    own = ray.remote(num_cpus=0)(Party).options(**on_node(RESOURCE, nodes[0])).remote(sharing, nodes[1:])
    try:
        ray.get(own.warm_up.remote(), timeout=STEP_S)
        return {step: _step(own, step) for step in STEPS}
    finally:
        ray.get(own.close.remote(), timeout=STEP_S)
        ray.kill(own)


def _step(own: Any, step: str) -> Measured:
    if step in AGAIN:
        _asked(own, step)
    return _measure(partial(_asked, own, step))


def _asked(own: Any, step: str) -> tuple[float, str]:
    import ray

    seconds, result = ray.get(own.do.remote(step), timeout=STEP_S)
    return float(seconds), str(result)


def _measure(do: Callable[[], tuple[float, str]]) -> Measured:
    before = all_processor_s()
    seconds, result = do()
    return Measured(seconds, all_processor_s() - before, result)


class Party:
    """A party's own process, with made-up data.

    Parameters
    ----------
    others
        Ids of its further nodes.
    """

    def __init__(self, sharing: Sharing, others: list[str]) -> None:
        self._sharing, self._pool, self._nodes = sharing, self._pool_of(others), others
        rng = np.random.default_rng(0)
        self._x = rng.normal(size=(sharing.rows, sharing.columns))
        self._ids = pa.array([f"ID-{k:010d}" for k in range(sharing.rows)], pa.large_string())
        self._codes: npt.NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._m: Ring = rng.integers(0, 1 << 64, (sharing.numbers, sharing.rows), np.uint64)
        self._scratch = Scratch(sharing.matrix_memory_mb * MIB)
        self._masked = MaskedBins(self._scratch, self._pool)
        shapes = [PrivateShape(0, name, (sharing.mask.shape[0], count)) for name, count in sharing.mask.blocks]
        self._masks = OneTimeMasks([Stream(KEY)], shapes, sharing.matrix_memory_mb * MIB)

    def _pool_of(self, others: list[str]) -> Pool:
        if not others:
            return Alone()
        from actors.pool import NodePool

        def lost(error: FedrayError) -> None:
            raise error

        named = [(node, f"{number}") for number, node in enumerate(others, 2)]
        return NodePool(lambda: named, RESOURCE, "shard", "", least=0, silent_s=60.0, check=lambda: None, fail=lost)

    def warm_up(self) -> int:
        """Let every process start and load what it needs; return how many there are."""
        width, _, numbers = self._sharing.mask.shape
        blocks = tuple((f"warm{k}", ROWS_BLOCK) for k in range(self._pool.count + 1))
        mask = HistogramMask("H", 1, blocks, None, (width, ROWS_BLOCK * len(blocks), numbers))
        bins = MaskedBins(self._scratch, self._pool)
        for number, (name, count) in enumerate(mask.blocks):
            bins.put(1, number, name, Stream(KEY).words(name, (width, count)))
        bins.product(mask, Stream(KEY).words("m", (numbers, mask.shape[1])))
        for worker in range(self._pool.count):
            part = (np.zeros(1, np.uint8), np.array([0, 1]), np.frombuffer(KEY, np.uint8))
            self._pool.call(worker, Order("tokens", {}, part)).get()
        return os.getpid()

    def do(self, step: str) -> tuple[float, str]:
        """Do a step; return its seconds and a digest of its result."""
        made = {"keep": self._keep, "owner": self._own_sums}.get(step) or getattr(self, f"_{step}")
        started = time.monotonic()
        found = made()
        seconds = time.monotonic() - started
        return seconds, hashlib.sha256(np.ascontiguousarray(found).data.cast("B")).hexdigest()

    def close(self) -> None:
        """End the workers."""
        if self._nodes:
            self._pool.close()  # type: ignore[attr-defined]

    def _tokens(self) -> npt.NDArray[Any]:
        return tokens_of(self._ids, KEY, self._pool)

    def _bins(self) -> npt.NDArray[Any]:
        names = [f"x{k}" for k in range(self._sharing.columns)]
        self._codes = Binning.fit(self._x, names, self._sharing.bins, self._pool).apply(self._x).astype(np.int64)
        return self._codes

    def _keep(self) -> npt.NDArray[Any]:
        mask = self._sharing.mask
        for number, (name, count) in enumerate(mask.blocks):
            self._masked.put(0, number, name, Stream(KEY).words(name, (mask.shape[0], count)))
        return np.zeros(1)

    def _histogram(self) -> npt.NDArray[Any]:
        return self._masked.product(self._sharing.mask, self._m)

    def _own_sums(self) -> npt.NDArray[Any]:
        return OwnBins(self._codes, self._sharing.bins - 1, self._pool).sums(range(self._sharing.columns), self._m)

    def _dealer(self) -> npt.NDArray[Any]:
        helped = Helped(self._pool, (KEY,), self._sharing.matrix_memory_mb * MIB)
        return self._sharing.mask.relate({"M": self._m[None]}, MaskRows(self._masks, {}, helped))["UtM"]
