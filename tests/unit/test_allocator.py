"""Memory that is freed and taken again, counted in pages that the system had to find."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

BLOCK = 1 << 23
TIMES = 30
COUNT = f"""
import resource
from actors.allocator import keep_freed_memory
print(KEEP and keep_freed_memory())
def touched():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range({TIMES}):
        # two blocks, so that neither is the only one at the end of the heap
        bytearray({BLOCK}), bytearray({BLOCK})
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
touched()
print(touched())
"""


def counted(keep: bool) -> tuple[str, int]:
    script = COUNT.replace("KEEP", str(keep))
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    said, pages = done.stdout.split()
    return said, int(pages)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators keep what they like")
def test_freed_blocks_are_used_again() -> None:
    said, pages = counted(keep=True)
    assert said == "True"
    assert pages < TIMES
    said, pages = counted(keep=False)
    assert said == "False"
    assert pages > 100 * TIMES  # what this is for
