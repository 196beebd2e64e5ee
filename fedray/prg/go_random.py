"""The public shuffle of Go's ``math/rand``, for orders of rows that other systems draw by it; never for a secret.

Its generator adds two earlier words, x[n] = x[n - 607] + x[n - 273] mod 2^64, from a state that a seed is mixed into.
That state is the generator's own after 7.8 * 10^12 words, so it is worked out here by powers of polynomials.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import islice

import numpy as np
import numpy.typing as npt

__all__ = ["GoRandom", "shuffled", "text_seed"]

Words = npt.NDArray[np.uint64]

LENGTH, TAP = 607, 273
FEED = LENGTH - TAP
COOKED_AFTER = 7_800_000_000_000
INT32_MAX = 2**31 - 1
NO_SEED = 89482311
SKIPPED = 20


def _seeds(seed: int) -> Iterator[int]:
    """Yield the numbers of Lehmer's generator from a seed on."""
    x = seed
    while True:
        x = 48271 * x % INT32_MAX
        yield x


def _mixed(seed: int, high: int, low: int) -> Words:
    """Return three numbers a word of Lehmer's generator, shifted by so many bits and joined."""
    drawn = np.array(list(islice(_seeds(seed), SKIPPED, SKIPPED + 3 * LENGTH)), np.uint64).reshape(LENGTH, 3)
    found: Words = drawn[:, 0] << np.uint64(high) ^ drawn[:, 1] << np.uint64(low) ^ drawn[:, 2]
    return found


def _reduced(c: Words) -> Words:
    """Return a polynomial modulo t^607 - t^334 - 1."""
    while c.size > LENGTH:
        high, made = c[LENGTH:], np.zeros(max(LENGTH, FEED + c.size - LENGTH), np.uint64)
        made[:LENGTH] = c[:LENGTH]
        made[: high.size] += high
        made[FEED : FEED + high.size] += high
        c = made
    return c


@cache
def _cooked() -> Words:
    """Return the state that seeds are mixed into, by the places of Go's array."""
    power = np.zeros(LENGTH, np.uint64)
    power[0] = 1
    for bit in bin(COOKED_AFTER)[2:]:
        power = _reduced(np.convolve(power, power))
        if bit == "1":
            power = _reduced(np.concatenate([np.zeros(1, np.uint64), power]))
    places = (FEED - 1 - np.arange(LENGTH)) % LENGTH  # from the oldest word to the newest
    words = list(_mixed(1, 20, 10)[places])
    with np.errstate(over="ignore"):
        for n in range(LENGTH, 2 * LENGTH):
            words.append(words[n - LENGTH] + words[n - TAP])
    later = np.array([(power * np.array(words[j : j + LENGTH])).sum(dtype=np.uint64) for j in range(LENGTH)])
    state = np.zeros(LENGTH, np.uint64)
    state[places[(COOKED_AFTER + np.arange(LENGTH)) % LENGTH]] = later
    return state


class GoRandom:
    """A source as ``rand.NewSource`` makes it.

    Parameters
    ----------
    seed
        Any 64-bit number with a sign.
    """

    def __init__(self, seed: int) -> None:
        # a remainder of Go has the sign of what is divided, and one below 0 is brought up
        self._vec = [int(word) for word in _mixed(seed % INT32_MAX or NO_SEED, 40, 20) ^ _cooked()]
        self._tap, self._feed = 0, FEED

    def word(self) -> int:
        """Return the next 64 bits."""
        self._tap, self._feed = (self._tap - 1) % LENGTH, (self._feed - 1) % LENGTH
        found = (self._vec[self._feed] + self._vec[self._tap]) % 2**64
        self._vec[self._feed] = found
        return found

    def below(self, bound: int) -> int:
        """Return a number from 0 to `bound` - 1, as ``Shuffle`` draws it; the bound is below 2^31."""
        product = self._half() * bound
        if product % 2**32 < bound:
            least = 2**32 % bound
            while product % 2**32 < least:
                product = self._half() * bound
        return product >> 32

    def _half(self) -> int:
        return self.word() % 2**63 >> 31


def text_seed(text: str) -> int:
    """Return the seed that a text stands for: the first 8 bytes of its MD5, as a number with a sign."""
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:8], "big", signed=True)


def shuffled(places: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.int64]:
    """Return places in the order that Go's ``Shuffle`` brings them into."""
    made, source = list(places), GoRandom(seed)
    for i in range(len(made) - 1, 0, -1):
        j = source.below(i + 1)
        made[i], made[j] = made[j], made[i]
    return np.array(made, np.int64)
