"""Align and train with Ray actors that this script makes itself: no server, no HTTP.

    python examples/driver.py

The four roles are ordinary actor classes. A driver makes one for each client of a plan, introduces them to each other,
and calls ``run`` on all of them; what they then say to each other passes between them, never through the driver.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path
from typing import Any

from actors import environment

environment.prepare()  # Ray reads its environment when it is imported

import ray  # noqa: E402

from actors.cluster import LOCAL_RESOURCE, leave, start_or_join  # noqa: E402
from actors.roles import CryptoProducer, FeatureClient, LabelClient, MainClient  # noqa: E402
from fedray.data import sample  # noqa: E402
from fedray.errors import error_from_dict  # noqa: E402
from fedray.task.plan import TaskPlan, make_plan  # noqa: E402
from fedray.task.registry import Registry  # noqa: E402
from fedray.task.spec import Role, parse  # noqa: E402

CLASSES: dict[Role, Any] = {
    Role.MAIN_CLIENT: MainClient,
    Role.CRYPTO_PRODUCER: CryptoProducer,
    Role.FEATURE_CLIENT: FeatureClient,
    Role.LABEL_CLIENT: LabelClient,
}


def run(document: dict[str, Any], root: Path) -> dict[str, Any]:
    """Run one task on actors of its own; return what its main client says at the end."""
    plan = make_plan(parse(document), Registry.local(), secrets.token_hex(16))
    actors = make_actors(plan, root)
    try:
        ray.get([actor.introduce.remote(actors) for actor in actors.values()])
        answers = ray.get([actor.run.remote() for actor in actors.values()])
    finally:
        for actor in actors.values():
            ray.kill(actor)
    failures = [error_from_dict(answer["error"]) for answer in answers if "error" in answer]
    if failures:
        raise failures[0]
    result: dict[str, Any] = answers[plan.main.index]["outcome"]["result"]
    return result


def make_actors(plan: TaskPlan, root: Path) -> dict[int, Any]:
    """Make the actor of every client, on the node that offers its party's resource."""
    return {
        member.index: CLASSES[member.role]
        .options(resources={member.party.resource: 0.001})
        .remote(plan.to_json(), member.index, str(root))
        for member in plan.members
    }


def main() -> None:
    """Make the tables, align them, train, and print the AUC beside that of plain scikit-learn."""
    with tempfile.TemporaryDirectory(prefix="fedray-example-") as folder:
        root = Path(folder)
        sample.write_tables(root / "raw")
        start_or_join(None, {LOCAL_RESOURCE: 1})
        try:
            print("aligned:", run(sample.alignment_task(), root))
            trained = run(sample.training_task(), root)
        finally:
            leave()
        print("trained:", trained)
        folders = {name: root / "generated" / party.folder for name, party in sample.PARTIES.items()}
        print(f"AUC {trained['metrics']['auc']:.4f}, in clear {sample.plain_auc(folders):.4f}")


if __name__ == "__main__":
    main()
