"""Three small files with the columns of the credit data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.credit import COLUMNS, FEATURES, LABEL

ROWS = 80


def write(folder: Path) -> Path:
    """Write the files, each in an order of its own and with a row that the others do not have."""
    generator = np.random.default_rng(0)
    table = np.round(generator.normal(size=(ROWS, COLUMNS)), 3)
    label = (table.sum(axis=1) + generator.normal(size=ROWS) > 0).astype(int)
    names = [f"c{k}" for k in range(COLUMNS)]
    parts = {FEATURES[0]: (names[:11], table[:, :11]), FEATURES[1]: (names[11:], table[:, 11:])}
    parts[LABEL] = (["Y"], label[:, None])
    for number, (file, (columns, values)) in enumerate(parts.items()):
        rows = [",".join([f"ID-{k:04d}", *map(str, values[k])]) for k in generator.permutation(ROWS)]
        own = ",".join([f"ID-9{number}", *["0"] * len(columns)])
        (folder / file).write_text("\n".join([",".join(["ID", *columns]), *rows, own]) + "\n", encoding="utf-8")
    return folder
