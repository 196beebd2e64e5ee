"""What trainings have to show: losses, and what is known of models whose weights stay on shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fedray.task.record import record_columns
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.interfaces import ComponentOutcome, Metric, Results
from serve_api.fate_flow.job import PartyId
from serve_api.fate_flow.outcomes.tables import party_of

__all__ = ["linear", "losses", "network", "trees"]

Json = dict[str, Any]
_STEPS, _LOSS = 1, 2
"""Places in a row of a record."""

_BUFFERS: Final = {"HeteroLR": "LR", "HeteroLinR": "HeteroLinR", "HeteroPoisson": "HeteroPoisson"}


def losses(compiled: CompiledComponent, results: Results) -> list[list[Any]]:
    """Return the losses that a training has told of: pass or tree, from 0, and loss."""
    model = compiled.facts["model"]
    batches = int(compiled.facts["batches"])
    return [[max(int(row[_STEPS]) // batches - 1, 0), row[_LOSS]] for row in results.record(model["step"])]


def _trained(compiled: CompiledComponent, results: Results) -> Json | None:
    """Return the facts of the model that a component has trained; None where it has not, or not yet."""
    facts: Json | None = compiled.facts["model"]
    return None if facts is None or results.report(facts["step"]) is None else facts


def _best(compiled: CompiledComponent, results: Results, history: Sequence[Sequence[Any]]) -> int:
    """Return the pass or tree, from 0, whose model is kept: the last, but where a validation has ended the training."""
    facts = compiled.facts["model"]
    report = results.report(facts["step"])
    if not facts.get("early") or report is None:
        return int(history[-1][0]) if history else -1
    return max(int(report["result"]["n_batches"]) // int(compiled.facts["batches"]) - 1, 0)


def _ended(facts: Json, history: Sequence[Sequence[Any]], steps: str) -> bool:
    """Return whether a validation has ended a training before its last pass or tree."""
    return bool(facts.get("early") and history) and int(history[-1][0]) + 1 < int(facts["parameters"][steps])


def _loss(history: list[list[Any]]) -> dict[str, dict[str, Metric]]:
    meta = {"name": "train", "metric_type": "LOSS", "unit_name": "iters", "curve_name": "loss"}
    return {"train": {"loss": Metric(history, meta)}}


def linear(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a linear model."""
    facts = _trained(compiled, results)
    if facts is None:
        return ComponentOutcome()
    history = losses(compiled, results)
    metrics = {party: _loss(history) for party in _arbiters(compiled)}
    best, ended = _best(compiled, results, history), _ended(facts, history, "max_iter")
    told: dict[PartyId, Json] = {}
    for party, columns in _parts(facts):
        told[party] = _linear_model(compiled, facts, party, columns, history)
        told[party]["data"] |= {"bestIteration": best, "isConverged": ended}
    summary: dict[PartyId, Json] = {party: _linear_summary(best, ended) for party in told}
    for party in _arbiters(compiled):
        summary[party] = {
            "loss_history": [loss for _, loss in history],
            "is_converged": ended,
            "best_iter_loss": min((loss for _, loss in history), default=None),
        }
    return ComponentOutcome(metrics=metrics, model=told, summary=summary)


def _linear_summary(best: int, ended: bool) -> Json:
    return {"coef": {}, "intercept": None, "is_converged": ended, "one_vs_rest": False, "best_iteration": best}


def _linear_model(
    compiled: CompiledComponent, facts: Json, party: PartyId, columns: Sequence[str], history: Sequence[Sequence[Any]]
) -> Json:
    """Return the model as a party has it; weights are on shares, so there are none to tell."""
    values, name = facts["parameters"], _BUFFERS[compiled.component.module]
    iterations = int(history[-1][0]) + 1 if history else 0
    data = {
        "iters": iterations,
        "lossHistory": [loss for _, loss in history] if party.role == "guest" else [],
        "isConverged": False,
        "weight": {},
        "intercept": 0.0,
        "header": list(columns),
        "needOneVsRest": False,
        "bestIteration": iterations - 1,
    }
    meta = {
        "penalty": str(values["penalty"]),
        "tol": values["tol"],
        "alpha": values["alpha"],
        "optimizer": values["optimizer"],
        "partyWeight": 0.0,
        "batchSize": str(values["batch_size"]),
        "learningRate": values["learning_rate"],
        "maxIter": str(values["max_iter"]),
        "earlyStop": values["early_stop"],
        "fitIntercept": bool(values["init_param"]["fit_intercept"]),
        "reEncryptBatches": "0",
    }
    buffers = {"data": f"{name}ModelParam", "meta": f"{name}ModelMeta"}
    return {"alias": facts["alias"], "buffers": buffers, "data": data, "meta": meta}


