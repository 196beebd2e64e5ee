"""Single operations on shares over the fast transport: seconds, rounds, bytes and the largest error."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.parties import Measured, Work, measure
from fedray.mpc import Session, Share, beaver, waves
from fedray.mpc.compare import MsbMask, msb, relu, relu_masks
from fedray.mpc.correlation import DenseTriple, Triple, TruncMask, WaveMask
from fedray.mpc.dealer import Bundle
from fedray.mpc.schedule import Segment
from fedray.mpc.trunc import trunc
from fedray.ring import decode, encode

__all__ = ["run"]

SCALE = 2.0**20
SIGMOID_SCALE, SIGMOID_TABLE = 2.0**40, 2.0**20
SMALL = 64
WARM = 128  # large enough for the compiled product

Floats = np.ndarray[Any, np.dtype[np.float64]]


def run(parties: int, repeat: int) -> Iterator[dict[str, object]]:
    """Yield one line per operation."""
    table: dict[str, tuple[Callable[..., Work], tuple[int, ...], Callable[..., float]]] = {
        "matmul": (matmul_work, (1024, 1024, 1024), _matmul_error),
        "mul_trunc": (mul_work, (1_000_000,), _mul_error),
        "comparison": (msb_work, (1_000_000,), _msb_error),
        "relu": (relu_work, (1_000_000,), _relu_error),
        "sigmoid": (sigmoid_work, (100_000,), _sigmoid_error),
    }
    for name, (make, shape, error) in table.items():
        runs = [measure(make, (shape,), parties) for _ in range(repeat)]
        yield _line(name, shape, parties, runs, error)


def _line(
    name: str, shape: tuple[int, ...], parties: int, runs: list[list[Measured]], error: Callable[..., float]
) -> dict[str, object]:
    seconds = [max(party.seconds for party in run) for run in runs]
    last = runs[-1]
    total = np.sum(np.stack([party.result for party in last]), axis=0, dtype=np.uint64)
    return {
        "bench": "ops",
        "op": name,
        "shape": list(shape),
        "parties": parties,
        "transport": "fast",
        "security": "semi-honest, any n-1 of n computing parties, with a dealer that colludes with none",
        "seconds": statistics.median(seconds),
        "seconds_min": min(seconds),
        "seconds_max": max(seconds),
        "online_seconds": statistics.median(max(party.online for party in run) for run in runs),
        "rounds": max(party.rounds for party in last),
        "bytes": sum(party.bytes for party in last),
        "max_error": error(shape, total),
        "runs": len(runs),
    }


def inputs(shape: tuple[int, ...], which: int, low: float = -8.0, high: float = 8.0) -> Floats:
    """Return the operand that every process knows, so that results can be checked; its share lies at rank 0."""
    return np.random.default_rng(which).uniform(low, high, shape)


def _share(s: Session, x: Floats, scale: float = SCALE) -> Share:
    return Share(encode(x, scale) if s.rank == 0 else np.zeros(x.shape, np.uint64), scale)


def matmul_work(shape: tuple[int, int, int]) -> Work:
    """[X Y], both shared, at the product of the scales."""

    def play(s: Session, bundle: Bundle, timed: bool) -> np.ndarray[Any, Any]:
        m, k, n = shape if timed else (WARM,) * 3
        x, y = _share(s, inputs((m, k), 0), 2.0**16), _share(s, inputs((k, n), 1), 2.0**16)
        opened = beaver.open_layer(s, x, y, bundle["op"])
        return beaver.forward(s, opened, 2.0**32, bundle["op"]).value

    return Work(
        tuple(
            Segment(name, 1, (DenseTriple("op", size, False),)) for name, size in (("warm", (WARM,) * 3), ("go", shape))
        ),
        play,
    )


def mul_work(shape: tuple[int]) -> Work:
    """[x y], elementwise, truncated to the factors' scale."""

    def play(s: Session, bundle: Bundle, timed: bool) -> np.ndarray[Any, Any]:
        size = shape if timed else (SMALL,)
        z = beaver.mul(s, _share(s, inputs(size, 0)), _share(s, inputs(size, 1)), bundle["op"])
        return trunc(s, [z], [20], [bundle["trunc"]])[0].value

    sizes = (("warm", (SMALL,)), ("go", shape))
    return Work(tuple(Segment(n, 1, (Triple("op", size), TruncMask("trunc", size, 20))) for n, size in sizes), play)


def msb_work(shape: tuple[int]) -> Work:
    """[x < 0]."""

    def play(s: Session, bundle: Bundle, timed: bool) -> np.ndarray[Any, Any]:
        return msb(s, _share(s, inputs(shape if timed else (SMALL,), 0)), bundle["op"]).value

    return Work(tuple(Segment(n, 1, (MsbMask("op", size),)) for n, size in (("warm", (SMALL,)), ("go", shape))), play)


def relu_work(shape: tuple[int]) -> Work:
    """[max(x, 0)]."""

    def play(s: Session, bundle: Bundle, timed: bool) -> np.ndarray[Any, Any]:
        return relu(s, _share(s, inputs(shape if timed else (SMALL,), 0)), bundle, "op").value

    return Work(tuple(Segment(n, 1, relu_masks("op", size)) for n, size in (("warm", (SMALL,)), ("go", shape))), play)


def sigmoid_work(shape: tuple[int]) -> Work:
    """[sigmoid(x)]."""

    def play(s: Session, bundle: Bundle, timed: bool) -> np.ndarray[Any, Any]:
        z = _share(s, inputs(shape if timed else (SMALL,), 0, -20.0, 20.0))
        with s.round("z") as r:
            c = waves.open_masked(r, z, bundle["op"])
        wanted = [(waves.sigmoid_wave(waves.HARMONICS), SIGMOID_SCALE)]
        return waves.evaluate(s, c.value, 26, SIGMOID_TABLE, bundle["op"], wanted)[0].value

    masks = [
        (n, WaveMask("op", size, 26, waves.HARMONICS, SIGMOID_TABLE, waves.ODD))
        for n, size in (("warm", (SMALL,)), ("go", shape))
    ]
    return Work(tuple(Segment(name, 1, (mask,)) for name, mask in masks), play)


def _matmul_error(shape: tuple[int, int, int], total: np.ndarray[Any, Any]) -> float:
    m, k, n = shape
    return float(np.abs(decode(total, 2.0**32) - inputs((m, k), 0) @ inputs((k, n), 1)).max())


def _mul_error(shape: tuple[int], total: np.ndarray[Any, Any]) -> float:
    return float(np.abs(decode(total, SCALE) - inputs(shape, 0) * inputs(shape, 1)).max())


def _msb_error(shape: tuple[int], total: np.ndarray[Any, Any]) -> float:
    return float(np.abs(total - (encode(inputs(shape, 0), SCALE) >> np.uint64(63))).max())


def _relu_error(shape: tuple[int], total: np.ndarray[Any, Any]) -> float:
    return float(np.abs(decode(total, SCALE) - np.maximum(inputs(shape, 0), 0.0)).max())


def _sigmoid_error(shape: tuple[int], total: np.ndarray[Any, Any]) -> float:
    return float(np.abs(decode(total, SIGMOID_SCALE) - 1.0 / (1.0 + np.exp(-inputs(shape, 0, -20.0, 20.0)))).max())
