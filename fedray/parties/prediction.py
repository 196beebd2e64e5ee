"""Predicting new rows with a kept model: what the data clients do, and the order of steps of all roles.

::

    data clients    find their parts of the model, read, check and scale their rows; nothing has been said so far
    everybody       learns of which training the parts are and how many rows there are, and refuses what does not fit
    owners          mask their rows once
    dealer          streams correlations
    data clients    bring the rows through the model; the predictions are opened to the receiver
    everybody       learns how many linear outputs left their range; too many end the task
    everybody       goes through the model again without each party in turn, if the task asks what each adds
    label client    tells the receiver the units of a regression's label
    receiver        writes the predictions, and compares them with its labels if it has any

The shares stay what they are: predicting changes no file of the model.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from fedray.data.new_rows import write_predictions
from fedray.errors import LocalProtocolError, RemoteProtocolError
from fedray.ml.groups import LEAST
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.contribution import Pairs, permuted_pairs
from fedray.parties.prediction_agreement import Agreed, agree, computing, receiver_of
from fedray.parties.prediction_input import Prepared, config_of, prepare
from fedray.parties.returned import check_returned, returned
from fedray.parties.worth import Joined, worth
from fedray.ring import series
from fedray.task.predict_configs import PredictData
from fedray.task.record import EventKind

__all__ = ["in_units", "predict", "run_data", "units_of"]

Float = npt.NDArray[np.float64]


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError, SpecError, RangeGuardError
        The model or the rows cannot be used; raised before any feature or share leaves, but for the guard of the
        outputs.
    PolicyError
        The party's policy allows fewer predictions today; raised before any share leaves.
    """
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading the model and the new rows")
        prepared = prepare(ctx)
        if prepared.told.rows is not None:
            ctx.allowance.take(prepared.told.rows)
    agreed = agree(ctx, prepared.told)
    if prepared.told.rows is None:
        ctx.allowance.take(agreed.rows)
    if prepared.answers is not None:
        prepared.answers.check(agreed.rows, agreed.fingerprint)
    if prepared.baseline is not None:
        prepared.baseline.check(agreed.rows)
    check_returned(ctx, agreed.rows)
    predictions = predict(ctx, agreed, prepared, Session(ctx.channel, computing(ctx)))
    labels = None if prepared.answers is None else prepared.answers.labels
    pairs = permuted_pairs(ctx, agreed, prepared.rows, labels, prepared.kept.arrays)
    with ctx.channel.phase("write"):
        units = units_of(ctx, agreed, prepared)
        told: dict[str, object] = {}
        if predictions is not None:
            values = in_units(agreed, predictions, units)
            _write(ctx, prepared, values)
            told = _told(ctx, prepared, values, _worth(ctx, agreed, prepared, values, pairs, units))
            told |= returned(ctx, prepared.ids, values)
        ctx.channel.send_json(ctx.plan.main.index, "done", told)
        ctx.channel.flush()
    return PartyOutcome({"rows": agreed.rows})


def in_units(agreed: Agreed, opened: Float, units: tuple[float, float]) -> Float:
    """Return predictions in the units of the label's table from what was opened; local."""
    return agreed.predictor.values(agreed.predictor.finish(opened), *units)


def predict(ctx: PartyContext, agreed: Agreed, prepared: Prepared, session: Session) -> Float | None:
    """Bring all rows through the model; return what was opened to me.

    Cost: that of `Scorer.predict`, and of the masking of all rows.
    Leaks: predictions to the receiver, unless the session withholds them; range_guard to all.
    Ref: protocols, section 17.
    """
    if ctx.plan.dealer is None:
        raise LocalProtocolError("the plan has no dealer")
    scoring = agreed.scoring
    with ctx.channel.phase("share"):
        ctx.begin("share", "masking the rows")
        series.warm_up()
        supply = Supply(ctx.channel, ctx.plan.dealer.index, session.rank, scoring.label, scoring.segments())
        scorer = scoring.scorer(session, supply, prepared.rows, prepared.kept.arrays)
    with ctx.channel.phase("predict"):
        ctx.begin("predict", f"predicting {agreed.rows} rows")
        scored = scorer.predict(ctx.plan.data.index(receiver_of(ctx)))
    if ctx.me == receiver_of(ctx).index:
        for note in scored.notes:
            ctx.tell(EventKind.NOTE, phase="predict", text=note)
    return scored.predictions


