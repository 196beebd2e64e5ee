"""Training of a network on shares: what the data clients do, and the order of steps of all roles.

::

    data clients    read, check and scale their tables; nothing has been said so far
    everybody       learns the shapes, works out the same design, and refuses one that does not fit
    owners          mask their features once
    dealer          streams correlations ahead of the steps
    data clients    train; at each test the predictions are opened to the label client
    label client    tells loss and metrics to the data clients and to main
    data clients    keep their summands of the weights
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fedray.data.load import Split, load_split
from fedray.data.model_files import save_model
from fedray.data.scaling import Standardizer
from fedray.errors import DataError, LocalProtocolError
from fedray.ml.design import FEATURE_LIMIT, FEATURE_SCALE, NetDesign
from fedray.ml.network import Network, Tested
from fedray.ml.schedule import LONGEST_SEGMENT, segments
from fedray.mpc import Session
from fedray.mpc.dealer import Supply
from fedray.parties.agreement import agree, hear_test
from fedray.parties.context import PartyContext, PartyOutcome
from fedray.ring import Ring, encode, series
from fedray.task.configs import NetFeature, NetLabel, NetMain
from fedray.task.record import TRAIN_PHASE, EventKind

__all__ = ["run_data"]

PROGRESS_EVERY_S = 0.5
HALF_A_ROW = 0.5


@dataclass(frozen=True, eq=False)
class Prepared:
    """A data client's input: encoded features, labels, and what made them."""

    inputs: dict[str, Ring]
    labels: npt.NDArray[np.float64] | None
    test_labels: npt.NDArray[np.float64] | None
    scaling: Standardizer
    shapes: dict[str, object]


def run_data(ctx: PartyContext) -> PartyOutcome:
    """Play a feature client or the label client.

    Raises
    ------
    DataError, SpecError, RangeGuardError
        The tables or the numbers of the task cannot be used; raised before any feature or share leaves.
    """
    with ctx.channel.phase("read"):
        ctx.begin("read", "reading and checking the tables")
        prepared = prepare(ctx)
    design = agree(ctx, prepared.shapes)
    computing = tuple(member.index for member in ctx.plan.data)
    with ctx.channel.phase("share"):
        ctx.begin("share", "masking the features")
        series.warm_up()
        session = Session(ctx.channel, computing)
        supply = Supply(ctx.channel, _dealer(ctx), session.rank, design.label, segments(design))
        network = Network(session, design, supply, prepared.inputs)
    last = _train(ctx, design, network, prepared)
    with ctx.channel.phase("save"):
        _save(ctx, design, network, prepared)
        ctx.channel.send_json(ctx.plan.main.index, "done", design.steps)
        ctx.channel.flush()
    return PartyOutcome(last)


def prepare(ctx: PartyContext) -> Prepared:
    """Read, check, scale and encode this data client's tables; local."""
    config = ctx.member.config
    if not isinstance(config, NetFeature | NetLabel):
        raise LocalProtocolError("the plan gives this party no configuration with data")
    outputs = _main_config(ctx).last_width if isinstance(config, NetLabel) else 0
    split = load_split(ctx.root.generated_dir(config.data_path, field="data_path"))
    labels, test_labels = _labels(split, outputs)
    names = split.columns[outputs:]
    train, test = split.train[:, outputs:], split.test[:, outputs:]
    scaling = Standardizer.fit(train, names, config.scale)
    for note in scaling.notes():
        ctx.tell(EventKind.NOTE, phase="read", text=note)
    inputs: dict[str, Ring] = {}
    if names:
        inputs["train"] = encode(scaling.apply(train, FEATURE_LIMIT), FEATURE_SCALE, "a training feature")
        inputs["test"] = encode(scaling.apply(test, FEATURE_LIMIT), FEATURE_SCALE, "a test feature")
    if labels is not None:
        inputs["label"] = labels.astype(np.uint64)
    shapes = {
        "n_train": len(train),
        "n_test": len(test),
        "features": len(names),
        "rows": split.fingerprint,
    }
    return Prepared(inputs, labels, test_labels, scaling, shapes)


def _labels(split: Split, outputs: int) -> tuple[npt.NDArray[np.float64] | None, npt.NDArray[np.float64] | None]:
    """Return training and test labels: the first columns of the label client's tables, 0 or 1, both present."""
    if not outputs:
        return None, None
    if len(split.columns) < outputs:
        raise DataError(
            f"the label client's tables have {len(split.columns)} columns; the network has {outputs} outputs"
        )
    parts = (("train.csv", split.train[:, :outputs]), ("test.csv", split.test[:, :outputs]))
    for file, labels in parts:
        for column, name in enumerate(split.columns[:outputs]):
            found = labels[:, column]
            if not np.isin(found, (0.0, 1.0)).all():
                row = int(np.flatnonzero(~np.isin(found, (0.0, 1.0)))[0]) + 1
                raise DataError(f"{file}: label column {name!r} must hold 0 and 1 only; row {row} holds something else")
            if found.min() == found.max():
                raise DataError(f"{file}: label column {name!r} has one value only; nothing can be learned or measured")
    return parts[0][1], parts[1][1]


