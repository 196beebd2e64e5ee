"""The oracle of a task: the same training in clear, for tests, benchmarks and demos that own all the tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fedray.data.root import DataRoot
from fedray.errors import LocalProtocolError
from fedray.parties.recipes import Clear, Design, recipe_of
from fedray.parties.tables import read_table
from fedray.task.plan import TaskPlan

__all__ = ["insecure_oracle"]

Float = npt.NDArray[np.float64]


def insecure_oracle(plan: TaskPlan, roots: Mapping[int, DataRoot] | DataRoot) -> tuple[Clear, Design, Float]:
    """Read every party's tables in one place and return the float64 twin of a training task.

    Insecure by its nature: nobody but the owner of all the tables may run it.

    Returns
    -------
    tuple
        The oracle, untrained; the task's design; the labels of the test rows, shape (n_test, outputs).
    """
    recipe = recipe_of(plan)
    tables = [
        read_table(recipe, member, roots if isinstance(roots, DataRoot) else roots[member.index])
        for member in plan.data
    ]
    target = next((table.target for table in tables if table.target is not None), None)
    if target is None:
        raise LocalProtocolError("the plan has no label client with a table")
    features = [table.features() for table in tables]
    train, test = (np.hstack([mine[part] for mine in features]) for part in ("train", "test"))
    counts = tuple(mine["train"].shape[1] for mine in features)
    design = recipe.course(counts, (len(target.train), len(target.test))).design
    return recipe.clear(design, train, target, test), design, target.test