def trees(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of boosted trees."""
    facts = _trained(compiled, results)
    if facts is None:
        return ComponentOutcome()
    history = losses(compiled, results)
    early, ended = bool(facts.get("early")), _ended(facts, history, "num_trees")
    best = _best(compiled, results, history) if early else -1
    metrics: dict[PartyId, dict[str, dict[str, Metric]]] = {}
    told: dict[PartyId, Json] = {}
    summary: dict[PartyId, Json] = {}
    for party, columns in _parts(facts):
        told[party] = _tree_model(compiled, facts, columns, history)
        told[party]["data"] |= {
            "bestIteration": best,
            "treeNum": best + 1 if early else facts["parameters"]["num_trees"],
        }
        if party.role == "guest":
            meta = {"name": "train", "metric_type": "LOSS", "Best": min((loss for _, loss in history), default=None)}
            validated = _validations(compiled, results) if early else {}
            metrics[party] = {"train": {"loss": Metric(history, meta), **validated}}
            summary[party] = {**_tree_summary(history), "best_iteration": best, "is_converged": ended}
    return ComponentOutcome(metrics=metrics, model=told, summary=summary)


def _validations(compiled: CompiledComponent, results: Results) -> dict[str, Metric]:
    """Return what each validation of a training has come to."""
    facts = compiled.facts["model"]
    metric = "auc" if facts["parameters"]["task_type"] == "classification" else "regression"
    names, found = record_columns(metric)[_LOSS + 1 :], {}
    for row in results.record(facts["step"]):
        name = f"iteration_{int(row[_STEPS]) - 1}"
        pairs = [list(pair) for pair in zip(names, row[_LOSS + 1 :], strict=False)]
        found[name] = Metric(pairs, {"name": name, "metric_type": "EVALUATION_SUMMARY"})
    return found


def network(compiled: CompiledComponent, results: Results) -> ComponentOutcome:
    """Tell of a network."""
    facts = _trained(compiled, results)
    if facts is None:
        return ComponentOutcome()
    history = losses(compiled, results)
    told: dict[PartyId, Json] = {}
    for party, columns in _parts(facts):
        data = {
            "isConverged": False,
            "bestIteration": -1,
            "historyLoss": [loss for _, loss in history],
            "header": list(columns),
            "widths": facts["widths"],
        }
        shown = {"taskType": "classification", "epochs": facts["parameters"]["epochs"]}
        buffers = {"data": "HeteroNNModelParam", "meta": "HeteroNNModelMeta"}
        told[party] = {"alias": facts["alias"], "buffers": buffers, "data": data, "meta": shown}
    guests = [party for party in told if party.role == "guest"]
    summary = {"history_loss": [loss for _, loss in history], "is_converged": False, "best_iteration": -1}
    return ComponentOutcome(
        metrics={party: _loss(history) for party in guests},
        model=told,
        summary=dict.fromkeys(guests, summary),
    )


def _tree_summary(history: Sequence[Sequence[Any]]) -> Json:
    return {
        "feature_importance": [],
        "loss_history": [loss for _, loss in history],
        "validation_metrics": {},
        "best_iteration": -1,
        "is_converged": False,
    }


def _tree_model(
    compiled: CompiledComponent, facts: Json, columns: Sequence[str], history: Sequence[Sequence[Any]]
) -> Json:
    """Return the model as a party has it; leaves are on shares, and splits are their owners' own files."""
    values = facts["parameters"]
    binary = values["task_type"] == "classification"
    data = {
        "treeNum": values["num_trees"],
        "treeDim": 1,
        "trees": [],
        "initScore": [],
        "losses": [loss for _, loss in history],
        "classes": ["0", "1"] if binary else [],
        "numClasses": 2 if binary else 0,
        "featureImportances": [],
        "featureNameFidMapping": {str(place): name for place, name in enumerate(columns)},
        "anonymousNameMapping": {},
        "treePlan": [],
        "bestIteration": -1,
        "modelName": compiled.component.module,
    }
    meta = {
        "taskType": values["task_type"],
        "objectiveMeta": {"objective": values["objective_param"]["objective"], "param": []},
        "learningRate": values["learning_rate"],
        "numTrees": values["num_trees"],
        "quantileMeta": {"quantileMethod": "quantile", "binNum": str(values["bin_num"])},
        "treeMeta": {"maxDepth": values["tree_param"]["max_depth"]},
        "tol": values["tol"],
        "nIterNoChange": False,
    }
    buffers = {"data": "BoostingTreeModelParam", "meta": "BoostingTreeModelMeta"}
    return {"alias": facts["alias"], "buffers": buffers, "data": data, "meta": meta}


def _parts(facts: Mapping[str, Any]) -> list[tuple[PartyId, Sequence[str]]]:
    return [(party_of(told), columns) for told, columns in zip(facts["parties"], facts["columns"], strict=True)]


def _arbiters(compiled: CompiledComponent) -> list[PartyId]:
    return [party for party in compiled.component.parties if party.role == "arbiter"]