def units_of(ctx: PartyContext, agreed: Agreed, prepared: Prepared) -> tuple[float, float]:
    """Return centre and unit of the label: the label client's own, or told by it to another receiver.

    Cost: 1 message from the label client to another receiver of a regression or of counts.
    Leaks: label_units to the receiver.
    Ref: design.
    """
    receiver = receiver_of(ctx)
    label, columns = ctx.plan.data[agreed.scoring.label].index, prepared.kept.columns
    if agreed.predictor.measured in ("binary", "cluster") or receiver.index == label:
        return columns.centre, columns.unit
    if ctx.me == label:
        ctx.channel.reveals.add("label_units", (receiver.index,), ())
        ctx.channel.send_json(receiver.index, "label_units", {"centre": columns.centre, "unit": columns.unit})
    if ctx.me != receiver.index:
        return 0.0, 1.0
    told = ctx.channel.recv_json(label, "label_units")
    numbers = [told.get("centre"), told.get("unit")] if isinstance(told, dict) else []
    if not numbers or not all(isinstance(number, float) and np.isfinite(number) for number in numbers):
        raise RemoteProtocolError(f"{ctx.plan.names[label]}: expected mean and deviation of the training's labels")
    return float(numbers[0] or 0.0), float(numbers[1] or 1.0)


def _worth(
    ctx: PartyContext,
    agreed: Agreed,
    prepared: Prepared,
    values: Float,
    pairs: list[Pairs],
    units: tuple[float, float],
) -> list[dict[str, object]]:
    """Return, at a receiver that measures it, what joining was worth, for each output; local."""
    if prepared.alone is None or prepared.answers is None:
        return []
    joined = Joined(
        agreed.predictor.measured,
        values,
        prepared.answers.labels,
        prepared.rows,
        tuple(ctx.plan.names[member.index] for member in ctx.plan.data),
        agreed.features,
        lambda opened: in_units(agreed, opened, units),
    )
    return worth(joined, pairs, prepared.alone)


def _write(ctx: PartyContext, prepared: Prepared, values: Float) -> None:
    """Write the predictions."""
    config = config_of(ctx)
    asked_for = config.out_data_path if isinstance(config, PredictData) else None
    path = asked_for or f"predictions/{ctx.plan.task}"
    ctx.begin("write", "writing the predictions")
    write_predictions(ctx.root.generated_dir(path, create=True), prepared.ids, values)


def _told(ctx: PartyContext, prepared: Prepared, values: Float, worths: list[dict[str, object]]) -> dict[str, object]:
    """Return what the receiver tells the main client."""
    if prepared.answers is None and prepared.baseline is None:
        return {}
    ctx.channel.reveals.add("evaluation", (ctx.plan.main.index,), ())
    return {"evaluation": _evaluated(prepared, values, worths)}


def _evaluated(prepared: Prepared, values: Float, worths: list[dict[str, object]]) -> dict[str, object]:
    """Return what the receiver tells of its predictions: how good they are, and how far they have moved."""
    outputs: list[dict[str, object]] = [{} for _ in values.T]
    if prepared.answers is not None:
        outputs = prepared.answers.evaluate(values)
    if prepared.baseline is not None:
        moved = prepared.baseline.compare(values)
        outputs = [{**output, "stability": one} for output, one in zip(outputs, moved, strict=True)]
    if worths:
        outputs = [{**output, "contribution": one} for output, one in zip(outputs, worths, strict=True)]
    return {"rows": len(values), "least_group": LEAST, "outputs": outputs}
