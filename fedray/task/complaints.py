"""pydantic's findings in our words: which field, what was expected, what came, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from fedray.task.alignment_configs import ALIASES
from fedray.task.configs import CLIENT_TYPES
from fedray.task.fields import EXPECTED
from fedray.task.text import show
from fedray.task.transform_configs import STEPS

__all__ = ["closest", "each_complaint", "join_complaints", "name_complaints"]

_SHOWN = 5
_CONFIG = "client_config"
_STEPS = "steps"
_OBJECT = ("model_type", "model_attributes_type", "dict_type")
_LIST = ("tuple_type", "list_type")
_LENGTH = ("too_short", "too_long")
_TAG = ("union_tag_invalid", "union_tag_not_found")


def name_complaints(exc: ValidationError, known: Mapping[str, Collection[str]]) -> str:
    """Return one sentence for each of the first five findings.

    Parameters
    ----------
    exc
        What pydantic found in a task document.
    known
        The names of the fields of the document ("") and of a client ("clients").
    """
    return join_complaints(complaint for _, complaint in each_complaint(exc, known))


def each_complaint(
    exc: ValidationError, known: Mapping[str, Collection[str]]
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    """Yield where each finding is and a sentence for it; parameters as `name_complaints`."""
    for error in exc.errors(include_url=False):
        yield error["loc"], _complaint(error, known)


def join_complaints(complaints: Iterable[str]) -> str:
    """Return the first five complaints in one line, and how many more there are."""
    every = list(dict.fromkeys(complaints))
    more = len(every) - _SHOWN
    text = "; ".join(every[:_SHOWN])
    return f"{text}; and {more} more" if more > 0 else text


def closest(name: str, known: Collection[str]) -> str:
    """Return a hint at the known name that looks like ``name``, or the list of known names."""
    match = difflib.get_close_matches(name[:80], known, n=1)
    return f"did you mean {match[0]}?" if match else f"known are {', '.join(known)}"


def _complaint(error: ErrorDetails, known: Mapping[str, Collection[str]]) -> str:
    kind, got = error["type"], show(error["input"])
    loc, tag = _without_tag(error["loc"])
    if kind == "extra_forbidden":
        return _unknown_field(loc, tag, known)
    if kind == "missing":
        return f"{_path(loc)}: a required field is missing"
    if kind in _TAG and _STEPS in loc:
        return f"{_path(loc)}.step: expected one of {', '.join(STEPS)}, got {_step_of(error['input'])}"
    if kind in _TAG:
        return _unknown_type((*loc, "client_type"), error["input"])
    return f"{_path(loc)}: expected {_wanted(error)}, got {_count(error) or got}"


def _wanted(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == EXPECTED:
        return str(context["wanted"])
    if kind in _OBJECT:
        return "an object"
    if kind in _LIST:
        return "a list"
    if kind == "value_error":
        return str(context["error"])
    if kind == "too_short":
        return f"a list of at least {context['min_length']}"
    if kind == "too_long":
        return f"a list of at most {context['max_length']}"
    return "another value"


def _count(error: ErrorDetails) -> str:
    return f"{error['ctx']['actual_length']}" if error["type"] in _LENGTH else ""


def _unknown_field(loc: Sequence[int | str], tag: str, known: Mapping[str, Collection[str]]) -> str:
    name = str(loc[-1])
    if tag in STEPS:
        names: Collection[str] = STEPS[tag].model_fields
    elif tag:
        names = CLIENT_TYPES[ALIASES.get(tag, tag)].model.model_fields
    else:
        names = known["clients" if len(loc) > 1 else ""]
    return f"{_path(loc)}: unknown field, {closest(name, names)}"


def _step_of(given: object) -> str:
    return show(given.get("step")) if isinstance(given, dict) else show(given)


def _unknown_type(loc: Sequence[int | str], config: object) -> str:
    name = config.get("client_type") if isinstance(config, dict) else None
    if name is None:
        return f"{_path(loc)}: a required field is missing"
    known = (*CLIENT_TYPES, *ALIASES)
    hint = closest(name, known) if isinstance(name, str) else f"known are {', '.join(known)}"
    return f"{_path(loc)}: expected a known type of client, got {show(name)}; {hint}"


def _without_tag(loc: Sequence[int | str]) -> tuple[tuple[int | str, ...], str]:
    # pydantic puts the chosen client_type behind client_config, and the chosen step behind its place; the sender's
    # document has no such levels.
    if len(loc) > 6 and loc[4] == _STEPS and loc[6] in STEPS:
        return (*loc[:3], *loc[4:6], *loc[7:]), str(loc[6])
    if len(loc) > 3 and loc[2] == _CONFIG:
        return (*loc[:3], *loc[4:]), str(loc[3])
    return tuple(loc), ""


def _path(loc: Sequence[int | str]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_name(part)}" for part in loc)
    return text.removeprefix(".")


def _name(part: str) -> str:
    return part if part.isidentifier() and len(part) <= 80 else show(part)
