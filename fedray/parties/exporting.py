"""Opening a kept model to one party, with the consent of every party that has a part of it.

::

    data clients    ask their own policies, which must say export = true, before a word is said
    everybody       learns of which training the parts are, and refuses what does not fit
    data clients    tell the receiver their columns: names with scaling, or with splits
    data clients    open the weights, or the leaves, to the receiver
    receiver        writes the model in the format that the task asks for

The parts stay what they are. No party is asked for its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fedray.data.private_file import replace_file
from fedray.errors import DataError, LocalProtocolError, RemoteProtocolError
from fedray.mpc.blinding import blinded
from fedray.mpc.session import Session
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.parties.exporters import Exporter, Part, exporter_of
from fedray.parties.kept import Kept, load_kept
from fedray.parties.prediction_agreement import agree_on_model, computing
from fedray.parties.prediction_input import told_of
from fedray.policy.rules import check_columns
from fedray.task.export_configs import ExportData, ExportMain
from fedray.task.model_rules import check_clients

__all__ = ["run_data", "run_main"]

Float = npt.NDArray[np.float64]

MODEL = "model"
"""The tag under which all of it is opened, and the label of what is told in words."""

FILES = {"json": "model.json", "pmml": "model.pmml"}


def run_main(ctx: PartyContext) -> PartyOutcome:
    """Play the main client: learn of which training the parts are, and see everybody end."""
    config, receiver = _main(ctx), _receiver(ctx)
    with ctx.channel.phase("shapes"):
        agree_on_model(ctx, None)
    with ctx.channel.phase("export"):
        for member in ctx.plan.data:
            if ctx.channel.recv_json(member.index, "done") is not True:
                raise RemoteProtocolError(f"{ctx.plan.names[member.index]}: expected the end of its part")
    return PartyOutcome({"model": config.model, "receiver": ctx.plan.names[receiver], "format": config.format})


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a data client.

    Raises
    ------
    DataError, SpecError
        The part of the model cannot be used; raised before any of it leaves.
    PolicyError
        It has columns that the party's policy does not allow.
    """
    config, receiver = _main(ctx), _receiver(ctx)
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading the model")
        kept = load_kept(ctx.root, config.model, ctx.plan.data.index(ctx.member), ctx.member)
        check_clients(ctx.plan, kept.training)
        exporter = exporter_of(kept.training, kept)
        _check_own(ctx, kept)
    with ctx.channel.phase("shapes"):
        agree_on_model(ctx, told_of(kept, None))
    with ctx.channel.phase("export"):
        ctx.begin("export", "opening the model")
        opened = _open(ctx, exporter, kept, receiver)
        if ctx.me == receiver:
            _write(ctx, _document(exporter, config, _parts(ctx, exporter.facts(kept)), opened))
        ctx.channel.send_json(ctx.plan.main.index, "done", True)
        ctx.channel.flush()
    return PartyOutcome({"model": config.model})


def _main(ctx: PartyContext) -> ExportMain:
    config = ctx.plan.main.config
    if not isinstance(config, ExportMain):
        raise LocalProtocolError("the plan is no plan of an export")
    return config


def _receiver(ctx: PartyContext) -> int:
    if ctx.plan.receiver is None:
        raise LocalProtocolError("the plan has no receiver of the model")
    return ctx.plan.receiver.index


def _check_own(ctx: PartyContext, kept: Kept) -> None:
    """See that my policy allows the columns of my part, and at the receiver that the file can be written."""
    if ctx.policy is not None:
        names = kept.columns.scaling.columns if kept.columns.named else None
        check_columns(ctx.policy, "the model", names, ctx.member.party.name)
    if ctx.me == _receiver(ctx):
        ctx.root.generated_dir(_folder(ctx), create=True)


def _open(ctx: PartyContext, exporter: Exporter, kept: Kept, receiver: int) -> list[Float]:
    """Open all of the model to the receiver; return it there, nothing elsewhere.

    Cost: 1 round, and 1 for each array: one for each owner of columns and the intercept, or two of trees; n - 1
    elements for each number.
    Leaks: model to the receiver.
    Ref: protocols, section 22.
    """
    session = Session(ctx.channel, computing(ctx))
    if ctx.me != receiver:
        ctx.channel.reveals.add(MODEL, (receiver,), ())
        ctx.channel.send_json(receiver, MODEL, exporter.facts(kept))
    rank = session.computing.index(receiver)
    fresh = blinded(session, exporter.shares(kept))
    opened = [session.reveal_to(rank, MODEL, share) for share in fresh]
    ctx.channel.flush()
    return [values for values in opened if values is not None]


def _parts(ctx: PartyContext, mine: Mapping[str, Any]) -> list[Part]:
    """Return what each data client told me of its columns, mine among them."""
    told = {m.index: mine if m.index == ctx.me else ctx.channel.recv_json(m.index, MODEL) for m in ctx.plan.data}
    for index, facts in told.items():
        if not isinstance(facts, dict):
            raise RemoteProtocolError(f"{ctx.plan.names[index]}: expected its columns of the model")
    return [Part(ctx.plan.members[index].party.name, facts) for index, facts in told.items()]


def _document(exporter: Exporter, config: ExportMain, parts: Sequence[Part], opened: Sequence[Float]) -> bytes:
    try:
        return exporter.document(config.model, parts, opened, config.format)
    except (KeyError, TypeError, ValueError, IndexError, DataError):
        raise RemoteProtocolError(
            "the parties' columns do not fit to the model; compare the versions of fedray on all nodes"
        ) from None


def _folder(ctx: PartyContext) -> str:
    own = ctx.member.config
    return (own.out_data_path if isinstance(own, ExportData) else None) or f"exports/{ctx.plan.task}"


def _write(ctx: PartyContext, document: bytes) -> None:
    path = ctx.root.generated_dir(_folder(ctx), create=True) / FILES[_main(ctx).format]
    try:
        replace_file(path, document)
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise DataError(f"out_data_path: the model cannot be written ({reason}); check space and permissions")
