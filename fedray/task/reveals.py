"""The values a task opens in clear: to whom, what, and the known attack if there is one.

This is the list behind the leakage report. A value that is not on it must not be opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fedray.task.spec import Kind

__all__ = ["Reveal", "To", "reveals_of"]

To = Literal["all", "data", "label", "main", "receiver", "owner"]
"""Who learns a value: everybody but the dealer, the parties with data, the label party, the main client, the party that
a task declares as receiver, or each party with features for itself."""


@dataclass(frozen=True)
class Reveal:
    """One kind of value that a task opens.

    Attributes
    ----------
    tag
        The name by which the code opens it.
    to
        Who learns it.
    what
        What it is, in a sentence.
    attack
        What is known to be learnable from it beyond itself, or "".
    """

    tag: str
    to: To
    what: str
    attack: str = ""


_DIFFERENCE = "Two tasks whose tables differ in one id tell whether all others have that id."
_GUESSES = "The main client together with one data client could test guesses of ids."

_SINGLED_OUT = (
    "A column that singles out one row tells of that row's values in the others' columns; columns with fewer than 20 "
    "rows beside their most frequent value are left out for that."
)

_UNSEEN = Reveal(
    "cell_counts",
    "main",
    "Only where a party names transforms with one-hot columns, or its part of a model has categorical columns: a note, "
    "if there are any, with the number of its cells whose category the training rows do not have.",
)

_REVEALS = {
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
    Kind.SHARED_NN: (
        Reveal("shapes", "all", "The numbers of rows and columns of each party's tables."),
        Reveal(
            "test_predictions",
            "label",
            "The predicted score of each test row, at each test.",
            "Scores of many tests tell the label party something of the features of the test rows.",
        ),
        Reveal("test_loss", "all", "The mean loss on the test rows, at each test."),
        Reveal("test_metrics", "all", "The metrics on the test rows, at each test."),
        Reveal(
            "range_guard",
            "all",
            "How many linear outputs of test rows, of training rows, how many weights and residuals left the range in "
            "which the arithmetic is right: four counts for each layer at each test.",
        ),
    ),
    Kind.LINEAR: (
        Reveal("shapes", "all", "The numbers of rows and columns of each party's tables."),
        Reveal(
            "test_predictions",
            "label",
            "The predicted value of each test row, at each test.",
            "A prediction tells a weighted sum of the row's features; those of many tests tell several of them.",
        ),
        Reveal(
            "test_loss",
            "all",
            "The mean loss on the test rows, at each test.",
            "In a regression it is in the units of the label, so it tells about how widely labels are spread.",
        ),
        Reveal(
            "test_metrics", "all", "The metrics on the test rows, at each test, and with early stopping the verdict."
        ),
        Reveal(
            "range_guard",
            "all",
            "How many test rows, training rows, and weights with velocities left the range in which the arithmetic is "
            "right: three counts at each test.",
        ),
        Reveal(
            "cost_stop",
            "data",
            "Only with cost_tol: for each batch whether its loss differs by less than cost_tol from that of the batch "
            "before, all batches since the last test at once.",
            "Many tasks with other tolerances tell how large the differences are.",
        ),
        Reveal(
            "validation",
            "main",
            "Only with validation: the mean scores of the further trainings, and the scores of a live one at each "
            "test. The label party gets what their tests open, of the rows that each leaves out.",
            "The label party gets a prediction of each training row that is left out, once for each training that "
            "leaves it out, and with live_validation_percent one after every 5 batches; main's scores after each of "
            "these are of 20 rows or more.",
        ),
    ),
    Kind.TREES: (
        Reveal(
            "shapes", "all", "The numbers of rows and columns of each party's tables; constant columns do not count."
        ),
        Reveal(
            "split_owner",
            "data",
            "Which party owns the column of each split; for a node without a split the first party with features.",
            "How often a party is named tells how much its columns count.",
        ),
        Reveal(
            "split",
            "owner",
            "Column, threshold and side of missing values of each split, to the owner of the column; and to the first "
            "party with features at which nodes named as its own no split was worth while.",
            "The owner learns which of its own columns separate the label, and about where.",
        ),
        Reveal(
            "test_predictions",
            "label",
            "The predicted value of each test row, at each test.",
            "Rows of equal predictions are in the same leaves; changes between tests tell so for each tree.",
        ),
        Reveal(
            "test_loss",
            "all",
            "The mean loss on the test rows, at each test.",
            "In a regression it is in the units of the label, so it tells about how widely labels are spread.",
        ),
        Reveal(
            "test_metrics", "all", "The metrics on the test rows, at each test, and with early stopping the verdict."
        ),
        Reveal(
            "range_guard",
            "all",
            "How many scores of rows and how many leaves left the range in which the arithmetic is right: two counts "
            "at each test.",
        ),
    ),
    Kind.PREDICT: (
        Reveal("shapes", "all", "The number of new rows, and what everybody knows of the model from its training."),
        _UNSEEN,
        Reveal(
            "predictions",
            "receiver",
            "The predicted value of each row.",
            "A prediction tells a weighted sum of the row's features, or of trees a sum of leaves: whoever chooses "
            "many rows can learn the weights or the leaves, and rows of equal predictions are in the same leaves. A "
            "cluster tells where between centroids the row lies.",
        ),
        Reveal(
            "label_units",
            "receiver",
            "Of a regression, and only where the receiver is not the label party: mean and deviation, or the mean of "
            "counts, of the labels of the training, by which predictions are in the label's units.",
        ),
        Reveal(
            "range_guard",
            "all",
            "How many linear outputs of the new rows left the range in which the arithmetic is right: a count for each "
            "layer; of trees and clusters none.",
        ),
        Reveal(
            "evaluation",
            "main",
            "Only if the receiver compares the predictions with its labels, or with earlier predictions: metrics or "
            "the stability index, and tables and curves over groups of at least 20 rows; with contribution: true also "
            "what each party's columns add, and what the label party has alone.",
        ),
        Reveal(
            "contribution",
            "receiver",
            "Only with contribution: true, once for each party with features: the predicted values of all rows with "
            "that party's rows in another order, each with its label, in an order that the receiver does not know.",
            "They tell how predictions spread where that party's columns are anybody's; of few rows, or of rows with "
            "rare predictions, some may be matched with predictions that the receiver has.",
        ),
        Reveal(
            "returned_predictions",
            "main",
            "Only with return_predictions: true: the ids of the rows, if the receiver has them, and the predicted "
            "values, to the server of the main client and through the report to whoever may read it.",
            "As of predictions.",
        ),
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
    Kind.SCORECARD: (
        Reveal("shapes", "all", "The number of rows, and what everybody knows of the model from its training."),
        _UNSEEN,
        Reveal(
            "column_weights",
            "owner",
            "The model's weight of each of its own columns.",
            "With its own columns that is its part of every row's score; the parts of all parties are the model.",
        ),
        Reveal("intercept", "label", "The model's intercept.", "It tells about the rate of the label in the training."),
        Reveal(
            "points",
            "receiver",
            "The points of each row, in all.",
            "Less its own points that is what the others have together: of two parties each row's points at the other, "
            "and of few columns their bins.",
        ),
    ),
    Kind.EXPORT: (
        Reveal("shapes", "all", "What everybody knows of the model from its training."),
        Reveal(
            "model",
            "receiver",
            "The whole model: of each party the names of its columns, with means, deviations and weights, or with "
            "splits and thresholds; intercept or leaves; of a regression mean and deviation of the training's labels.",
            "It predicts any rows without the parties, for ever and for whoever gets the file. Weights and thresholds "
            "tell how columns go with the label, and where their values lie.",
        ),
    ),
    Kind.SUM: (Reveal("sum", "all", "The sum of the ones that all parties bring; the plan says how many."),),
    Kind.KMEANS: (
        Reveal("shapes", "all", "The numbers of rows and columns of each party's tables."),
        Reveal(
            "converged",
            "all",
            "With a tol, after each iteration: one bit, whether the centroids have moved by less.",
        ),
        Reveal("large_clusters", "all", "Which clusters have at least 20 rows."),
        Reveal(
            "cluster_sizes",
            "all",
            "The number of rows of each cluster; of none where one has fewer than 20.",
            "Two tasks whose tables differ in one row tell its cluster.",
        ),
        Reveal(
            "centroids",
            "owner",
            "The centroids of its own columns, of clusters with at least 20 rows.",
            "With its own rows that tells something of which of them are together: with very many columns over few "
            "rows, all of it; and with the means of its columns, about where a single small cluster lies. Two tasks "
            "whose tables differ in one row tell its cluster.",
        ),
        Reveal(
            "clusters",
            "receiver",
            "Only if the task names a receiver: the cluster of each row.",
            "Rows of one cluster are alike in the columns of all parties: with its own columns the receiver may tell "
            "where those of the others lie, and where they part clusters.",
        ),
    ),
    Kind.SERVE: (
        Reveal("shapes", "all", "The number of rows, and what everybody knows of the model from its training."),
        _UNSEEN,
        Reveal(
            "range_guard",
            "all",
            "How many linear outputs of all rows left the range in which the arithmetic is right: a count for each "
            "layer, once.",
        ),
        Reveal(
            "label_units",
            "receiver",
            "Of a regression, and only where the receiver is not the label party: mean and deviation, or the mean of "
            "counts, of the labels of the training, by which predictions are in the label's units.",
        ),
        Reveal(
            "asked",
            "data",
            "Which rows are asked for, and when: the receiver looks the ids up and tells the others the rows' numbers.",
            "Who has asked for whom is often worth more than the answer.",
        ),
        Reveal(
            "predictions",
            "receiver",
            "The predicted value of each row that is asked for; nothing of the others.",
            "A prediction tells a weighted sum of the row's features, or of trees a sum of leaves: whoever asks for "
            "many can learn the weights or the leaves, and rows of equal predictions are in the same leaves.",
        ),
        Reveal(
            "answers",
            "main",
            "The same values, to the server of the main client and through it to whoever may send it requests.",
            "As of predictions; ids that are refused tell which ones the receiver's table does not have.",
        ),
    ),
}


_POOLED = "It is the data itself: whoever may not pool the tables must not use parity mode."

_PARITY = (
    Reveal("parity_features", "label", "All scaled features of all feature clients, row by row.", _POOLED),
    Reveal(
        "parity_values",
        "label",
        "Every step's linear outputs, activations or predictions, and weights; of trees the scores of all rows.",
        "With the features and labels that the label party has in this mode it learns no more from them.",
    ),
)


_PUBLIC = Reveal(
    "public_masks",
    "all",
    "INSECURE: all masks follow from the public seed. Whoever sees what the parties say to each other can work out "
    "all scaled features, all labels, and every value of the training.",
    "It is the data itself: whoever may not pool the tables must not use public masks.",
)


_COEFFICIENTS = (
    Reveal(
        "coefficient_z",
        "owner",
        "With p_values: the z value (of a regression the t value) of its own columns' coefficients, at the label "
        "party also that of the intercept.",
        "Its sign is the coefficient's; with what the party knows of its column it tells how much that adds to the "
        "others' columns in telling the label. Many trainings on other rows tell more.",
    ),
    Reveal(
        "p_values",
        "main",
        "With p_values: whether there are z values, not which. Why not is in range_guard: three counts of what left "
        "its range, one of them of columns that are nearly sums of others.",
    ),
)


def reveals_of(
    kind: Kind, *, parity: bool = False, public_masks: bool = False, p_values: bool = False
) -> tuple[Reveal, ...]:
    """Return the values that a task of this kind may open, with those of the options that it has."""
    options = ((_PARITY, parity), (_COEFFICIENTS, p_values), ((_PUBLIC,), public_masks))
    return (*_REVEALS[kind], *(reveal for group, on in options if on for reveal in group))
