"""What does not go together in the configuration of a party whose columns are changed by steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from fedray.task.step_configs import LogisticStep
from fedray.task.transform_configs import CodedMain, TransformData, TransformLabel, TransformMain

__all__ = ["transforming"]


def transforming(where: str, main: CodedMain, config: TransformData) -> Iterator[str]:
    """Yield what does not go with more data sets, with a label, or with an evaluation of what is written."""
    parted = isinstance(main, TransformMain) and main.rows is not None
    if main.transform is not None or parted:
        if config.more_data_paths:
            yield f"{where}.more_data_paths: expected none with transform or rows, which are of one data set"
        if config.test_data_path is not None:
            yield f"{where}.test_data_path: expected null with transform or rows, which are of one data set"
    for place, step in enumerate(config.steps):
        if isinstance(step, LogisticStep) and not isinstance(config, TransformLabel):
            yield f"{where}.steps[{place}].step: expected another step: only the label client has a label to fit to"
    if isinstance(config, TransformLabel) and config.evaluate and config.out_data_path is None:
        yield f"{where}.out_data_path: expected a folder with evaluate, which compares what is written there, got null"
    more = (*config.more_data_paths, *([] if config.test_data_path is None else [config.test_data_path]))
    if config.out_data_path is not None and PurePosixPath(config.out_data_path) in map(PurePosixPath, more):
        yield f"{where}.out_data_path: expected another folder than those that are read, which would be overwritten"
