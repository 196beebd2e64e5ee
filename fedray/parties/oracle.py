"""The oracle of a task: the same training in clear, for tests, benchmarks and demos that own all the tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split, load_split
from fedray.data.root import DataRoot
from fedray.data.scaling import Standardizer
from fedray.ml.design import NetDesign
from fedray.ml.oracle import Oracle
from fedray.parties.agreement import make_design
from fedray.task.configs import NetFeature, NetLabel, NetMain
from fedray.task.plan import TaskPlan

__all__ = ["insecure_oracle"]

Float = npt.NDArray[np.float64]


def insecure_oracle(plan: TaskPlan, roots: Mapping[int, DataRoot] | DataRoot) -> tuple[Oracle, NetDesign, Float]:
    """Read every party's tables in one place and return the float64 twin of a training task.

    Insecure by its nature: nobody but the owner of all the tables may run it.

    Returns
    -------
    tuple
        The oracle, untrained; the task's design; the labels of the test rows, shape (n_test, outputs).
    """
    main = plan.main.config
    outputs = main.last_width if isinstance(main, NetMain) else 1
    train, test, counts = [], [], []
    labels = test_labels = np.empty((0, outputs))
    for member in plan.data:
        config = member.config
        if not isinstance(config, NetFeature | NetLabel):
            continue
        root = roots if isinstance(roots, DataRoot) else roots[member.index]
        split: Split = load_split(root.generated_dir(config.data_path, field="data_path"))
        skip = outputs if isinstance(config, NetLabel) else 0
        if skip:
            labels, test_labels = split.train[:, :skip], split.test[:, :skip]
        scaling = Standardizer.fit(split.train[:, skip:], split.columns[skip:], config.scale)
        train.append(scaling.apply(split.train[:, skip:]))
        test.append(scaling.apply(split.test[:, skip:]))
        counts.append(train[-1].shape[1])
    design = make_design(plan, tuple(counts), (len(labels), len(test_labels)))
    return Oracle(design, np.hstack(train), labels, np.hstack(test)), design, test_labels
