"""Every function that talks states cost, leakage and source, and every source is in the table of docs/protocols.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")
TALKING = {"Session", "Round", "Channel", "PartyContext"}
LINES = ("Cost", "Leaks", "Ref")
HEADINGS = {int(number) for number in re.findall(r"^## (\d+)\. ", PAGE, re.MULTILINE)}
KEYS = {line.split("|")[1].strip() for line in PAGE.split("## References")[1].splitlines() if line.startswith("| ")}


@dataclass(frozen=True)
class Function:
    """A public function or method."""

    name: str
    doc: str
    talks: bool


def functions(package: str) -> list[Function]:
    return [
        Function(f"{path.stem}.{node.name}", ast.get_docstring(node) or "", _talks(node))
        for path in sorted((ROOT / "fedray" / package).glob("*.py"))
        for node in _public(ast.parse(path.read_text(encoding="utf-8")))
    ]


def _public(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.startswith("_"):
            continue
        if isinstance(node, ast.FunctionDef):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _public(node)


def _talks(node: ast.FunctionDef) -> bool:
    """Say whether a function is given somebody to talk to, and does not say that it is local."""
    given = {ast.unparse(argument.annotation) for argument in node.args.args if argument.annotation}
    return bool(given & TALKING) and "; local" not in (ast.get_docstring(node) or "")


def line(doc: str, name: str) -> str:
    """Return the text of one of the fixed lines, continuations included."""
    found = re.search(rf"^{name}: (.+(?:\n(?!\w+: |\n).+)*)", doc, re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""


def all_functions() -> list[Function]:
    return [
        function for package in ("mpc", "psi", "ml", "trees", "features", "parties") for function in functions(package)
    ]


TALKERS = [
    function for package in ("mpc", "psi", "trees", "features") for function in functions(package) if function.talks
]
WITH_REF = [function for function in all_functions() if line(function.doc, "Ref")]


def test_the_search_finds_them() -> None:
    names = {function.name for function in TALKERS}
    assert {"beaver.mul", "trunc.trunc", "private.send_residual", "waves.open_masked", "dealer.deal"} <= names
    assert {"session.reveal", "network.test", "first_layer.update"} <= {function.name for function in WITH_REF}
    assert len(HEADINGS) >= 11
    assert len(KEYS) >= 9


@pytest.mark.parametrize("function", TALKERS, ids=lambda function: function.name)
def test_who_talks_states_cost_leakage_and_source(function: Function) -> None:
    for name in LINES:
        assert line(function.doc, name), f"{function.name} has no line {name}"


@pytest.mark.parametrize("function", WITH_REF, ids=lambda function: function.name)
def test_who_states_a_source_states_all_three(function: Function) -> None:
    for name in LINES:
        assert line(function.doc, name), f"{function.name} has no line {name}"


@pytest.mark.parametrize("function", WITH_REF, ids=lambda function: function.name)
def test_every_source_is_in_the_table(function: Function) -> None:
    text = line(function.doc, "Ref")
    cited = set(re.findall(r"\[(\w+)\]", text))
    sections = {
        int(number) for part in re.findall(r"sections? ([\d, and]+)", text) for number in re.findall(r"\d+", part)
    }
    if text.startswith("protocols"):
        cited.add("protocols")
        assert sections
    elif text.startswith("design"):
        cited.add("design")
    assert cited, f"{function.name}: no key in {text!r}"
    assert cited <= KEYS
    assert sections <= HEADINGS


def test_every_key_is_cited_somewhere() -> None:
    text = " ".join(path.read_text(encoding="utf-8") for path in (ROOT / "fedray").rglob("*.py"))
    for key in KEYS - {"key", "---"}:
        assert f"[{key}" in text or f", {key}]" in text or f"Ref: {key}" in text, key


def test_files_that_the_page_names_are_there() -> None:
    named = re.findall(r"`(fedray/[\w/.]+)`", PAGE)
    assert len(named) >= 9
    for name in named:
        assert (ROOT / name).exists(), name
