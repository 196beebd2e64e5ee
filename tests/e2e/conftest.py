"""One running server for the tests that do not stop it, over small synthetic tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.tables import write_tables
from tests.receiver import Receiver
from tests.server import FedrayServer, free_port


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Where the server posts messages of K12AI jobs."""
    with Receiver() as listening:
        yield listening


@pytest.fixture(scope="session")
def grpc_port() -> int:
    """Where the server serves the PaddleDTX API."""
    return free_port()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver, grpc_port: int) -> Iterator[FedrayServer]:
    root = tmp_path_factory.mktemp("e2e") / "root"
    write_tables(root / "raw")
    settings = root.parent / "k12ai.toml"
    settings.write_text(f'webhook = "{receiver.url}"\n')
    options = ("--max-tasks", "3", "--k12ai", str(settings), "--grpc-port", str(grpc_port))
    with FedrayServer(root, *options, environment={"FEDRAY_LOG": "json"}) as running:
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
