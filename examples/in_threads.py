"""Align and train with every party in a thread of this process: fedray alone, no Ray, no HTTP.

    python examples/in_threads.py

This is how protocols are tested. Each party has its own folders, and what passes between them is what would pass
between machines.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

from fedray.data import sample
from fedray.data.root import DataRoot
from fedray.parties.context import PartyOutcome
from fedray.parties.run import run_local
from fedray.task.plan import make_plan
from fedray.task.registry import Registry
from fedray.task.spec import parse


def run(document: dict[str, object], roots: dict[str, Path]) -> PartyOutcome:
    """Run a task with every data party in its own root; return what the main client says at its end."""
    plan = make_plan(parse(document), Registry.local(), secrets.token_hex(16))
    owners = dict(zip((member.index for member in plan.data), roots.values(), strict=True))
    outcomes = run_local(plan, {index: DataRoot(root) for index, root in owners.items()})
    return outcomes[plan.main.index]


def main() -> None:
    """Make the tables, align them, train, and print the AUC beside that of plain scikit-learn."""
    with tempfile.TemporaryDirectory(prefix="fedray-example-") as folder:
        roots = {name: Path(folder, name) for name in sample.PARTIES}
        sample.write_tables({name: root / "raw" for name, root in roots.items()})
        print("aligned:", run(sample.alignment_task(), roots).result)
        trained = run(sample.training_task(), roots)
        print("trained:", trained.result)
        folders = {name: roots[name] / "generated" / party.folder for name, party in sample.PARTIES.items()}
        print(f"AUC {trained.result['metrics']['auc']:.4f}, in clear {sample.plain_auc(folders):.4f}")  # type: ignore[index]


if __name__ == "__main__":
    main()
