"""The single operations that are measured: their operands, correlations, protocol, and what should come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from fedray.mpc import Session, Share, beaver, waves
from fedray.mpc.compare import MsbMask, msb, relu, relu_masks
from fedray.mpc.correlation import Correlation, DenseTriple, SquareMask, Triple, TruncMask, WaveMask
from fedray.mpc.dealer import Bundle
from fedray.mpc.exponential import exp_wave
from fedray.mpc.maximum import Tournament, largest
from fedray.mpc.normal import Span
from fedray.mpc.roots import Quotient, Root, divide, root
from fedray.mpc.softmax import Softmax, softmax
from fedray.mpc.trunc import trunc
from fedray.mpc.turns import play
from fedray.mpc.waves import Wave
from fedray.ring import encode

__all__ = ["OPERATIONS", "Operation"]

Floats: TypeAlias = npt.NDArray[np.float64]
Shape: TypeAlias = tuple[int, ...]
Operand: TypeAlias = tuple[Floats, float]

SCALE = 2.0**20
MATMUL_SCALE = 2.0**16
FINE_SCALE = 2.0**40
EXP_SCALE = 2.0**44
SIGMOID_TABLE, SIGMOID_BITS = 2.0**20, 26
EXP_TABLE, EXP_BITS, EXP_HARMONICS = 2.0**24, 24, 24
SPAN = Span(16, 24)
"""Divisors from 1/16 to 16, at SCALE."""

MOST_QUOTIENT = 128.0
SHIFT = 20


@dataclass(frozen=True)
class Operation:
    """An operation on shares.

    Attributes
    ----------
    shape, small
        Of what is measured, and for a try.
    operands
        By shape, each with its scale. Every process makes the same ones, so that results can be checked.
    masks
        What a step takes, by shape; its names begin with "op".
    play
        The protocol at one party: session, bundle, operands; its summands of the results.
    clear
        The results in the clear, from the operands.
    """

    shape: Shape
    small: Shape
    operands: Callable[[Shape], tuple[Operand, ...]]
    masks: Callable[[Shape], tuple[Correlation, ...]]
    play: Callable[..., tuple[Share, ...]]
    clear: Callable[..., tuple[Floats, ...]]


def _uniform(shape: Shape, which: int, most: float = 8.0) -> Floats:
    return np.random.default_rng(which).uniform(-most, most, shape)


def _one(scale: float = SCALE, most: float = 8.0) -> Callable[[Shape], tuple[Operand, ...]]:
    return lambda shape: ((_uniform(shape, 0, most), scale),)


def _two(shape: Shape) -> tuple[Operand, ...]:
    return (_uniform(shape, 0), SCALE), (_uniform(shape, 1), SCALE)


def _factors(shape: Shape) -> tuple[Operand, ...]:
    return (_uniform(shape[:2], 0), MATMUL_SCALE), (_uniform(shape[1:], 1), MATMUL_SCALE)


def _divisors(shape: Shape) -> Floats:
    """Return numbers from 1/16 to 16, as many in each octave."""
    return np.exp2(np.random.default_rng(2).uniform(-4.0, 3.99, shape))


def _matmul(s: Session, bundle: Bundle, x: Share, y: Share) -> tuple[Share, ...]:
    opened = beaver.open_layer(s, x, y, bundle["op"])
    return (beaver.forward(s, opened, x.scale * y.scale, bundle["op"]),)


def _mul_trunc(s: Session, bundle: Bundle, x: Share, y: Share) -> tuple[Share, ...]:
    z = beaver.mul(s, x, y, bundle["op"])
    return tuple(trunc(s, [z], [SHIFT], [bundle["op.trunc"]]))


def _square(s: Session, bundle: Bundle, x: Share) -> tuple[Share, ...]:
    return (beaver.square(s, x, bundle["op"]),)


def _trunc(s: Session, bundle: Bundle, x: Share) -> tuple[Share, ...]:
    return tuple(trunc(s, [x], [SHIFT], [bundle["op"]]))


def _comparison(s: Session, bundle: Bundle, x: Share) -> tuple[Share, ...]:
    return (msb(s, x, bundle["op"]),)


def _relu(s: Session, bundle: Bundle, x: Share) -> tuple[Share, ...]:
    return (relu(s, x, bundle, "op"),)


def _tournament(shape: Shape) -> Tournament:
    return Tournament("op", shape, place=True)


def _largest(s: Session, bundle: Bundle, x: Share) -> tuple[Share, ...]:
    found = play(s, "largest", largest(s, _tournament(x.shape), x, bundle))
    return (found.value, found.index) if found.index else (found.value,)


def _rounded(x: Floats) -> npt.NDArray[np.int64]:
    """Return what exact operations see: ring units."""
    return encode(x, SCALE).view(np.int64)


def _root(shape: Shape) -> Root:
    return Root("op", "reciprocal", shape, SPAN)


def _reciprocal(s: Session, bundle: Bundle, x: Share) -> tuple[Share, ...]:
    return (play(s, "reciprocal", root(s, _root(x.shape), x, bundle)),)


def _quotient(shape: Shape) -> Quotient:
    return Quotient("op", shape, SPAN, MOST_QUOTIENT)


def _divide(s: Session, bundle: Bundle, a: Share, x: Share) -> tuple[Share, ...]:
    return (play(s, "divide", divide(s, _quotient(x.shape), a, x, bundle)),)


def _softmax(s: Session, bundle: Bundle, x: Share) -> tuple[Share, ...]:
    return (play(s, "softmax", softmax(s, Softmax("op", x.shape, x.scale), x, bundle)),)


def _softmax_clear(x: Floats) -> tuple[Floats, ...]:
    powers = np.exp(x)
    return (powers / powers.sum(-1, keepdims=True),)


def _series(
    wave: Callable[[], Wave], scale: float, period_bits: int, table_scale: float
) -> tuple[Callable[[Shape], tuple[Correlation, ...]], Callable[..., tuple[Share, ...]]]:
    """Return masks and play of a function that is a series, at the scale of its result."""

    def masks(shape: Shape) -> tuple[Correlation, ...]:
        made = wave()
        return (WaveMask("op", shape, period_bits, made.odd.size, table_scale, made.stride),)

    def played(s: Session, bundle: Bundle, z: Share) -> tuple[Share, ...]:
        with s.round("z") as r:
            c = waves.open_masked(r, z, bundle["op"])
        return tuple(waves.evaluate(s, c.value, period_bits, table_scale, bundle["op"], [(wave(), scale)]))

    return masks, played


_SIGMOID = _series(lambda: waves.sigmoid_wave(waves.HARMONICS), FINE_SCALE, SIGMOID_BITS, SIGMOID_TABLE)
_EXP = _series(lambda: exp_wave(EXP_HARMONICS), EXP_SCALE, EXP_BITS, EXP_TABLE)

_MILLION, _MANY, _FEW = (1_000_000,), (100_000,), (64,)

OPERATIONS = {
    "matmul": Operation(
        (1024, 1024, 1024),
        (16, 16, 16),
        _factors,
        lambda n: (DenseTriple("op", (n[0], n[1], n[2]), False),),
        _matmul,
        lambda x, y: (x @ y,),
    ),
    "mul_trunc": Operation(
        _MILLION,
        _FEW,
        _two,
        lambda n: (Triple("op", n), TruncMask("op.trunc", n, SHIFT)),
        _mul_trunc,
        lambda x, y: (x * y,),
    ),
    "square": Operation(_MILLION, _FEW, _one(), lambda n: (SquareMask("op", n),), _square, lambda x: (x * x,)),
    "trunc": Operation(
        _MILLION, _FEW, _one(FINE_SCALE), lambda n: (TruncMask("op", n, SHIFT),), _trunc, lambda x: (x,)
    ),
    "comparison": Operation(
        _MILLION, _FEW, _one(), lambda n: (MsbMask("op", n),), _comparison, lambda x: ((_rounded(x) < 0).astype(float),)
    ),
    "relu": Operation(_MILLION, _FEW, _one(), lambda n: relu_masks("op", n), _relu, lambda x: (np.maximum(x, 0.0),)),
    "largest": Operation(
        (100_000, 10),
        (8, 10),
        _one(),
        lambda n: _tournament(n).correlations(),
        _largest,
        lambda x: (_rounded(x).max(-1) / SCALE, _rounded(x).argmax(-1).astype(float)),
    ),
    "sigmoid": Operation(_MANY, _FEW, _one(most=20.0), _SIGMOID[0], _SIGMOID[1], lambda x: (1.0 / (1.0 + np.exp(-x)),)),
    "exp": Operation(_MANY, _FEW, _one(most=6.0), _EXP[0], _EXP[1], lambda x: (np.exp(x),)),
    "reciprocal": Operation(
        _MANY,
        _FEW,
        lambda n: ((_divisors(n), SCALE),),
        lambda n: _root(n).correlations(),
        _reciprocal,
        lambda x: (1.0 / x,),
    ),
    "divide": Operation(
        _MANY,
        _FEW,
        lambda n: (*_one()(n), (_divisors(n), SCALE)),
        lambda n: _quotient(n).correlations(),
        _divide,
        lambda a, x: (a / x,),
    ),
    "softmax": Operation(
        (10_000, 10),
        (8, 10),
        _one(),
        lambda n: Softmax("op", n, SCALE).correlations(),
        _softmax,
        _softmax_clear,
    ),
}
"""By name. Operands are uniform from -8 to 8 where nothing else is said."""
