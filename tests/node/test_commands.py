"""`assay node ...` as an operator meets it: exit codes, and one line that says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from oracle.node.commands import app
from oracle.node.committee_file import write_committee
from oracle.node.settings import load_settings
from oracle.node.templates import ChainText
from oracle.sandbox.manifest import WorldManifest
from oracle.signing import keystore
from oracle.storage.engine import open_database
from tests.node.committee import SECRETS, released_config
from tests.node.test_settings import ADDRESS, config_text

CHEAP_SCRYPT = 4_096
runner = CliRunner()


@pytest.fixture
def member(tmp_path: Path) -> Path:
    """Return the config of member 0, complete but for running chains."""
    write_committee(released_config(), tmp_path / "committee.json")
    keystore.create(tmp_path / "keystore.json", "open sesame", secret=SECRETS[0], scrypt_cost=CHEAP_SCRYPT)
    (tmp_path / "password").write_text("open sesame\n")
    chains = [
        ChainText(chain_id=chain.chain_id, rpc_urls=("http://127.0.0.1:1", "http://127.0.0.1:2"), risk_oracle=ADDRESS)
        for chain in released_config().params.chains
    ]
    (tmp_path / "node.toml").write_text(config_text(chains=chains, peers={}).render())
    return tmp_path / "node.toml"


def run(*arguments: str) -> tuple[int, str]:
    result = runner.invoke(app, list(arguments))
    return result.exit_code, result.output


def test_init__new_folder__makes_a_keystore_and_a_config_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_KEYSTORE_PASSWORD", "open sesame")
    arguments = ("init", "--directory", str(tmp_path / "mine"))

    first, second = run(*arguments), run(*arguments)

    assert first[0] == 0
    assert (tmp_path / "mine" / "keystore.json").exists()
    assert second[0] == 1
    assert "exists already" in second[1]
    assert "sesame" not in first[1] + second[1]


def test_init__password_file_in_the_folder__opens_what_run_will_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASSAY_KEYSTORE_PASSWORD", raising=False)
    (tmp_path / "password").write_text("open sesame\n")

    code, output = run("init", "--directory", str(tmp_path))
    settings = load_settings(tmp_path / "node.toml")

    assert code == 0, output
    assert keystore.load(settings.keystore, settings.read_password()).address.hex() in output


def test_init__password_on_the_command_line__is_wrong_usage(tmp_path: Path) -> None:
    assert run("init", "--directory", str(tmp_path), "--password", "open sesame")[0] == 2
    assert list(tmp_path.iterdir()) == []


def test_init__world_that_is_missing_or_none__is_one_line(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("{}")

    missing = run("init", "--world", str(tmp_path), "--directory", str(tmp_path / "c"))
    other = run("init", "--world", str(tmp_path / "other.json"), "--directory", str(tmp_path / "c"))

    assert (missing[0], other[0]) == (1, 1)
    assert f"error world {tmp_path / 'world.json'}: No such file" in missing[1]
    assert "is not a world.json of this release" in other[1]
    assert not (tmp_path / "c").exists()


def test_init__world_into_a_folder_with_a_committee__changes_nothing(tmp_path: Path) -> None:
    WorldManifest(seed=1, world_key="k", chains=(), accounts=(), borrowers=(), activity=()).write(
        tmp_path / "world.json"
    )
    (tmp_path / "node-1").mkdir()
    (tmp_path / "node-1" / "node.toml").write_text("mine")

    code, output = run("init", "--world", str(tmp_path), "--directory", str(tmp_path))

    assert code == 1
    assert f"{tmp_path / 'node-1' / 'node.toml'} exists already" in output
    assert not (tmp_path / "committee.json").exists()


def test_run__wrong_password__says_so_and_leaves_with_one(member: Path) -> None:
    (member.parent / "password").write_text("wrong\n")

    code, output = run("run", "--config", str(member))

    assert code == 1
    assert "does not open it" in output or "bundle" in output


def test_check__config_missing__says_which_command_makes_one(tmp_path: Path) -> None:
    code, output = run("check", "--config", str(tmp_path / "absent.toml"))

    assert code == 1
    assert "assay node init" in output


def test_run__fault_outside_the_sandbox__is_refused(member: Path) -> None:
    member.write_text(member.read_text().replace('profile = "sandbox"', 'profile = "mainnet"'))

    code, output = run("run", "--config", str(member), "--fault", "lie-score")

    assert code == 1
    assert "sandbox only" in output


def test_run__unknown_fault__is_wrong_usage(member: Path) -> None:
    assert run("run", "--config", str(member), "--fault", "sleep")[0] == 2


def test_committee__good_file__prints_its_digest(member: Path) -> None:
    code, output = run("committee", str(member.parent / "committee.json"))

    assert code == 0
    assert "0x2eaaf62ff484605c71801ee4dd8e96ae405af61b370d5bb113a1c0d34addd204" in output
    assert "paramsHash 0x68859d6e69bf4eeab1962fa1c09b57a55ef0d6927ab89c3aa92f8ec621fdd40c" in output


def test_migrate__present_schema__changes_nothing(member: Path) -> None:
    open_database(member.parent / "node.db").close()

    assert run("migrate", "--config", str(member)) == (0, "schema 1 -> 1\n")
