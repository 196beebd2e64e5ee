"""Tables that no task can use, and what the sentence about each must say."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["GOOD", "LABELS", "LEAK", "RAW_TABLES", "TRAIN_TABLES", "assert_clear", "task", "write_split"]

LEAK = "931337731.424242"
"""A value in every bad table; in no message. Its whole part is too large for a port or a process."""

RAW_TABLES: dict[str, tuple[str, str]] = {
    "duplicate ids": (f"ID,a\nA-1,{LEAK}\nA-1,2\n", "twice|duplicate|more than once"),
    "empty id": (f"ID,a\nA-1,{LEAK}\n,2\n", "id"),
    "header only": ("ID,a\n", "row"),
    "empty file": ("", "empty|header"),
    "ragged": (f"ID,a\nA-1,{LEAK}\nA-2,2,3\n", "row 3 has 3 cells"),
    "one column only": ("ID\nA-1\nA-2\n", "column"),
    "two columns of one name": (f"ID,a,a\nA-1,{LEAK},2\n", "column"),
    "no id in common": (f"ID,a\nA-1,{LEAK}\nA-2,2\n", "no id in common"),
    "not text": (f"ID,a\nA-1,{LEAK}\n\xff\xfe\x00\n", "UTF-8|text"),
}

GOOD = "\n".join(f"{place % 7 - 3},{place * -1.5}" for place in range(40)) + "\n"
LABELS = "\n".join(str(place % 2) for place in range(40)) + "\n"
TRAIN_TABLES: dict[str, tuple[str, str, str]] = {
    "text in a feature": (GOOD.replace("3,", "abc,", 1), LABELS, "text"),
    "empty cell": (f",{LEAK}\n" + GOOD, LABELS, "empty"),
    "not a number": (f"nan,{LEAK}\n" + GOOD, LABELS, "NaN"),
    "infinite": (f"inf,{LEAK}\n" + GOOD, LABELS, "infinite"),
    "too large for a float": (f"1e999,{LEAK}\n" + GOOD, LABELS, "too large"),
    "blank line": (f"1,{LEAK}\n\n" + GOOD, LABELS, "row 2.*blank"),
    "ragged row": (f"1,{LEAK}\n1\n" + GOOD, LABELS, "row 2"),
    "label of one value": (GOOD, "1\n" * 40, "one value only"),
    "label 2": (GOOD, "2\n" + LABELS[2:], "0 and 1 only"),
    "different numbers of rows": (f"1,{LEAK}\n" + GOOD, LABELS, "different numbers of rows"),
    "empty table": ("", LABELS, "empty"),
}


def write_split(folder: Path, text: str) -> None:
    """Write an aligned table whose parts are the same text."""
    folder.mkdir(parents=True)
    for file in ("train.csv", "test.csv"):
        (folder / file).write_text(text)


def task(name: str) -> str:
    """Return the name of the task over a table."""
    return name.replace(" ", "-")


def assert_clear(sentence: str, expected: str) -> None:
    """Check that a sentence says what is expected, and nothing that is in a table."""
    assert re.search(expected, sentence), sentence
    assert "Traceback" not in sentence
    assert "internal error" not in sentence
    assert LEAK not in sentence
    assert "A-1" not in sentence
    assert "root:" not in sentence
    assert len(sentence) < 700
