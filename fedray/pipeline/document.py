"""A pipeline document becomes a checked ``PipelineSpec``, or one ``SpecError`` that says what to change.

Everything that can be known before a task runs is checked here: each step as the task that it becomes, with the names
that its first try will have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from fedray.errors import SpecError
from fedray.pipeline.bodies import Reference, bodies, references, task_name
from fedray.task.alignment_configs import ALIASES
from fedray.task.complaints import name_complaints
from fedray.task.configs import CLIENT_TYPES
from fedray.task.fields import EXPECTED
from fedray.task.spec import Role
from fedray.task.text import check_json, show

__all__ = ["MAX_STEPS", "PipelineSpec", "StepSpec", "parse", "spec_of", "task_name", "text_of"]

MAX_STEPS: Final = 200
"""Steps of a pipeline, at the most."""

MAX_NAME: Final = 72
"""Characters of its name: with a step's and a counter that makes the name of a task."""

MAX_NAME_BYTES: Final = 190
"""Bytes of its name in UTF-8: the name of a task is that of folders, which have 255 at the most."""

_STEP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")


@dataclass(frozen=True)
class StepSpec:
    """One step.

    Attributes
    ----------
    name
        1 to 48 of ``A-Z a-z 0-9 _ -``.
    task
        A createTask body without ``task_name``, as it was written: with references to outputs of other steps.
    after
        Steps that finish before it, beside those that it refers to.
    """

    name: str
    task: Mapping[str, Any]
    after: tuple[str, ...] = ()

    @cached_property
    def kind(self) -> str:
        """The kind of its task."""
        clients = self.task["clients"]
        word = next(client["client_config"]["client_type"] for client in clients if client["role"] == Role.MAIN_CLIENT)
        (kind,) = CLIENT_TYPES[ALIASES.get(word, word)].kinds
        return kind.value

    @cached_property
    def references(self) -> tuple[Reference, ...]:
        """The outputs of other steps that it takes."""
        return tuple(references(self.task))

    @cached_property
    def needs(self) -> frozenset[str]:
        """The steps that finish before it."""
        return frozenset(self.after) | {reference.step for reference in self.references}


@dataclass(frozen=True)
class PipelineSpec:
    """A pipeline as it was asked for.

    Attributes
    ----------
    name
        1 to 72 characters of those that a task's name may have.
    steps
        In the order of the document.
    """

    name: str
    steps: tuple[StepSpec, ...]

    @cached_property
    def order(self) -> tuple[StepSpec, ...]:
        """The steps, each behind those that it needs."""
        return tuple(_ordered(self.steps))


def parse(document: object) -> PipelineSpec:
    """Return the pipeline that a document describes.

    Parameters
    ----------
    document
        JSON values: ``name``, and ``steps`` of ``name``, ``task`` and perhaps ``after``.

    Raises
    ------
    SpecError
        Names the step and the field, what was expected and what came.
    """
    check_json(document)
    if not isinstance(document, dict):
        raise SpecError(f"the body: expected an object with name and steps, got {show(document)}")
    try:
        given = _PipelineIn.model_validate(document)
    except ValidationError as exc:
        known = {"": _PipelineIn.model_fields, "clients": _StepIn.model_fields}
        raise SpecError(name_complaints(exc, known)) from None
    spec = PipelineSpec(given.name, tuple(StepSpec(step.name, step.task, step.after) for step in given.steps))
    _check_edges(spec.steps)
    bodies(spec.name, spec.steps, spec.order, {})
    return spec


def text_of(spec: PipelineSpec) -> str:
    """Return a pipeline as the store keeps it."""
    steps = [{"name": step.name, "task": step.task, "after": step.after} for step in spec.steps]
    return json.dumps({"name": spec.name, "steps": steps}, allow_nan=False)


@lru_cache(maxsize=64)
def spec_of(text: str) -> PipelineSpec:
    """Return the pipeline that `text_of` wrote, without another check."""
    known = json.loads(text)
    steps = (StepSpec(step["name"], step["task"], tuple(step["after"])) for step in known["steps"])
    return PipelineSpec(known["name"], tuple(steps))


def _named(wanted: str, fits: re.Pattern[str]) -> BeforeValidator:
    def check(value: object) -> object:
        text = value if isinstance(value, str) and value.isprintable() else ""
        if fits.fullmatch(text) and len(text.encode()) <= MAX_NAME_BYTES:
            return text
        raise PydanticCustomError(EXPECTED, "{wanted}", {"wanted": wanted})

    return BeforeValidator(check)


_PIPELINE_NAME: Final = _named(
    f"a name of 1 to {MAX_NAME} printable characters ({MAX_NAME_BYTES} bytes) without / and \\, that begins and ends "
    "with no blank or dot",
    re.compile(rf"(?![\s.])[^/\\]{{1,{MAX_NAME}}}(?<![\s.])"),
)
_STEP_NAME: Final = _named("a name of 1 to 48 of A-Z, a-z, 0-9, _ and -, that begins with a letter or digit", _STEP)


class _StepIn(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, _STEP_NAME]
    task: dict[str, Any]
    after: Annotated[tuple[Annotated[str, _STEP_NAME], ...], Field(max_length=MAX_STEPS)] = ()


class _PipelineIn(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, _PIPELINE_NAME]
    steps: Annotated[tuple[_StepIn, ...], Field(min_length=1, max_length=MAX_STEPS)]


def _check_edges(steps: Sequence[StepSpec]) -> None:
    """See that every step has a name of its own, and that whatever it names is there."""
    names = [step.name for step in steps]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise SpecError(f"steps[{place}].name: expected a name of its own, got {show(name)} once more")
    for place, step in enumerate(steps):
        for field, name in _edges(place, step):
            if name not in names:
                raise SpecError(f"steps[{place}].{field}: expected one of {', '.join(names)}, got {show(name)}")
            if name == step.name:
                raise SpecError(f"steps[{place}].{field}: expected another step, got this one")


def _edges(place: int, step: StepSpec) -> list[tuple[str, str]]:
    """Return the fields of a step that name another, and what they name."""
    try:
        taken = [(f"{one.field}.from", one.step) for one in step.references]
    except SpecError as error:
        raise SpecError(f"steps[{place}].{error.message}") from None
    return [*((f"after[{k}]", name) for k, name in enumerate(step.after)), *taken]


def _ordered(steps: Sequence[StepSpec]) -> Iterator[StepSpec]:
    """Yield the steps, each behind those that it needs; among those that may come next in the document's order."""
    left = list(steps)
    done: set[str] = set()
    while left:
        ready = [step for step in left if step.needs <= done]
        if not ready:
            raise SpecError(f"steps: expected no loop, got {_loop(left)}")
        yield from ready
        done |= {step.name for step in ready}
        left = [step for step in left if step.name not in done]


def _loop(left: Sequence[StepSpec]) -> str:
    """Return one loop among steps that wait for each other: ``a -> b -> a``."""
    known = {step.name: step for step in left}
    path = [left[0].name]
    while True:
        following = min(known[path[-1]].needs & set(known))
        if following in path:
            loop = [*path[path.index(following) :], following]
            return " -> ".join(reversed(loop))
        path.append(following)
