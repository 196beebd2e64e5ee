"""What does not go together in the clients' configurations of boosted trees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fedray.task.config_bases import Client
from fedray.task.text import show
from fedray.task.tree_configs import TREE_METRICS_OF, TreeMain, TreeTable

__all__ = ["trees"]


def trees(clients: Sequence[Client]) -> Iterator[str]:
    """Yield what does not go together in the training of trees; nothing of another task."""
    for index, (_, config) in enumerate(clients):
        if isinstance(config, TreeTable) and config.categorical_columns:
            yield from _categories(config, f"clients[{index}].client_config")
        if not isinstance(config, TreeMain):
            continue
        where, metrics = f"clients[{index}].client_config", TREE_METRICS_OF[config.objective]
        of = f"for objective {config.objective}"
        if config.metric is not None and config.metric not in metrics:
            yield f"{where}.metric: expected {' or '.join(metrics)} {of}, got {config.metric}"
        if config.objective == "reg:squarederror":
            if config.scale_pos_weight != 1.0:
                yield f"{where}.scale_pos_weight: expected 1 {of}, got {config.scale_pos_weight:g}"
        elif config.base_score is not None and not 1e-6 <= config.base_score <= 1.0 - 1e-6:
            yield f"{where}.base_score: expected null or a probability from 1e-06 to 1 - 1e-06 {of}"


def _categories(config: TreeTable, where: str) -> Iterator[str]:
    names = config.categorical_columns
    if config.missing != "bin":
        yield f"{where}.missing: expected bin with categorical_columns, for unknown categories, got {config.missing}"
    if len(set(names)) != len(names):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        yield f"{where}.categorical_columns: expected each column once, got {show(twice)} twice"
