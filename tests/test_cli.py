"""The `assay` command itself: every command is there with the core alone."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), ("verify", "score", "export", "what-if", "node", "model", "snapshot", "sandbox")),
        (("node",), ("init", "check", "run", "committee", "migrate")),
        (("snapshot",), ("export", "import")),
        (("model",), ("report",)),
        (("sandbox",), ("up",)),
        (("contracts",), ("deploy",)),
    ],
)
def test_help__of_each_level__names_its_commands(arguments: tuple[str, ...], named: tuple[str, ...]) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "oracle.cli", *arguments, "--help"], capture_output=True, text=True, check=True
    )

    assert [command for command in named if command not in shown.stdout] == []


def test_verify__wrong_config__is_one_line_and_code_one() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "oracle.cli", "verify", "--config", "absent.toml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 1
    assert "assay node init" in finished.stderr
    assert "Traceback" not in finished.stderr
