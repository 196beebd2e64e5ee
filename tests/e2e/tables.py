"""Synthetic tables of three parties, with ids and values that a search through any text would find."""

from __future__ import annotations

from pathlib import Path

import numpy as np

__all__ = ["COMMON", "FOLDER", "ROWS", "planted", "write_tables"]

ROWS = 600
"""Rows of each table."""
COMMON = 500
"""Ids that all three have."""
FOLDER = "Splitted_Indexed_Data"


def write_tables(raw: Path) -> None:
    """Write the tables that the documented request names; each party has rows of its own, in its own order."""
    draw = np.random.default_rng(7)
    features = draw.normal(size=(ROWS, 6)) * 1000 + 5000
    label = (features[:, :3].sum(axis=1) - features[:, 3:].sum(axis=1) + draw.normal(size=ROWS) * 300 > 0).astype(int)
    names = [f"{kind}{place}" for kind in ("a", "b") for place in range(3)]
    columns = {"credit_default_data1": names[:3], "credit_default_data2": names[3:], "credit_default_label": ["Y"]}
    for party, (file, header) in enumerate(columns.items()):
        cells = label.astype(str)[:, None] if header == ["Y"] else features[:, 3 * party : 3 * party + 3]
        lines = [
            ",".join([_id(row, party), *(cell if header == ["Y"] else f"{cell:.9f}" for cell in cells[row])])
            for row in draw.permutation(ROWS)
        ]
        path = raw / FOLDER / f"{file}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([",".join(["ID", *header]), *lines]) + "\n")


def planted(raw: Path) -> set[str]:
    """Return ids and feature values that no log may hold."""
    cells: set[str] = set()
    for file in ("credit_default_data1", "credit_default_data2"):
        rows = (raw / FOLDER / f"{file}.csv").read_text().splitlines()[1:]
        for row in rows:
            cells |= set(row.split(","))
    return cells


def _id(row: int, party: int) -> str:
    return f"Planted-{row:05d}" if row < COMMON else f"Planted-{row:05d}-only-{party}"
