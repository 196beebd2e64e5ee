"""The documentation is complete: routes, fields, commands, options, exit codes, errors, reveals; no dead links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from fedray import errors
from fedray.errors import FedrayError
from fedray.task.config_bases import Kind
from fedray.task.configs import CLIENT_TYPES
from fedray.task.record import EventKind, Status
from fedray.task.reveals import reveals_of
from fedray.task.transform_configs import STEPS
from serve_api.app import build_app
from serve_api.cli.exit_codes import ExitCode
from serve_api.cli.main import build_cli
from tests.docs.blocks import ROOT

DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def routes() -> list[tuple[str, str]]:
    def no_service() -> Any:
        raise LookupError

    paths = build_app(no_service, version="1", paddledtx_desk=object()).openapi()["paths"]  # type: ignore[arg-type]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


@pytest.mark.parametrize(("method", "path"), routes())
def test_every_route_is_documented(method: str, path: str) -> None:
    assert f"`{method} {path}`" in read("docs/api.md")


def part_about(client_type: str) -> str:
    """Return the part of the page that begins with this type of client, up to the next type or heading."""
    parts = re.split(r"^(?=`\w+`.*, an? `|#)", read("docs/api.md"), flags=re.MULTILINE)
    return next(part for part in parts if part.startswith(f"`{client_type}`"))


@pytest.mark.parametrize("client_type", CLIENT_TYPES)
def test_every_field_of_a_task_is_documented_with_its_default(client_type: str) -> None:
    part = part_about(client_type)
    for name, field in CLIENT_TYPES[client_type].model.model_fields.items():
        if name in {"client_type", "computation_port"}:
            assert f"`{name}`" in read("docs/api.md")
            continue
        assert f"`{name}`" in part
        if isinstance(field.default, int | float) and not isinstance(field.default, bool) and name != "out_dim":
            assert f"| `{name}` | {field.default} |" in part


@pytest.mark.parametrize("step", STEPS)
def test_every_field_of_a_step_is_documented(step: str) -> None:
    table = read("docs/api.md").split("A step is an object with `step` and")[1].split("The report's `result`")[0]
    part = re.split(r"^\| (?=`)", table, flags=re.MULTILINE)[1:]
    mine = next(lines for lines in part if lines.startswith(f"`{step}`"))
    for name in STEPS[step].model_fields:
        assert name == "step" or f"`{name}`" in mine, name


@pytest.mark.parametrize("word", [*CLIENT_TYPES, *Status, *EventKind, *Kind])
def test_every_word_of_the_api_is_documented(word: str) -> None:
    assert f"`{word}`" in read("docs/api.md")


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(build_cli())
    return dict(group.commands)


@pytest.mark.parametrize("name", commands())
def test_every_command_is_documented(name: str) -> None:
    assert f"`fedray {name}" in read("docs/cli.md")


@pytest.mark.parametrize("name", commands())
def test_every_option_is_documented(name: str) -> None:
    text = read("docs/cli.md")
    for parameter in commands()[name].params:
        for option in parameter.opts:
            assert not option.startswith("--") or f"`{option}" in text or f"{option} " in text, option


def test_every_exit_code_is_documented_in_the_words_of_the_code() -> None:
    for code in ExitCode:
        assert f"| {code.value} | {code.meaning} |" in read("docs/cli.md")


def all_errors() -> list[type[FedrayError]]:
    kinds = [getattr(errors, name) for name in errors.__all__]
    return [kind for kind in kinds if isinstance(kind, type)]


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_is_explained_with_its_status(kind: type[FedrayError]) -> None:
    from serve_api.replies import status_of

    assert f"| `{kind.__name__}` | {status_of(kind(''))} |" in read("docs/troubleshooting.md")


@pytest.mark.parametrize("kind", Kind)
def test_every_reveal_is_in_the_security_document(kind: Kind) -> None:
    trains = kind is Kind.SHARED_NN
    for reveal in reveals_of(kind, parity=trains, public_masks=trains, p_values=trains):
        assert f"`{reveal.tag}`" in read("docs/security.md")


@pytest.mark.parametrize("file", DOCS, ids=lambda file: file.name)
def test_links_lead_to_files(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", file.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (file.parent / target).is_file(), target


@pytest.mark.parametrize("file", DOCS, ids=lambda file: file.name)
def test_paths_that_are_named_exist(file: Path) -> None:
    for target in re.findall(r"`((?:tests|scripts|examples|docs|fedray|actors)/[\w./-]+)`", file.read_text("utf-8")):
        assert (ROOT / target).exists(), target


def test_the_changelog_has_a_place_for_what_is_new() -> None:
    assert "## [Unreleased]" in read("CHANGELOG.md")
