"""Whether the compiled kernels can be had; everything works without them, slower."""

from __future__ import annotations

from functools import cache

__all__ = ["have_kernels"]


@cache
def have_kernels() -> bool:
    """Return whether numba and the kernels import."""
    try:
        from fedray.ring import kernels
    except ImportError:
        return False
    return kernels is not None
