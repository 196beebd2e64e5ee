"""hosts.toml, and what `fedray cluster` makes for the hosts of a cluster."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from fedray.errors import DataError, PlacementError, SpecError
from serve_api.cli.main import build_cli
from serve_api.cluster_secrets import ClusterFile, write_secrets
from serve_api.hosts import Hosts, is_mine

CHECKOUT = Path(__file__).resolve().parents[2]
CLUSTER = """
provider: {type: local, head_ip: 10.0.0.1, worker_ips: [10.0.0.2]}
file_mounts: {~/fedray/secrets: here/secrets, ~/fedray/hosts.toml: hosts.toml}
"""


def hosts_file(folder: Path, text: str) -> Path:
    path = folder / "hosts.toml"
    path.write_text(text)
    return path


def test_a_host_finds_its_own_line(tmp_path: Path) -> None:
    hosts = Hosts.from_toml(
        hosts_file(tmp_path, '[hosts]\n"10.0.0.1" = ["party_dealer", "party_main"]\n"::1" = {party_bank = 2}\n')
    )
    assert hosts.here(lambda address: address == "::1") == "::1"
    assert hosts.offers == {"10.0.0.1": {"party_dealer": 1, "party_main": 1}, "::1": {"party_bank": 2}}


@pytest.mark.parametrize(("mine", "said"), [((), "none of 10.0.0.1, 10.0.0.2 is"), (("10.0.0.1", "10.0.0.2"), "are")])
def test_a_host_without_exactly_one_line_is_refused(mine: tuple[str, ...], said: str) -> None:
    hosts = Hosts({"10.0.0.1": {"party_a": 1}, "10.0.0.2": {"party_b": 1}})
    with pytest.raises(PlacementError, match=said):
        hosts.here(lambda address: address in mine)


def test_an_address_is_mine_if_one_can_listen_there() -> None:
    assert is_mine("127.0.0.1")
    assert not is_mine("192.0.2.1")  # of no machine: for documentation


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"expected a table \[hosts\]"),
        ("[hosts]\nx = ]", "expected TOML"),
        ('[hosts]\nbank = ["party_bank"]', "hosts.'bank': expected an IP address"),
        ('[hosts]\n"10.0.0.1" = "party_bank"', "expected a list of resources"),
        ('[hosts]\n"10.0.0.1" = {bank = 2}', "got 'bank'; resources of parties begin with party_"),
        ('[hosts]\n"10.0.0.1" = {party_bank = 0}', "from 1 to 1000, got '0'; the host that has the party's data"),
        ('[hosts]\n"10.0.0.1" = {party_bank = true}', "expected a whole number from 1 to 1000, got 'True'"),
        ('[hosts]\n"10.0.0.1" = ["bank"]', "got 'bank'; resources of parties begin with party_"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        Hosts.from_toml(hosts_file(tmp_path, text))


def test_the_repositorys_own_files_agree() -> None:
    cluster = ClusterFile.read(CHECKOUT / "cluster.yaml")
    assert len(cluster.addresses) == 4


def test_secrets_are_for_all_hosts_and_for_nobody_else_to_read(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    write_secrets(folder, ["10.0.0.1", "10.0.0.2"])
    files = {path.name: path for path in folder.iterdir()}
    assert files.keys() == {"auth_token", "ca.pem", "host.pem", "host.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}
    authority, host = (x509.load_pem_x509_certificate(files[name].read_bytes()) for name in ("ca.pem", "host.pem"))
    host.verify_directly_issued_by(authority)
    names = host.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(place) for place in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "10.0.0.2", "127.0.0.1"]
    assert len(files["auth_token"].read_text()) == 64


def test_secrets_are_replaced_only_when_it_is_typed(tmp_path: Path) -> None:
    write_secrets(tmp_path, ["10.0.0.1"])
    first = (tmp_path / "auth_token").read_text()
    with pytest.raises(DataError, match="there are secrets already"):
        write_secrets(tmp_path, ["10.0.0.1"])
    write_secrets(tmp_path, ["10.0.0.1"], replace=True)
    assert (tmp_path / "auth_token").read_text() != first


@pytest.mark.parametrize(
    ("cluster", "hosts", "said"),
    [
        (CLUSTER, '[hosts]\n"10.0.0.1" = ["party_a"]\n', "10.0.0.2: expected a line in hosts.toml too"),
        (
            CLUSTER.replace("[10.0.0.2]", "[]"),
            '[hosts]\n"10.0.0.1" = ["party_a"]\n"10.0.0.9" = ["party_b"]\n',
            "hosts.toml: 10.0.0.9: expected an address of cluster.yaml",
        ),
        (CLUSTER.replace("local", "aws"), "", "expected type local"),
        (CLUSTER.replace("~/fedray/secrets", "~/other"), "", "expected an entry for ~/fedray/secrets"),
        ("[", "", "expected YAML"),
    ],
)
def test_a_wrong_cluster_file_is_refused(tmp_path: Path, cluster: str, hosts: str, said: str) -> None:
    hosts_file(tmp_path, hosts)
    (tmp_path / "cluster.yaml").write_text(cluster)
    with pytest.raises(SpecError, match=said):
        ClusterFile.read(tmp_path / "cluster.yaml")


def test_the_commands(tmp_path: Path) -> None:
    run, cli = CliRunner(), build_cli()
    path = hosts_file(tmp_path, '[hosts]\n"127.0.0.1" = ["party_a", "party_b"]\n"192.0.2.1" = ["party_c"]\n')
    assert run.invoke(cli, ["cluster", "address", str(path)]).output == "127.0.0.1\n"
    assert json.loads(run.invoke(cli, ["cluster", "offers", str(path)]).output) == {"party_a": 1, "party_b": 1}
    path.write_text('[hosts]\n"10.0.0.1" = ["party_a"]\n"10.0.0.2" = ["party_b"]\n')
    (tmp_path / "cluster.yaml").write_text(CLUSTER)
    done = run.invoke(cli, ["cluster", "secrets", str(tmp_path / "cluster.yaml")])
    assert done.exit_code == 0
    assert "2 hosts" in done.output
    assert (tmp_path / "here" / "secrets" / "auth_token").is_file()
