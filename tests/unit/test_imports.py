"""A party's process does not wait for libraries that its role does not need: importing them takes seconds."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("sqlalchemy", "pandas", "sklearn", "fastapi", "numba")
READING = """
import pathlib, tempfile
from fedray.data.load import load_split
folder = pathlib.Path(tempfile.mkdtemp())
for name in ("train.csv", "test.csv"):
    (folder / name).write_text("1,2\\n")
load_split(folder)
"""


@pytest.mark.parametrize(
    "program",
    [
        # the handle of its listener brings the supervisor's module into every party's process
        pytest.param("import actors.roles, actors.supervisor", id="any role"),
        pytest.param(f"import actors.roles, fedray.parties.training, fedray.parties.prediction{READING}", id="data"),
    ],
)
def test_what_a_role_does_not_load(program: str) -> None:
    told = f"{program}\nimport sys\nprint([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=False, timeout=100)
    assert (done.stdout, done.stderr) == ("[]\n", "")
