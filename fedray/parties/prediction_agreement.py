"""How the parties of a task that predicts come to one model and one number of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fedray.errors import DataError, FedrayError, LocalProtocolError, RemoteProtocolError
from fedray.parties.context import PartyContext
from fedray.parties.predictors import Predictor, Scoring, Trained, predictor_of
from fedray.task.model_rules import check_clients, model_of
from fedray.task.plan import Member, TaskPlan
from fedray.task.predict_configs import ScoreMain

__all__ = ["Agreed", "Told", "agree", "agree_on_model", "computing", "main_config", "one_number", "receiver_of"]

_MOST_ROWS = 2**40
_MOST_STEPS = 2**31
_MOST_CLIENTS = 64


@dataclass(frozen=True)
class Told:
    """What a data client tells of its part of the model and of its rows.

    Attributes
    ----------
    rows
        Number of its new rows; None where the model has no features of it and it names no folder.
    fingerprint
        Of the alignment of its rows; "" where there is none.
    run
        Name of the run of the training.
    features, n_train, steps
        Columns of features at each data client, training rows, and steps, as `Trained` has them.
    training
        The plan of the training.
    """

    rows: int | None
    fingerprint: str
    run: str
    features: tuple[int, ...]
    n_train: int
    steps: int
    training: str

    @property
    def trained(self) -> Trained:
        """What all parties know of the model."""
        return Trained(self.features, self.n_train, self.steps)

    def as_dict(self) -> dict[str, object]:
        """Return the words as JSON values."""
        return {**vars(self), "features": list(self.features)}

    @classmethod
    def from_json(cls, told: object) -> Told | None:
        """Return the words of another party, None if they are none."""
        if not isinstance(told, dict) or set(told) != set(cls.__dataclass_fields__):
            return None
        rows, features = told["rows"], told["features"]
        texts = [told[name] for name in ("fingerprint", "run", "training")]
        fits = (
            all(type(text) is str for text in texts)
            and (rows is None or (type(rows) is int and 0 < rows < _MOST_ROWS))
            and isinstance(features, list)
            and len(features) <= _MOST_CLIENTS
            and all(type(count) is int and 0 <= count < _MOST_ROWS for count in (*features, told["n_train"]))
            and type(told["steps"]) is int
            and 0 < told["steps"] < _MOST_STEPS
        )
        return cls(**{**told, "features": tuple(features)}) if fits else None


@dataclass(frozen=True)
class Agreed:
    """What all parties know before the first share moves; ``features`` are the columns at each data client."""

    predictor: Predictor
    scoring: Scoring
    rows: int
    fingerprint: str
    features: tuple[int, ...]


def agree(ctx: PartyContext, mine: Told | None) -> Agreed:
    """Exchange what is known of model and rows; every party comes to the same, or raises the same error.

    Cost: 1 round; one message from each data client to every other party.
    Leaks: shapes, to everybody.
    Ref: design.

    Raises
    ------
    DataError
        The parts are of different trainings, or the rows of different alignments or numbers.
    SpecError
        The clients are not those of the training, or a model of its kind cannot predict.
    """
    with ctx.channel.phase("shapes"):
        training, told = agree_on_model(ctx, mine)
        predictor, rows = predictor_of(training), one_number(ctx, told)
        if not rows:
            raise DataError("no data client names a folder with new rows; fill in data_path")
        scoring = predictor.scoring(told[0].trained, rows, main_config(ctx).batch_size)
        fingerprint = next((one.fingerprint for one in told if one.fingerprint), "")
        return Agreed(predictor, scoring, rows, fingerprint, told[0].features)


def agree_on_model(ctx: PartyContext, mine: Told | None) -> tuple[TaskPlan, list[Told]]:
    """Exchange what is known of model and rows; return the plan of the one training, and what each data client told.

    Cost: 1 round; one message from each data client to every other party.
    Leaks: shapes, to everybody.
    Ref: design.

    Raises
    ------
    DataError
        The parts are of different trainings.
    SpecError
        The clients are not those of the training.
    """
    channel = ctx.channel
    if mine is not None:
        for peer in channel.peers:
            channel.send_json(peer, "shapes", mine.as_dict())
        channel.reveals.add("shapes", channel.peers, ())
    told = [mine if m.index == ctx.me and mine else _hear(ctx, m.index) for m in ctx.plan.data]
    channel.flush()
    training = _one_training(ctx, told)
    check_clients(ctx.plan, training)
    return training, told


def main_config(ctx: PartyContext) -> ScoreMain:
    """Return the main client's configuration."""
    config: Any = ctx.plan.main.config
    if not isinstance(config, ScoreMain):
        raise LocalProtocolError("the plan is no plan of predictions")
    return config


def computing(ctx: PartyContext) -> tuple[int, ...]:
    """Return the indices of the computing parties."""
    return tuple(member.index for member in ctx.plan.data)


def receiver_of(ctx: PartyContext) -> Member:
    """Return the party that gets the predictions."""
    if ctx.plan.receiver is None:
        raise LocalProtocolError("the plan has no receiver of predictions")
    return ctx.plan.receiver


def _hear(ctx: PartyContext, frm: int) -> Told:
    told = Told.from_json(ctx.channel.recv_json(frm, "shapes"))
    if told is None or len(told.features) != len(ctx.plan.data):
        raise RemoteProtocolError(f"{ctx.plan.names[frm]}: expected what it knows of the model and of its rows")
    return told


def _one_training(ctx: PartyContext, told: list[Told]) -> TaskPlan:
    name = model_of(ctx.plan)
    if len({(one.run, one.trained, one.training) for one in told}) > 1:
        raise DataError(
            f"the parties' parts of model {name!r} come from different trainings, so they do not belong together; "
            "train the model again"
        )
    try:
        training = TaskPlan.from_json(told[0].training)
    except FedrayError:
        training = None
    if training is None or training.task != name:
        raise RemoteProtocolError(f"{ctx.plan.names[ctx.plan.data[0].index]}: expected the plan of the training")
    return training


def one_number(ctx: PartyContext, told: list[Told]) -> int:
    """Return the number of new rows, the same at all who have any; 0 where nobody has; local.

    Raises
    ------
    DataError
        The rows do not belong together.
    """
    counts = {ctx.plan.names[m.index]: one.rows for m, one in zip(ctx.plan.data, told, strict=True) if one.rows}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {rows}" for name, rows in counts.items())
        raise DataError(f"the data clients have different numbers of rows ({listed}); align their tables in one task")
    if len({one.fingerprint for one in told if one.fingerprint}) > 1:
        raise DataError("the data clients' rows come from different alignments, so they do not belong together")
    return next(iter(counts.values()), 0)
