"""What a peer computes: programs over any module with NumPy's functions, so that NumPy says what should come out.

Nothing of fedray is imported: an interpreter that has the peer, and not fedray, runs this.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["PROGRAMS", "Program", "errors", "inputs"]

Floats: TypeAlias = npt.NDArray[np.float32]
Shape: TypeAlias = tuple[int, ...]

COLUMNS, BATCH, LAYERS = 23, 256, 2
"""Of the credit data; rows of a step; operands of a training before its layers."""

RATE, SIGMOID_RATE = 0.5, 8.0
"""Of trainings, and of networks of sigmoids, whose first layers hardly move otherwise.

Powers of two, so that the rate over the batch is exact in fixed point, and one product.
"""

WEIGHT_ERROR = 0.05
"""Of what a layer moved."""


@dataclass(frozen=True)
class Program:
    """A program of a peer.

    Attributes
    ----------
    shape, small
        Of its operands, and for a try: see `inputs`. Of trainings: rows, columns, widths of the layers.
    make
        The operands, all of them secret, from a shape.
    play
        The results, from the module (``numpy`` or ``jax.numpy``), the sigmoid function, and the operands.
    tolerance
        Largest error with which a result is taken for right: absolute, of trainings as a part of how far it moved.
    steps
        How many steps of a training one run has: the time of a run is that of all. 0 if it is no training.
    """

    shape: Shape
    small: Shape
    make: Callable[[Shape], tuple[Floats, ...]]
    play: Callable[..., tuple[Any, ...]]
    tolerance: float
    steps: int = 0


def inputs(program: Program, small: bool) -> tuple[Floats, ...]:
    """Return the operands of a program, the same ones each time."""
    return program.make(program.small if small else program.shape)


def errors(program: Program, operands: Sequence[Floats], results: Sequence[Any]) -> tuple[float, float]:
    """Return how far results are from NumPy's in float64: the largest error, and the largest over what is allowed.

    The second is above 1, or NaN, if a result is wrong.
    """
    exact = [operand.astype(np.float64) for operand in operands]
    wanted = program.play(np, lambda z: 1.0 / (1.0 + np.exp(-z)), *exact)
    worst, relative = 0.0, 0.0
    for place, (got, want) in enumerate(zip(results, wanted, strict=True)):
        error = np.abs(np.asarray(got, np.float64) - want).max()
        moved = np.abs(want - exact[LAYERS + place]).max() if program.steps else 1.0
        # of NumPy, whose maximum keeps NaN
        worst, relative = np.maximum(worst, error), np.maximum(relative, error / (program.tolerance * moved))
    return float(worst), float(relative)


def _uniform(count: int, most: float = 8.0) -> Callable[[Shape], tuple[Floats, ...]]:
    def made(shape: Shape) -> tuple[Floats, ...]:
        rng = np.random.default_rng(0)
        return tuple(rng.uniform(-most, most, shape).astype(np.float32) for _ in range(count))

    return made


def _factors(shape: Shape) -> tuple[Floats, ...]:
    return _uniform(1)(shape[:2]) + _uniform(1)(shape[1:])


def _table(shape: Shape) -> tuple[Floats, ...]:
    """Return standardised features, labels that depend on them, and weights and a bias of each layer."""
    rows, columns, *widths = shape
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, columns))
    odds = x @ rng.normal(size=(columns, 1)) / 2.0 + 1.0
    y = rng.uniform(size=(rows, 1)) < 1.0 / (1.0 + np.exp(-odds))
    layers = []
    for inner, outer in zip((columns, *widths), widths, strict=False):
        layers += [rng.normal(size=(inner, outer)) / inner**0.5, np.zeros((1, outer))]
    return tuple(one.astype(np.float32) for one in (x, y, *layers))


def _square_root_sigmoid(xp: Any, z: Any) -> Any:
    """Return SecretFlow's cheaper function of the same form, up to 0.12 away from the sigmoid."""
    return 0.5 * (z / xp.sqrt(1.0 + z * z)) + 0.5


