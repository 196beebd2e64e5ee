"""What does not go together in the clients' configurations where columns are binned or changed by steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from fedray.task.config_bases import Client
from fedray.task.step_configs import LogisticStep
from fedray.task.transform_configs import CodedData, CodedMain, TransformData, TransformLabel, TransformMain

__all__ = ["coding"]


def coding(clients: Sequence[Client]) -> Iterator[str]:
    """Yield what does not go together where columns are binned or changed by steps; nothing of another task."""
    main = next((config for _, config in clients if isinstance(config, CodedMain)), None)
    if main is None:
        return
    if isinstance(main, TransformMain) and main.rows is not None and main.transform is not None:
        yield "rows: expected null with transform, which is for all rows"
    for index, (_, config) in enumerate(clients):
        if not isinstance(config, CodedData):
            continue
        where = f"clients[{index}].client_config"
        if config.data_path is None and main.transform is None:
            yield f"{where}.data_path: expected the folder with the label, got null; only a transform needs no label"
        if config.out_data_path is None and config.data_path is not None and main.transform is not None:
            yield f"{where}.out_data_path: expected a folder for the rows that the transform codes, got null"
        if main.transform is not None and isinstance(config, TransformData) and config.steps:
            yield f"{where}.steps: expected none with transform, which has steps of its own, got {len(config.steps)}"
        if isinstance(config, TransformData):
            yield from _transforming(where, main, config)
        if config.out_data_path is not None and config.data_path is None:
            yield f"{where}.out_data_path: expected null where data_path is null, since there are no rows to write"
        paths = [PurePosixPath(path) for path in (config.data_path, config.out_data_path) if path is not None]
        if len(paths) == 2 and paths[0] == paths[1]:
            yield f"{where}.out_data_path: expected another folder than data_path, which would be overwritten"


def _transforming(where: str, main: CodedMain, config: TransformData) -> Iterator[str]:
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
