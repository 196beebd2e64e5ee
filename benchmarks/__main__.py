"""`python -m benchmarks train|ops ...`: each run prints one JSON line."""

from __future__ import annotations

import sys

from actors import environment
from benchmarks.command import build
from fedray.errors import FedrayError


def _main() -> None:
    environment.prepare()
    try:
        build()()
    except FedrayError as error:
        sys.exit(f"benchmarks: {error}")


if __name__ == "__main__":
    _main()
