"""How a party's process holds on to memory that it has freed."""

from __future__ import annotations

import ctypes

__all__ = ["keep_freed_memory"]

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3

LARGEST_KEPT = 1 << 25
"""Bytes of the largest block that is kept for the next: the most that glibc takes here."""

KEPT = 1 << 28
"""Bytes of free memory, at the end of a heap, that may wait for their next use."""


def keep_freed_memory() -> bool:
    """Let blocks of up to 32 MiB be used again instead of going back to the system; return whether it could be done.

    Every step of a training frees what the next one takes again. By default glibc gives such blocks back at once, and
    the system must find and clear each of their pages anew, which costs more than what is then written to them: two
    thirds of a dealer's time. Larger blocks go back as ever. Elsewhere than with glibc nothing changes.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)) and bool(mallopt(M_TRIM_THRESHOLD, KEPT))
