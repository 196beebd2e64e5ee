"""Settings of hypothesis for all tests; as a file of the package `tests` it also makes that package importable."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# Threads and compiled kernels take their time on a busy machine; the time-out of pytest is the bound.
settings.register_profile("fedray", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fedray")


def pytest_configure() -> None:
    """Let the programs that tests start be interrupted: a shell that runs the tests behind its back ignores SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse a test file that imports Ray by itself.

    Ray reads its environment once, when it is imported, so a cluster that a later test starts could not have its own.
    """
    before = "ray" in sys.modules
    report = yield
    if not before and "ray" in sys.modules and report.passed:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid}: import what needs Ray in a test or fixture, not in the file's head"
    return report
