"""What trainings open, whatever their options: networks, linear models, trees, clusters."""

from __future__ import annotations

from fedray.task.config_bases import Kind
from fedray.task.reveals.reveal import Reveal

__all__ = ["TRAINING_REVEALS"]

_LOSS_IN_UNITS = Reveal(
    "test_loss",
    "all",
    "The mean loss on the test rows, at each test.",
    "In a regression it is in the units of the label, so it tells about how widely labels are spread.",
)
_METRICS_AND_VERDICT = Reveal(
    "test_metrics", "all", "The metrics on the test rows, at each test, and with early stopping the verdict."
)

TRAINING_REVEALS = {
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
        _LOSS_IN_UNITS,
        _METRICS_AND_VERDICT,
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
        _LOSS_IN_UNITS,
        _METRICS_AND_VERDICT,
        Reveal(
            "range_guard",
            "all",
            "How many scores of rows and how many leaves left the range in which the arithmetic is right: two counts "
            "at each test.",
        ),
    ),
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
}
