"""`fedray demo`: three tables, a server of its own, an alignment, a training, and what came of them."""

from __future__ import annotations

import json
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final, NoReturn

import typer

from serve_api.cli.client import Server, task_path
from serve_api.cli.demo_server import running_server
from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.options import JsonOption
from serve_api.cli.progress import size_text
from serve_api.cli.report import print_leakage
from serve_api.cli.screen import print_json
from serve_api.cli.watch import STEADY, follow, watch
from serve_api.trust import LAB_NOTICE

__all__ = ["demo"]

Json = dict[str, Any]
ALIGN, TRAIN = "demo-align", "demo-train"
REGISTRY: Final = "fedray.toml"
_TERMINATED: Final = 128 + signal.SIGTERM


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep the demo's folder, tables and task files in it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Align and train on a sample table cut among three parties, and compare with the same training in clear."""
    started = time.monotonic()
    with _ended_cleanly(), _folder(keep, as_json) as folder:
        common = _make_tables(folder, as_json)
        _say(as_json, "Starting a server of the demo's own ...")
        with running_server(folder / "server", folder / REGISTRY) as url, Server(url) as api:
            _say(as_json, f"It listens on {url}.\n")
            reports = {name: _run(api, folder, name, as_json) for name in (ALIGN, TRAIN)}
        result = _result(folder, reports, common)
        result["seconds"]["demo"] = time.monotonic() - started
    if as_json:
        print_json(result)
    else:
        _print(result)


def _make_tables(folder: Path, as_json: bool) -> int:
    """Write every party's table into its own root, the registry and the task files; return the common people."""
    from fedray.data import sample

    roots = {name: folder / name for name in (*sample.PARTIES, *sample.HELPERS)}
    common = sample.write_tables({name: roots[name] / "raw" for name in sample.PARTIES})
    (folder / REGISTRY).write_text(sample.registry_toml(roots, "party_local"), encoding="utf-8")
    documents = {ALIGN: sample.alignment_task(ALIGN), TRAIN: sample.training_task(TRAIN, seed=7)}
    for name, document in documents.items():
        _task_file(folder, name).write_text(json.dumps(document, indent=2), encoding="utf-8")
    names = ", ".join(f"{name} ({party.file})" for name, party in sample.PARTIES.items())
    _say(as_json, f"Breast cancer table of scikit-learn, cut among {names}: {common} people in common.")
    return common


def _task_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _run(api: Server, folder: Path, name: str, as_json: bool) -> Json:
    """Create and start a task by HTTP, show its progress, return its report."""
    _say(as_json, f"Task {name}:")
    api.post("/tasks", _task_file(folder, name).read_bytes(), {"start": "true"})
    if as_json:
        for task, _ in follow(api, name, STEADY):
            status = task["status"]
        ended = ExitCode.OK if status == "finished" else ExitCode.TASK_FAILED
    else:
        ended = watch(api, name, as_json=False)
    if ended is not ExitCode.OK:
        error = api.get(task_path(name)).get("error") or {}
        raise CliError(f"the demo's task {name} failed: {error.get('message', 'no reason given')}", ended)
    _say(as_json, "")
    return api.get(task_path(name, "report"))


def _result(folder: Path, reports: dict[str, Json], common: int) -> Json:
    from fedray.data import sample

    trained = reports[TRAIN]
    folders = {name: folder / name / "generated" / party.folder for name, party in sample.PARTIES.items()}
    return {
        "rows": {"common": common, **reports[ALIGN]["result"]},
        "auc": {
            "shared": trained["result"]["metrics"]["auc"],
            "same_training_in_clear": _auc_in_clear(folder),
            "scikit_learn": sample.plain_auc(folders),
        },
        "leakage": {name: report["leakage"] for name, report in reports.items()},
        "cost": {name: report["cost"]["total"] for name, report in reports.items()},
        "seconds": {name: report["seconds"]["total"] for name, report in reports.items()},
        "trust_mode": trained["trust_mode"],
    }


def _auc_in_clear(folder: Path) -> float:
    """Train in float64 on the same batches; the demo may, because it made all the tables."""
    from fedray.data.root import DataRoot
    from fedray.ml.metrics import evaluate
    from fedray.parties.oracle import insecure_oracle
    from fedray.task.plan import make_plan
    from fedray.task.registry import Registry
    from fedray.task.spec import parse_text

    registry = Registry.from_toml(folder / REGISTRY)
    plan = make_plan(parse_text(_task_file(folder, TRAIN).read_bytes()), registry, seed="")
    roots = {member.index: DataRoot(folder / member.party.name) for member in plan.data}
    oracle, design, labels = insecure_oracle(plan, roots)
    oracle.train(design.steps)
    return evaluate("auc", labels, oracle.predict())["auc"]


def _print(result: Json) -> None:
    rows, auc = result["rows"], result["auc"]
    typer.echo(f"Rows: {rows['common']} in common, {rows['n_train']} to train, {rows['n_test']} to test")
    typer.echo(f"Test AUC, trained on shares:              {auc['shared']:.6f}")
    typer.echo(f"Test AUC, the same training in clear:     {auc['same_training_in_clear']:.6f}")
    typer.echo(f"Test AUC, scikit-learn, until it settles: {auc['scikit_learn']:.6f}\n")
    for name, leakage in result["leakage"].items():
        typer.echo(f"{name}: who learned what")
        print_leakage(leakage)
    for name, cost in result["cost"].items():
        size = size_text(cost["bytes"])
        typer.echo(f"{name}: {result['seconds'][name]:.1f} s, {cost['rounds']} rounds, {size} sent")
    typer.echo(f"The whole demo: {result['seconds']['demo']:.1f} s")
    typer.echo(LAB_NOTICE)


@contextmanager
def _folder(keep: bool, as_json: bool) -> Iterator[Path]:
    """Give a folder that only this user can read, and remove it in the end."""
    folder = Path(tempfile.mkdtemp(prefix="fedray-"))
    try:
        yield folder
    finally:
        if keep:
            typer.echo(
                f"Kept: {folder} (a folder for each party: raw tables in raw, aligned ones in generated)", err=as_json
            )
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """Let SIGTERM run the same clean-up as Ctrl-C."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  Python passes both
        raise SystemExit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(as_json: bool, text: str) -> None:
    """Tell a person; with --json nothing but the document may be written."""
    if not as_json:
        typer.echo(text)
