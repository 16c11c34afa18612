"""Which history and which models the demo takes, by its arguments and by `make`'s."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from oracle.errors import ConfigurationError
from oracle.sandbox.config import HistorySpec
from oracle.sandbox.demo.__main__ import main
from oracle.sandbox.demo.setting import generated_setting, replayed_setting
from oracle.sandbox.replay.spec import ReplaySpec
from oracle.scoring.bundle import load_bundle


def test_generated_setting__without_data__is_the_sandbox_bundle_on_the_generated_history() -> None:
    setting = generated_setting()

    assert setting.history == HistorySpec()
    assert not setting.is_replayed
    assert load_bundle(setting.bundle_folder, allow_sandbox=True).is_sandbox_only


def test_replayed_setting__with_data__is_a_real_bundle_on_the_recorded_vaults(tmp_path: Path) -> None:
    setting = replayed_setting(tmp_path, 30)

    assert setting.history == ReplaySpec(dataset=tmp_path, limit=30)
    assert setting.is_replayed
    assert not load_bundle(setting.bundle_folder, allow_sandbox=True).is_sandbox_only


def test_replayed_setting__folder_missing__says_which(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no data folder .*nothing"):
        replayed_setting(tmp_path / "nothing", None)


def test_main__data_folder_missing__is_one_line_and_code_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path / "nothing")]) == 1

    assert "there is no data folder" in capsys.readouterr().out


def test_main__limit_without_data__is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--limit", "5"])

    assert ended.value.code == 2
    assert "give --data too" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], ""),
        (["DATA=/some/where"], '--data "/some/where"'),
        (["DATA=/some/where", "LIMIT=9"], '--data "/some/where" --limit 9'),
    ],
)
def test_make_demo__with_and_without_data__takes_only_what_is_given(
    repository_root: Path, arguments: list[str], expected: str
) -> None:
    """`make train` has a default folder, and the demo must not take it."""
    said = subprocess.run(
        ["make", "-n", "demo", *arguments], cwd=repository_root, env={"PATH": "/usr/bin:/bin"}, capture_output=True,
        text=True, check=True,
    ).stdout  # fmt: skip

    command = next(line for line in said.splitlines() if "oracle.sandbox.demo" in line)
    assert command.split("oracle.sandbox.demo")[1].strip() == expected
