"""What the clients of a task that opens a kept model to one party may be told."""

from __future__ import annotations

from typing import Annotated, Literal

from fedray.task.config_bases import ClientConfig
from fedray.task.fields import choice, optional_path
from fedray.task.predict_configs import ModelMain

__all__ = ["ExportData", "ExportFeature", "ExportLabel", "ExportMain"]


class ExportMain(ModelMain):
    """Which model is opened, to whom, in which format.

    Attributes
    ----------
    format
        ``json``: of trees XGBoost's, of linear models scikit-learn's names. ``pmml``: of linear models only.
    """

    client_type: Literal["export_main"]
    format: Annotated[Literal["json", "pmml"], choice("json", "pmml")] = "json"


class ExportData(ClientConfig):
    """A party with a part of the model, which may be the receiver.

    Attributes
    ----------
    out_data_path
        At the receiver: folder below its generated-data folder for the model's file; None is ``exports/<name of the
        task>``.
    """

    out_data_path: Annotated[str | None, optional_path()] = None


class ExportFeature(ExportData):
    """A party with columns of features."""

    client_type: Literal["export_feature"]


class ExportLabel(ExportData):
    """The label client of the training."""

    client_type: Literal["export_label"]
