"""A linear model in clear, in the units of the parties' tables, under scikit-learn's names and in PMML."""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

__all__ = ["OpenedLinear", "linear_json", "linear_pmml"]

Float = npt.NDArray[np.float64]

ESTIMATORS = {"linear": "LinearRegression", "logistic": "LogisticRegression", "poisson": "PoissonRegressor"}
NORMALISATIONS = {"linear": "none", "logistic": "logit", "poisson": "exp"}
PMML_NAMESPACE = "http://www.dmg.org/PMML-4_4"
TARGET = "target"


@dataclass(frozen=True, eq=False)
class OpenedLinear:
    """A linear model: a label is the curve of intercept + the weighted sum of the columns.

    Attributes
    ----------
    name
        Of the training.
    objective
        ``linear``, ``logistic`` or ``poisson``.
    parties, columns
        Of each column, whose it is, and a name that no other has.
    weights
        Shape (columns,).
    intercept
        Its value.
    """

    name: str
    objective: str
    parties: tuple[str, ...]
    columns: tuple[str, ...]
    weights: Float
    intercept: float


def linear_json(model: OpenedLinear) -> bytes:
    """Return the fitted attributes of scikit-learn's estimator of the same curve, as JSON."""
    weights, intercept = model.weights.tolist(), model.intercept
    logistic = model.objective == "logistic"
    attributes: dict[str, object] = {
        "coef_": [weights] if logistic else weights,
        "intercept_": [intercept] if logistic else intercept,
        "n_features_in_": len(weights),
        "feature_names_in_": list(model.columns),
        **({"classes_": [0, 1]} if logistic else {}),
    }
    document = {
        "format": "fedray/scikit-learn",
        "version": 1,
        "model": model.name,
        "estimator": f"sklearn.linear_model.{ESTIMATORS[model.objective]}",
        "attributes": attributes,
        "parties": dict(zip(model.columns, model.parties, strict=True)),
    }
    return json.dumps(document, indent=2, allow_nan=False).encode()


def linear_pmml(model: OpenedLinear) -> bytes:
    """Return the model as PMML 4.4: a regression, or a classification of 1 against 0."""
    ElementTree.register_namespace("", PMML_NAMESPACE)
    root = _element(None, "PMML", version="4.4")
    _element(_element(root, "Header", description=model.name), "Application", name="fedray")
    logistic = model.objective == "logistic"
    fields = _element(root, "DataDictionary", numberOfFields=str(len(model.columns) + 1))
    for name in model.columns:
        _element(fields, "DataField", name=name, optype="continuous", dataType="double")
    kind = (
        {"optype": "categorical", "dataType": "integer"} if logistic else {"optype": "continuous", "dataType": "double"}
    )
    target = _element(fields, "DataField", name=TARGET, **kind)
    for value in ("0", "1") if logistic else ():
        _element(target, "Value", value=value)
    function = "classification" if logistic else "regression"
    curve = NORMALISATIONS[model.objective]
    made = _element(root, "RegressionModel", functionName=function, normalizationMethod=curve, modelName=model.name)
    schema = _element(made, "MiningSchema")
    for name in model.columns:
        _element(schema, "MiningField", name=name)
    _element(schema, "MiningField", name=TARGET, usageType="target")
    table = _element(
        made, "RegressionTable", intercept=repr(model.intercept), **({"targetCategory": "1"} if logistic else {})
    )
    for name, weight in zip(model.columns, model.weights.tolist(), strict=True):
        _element(table, "NumericPredictor", name=name, coefficient=repr(weight))
    if logistic:
        _element(made, "RegressionTable", intercept="0.0", targetCategory="0")
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def _element(parent: ElementTree.Element | None, tag: str, **attributes: str) -> ElementTree.Element:
    name = f"{{{PMML_NAMESPACE}}}{tag}"
    return ElementTree.Element(name, attributes) if parent is None else ElementTree.SubElement(parent, name, attributes)
