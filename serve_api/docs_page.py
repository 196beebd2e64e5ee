"""The page at ``/docs``: the OpenAPI document as plain HTML, without scripts or anything from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

__all__ = ["docs_page"]

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2733}"
    "h2{margin-top:2.5rem;border-bottom:1px solid #d5dbe3}section{margin:1.5rem 0}"
    "h3{font:600 1rem ui-monospace,monospace;margin-bottom:.2rem}h3 b{color:#0b6bcb}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0}"
    "td,th{text-align:left;vertical-align:top;padding:.25rem .6rem;border:1px solid #d5dbe3}"
    "code,pre{font-family:ui-monospace,monospace;font-size:.9em}pre{background:#f4f6f9;padding:.6rem;overflow:auto}"
)

Json = Mapping[str, Any]


def docs_page(openapi: Json, root: str = "") -> str:
    """Return an HTML page with every route, parameter, reply and schema of an OpenAPI document.

    Parameters
    ----------
    openapi
        The document, as FastAPI makes it.
    root
        The path below which the application is mounted, or "".
    """
    info = openapi["info"]
    title = escape(f"{info['title']} {info['version']}")
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>',
            f"<h1>{title}</h1><p>{escape(info.get('description', ''))}</p>",
            f'<p>Machine-readable: <a href="{escape(root)}/openapi.json">openapi.json</a></p>',
            *_routes(openapi["paths"]),
            "<h2>Schemas</h2>",
            *_schemas(openapi.get("components", {}).get("schemas", {})),
            "</body></html>",
        ]
    )


def _routes(paths: Json) -> Iterator[str]:
    last = ""
    for path, methods in paths.items():
        for method, route in methods.items():
            tag = ", ".join(route.get("tags", ()))
            if tag != last:
                yield f"<h2>{escape(tag)}</h2>"
                last = tag
            yield "<section>"
            yield f"<h3><b>{escape(method.upper())}</b> {escape(path)}</h3>"
            yield f"<p>{escape(route.get('description') or route.get('summary', ''))}</p>"
            yield from _parameters(route.get("parameters", ()))
            yield from _body(route.get("requestBody"))
            yield from _replies(route["responses"])
            yield "</section>"


def _parameters(parameters: Any) -> Iterator[str]:
    rows = [
        (
            part["name"],
            part["in"] + (", required" if part.get("required") else ""),
            _type(part.get("schema", {})),
            part.get("description", "") or part.get("schema", {}).get("description", ""),
        )
        for part in parameters
    ]
    if rows:
        yield from _table(("parameter", "in", "type", "meaning"), rows)


def _body(body: Json | None) -> Iterator[str]:
    if body:
        yield f"<p>Body: {escape(body.get('description', ''))}</p>"
        for kind, content in body.get("content", {}).items():
            shown = json.dumps(content.get("schema", {}), indent=2, ensure_ascii=False)
            yield f"<p><code>{escape(kind)}</code></p><pre>{escape(shown)}</pre>"


def _replies(responses: Json) -> Iterator[str]:
    rows = [
        (
            status,
            reply.get("description", ""),
            ", ".join(_type(content.get("schema", {})) for content in reply.get("content", {}).values()),
        )
        for status, reply in responses.items()
    ]
    yield from _table(("status", "meaning", "body"), rows)


def _schemas(schemas: Json) -> Iterator[str]:
    for name, schema in sorted(schemas.items()):
        yield f'<section id="{escape(name)}"><h3>{escape(name)}</h3><p>{escape(schema.get("description", ""))}</p>'
        rows = [
            (field, _type(part), part.get("description", "")) for field, part in schema.get("properties", {}).items()
        ]
        if rows:
            yield from _table(("field", "type", "meaning"), rows)
        yield "</section>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "<table><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>"
    for row in rows:
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
    yield "</table>"


def _type(schema: Any) -> str:
    """Return a schema in words: the name of what it refers to, or its type with its choices and items."""
    if not isinstance(schema, Mapping):
        return ""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {})) or 'anything'}"
    return str(schema.get("type", "anything"))
