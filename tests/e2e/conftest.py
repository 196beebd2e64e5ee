"""One running server for the tests that do not stop it, over small synthetic tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.tables import write_tables
from tests.server import FedrayServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FedrayServer]:
    root = tmp_path_factory.mktemp("e2e") / "root"
    write_tables(root / "raw")
    with FedrayServer(root, "--max-tasks", "3") as running:
        yield running


@pytest.fixture(scope="session")
def aligned(server: FedrayServer) -> FedrayServer:
    """The server, with data sets f1, f2 and l."""
    from tests.e2e.documents import alignment

    done = server.run(alignment("aligned"))
    assert done["status"] == "finished", done
    return server


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no credit data beside the checkout")
    return folder
