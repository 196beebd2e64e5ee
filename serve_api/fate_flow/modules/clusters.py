"""HeteroKmeans: clustering by k-means on shares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.modules.training import Model
from serve_api.fate_flow.rules import Rules, number_of, wrong
from serve_api.fate_flow.values import Rows
from serve_api.fate_flow.work import Work

__all__ = ["kmeans"]

_RULES: Final = Rules(used=("k", "max_iter", "tol", "random_stat"))
_LIMIT: Final = 2.0**14
"""Largest distance of a value from its column's mean: FATE's tables need not be scaled."""


def kmeans(work: Work) -> CompiledComponent:
    """Compile a clustering, and the clusters of its rows for the guest; or the clusters of rows by a fitted one."""
    values = work.parameters(_RULES)
    model = Model(work, "kmeans", "clustering", 0.5)
    predicted = model.predicted()
    if predicted is not None:
        return predicted
    sets = model.rows(labelled=False)
    rows = sets[0]
    folders = [work.folder(part.party, "centroids") for part in rows.parts]
    work.warn("train/DBI is not told: distances stay on shares")
    clients = [work.main("kmeans", **_main(work, values)), work.dealer(), *_parts(work, rows, folders)]
    return model.trained(sets, clients, values, folders=folders)


def _main(work: Work, values: Mapping[str, Any]) -> dict[str, Any]:
    tol = number_of(work.component, values, "tol")
    if not 0.0 <= tol <= 1e6:
        raise wrong(work.component, "tol", f"expected a number from 0 to 1e+06, got {show(values['tol'])}")
    random = values["random_stat"]
    if random is not None:
        random = _whole(work, values, "random_stat", 0, 2**32 - 1)
    return {
        "clusters": _whole(work, values, "k", 2, 256),
        "max_iter": _whole(work, values, "max_iter", 1, 10_000),
        "tol": tol,
        "limit": _LIMIT,
        "seed": random,
    }


def _whole(work: Work, values: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = values[name]
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise wrong(work.component, name, f"expected a number from {least} to {most}, got {show(value)}")
    return value


def _parts(work: Work, rows: Rows, folders: list[str]) -> list[dict[str, Any]]:
    return [
        work.data_client(
            part.party, "kmeans", labelled=rows.labelled, data_path=part.path, scale="none", out_data_path=folder
        )
        for part, folder in zip(rows.parts, folders, strict=True)
    ]
