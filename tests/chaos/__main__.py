"""`python -m tests.chaos --faults 50 --seed 1`: faults of every kind, done to trainings on a cluster of three hosts.

The hosts are namespaces of this machine (Linux, root). Each fault strikes a training at a moment that the seed draws.
The task has to go on, or to fail within the stated time with an error that names who is gone; then the cluster is made
whole again, the training goes on from its checkpoint, and its last test has to be that of its float64 twin. Afterwards
every record is as it was, no file is half written, and no process is left. Prints a JSON line for each fault, and one
for all. docs/reliability.md has the table. `--only "actor killed;GCS restarted"` takes some kinds, `--first 20` leaves
out those before.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter

from tests.deploy import network

LIMIT_S = 4 * 3600.0


def main() -> int:
    """Run it; the exit code is 1 where something was not as it has to be."""
    if why := network.missing("nsenter"):
        print(f"hosts in namespaces: {why}", file=sys.stderr)
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="fc-", dir="/tmp") as folder,
        network.started_inside("tests.chaos.run", folder, *sys.argv[1:]) as run,
    ):
        lines = [_shown(line) for line in run.stdout or ()]
        ended = run.wait(LIMIT_S)
    ends = Counter(line["end"] for line in lines)
    print(json.dumps({"faults": len(lines), "kinds": len({line["fault"] for line in lines}), **ends}))
    return 1 if ended or ends["wrong"] else 0


def _shown(line: str) -> dict[str, str]:
    print(line, end="", flush=True)
    return dict(json.loads(line))


if __name__ == "__main__":
    sys.exit(main())
