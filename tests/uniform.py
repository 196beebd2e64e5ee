"""Whether what parties send each other looks like noise; a check against mistakes, not a proof."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from fedray.channel import Frame

LEAST = 5
"""Times that each value of a byte is expected, at least, where bytes are counted."""

FAR = 420
"""A chi-square of bytes has 255 degrees of freedom: this is beyond seven standard deviations."""

WORDS = 2000
"""Words from which on each of their eight bytes is counted by itself."""


def assert_uniform(data: npt.NDArray[np.uint8], what: str = "") -> bool:
    """Assert that bytes are uniform; return False where they are too few to say so."""
    expected = data.size / 256
    if expected < LEAST:
        return False
    counts = np.bincount(data.reshape(-1), minlength=256)
    assert ((counts - expected) ** 2 / expected).sum() < FAR, what
    return True


def sent(views: Iterable[list[tuple[int, Frame]]], without: Collection[str]) -> Iterator[tuple[int, str, bytes]]:
    """Yield receiver, label and bytes of every array in a task's frames but those of some labels."""
    for me, view in enumerate(views):
        for _, frame in view:
            if frame.label not in without:
                for array in frame.arrays:
                    yield me, frame.label, array.tobytes()


def assert_words_uniform(arrays: Iterable[tuple[int, str, bytes]]) -> set[str]:
    """Assert that the words that `sent` yields are uniform, by receiver and label; return the labels with enough."""
    seen: dict[tuple[int, str], list[bytes]] = defaultdict(list)
    for me, label, data in arrays:
        seen[me, label].append(data)
    tried = set()
    for (_, label), parts in seen.items():
        joined = b"".join(parts)
        words = np.frombuffer(joined, np.uint8, count=len(joined) - len(joined) % 8).reshape(-1, 8)
        places = [slice(k, k + 1) for k in range(8)] if len(words) >= WORDS else [slice(0, 8)]
        if all(assert_uniform(words[:, place], label) for place in places):  # each has as many as the others
            tried.add(label)
    return tried
