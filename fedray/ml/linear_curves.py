"""The curves from a linear output to a prediction: their series in training and in a test, and where they hold."""

from __future__ import annotations

from dataclasses import dataclass

from fedray.ml.design import TEST_HARMONICS
from fedray.mpc import waves
from fedray.mpc.exponential import EXP_DOMAIN, EXP_HALF_PERIOD, exp_wave
from fedray.mpc.waves import Wave

EXP_HARMONICS = 16


@dataclass(frozen=True)
class Curve:
    """A function of the linear output as series.

    Attributes
    ----------
    quick, exact
        For training, and for a test.
    half_period, domain
        L, and the largest |z| at which the series hold.
    """

    quick: Wave
    exact: Wave
    half_period: float
    domain: float


def curve_of(objective: str) -> Curve | None:
    """Return the curve of an objective; None for ``linear``, which has none."""
    if objective == "logistic":
        quick, exact = waves.sigmoid_wave(waves.HARMONICS), waves.sigmoid_wave(TEST_HARMONICS)
        return Curve(quick, exact, waves.HALF_PERIOD, waves.DOMAIN * waves.HALF_PERIOD)
    if objective == "poisson":
        return Curve(exp_wave(EXP_HARMONICS), exp_wave(TEST_HARMONICS), EXP_HALF_PERIOD, EXP_DOMAIN)
    return None
