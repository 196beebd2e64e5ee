"""HeteroNN: dense layers, written as keras writes them, as one network of sigmoid layers on shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fedray.task.text import show
from serve_api.fate_flow.compiled import CompiledComponent
from serve_api.fate_flow.modules.training import COMMON_MOOT, COMMON_WARNED, Model, steps_between_tests
from serve_api.fate_flow.rules import Rules, number_of, wrong
from serve_api.fate_flow.work import Work

__all__ = ["network"]

_RULES: Final = Rules(
    used=(
        "interactive_layer_define",
        "batch_size",
        "epochs",
        "optimizer",
        "loss",
        "validation_freqs",
        "predict_param",
    ),
    own=("bottom_nn_define", "top_nn_define"),
    warned={
        **COMMON_WARNED,
        "early_stop": "all epochs are made",
        "tol": "all epochs are made",
        "selector_param": "all rows of a batch count",
        "interactive_layer_lr": "all layers have the learning rate of optimizer",
    },
    moot=COMMON_MOOT,
)
_RATE: Final = 0.1
_MOST_ROWS: Final = 100_000
_LOSSES: Final = {"binary_crossentropy": "bce", "mean_squared_error": "mse", None: "bce"}


def network(work: Work) -> CompiledComponent:
    """Compile a HeteroNN: a training, and the predictions of its rows; or predictions with a fitted one."""
    values = work.parameters(_RULES)
    if values["task_type"] != "classification":
        raise wrong(work.component, "task_type", "expected classification")
    threshold = number_of(work.component, values, "predict_param.threshold")
    model = Model(work, "network", "classification", threshold)
    predicted = model.predicted()
    if predicted is not None:
        return predicted
    rows, validation = model.rows()
    widths = _widths(work, values)
    loss = values["loss"]
    if loss not in _LOSSES:
        raise wrong(work.component, "loss", f"expected binary_crossentropy or mean_squared_error, got {show(loss)}")
    epochs, wanted = values["epochs"], values["batch_size"]
    for name, value in (("epochs", epochs), ("batch_size", wanted)):
        if not isinstance(value, int) or isinstance(value, bool) or (value < 1 and (name, value) != ("batch_size", -1)):
            raise wrong(work.component, name, f"expected a number from 1, got {show(value)}")
    batch = min(rows.most if wanted == -1 else wanted, max(rows.most, 1), _MOST_ROWS)
    batches = -(-max(rows.most, 1) // batch)
    main = {
        "in_dim": widths[0],
        "layers": list(widths[1:]),
        "learning_rate": _rate(work, values["optimizer"]),
        "batch_size": batch,
        "max_iter": epochs * batches,
        "test_per_batches": steps_between_tests(work, values, epochs) * batches,
    }
    clients = [work.main("shared_nn", **main), work.dealer()]
    for part in rows.parts:
        more: dict[str, Any] = {"loss": _LOSSES[loss]} if part.party.role == "guest" else {}
        clients.append(work.data_client(part.party, "shared_nn", data_path=part.path, **more))
    return model.trained((rows, validation), clients, values, batches, widths=list(widths))


def _widths(work: Work, values: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the widths of the layers: the interactive layer, which all columns go into, then those of the top."""
    interactive = list(_units(work, "interactive_layer_define", values["interactive_layer_define"]))
    top = list(_units(work, "top_nn_define", values["top_nn_define"]))
    if not top or top[-1] != 1:
        raise wrong(work.component, "top_nn_define", "expected dense layers, the last of 1 unit")
    work.warn(
        "bottom_nn_define: bottom models and interactive layer are one dense layer, into which all columns of all "
        "parties go; layers have sigmoids whatever activation is named, and are trained by plain gradient descent "
        "with the learning rate of optimizer"
    )
    return (*interactive, *top)


def _units(work: Work, field: str, value: object) -> Iterator[int]:
    """Yield the units of the dense layers that keras's JSON describes."""
    if value is None:
        return
    config = value.get("config") if isinstance(value, dict) else None
    layers = config.get("layers") if isinstance(config, dict) else config
    if not isinstance(layers, list):
        raise wrong(work.component, field, "expected a Sequential model as keras writes it, with layers")
    for layer in layers:
        kind = layer.get("class_name") if isinstance(layer, dict) else None
        if kind == "InputLayer":
            continue
        told = layer.get("config") if kind == "Dense" else None
        units = told.get("units") if isinstance(told, dict) else None
        if not isinstance(units, int) or isinstance(units, bool) or not 1 <= units <= 4096:
            raise wrong(work.component, field, f"expected Dense layers with 1 to 4096 units, got {show(kind)}")
        yield units


def _rate(work: Work, optimizer: object) -> float:
    """Return the learning rate that an optimizer says."""
    told = optimizer if isinstance(optimizer, dict) else {}
    rate = told.get("learning_rate", told.get("lr", _RATE))
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= 100:
        raise wrong(work.component, "optimizer", f"expected a learning_rate above 0, at most 100, got {show(rate)}")
    return float(rate)
