"""`python -m benchmarks train|align ...`: each run prints one JSON line."""

from __future__ import annotations

from actors import environment
from benchmarks.command import build

if __name__ == "__main__":
    environment.prepare()
    build()()
