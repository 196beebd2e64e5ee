"""The task that a step becomes: its createTask body with the names of what earlier steps made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from fedray.errors import SpecError
from fedray.pipeline.outputs import OUTPUTS, TAKERS, Thing, Where, folder_at, writes_folder
from fedray.task.spec import Role, TaskSpec
from fedray.task.spec import parse as parse_task
from fedray.task.text import show

__all__ = ["Body", "Reference", "bodies", "references", "task_name", "within"]

FOLDER: Final = "pipelines"
"""Folder below a party's generated data for data sets of steps that name none."""

_KEYS: Final = ("from", "output")
_FOLDERS: Final = (Thing.DATA, Thing.PREDICTIONS)

Path = tuple[str | int, ...]


class _Step(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def task(self) -> Mapping[str, Any]: ...

    @property
    def references(self) -> Sequence[Reference]: ...


@dataclass(frozen=True)
class Reference:
    """An output of a step, in the place of its name.

    Attributes
    ----------
    path
        Where it stands in the step's task.
    step, output
        What it refers to.
    """

    path: Path
    step: str
    output: str

    @property
    def field(self) -> str:
        """Where it stands, in words: ``task.clients[1].client_config.data_path``."""
        return "task" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.path)


@dataclass(frozen=True)
class Body:
    """A step's task: as a createTask body, and as what it says."""

    document: dict[str, Any]
    spec: TaskSpec


def task_name(pipeline: str, step: str, attempt: int = 1) -> str:
    """Return the name of a step's task: ``PIPELINE.STEP``, and ``PIPELINE.STEP~2`` when it is made anew."""
    return f"{pipeline}.{step}" + (f"~{attempt}" if attempt > 1 else "")


def references(value: object, path: Path = ()) -> Iterator[Reference]:
    """Yield the references in a step's task; raises ``SpecError`` for half a one."""
    if isinstance(value, dict) and not {*_KEYS}.isdisjoint(value):
        found = Reference(path, *(value.get(key) for key in _KEYS))  # type: ignore[arg-type]  # checked below
        if set(value) != {*_KEYS} or not isinstance(found.step, str) or not isinstance(found.output, str):
            raise SpecError(f"{found.field}: expected an output of a step, an object with two texts, from and output")
        yield found
    elif isinstance(value, dict | list | tuple):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from references(item, (*path, key))


def within(place: int, error: SpecError) -> SpecError:
    """Return the error of a step's task, its fields named as those of the pipeline's document."""
    where = f"steps[{place}].task."
    others = re.sub(r"; (?=clients\b|task_name\b|[^;:\s]+: unknown field)", f"; {where}", error.message)
    return SpecError(f"{where}{others}")


def bodies(
    pipeline: str, steps: Sequence[_Step], order: Sequence[_Step], attempts: Mapping[str, int]
) -> dict[str, Body]:
    """Return the tasks of all steps.

    Parameters
    ----------
    pipeline
        Its name.
    steps, order
        The steps as in the document, and each behind those that it needs.
    attempts
        How often a step's task was made; 1 for those left out.

    Raises
    ------
    SpecError
        A task is wrong, or takes what a step does not make; names the step and the field.
    """
    places = {step.name: place for place, step in enumerate(steps)}
    made: dict[str, Body] = {}
    for step in order:
        name = task_name(pipeline, step.name, attempts.get(step.name, 1))
        try:
            made[step.name] = _body(step, name, made)
        except SpecError as error:
            raise within(places[step.name], error) from None
    return made


def _body(step: _Step, name: str, made: Mapping[str, Body]) -> Body:
    if "task_name" in step.task:
        raise SpecError("task_name: expected none, since the pipeline names the tasks of its steps")
    document = {"task_name": name, **json.loads(json.dumps(dict(step.task)))}
    for reference in step.references:
        _put(document, reference.path, _name(document, reference, made[reference.step].spec))
    _fill_folders(document, name)
    return Body(document, parse_task(document))


def _name(document: Mapping[str, Any], reference: Reference, made: TaskSpec) -> str:
    """Return what stands for a reference: the name of a task, or a folder."""
    field = reference.field.removeprefix("task.")
    outputs = OUTPUTS[made.kind]
    if reference.output not in outputs:
        known = f"outputs are {', '.join(outputs)}" if outputs else "outputs no step can take"
        raise SpecError(
            f"{field}.output: step {reference.step} is of kind {made.kind}, whose {known}; got {show(reference.output)}"
        )
    taken = TAKERS.get(next((part for part in reversed(reference.path) if isinstance(part, str)), ""))
    if taken is None or reference.path[:1] != ("clients",) or reference.path[2:3] != ("client_config",):
        raise SpecError(f"{field}: no output of a step can stand here; these fields take one: {', '.join(TAKERS)}")
    given = outputs[reference.output]
    if taken not in given:
        raise SpecError(
            f"{field}: expected {_article(taken)}, got {reference.output} of step {reference.step}, which is of kind "
            f"{made.kind}"
        )
    if taken not in _FOLDERS:
        return made.task_name
    where = _where(document, reference.path)
    try:
        return "unknown" if where is None else folder_at(made, taken, where)
    except SpecError as error:
        raise SpecError(f"{field}: {error.message}") from None


def _where(document: Mapping[str, Any], path: Path) -> Where | None:
    """Return the client in which a reference stands; None where it has no address, of which its own error tells."""
    client = document[path[0]][path[1]]  # type: ignore[index]  # the path leads through them
    addr, port, role = (client.get(name) for name in ("addr", "http_port", "role"))
    if not isinstance(addr, str) or type(port) is not int:
        return None
    return addr, port, Role(role) if role in tuple(Role) else None


def _fill_folders(document: Mapping[str, Any], name: str) -> None:
    """Name a folder for each data set that is written and has none: its own for every try of every client."""
    clients = document.get("clients")
    for index, client in enumerate(clients if isinstance(clients, list | tuple) else ()):
        config = client.get("client_config") if isinstance(client, dict) else None
        if not isinstance(config, dict) or not writes_folder(config.get("client_type")) or "out_data_path" in config:
            continue
        if config.get("data_path", config.get("raw_data_path")) is not None:
            config["out_data_path"] = f"{FOLDER}/{name}/{index}"


def _put(document: Any, path: Path, value: str) -> None:
    for part in path[:-1]:
        document = document[part]
    document[path[-1]] = value


def _article(thing: Thing) -> str:
    return thing if thing in (Thing.STATISTICS, Thing.PREDICTIONS) else f"a {thing}"
