"""Memory and processor time of processes that this benchmark started, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["all_processor_s", "family", "processor_s", "pss_mib", "resident_mib"]


def family() -> dict[int, str]:
    """Return this process and everything below it: process id and command line."""
    parents: dict[int, int] = {}
    commands: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                commands[int(entry.name)] = (
                    (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                )
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    below = {os.getpid()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in below} - below
        if not more:
            return {pid: commands[pid] for pid in below if pid in commands}
        below |= more


def resident_mib(word: str) -> dict[int, float]:
    """Return the resident memory of Ray actors whose class name ends with `word`; of this process if there is none."""
    found = {pid: command for pid, command in family().items() if "ray::" in command and word in command.split(".")[0]}
    return {pid: _status(pid, "VmRSS:") for pid in found or [os.getpid()]}


def processor_s(word: str) -> float:
    """Return the processor seconds so far of the Ray actors that live and whose class name begins with `word`."""
    found = (pid for pid, command in family().items() if command.startswith(f"ray::{word}"))
    return sum(_ticks(pid) for pid in found) / os.sysconf("SC_CLK_TCK")


def all_processor_s() -> float:
    """Return the processor seconds so far of this process and everything below it that lives."""
    return sum(_ticks(pid) for pid in family()) / os.sysconf("SC_CLK_TCK")


def pss_mib(pid: int) -> float:
    """Return the proportional memory of a process: shared pages count once over all."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:")), 0.0)


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return int(fields[11]) + int(fields[12])


def _status(pid: int, key: str) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith(key)), 0.0)
