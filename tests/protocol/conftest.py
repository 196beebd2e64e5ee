"""A model that was trained once, for tests of what is done with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.predictions import copied, train_named
from tests.tasks import Training


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Return the training whose folders hold the model; only ever copied."""
    return train_named(tmp_path_factory.mktemp("kept"))


@pytest.fixture
def trained(kept: Training, tmp_path: Path) -> Training:
    """Return a copy of it that a test may change."""
    return copied(kept, tmp_path)
