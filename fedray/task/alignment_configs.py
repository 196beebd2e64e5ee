"""What the parties of an alignment may be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from fedray.task.config_bases import MAX_CLIENTS, ClientConfig, MainConfig
from fedray.task.fields import choice, column, relative_path, whole, within

__all__ = ["ALIASES", "AlignmentData", "AlignmentMain"]

ALIASES = {"alignment_client": "alignment_data"}
"""Other spellings of client types."""


def _canonical(client_type: str) -> str:
    return ALIASES.get(client_type, client_type)


class AlignmentMain(MainConfig):
    """The party that intersects tokens and has no data.

    Attributes
    ----------
    min_intersection
        Rows below which the task fails rather than reveal so small a set.
    order
        Order of the common rows, of which the last are for testing: ``id`` gives the same rows every time,
        ``random`` a fresh order in every task. Only the data clients see it.
    test_size
        Part of the common rows that are for testing; 0 for none, which only linear models can do without.
    split
        ``held_out`` keeps the rows for testing apart; ``none`` trains and tests on all rows, whatever `test_size` says.
    """

    client_type: Literal["alignment_main"]
    min_intersection: Annotated[int, whole(1, 10**9)] = 1
    order: Annotated[Literal["id", "random"], choice("id", "random")] = "id"
    test_size: Annotated[float, within(0, 0.9)] = 0.2
    split: Annotated[Literal["held_out", "none"], choice("held_out", "none")] = "held_out"

    @property
    def repeats(self) -> bool:
        """Whether the rows for training are those for testing too."""
        return self.split == "none"


class AlignmentData(ClientConfig):
    """A party whose table is aligned.

    Attributes
    ----------
    raw_data_path
        CSV below the party's raw-data folder; first column the id, with a header.
    out_data_path
        Folder below the party's generated-data folder.
    columns
        Names or positions of the columns to keep; None keeps all.
    duplicates
        What an id that comes twice means: an error, keep the first row, or drop all its rows.
    more_raw_data_paths
        More files like `raw_data_path` with the same columns, whose rows come below its own.
    """

    client_type: Annotated[
        Literal["alignment_data", "alignment_client"],
        AfterValidator(_canonical),
    ]
    raw_data_path: Annotated[str, relative_path()]
    out_data_path: Annotated[str, relative_path()]
    columns: (
        Annotated[
            tuple[Annotated[str | int, column()], ...],
            Field(min_length=1, max_length=10_000),
        ]
        | None
    ) = None
    duplicates: Annotated[Literal["error", "first", "drop"], choice("error", "first", "drop")] = "error"
    more_raw_data_paths: Annotated[tuple[Annotated[str, relative_path()], ...], Field(max_length=MAX_CLIENTS)] = ()
