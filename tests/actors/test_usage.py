"""What a node says of itself, with and without GPUs; NVML is played by a module of the test."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest


class NVMLError(Exception):
    pass


def nvml(*, driver: bool = True, broken: int = -1) -> SimpleNamespace:
    """Return a module that knows two GPUs, one of which may say nothing of itself."""

    def init() -> None:
        if not driver:
            raise NVMLError

    def name(place: int) -> str | bytes:
        if place == broken:
            raise NVMLError
        return "GPU one" if place else b"GPU zero"

    return SimpleNamespace(
        NVMLError=NVMLError,
        nvmlInit=init,
        nvmlShutdown=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda place: place,
        nvmlDeviceGetName=name,
        nvmlDeviceGetMemoryInfo=lambda place: SimpleNamespace(total=2**30, used=2**20 * (place + 1)),
        nvmlDeviceGetUtilizationRates=lambda place: SimpleNamespace(gpu=40 + place),
    )


@pytest.mark.parametrize(
    ("module", "names"),
    [
        (nvml(), ["GPU zero", "GPU one"]),
        (nvml(broken=0), ["GPU one"]),
        (nvml(driver=False), []),
        (None, []),
    ],
)
def test_gpus(monkeypatch: pytest.MonkeyPatch, module: SimpleNamespace | None, names: list[str]) -> None:
    from actors.usage import node_usage

    monkeypatch.setitem(sys.modules, "pynvml", module)
    node = node_usage("10.0.0.1")
    assert [gpu.name for gpu in node.gpus] == names
    assert node.ip == "10.0.0.1"
    assert all(0 <= share <= 100 for share in node.cpus)
    for gpu in node.gpus:
        assert gpu.memory_total == 2**30
        assert gpu.percent * 2**20 == 39 * 2**20 + gpu.memory_used


def test_many_who_ask_at_once_get_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from actors import usage

    asked: list[int] = []

    def ask(_: object) -> usage.Usage:
        asked.append(1)
        return usage.Usage()

    monkeypatch.setattr(usage.Meter, "_ask", ask)
    meter = usage.Meter(list)
    assert meter.read() is meter.read()
    assert asked == [1]
    monkeypatch.setattr(usage, "FRESH_S", -1.0)
    meter.read()
    assert asked == [1, 1]
