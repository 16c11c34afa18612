"""The command's own promises; what it does on chains is in `tests/integration/test_deployment.py`."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

from oracle.node.deployment.commands import deploy
from tests.architecture.source_tree import ROOT


def test_deploy__default_folder__is_the_one_that_the_forge_script_writes() -> None:
    """The script carries out the plan that this command wrote, and forge lets it into no other folder."""
    foundry = tomllib.loads((ROOT / "foundry.toml").read_text(encoding="utf-8"))
    writable = [
        Path(entry["path"])
        for entry in foundry["profile"]["default"]["fs_permissions"]
        if entry["access"] == "read-write"
    ]

    default = inspect.signature(deploy).parameters["out"].default

    assert writable == [default]