def _logistic(steps: int, cheap: bool = False) -> Callable[..., tuple[Any, ...]]:
    def play(xp: Any, sigmoid: Callable[[Any], Any], x: Any, y: Any, w: Any, b: Any) -> tuple[Any, ...]:
        for step in range(steps):
            here = slice(step * BATCH, (step + 1) * BATCH)
            z = x[here] @ w + b
            e = (_square_root_sigmoid(xp, z) if cheap else sigmoid(z)) - y[here]
            w = w - (x[here].T @ e) * (RATE / BATCH)
            b = b - e.sum(0, keepdims=True) * (RATE / BATCH)
        return w, b

    return play


def _network(steps: int, relu: bool = False) -> Callable[..., tuple[Any, ...]]:
    """Return steps of a network: sigmoid throughout, or ReLU with linear outputs."""
    rate = (RATE if relu else SIGMOID_RATE) / BATCH

    def layer(xp: Any, sigmoid: Callable[[Any], Any], z: Any, last: bool) -> tuple[Any, Any]:
        """Return the layer's outputs, and its slopes or, of ReLU, where it has one."""
        if relu:
            positive = z > 0.0  # compared once, for both ways
            return (z if last else xp.where(positive, z, 0.0)), positive
        a = sigmoid(z)
        return a, None if last else a * (1.0 - a)

    def back(xp: Any, e: Any, slope: Any) -> Any:
        return xp.where(slope, e, 0.0) if relu else e * slope

    def play(xp: Any, sigmoid: Callable[[Any], Any], x: Any, y: Any, *weights: Any) -> tuple[Any, ...]:
        ws, bs = list(weights[::2]), list(weights[1::2])
        for step in range(steps):
            here = slice(step * BATCH, (step + 1) * BATCH)
            outputs, slopes = [x[here]], []
            for number, (w, b) in enumerate(zip(ws, bs, strict=True), 1):
                a, slope = layer(xp, sigmoid, outputs[-1] @ w + b, number == len(ws))
                outputs.append(a)
                slopes.append(slope)
            e = outputs[-1] - y[here]
            for number in range(len(ws) - 1, -1, -1):
                behind = back(xp, e @ ws[number].T, slopes[number - 1]) if number else None
                ws[number] = ws[number] - (outputs[number].T @ e) * rate
                bs[number] = bs[number] - e.sum(0, keepdims=True) * rate
                e = behind
        return tuple(one for pair in zip(ws, bs, strict=True) for one in pair)

    return play


def _training(widths: Shape, steps: int, play: Callable[..., tuple[Any, ...]]) -> Program:
    shapes = ((rows, COLUMNS, *widths) for rows in (24_000, steps * BATCH))
    return Program(next(shapes), next(shapes), _table, play, WEIGHT_ERROR, steps)


_MILLION, _FEW = (1_000_000,), (64,)

PROGRAMS = {
    "matmul": Program((1024, 1024, 1024), (16, 16, 16), _factors, lambda xp, _, x, y: (xp.matmul(x, y),), 2e-2),
    "mul_trunc": Program(_MILLION, _FEW, _uniform(2), lambda _xp, _, x, y: (x * y,), 1e-4),
    "comparison": Program(_MILLION, _FEW, _uniform(1), lambda _xp, _, x: (x < 0.0,), 0.5),
    "relu": Program(_MILLION, _FEW, _uniform(1), lambda xp, _, x: (xp.maximum(x, 0.0),), 1e-5),
    "sigmoid": Program((100_000,), _FEW, _uniform(1), lambda _xp, sigmoid, x: (sigmoid(x),), 2e-3),
    "logistic": _training((1,), 20, _logistic(20)),
    "logistic (square root)": _training((1,), 20, _logistic(20, cheap=True)),
    "network 32,1": _training((32, 1), 5, _network(5)),
    "network 32,1 (relu)": _training((32, 1), 5, _network(5, relu=True)),
    "network 64,32,1": _training((64, 32, 1), 5, _network(5)),
    "network 64,32,1 (relu)": _training((64, 32, 1), 5, _network(5, relu=True)),
}
"""By name: single operations as in `benchmarks.operations`, then trainings; in brackets the peer's own ways."""
