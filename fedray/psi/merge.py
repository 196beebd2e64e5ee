"""Sorted token lists: what they have in common, and where.

Both functions walk sorted lists side by side. Long lists take a compiled walk; short ones take NumPy, so that a
small task does not wait for the compiler.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
import numpy.typing as npt
from numba import njit

from fedray.psi.tokens import Tokens

__all__ = ["find", "intersect", "is_sorted"]

_COMPILED_FROM = 50_000


def intersect(lists: Sequence[Tokens]) -> Tokens:
    """Return the tokens that all lists have, in ascending order.

    Parameters
    ----------
    lists
        At least one; each ascending without repetition, shape (n_k, 2).

    Returns
    -------
    Tokens
        Shape (m, 2).

    Cost: none, local.
    Leaks: nothing.
    Ref: [D].
    """
    # From the shortest on, so that the lists walked are short.
    return reduce(_common, sorted(lists, key=len))


def find(wanted: Tokens, tokens: Tokens) -> npt.NDArray[np.int64]:
    """Return where each wanted token is among the tokens, -1 where it is not: shape (m,).

    Parameters
    ----------
    wanted, tokens
        Ascending without repetition, shapes (m, 2) and (n, 2).

    Cost: none, local.
    Leaks: nothing.
    Ref: [D].
    """
    walk = _find_compiled if len(wanted) + len(tokens) >= _COMPILED_FROM else _find_numpy
    return walk(wanted, tokens)


def is_sorted(tokens: Tokens) -> bool:
    """Say whether tokens ascend without repetition.

    Cost: none, local.
    Leaks: nothing.
    Ref: [D].
    """
    high, low = tokens[:, 0], tokens[:, 1]
    ascends = (high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))
    return bool(ascends.all())


def _common(a: Tokens, b: Tokens) -> Tokens:
    return a[find(a, b) >= 0]


@njit(cache=True, nogil=True)
def _find_compiled(wanted: Tokens, tokens: Tokens) -> npt.NDArray[np.int64]:
    found = np.full(len(wanted), -1, dtype=np.int64)
    k = 0
    for j in range(len(wanted)):
        high, low = wanted[j, 0], wanted[j, 1]
        while k < len(tokens) and (tokens[k, 0] < high or (tokens[k, 0] == high and tokens[k, 1] < low)):
            k += 1
        if k < len(tokens) and tokens[k, 0] == high and tokens[k, 1] == low:
            found[j] = k
    return found


def _find_numpy(wanted: Tokens, tokens: Tokens) -> npt.NDArray[np.int64]:
    if not len(tokens):
        return np.full(len(wanted), -1, dtype=np.int64)
    at = np.searchsorted(tokens[:, 0], wanted[:, 0])
    last = len(tokens) - 1
    while True:
        here = tokens[np.minimum(at, last)]
        # Same high half, smaller low half: the token sought is further on, if anywhere.
        behind = (at <= last) & (here[:, 0] == wanted[:, 0]) & (here[:, 1] < wanted[:, 1])
        if not behind.any():
            break
        at += behind
    return np.where((at <= last) & (here == wanted).all(axis=1), at, -1)
