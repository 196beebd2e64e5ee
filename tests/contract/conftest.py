"""The store's databases: SQLite in a file, and a real PostgreSQL."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests import postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    given = os.environ.get("FEDRAY_TEST_POSTGRES")
    programs = postgres.find_programs()
    if given:
        yield given
    elif programs:
        with postgres.serve(programs) as url:
            yield url
    else:
        pytest.skip("no PostgreSQL: install it (initdb, pg_ctl), or set FEDRAY_TEST_POSTGRES=postgresql://...")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of its own for each test."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
        return
    server = request.getfixturevalue("postgres_server")
    with postgres.fresh_database(server, f"fedray_{uuid.uuid4().hex[:12]}") as url:
        yield url
