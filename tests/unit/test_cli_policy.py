"""`fedray policy`, on the party's own machine, without a server."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from serve_api.cli.exit_codes import CliError, ExitCode
from serve_api.cli.main import build_cli

TEXT = 'kinds = ["alignment", "predict"]\napprovals = "manual"\n[columns]\ndeny = ["*_id"]\n'


def run(*arguments: str) -> Result:
    return CliRunner().invoke(build_cli(), ["policy", *arguments])


def test_a_policy_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text(TEXT)
    assert run("check", str(tmp_path / "policy.toml")).stdout == "The policy can be used.\n"
    shown = {
        line.split()[0]: line.split()[1:] for line in run("show", str(tmp_path)).stdout.splitlines() if line.strip()
    }
    assert shown["kinds"] == ["alignment,", "predict"]
    assert shown["approvals"] == ["manual"]
    assert shown["columns.deny"] == ["*_id"]
    assert shown["columns.allow"] == shown["max_predictions_a_day"] == ["not", "limited"]
    rules = json.loads(run("show", str(tmp_path), "--json").stdout)["policy"]
    assert (rules["export"], rules["columns.deny"], len(rules["sha256"])) == (False, ["*_id"], 64)


def test_what_is_wrong_is_said_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("# mine\nkind = []\n")
    for arguments in (("check", str(tmp_path / "policy.toml")), ("show", str(tmp_path))):
        error = run(*arguments).exception
        assert isinstance(error, CliError)
        assert error.code is ExitCode.USAGE
        assert "policy.toml: line 2: kind: unknown field, did you mean kinds?" in error.message


def test_without_a_file(tmp_path: Path) -> None:
    assert run("show", str(tmp_path)).stdout.startswith("No policy: ")
    assert json.loads(run("show", str(tmp_path), "--json").stdout) == {"policy": None}
    error = run("check", str(tmp_path / "policy.toml")).exception
    assert isinstance(error, CliError)
    assert "no such file" in error.message
