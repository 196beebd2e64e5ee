"""What tasks open that use a kept model: predictions, serving, scorecards, exports."""

from __future__ import annotations

from fedray.task.config_bases import Kind
from fedray.task.reveals.reveal import Reveal

__all__ = ["MODEL_REVEALS"]

_UNSEEN = Reveal(
    "cell_counts",
    "main",
    "Only where a party names transforms with one-hot columns, or its part of a model has categorical columns: a note, "
    "if there are any, with the number of its cells whose category the training rows do not have.",
)
_LABEL_UNITS = Reveal(
    "label_units",
    "receiver",
    "Of a regression, and only where the receiver is not the label party: mean and deviation, or the mean of "
    "counts, of the labels of the training, by which predictions are in the label's units.",
)

MODEL_REVEALS = {
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
        _LABEL_UNITS,
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
    Kind.SERVE: (
        Reveal("shapes", "all", "The number of rows, and what everybody knows of the model from its training."),
        _UNSEEN,
        Reveal(
            "range_guard",
            "all",
            "How many linear outputs of all rows left the range in which the arithmetic is right: a count for each "
            "layer, once.",
        ),
        _LABEL_UNITS,
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
}
