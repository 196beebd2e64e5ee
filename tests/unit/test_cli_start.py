"""How the command starts: fast, documented, with exit codes that keep their meaning."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from serve_api.cli import main as command
from serve_api.cli.exit_codes import CliError, ExitCode, exit_codes_help


def fedray(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serve_api.cli", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_heavy_packages_wait() -> None:
    heavy = (
        "ray",
        "pandas",
        "numba",
        "numpy",
        "sklearn",
        "pyarrow",
        "sqlalchemy",
        "fastapi",
        "httpx",
        "rich",
        "pydantic",
    )
    code = f"import sys, serve_api.cli.main; print(*(name for name in {heavy} if name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == ""


def test_a_client_command_needs_no_ray_and_no_numbers() -> None:
    code = (
        "import sys\nfrom serve_api.cli.main import main\n"
        "sys.argv = ['fedray', '--server', 'http://127.0.0.1:1', 'tasks']\n"
        "try: main()\nexcept SystemExit as end: print(end.code)\n"
        "print(*(name for name in ('ray', 'pandas', 'numba', 'numpy', 'sqlalchemy') if name in sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == ["4"]


def test_version() -> None:
    done = fedray("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, version("fedray") + "\n", "")


def test_help_names_commands_and_exit_codes() -> None:
    done = fedray("--help")
    assert done.returncode == 0
    for name in ("submit", "start", "watch", "status", "record", "report", "tasks", "parties", "cancel"):
        assert f"\n  {name} " in done.stdout
    for code in ExitCode:
        assert f"{code.value:>3}  {code.meaning}" in done.stdout
    assert "FEDRAY_SERVER" in done.stdout


@pytest.mark.parametrize(
    "name", ["submit", "start", "watch", "status", "record", "report", "tasks", "parties", "cancel"]
)
def test_every_command_has_json_and_server(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.build_cli()([name, "--help"], prog_name="fedray")
    assert end.value.code == 0
    text = capsys.readouterr().out
    assert "--json" in text
    assert "--server" in text


@pytest.mark.parametrize(
    "arguments", [["nothing"], ["status"], ["tasks", "--limit", "x"], ["tasks", "--limit", "0"], []]
)
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        command.build_cli()(arguments, prog_name="fedray")
    assert end.value.code == ExitCode.USAGE
    assert capsys.readouterr().err


def test_numbers_are_for_ever() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "TASK_FAILED": 1,
        "USAGE": 2,
        "REFUSED": 3,
        "UNREACHABLE": 4,
        "TASK_CANCELLED": 5,
        "AUDIT_BROKEN": 6,
        "UNFIT": 7,
        "INTERRUPTED": 130,
    }
    assert len(exit_codes_help().splitlines()) == len(ExitCode)


def test_errors_carry_a_code() -> None:
    assert CliError("x").code is ExitCode.REFUSED
    assert CliError("x", ExitCode.USAGE).code is ExitCode.USAGE
