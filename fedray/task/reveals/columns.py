"""What tasks open that ready tables and columns before a training: alignment, binning, statistics, transforms, sums."""

from __future__ import annotations

from fedray.task.config_bases import Kind
from fedray.task.reveals.reveal import Reveal

__all__ = ["COLUMN_REVEALS"]

_DIFFERENCE = "Two tasks whose tables differ in one id tell whether all others have that id."
_GUESSES = "The main client together with one data client could test guesses of ids."

_SINGLED_OUT = (
    "A column that singles out one row tells of that row's values in the others' columns; columns with fewer than 20 "
    "rows beside their most frequent value are left out for that."
)

COLUMN_REVEALS = {
    Kind.ALIGNMENT: (
        Reveal("intersection_size", "all", "The number of ids that all parties with data have in common.", _DIFFERENCE),
        Reveal(
            "intersection",
            "data",
            "Which of its own ids all other parties with data have too.",
            "A party could put guessed ids into its own table to learn whether the others have them.",
        ),
        Reveal("size_class", "main", "The size class of each party's table, not its number of rows.", _GUESSES),
    ),
    Kind.BINNING: (
        Reveal(
            "shapes", "all", "The numbers of rows and columns of each party's tables; constant columns do not count."
        ),
        Reveal(
            "bin_counts",
            "owner",
            "Of each of its columns which bins had to be joined until every one has min_bin rows of either label, and "
            "for each bin that stands how many of its rows have the label 1.",
            "With its own rows of the bin that is the rate of the label in it. Bins of two columns, or of two such "
            "tasks, that differ in one row tell its label; very many columns over few rows come to the same.",
        ),
        Reveal(
            "column_iv",
            "main",
            "The name and the information value of each column, how many bins it has, and whether it is kept.",
            "An information value of few bins tells about how much the rates of the label differ between them.",
        ),
    ),
    Kind.STATISTICS: (
        Reveal(
            "shapes", "all", "The numbers of rows and columns of each party's tables; constant columns do not count."
        ),
        Reveal(
            "correlation",
            "data",
            "With correlation: parties, to the two parties whose columns they are, with their names: the Pearson "
            "correlations of columns of different parties.",
            _SINGLED_OUT,
        ),
        Reveal(
            "correlation_matrix",
            "all",
            "With correlation: all: the Pearson correlations of all columns of all parties, with the columns' names.",
            _SINGLED_OUT,
        ),
        Reveal(
            "column_statistics",
            "main",
            "Only of parties with share: true: count, missing, mean, deviation, smallest, largest, quartiles and "
            "number of values of each of its columns; with reference_path the index by which it has moved.",
            "The smallest and the largest are values of single rows.",
        ),
    ),
    Kind.TRANSFORM: (
        Reveal("shapes", "all", "The numbers of rows of each party's tables, and of the columns that it writes."),
        Reveal(
            "cell_counts",
            "main",
            "Of each party how many gaps its steps filled, and in how many cells they found a category that the "
            "training rows do not have. Notes name the columns that a step leaves out.",
        ),
        Reveal(
            "evaluation",
            "main",
            "Only with evaluate: true: how good the first column that the label party writes says the label: metrics, "
            "and tables and curves over groups of at least 20 rows.",
        ),
    ),
    Kind.SUM: (Reveal("sum", "all", "The sum of the ones that all parties bring; the plan says how many."),),
}
