"""What is said of a request that fails: a sentence, and at its end a JSON object with a code that is a text."""

from __future__ import annotations

from enum import StrEnum

from fedray.errors import FedrayError, NotFound, SpecError, StateError
from serve_api.paddledtx.go_json import go_text

__all__ = ["Code", "Fault", "fault_of"]


class Code(StrEnum):
    """The codes that this server says."""

    SUCCESS = "0"
    INTERNAL = "10001"
    PARAMETER = "10002"
    NOT_FOUND = "10004"
    NOT_ALLOWED = "10006"
    EXISTS = "10007"
    SIGNATURE = "10008"
    EXPIRED = "10010"
    UPDATED = "10013"
    NO_EXECUTOR = "PX0002"


class Fault(Exception):
    """A request fails.

    Parameters
    ----------
    code
        Why.
    message
        A sentence; braces in it are written as parentheses, since clients read from the first to the first.
    prefix
        What goes before the object in gRPC's text.
    """

    def __init__(self, code: Code, message: str, prefix: str = "") -> None:
        message = message.replace("{", "(").replace("}", ")")
        super().__init__(code, message, prefix)
        self.code, self.message, self.prefix = code, message, prefix

    def after(self, prefix: str) -> Fault:
        """Return the same fault with a prefix, unless it has one."""
        return self if self.prefix else Fault(self.code, self.message, prefix)

    def text(self) -> str:
        """Return the text of the gRPC error."""
        told = go_text({"code": self.code.value, "message": self.message})
        return f"{self.prefix}: {told}" if self.prefix else told


def fault_of(error: FedrayError) -> Fault:
    """Return an error of the service in this API's codes."""
    if isinstance(error, NotFound):
        return Fault(Code.NOT_FOUND, error.message)
    if isinstance(error, StateError):
        return Fault(Code.UPDATED, str(error))
    return Fault(Code.PARAMETER if isinstance(error, SpecError) else Code.INTERNAL, str(error))
