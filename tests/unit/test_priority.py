"""A party's process gives way to the server's: every thread of it, as far as the environment says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, threading
from pathlib import Path
from actors.priority import give_way
hold = threading.Event()
early = threading.Thread(target=hold.wait); early.start()
give_way(os.environ)
late = threading.Thread(target=hold.wait); late.start()
print({os.getpriority(os.PRIO_PROCESS, int(one.name)) for one in Path("/proc/self/task").glob("*")})
hold.set()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads have priorities of their own on Linux only")
@pytest.mark.parametrize(("said", "more"), [("3", 3), ("", 0), ("0", 0), ("20", 0), ("-5", 0), ("many", 0)])
def test_every_thread_gives_way(said: str, more: int) -> None:
    environment = {"FEDRAY_PARTY_NICENESS": said, "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == f"{{{min(os.getpriority(os.PRIO_PROCESS, 0) + more, 19)}}}"
