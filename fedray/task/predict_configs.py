"""What the clients of a task that predicts with a kept model may be told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fedray.task.config_bases import ClientConfig, MainConfig
from fedray.task.fields import choice, flag, optional, optional_path, relative_path, title, whole

__all__ = ["ModelMain", "NewData", "Part", "PredictData", "PredictFeature", "PredictLabel", "PredictMain", "ScoreMain"]

Part = Literal["all", "train", "test"]


class ModelMain(MainConfig):
    """Which model, and for whom: what every type of main client has whose task uses a model.

    Attributes
    ----------
    model
        The name of the training that made the model; or ``@`` and a tag, which the server replaces by the name.
    receiver
        Place in ``clients`` of the one party that gets what the task opens, one with data; None is the label client.
    """

    model: Annotated[str, title()]
    receiver: Annotated[int | None, optional(0, 63)] = None


class ScoreMain(ModelMain):
    """Which rows a model predicts: what every type of main client has whose task predicts.

    Attributes
    ----------
    part
        Rows of the tables: ``train``, ``test``, or ``all`` of them, those of ``train.csv`` first.
    batch_size
        Rows that go through the model at once.
    """

    part: Annotated[Part, choice("all", "train", "test")] = "all"
    batch_size: Annotated[int, whole(1, 100_000)] = 10_000


class PredictMain(ScoreMain):
    """A task that predicts all rows once.

    Attributes
    ----------
    contribution
        Whether the receiver, which has labels then, also measures what each party's columns add to the model.
    return_predictions
        Whether the receiver also sends the predictions, with the ids of the rows, to the main client, which puts them
        into the task's report: they are for whoever may read it.
    """

    client_type: Literal["predict_main"]
    contribution: Annotated[bool, flag()] = False
    return_predictions: Annotated[bool, flag()] = False


class NewData(ClientConfig):
    """A party with a part of the model.

    Attributes
    ----------
    data_path
        Folder below the party's generated-data folder with the new rows, as an alignment writes it, or a CSV file there
        with header and id; None where the model has no features of this party.
    transforms
        Names of earlier tasks of kind ``transform`` or ``binning``: what they made of this party's columns is made of
        the new rows' too, in this order, before the model sees them.
    """

    data_path: Annotated[str | None, optional_path()] = None
    transforms: Annotated[tuple[Annotated[str, title()], ...], Field(max_length=8)] = ()


class PredictData(NewData):
    """A party with a part of the model, which may be the receiver.

    Attributes
    ----------
    out_data_path
        At the receiver: folder below its generated-data folder for ``predictions.csv``; None is
        ``predictions/<name of the task>``.
    labels_path
        At the receiver: folder or file that begins with the labels of the same rows, to evaluate the predictions.
    baseline_path
        At the receiver: folder below its generated-data folder with the ``predictions.csv`` of other rows, such as the
        training's, to tell how far the predictions have moved.
    """

    out_data_path: Annotated[str | None, optional_path()] = None
    labels_path: Annotated[str | None, optional_path()] = None
    baseline_path: Annotated[str | None, optional_path()] = None


class PredictFeature(PredictData):
    """A party with columns of features."""

    client_type: Literal["predict_feature"]
    data_path: Annotated[str, relative_path()]


class PredictLabel(PredictData):
    """The label client of the training: it has a part of the model, and needs no labels of the new rows."""

    client_type: Literal["predict_label"]
