"""What the number with which `fedray` ends means; scripts may rely on it.

A number keeps its meaning for ever; one that is no longer used stays in the table.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CliError", "ExitCode", "exit_codes_help"]


class ExitCode(IntEnum):
    """The numbers with which the command ends."""

    OK = 0, "done"
    TASK_FAILED = 1, "the task that was watched failed"
    USAGE = 2, "the command line or the task file is wrong"
    REFUSED = 3, "the server refused the request"
    UNREACHABLE = 4, "no fedray server answers at the URL"
    TASK_CANCELLED = 5, "the task that was watched was cancelled"
    AUDIT_BROKEN = 6, "the audit log was changed"
    UNFIT = 7, "the cluster is not fit for tasks"
    INTERRUPTED = 130, "interrupted from the keyboard; a task that was watched goes on"

    meaning: str

    def __new__(cls, number: int, meaning: str) -> ExitCode:
        """Make a number that carries its meaning."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code


class CliError(Exception):
    """The command cannot go on; carries the exit code."""

    def __init__(self, message: str, code: ExitCode = ExitCode.REFUSED) -> None:
        super().__init__(message, code)
        self.message = message
        self.code = code


def exit_codes_help() -> str:
    """Return the table of exit codes, one a line."""
    return "\n".join(f"{code.value:>3}  {code.meaning}" for code in ExitCode)