def _main_config(ctx: PartyContext) -> NetMain:
    config = ctx.plan.main.config
    if not isinstance(config, NetMain):
        raise LocalProtocolError("the plan gives the main client no shared_nn_main configuration")
    return config


def _dealer(ctx: PartyContext) -> int:
    if ctx.plan.dealer is None:
        raise LocalProtocolError("the plan has no dealer")
    return ctx.plan.dealer.index


def _train(ctx: PartyContext, design: NetDesign, network: Network, prepared: Prepared) -> dict[str, object]:
    last: dict[str, object] = {}
    told = time.monotonic()
    ctx.begin(TRAIN_PHASE, "training")
    while network.done < design.steps:
        until = min((network.done // design.test_every + 1) * design.test_every, design.steps)
        with ctx.channel.phase(TRAIN_PHASE):
            while network.done < until:
                network.train(min(LONGEST_SEGMENT, until - network.done))
                if prepared.test_labels is not None and time.monotonic() - told >= PROGRESS_EVERY_S:
                    told = time.monotonic()
                    _tell_progress(ctx, design, network, last)
        with ctx.channel.phase("test"):
            last = _share_test(ctx, design, network, prepared, network.test())
        if prepared.test_labels is not None:
            _tell_progress(ctx, design, network, last)
    return last


def _tell_progress(ctx: PartyContext, design: NetDesign, network: Network, last: dict[str, object]) -> None:
    total = ctx.channel.cost.total()
    known = {"loss": last["loss"], "metrics": last["metrics"]} if last else {}
    ctx.tell(
        EventKind.PROGRESS,
        phase=TRAIN_PHASE,
        done=network.done,
        total=design.steps,
        n_batches=network.done,
        rounds=total.rounds,
        bytes=total.bytes,
        **known,
    )


def _share_test(
    ctx: PartyContext, design: NetDesign, network: Network, prepared: Prepared, tested: Tested
) -> dict[str, object]:
    """Measure at the label client and tell the numbers to the other data clients and to main."""
    channel = ctx.channel
    label = ctx.plan.data[design.label].index
    listeners = [m.index for m in ctx.plan.data if m.index != label] + [ctx.plan.main.index]
    if tested.predictions is None or prepared.test_labels is None:
        return hear_test(ctx, label)
    from fedray.ml import metrics  # scikit-learn costs 100 MiB, and only the label client measures

    config = ctx.member.config
    metric = config.metric if isinstance(config, NetLabel) else "auc"
    predictions = np.clip(tested.predictions, 0.0, 1.0)
    found: dict[str, object] = {
        "n_batches": network.done,
        "loss": metrics.loss(design.loss, prepared.test_labels, predictions),
        "metrics": metrics.evaluate(metric, prepared.test_labels, predictions),
    }
    _warn_of_range(ctx, tested)
    for tag in ("test_loss", "test_metrics"):
        channel.reveals.add(tag, tuple(listeners), ())
    for peer in listeners:
        channel.send_json(peer, "test", found)
    channel.flush()
    return found


def _warn_of_range(ctx: PartyContext, tested: Tested) -> None:
    for index, count in enumerate(tested.out_of_range):
        if count > HALF_A_ROW:
            text = f"layer {index + 1}: about {count:.0f} test rows lie where the sigmoid is not exact"
            ctx.tell(EventKind.NOTE, phase="test", text=text)


def _save(ctx: PartyContext, design: NetDesign, network: Network, prepared: Prepared) -> None:
    folder = ctx.root.state_dir(f"models/{ctx.plan.task}/{ctx.me}-{ctx.member.role.value}")
    manifest: dict[str, object] = {
        "kind": ctx.plan.kind.value,
        "task": ctx.plan.task,
        "plan": ctx.plan.digest,
        "widths": list(design.widths),
        "features": list(design.features),
        "steps": design.steps,
        "weight_scales": [scales.w for scales in design.scales],
        "bias_scale": design.scales[0].z,
        "scaling": prepared.scaling.as_dict(),
    }
    arrays: dict[str, Ring] = {f"first_{owner}": w for owner, w in network.first.weights.items()}
    arrays["first_bias"] = network.first.bias.value
    arrays |= {f"layer_{index}": layer.fine.value for index, layer in network.deep.layers.items()}
    save_model(folder, manifest, arrays)
