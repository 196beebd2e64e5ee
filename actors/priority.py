"""Parties give way to the server where both share a machine, so that it answers while they compute."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

__all__ = ["NICENESS", "give_way"]

NICENESS: Final = "FEDRAY_PARTY_NICENESS"
"""Variable of the environment: how much less urgent a party's process is than the others, 0 to 19; without it 0."""

MOST: Final = 19


def give_way(environment: Mapping[str, str]) -> None:
    """Lower the priority of this process, as the environment says; a value that is no such number counts as 0."""
    wanted = environment.get(NICENESS, "")
    niceness = int(wanted) if wanted.isdecimal() else 0
    if not 0 < niceness <= MOST:
        return
    # on Linux each thread has a priority of its own, and those that begin later have that of the one that begins them
    threads = [int(thread.name) for thread in Path("/proc/self/task").glob("*")] or [0]
    level = min(os.getpriority(os.PRIO_PROCESS, 0) + niceness, MOST)
    for thread in threads:
        with suppress(OSError):  # it may have ended
            os.setpriority(os.PRIO_PROCESS, thread, level)
