"""``policy.toml`` in a party's data root: what the party allows, read on its own node by its own process.

::

    kinds = ["alignment", "linear", "predict"]     # left out: every kind of task
    roles = ["feature_client"]                     # left out: every role
    counterparties = ["bank", "lab_*"]             # left out: everybody
    min_intersection = 1000
    min_test_rows = 200
    max_predictions_a_day = 50000                  # left out: no limit
    parity = false
    export = false
    approvals = "manual"                           # or auto
    approval_hours = 48

    [columns]
    allow = ["age", "income_*"]                    # left out: every column
    deny = ["*_id"]
"""

from __future__ import annotations

import hashlib
import re
import stat
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fedray.errors import PolicyError
from fedray.task.complaints import each_complaint, join_complaints
from fedray.task.config_bases import Kind, Role
from fedray.task.fields import choice, flag, number, pattern, whole

__all__ = ["FILE", "Policy", "matches", "read_file", "read_policy"]

FILE = "policy.toml"
MAX_BYTES = 1 << 20
MOST = 10_000
"""Entries of a list."""

Patterns = Annotated[tuple[Annotated[str, pattern()], ...], Field(max_length=MOST)]


@dataclass(frozen=True)
class Policy:
    """What a party allows; None allows all of it.

    Attributes
    ----------
    kinds, roles
        Of tasks, and of the party in them.
    counterparties
        Names of the other parties of a task, ``*`` for any text.
    allow, deny
        Names of columns that tasks may use, and of those that none may, ``*`` for any text.
    min_intersection
        The least ``min_intersection`` of an alignment.
    min_test_rows
        The least number of rows that a training is tested on, if it is.
    max_predictions_a_day
        Rows that may be predicted in a day (UTC).
    parity
        Whether a training may run in parity mode, or with public masks.
    export
        Whether a model with a part of this party may be opened to a receiver.
    manual
        Whether the data owner says yes to each task.
    approval_hours
        How long a task waits for that.
    digest
        SHA-256 of the file, hexadecimal: it tells in reports whether two tasks ran under the same policy.
    """

    kinds: tuple[Kind, ...] | None
    roles: tuple[Role, ...] | None
    counterparties: tuple[str, ...] | None
    allow: tuple[str, ...] | None
    deny: tuple[str, ...]
    min_intersection: int
    min_test_rows: int
    max_predictions_a_day: int | None
    parity: bool
    export: bool
    manual: bool
    approval_hours: float
    digest: str

    def as_dict(self) -> dict[str, object]:
        """Return the rules in the words of the file, with the file's digest."""
        rules = {name: getattr(self, name) for name in _Document.model_fields if name not in ("columns", "approvals")}
        approvals = "manual" if self.manual else "auto"
        columns = {"columns.allow": self.allow, "columns.deny": self.deny}
        return {**rules, "approvals": approvals, **columns, "sha256": self.digest}


class _Columns(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    allow: Patterns | None = None
    deny: Patterns = ()


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    kinds: Annotated[tuple[Annotated[Kind, choice(*Kind)], ...], Field(max_length=MOST)] | None = None
    roles: Annotated[tuple[Annotated[Role, choice(*Role)], ...], Field(max_length=MOST)] | None = None
    counterparties: Patterns | None = None
    min_intersection: Annotated[int, whole(1, 10**9)] = 1
    min_test_rows: Annotated[int, whole(1, 10**9)] = 1
    max_predictions_a_day: Annotated[int, whole(0, 10**12)] | None = None
    parity: Annotated[bool, flag()] = True
    export: Annotated[bool, flag()] = False
    approvals: Annotated[Literal["auto", "manual"], choice("auto", "manual")] = "auto"
    approval_hours: Annotated[float, number(0, 24 * 365)] = 72.0
    columns: _Columns = _Columns()


def read_policy(root: Path) -> Policy | None:
    """Return the policy in a party's data root; None where there is none.

    Raises
    ------
    PolicyError
        A file is there and cannot be used, so that nothing is allowed; what is wrong with it is for its owner's eyes.
    """
    try:
        return read_file(root / FILE)
    except FileNotFoundError:
        return None
    except PolicyError:
        raise PolicyError(
            f"the party's {FILE} cannot be used, so that it takes part in nothing; its data owner finds out why with "
            "'fedray policy check'"
        ) from None


def read_file(path: Path) -> Policy:
    """Return the policy that a file holds.

    Raises
    ------
    FileNotFoundError
        Nothing is there.
    PolicyError
        It cannot be read, is no TOML, or a field is wrong: which line and field, what was expected, what came.
    """
    text = _text(path)
    try:
        document = _Document.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path.name}: expected TOML ({error})") from None
    except ValidationError as error:
        known = {"": _Document.model_fields, "clients": _Columns.model_fields}
        found = join_complaints(f"{_line(text, where)}{what}" for where, what in each_complaint(error, known))
        raise PolicyError(f"{path.name}: {found}") from None
    fields = {name: getattr(document, name) for name in _Document.model_fields if name not in ("columns", "approvals")}
    return Policy(
        **fields,
        allow=document.columns.allow,
        deny=document.columns.deny,
        manual=document.approvals == "manual",
        digest=hashlib.sha256(text.encode()).hexdigest(),
    )


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Return whether a name is one of some patterns', in which ``*`` stands for any text, also none."""
    return any(re.fullmatch(".*".join(map(re.escape, one.split("*"))), name, re.DOTALL) for one in patterns)


def _text(path: Path) -> str:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAX_BYTES:
            raise PolicyError(f"{path.name}: expected an ordinary file of at most {MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if path.is_symlink():
            raise PolicyError(f"{path.name}: a link to nothing") from None
        raise FileNotFoundError from None
    except OSError as error:
        raise PolicyError(f"{path.name}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise PolicyError(f"{path.name}: expected UTF-8 text") from None


def _line(text: str, where: tuple[int | str, ...]) -> str:
    """Return ``line 3: `` for the field that is wrong, "" where it is written in another way than ``name = ...``."""
    names = [str(part) for part in where if isinstance(part, str)]
    for name in reversed(names):
        found = re.search(rf"^[ \t]*(?:\w+\.)?[\"']?{re.escape(name)}[\"']?[ \t]*=", text, re.MULTILINE)
        if found is not None:
            line = text.count("\n", 0, found.start()) + 1
            return f"line {line}: "
    return ""
