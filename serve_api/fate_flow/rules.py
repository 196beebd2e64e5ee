"""Which parameters of a module do something here, which are harmless, and that all others keep FATE's defaults."""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fedray.task.text import show
from serve_api.fate_flow.faults import REFUSED, FateError
from serve_api.fate_flow.job import Component, PartyId
from serve_api.fate_flow.parameters import changed, module_of

__all__ = ["Rules", "number_of", "seed_of", "wrong"]


@dataclass(frozen=True)
class Rules:
    """How parameters that are not FATE's defaults are taken. A name stands for all below it.

    Attributes
    ----------
    used
        They do what they say.
    warned
        Name -> why it does nothing here.
    moot
        They say nothing, as long as the parameters that would give them a meaning have their defaults.
    own
        Those of `used` that may differ from party to party.
    """

    used: Sequence[str] = ()
    warned: Mapping[str, str] = field(default_factory=dict)
    moot: Sequence[str] = ()
    own: Sequence[str] = ()

    def check(self, component: Component, values: Mapping[PartyId, Mapping[str, Any]]) -> list[str]:
        """Return warnings for the job's log.

        Raises
        ------
        FateError
            A parameter cannot be honoured, or differs between parties that must agree.
        """
        defaults = module_of(component.name, component.module).defaults
        warnings: dict[str, None] = {}
        for party in values:
            for name, value in changed(values[party], defaults):
                if _among(name, (*self.used, *self.own, *self.moot)):
                    continue
                reason = next((why for known, why in self.warned.items() if _among(name, (known,))), None)
                if reason is None:
                    raise wrong(component, name, f"{show(value)} is not supported here")
                warnings[f"{name}: {reason}"] = None
        self._agree(component, values)
        return list(warnings)

    def _agree(self, component: Component, values: Mapping[PartyId, Mapping[str, Any]]) -> None:
        for name in self.used:
            told = list(_told(name, values))
            if any(value != told[0] for value in told[1:]):
                raise wrong(component, name, "expected the same value at all parties")


def number_of(component: Component, values: Mapping[str, Any], name: str) -> float:
    """Return a parameter, named with dots between levels, as a number; raises ``FateError`` if it is none."""
    found: Any = values
    for part in name.split("."):
        found = found[part]
    if isinstance(found, bool) or not isinstance(found, int | float) or not math.isfinite(found):
        raise wrong(component, name, f"expected a number, got {show(found)}")
    return float(found)


def seed_of(value: object) -> int:
    """Return a seed that a parameter gives, or one that is drawn."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else secrets.randbelow(2**31)


def wrong(component: Component, name: str, what: str) -> FateError:
    """Return the error of a parameter."""
    return FateError(REFUSED, f"component {component.name}, module {component.module}: parameter {name}: {what}")


def _among(name: str, known: Sequence[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in known)


def _told(name: str, values: Mapping[PartyId, Mapping[str, Any]]) -> Iterator[object]:
    """Yield the values of a parameter at the parties that compute with it; an arbiter has nothing to say."""
    for party, told in values.items():
        found: Any = told
        for part in name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if party.role != "arbiter":
            yield found
