"""Run one party from its first word to its last, and all parties of a task in threads."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fedray.channel import Observer, Timeouts
from fedray.channel.memory import Wire, connect
from fedray.data.root import DataRoot
from fedray.errors import FedrayError, TaskAborted
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.policy.gate import admit
from fedray.task.places import cause_of, places_of
from fedray.task.plan import TaskPlan
from fedray.task.record import Event, EventKind
from fedray.task.spec import Kind, Role

__all__ = ["run_local", "run_party"]

Play = Callable[[PartyContext], PartyOutcome]


def _play(kind: Kind, role: Role) -> Play:
    # imported when a party runs, and only what its role needs: pyarrow and numba cost an idle party memory
    if kind is Kind.ALIGNMENT:
        from fedray.parties import alignment

        return alignment.run_main if role is Role.MAIN_CLIENT else alignment.run_data
    if kind is Kind.PREDICT:
        return _predicting(role)
    if kind in (Kind.BINNING, Kind.STATISTICS):
        return _looking(kind, role)
    if kind is Kind.TRANSFORM:
        return _transforming(role)
    if kind is Kind.KMEANS:
        return _clustering(role)
    if kind is Kind.SCORECARD:
        from fedray.parties import scorecard

        return scorecard.run_main if role is Role.MAIN_CLIENT else scorecard.run_data
    if kind is Kind.SERVE:
        return _serving(role)
    if kind is Kind.EXPORT:
        from fedray.parties import exporting

        return exporting.run_main if role is Role.MAIN_CLIENT else exporting.run_data
    if kind is Kind.SUM:
        from fedray.parties import adding

        return adding.run_main if role is Role.MAIN_CLIENT else adding.run_data
    if role in (Role.FEATURE_CLIENT, Role.LABEL_CLIENT):
        from fedray.parties import training

        return training.run_data
    from fedray.parties import training_helpers

    return training_helpers.run_main if role is Role.MAIN_CLIENT else training_helpers.run_dealer


def _predicting(role: Role) -> Play:
    if role in (Role.FEATURE_CLIENT, Role.LABEL_CLIENT):
        from fedray.parties import prediction

        return prediction.run_data
    from fedray.parties import prediction_helpers

    return prediction_helpers.run_main if role is Role.MAIN_CLIENT else prediction_helpers.run_dealer


def _looking(kind: Kind, role: Role) -> Play:
    data = role in (Role.FEATURE_CLIENT, Role.LABEL_CLIENT)
    if kind is Kind.BINNING and data:
        from fedray.parties import binning

        return binning.run_data
    if kind is Kind.BINNING:
        from fedray.parties import binning_helpers

        return binning_helpers.helper_of(role)
    if data:
        from fedray.parties import statistics

        return statistics.run_data
    from fedray.parties import statistics_helpers

    return statistics_helpers.helper_of(role)


def _clustering(role: Role) -> Play:
    if role in (Role.FEATURE_CLIENT, Role.LABEL_CLIENT):
        from fedray.parties import clustering

        return clustering.run_data
    from fedray.parties import clustering_helpers

    return clustering_helpers.run_main if role is Role.MAIN_CLIENT else clustering_helpers.run_dealer


def _transforming(role: Role) -> Play:
    if role is Role.MAIN_CLIENT:
        from fedray.parties import transforming_main

        return transforming_main.run_main
    from fedray.parties import transforming

    return transforming.run_data


def _serving(role: Role) -> Play:
    if role in (Role.FEATURE_CLIENT, Role.LABEL_CLIENT):
        from fedray.parties import serving

        return serving.run_data
    if role is Role.MAIN_CLIENT:
        from fedray.parties import serving_main

        return serving_main.run_main
    from fedray.parties import prediction_helpers

    return prediction_helpers.run_dealer


def run_party(ctx: PartyContext) -> PartyOutcome:
    """Ask the party's policy, open the channel, play the party's role, and tell the others if it fails.

    Returns
    -------
    PartyOutcome
        The role's result with costs and reveals.

    Raises
    ------
    FedrayError
        Whatever went wrong, with party and phase; every other party has been told.
    """
    channel = ctx.channel
    started = time.monotonic()
    try:
        policy, standing = admit(ctx.plan, ctx.member, ctx.root)  # before a word is said
        with channel.phase("connect"):
            channel.open()
        outcome = _play(ctx.plan.kind, ctx.member.role)(replace(ctx, policy=policy))
        channel.flush()
    except TaskAborted:
        raise
    except FedrayError as error:
        failure = error.at(ctx.plan.names[ctx.me], "")
        channel.abort(failure)
        _trace(ctx, error)
        raise failure from error
    except Exception as error:
        failure = _internal(error).at(ctx.plan.names[ctx.me], "")
        channel.abort(failure)
        _trace(ctx, error)
        raise failure from error
    return replace(
        outcome,
        cost=channel.cost.as_dict(),
        reveals=channel.reveals.as_list(),
        seconds=time.monotonic() - started,
        policy=standing.as_dict(),
    )


def _trace(ctx: PartyContext, error: Exception) -> None:
    """Emit where the error comes from: its first cause's type, and lines of code."""
    cause = cause_of(error)
    places = [place.as_dict() for place in places_of(cause)]
    ctx.tell(EventKind.TRACE, type=type(cause).__name__, places=places)


def _internal(error: Exception) -> FedrayError:
    # the text of a stranger's exception may hold a value, so only its type and place are told
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return FedrayError(
        f"internal error: {type(error).__name__} at {where}; this is a fault of fedray, please report it"
    )


def run_local(
    plan: TaskPlan,
    roots: Mapping[int, DataRoot] | DataRoot,
    *,
    emit: Callable[[Event], None] = lambda _: None,
    observers: Sequence[Observer | None] | None = None,
    wire: Wire | None = None,
    timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
) -> list[PartyOutcome]:
    """Run every party of a plan in a thread of this process and return their outcomes, by index.

    Parameters
    ----------
    roots
        The data root of each party, or one for all.
    observers, wire
        As for `fedray.channel.memory.connect`.

    Raises
    ------
    FedrayError
        The first failure that is not another party's abort.
    """
    tags = [reveal.tag for reveal in plan.reveals]
    channels = connect(plan.names, plan.digest, tags, timeouts=timeouts, observers=observers, wire=wire)
    outcomes: dict[int, PartyOutcome] = {}
    errors: list[FedrayError] = []

    def play(index: int) -> None:
        root = roots if isinstance(roots, DataRoot) else roots.get(index, DataRoot(Path()))
        try:
            outcomes[index] = run_party(PartyContext(plan, index, channels[index], root, emit))
        except FedrayError as error:
            errors.append(error)

    threads = [threading.Thread(target=play, args=(member.index,), daemon=True) for member in plan.members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise next((error for error in errors if not isinstance(error, TaskAborted)), errors[0])
    return [outcomes[member.index] for member in plan.members]
