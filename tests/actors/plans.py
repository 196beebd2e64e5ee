"""Plans over the parties of a registry, and the parties' small tables."""

from __future__ import annotations

from pathlib import Path

from fedray.task.plan import TaskPlan, make_plan
from fedray.task.registry import PartyRef, Registry
from fedray.task.spec import parse
from tests.e2e.documents import alignment, linear_training, training
from tests.e2e.tables import write_tables

__all__ = ["PORTS", "align", "linear", "registry", "train", "write_roots"]

PORTS = {"main": 8377, "dealer": 8999, "bank": 8084, "shop": 8082, "label": 8884}


def registry(roots: dict[str, Path], resources: dict[str, str]) -> Registry:
    """Return parties with roots and resources of their own."""
    return Registry(
        tuple(
            PartyRef(name, "127.0.0.1", port, resources[name], str(roots[name]))
            for name, port in PORTS.items()
            if name in resources
        )
    )


def align(name: str, parties: Registry) -> TaskPlan:
    return make_plan(parse(alignment(name)), parties, "seed")


def train(name: str, parties: Registry, **main: object) -> TaskPlan:
    return make_plan(parse(training(name, **main)), parties, "seed")


def linear(name: str, parties: Registry, **main: object) -> TaskPlan:
    return make_plan(parse(linear_training(name, **main)), parties, "seed")


def write_roots(roots: dict[str, Path]) -> None:
    """Give every party with data its own table, and no other's."""
    files = {"bank": "credit_default_data1", "shop": "credit_default_data2", "label": "credit_default_label"}
    for name, root in roots.items():
        (root / "generated").mkdir(parents=True)
        write_tables(root / "raw")
        for table in (root / "raw").rglob("*.csv"):
            if table.stem != files.get(name):
                table.unlink()
