"""What can be said of a request or a job, and its number and text in either list of codes."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

__all__ = ["LATER", "SEED", "Code"]


class Code(Enum):
    """An outcome, whatever number a dialect gives it."""

    ACCEPTED = auto()
    STARTING = auto()
    RUNNING = auto()
    FINISHED = auto()
    STOPPED = auto()
    KEY_MISSING = auto()
    NOT_JSON = auto()
    BAD_VALUE = auto()
    REFUSED = auto()
    NO_SERVICE = auto()
    START_FAILED = auto()
    NO_MODEL = auto()
    NOT_FOUND = auto()
    NOT_RUNNING = auto()
    STOP_FAILED = auto()
    ALREADY_RUNNING = auto()
    BAD_CONFIGURATION = auto()
    OUT_OF_MEMORY = auto()
    JOB_FAILED = auto()
    SERVER_FAILED = auto()


_KEY, _VALUE = "api parameter key is not found", "api parameter value is invalid"
_START_FAILS: Final = "task service start fails"

SEED: Final[Mapping[Code, tuple[int, str]]] = MappingProxyType(
    {
        Code.ACCEPTED: (100200, "task service success"),
        Code.KEY_MISSING: (100101, _KEY),
        Code.NOT_JSON: (100101, _KEY),
        Code.BAD_VALUE: (100102, _VALUE),
        Code.REFUSED: (100199, "api parameter unkown exception"),
        Code.NO_SERVICE: (100201, "task service is not found"),
        Code.START_FAILED: (100202, _START_FAILS),
        Code.NO_MODEL: (100202, _START_FAILS),
        Code.NOT_FOUND: (100202, _START_FAILS),
        Code.SERVER_FAILED: (100299, "task service unkown exception"),
        Code.STOPPED: (100400, "k12nlp container success"),
        Code.NOT_RUNNING: (100401, "k12nlp container is not found"),
        Code.STOP_FAILED: (100403, "k12nlp container stop fail"),
        Code.ALREADY_RUNNING: (100404, "k12nlp container is already running"),
        Code.BAD_CONFIGURATION: (100405, "k12nlp container process start configure error"),
        Code.JOB_FAILED: (100499, "k12nlp continaer process unkown exception"),
        Code.OUT_OF_MEMORY: (100901, "common exception: out of memory"),
    }
)
"""The list of the seed document, its spelling included; jobs have the numbers of ``k12nlp``."""

LATER: Final[Mapping[Code, tuple[int, str, str]]] = MappingProxyType(
    {
        Code.ACCEPTED: (100000, "success", "成功"),
        Code.STARTING: (100001, "task is starting", "任务正在启动"),
        Code.RUNNING: (100002, "task is running", "任务正在运行"),
        Code.FINISHED: (100003, "task ended normally", "任务正常结束"),
        Code.STOPPED: (100004, "task was stopped", "任务已停止"),
        Code.KEY_MISSING: (100101, "parameter key is missing", "缺少参数"),
        Code.BAD_VALUE: (100102, "parameter value is invalid", "参数值无效"),
        Code.NOT_JSON: (100103, "request is not JSON", "请求不是JSON格式"),
        Code.REFUSED: (100199, "request is refused", "请求被拒绝"),
        Code.NO_SERVICE: (100201, "service is not found", "服务不存在"),
        Code.START_FAILED: (100202, "task start fails", "任务启动失败"),
        Code.ALREADY_RUNNING: (100204, "task is already running", "任务已在运行"),
        Code.NOT_RUNNING: (100205, "task is not running", "任务未运行"),
        Code.NOT_FOUND: (100205, "task is not running", "任务未运行"),
        Code.NO_MODEL: (100208, "model is not found", "模型不存在"),
        Code.STOP_FAILED: (100299, "task stop fails", "任务停止失败"),
        Code.SERVER_FAILED: (100299, "server failed", "服务异常"),
        Code.OUT_OF_MEMORY: (100901, "out of memory", "内存不足"),
        Code.BAD_CONFIGURATION: (100903, "configuration is wrong", "配置错误"),
        Code.JOB_FAILED: (100999, "task failed", "任务异常"),
    }
)
"""The unified list of 2020, in English and Chinese."""
