"""The server over PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres
from tests.e2e.documents import alignment, training
from tests.e2e.tables import write_tables
from tests.server import FedrayServer

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.postgres, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    programs = postgres.find_programs()
    if programs is None:
        pytest.skip("no PostgreSQL: install it (initdb, pg_ctl)")
    with postgres.serve(programs) as url, postgres.fresh_database(url, f"fedray_{uuid.uuid4().hex[:12]}") as fresh:
        yield fresh


def test_an_alignment_and_a_training(database: str, tmp_path: Path) -> None:
    write_tables(tmp_path / "root" / "raw")
    with FedrayServer(tmp_path / "root", "--db", database) as server:
        assert server.run(alignment("aligned"))["status"] == "finished"
        assert server.get("/queryDataset", task_name="aligned") == {"status": "ok", "msg": [400, 100]}
        assert server.run(training("trained"))["status"] == "finished"
        assert [row[1] for row in server.get("/queryRecord", task_name="trained")["msg"]] == [20, 40, 60]
        assert not list((tmp_path / "root" / ".fedray").glob("*.sqlite"))
