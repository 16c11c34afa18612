"""One folder, one world: a second one would overwrite `world.json` with its own ports."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from oracle.errors import SandboxBusyError
from oracle.sandbox import run_lock
from oracle.sandbox.commands import app


def test_hold__another_holds_it__names_its_process_and_leaves_its_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with run_lock.hold(path, "world"):
        with pytest.raises(SandboxBusyError, match=rf"another world is running in .* \(process {os.getpid()}\)"):
            run_lock.hold(path, "world")
        assert path.read_text() == str(os.getpid())


def test_hold__released__is_free_again(tmp_path: Path) -> None:
    run_lock.hold(tmp_path / "lock", "world").close()

    run_lock.hold(tmp_path / "lock", "world").close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["up", "--ports", "99999", "0"], "99999 is no port"),
        (["up", "--ports", "0", "-1"], "-1 is no port"),
        (["up", "--interval", "-1"], "--interval"),
        (["replay", "--dataset", ".", "--limit", "0"], "--limit"),
    ],
)
def test_commands__number_out_of_range__usage_error_names_it(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})

    assert result.exit_code == 2
    assert words in result.output


def test_replay__dataset_is_a_file__is_said(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")

    result = CliRunner().invoke(app, ["replay", "--dataset", str(path)], env={"COLUMNS": "200"})

    assert result.exit_code == 1
    assert "is no folder" in result.output
