"""Ray clusters for tests of the actors: one node in this process' hands, or a node for each party."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator

import pytest

from actors import environment


@pytest.fixture(scope="session", autouse=True)
def ray_environment() -> Iterator[None]:
    """Set Ray's environment before anything imports it; a short folder of its own, for its sockets."""
    folder = tempfile.mkdtemp(prefix="fr-", dir="/tmp")
    before = dict(os.environ)
    os.environ["RAY_TMPDIR"] = folder
    environment.prepare()
    yield
    os.environ.clear()
    os.environ.update(before)
    shutil.rmtree(folder, ignore_errors=True)
