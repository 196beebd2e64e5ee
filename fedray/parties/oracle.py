"""The oracle of a task: the same training in clear, for tests, benchmarks and demos that own all the tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split, load_split
from fedray.data.root import DataRoot
from fedray.data.scaling import Standardizer
from fedray.errors import LocalProtocolError
from fedray.parties.recipes import Clear, Design, recipe_of
from fedray.task.configs import Role, TableConfig
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
    train, test, target = [], [], None
    for member in plan.data:
        config = member.config
        if not isinstance(config, TableConfig):
            continue
        root = roots if isinstance(roots, DataRoot) else roots[member.index]
        split: Split = load_split(root.generated_dir(config.data_path, field="data_path"))
        skip = 0
        if member.role is Role.LABEL_CLIENT:
            target, skip = recipe.target(split), recipe.outputs
        scaling = Standardizer.fit(split.train[:, skip:], split.columns[skip:], config.scale)
        train.append(scaling.apply(split.train[:, skip:]))
        test.append(scaling.apply(split.test[:, skip:]))
    if target is None:
        raise LocalProtocolError("the plan has no label client with a table")
    counts = tuple(part.shape[1] for part in train)
    design = recipe.course(counts, (len(target.train), len(target.test))).design
    return recipe.clear(design, np.hstack(train), target, np.hstack(test)), design, target.test
