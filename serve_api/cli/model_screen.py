"""How the commands print models."""

from __future__ import annotations

from typing import Any

import typer

from serve_api.cli.screen import in_six_digits, print_table, when

__all__ = ["print_model", "print_models"]

Json = dict[str, Any]


def print_models(page: Json) -> None:
    """Print a page of models."""
    rows = [
        (
            found["model"],
            found["kind"],
            when(found.get("trained_at")),
            _numbers(found.get("metrics")),
            ", ".join(found.get("tags", ())),
            ", ".join(str(member.get("party")) for member in found.get("members", ())),
        )
        for found in page["models"]
    ]
    print_table("", ("model", "kind", "trained", "metrics", "tags", "parties"), rows)
    typer.echo(f"{len(rows)} of {page['total']} models")


def print_model(model: Json) -> None:
    """Print one model."""
    rows = [
        ("model", model["model"]),
        ("kind", model["kind"]),
        ("created", when(model.get("created_at"))),
        ("trained", when(model.get("trained_at"))),
        ("batches", model.get("n_batches")),
        ("loss", *in_six_digits([model.get("loss")])),
        ("metrics", _numbers(model.get("metrics"))),
        ("tags", ", ".join(model.get("tags", ()))),
        ("deleted", when(model.get("deleted_at"))),
        ("can predict", "yes" if model.get("predicts") else "no"),
    ]
    print_table("", ("field", "value"), [row for row in rows if row[1] not in (None, "")])
    members = [(part.get("index"), part.get("role"), part.get("party")) for part in model.get("members", ())]
    print_table("clients with a part", ("client", "role", "party"), members)
    receipts = [(part.get("index"), part.get("party"), part.get("digest")) for part in model.get("receipts", ())]
    if receipts:
        print_table("deleted", ("client", "party", "digest of its shares"), receipts)
    print_table("settings", ("field", "value"), list(model.get("parameters", {}).items()))


def _numbers(metrics: object) -> str:
    if not isinstance(metrics, dict):
        return ""
    return ", ".join(f"{name} {value}" for name, value in zip(metrics, in_six_digits([*metrics.values()]), strict=True))
